"""How strange an input looks to all layers of a module, compared with clean examples."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor, nn

from unfooled.core.errors import ModelError
from unfooled.core.inside import watched
from unfooled.core.seeds import Draws
from unfooled.defences.training.schedule import Pupils

from .guard import TOGETHER, Learnt, Look

MOST = 10_000
"""Clean examples that are learnt from, at most."""

_WATCHED = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)


class Density(Protocol):
    """Tells how far features of one layer are from those of clean examples."""

    @property
    def kept(self) -> int:
        """How many tensors it learns."""
        ...

    def learn(self, features: Tensor, y: Tensor) -> tuple[Tensor, ...]:
        """Learn from features (m, d) float64 with labels (m,), whose order is a lot; gives what it keeps."""
        ...

    def strange(self, features: Tensor, kept: list[Tensor]) -> Tensor:
        """Measure features (n, d), (n,)."""
        ...


class Layerwise(nn.Module):
    """Adds up over layers how strange an input looks there, in standard deviations of clean examples; see `Gauge`.

    Layers are all convolutions and linear layers, by what they give, averaged over space.
    """

    def __init__(self, density: Density) -> None:
        super().__init__()
        self.density, self.learnt = density, Learnt()

    def learn(self, module: nn.Module, learnt: Pupils) -> None:
        """Learn each layer's features from one half of the examples, and their usual strangeness from the other."""
        lots = Draws.of(0, "detector").uniform((), learnt.x.ids, "order")
        x, y = learnt.rows(lots.argsort()[:MOST])
        passes = [_looked(module, x.values[start : start + TOGETHER])[1] for start in range(0, len(x), TOGETHER)]
        half, kept = len(x) // 2, []
        for layer in map(torch.cat, zip(*passes, strict=True)):
            found = self.density.learn(layer[:half].double(), y[:half])
            tensors = [one.to(layer) for one in found]
            usual = self.density.strange(layer[half:], tensors)
            kept += [*tensors, torch.stack([usual.mean(), usual.std().clamp(min=1e-6)])]
        self.learnt.hold(kept)

    def forward(self, module: nn.Module, values: Tensor) -> Look:
        """Measure, in standard deviations; an ordinary example has about 0."""
        scores, layers = _looked(module, values)
        held, each = self.learnt.held(), self.density.kept + 1
        strange = torch.zeros_like(scores[:, 0])
        for place, layer in enumerate(layers):
            *kept, usual = held[place * each : (place + 1) * each]
            strange = strange + (self.density.strange(layer, kept) - usual[0]) / usual[1]
        return Look(scores, strange)


def _looked(module: nn.Module, values: Tensor) -> tuple[Tensor, list[Tensor]]:
    """Give the scores of a module and what its layers gave, (n, d) each.

    Raises:
        ModelError: No layer gives one row an example.
    """
    parts = {name: part for name, part in module.named_modules() if isinstance(part, _WATCHED)}
    scores, calls = watched(lambda: module(values), parts)
    rows = [call for call in calls if len(call.answer) == len(values)]
    if not rows:
        raise ModelError(
            "A detector by layers finds none to look at", f"{len(parts)} linear layers and convolutions",
            "Choose feature-squeezing.",
        )  # fmt: skip
    return scores, [
        _averaged(call.answer, channels=-1 if isinstance(parts[call.name], nn.Linear) else 1) for call in rows
    ]


def _averaged(answer: Tensor, channels: int) -> Tensor:
    """Average over all axes but the first and the channels', (n, d)."""
    return answer.movedim(channels, 1).flatten(2).mean(dim=2) if answer.ndim > 2 else answer
