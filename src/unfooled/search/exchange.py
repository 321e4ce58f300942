"""Exchange changed pixels for better ones, always one fewer than the best success needs: tabu search by gradients."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

from unfooled.core.batch import Batch
from unfooled.core.largest import largest
from unfooled.core.pixels import differing, spread, summed
from unfooled.core.threat import Ball, Loss

from .keeper import Keeper
from .transforms import chained

_AT_ONCE = 2
_STAYS, _STAYS_AWAY = 3, 10  # steps for which a pixel that came may not go, and one that went may not come


class _Swap(NamedTuple):
    """The state of each example: who owns it (r,), its point (r, ...), the step from which a pixel is free (r, d)."""

    owner: Tensor
    x_t: Tensor
    free: Tensor

    def rows(self, index: Tensor) -> _Swap:
        return _Swap(*(field[index] for field in self))


def exchange(keeper: Keeper[Ball], loss: Loss, steps: int) -> None:
    """Look for a success with fewer changed pixels by exchanging two at a time, from the nearest success.

    A changed pixel counts alike however far it goes, so all go to the end of their range that the gradient says. After
    a success those pixels go that the linearised loss can spare, at least one; after a failure the two unchanged
    pixels that would gain most come in for those that gain least, and may not be taken back for some steps, so that
    the search does not run in circles. Where there is no success yet, pixels come and none goes.

    Costs at most steps + 1 forwards and `steps` backwards an example.

    Args:
        keeper: Looks for the nearest success; holds the problem and the successes.
        loss: What to climb, positive at successes.
        steps: Steps of each example, 0 or more.
    """
    problem = keeper.problem
    objective, clean = problem.objective(loss), chained((), len(problem.x))
    owner = keeper.open()
    if steps < 1 or not len(owner):
        return
    x_t = keeper.proposals(owner)
    swap = _Swap(owner, x_t.values, torch.zeros_like(differing(x_t.values, x_t.values), dtype=torch.int64))
    limit = _allowed(problem.within, problem.x)
    for k in range(steps):
        before = keeper.distance(swap.owner)
        seen = problem.target.gradient(x_t, objective, swap.owner)
        going_on = keeper.keep(swap.owner, x_t, seen.loss, seen.answer)
        won = (k == 0) & before.isfinite() | (keeper.distance(swap.owner) < before)
        most = torch.where(keeper.distance(swap.owner).isinf(), limit[swap.owner], _changed(keeper, swap.owner) - 1)
        going_on &= most > 0
        grad, spare = clean(seen.grad, swap.owner), torch.where(won, seen.loss, 0.0)
        swap, grad, spare, most = swap.rows(going_on), grad[going_on], spare[going_on], most[going_on]
        if not len(swap.owner):
            return
        x = problem.x.rows(swap.owner)
        swap = _exchanged(problem.within, swap, x, grad, spare, most, k)
        x_t = problem.within.project(x.holding(swap.x_t), x)
    last = problem.target.losses(x_t, objective, swap.owner)
    keeper.keep(swap.owner, x_t, last.loss, last.answer)


def _changed(keeper: Keeper[Ball], owner: Tensor) -> Tensor:
    """Count the pixels that the proposals change, (r,)."""
    return differing(keeper.proposals(owner).values, keeper.problem.x.rows(owner).values).sum(dim=1)


def _allowed(within: Ball, x: Batch) -> Tensor:
    """Count the pixels that the set lets change together, (n,)."""
    middle = (within.low + within.high) / 2
    furthest = within.project(x.holding(torch.where(x.values < middle, within.high, within.low)), x)
    return differing(furthest.values, x.values).sum(dim=1)


def _exchanged(within: Ball, swap: _Swap, x: Batch, grad: Tensor, spare: Tensor, most: Tensor, k: int) -> _Swap:
    """Bring in the best unchanged pixels, and restore the worst until `most` (r,) or what `spare` (r,) pays for stay."""
    box = within.resized(math.inf)
    high, low = (box.project(x.holding(torch.full_like(x.values, end)), x).values for end in (within.high, within.low))
    up, down = grad * (high - x.values), grad * (low - x.values)
    end, gain = torch.where(up > down, high, low), summed(torch.maximum(up, down))
    changed, free = differing(swap.x_t, x.values), swap.free <= k
    number = changed.sum(dim=1)
    cheap = torch.where(changed, gain, torch.inf).sort(dim=1).values.cumsum(dim=1)
    most = torch.where(spare > 0, most.minimum(number - (cheap < spare.unsqueeze(1)).sum(dim=1)).clamp(min=1), most)
    may_come = ~changed & free
    comes = may_come & largest(torch.where(may_come, gain, -torch.inf), torch.where(number > most, 0, _AT_ONCE))
    worth = gain + torch.where(free, 0.0, gain.amax(dim=1, keepdim=True))  # who came lately goes only if it must
    surplus = (number + comes.sum(dim=1) - most).clamp(min=0)
    goes = changed & largest(torch.where(changed, -worth, -torch.inf), surplus)
    x_t = torch.where(spread(comes | (changed & ~goes), end), end, x.values)
    until = torch.where(comes, k + 1 + _STAYS, torch.where(goes, k + 1 + _STAYS_AWAY, swap.free))
    return _Swap(swap.owner, x_t, until)
