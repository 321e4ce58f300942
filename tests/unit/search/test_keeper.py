"""What the keeper remembers: the first success, else the best point; what a file cannot hold is no end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from oracles import Watching
from torch import Tensor

from unfooled.core.answer import Labels
from unfooled.core.attack import Hints, Problem
from unfooled.core.batch import Batch
from unfooled.core.seeds import Draws
from unfooled.core.target import Access, Target
from unfooled.goals import Misclassify
from unfooled.search.keeper import Keeper
from unfooled.sets.linf import Linf

N = 4
X = Batch(torch.full((N, 1), 0.5), torch.arange(N))


def above(values: Tensor) -> Tensor:
    """Class 1 from 0.7 on."""
    return torch.cat([torch.zeros_like(values), values - 0.7], dim=1)


def keeper(**more: Any) -> Keeper[Any]:
    budget = more.pop("budget", None)
    target = Target(Watching(above), Access.SCORES, N, budget=budget)
    goal, within = Misclassify(), Linf(0.5)
    return Keeper(Problem(target, X, torch.zeros(N, dtype=torch.int64), goal, within, Draws.of(0), **more))


def points(*values: float) -> Batch:
    return Batch(torch.tensor(values).unsqueeze(1), torch.arange(len(values)))


def told(kept: Keeper[Any], owner: list[int], at: list[float], loss: list[float]) -> list[bool]:
    """Keep points whose label follows from their values; gives who should go on."""
    labels = Labels((torch.tensor(at) > 0.7).long())
    return kept.keep(torch.tensor(owner), points(*at), torch.tensor(loss), labels).tolist()


def values(kept: Keeper[Any]) -> list[float]:
    return [round(one, 4) for one in kept.found().x_adv.values.flatten().tolist()]


def test_nothing_seen_is_x_itself() -> None:
    found = keeper().found()
    assert torch.equal(found.x_adv.values, X.values)
    assert not found.reached.any()
    assert found.trace is None
    assert (found.loss == -torch.inf).all()


def test_the_first_success_stays_and_the_best_failure_goes_on() -> None:
    kept = keeper()
    assert told(kept, [0, 1, 2, 3], [0.6, 0.8, 0.4, 0.3], [3.0, 1.0, 2.0, 0.0]) == [True, False, True, True]
    assert kept.open().tolist() == [0, 2, 3]
    assert told(kept, [0, 2, 3], [0.55, 0.45, 0.9], [1.0, 5.0, -9.0]) == [True, True, False]
    assert values(kept) == [0.6, 0.8, 0.45, 0.9]
    found = kept.found()
    assert found.reached.tolist() == [False, True, False, True]
    assert found.loss.tolist() == [3.0, 1.0, 5.0, -9.0]
    assert told(kept, [1, 3], [0.95, 0.99], [99.0, 99.0]) == [False, False]
    assert values(kept) == [0.6, 0.8, 0.45, 0.9], "later successes and better losses change nothing"
    assert found.trace is not None
    assert found.trace.shape == (2, N)
    assert found.trace.nan_to_num(nan=7.0).tolist() == [[3.0, 1.0, 2.0, 0.0], [1.0, 7.0, 5.0, -9.0]]


def test_rows_may_come_in_any_order() -> None:
    """Also when all examples are there at once."""
    kept = keeper()
    assert told(kept, [2, 0, 3, 1], [0.2, 0.0, 0.8, 0.1], [2.0, 0.0, 3.0, 1.0]) == [True, True, False, True]
    assert values(kept) == [0.0, 0.1, 0.2, 0.8]
    assert kept.found().loss.tolist() == [0.0, 1.0, 2.0, 3.0]
    assert kept.found().reached.tolist() == [False, False, False, True]


def test_what_is_kept_is_a_copy() -> None:
    kept = keeper()
    mine = torch.full((N, 1), 0.6)
    kept.keep(torch.arange(N), X.holding(mine), torch.ones(N), Labels(torch.zeros(N, dtype=torch.int64)))
    mine.fill_(0.1)
    assert values(kept) == [0.6] * N
    begun = keeper()
    begun.found().x_adv.values.fill_(9)
    assert (X.values == 0.5).all()


def test_losses_that_are_no_numbers_never_win() -> None:
    kept = keeper()
    told(kept, [0, 1, 2, 3], [0.1, 0.2, 0.3, 0.9], [float("nan")] * 4)
    assert values(kept) == [0.5, 0.5, 0.5, 0.9], "a success needs no loss"
    told(kept, [0, 1, 2], [0.15, 0.25, 0.35], [-5.0, float("nan"), -1.0])
    assert values(kept) == [0.15, 0.5, 0.35, 0.9]


def test_a_start_is_kept_till_something_is_better() -> None:
    start = points(0.1, 0.2, 0.3, 0.4)
    kept = keeper(start=start)
    assert values(kept) == [0.1, 0.2, 0.3, 0.4]
    told(kept, [1], [0.6], [-100.0])
    assert values(kept) == [0.1, 0.6, 0.3, 0.4]
    assert start.values[1].item() == pytest.approx(0.2)


def test_lengths_follow_their_values() -> None:
    """Points of other lengths than x, as insertions make them."""
    begin = Batch(torch.zeros(N, 5, dtype=torch.int64), torch.arange(N), torch.tensor([2, 2, 2, 2]))
    kept = keeper(start=begin)
    for owner, lengths in (([1, 3], [3, 5]), ([3, 2, 1, 0], [1, 4, 5, 2])):
        rows = Batch(torch.full((len(owner), 5), len(owner)), torch.tensor(owner), torch.tensor(lengths))
        loss = torch.full((len(owner),), float(len(owner)))
        kept.keep(torch.tensor(owner), rows, loss, Labels(torch.zeros(len(owner), dtype=torch.int64)))
        found = kept.found().x_adv
        assert found.lengths is not None
        assert [int(found.lengths[one]) for one in owner] == lengths
    assert begin.lengths is not None
    assert begin.lengths.tolist() == [2, 2, 2, 2]


def rounding(levels: int) -> Callable[[Batch, Batch], Batch]:
    return lambda x_adv, x: x_adv.holding((x_adv.values * levels).round() / levels)


def test_a_success_that_rounding_undoes_is_remembered_but_no_end() -> None:
    """On a grid of tenths, 0.72 falls back to 0.7, which fools nobody; 0.78 rises to 0.8."""
    kept = keeper(settle=rounding(10))
    assert told(kept, [0, 1, 2, 3], [0.72, 0.78, 0.3, 0.74], [1.0, 2.0, 0.0, 5.0]) == [True, False, True, True]
    assert values(kept) == [0.72, 0.8, 0.3, 0.74], "a settled success is kept as the file holds it"
    assert kept.found().reached.tolist() == [True, True, False, True]
    assert kept.problem.target.spent.queries.tolist() == [1, 1, 0, 1], "each check costs an answer"
    assert told(kept, [0, 2, 3], [0.6, 0.4, 0.71], [50.0, 1.0, 60.0]) == [True, True, True]
    assert values(kept) == [0.72, 0.8, 0.4, 0.74], "no failure and no second unsettled success replaces the first"
    assert told(kept, [0, 3], [0.79, 0.2], [-9.0, 99.0]) == [False, True]
    assert values(kept) == [0.8, 0.8, 0.4, 0.74]
    assert kept.open().tolist() == [2, 3]


def test_a_check_of_the_file_stays_within_the_budget() -> None:
    kept = keeper(settle=rounding(10), budget=2)
    kept.problem.target.answer(X, torch.arange(N))
    kept.problem.target.answer(X.rows(slice(0, 1)), torch.tensor([0]))
    assert told(kept, [0, 1, 2, 3], [0.78, 0.78, 0.3, 0.3], [0.0] * 4) == [False, False, True, True]
    assert values(kept) == [0.78, 0.8, 0.3, 0.3]
    assert kept.found().reached.tolist() == [True, True, False, False]
    assert kept.problem.target.spent.queries.tolist() == [2, 2, 1, 1]
    assert kept.open().tolist() == [2, 3]


def test_who_cannot_pay_is_not_open() -> None:
    kept = keeper(budget=1)
    kept.problem.target.answer(X.rows(slice(1, 3)), torch.tensor([1, 2]))
    assert kept.open().tolist() == [0, 3]
    assert told(kept, [1, 3], [0.1, 0.1], [1.0, 1.0]) == [False, True]


def test_hints_are_handed_on() -> None:
    order = torch.tensor([[0, 1]] * N)
    found = keeper(hints=Hints(order=order)).found()
    assert found.hints.order is order
