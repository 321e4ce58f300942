"""Filters before the model: fewer colours, medians, little variation, blur."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from unfooled.core.errors import InputError
from unfooled.defences.card import Card
from unfooled.defences.layers import Masking, before, honest

_BROKEN = "Xu, Evans and Qi, NDSS 2018; broken by He et al., WOOT 2017"
_GUO = "Guo et al., ICLR 2018; broken by Athalye et al., ICML 2018"


def _card(source: str, *, differentiable: bool) -> Card:
    return Card(
        "input", "D", source, differentiable=differentiable, adaptive=("standard",) if differentiable else ("bpda",),
        ignorant="transfer", mitigation="AML.M0010",
    )  # fmt: skip


@dataclass(frozen=True)
class BitDepth:
    """Round every value to a few levels.

    Attributes:
        bits: Levels are 2 ** bits; 1 to 7.

    Reference:
        Xu, Evans and Qi. Feature squeezing: detecting adversarial examples in deep neural networks. NDSS 2018.
        https://arxiv.org/abs/1704.01155, section III.A.
        Differs from the paper: nothing.
    """

    bits: int = 3
    card: ClassVar[Card] = _card(_BROKEN, differentiable=False)

    def __post_init__(self) -> None:
        if not 1 <= self.bits <= 7:
            raise InputError("A bit depth lies between 1 and 7", self.bits, "Give for example 3.")

    def __call__(self, module: nn.Module) -> nn.Module:
        """See `Layered`."""
        return before(Masking(partial(levelled, levels=2**self.bits - 1), nn.Identity()), module)

    def seen(self, defended: nn.Module) -> nn.Module:
        """See `Layered.seen`: rounding hands its gradient on."""
        return honest(defended)


@dataclass(frozen=True)
class Median:
    """Replace every value by the median of its neighbourhood.

    Attributes:
        side: Of the neighbourhood, in pixels, 2 or more.

    Reference:
        Xu, Evans and Qi, as `BitDepth`, section III.B.
        Differs from the paper: edges are repeated, not mirrored.
    """

    side: int = 3
    card: ClassVar[Card] = _card(_BROKEN, differentiable=True)

    def __post_init__(self) -> None:
        if self.side < 2:
            raise InputError("A neighbourhood has a side of 2 pixels or more", self.side, "Give for example 3.")

    def __call__(self, module: nn.Module) -> nn.Module:
        """See `Layered`."""
        return before(partial(median, side=self.side), module)

    def seen(self, defended: nn.Module) -> nn.Module:
        """See `Layered.seen`: a median has a gradient of its own."""
        return defended


@dataclass(frozen=True)
class TotalVariation:
    """Move pictures to where they vary less, by steps of gradient descent.

    Attributes:
        weight: Of the variation against the distance to the picture, above 0.
        steps: Of the descent, 1 or more.

    Reference:
        Guo, Rana, Cissé and van der Maaten. Countering adversarial images using input transformations. ICLR 2018.
        https://arxiv.org/abs/1711.00117, section 4.2.
        Differs from the paper: no pixels are dropped at random, and the variation is smoothed near zero, so that the
        descent has a gradient all the way.
    """

    weight: float = 0.1
    steps: int = 10
    card: ClassVar[Card] = _card(_GUO, differentiable=True)

    def __post_init__(self) -> None:
        if self.weight <= 0 or self.steps < 1:
            raise InputError(
                "Total variation needs a weight above 0 and steps", f"{self.weight:g}, {self.steps}", "Give 0.1 and 10."
            )

    def __call__(self, module: nn.Module) -> nn.Module:
        """See `Layered`."""
        return before(partial(_smoothed, weight=self.weight, steps=self.steps), module)

    def seen(self, defended: nn.Module) -> nn.Module:
        """See `Layered.seen`: every step of the descent is differentiable."""
        return defended


@dataclass(frozen=True)
class Gaussian:
    """Denoise by a Gaussian blur.

    Attributes:
        sigma: Width of the blur in pixels, above 0.

    Reference:
        Xu, Evans and Qi, as `BitDepth`, section III.B, name linear smoothing beside the median.
        Differs from the paper: they do not use it.
    """

    sigma: float = 1.0
    card: ClassVar[Card] = _card(_BROKEN, differentiable=True)

    def __post_init__(self) -> None:
        if self.sigma <= 0:
            raise InputError("A blur has a width above 0", f"{self.sigma:g}", "Give for example 1.0.")

    def __call__(self, module: nn.Module) -> nn.Module:
        """See `Layered`."""
        return before(partial(_blurred, sigma=self.sigma), module)

    def seen(self, defended: nn.Module) -> nn.Module:
        """See `Layered.seen`: a blur is linear."""
        return defended


def levelled(values: Tensor, levels: int) -> Tensor:
    """Round values to multiples of 1 / levels."""
    return (values * levels).round() / levels


def median(values: Tensor, side: int) -> Tensor:
    """Take medians of side x side neighbours of pictures (n, c, h, w)."""
    low = (side - 1) // 2
    wide = functional.pad(values, (low, side - 1 - low, low, side - 1 - low), mode="replicate")
    return wide.unfold(2, side, 1).unfold(3, side, 1).flatten(-2).median(dim=-1).values


def _smoothed(values: Tensor, weight: float, steps: int) -> Tensor:
    """Descend |z - x|^2 / 2 + weight * the smoothed variation of z, over pictures (n, c, h, w)."""
    smooth, step = values, 0.02 / weight / (1 + 0.02 / weight)
    for _ in range(steps):
        down, across = smooth.diff(dim=-2), smooth.diff(dim=-1)
        down, across = (change / (change.square() + 1e-4).sqrt() for change in (down, across))
        pull = (
            functional.pad(down, (0, 0, 1, 0)) - functional.pad(down, (0, 0, 0, 1))
            + functional.pad(across, (1, 0)) - functional.pad(across, (0, 1))
        )  # fmt: skip
        smooth = (smooth - step * (smooth - values + weight * pull)).clamp(0, 1)
    return smooth


def _blurred(values: Tensor, sigma: float) -> Tensor:
    """Blur pictures (n, c, h, w), edges repeated."""
    reach = max(1, round(3 * sigma))
    place = torch.arange(-reach, reach + 1, dtype=values.dtype, device=values.device)
    bell = torch.exp(-(place**2) / (2 * sigma**2))
    bell = bell / bell.sum()
    channels = values.shape[1]
    wide = functional.pad(values, (reach, reach, reach, reach), mode="replicate")
    down = bell.view(1, 1, -1, 1).expand(channels, 1, -1, 1)
    return functional.conv2d(functional.conv2d(wide, down, groups=channels), down.transpose(-1, -2), groups=channels)
