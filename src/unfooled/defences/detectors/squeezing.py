"""Feature squeezing: a picture is strange if the model answers otherwise once it is squeezed."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

import torch
from torch import Tensor, nn

from unfooled.defences.card import Card
from unfooled.defences.inputs.smoothing import BitDepth, Median, levelled, median
from unfooled.defences.layers import Masking, honest
from unfooled.defences.training.schedule import Pupils

from .guard import Look, check_rate, guard


@dataclass(frozen=True)
class FeatureSqueezing:
    """Reject pictures (n, c, h, w) whose probabilities move when colours are rounded or noise is filtered out.

    Attributes:
        bits: Of the rounded colours, 1 to 7.
        side: Of the median's neighbourhood, in pixels, 2 or more.
        rate: Share of clean examples that may be rejected, above 0 to below 1.

    Reference:
        Xu, Evans and Qi. Feature squeezing: detecting adversarial examples in deep neural networks. NDSS 2018.
        https://arxiv.org/abs/1704.01155, section IV, equations 2 and 3.
        Differs from the paper: no smoothing by non-local means, which it leaves out for MNIST too.
    """

    bits: int = 4
    side: int = 2
    rate: float = 0.05
    card: ClassVar[Card] = Card(
        "detector", "D", "Xu et al., NDSS 2018; broken by He et al., WOOT 2017", differentiable=False,
        adaptive=("bpda", "joint"), ignorant="transfer", mitigation="AML.M0015",
    )  # fmt: skip

    def __post_init__(self) -> None:
        BitDepth(self.bits)
        Median(self.side)
        check_rate(self.rate)

    def __call__(self, module: nn.Module) -> nn.Module:
        """See `Layered`."""
        return guard(copy.deepcopy(module), _Squeezers(self.bits, self.side), self.rate)

    def seen(self, defended: nn.Module) -> nn.Module:
        """See `Layered.seen`: rounding hands its gradient on."""
        return honest(defended)


class _Squeezers(nn.Module):
    """Compares what a module says to a picture and to the squeezed picture, see `Gauge`."""

    def __init__(self, bits: int, side: int) -> None:
        super().__init__()
        self.round, self.side = Masking(partial(levelled, levels=2**bits - 1), nn.Identity()), side

    def learn(self, module: nn.Module, learnt: Pupils) -> None:
        """Learn nothing."""

    def forward(self, module: nn.Module, values: Tensor) -> Look:
        """Measure the largest distance between two answers, in L1: 0 to 2."""
        scores = module(values)
        squeezed = self.round(values), median(values, self.side)
        moved = [(module(one).softmax(dim=1) - scores.softmax(dim=1)).abs().sum(dim=1) for one in squeezed]
        return Look(scores, torch.stack(moved).amax(dim=0))
