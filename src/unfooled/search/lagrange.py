"""Weigh the margin against the length of the change by a multiplier that each example learns on its way."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from unfooled.core.answer import Answer
from unfooled.core.batch import Batch
from unfooled.core.rows import inner, length, wide
from unfooled.core.threat import Ball, Loss

from .keeper import Keeper
from .polish import beyond
from .transforms import chained

_FIRST, _LAST = 1.0, 0.01  # lengths of the first and the last step, as shares of the seeming distance to the boundary
_MEMORY, _DRIFT, _RECALL = 0.9, 0.9, 0.99  # of the multiplier, of the step, of the mean squared slope
_PATIENCE, _GROWTH, _GAINED = 10, 1.2, 0.95  # failing for 10 steps without 5 % gained, an example reacts 1.2 times
_LEAST = (
    1e-4  # of the range, as a mean over the values: where x lies on the boundary, steps have some length all the same
)


class _State(NamedTuple):
    """The state of each open example, (r, ...)."""

    owner: Tensor
    x_t: Tensor
    velocity: Tensor
    size: Tensor  # distance to the boundary as it seemed at first
    unit: Tensor  # the margin that was lacking at first
    weight: Tensor  # the multiplier
    zeal: Tensor  # how strongly it reacts
    slope: Tensor  # running mean of the squared slopes
    then: Tensor  # the margin that was lacking at the last review
    won: Tensor  # whether there was a success since

    def rows(self, index: Tensor) -> _State:
        return _State(*(field[index] for field in self))


class _Look(NamedTuple):
    """What a pass tells: clean examples and gradients (r, ...), and the margin that is lacking (r,)."""

    x: Batch
    grad: Tensor
    lacking: Tensor


def relax(keeper: Keeper[Ball], margin: Loss, steps: int) -> None:
    """Look for the nearest success by descents on squared length plus penalty(lacking margin).

    The penalty's slope at 0 is the multiplier; it follows the slope where the walk stands, so that it settles where
    both gradients balance. All is told in units of the first look: the distance to the boundary and the margin lacking.

    Costs at most `steps` forwards and backwards an example.

    Args:
        keeper: Looks for the nearest success; holds the problem.
        margin: A loss that is positive where the goal is reached.
        steps: Steps of each example, 1 or more.
    """
    problem = keeper.problem
    objective, clean = problem.objective(margin), chained((), len(problem.x))
    owner = keeper.open()
    x_t, state = problem.beginning(owner), None
    for k in range(steps):
        if not len(owner):
            return
        seen = problem.target.gradient(x_t, objective, owner)
        going_on = keeper.keep(owner, x_t, seen.loss, seen.answer)
        spread = _spread(seen.answer)
        grad = clean(seen.grad, owner) / wide(spread, seen.grad)
        lacking = (beyond(seen.answer, seen.loss) / spread).nan_to_num(nan=0.0)
        x = problem.x.rows(owner)
        look = _Look(x, grad, lacking)
        state = _begun(problem.within, owner, x_t, look) if state is None else state
        state = _reviewed(_moved(problem.within, state, look, k / steps), lacking, k)
        state = state.rows(going_on)
        owner, x_t = state.owner, x.rows(going_on).holding(state.x_t)


def _spread(answer: Answer) -> Tensor:
    """Tell how far the highest three scores lie apart, (r,) float64: margins count as shares of that, as in DLR."""
    if answer.scores is None or answer.scores.shape[1] < 3:
        return torch.ones_like(answer.labels, dtype=torch.float64)
    top = answer.scores.topk(3, dim=1).values.double()
    return (top[:, 0] - top[:, 2]).clamp(min=1e-12)


def _begun(within: Ball, owner: Tensor, x_t: Batch, look: _Look) -> _State:
    """Tell from one gradient how far the boundary is and how much margin is lacking."""
    crossed = within.cross(look.x, look.grad, look.lacking)
    least = _LEAST * (within.high - within.low) * x_t.values[0].numel() ** 0.5
    size, one = length(crossed.values - look.x.values).clamp(min=least), torch.ones_like(look.lacking)
    still = torch.zeros_like(x_t.values, dtype=torch.float64)
    unit = look.lacking.abs().clamp(min=1e-12)
    return _State(owner, x_t.values, still, size, unit, one, one, torch.zeros_like(one), look.lacking, one < 0)


def _moved(within: Ball, state: _State, look: _Look, share: float) -> _State:
    """Go one step, with what the multiplier is now."""
    x, short = look.x, look.lacking / state.unit
    weight = (_MEMORY * state.weight + (1 - _MEMORY) * _slope(short, state.weight, state.zeal)).clamp(1e-6, 1e12)
    push = _slope(short, weight, state.zeal) / state.unit
    delta = state.x_t.double() - x.values.double()
    downhill = wide(push, delta) * look.grad.double() - 2 * delta / wide(state.size.square(), delta)
    squared = inner(downhill, downhill)
    slope = torch.where(state.slope > 0, _RECALL * state.slope + (1 - _RECALL) * squared, squared)
    step = _FIRST * (_LAST / _FIRST) ** share * state.size / slope.sqrt().clamp(min=1e-300)
    velocity = _DRIFT * state.velocity + wide(step, delta) * downhill
    moved = within.project(x.holding((state.x_t.double() + velocity).to(x.values.dtype)), x)
    return state._replace(x_t=moved.values, velocity=velocity, weight=weight, slope=slope)


def _slope(short: Tensor, weight: Tensor, zeal: Tensor) -> Tensor:
    """Differentiate the penalty: weight at 0, more where margin is lacking, less where it is to spare."""
    lacking, spare = (zeal * short).clamp(min=0), (zeal * short).clamp(max=0)
    return weight * torch.where(short >= 0, 1 + 2 * lacking + lacking.square() / 2, 1 / (1 - spare).square())


def _reviewed(state: _State, lacking: Tensor, k: int) -> _State:
    """Let those react more strongly that neither succeeded nor gained since the last review."""
    won = state.won | (lacking <= 0)
    if k == 0 or k % _PATIENCE:
        return state._replace(won=won)
    stuck = ~won & (lacking > _GAINED * state.then)
    zeal = torch.where(stuck, _GROWTH * state.zeal, state.zeal)
    return state._replace(zeal=zeal, then=lacking, won=torch.zeros_like(won))
