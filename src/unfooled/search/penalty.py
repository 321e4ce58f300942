"""Weigh distance against loss: descend penalised problems, each example with a weight that is searched for.

Where a success is nearest, the gradients of the penalty and of the weighted margin balance. So a plane through the
boundary tells a weight; what is searched for is how many times that weight it takes.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from unfooled.core.rows import inner, total, wide
from unfooled.core.threat import Ball, Loss

from .deepfool import least
from .keeper import Keeper
from .polish import beyond
from .transforms import chained

_SURPLUS = 6.0  # times the weight that the plane tells: less finds nothing where the scores bend, more goes too far
_GROWTH = 10.0  # of the weight where it found nothing
_SHORTEST = 4  # steps of a round


class Place(NamedTuple):
    """Where examples stand in their descents.

    Attributes:
        x_t: Points, (r, ...).
        x: Clean examples, (r, ...).
        push: Gradient of the weighted margin, (r, ...); zero where the margin is large enough.
        step: About how far a value should move now, (r, 1, ...).
        age: Steps since the descent began.
        memory: What the descent remembered, (r, memory, ...); zero where it begins.
    """

    x_t: Tensor
    x: Tensor
    push: Tensor
    step: Tensor
    age: int
    memory: Tensor


class Descent(Protocol):
    """A way to make the penalty of a change less the weighted margin small, step by step."""

    @property
    def memory(self) -> int:
        """How many tensors like x_t it remembers."""
        ...

    def rise(self, delta: Tensor) -> Tensor:
        """Tell how fast the penalty of changes (r, ...) grows along them: <its gradient, delta>, (r,) float64."""
        ...

    def moved(self, place: Place) -> tuple[Tensor, Tensor]:
        """Go one step: points (r, ...) and what to remember, (r, memory, ...)."""
        ...


def penalise(keeper: Keeper[Ball], margin: Loss, descent: Descent, steps: int, rounds: int) -> None:
    """Look for the nearest success by descents with several weights, one a round.

    A round begins at the nearest success. The plane that the margin looks like there tells its weight and the size of
    its steps, and each round takes half as many times that weight. As long as there is no success, a round begins
    on the plane told from the best point, or once, twice, ... as far again, and takes ten times the weight.

    Costs at most `steps` forwards and backwards an example.

    Args:
        keeper: Looks for the nearest success; holds the problem.
        margin: A loss that is positive where the goal is reached.
        descent: How a penalised problem is solved.
        steps: Steps of each example, 1 or more.
        rounds: Weights tried, 1 or more; fewer where a round would have less than four steps.
    """
    everyone = keeper.problem.everyone()
    surplus = torch.full_like(everyone, _SURPLUS, dtype=torch.float64)
    rounds = max(1, min(rounds, steps // _SHORTEST))
    for k in range(rounds):
        span = (k + 1) * steps // rounds - k * steps // rounds
        _descend(keeper, margin, descent, span, surplus, reach=k + 1.0)
        surplus *= torch.where(keeper.distance(everyone).isfinite(), 0.5, _GROWTH)


def _descend(
    keeper: Keeper[Ball], margin: Loss, descent: Descent, steps: int, surplus: Tensor, *, reach: float
) -> None:
    """Go one round, with `surplus` (n,) times the weights that the planes tell, from `reach` times their distance."""
    problem = keeper.problem
    within, objective, clean = problem.within, problem.objective(margin), chained((), len(problem.x))
    owner = keeper.open()
    x, x_t = problem.x.rows(owner), keeper.proposals(owner)
    memory = x_t.values.new_zeros((len(owner), descent.memory, *x_t.values.shape[1:]))
    weight = size = torch.zeros_like(surplus)
    for k in range(steps):
        if not len(owner):
            return
        seen = problem.target.gradient(x_t, objective, owner)
        going_on, far = keeper.keep(owner, x_t, seen.loss, seen.answer), keeper.distance(owner)
        grad, lacking = clean(seen.grad, owner), beyond(seen.answer, seen.loss).nan_to_num(nan=0.0)
        if k == 0:
            gained = inner(grad, x_t.values.double() - x.values.double())
            gap = (gained + lacking).maximum(least(within, grad))
            weight, size = _told(descent, grad, within.cross(x, grad, gap).values.double() - x.values.double())
            weight = weight * surplus[owner]
        short = (lacking > 0) | far.isinf()  # what the carrier cannot hold is no success
        push = grad * wide(torch.where(short, weight, 0.0), grad).to(grad.dtype)
        share = k / steps
        step = wide(size * (1 - share * share * (3 - 2 * share)), grad).to(grad.dtype)
        moved, memory = descent.moved(Place(x_t.values, x.values, push, step, k, memory))
        if k == 0:
            moved = torch.where(wide(far.isinf(), moved), within.cross(x, grad, reach * gap).values, moved)
        x_t = within.project(x.holding(moved), x)
        owner, x, x_t, memory = owner[going_on], x.rows(going_on), x_t.rows(going_on), memory[going_on]
        weight, size = weight[going_on], size[going_on]


def _told(descent: Descent, grad: Tensor, delta: Tensor) -> tuple[Tensor, Tensor]:
    """Tell from changes that lead to the plane the weights that balance there, and how far a value moves, (r,) each."""
    gained, moved = inner(grad, delta), total(delta.abs())
    weight = torch.where(gained > 0, descent.rise(delta) / gained.clamp(min=1e-300), 0.0)
    return weight, total(delta.square()) / moved.clamp(min=1e-300)
