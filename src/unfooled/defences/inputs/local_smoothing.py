"""Local gradient smoothing: darken the parts of a picture that are busier than the rest."""

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


@dataclass(frozen=True)
class LocalSmoothing:
    """Darken pictures (n, c, h, w) where their gradients are steep over a whole window: stickers are busy.

    Attributes:
        window: Side of a window in pixels, 1 or more; in a smaller picture, that of the picture.
        overlap: Of neighbouring windows in pixels, 0 to below `window`.
        threshold: Mean gradient, 0 to 1, above which a window is darkened; 1 is the steepest of the picture.
        strength: How much, above 0: what gradient times strength reaches 1 becomes black.

    Reference:
        Naseer, Khan and Porikli. Local gradients smoothing: defense against localized adversarial attacks. WACV 2019.
        https://arxiv.org/abs/1807.01216, section 3.2, equations 4 to 8.
        Differs from the paper: gradients are those of the mean over the channels.
    """

    window: int = 15
    overlap: int = 5
    threshold: float = 0.1
    strength: float = 2.3
    card: ClassVar[Card] = Card(
        "input", "D", "Naseer et al., WACV 2019; broken by Chiang et al., ICLR 2020", differentiable=False,
        adaptive=("bpda",), ignorant="transfer", mitigation="AML.M0010",
    )  # fmt: skip

    def __post_init__(self) -> None:
        if not (0 <= self.overlap < self.window and 0 <= self.threshold <= 1 and self.strength > 0):
            found = f"window {self.window}, overlap {self.overlap}, {self.threshold:g}, {self.strength:g}"
            do = "Give for example window=15,overlap=5,threshold=0.1,strength=2.3."
            raise InputError("A setting of the smoothing is out of range", found, do)

    def __call__(self, module: nn.Module) -> nn.Module:
        """See `Layered`."""
        return before(Masking(partial(_darkened, settings=self), nn.Identity()), module)

    def seen(self, defended: nn.Module) -> nn.Module:
        """See `Layered.seen`: darkening hands its gradient on."""
        return honest(defended)


def _darkened(values: Tensor, settings: LocalSmoothing) -> Tensor:
    if values.ndim != 4:
        raise InputError("Gradients are smoothed in pictures", f"shape {tuple(values.shape)}", "Use n-fgsm or pgd-at.")
    steep = _steepness(values)
    steep = torch.where(_busy(steep, settings), steep, 0.0)
    return values * (1 - (settings.strength * steep).clamp(0, 1))


def _steepness(values: Tensor) -> Tensor:
    """Give the length of the gradient at each pixel as a share of the way from least to most, (n, 1, h, w)."""
    grey = values.mean(dim=1, keepdim=True)
    down = functional.pad(grey.diff(dim=2), (0, 0, 0, 1))
    across = functional.pad(grey.diff(dim=3), (0, 1))
    steep = (down.square() + across.square() + 1e-12).sqrt()
    low, high = (edge(dim=(2, 3), keepdim=True) for edge in (steep.amin, steep.amax))
    return (steep - low) / (high - low).clamp(min=1e-6)


def _busy(steep: Tensor, settings: LocalSmoothing) -> Tensor:
    """Mark the pixels of windows whose mean gradient is above the threshold, (n, 1, h, w) bool."""
    height, width = steep.shape[2:]
    window = min(settings.window, height, width)
    step = max(1, window - settings.overlap)
    down, across = (-(-(side - window) // step) * step + window - side for side in (height, width))
    means = functional.avg_pool2d(functional.pad(steep, (0, across, 0, down)), window, step)
    square = steep.new_ones(1, 1, window, window)
    spread = functional.conv_transpose2d((means > settings.threshold).to(steep.dtype), square, stride=step)
    return spread[:, :, :height, :width] > 0
