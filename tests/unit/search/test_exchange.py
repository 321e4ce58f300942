"""Searches for few pixels, on models whose fewest are known."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from oracles import Watching, linear_case, linear_distance
from torch import Tensor

from unfooled.attacks import attack_named
from unfooled.core.attack import Problem
from unfooled.core.batch import Batch
from unfooled.core.seeds import Draws
from unfooled.core.target import Access, Target
from unfooled.goals import Misclassify
from unfooled.losses import cross_entropy
from unfooled.search.exchange import exchange
from unfooled.search.keeper import Keeper
from unfooled.search.sparse import walk_sparsely
from unfooled.sets.l0 import L0
from unfooled.zoo.small import linear


def posed(function: Callable[[Tensor], Tensor], x: Tensor, y: Tensor, radius: float = math.inf) -> Problem[L0]:
    target = Target(Watching(function), Access.GRADIENT, len(x))
    return Problem(target, Batch(x, torch.arange(len(x))), y, Misclassify(), L0(radius), Draws.of(0))


def counted(problem: Problem[L0], x_adv: Batch) -> list[float]:
    return problem.within.distance(x_adv, problem.x).tolist()


@pytest.mark.parametrize("shape", [(1, 5, 5), (3, 5, 5)])
def test_sigma_zero_changes_the_fewest_pixels_of_a_linear_model(shape: tuple[int, ...]) -> None:
    """The closed form: the pixels that gain most, all their colours together, until the gap is crossed."""
    weights, bias, x, y = linear_case(8, 2, shape, seed=3)
    bias = bias + torch.tensor([3.0 * shape[0], 0.0])  # so far that one pixel is not enough
    y = linear(weights, bias)(x).argmax(dim=1)
    fewest = linear_distance(weights, bias, x, y, "l0")
    assert len(fewest.unique()) > 1
    assert fewest.max() >= 3
    problem = posed(linear(weights, bias), x, y)
    found = attack_named("sigma-zero", steps=10)(problem)
    assert found.reached.all()
    assert counted(problem, found.x_adv) == fewest.tolist()


def test_needless_pixels_go_and_better_ones_come() -> None:
    """From a success that changes every pixel but the best two, the exchange comes to the closed form."""
    weights, bias, x, y = linear_case(4, 2, (1, 6, 6), seed=5)
    bias = bias + torch.tensor([3.0, 0.0])
    y = linear(weights, bias)(x).argmax(dim=1)
    fewest = linear_distance(weights, bias, x, y, "l0")
    slope = weights[1 - y] - weights[y]
    gain = slope * torch.where(slope > 0, 1 - x, -x)
    best = gain.flatten(1) >= gain.flatten(1).topk(2, dim=1).values[:, 1:]
    poor = torch.where(best.view_as(x), x, (slope > 0).float())
    problem = posed(linear(weights, bias), x, y)
    keeper = Keeper(problem, nearest=True)
    owner, start = problem.everyone(), problem.x.holding(poor)
    keeper.keep(owner, start, torch.zeros(4), problem.target.answer(start, owner))
    assert keeper.distance(owner).tolist() == [34.0] * 4
    exchange(keeper, cross_entropy, 12)
    assert keeper.distance(owner).tolist() == fewest.tolist()


def test_the_exchange_does_not_run_in_circles() -> None:
    """Two of the first five pixels fool together; the last fools alone, but no slope says so until it is tried."""

    def misleading(x: Tensor) -> Tensor:
        first, lone = x[:, :5], x[:, 5]
        score = 0.8 * first.sum(dim=1) + 0.01 * lone + 1.6 * lone**8 - 1.5
        return torch.stack((torch.zeros_like(score), score), dim=1)

    problem = posed(misleading, torch.zeros(1, 6), torch.tensor([0]))
    keeper = Keeper(problem, nearest=True)
    exchange(keeper, cross_entropy, 30)
    assert keeper.distance(problem.everyone()).tolist() == [1.0]


def test_what_is_shown_keeps_to_the_radius() -> None:
    """Where the radius is too small, both searches use all of it and no more."""
    weights, bias, x, y = linear_case(4, 3, (2, 4, 4), seed=1)
    bias = bias + 40.0 * torch.nn.functional.one_hot(y[0], 3)
    y = linear(weights, bias)(x).argmax(dim=1)
    problem = posed(linear(weights, bias), x, y, radius=2)
    keeper = Keeper(problem, nearest=True)
    walk_sparsely(keeper, 5)
    exchange(keeper, cross_entropy, 10)
    found = keeper.found()
    assert not found.reached.any()
    assert counted(problem, found.x_adv) == [2.0] * 4
    assert problem.target.spent.backwards.tolist() == [15] * 4
    assert problem.target.spent.forwards.tolist() == [17] * 4


def test_a_radius_is_spent_on_what_gains_most() -> None:
    """Pixels that go far but gain little must make room, although a projection would keep them."""
    gain = torch.tensor([3.0, 3.0, 3.0, 1.0, 1.0, 1.0])
    room = torch.tensor([0.2, 0.2, 0.2, 1.0, 1.0, 1.0])

    def score(x: Tensor) -> Tensor:
        margin = ((x - (1 - room)) / room * gain).sum(dim=1) - 8.0
        return torch.stack((torch.zeros_like(margin), margin), dim=1)

    problem = posed(score, (1 - room).unsqueeze(0), torch.tensor([0]), radius=3)
    keeper = Keeper(problem, nearest=True)
    exchange(keeper, cross_entropy, 12)
    assert keeper.distance(problem.everyone()).tolist() == [3.0]
