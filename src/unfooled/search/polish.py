"""Walk along the decision boundary to where it is nearest: the core and the finishing move of minimum-norm attacks."""

from __future__ import annotations

import torch
from torch import Tensor

from unfooled.core.answer import Answer, Scores
from unfooled.core.batch import Batch
from unfooled.core.rows import inner
from unfooled.core.threat import FIRM, Ball

from .keeper import Keeper
from .transforms import chained

_LAST_SHARE = 0.03
_ZEAL = 5.0
_SETTLED = 1e-4
_CLEAR = 2 * FIRM  # one aims at twice what counts, lest rounding undo a success
_CLEARER = 0.01


def polish(keeper: Keeper[Ball], steps: int) -> None:
    """Walk from each success along the boundary that it crossed, or to the boundary from the best point so far.

    Costs at most steps + 1 forwards and `steps` backwards an example.

    Args:
        keeper: Looks for the nearest success; holds the problem and what was found.
        steps: Steps of each example, 0 or more.
    """
    owner = keeper.open()
    if steps > 0:
        walk(keeper, owner, keeper.proposals(owner), steps)


def walk(keeper: Keeper[Ball], owner: Tensor, x_t: Batch, steps: int) -> None:
    """Walk along the boundary, from anywhere, to where it is nearest; what is found goes to the keeper.

    Each step linearises the margin where the walk stands. Back to the boundary goes the nearest way, five times as
    far as the plane says: scores bend, and who falls short each time ends on the wrong side. Along the boundary
    the walk goes towards the point of the plane that is nearest to x, at first all the way, at last 3 % of it: a
    mean of many planes, since one alone says little where scores have kinks. An example leaves once the plane knows
    no nearer point.

    Costs at most steps + 1 forwards and `steps` backwards an example.

    Args:
        keeper: Looks for the nearest success; holds the problem.
        owner: Who walks, (r,).
        x_t: Where they begin, (r, ...).
        steps: Steps of each example, 1 or more.
    """
    problem = keeper.problem
    target, within = problem.target, problem.within
    clean = chained((), len(problem.x))

    def objective(outputs: Tensor, owner: Tensor) -> Tensor:
        return problem.goal.margin(Scores(outputs), problem.y[owner])

    clear = torch.full_like(owner, _CLEAR, dtype=torch.float64)
    for k in range(steps):
        if not len(owner):
            return
        seen = target.gradient(x_t, objective, owner)
        going_on = keeper.keep(owner, x_t, seen.loss, seen.answer)
        x, grad = problem.x.rows(owner), clean(seen.grad, owner)
        reached = problem.reached(seen.answer, owner)
        lost = reached & keeper.distance(owner).isinf()  # the carrier cannot hold it: it must be clearer
        clear = torch.where(lost, (4 * clear).clamp(min=_CLEARER), clear)
        lacking = beyond(seen.answer, seen.loss, clear)
        nearest = within.cross(x, grad, inner(grad, x_t.values.double() - x.values.double()) + lacking)
        back = within.cross(x_t, grad, _ZEAL * lacking)
        share = _LAST_SHARE ** (k / steps)
        moved = within.project(x.holding(back.values + share * (nearest.values - back.values)), x)
        settled = within.distance(nearest, x) > (1 - _SETTLED) * within.distance(x_t, x)
        going_on &= ~(reached & settled & ~lost)
        owner, x_t, clear = owner[going_on], moved.rows(going_on), clear[going_on]
    if len(owner):
        last = target.losses(x_t, objective, owner)
        keeper.keep(owner, x_t, last.loss, last.answer)


def beyond(answer: Answer, loss: Tensor, clear: float | Tensor = _CLEAR) -> Tensor:
    """Tell how much margin is lacking, (r,) float64.

    Args:
        answer: What the model said.
        loss: The margins, (r,).
        clear: What the margin should be, as a share of the scores' size.
    """
    size = loss.abs() if answer.scores is None else answer.scores.topk(2, dim=1).values.abs().amax(dim=1)
    return clear * size.double() - loss.double()
