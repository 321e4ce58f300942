"""A module and what watches over it: inputs that look too strange get a class of their own."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol, cast

import torch
from torch import Tensor, nn

from unfooled.core.errors import InputError
from unfooled.defences.training.schedule import Pupils

TOGETHER = 256
"""Examples of a pass while a detector learns."""


class Look(NamedTuple):
    """What a module says to inputs, (n, k), and how strange they look, (n,)."""

    scores: Tensor
    strange: Tensor


class Gauge(Protocol):
    """Tells how strange inputs look; a module, so that what it has learnt is kept with the weights."""

    def learn(self, module: nn.Module, learnt: Pupils) -> None:
        """Learn what clean examples look like to a module."""
        ...

    def __call__(self, module: nn.Module, values: Tensor) -> Look:
        """Ask a module about inputs (n, ...) and look at them."""
        ...


class Guarded(nn.Module):
    """Gives the scores of a module (n, k) and one more, (n, k + 1): the highest exactly where an input is rejected.

    Args:
        module: It is asked, and is part of this one.
        gauge: Tells how strange inputs look to it; a module too.
        rate: Share of clean examples that may be rejected, above 0 to below 1.
    """

    limit: Tensor
    slope: Tensor

    def __init__(self, module: nn.Module, gauge: Gauge, rate: float) -> None:
        super().__init__()
        self.module, self.gauge, self.rate = module, gauge, rate
        self.register_buffer("limit", torch.tensor(torch.inf))
        self.register_buffer("slope", torch.tensor(1.0))

    def forward(self, values: Tensor) -> Tensor:
        """Give scores, (n, k + 1): the last is as far above the best other one as an input is beyond the limit."""
        scores, strange = self.gauge(self.module, values)
        rejected = scores.amax(dim=1) + (strange - self.limit) * self.slope
        return torch.cat([scores, rejected.unsqueeze(1)], dim=1)

    @torch.no_grad()
    def fit(self, learnt: Pupils, held: Pupils) -> None:
        """Learn from clean examples, and set the limit on others.

        A typical example is then as far from its rejection as from its second class: so attackers who climb margins
        heed both alike.

        Raises:
            InputError: There are too few others to speak of so low a rate.
        """
        self.gauge.learn(self.module, learnt)
        looks = [self.gauge(self.module, held.x.values[start : start + TOGETHER]) for start in _starts(held)]
        strange = torch.cat([look.strange for look in looks])
        self.limit.copy_(limit_for(strange, self.rate))
        first, second = torch.cat([look.scores for look in looks]).topk(2, dim=1).values.unbind(dim=1)
        self.slope.copy_((first - second).median() / (self.limit - strange.median()).clamp(min=1e-9))


def limit_for(strange: Tensor, rate: float) -> Tensor:
    """Give the limit beyond which a fresh clean example lies with a chance of at most `rate`, ().

    Args:
        strange: Of clean examples that nothing was learnt from, (n,).
        rate: Above 0 to below 1.

    Reference:
        Vovk, Gammerman and Shafer. Algorithmic learning in a random world. Springer, 2005, section 2.2: of n + 1
        exchangeable numbers, the last is the r-th smallest or less with a chance of r / (n + 1) at least.
        Differs from the book: nothing.

    Raises:
        InputError: So few examples cannot tell.
    """
    n = len(strange)
    rank = math.ceil((1 - rate) * (n + 1))
    if rank > n:
        raise InputError(
            f"Too few clean examples to keep false alarms below {rate:.2%}", f"{n}, where {math.ceil(1 / rate - 1)} do",
            f"Bring more, or allow rate={1 / (n + 1):.2g}.",
        )  # fmt: skip
    return strange.sort().values[rank - 1]


def check_rate(rate: float) -> None:
    """Check a rate of false alarms.

    Raises:
        InputError: It is no share of examples.
    """
    if not 0 < rate < 1:
        raise InputError("A rate of false alarms lies between 0 and 1", f"{rate:g}", "Give for example rate=0.05.")


class Learnt(nn.Module):
    """Tensors that were learnt, in order, whatever their number and shapes."""

    def hold(self, tensors: Sequence[Tensor]) -> None:
        """Keep tensors."""
        for place, tensor in enumerate(tensors):
            self.register_buffer(str(place), tensor)

    def held(self) -> list[Tensor]:
        """Give them back."""
        return list(self.buffers(recurse=False))


def make_room(module: nn.Module, weights: Mapping[str, Tensor]) -> None:
    """Let the detectors in a module hold as much as weights in a file bring for them."""
    for name, part in module.named_modules():
        if isinstance(part, Learnt):
            places = (key.rpartition(".") for key in weights)
            count = sum(home == name for home, _, _ in places)
            part.hold([torch.empty_like(weights[f"{name}.{place}"]) for place in range(count)])


def guard(module: nn.Module, gauge: nn.Module, rate: float) -> nn.Module:
    """Put a gauge over a module, in evaluation mode."""
    return Guarded(module, cast(Gauge, gauge), rate).eval()


def _starts(held: Pupils) -> range:
    return range(0, len(held), TOGETHER)
