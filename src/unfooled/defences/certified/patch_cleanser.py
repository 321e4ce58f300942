"""PatchCleanser: hide parts of the picture twice, and answer what no patch could have made up."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn.functional import one_hot

from unfooled.core.errors import InputError
from unfooled.defences.card import Card

from .masks import covering

_GREY = 0.5  # of what hides


@dataclass(frozen=True)
class PatchCleanser:
    """Ask about pictures (n, c, h, w) with one and with two windows hidden; proves answers against any single patch.

    Scores are the mean of those with one window hidden, reordered so that the highest is the answer; their gradient is
    that of the mean, the expectation over windows.

    Attributes:
        patch: Height and width of the largest patch that is proved against, as a share of the picture's, above 0 to
            below 1. A round sticker counts by its diameter.
        windows: Along each axis, 2 or more: of few, each hides more.

    Reference:
        Xiang, Mahloujifar and Mittal. PatchCleanser: certifiably robust defense against adversarial patches for any
        image classifier. USENIX Security 2022. https://arxiv.org/abs/2108.09135, algorithm 1 and theorem 1.
        Differs from the paper: of equally frequent answers the lowest class counts as the majority; what hides is mid
        grey.
    """

    patch: float = 0.18
    windows: int = 3
    card: ClassVar[Card] = Card(
        "certified", "A", "Xiang et al., USENIX Security 2022; proved against one patch, at the price of many passes",
        differentiable=False, adaptive=("bpda",), ignorant="transfer",
    )  # fmt: skip

    def __post_init__(self) -> None:
        if not 0 < self.patch < 1:
            raise InputError("A patch is a share of the picture's sides", f"{self.patch:g}", "Give for example 0.18.")
        if self.windows < 2:
            raise InputError("One window would hide the picture", self.windows, "Give 2 or more, for example 3.")

    def __call__(self, module: nn.Module) -> nn.Module:
        """See `Layered`."""
        return DoubleMasking(copy.deepcopy(module), self).eval()

    def seen(self, defended: nn.Module) -> nn.Module:
        """See `Layered.seen`: its gradients are honest as they are."""
        return defended

    def sampled(self, module: nn.Module) -> nn.Module:
        """Give a module that hides one window, drawn by lot at each pass: what to climb where passes are dear."""
        return OneMask(copy.deepcopy(module), self).eval()

    def certified(self, module: nn.Module, values: Tensor, y: Tensor) -> Tensor:
        """Tell whose answer stays y (n,) whatever a patch holds and wherever it lies, (n,) bool.

        It does where every pair of windows leaves the answer y (theorem 1).
        """
        masks = self.masks(values)
        stands = torch.ones_like(y, dtype=torch.bool)
        with torch.no_grad():
            for i in range(len(masks)):
                for j in range(i, len(masks)):
                    stands &= module(hidden(values, masks[i] | masks[j])).argmax(dim=1) == y
        return stands

    def masks(self, values: Tensor) -> Tensor:
        """Give the windows for pictures (n, c, h, w), (m, h, w) bool.

        Raises:
            InputError: These are no pictures, or a window hides all of them.
        """
        if values.ndim != 4:
            raise InputError("Windows hide parts of pictures", f"shape {tuple(values.shape)}", "Use n-fgsm or pgd-at.")
        return covering(values.shape[2], values.shape[3], self.patch, self.windows).to(values.device)


class DoubleMasking(nn.Module):
    """Decides by double masking. All passes have the rows of its input, so that no row hangs on another."""

    def __init__(self, module: nn.Module, settings: PatchCleanser) -> None:
        super().__init__()
        self.module, self.settings = module, settings

    def forward(self, values: Tensor) -> Tensor:
        """Give scores, (n, k)."""
        masks = self.settings.masks(values)
        passes: list[Tensor] = [self.module(hidden(values, mask)) for mask in masks]
        mean = torch.stack(passes).cumsum(dim=0)[-1] / len(passes)  # one after the other, however many rows
        with torch.no_grad():
            decided = self._decided(values.detach(), masks, torch.stack(passes).argmax(dim=2))
            top = mean.argmax(dim=1, keepdim=True)
            own = decided.unsqueeze(1)
            swapped = mean.scatter(1, own, mean.gather(1, top)).scatter(1, top, mean.gather(1, own))
            swapped = torch.where(top == own, mean, swapped)
        return swapped + (mean - mean.detach())

    def _decided(self, values: Tensor, masks: Tensor, first: Tensor) -> Tensor:
        """Decide from the answers with one window hidden, (m, n): gives (n,)."""
        decided = one_hot(first).sum(dim=0).argmax(dim=1)
        open_ = torch.ones_like(decided, dtype=torch.bool)
        for i in range(len(masks)):
            dissents = open_ & (first[i] != decided)
            for j in range(len(masks)):
                if i != j and bool(dissents.any()):
                    dissents &= self.module(hidden(values, masks[i] | masks[j])).argmax(dim=1) == first[i]
            decided, open_ = torch.where(dissents, first[i], decided), open_ & ~dissents
        return decided


class OneMask(nn.Module):
    """Hides one window, drawn by lot for all rows of a pass."""

    def __init__(self, module: nn.Module, settings: PatchCleanser) -> None:
        super().__init__()
        self.module, self.settings = module, settings

    def forward(self, values: Tensor) -> Tensor:
        """Give scores, (n, k)."""
        masks = self.settings.masks(values)
        scores: Tensor = self.module(hidden(values, masks[int(torch.randint(len(masks), ()).item())]))
        return scores


def hidden(values: Tensor, mask: Tensor) -> Tensor:
    """Hide part of pictures (n, c, h, w), a mask (h, w) bool."""
    return values.masked_fill(mask, _GREY)
