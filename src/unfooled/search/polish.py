"""Walk along the decision boundary to where it is nearest: the core and the finishing move of minimum-norm attacks."""

from __future__ import annotations

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


def polish(keeper: Keeper[Ball], steps: int) -> None:
    """Walk from each success along the boundary that it crossed; examples without one cost nothing.

    Costs at most steps + 1 forwards and `steps` backwards an example.

    Args:
        keeper: Looks for the nearest success; holds the problem and the successes.
        steps: Steps of each example, 0 or more.
    """
    owner = keeper.open()
    owner = owner[keeper.distance(owner).isfinite()]
    if steps > 0:
        walk(keeper, owner, keeper.proposals(owner), steps)


def walk(keeper: Keeper[Ball], owner: Tensor, x_t: Batch, steps: int, *, done: int = 0) -> None:
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
        done: Steps that led to x_t.
    """
    problem = keeper.problem
    target, within = problem.target, problem.within
    clean = chained((), len(problem.x))

    def objective(outputs: Tensor, owner: Tensor) -> Tensor:
        return problem.goal.margin(Scores(outputs), problem.y[owner])

    for k in range(done, done + steps):
        if not len(owner):
            return
        seen = target.gradient(x_t, objective, owner)
        going_on = keeper.keep(owner, x_t, seen.loss, seen.answer)
        x, grad = problem.x.rows(owner), clean(seen.grad, owner)
        lacking = beyond(seen.answer, seen.loss)
        nearest = within.cross(x, grad, inner(grad, x_t.values.double() - x.values.double()) + lacking)
        back = within.cross(x_t, grad, _ZEAL * lacking)
        share = _LAST_SHARE ** (k / (done + steps))
        moved = within.project(x.holding(back.values + share * (nearest.values - back.values)), x)
        settled = problem.reached(seen.answer, owner) & (
            within.distance(nearest, x) > (1 - _SETTLED) * within.distance(x_t, x)
        )
        going_on &= ~settled
        owner, x_t = owner[going_on], moved.rows(going_on)
    if len(owner):
        last = target.losses(x_t, objective, owner)
        keeper.keep(owner, x_t, last.loss, last.answer)


def beyond(answer: Answer, loss: Tensor) -> Tensor:
    """Tell how much margin is lacking, (r,) float64: one aims at twice what counts, lest rounding undo a success.

    Args:
        answer: What the model said.
        loss: The margins, (r,).
    """
    size = loss.abs() if answer.scores is None else answer.scores.topk(2, dim=1).values.abs().amax(dim=1)
    return 2 * FIRM * size.double() - loss.double()
