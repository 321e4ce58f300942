"""Auto-PGD's schedule and steps against the paper, on functions whose climb is known."""

from __future__ import annotations

from functools import partial

import pytest
import torch
from oracles import Watching
from torch import Tensor

from unfooled.core.attack import Problem
from unfooled.core.batch import Batch
from unfooled.core.seeds import Draws
from unfooled.core.target import Access, Target
from unfooled.goals import Misclassify
from unfooled.losses import margin
from unfooled.search.apgd import checkpoints, climb_adaptively
from unfooled.search.keeper import Keeper
from unfooled.sets.linf import Linf


def test_checkpoints_of_a_hundred_steps_are_the_papers() -> None:
    assert checkpoints(100) == [22, 41, 57, 70, 80, 87, 93, 99]


@pytest.mark.parametrize("steps", [1, 2, 3, 5, 7, 10, 20, 50, 1000])
def test_checkpoints_follow_the_rule(steps: int) -> None:
    """p0 = 0, p1 = 0.22, p(j+1) = p(j) + max(p(j) - p(j-1) - 0.03, 0.06), in whole hundredths."""
    shares, gap = [22], 22
    while shares[-1] < 100:
        gap = max(gap - 3, 6)
        shares.append(shares[-1] + gap)
    assert checkpoints(steps) == sorted({-(-share * steps // 100) for share in shares if share < 100})


def climbed(function: object, steps: int, radius: float, begin: float) -> tuple[list[float], Keeper[Linf]]:
    """Points that one example of one value visits while its margin climbs; it never falls."""
    model = Watching(lambda x: torch.cat([torch.zeros_like(x), function(x) - 1e6], dim=1))  # type: ignore[operator]
    x = Batch(torch.tensor([[0.5]]), torch.tensor([1]))
    target = Target(model, Access.GRADIENT, 1)
    problem = Problem(target, x, torch.tensor([0]), Misclassify(), Linf(radius), Draws.of(0))
    keeper = Keeper(problem)
    climb_adaptively(keeper, margin, steps, lambda x: x.holding(torch.tensor([[begin]])))
    return [float(point.values) for point in model.points], keeper


def test_steps_are_the_papers() -> None:
    """A step of twice the radius, momentum 0.75 from the second on, and back to the best when halved."""

    def function(x: Tensor) -> Tensor:
        return -(x - 0.47).abs() * 1e7  # so steep that float32 sees it beside the offset

    visited, keeper = climbed(function, 10, 0.1, 0.5)
    wanted = by_hand(lambda x: -abs(x - 0.47), lambda x: -1.0 if x > 0.47 else 1.0, 10, 0.1, 0.5)
    assert visited == pytest.approx(wanted, abs=2e-6)
    best = min(wanted, key=lambda x: abs(x - 0.47))
    assert float(keeper.found().x_adv.values) == pytest.approx(best, abs=2e-6)


def by_hand(loss: object, slope: object, steps: int, radius: float, begin: float) -> list[float]:
    """Algorithm 1 of the paper in scalars, written from its text."""

    def project(x: float) -> float:
        return min(max(x, 0.5 - radius), 0.5 + radius)

    step = then = 2 * radius
    visited = [begin]
    x, before = begin, begin
    f = [loss(begin)]  # type: ignore[operator]
    best_x, best_f = begin, f[0]
    best_then, gains, last = best_f, 0, 0
    for k in range(steps):
        z = project(x + step * slope(x))  # type: ignore[operator]
        new = z if k == 0 else project(x + 0.75 * (z - x) + 0.25 * (x - before))
        visited.append(new)
        f.append(loss(new))  # type: ignore[operator]
        gains += f[-1] > f[-2]
        before, x = x, new
        if f[-1] > best_f:
            best_x, best_f = new, f[-1]
        if k + 1 in checkpoints(steps):
            if gains < 0.75 * (k + 1 - last) or (step == then and best_f == best_then):
                then, step, x = step, step / 2, best_x
            else:
                then = step
            best_then, gains, last = best_f, 0, k + 1
    return visited


@pytest.mark.parametrize(("steps", "peak"), [(22, 0.4531), (37, 0.541), (15, 0.5811)])
def test_steps_are_the_papers_elsewhere(steps: int, peak: float) -> None:
    visited, _ = climbed(lambda x: -(x - peak).abs() * 1e7, steps, 0.1, 0.52)
    wanted = by_hand(lambda x: -abs(x - peak), lambda x: -1.0 if x > peak else 1.0, steps, 0.1, 0.52)
    assert visited == pytest.approx(wanted, abs=3e-6)
    assert min(abs(one - peak) for one in visited) < 0.02


def test_one_step_and_costs() -> None:
    for steps in (1, 2, 9):
        visited, keeper = climbed(lambda x: x * 1e5, steps, 0.1, 0.5)
        assert len(visited) == steps + 1
        assert keeper.problem.target.spent.forwards.tolist() == [steps + 1]
        assert keeper.problem.target.spent.backwards.tolist() == [steps]
        assert visited[-1] == pytest.approx(0.6, abs=1e-6)


def test_examples_do_not_share_steps() -> None:
    """Each example earns its own step size: one climbs on, its neighbour oscillates and halves."""

    def model(x: Tensor) -> Tensor:
        steady, shaky = x * 1e4, -(x - 0.5).abs() * 1e4
        return torch.cat([torch.zeros_like(x), torch.where(torch.arange(len(x))[:, None] == 0, steady, shaky) - 1e5], 1)

    x = Batch(torch.full((2, 1), 0.5), torch.arange(2))
    watching = Watching(model)
    target = Target(watching, Access.GRADIENT, 2)
    problem = Problem(target, x, torch.zeros(2, dtype=torch.int64), Misclassify(), Linf(0.1), Draws.of(0))
    climb_adaptively(Keeper(problem), margin, 20, lambda x: x.holding(torch.tensor([[0.42], [0.42]])))
    last = watching.points[-1].values.flatten().tolist()
    assert last[0] == pytest.approx(0.6, abs=1e-6)
    assert abs(last[1] - 0.5) < 0.09


def test_nobody_open_asks_nothing() -> None:
    x = Batch(torch.full((2, 1), 0.5), torch.arange(2))
    watching = Watching(lambda x: torch.cat([x, -x], dim=1))
    target = Target(watching, Access.GRADIENT, 2, budget=1, already=torch.tensor([1, 1]))
    problem = Problem(target, x, torch.zeros(2, dtype=torch.int64), Misclassify(), Linf(0.1), Draws.of(0))
    climb_adaptively(Keeper(problem), margin, 5, partial(Linf(0.1).start, draws=Draws.of(0)))
    assert watching.rows == 0
