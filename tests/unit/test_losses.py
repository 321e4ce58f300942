"""Losses against the formulas of their papers, row by row and class by class."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from unfooled.core.errors import InputError
from unfooled.losses import (
    LOSSES,
    cross_entropy,
    dlr,
    dlr_targeted,
    loss_named,
    margin,
    plain_cross_entropy,
    rescaled_cross_entropy,
)


def case(r: int = 6, k: int = 7, scale: float = 3.0, seed: int = 0) -> tuple[Tensor, Tensor]:
    source = torch.Generator().manual_seed(seed)
    return torch.randn(r, k, generator=source, dtype=torch.float64) * scale, torch.randint(k, (r,), generator=source)


def masks(y: Tensor, k: int, toward: Tensor | None = None) -> tuple[Tensor, Tensor]:
    held = functional.one_hot(y, k).bool()
    return held, ~held if toward is None else functional.one_hot(toward, k).bool()


def test_margin_is_the_best_other_over_the_label() -> None:
    scores, y = case()
    others = [
        max(row[j] for j in range(7) if j != own) - row[own]
        for row, own in zip(scores.tolist(), y.tolist(), strict=True)
    ]
    assert margin(scores, *masks(y, 7)).tolist() == pytest.approx(others)


def test_cross_entropy_is_climbed_as_log_odds() -> None:
    scores, y = case()
    chance = scores.softmax(dim=1).gather(1, y.unsqueeze(1)).squeeze(1)
    odds = ((1 - chance) / chance).log()
    assert torch.allclose(cross_entropy(scores, *masks(y, 7)), odds)
    of_paper = functional.cross_entropy(scores, y, reduction="none")
    assert torch.equal(odds.argsort(), of_paper.argsort()), "the same order"


def test_its_gradient_is_that_of_cross_entropy_over_the_chance_of_failure() -> None:
    """d log((1-p)/p) = d(-log p) / (1-p): one direction, whatever the scores."""
    scores, y = case()
    ours, theirs = scores.clone().requires_grad_(), scores.clone().requires_grad_()
    cross_entropy(ours, *masks(y, 7)).sum().backward()
    functional.cross_entropy(theirs, y, reduction="sum").backward()
    wrong = 1 - scores.softmax(dim=1).gather(1, y.unsqueeze(1))
    assert ours.grad is not None
    assert theirs.grad is not None
    assert torch.allclose(ours.grad * wrong, theirs.grad)


def test_targeted_cross_entropy_points_the_same_way_too() -> None:
    scores, _ = case()
    target = torch.tensor([0, 1, 2, 3, 4, 5])
    wanted = functional.one_hot(target, 7).bool()
    ours, theirs = scores.clone().requires_grad_(), scores.clone().requires_grad_()
    cross_entropy(ours, ~wanted, wanted).sum().backward()
    (-functional.cross_entropy(theirs, target, reduction="sum")).backward()
    assert ours.grad is not None
    assert theirs.grad is not None
    assert torch.allclose(functional.normalize(ours.grad), functional.normalize(theirs.grad))


def test_a_very_sure_model_still_has_a_direction() -> None:
    """Where the cross-entropy of float32 is flat, its log-odds are not."""
    scores = torch.tensor([[300.0, 0.0, -40.0]], requires_grad=True)
    y = torch.tensor([0])
    (flat,) = torch.autograd.grad(functional.cross_entropy(scores, y), scores)
    assert torch.equal(flat, torch.zeros(1, 3))
    (grad,) = torch.autograd.grad(cross_entropy(scores, *masks(y, 3)).sum(), scores)
    assert grad.tolist()[0] == pytest.approx([-1.0, 1.0, 0.0], abs=1e-6)
    assert cross_entropy(scores, *masks(y, 3)).item() == pytest.approx(-300.0)


def of_paper(scores: list[float], y: int) -> float:
    """Equation 6: -(z_y - max z_i) / (z_pi1 - z_pi3)."""
    ranked = sorted(scores, reverse=True)
    return -(scores[y] - max(z for i, z in enumerate(scores) if i != y)) / (ranked[0] - ranked[2])


def of_paper_targeted(scores: list[float], y: int, t: int) -> float:
    """Equation 7: -(z_y - z_t) / (z_pi1 - (z_pi3 + z_pi4) / 2)."""
    ranked = sorted(scores, reverse=True)
    return -(scores[y] - scores[t]) / (ranked[0] - (ranked[2] + ranked[3]) / 2)


@pytest.mark.parametrize("k", [3, 4, 10])
def test_dlr_is_that_of_the_paper(k: int) -> None:
    scores, y = case(k=k)
    wanted = [of_paper(row, own) for row, own in zip(scores.tolist(), y.tolist(), strict=True)]
    assert dlr(scores, *masks(y, k)).tolist() == pytest.approx(wanted)


@pytest.mark.parametrize("k", [4, 10])
def test_targeted_dlr_is_that_of_the_paper(k: int) -> None:
    scores, y = case(k=k)
    toward = (y + 1 + torch.arange(6) % (k - 1)) % k
    wanted = [
        of_paper_targeted(row, own, aim)
        for row, own, aim in zip(scores.tolist(), y.tolist(), toward.tolist(), strict=True)
    ]
    assert dlr_targeted(scores, *masks(y, k, toward)).tolist() == pytest.approx(wanted)


@pytest.mark.parametrize("loss", [dlr, dlr_targeted])
def test_dlr_neither_shifts_nor_scales(loss: Any) -> None:
    scores, y = case()
    plain = loss(scores, *masks(y, 7))
    assert torch.allclose(loss(scores * 100 + 5, *masks(y, 7)), plain)


def test_rescaled_cross_entropy_climbs_the_same_way_at_any_scale() -> None:
    scores, y = case()
    slopes = []
    for scale in (1.0, 1e-3, 1e3):
        leaf = scores.clone().requires_grad_()
        loss = rescaled_cross_entropy(leaf * scale, *masks(y, 7))
        slopes.append(torch.autograd.grad(loss.sum(), leaf)[0])
    assert all(torch.allclose(slopes[0], slope, rtol=1e-4, atol=1e-7) for slope in slopes)
    plain = scores.clone().requires_grad_()
    (sure,) = torch.autograd.grad(cross_entropy(plain * 1e3, *masks(y, 7)).sum(), plain)
    assert (sure != 0).sum() < (slopes[0] != 0).sum(), "without it, only two classes have a say"


def test_few_classes_fall_back() -> None:
    scores, y = case(k=2)
    assert torch.equal(dlr(scores, *masks(y, 2)), margin(scores, *masks(y, 2)))
    assert torch.equal(dlr_targeted(scores, *masks(y, 2)), margin(scores, *masks(y, 2)))
    scores, y = case(k=3)
    assert torch.equal(dlr_targeted(scores, *masks(y, 3)), margin(scores, *masks(y, 3)))


@pytest.mark.parametrize("name", LOSSES)
def test_every_loss_is_finite_and_signed_by_success(name: str) -> None:
    """Above zero once the goal is reached (cross-entropy may be so before: the others together outweigh the label)."""
    loss = loss_named(name)
    for k in (2, 3, 4, 10):
        for scores in (case(40, k)[0].float(), torch.zeros(5, k), torch.full((5, k), 1e4), case(40, k, 1e4)[0].float()):
            y = torch.arange(len(scores)) % k
            leaf = scores.clone().requires_grad_()
            value = loss(leaf, *masks(y, k))
            (grad,) = torch.autograd.grad(value.sum(), leaf)
            assert value.shape == (len(scores),)
            assert value.isfinite().all()
            assert grad.isfinite().all()
            reached = margin(scores, *masks(y, k)) > 0
            assert (value[reached] > 0).all()
            if not name.endswith("cross-entropy"):
                assert (value[~reached] <= 0).all()


@pytest.mark.parametrize("name", LOSSES)
def test_rows_are_apart(name: str) -> None:
    loss, (scores, y) = loss_named(name), case(20)
    held, wanted = masks(y, 7)
    together = loss(scores, held, wanted)
    alone = torch.cat([loss(scores[i : i + 1], held[i : i + 1], wanted[i : i + 1]) for i in range(20)])
    assert torch.equal(together, alone)


def test_groups_of_classes() -> None:
    scores = torch.tensor([[1.0, 2.0, 3.0, 4.0]])
    held, wanted = torch.tensor([[True, True, False, False]]), torch.tensor([[False, False, True, True]])
    assert margin(scores, held, wanted).item() == 2.0
    log_odds = math.log((math.e**3 + math.e**4) / (math.e + math.e**2))
    assert cross_entropy(scores, held, wanted).item() == pytest.approx(log_odds, rel=1e-6)


def test_an_unknown_loss_is_named() -> None:
    with pytest.raises(InputError, match="cross-entropy"):
        loss_named("crossentropy")


def test_the_plain_cross_entropy_is_the_textbooks_and_underflows() -> None:
    scores = torch.tensor([[3.0, 1.0, 0.5], [0.2, 0.1, 0.4]])
    y = torch.tensor([0, 2])
    held = functional.one_hot(y, 3).bool()
    wanted = functional.cross_entropy(scores, y, reduction="none")
    assert torch.allclose(plain_cross_entropy(scores, held, ~held), wanted, atol=1e-6)
    sure = (1000 * scores).requires_grad_()
    (plain,) = torch.autograd.grad(plain_cross_entropy(sure, held, ~held).sum(), sure)
    (odds,) = torch.autograd.grad(cross_entropy(sure, held, ~held).sum(), sure)
    assert (plain == 0).all()
    assert (odds != 0).any(dim=1).all()
