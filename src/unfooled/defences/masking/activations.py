"""Activations that hide gradients: winners take all, stairs, and what saturates."""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from unfooled.core.errors import InputError
from unfooled.core.rows import total, wide
from unfooled.defences.card import Card
from unfooled.defences.layers import Masking, honest
from unfooled.defences.swapping import swapped

_ATHALYE = "broken by Athalye et al., ICML 2018"
_EDGE = 0.1
"""Width of the soft edge of winners, as a share of the mean activation. Through a ReLU in its place 7.5 % of 40 digits
stand at `linf:0.18`, through this 2.5 %."""

_SLOPE = 200.0
"""Of a sigmoid, in stairs: a hundredth of a stair from its edge, seven eighths of the way is done."""


def _card(source: str) -> Card:
    return Card("masking", "F", source, differentiable=False, adaptive=("bpda",))


@dataclass(frozen=True)
class KWTA:
    """Keep the largest activations of each example in place of the positive ones: k winners take all.

    Attributes:
        share: Of activations that are kept, above 0 to 1.

    Reference:
        Xiao, Zhong and Zheng. Enhancing adversarial defense by k-winners-take-all. ICLR 2020.
        https://arxiv.org/abs/1905.10510, section 2.
        Differs from the paper: it may be put into a trained net, whose ReLU it follows, and without training anew.
    """

    share: float = 0.2
    card: ClassVar[Card] = _card("Xiao et al., ICLR 2020; broken by Tramèr et al., NeurIPS 2020")

    def __post_init__(self) -> None:
        _check_share(self.share)

    def __call__(self, module: nn.Module) -> nn.Module:
        """See `Layered`."""
        winners, soft = (partial(one, share=self.share) for one in (_winners, _likely_winners))
        return swapped(module, lambda: Masking(winners, soft)).eval()

    def seen(self, defended: nn.Module) -> nn.Module:
        """See `Layered.seen`: gradients are those of winners with a soft edge, so that losers nearby have one too."""
        return honest(defended)


@dataclass(frozen=True)
class Stairs:
    """Round activations to multiples of a share of their mean: the gradient is zero wherever there is one.

    Attributes:
        share: Of the mean activation of an example in this layer, above 0 to 1.

    Reference:
        Rakin, Yi, Gong and Fan. Defend deep neural networks against adversarial examples via fixed and dynamic
        quantized activation functions. 2018. https://arxiv.org/abs/1807.06714, section 3.
        Differs from the paper: levels hang on each example's own mean, and nothing is trained anew.
    """

    share: float = 0.5
    card: ClassVar[Card] = _card(f"Rakin et al., 2018; rounding {_ATHALYE}")

    def __post_init__(self) -> None:
        _check_share(self.share)

    def __call__(self, module: nn.Module) -> nn.Module:
        """See `Layered`."""
        return swapped(module, lambda: Masking(partial(_stairs, share=self.share), functional.relu)).eval()

    def seen(self, defended: nn.Module) -> nn.Module:
        """See `Layered.seen`: gradients are those of the ReLU that was rounded."""
        return honest(defended)


@dataclass(frozen=True)
class Saturating:
    """Let activations climb in stairs whose edges are sigmoids so steep that they saturate between them.

    Attributes:
        height: Of a stair, as a share of an example's mean activation in this layer, above 0 to 1.

    Reference:
        Nayebi and Ganguli. Biologically inspired protection of deep networks from adversarial attacks. 2017.
        https://arxiv.org/abs/1703.09202, section 2; broken by Brendel and Bethge. Comment on "Biologically inspired
        protection of deep networks from adversarial attacks". 2017. https://arxiv.org/abs/1704.01547.
        Differs from the paper: it drives a net into saturation by training; here activations saturate by themselves,
        so that a trained net keeps its answers.
    """

    height: float = 0.5
    card: ClassVar[Card] = _card("Nayebi and Ganguli, 2017; broken by Brendel and Bethge, 2017")

    def __post_init__(self) -> None:
        _check_share(self.height)

    def __call__(self, module: nn.Module) -> nn.Module:
        """See `Layered`."""
        return swapped(module, lambda: Masking(partial(_saturated, height=self.height), functional.relu)).eval()

    def seen(self, defended: nn.Module) -> nn.Module:
        """See `Layered.seen`: gradients are those of the ReLU without the stairs."""
        return honest(defended)


@dataclass(frozen=True)
class Temperature:
    """Multiply scores, so that probabilities saturate and their gradients underflow; labels stay as they are.

    Attributes:
        factor: Above 1.

    Reference:
        Carlini and Wagner. Defensive distillation is not robust to adversarial examples. 2016.
        https://arxiv.org/abs/1607.04311: it is what defensive distillation comes down to.
        Differs from the paper: nothing.
    """

    factor: float = 1000.0
    card: ClassVar[Card] = Card(
        "masking", "F", "Papernot et al., S&P 2016; broken by Carlini and Wagner, S&P 2017", adaptive=("unscaled",)
    )

    def __post_init__(self) -> None:
        if not (1 < self.factor < math.inf):
            raise InputError("A temperature multiplies by more than 1", f"{self.factor:g}", "Give for example 1000.")

    def __call__(self, module: nn.Module) -> nn.Module:
        """See `Layered`."""
        return Cooled(copy.deepcopy(module), self.factor).eval()

    def seen(self, defended: nn.Module) -> nn.Module:
        """See `Layered.seen`: scores at their natural scale."""
        return Cooled(defended, 1 / self.factor).eval()


class Cooled(nn.Module):
    """Multiplies the scores of a module."""

    def __init__(self, module: nn.Module, factor: float) -> None:
        super().__init__()
        self.module, self.factor = module, factor

    def forward(self, values: Tensor, *rest: Tensor) -> Tensor:
        """Give scores, (n, k)."""
        scores: Tensor = self.module(values, *rest)
        return scores * self.factor


def _check_share(share: float) -> None:
    if not 0 < share <= 1:
        raise InputError("A share lies above 0 and up to 1", f"{share:g}", "Give for example 0.2.")


def _winners(values: Tensor, share: float) -> Tensor:
    rows, least = _ranked(values, share)
    return torch.where(rows >= least, rows, 0.0).view_as(values)


def _likely_winners(values: Tensor, share: float) -> Tensor:
    """Weigh activations by how surely they win, where the last winner stays as it is."""
    rows, least = _ranked(values, share)
    edge = _steps(rows.detach(), _EDGE)
    return (rows * torch.sigmoid((rows - least.detach()) / edge)).view_as(values)


def _ranked(values: Tensor, share: float) -> tuple[Tensor, Tensor]:
    """Give the activations of each row, (n, d), and the least that wins, (n, 1)."""
    rows = functional.relu(values).flatten(1)
    return rows, rows.topk(math.ceil(share * rows.shape[1])).values[:, -1:]


def _steps(values: Tensor, share: float) -> Tensor:
    """Give the height of a stair for each row, (n, 1, ...): a share of its mean activation."""
    mean = total(values) / values[0].numel()
    return wide(share * mean.clamp(min=1e-6).to(values.dtype), values)


def _stairs(values: Tensor, share: float) -> Tensor:
    above = functional.relu(values)
    step = _steps(above.detach(), share)
    return (above / step).round() * step


def _saturated(values: Tensor, height: float) -> Tensor:
    above = functional.relu(values)
    step = _steps(above.detach(), height)
    place = above / step
    whole = place.detach().round()
    return (whole - 0.5 + torch.sigmoid(_SLOPE * (place - whole))) * step
