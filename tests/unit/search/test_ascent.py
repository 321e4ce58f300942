"""Plain climbing, momentum, random points and the order of rival classes."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from oracles import Watching
from torch import Tensor

from unfooled.core.attack import Hints, Problem
from unfooled.core.batch import Batch
from unfooled.core.seeds import Draws
from unfooled.core.target import Access, Target
from unfooled.goals import Misclassify
from unfooled.losses import margin
from unfooled.search.ascent import ascend
from unfooled.search.keeper import Keeper
from unfooled.search.random import sample
from unfooled.search.rivals import likeliest_others
from unfooled.search.transforms import chained, momentum
from unfooled.sets.linf import Linf

X = Batch(torch.tensor([[0.5], [0.5], [0.5]]), torch.arange(3))
Y = torch.zeros(3, dtype=torch.int64)


def posed(model: Watching, access: Access = Access.GRADIENT, **more: Any) -> Keeper[Linf]:
    target = Target(model, access, 3, budget=more.pop("budget", None))
    return Keeper(Problem(target, X, Y, Misclassify(), Linf(0.2), Draws.of(0), **more))


def hard(values: Tensor) -> Tensor:
    """Class 1 is never reached; its score rises with x."""
    return torch.cat([torch.zeros_like(values), values - 9], dim=1)


def test_steps_are_of_one_size_and_stay_inside() -> None:
    model = Watching(hard)
    ascend(posed(model), margin, 5, 0.06)
    visited = [round(float(point.values[0]), 5) for point in model.points]
    assert visited == pytest.approx([0.5, 0.56, 0.62, 0.68, 0.7, 0.7], abs=1e-6)


def test_no_steps_ask_once() -> None:
    model = Watching(hard)
    keeper = posed(model)
    ascend(keeper, margin, 0, 0.06)
    assert model.rows == 3
    assert keeper.problem.target.spent.backwards.tolist() == [0, 0, 0]


def test_each_leaves_when_it_falls() -> None:
    """Three thresholds, three moments: rows shrink, and each keeps the point at which it fell."""
    limits = torch.tensor([0.53, 0.62, 5.0])

    def model(values: Tensor) -> Tensor:
        return torch.cat([torch.zeros_like(values), values], dim=1)

    class Own(Watching):
        def outputs(self, x: Batch, prompt: Tensor | None = None) -> Tensor:
            scores = super().outputs(x)
            return scores - torch.tensor([0.0, 1.0]) * limits[x.ids].unsqueeze(1)

    watching = Own(model)
    keeper = posed(watching)
    ascend(keeper, margin, 5, 0.05)
    assert watching.sizes == [3, 3, 2, 2, 1, 1]
    assert keeper.found().x_adv.values.flatten().tolist() == pytest.approx([0.55, 0.65, 0.7], abs=1e-6)
    assert keeper.found().reached.tolist() == [True, True, False]
    assert keeper.problem.target.spent.forwards.tolist() == [2, 4, 6]
    assert keeper.problem.target.spent.backwards.tolist() == [2, 4, 5]


def test_toward_names_a_class_for_each_example() -> None:
    asked: list[Any] = []

    def loss(scores: Tensor, held: Tensor, wanted: Tensor) -> Tensor:
        asked.append((held.int().argmax(dim=1).tolist(), wanted.int().argmax(dim=1).tolist()))
        return margin(scores, held, wanted)

    model = Watching(lambda x: torch.cat([x * 0 + 5, x, -x, x * 0], dim=1))
    ascend(posed(model), loss, 1, 0.1, toward=torch.tensor([1, 2, 3]))
    assert asked[0] == ([0, 0, 0], [1, 2, 3])
    assert model.points[1].values.flatten().tolist() == pytest.approx([0.6, 0.4, 0.5], abs=1e-6)


def test_gradients_are_transformed_before_they_become_steps() -> None:
    model = Watching(hard)
    ascend(posed(model), margin, 2, 0.05, transforms=(lambda n: lambda grad, owner: grad - 3, momentum(1.0)))
    assert [round(float(point.values[0]), 5) for point in model.points] == [0.5, 0.45, 0.4]


def test_momentum_is_a_fading_sum_of_gradients_of_mean_size_one() -> None:
    update = momentum(0.5)(3)
    first = torch.tensor([[2.0, -4.0], [1e-30, 0.0], [0.0, 0.0]])
    assert torch.allclose(update(first, torch.arange(3)), torch.tensor([[2 / 3, -4 / 3], [2.0, 0.0], [0.0, 0.0]]))
    second = update(torch.tensor([[0.0, 1.0]]), torch.tensor([0]))
    assert torch.allclose(second, torch.tensor([[1 / 3, 2 - 2 / 3]]))
    third = update(torch.tensor([[1.0, 1.0], [3.0, -3.0]]), torch.tensor([2, 0]))
    assert torch.allclose(third, torch.tensor([[1.0, 1.0], [1 + 1 / 6, -1 + 0.5 * (2 - 2 / 3)]]))


def test_each_search_has_its_own_momentum() -> None:
    transform = momentum(1.0)
    one, other = transform(1), transform(1)
    grad, owner = torch.tensor([[1.0, 1.0]]), torch.tensor([0])
    assert torch.equal(one(grad, owner), other(grad, owner))
    assert not torch.equal(one(grad, owner), grad)


def test_momentum_does_not_hang_on_the_batch() -> None:
    """One long row is summed by all threads, many rows by one each: the mean must not show it."""
    grad = torch.randn(6, 3, 224, 224, generator=torch.Generator().manual_seed(0)).double()
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        together = momentum(1.0)(6)(grad, torch.arange(6))
        for row in range(6):
            assert torch.equal(momentum(1.0)(6)(grad[row : row + 1], torch.tensor([row]))[0], together[row])
    finally:
        torch.set_num_threads(before)


def test_what_is_no_number_is_no_direction() -> None:
    grad = torch.tensor([[float("nan"), 1.0, float("inf"), -float("inf")]])
    assert chained((), 1)(grad, torch.tensor([0])).tolist() == [[0.0, 1.0, 0.0, 0.0]]


def test_sampling_stops_with_the_first_hit_and_the_budget() -> None:
    model = Watching(lambda x: torch.cat([x * 0, x - 0.65], dim=1))
    keeper = posed(model, Access.DECISION, budget=3)
    steps = {0: 0.5, 1: 0.66, 2: 0.1, 3: 0.69}

    def draw(x: Batch, number: int) -> Batch:
        return x.holding(torch.where(x.ids.unsqueeze(1) == 0, steps[number], 0.5 + number / 100))

    sample(keeper, draw, 4)
    assert keeper.problem.target.spent.queries.tolist() == [2, 3, 3]
    assert keeper.found().x_adv.values.flatten().tolist() == pytest.approx([0.66, 0.5, 0.5])
    assert keeper.found().reached.tolist() == [True, False, False]


SCORES = torch.tensor([[9.0, 1.0, 5.0, 3.0], [1.0, 7.0, 7.0, 2.0], [0.0, 0.0, 0.0, 1.0]])


@pytest.mark.parametrize("hinted", [True, False])
def test_rivals_are_ranked_without_the_label(hinted: bool) -> None:
    model = Watching(lambda x: SCORES[: len(x)] + x * 0)
    y = torch.tensor([0, 2, 1])
    hints = Hints(SCORES.argsort(dim=1, descending=True, stable=True)) if hinted else Hints()
    target = Target(model, Access.GRADIENT, 3)
    problem = Problem(target, X, y, Misclassify(), Linf(0.2), Draws.of(0), hints=hints)
    others = likeliest_others(problem, 9)
    assert torch.stack(others, dim=1).tolist() == [[2, 3, 1], [1, 3, 0], [3, 0, 2]]
    assert torch.equal(likeliest_others(problem, 1)[0], others[0])
    assert target.spent.forwards.tolist() == ([0, 0, 0] if hinted else [2, 2, 2])


def test_rivals_are_not_asked_for_by_who_cannot_pay() -> None:
    model = Watching(lambda x: SCORES[:1].repeat(len(x), 1) + x * 0)
    target = Target(model, Access.GRADIENT, 3, budget=1, already=torch.tensor([1, 0, 1]))
    problem = Problem(target, X, Y, Misclassify(), Linf(0.2), Draws.of(0))
    others = likeliest_others(problem, 2)
    assert [int(one[1]) for one in others] == [2, 3]
    assert all(len(one) == 3 and (one != 0).all() for one in others)
    assert target.spent.forwards.tolist() == [0, 1, 0]
    assert likeliest_others(problem, 2) == []
