"""Exchange changed pixels for better ones, always one fewer than the best success needs: tabu search by gradients."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

from unfooled.core.batch import Batch
from unfooled.core.largest import largest
from unfooled.core.pixels import by_pixel, differing, spread, summed
from unfooled.core.threat import Ball, Loss

from .keeper import Keeper
from .transforms import chained

_AT_ONCE = 2
_STAYS, _STAYS_AWAY = 3, 10  # steps for which a pixel that came may not go, and one that went may not come


class _Swap(NamedTuple):
    """The state of each example: who owns it (r,), its point (r, ...), the step from which a pixel is free (r, d)."""

    owner: Tensor
    point: Tensor
    free_from: Tensor

    def rows(self, index: Tensor) -> _Swap:
        return _Swap(*(field[index] for field in self))


def exchange(keeper: Keeper[Ball], loss: Loss, steps: int) -> None:
    """Look for a success that changes fewer pixels, two exchanges at a time, from the nearest success on.

    A changed pixel counts alike however far it goes, so all go to the end of their range that the gradient says. After
    a success those pixels go that the linearised loss can spare, at least one; after a failure the two unchanged
    pixels that would gain most come in for those that gain least. Who came or went stays so for some steps, lest the
    search run in circles. Where there is no success yet, pixels come and none goes.

    Costs at most steps + 1 forwards and `steps` backwards an example.

    Args:
        keeper: Looks for the nearest success; holds the problem and the successes.
        loss: What to climb, positive at successes.
        steps: Steps of each example, 0 or more.
    """
    problem = keeper.problem
    target, within = problem.target, problem.within
    objective, clean = problem.objective(loss), chained((), len(problem.x))
    owner = keeper.open()
    if steps < 1 or not len(owner):
        return
    x_t, limit = keeper.proposals(owner), changeable(within, problem.x)
    swap = _Swap(owner, x_t.values, torch.zeros_like(by_pixel(x_t.values)[:, 0], dtype=torch.int64))
    for k in range(steps):
        before = keeper.distance(swap.owner)
        seen = target.gradient(x_t, objective, swap.owner)
        margin = problem.goal.margin(seen.answer, problem.y[swap.owner])
        going_on = keeper.keep(swap.owner, x_t, margin, seen.answer)
        far = keeper.distance(swap.owner)
        won = far.isfinite() if k == 0 else far < before
        most = torch.where(far.isfinite(), _changed(keeper, swap.owner) - 1, limit[swap.owner])
        going_on &= most > 0
        grad, spare = clean(seen.grad, swap.owner)[going_on], torch.where(won, seen.loss, 0.0)[going_on]
        swap = swap.rows(going_on)
        if not len(swap.owner):
            return
        x = problem.x.rows(swap.owner)
        swap = _exchanged(within, swap, x, grad, spare=spare, most=most[going_on], k=k)
        x_t = within.project(x.holding(swap.point), x)
    answer = target.losses(x_t, objective, swap.owner).answer
    keeper.keep(swap.owner, x_t, problem.goal.margin(answer, problem.y[swap.owner]), answer)


def _changed(keeper: Keeper[Ball], owner: Tensor) -> Tensor:
    """Count the pixels that the proposals change, (r,)."""
    return differing(keeper.proposals(owner).values, keeper.problem.x.rows(owner).values).sum(dim=1)


def changeable(within: Ball, x: Batch) -> Tensor:
    """Count the pixels that the set lets change together, (n,)."""
    furthest = torch.where(x.values < (within.low + within.high) / 2, within.high, within.low)
    return differing(within.project(x.holding(furthest), x).values, x.values).sum(dim=1)


def _exchanged(within: Ball, swap: _Swap, x: Batch, grad: Tensor, *, spare: Tensor, most: Tensor, k: int) -> _Swap:
    """Bring in the best unchanged pixels and restore the worst changed ones.

    At most `most` (r,) stay, and fewer where those that gain least gain less than `spare` (r,) together.
    """
    box = within.resized(math.inf)
    low, high = (box.project(x.holding(torch.full_like(x.values, end)), x).values for end in (within.low, within.high))
    up, down = grad * (high - x.values), grad * (low - x.values)
    end, gain = torch.where(up > down, high, low), summed(torch.maximum(up, down))
    changed, free = differing(swap.point, x.values), swap.free_from <= k
    number = changed.sum(dim=1)
    needless = torch.where(changed, gain, torch.inf).sort(dim=1).values.cumsum(dim=1) < spare.unsqueeze(1)
    most = torch.where(spare > 0, most.minimum((number - needless.sum(dim=1)).clamp(min=1)), most)
    may_come = ~changed & free
    places = torch.where(number == most, _AT_ONCE, (most - number).clamp(min=0, max=_AT_ONCE))  # full: exchange
    comes = may_come & largest(torch.where(may_come, gain, -torch.inf), places)
    worth = gain + torch.where(free, 0.0, gain.amax(dim=1, keepdim=True))  # who came lately goes only if it must
    goes = changed & largest(torch.where(changed, -worth, -torch.inf), number + comes.sum(dim=1) - most)
    point = torch.where(spread(comes | (changed & ~goes), end), end, x.values)
    held_until = torch.where(comes, k + 1 + _STAYS, torch.where(goes, k + 1 + _STAYS_AWAY, swap.free_from))
    return _Swap(swap.owner, point, held_until)
