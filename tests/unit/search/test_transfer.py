"""Slopes that carry over, against closed forms; surrogates in place of the target."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from unfooled.attacks import attack_named
from unfooled.core.attack import Problem
from unfooled.core.batch import Batch
from unfooled.core.errors import InputError
from unfooled.core.seeds import Draws
from unfooled.core.target import Access, Target
from unfooled.goals import Misclassify
from unfooled.losses import loss_named
from unfooled.models.classifier import wrap
from unfooled.search.slopes import after, foreseen, layered, varied, viewed
from unfooled.search.transfer import surrogate_slope
from unfooled.search.transforms import smoothed
from unfooled.search.views import _exchanged, paled, resized, shuffled
from unfooled.sets.linf import Linf
from unfooled.zoo.small import linear, small_cnn

DRAWS = Draws.of(0, "transfer")
OWNER = torch.arange(3)


def pictures(seed: int = 0, side: int = 12) -> Batch:
    generator = torch.Generator().manual_seed(seed)
    return Batch(torch.rand(3, 2, side, side, generator=generator), torch.tensor([7, 3, 11]))


def constant(x_t: Batch, owner: Tensor, draw: int) -> Tensor:
    return torch.ones_like(x_t.values) * (owner + 1).view(-1, 1, 1, 1)


def steep(x_t: Batch, owner: Tensor, draw: int) -> Tensor:
    """The gradient of half the squared length."""
    return x_t.values.clone()


# --- looks at a picture ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["paled", "resized", "shuffled"])
def test_a_slope_is_pulled_back_through_its_view(name: str) -> None:
    """Seen through a view, half a squared length has the gradient that autograd gives for the whole."""
    view = {"paled": paled(3), "resized": resized(DRAWS, 1.0, 0.6), "shuffled": shuffled(DRAWS, 3, 24)}[name]
    x = pictures()
    found = layered(steep, (viewed(view, 3),), 3)(x, OWNER, 2)
    values = x.values.clone().requires_grad_()
    whole = sum((view(x.holding(values), 6 + copy).square().sum() / 2 for copy in range(3)), torch.zeros(())) / 3
    assert torch.allclose(found, torch.autograd.grad(whole, values)[0], atol=1e-5)
    assert not torch.equal(found, x.values)


def test_paler_copies_of_a_linear_model() -> None:
    found = layered(constant, (viewed(paled(4), 4),), 3)(pictures(), OWNER, 5)
    assert torch.allclose(found, constant(pictures(), OWNER, 0) * (1 + 1 / 2 + 1 / 4 + 1 / 8) / 4)


def test_a_picture_may_stay_as_it_is() -> None:
    x = pictures()
    assert torch.allclose(resized(DRAWS, 0.0, 0.5)(x, 0), x.values, atol=1e-5)
    white = x.holding(torch.ones_like(x.values))
    share = resized(DRAWS, 1.0, 0.5)(white, 0).mean(dim=(1, 2, 3))
    assert ((share > 0.2) & (share < 1)).all(), "the rest is black"


def test_pieces_change_places_and_none_is_lost() -> None:
    places = (2 * torch.arange(1000) + 1) / 1000 - 1
    source, middle, part = _exchanged(places, DRAWS.uniform((2, 4), torch.arange(5), "cuts"))
    assert (source.sort(dim=1).values - places).abs().max() < 5 / 1000
    assert (source - middle).abs().max() < 1
    assert [len(one.unique()) for one in part] == [4] * 5


@pytest.mark.parametrize("view", [resized(DRAWS, 1.0, 0.5), shuffled(DRAWS, 2, 24)])
def test_views_know_no_neighbours(view: Any) -> None:
    x = pictures()
    order = torch.tensor([2, 0])
    assert torch.equal(view(x.rows(order), 4), view(x, 4)[order])
    waves = Batch(torch.rand(2, 9), torch.arange(2), torch.tensor([9, 5]))
    assert torch.equal(view(waves, 0), waves.values)


# --- what is made of a slope -------------------------------------------------------------------------------------


def test_a_blur_of_one_value_is_the_kernel() -> None:
    grad = torch.zeros(1, 1, 15, 15)
    grad[0, 0, 7, 7] = 1.0
    blurred = after(smoothed(5))(lambda x_t, owner, draw: grad, 1)(pictures().rows(slice(1)), OWNER[:1], 0)
    across = torch.tensor([math.exp(-4.5 * (place / 2) ** 2) for place in (-2, -1, 0, 1, 2)])
    across = across / across.sum()
    assert torch.allclose(blurred[0, 0, 5:10, 5:10], across.outer(across), atol=1e-6)
    assert blurred.sum() == pytest.approx(1.0, abs=1e-5)
    wave = after(smoothed(3))(lambda x_t, owner, draw: torch.ones(1, 6), 1)(pictures(), OWNER[:1], 0)
    assert torch.allclose(wave[0, 1:-1], torch.ones(4))


def test_variance_tuning_changes_nothing_where_the_slope_is_the_same_all_around() -> None:
    slope = layered(constant, (varied(Linf(0.1), DRAWS, 4, 1.5),), 3)
    for draw in range(3):
        assert torch.allclose(slope(pictures(), OWNER, draw), constant(pictures(), OWNER, 0))


def test_variance_tuning_adds_the_difference_of_the_step_before() -> None:
    asked: list[Tensor] = []

    def slope(x_t: Batch, owner: Tensor, draw: int) -> Tensor:
        asked.append(x_t.values)
        return x_t.values**2

    x, tuned = pictures(), varied(Linf(0.1), DRAWS, 2, 1.5)
    climb = layered(slope, (tuned,), 3)
    assert torch.equal(climb(x, OWNER, 0), x.values**2)
    assert len(asked) == 3
    assert max((one - x.values).abs().max() for one in asked) <= 0.15 + 1e-6
    expected = x.values**2 + (asked[1] ** 2 + asked[2] ** 2) / 2 - x.values**2
    assert torch.allclose(climb(x, OWNER, 1), expected, atol=1e-6)


def test_nesterov_looks_where_the_last_direction_leads() -> None:
    slope = layered(steep, (foreseen(0.5),), 3)
    x = pictures()
    assert torch.equal(slope(x, OWNER, 0), x.values)
    assert torch.allclose(slope(x, OWNER, 1), 1.5 * x.values)
    assert torch.allclose(slope(x.rows(OWNER[1:]), OWNER[1:], 2), 1.75 * x.values[1:])


# --- surrogates --------------------------------------------------------------------------------------------------


def posed(target: Any, *surrogates: Any, radius: float = 0.1, needs: Access = Access.DECISION) -> Problem[Any]:
    x = Batch(torch.rand(4, 1, 28, 28, generator=torch.Generator().manual_seed(1)), torch.arange(4))
    y = wrap(target).answer(x).labels
    owned = tuple(Target(wrap(one), Access.GRADIENT, 4) for one in surrogates)
    return Problem(Target(wrap(target), needs, 4), x, y, Misclassify(), Linf(radius), DRAWS, surrogates=owned)


@pytest.mark.parametrize("mixture", ["scores", "losses", "longitudinal"])
def test_surrogates_together(mixture: Any) -> None:
    nets = [small_cnn(1), small_cnn(2)]
    problem, loss = posed(small_cnn(0), *nets), loss_named("cross-entropy")
    weights = torch.tensor([[0.25, 0.75]]).repeat(4, 1)
    everyone = problem.everyone()
    found = surrogate_slope(problem, loss, mixture, weights)(problem.x, everyone, 0)
    values = problem.x.values.clone().requires_grad_()
    scores = [net(values) for net in nets]
    objective = problem.objective(loss)
    if mixture == "longitudinal":
        each = [torch.autograd.grad(objective(one, everyone).sum(), values)[0] for one in scores]
        assert all(any(torch.allclose(row, one[i], atol=1e-6) for one in each) for i, row in enumerate(found))
        return
    whole = (
        objective(0.25 * scores[0] + 0.75 * scores[1], everyone)
        if mixture == "scores"
        else 0.25 * objective(scores[0], everyone) + 0.75 * objective(scores[1], everyone)
    )
    assert torch.allclose(found, torch.autograd.grad(whole.sum(), values)[0], atol=1e-6)


def test_the_target_is_asked_once_and_surrogates_pay() -> None:
    attack = attack_named("mi-fgsm", steps=5)
    problem = posed(small_cnn(0), small_cnn(0), radius=0.5)
    found = attack(problem)
    assert found.reached.all(), "a twin of the target tells all"
    assert problem.target.spent.queries.tolist() == [1] * 4
    assert problem.surrogates[0].spent.backwards.tolist() == [5] * 4


def test_bases_finds_out_which_surrogate_is_worth_it() -> None:
    """Two surrogates that cancel each other: only with other weights than equal ones does anything happen."""
    weights = torch.randn(2, 1, 28, 28, generator=torch.Generator().manual_seed(3))
    true, false = linear(weights), linear(weights.flip(0))
    attack = attack_named("bases", steps=5)
    problem = posed(true, false, true, radius=0.3, needs=Access.SCORES)
    found = attack(problem)
    assert found.reached.all()
    assert problem.target.spent.queries.max() == 3, "equal, more of the first, less of the first"
    assert not attack_named("bases", steps=5, queries=1)(
        posed(true, false, true, radius=0.3, needs=Access.SCORES)
    ).reached.any()


def test_who_owns_nothing_cannot_climb() -> None:
    for name in ("mi-fgsm", "bases"):
        with pytest.raises(InputError, match="no surrogates"):
            attack_named(name)(posed(small_cnn(0), needs=Access.SCORES))
    with pytest.raises(InputError, match="mixture"):
        attack_named("mi-fgsm", mixture="votes")(posed(small_cnn(0), small_cnn(1)))
