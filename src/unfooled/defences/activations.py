"""Smooth activations in place of ReLU: an ingredient of adversarial training, and by itself no defence."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from torch import nn

from unfooled.core.errors import InputError

from .card import Card
from .swapping import swapped

SMOOTH: dict[str, Callable[[], nn.Module]] = {
    "silu": nn.SiLU,
    "gelu": nn.GELU,
    "softplus": lambda: nn.Softplus(beta=4),
    "elu": nn.ELU,
    "prelu": nn.PReLU,
}
"""What may take the place of a ReLU; Softplus is the one of slope 4 at zero, which keeps scores near the ReLU's."""


@dataclass(frozen=True)
class Activation:
    """Exchange every ReLU for another activation.

    Attributes:
        name: Of the activation, one of `SMOOTH`.

    Reference:
        Xie, Tan, Gong, Yuille and Le. Smooth adversarial training. 2020. https://arxiv.org/abs/2006.14536, section 4.
        Differs from the paper: weights are kept, so that swap alone, swap and training, and swap and adversarial
        training can be told apart.
    """

    name: str = "silu"
    card: ClassVar[Card] = Card(
        "activation", "F", "Xie et al., 2020: a gain within adversarial training; alone, none", ignorant="transfer"
    )

    def __post_init__(self) -> None:
        if self.name not in SMOOTH:
            raise InputError("There is no such activation", repr(self.name), f"Choose one of {', '.join(SMOOTH)}.")

    def __call__(self, module: nn.Module) -> nn.Module:
        """See `Layered`."""
        return swapped(module, SMOOTH[self.name]).eval()

    def seen(self, defended: nn.Module) -> nn.Module:
        """See `Layered.seen`: nothing is hidden."""
        return defended
