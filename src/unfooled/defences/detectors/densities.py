"""Detectors by what layers give to clean examples: Mahalanobis distance, and local intrinsic dimension."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from unfooled.core.errors import InputError
from unfooled.defences.card import Card

from .guard import check_rate, guard
from .layerwise import Layerwise


def _card(source: str) -> Card:
    return Card("detector", "D", source, adaptive=("joint",), ignorant="transfer", mitigation="AML.M0015")


@dataclass(frozen=True)
class Mahalanobis:
    """Reject what lies far from every class: layers of clean examples as Gaussians with one covariance.

    Attributes:
        shrinkage: Of the covariance towards a round one, as a share of its mean variance, above 0.
        rate: Share of clean examples that may be rejected, above 0 to below 1.

    Reference:
        Lee, Lee, Lee and Shin. A simple unified framework for detecting out-of-distribution samples and adversarial
        attacks. NeurIPS 2018. https://arxiv.org/abs/1807.03888, section 2.2, equations 1 and 2.
        Differs from the paper: layers are added up in standard deviations of clean examples, where it learns weights
        from attacks; no input is changed before it is looked at.
    """

    shrinkage: float = 1e-3
    rate: float = 0.05
    card: ClassVar[Card] = _card("Lee et al., NeurIPS 2018; broken by Bryniarski et al., ICLR 2022")
    kept: ClassVar[int] = 2

    def __post_init__(self) -> None:
        check_rate(self.rate)
        if self.shrinkage <= 0:
            raise InputError("A covariance is shrunk by more than 0", f"{self.shrinkage:g}", "Give for example 0.001.")

    def __call__(self, module: nn.Module) -> nn.Module:
        """See `Layered`."""
        return guard(copy.deepcopy(module), Layerwise(self), self.rate)

    def seen(self, defended: nn.Module) -> nn.Module:
        """See `Layered.seen`: distances have gradients."""
        return defended

    def learn(self, features: Tensor, y: Tensor) -> tuple[Tensor, ...]:
        """Give the map to where the covariance is round, (d, d), and the centres of classes there, (c, d)."""
        classes, place = torch.unique(y, return_inverse=True)
        centres = torch.stack([features[place == one].mean(dim=0) for one in range(len(classes))])
        spread = features - centres[place]
        covariance = spread.T @ spread / len(features)
        round_one = self.shrinkage * covariance.diagonal().mean().clamp(min=1e-6)
        covariance = covariance + round_one * torch.eye(len(covariance), dtype=features.dtype, device=features.device)
        whitened = torch.linalg.inv(torch.linalg.cholesky(covariance)).T
        return whitened, centres @ whitened

    def strange(self, features: Tensor, kept: list[Tensor]) -> Tensor:
        """Measure the squared distance to the nearest class, (n,)."""
        whitened, centres = kept
        return _distances(features @ whitened, centres).amin(dim=1).square()


@dataclass(frozen=True)
class IntrinsicDimension:
    """Reject inputs around which clean examples fill more dimensions than around clean ones.

    Attributes:
        neighbours: Nearest clean examples that tell the dimension, 2 or more.
        references: Clean examples among which they are sought.
        rate: Share of clean examples that may be rejected, above 0 to below 1.

    Reference:
        Ma, Li, Wang, Erfani, Wijewickrema, Schoenebeck, Song, Houle and Bailey. Characterizing adversarial subspaces
        using local intrinsic dimensionality. ICLR 2018. https://arxiv.org/abs/1801.02613, section 3, equation 4.
        Differs from the paper: neighbours are sought among the same clean examples, not in the batch, so that no answer
        hangs on others; layers are added up, where it learns weights from attacks and noise.
    """

    neighbours: int = 20
    references: int = 1000
    rate: float = 0.05
    card: ClassVar[Card] = _card("Ma et al., ICLR 2018; broken by Athalye et al., ICML 2018")
    kept: ClassVar[int] = 1

    def __post_init__(self) -> None:
        check_rate(self.rate)
        if not 2 <= self.neighbours <= self.references:
            raise InputError(
                "A dimension is told by 2 neighbours or more, of no more references", f"{self.neighbours} of "
                f"{self.references}", "Give for example neighbours=20,references=1000.",
            )  # fmt: skip

    def __call__(self, module: nn.Module) -> nn.Module:
        """See `Layered`."""
        return guard(copy.deepcopy(module), Layerwise(self), self.rate)

    def seen(self, defended: nn.Module) -> nn.Module:
        """See `Layered.seen`: distances have gradients."""
        return defended

    def learn(self, features: Tensor, y: Tensor) -> tuple[Tensor, ...]:
        """Give the references, (m, d).

        Raises:
            InputError: There are fewer than neighbours.
        """
        if len(features) < self.neighbours:
            do = f"Bring twice as many examples as neighbours, or set neighbours={max(2, len(features) // 2)}."
            raise InputError("Too few examples to seek neighbours among", f"{len(features)} for {self.neighbours}", do)
        return (features[: self.references],)

    def strange(self, features: Tensor, kept: list[Tensor]) -> Tensor:
        """Estimate the dimension from how distances to the nearest grow, by maximum likelihood, (n,)."""
        near = _distances(features, kept[0]).topk(self.neighbours, dim=1, largest=False).values.clamp(min=1e-6)
        return -1 / (near[:, :-1] / near[:, -1:]).log().mean(dim=1).clamp(max=-1e-3)


def _distances(one: Tensor, other: Tensor) -> Tensor:
    """Give Euclidean distances between rows (n, d) and (m, d), (n, m), not by a product: it is less exact nearby."""
    return torch.cdist(one, other, compute_mode="donot_use_mm_for_euclid_dist")
