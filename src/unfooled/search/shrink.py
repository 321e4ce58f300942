"""Walk on a ball around x that shrinks while the walk succeeds and grows while it fails."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from unfooled.core.batch import Batch
from unfooled.core.rows import inner, length, unit, wide
from unfooled.core.threat import Ball, Loss

from .keeper import Keeper
from .transforms import chained

Schedule = Callable[[float], float]
"""Share of the steps that are done, 0 to 1 -> a size."""

_LEAST = 1e-4  # of the range: where x lies on the boundary itself, the walk has to begin somewhere
BEYOND = 2.0  # boundaries bend away more often than not: aim at twice what seems to be missing
_FURTHEST = 4.0  # a tangent may put the boundary anywhere: the radius grows at most so many times in one step


def cosine(first: float, last: float) -> Schedule:
    """Fall from `first` to `last` along half a cosine."""
    return lambda share: last + (first - last) * (1 + math.cos(math.pi * share)) / 2


def shrink(keeper: Keeper[Ball], loss: Loss, steps: int, step: Schedule, change: Schedule, *, on_rim: bool) -> None:
    """Look for the nearest success by steps along the gradient, each example with a radius of its own.

    Sizes are told by the linearised distance to the boundary at x: a step is `step` times as long, and the radius
    begins at it. After a success the radius is that of the nearest one less a share `change`; after a failure it
    grows by that share, and before the first success at least to where the boundary seems to be. Until then every
    point lies on the rim: a gradient that is small at x would hold the walk there.

    Costs at most steps + 1 forwards and `steps` backwards an example.

    Args:
        keeper: Looks for the nearest success; holds the problem.
        loss: What to climb.
        steps: Steps of each example, 1 or more.
        step: Length of a step.
        change: Share by which the radius changes.
        on_rim: Whether every point is brought to the ball's rim after the first success too, or only into the ball.
    """
    problem = keeper.problem
    target, within, goal = problem.target, problem.within, problem.goal
    objective, clean = problem.objective(loss), chained((), len(problem.x))
    owner = keeper.open()
    if not len(owner):
        return
    x, x_t = problem.x.rows(owner), problem.beginning(owner)
    sizes = torch.zeros(len(owner), 3)
    for k in range(steps):
        seen = target.gradient(x_t, objective, owner)
        going_on = keeper.keep(owner, x_t, seen.loss, seen.answer)
        grad, margin = clean(seen.grad, owner), goal.margin(seen.answer, problem.y[owner]).double()
        missing, far = margin.neg().clamp(min=0), keeper.distance(owner)
        if k == 0:
            sizes = _seeming(within, grad, x, missing)
        else:
            held = problem.reached(seen.answer, owner) & far.isfinite()  # what the carrier cannot hold is no success
            radius, by = sizes[:, 0], change(k / steps)
            seems = _seems(within, grad, x_t, x, missing).minimum(_FURTHEST * radius)
            grown = torch.where(far.isinf(), seems.maximum(radius * (1 + by)), radius * (1 + by))
            sizes[:, 0] = torch.where(held, far.minimum(radius) * (1 - by), grown).clamp(max=within.radius)
        owner, x, x_t, grad = owner[going_on], x.rows(going_on), x_t.rows(going_on), grad[going_on]
        sizes, missing, far = sizes[going_on], missing[going_on], far[going_on]
        if not len(owner):
            return
        if k == 0:
            x_t = within.project(within.cross(x, grad, BEYOND * missing), x)
            continue
        walked = x_t.values.double() - x.values.double() + step(k / steps) * _ahead(within, grad, x_t, x, sizes)
        x_t = _walked(within, x, walked, sizes[:, 0], on_rim | far.isinf())
    last = target.losses(x_t, objective, owner)
    keeper.keep(owner, x_t, last.loss, last.answer)


def _seeming(within: Ball, grad: Tensor, x: Batch, missing: Tensor) -> Tensor:
    """Tell how far the boundary seems to be from x, (r, 3): the radius to begin with, by the set, by Euclid."""
    crossed = within.cross(x, grad, BEYOND * missing)
    furthest = within.cross(x, grad, torch.full_like(missing, torch.inf))
    by_set, by_length = (
        one.maximum(_LEAST * most)
        for one, most in (
            (within.distance(crossed, x), within.distance(furthest, x)),
            (length(crossed.values - x.values), length(furthest.values - x.values)),
        )
    )
    return torch.stack((by_set.clamp(max=within.radius), by_set, by_length), dim=1)


def _seems(within: Ball, grad: Tensor, x_t: Batch, x: Batch, missing: Tensor) -> Tensor:
    """Tell how far from x the boundary seems to be when looked at from x_t, (r,)."""
    away = missing / inner(grad, within.steepest(grad, x_t, x)).clamp(min=1e-300)
    return within.distance(x_t, x) + BEYOND * away


def _ahead(within: Ball, grad: Tensor, x_t: Batch, x: Batch, sizes: Tensor) -> Tensor:
    """Give a step as long as the way to the boundary seemed from x, by the set's measure and by Euclid's.

    It is the steepest one, or goes along the gradient where the steepest moves less than a quarter of the values.
    """
    steepest = within.steepest(grad, x_t, x)
    moved, able = ((one != 0).flatten(1).sum(dim=1) for one in (steepest, grad))
    _, by_set, by_length = sizes.unbind(dim=1)
    along = unit(grad) * wide(by_length, grad)
    return torch.where(wide(4 * moved < able, grad), along, steepest * wide(by_set, grad))


def _walked(within: Ball, x: Batch, walked: Tensor, radius: Tensor, on_rim: Tensor) -> Batch:
    """Bring x + walked into each example's ball, or to its rim."""
    far = within.distance(x.holding((x.values + walked).to(x.values.dtype)), x)
    walked = walked * wide(torch.where(on_rim & (far > 0), radius / far.clamp(min=1e-300), 1.0), walked)
    return within.project(x.holding((x.values + walked).to(x.values.dtype)), x, radius)
