"""Random resizing and padding: the model sees another frame at every pass."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from unfooled.core.errors import InputError
from unfooled.defences.card import Card
from unfooled.defences.layers import before


@dataclass(frozen=True)
class ResizePad:
    """Shrink pictures to a random side and put them at a random place of their frame, filled with 0.

    One lot is drawn a pass for all its pictures, so that no answer hangs on an example's place in its batch.

    Attributes:
        least: Smallest side, as a share of the frame, above 0 to 1.

    Reference:
        Xie, Wang, Zhang, Ren and Yuille. Mitigating adversarial effects through randomization. ICLR 2018.
        https://arxiv.org/abs/1711.01991, section 3.1.
        Differs from the paper: pictures shrink inside their own frame, instead of growing the frame, so that models of
        one size bear it; bilinear instead of nearest neighbours, which leave most gradients out.
    """

    least: float = 0.85
    card: ClassVar[Card] = Card(
        "input", "D", "Xie et al., ICLR 2018; broken by Athalye et al., ICML 2018", stochastic=True,
        adaptive=("eot",), ignorant="transfer", mitigation="AML.M0010",
    )  # fmt: skip

    def __post_init__(self) -> None:
        if not 0 < self.least <= 1:
            raise InputError("A smallest side is a share of the frame", f"{self.least:g}", "Give for example 0.85.")

    def __call__(self, module: nn.Module) -> nn.Module:
        """See `Layered`."""
        return before(partial(_reframed, least=self.least), module)

    def seen(self, defended: nn.Module) -> nn.Module:
        """See `Layered.seen`: each draw has honest gradients, and the audit averages over draws."""
        return defended


def _reframed(values: Tensor, least: float) -> Tensor:
    height, width = values.shape[-2:]
    share = least + (1 - least) * torch.rand(()).item()
    high, wide = max(1, round(share * height)), max(1, round(share * width))
    small = functional.interpolate(values, size=(high, wide), mode="bilinear", align_corners=False, antialias=True)
    top, left = (int(torch.randint(room + 1, ()).item()) for room in (height - high, width - wide))
    return functional.pad(small, (left, width - wide - left, top, height - high - top))
