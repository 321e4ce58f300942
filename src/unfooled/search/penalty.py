"""Weigh distance against loss: descend penalised problems, each example with a weight that is searched for.

Where a success is nearest, the gradients of the penalty and of the weighted margin balance. So a plane through the
boundary tells a weight, and the search is about how many times that weight it takes.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from unfooled.core.batch import Batch
from unfooled.core.rows import inner, total, wide
from unfooled.core.threat import Ball, Loss

from .keeper import Keeper
from .polish import beyond
from .transforms import chained

_SURPLUS = 6.0  # times the weight that the plane tells: less finds nothing where the scores bend, more goes too far
_GROWTH = 10.0  # of the weight where it found nothing
_PROBE = 15  # steps that a weight gets as long as nothing was found
_LEAST = 1e-6  # of the range by which all values move from there at least
_NEARER = 0.999  # times the distance: a round that brings no success within it was the last


class Place(NamedTuple):
    """Where examples stand in their descents.

    Attributes:
        x_t: Points, (r, ...).
        x: Clean examples, (r, ...).
        push: Gradient of the weighted margin, (r, ...); zero where the margin is large enough.
        step: About how far a value should move now, (r, 1, ...).
        age: Steps since the descent began, (r,).
        memory: What the descent remembered, (r, memory, ...); zero where it begins.
    """

    x_t: Tensor
    x: Tensor
    push: Tensor
    step: Tensor
    age: Tensor
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


class _State(NamedTuple):
    """The state of each open example, (r, ...)."""

    owner: Tensor
    x_t: Tensor
    memory: Tensor
    weight: Tensor
    size: Tensor  # of the change of a value on the way to the boundary
    surplus: Tensor  # in the weight; from the first success on a power of 1/2
    age: Tensor
    span: Tensor  # steps of this round
    far: Tensor  # how far the nearest success was when the round began; infinite without one

    def rows(self, index: Tensor) -> _State:
        return _State(*(field[index] for field in self))


def penalise(keeper: Keeper[Ball], margin: Loss, descent: Descent, steps: int, rounds: int) -> None:
    """Look for the nearest success by descents with several weights.

    Each round takes its weight, and the size of its steps, from the plane that the margin looks like where it begins.
    Until there is a success, rounds are short, go on where the last one ended, and multiply the weight by ten. The
    first success shows the boundary from near by: what is left of the steps is shared by `rounds` more, each from
    the nearest success with half the weight and half the step of the one before. Then the example leaves, or after a
    round that brought it no nearer.

    Costs at most `steps` forwards and backwards an example.

    Args:
        keeper: Looks for the nearest success; holds the problem.
        margin: A loss that is positive where the goal is reached.
        descent: How a penalised problem is solved.
        steps: Steps of each example, 1 or more.
        rounds: Weights tried from the first success on, 1 or more.
    """
    problem = keeper.problem
    within, objective, clean = problem.within, problem.objective(margin), chained((), len(problem.x))
    state = _begun(keeper, descent)
    for k in range(steps):
        if not len(state.owner):
            return
        x = problem.x.rows(state.owner)
        x_t = x.holding(state.x_t)
        seen = problem.target.gradient(x_t, objective, state.owner)
        going_on = keeper.keep(state.owner, x_t, seen.loss, seen.answer)
        grad, lacking = clean(seen.grad, state.owner), beyond(seen.answer, seen.loss).nan_to_num(nan=0.0)
        state = _told(keeper, state, max(1, (steps - k) // rounds))
        state = _weighed(within, descent, state, x, grad, lacking)
        # what is nearer than the nearest success and still none cannot be carried: its margin is too small
        short = (lacking > 0) | (within.distance(x_t, x) < keeper.distance(state.owner))
        place = _placed(state, x, grad, short)
        moved, memory = descent.moved(place)
        state = state._replace(x_t=within.project(x.holding(moved), x).values, memory=memory, age=state.age + 1)
        state = _renewed(keeper, state)
        state = state.rows(going_on & (state.surplus >= 2.0 ** (1 - rounds)))


def _begun(keeper: Keeper[Ball], descent: Descent) -> _State:
    owner = keeper.open()
    x_t = keeper.problem.beginning(owner).values
    memory = x_t.new_zeros((len(owner), descent.memory, *x_t.shape[1:]))
    none, zero = torch.zeros_like(owner), torch.zeros_like(owner, dtype=torch.float64)
    return _State(owner, x_t, memory, zero, zero, zero + 1, none, none + _PROBE, zero + torch.inf)


def _told(keeper: Keeper[Ball], state: _State, span: int) -> _State:
    """Begin anew, with longer rounds, where a first success was found."""
    far = keeper.distance(state.owner)
    first = far.isfinite() & state.far.isinf()
    return state._replace(
        far=torch.where(first, far, state.far),
        surplus=torch.where(first, 1.0, state.surplus),
        span=torch.where(first, span, state.span),
        age=torch.where(first, 0, state.age),
    )


def _weighed(within: Ball, descent: Descent, state: _State, x: Batch, grad: Tensor, lacking: Tensor) -> _State:
    """Tell weight and size from the plane where a round begins; without a success, it begins on the plane."""
    new = (state.age == 0).nonzero().flatten()
    if not len(new):
        return state
    x, x_t, grad = x.rows(new), state.x_t[new], grad[new]
    least = _LEAST * (within.high - within.low) * total(grad.abs())  # x may lie on the boundary itself
    lacking = torch.where(state.far[new].isinf(), lacking[new].maximum(least), lacking[new])
    crossed = within.cross(x, grad, inner(grad, x_t.double() - x.values.double()) + lacking)
    delta = crossed.values.double() - x.values.double()
    gained, moved = inner(grad, delta), total(delta.abs())
    known = (gained > 0) & (moved > 0)  # or the plane is level, or x lies beyond it
    weight = _SURPLUS * state.surplus[new] * descent.rise(delta) / gained
    weight = torch.where(known, weight, state.weight[new])
    size = torch.where(known, total(delta.square()) / moved, state.size[new])
    on_plane = wide(known & state.far[new].isinf(), x_t)
    return state._replace(
        x_t=state.x_t.index_copy(0, new, torch.where(on_plane, crossed.values, x_t)),
        weight=state.weight.index_copy(0, new, weight),
        size=state.size.index_copy(0, new, size),
        memory=state.memory.index_fill(0, new, 0.0),
    )


def _placed(state: _State, x: Batch, grad: Tensor, short: Tensor) -> Place:
    """Say where examples stand: what still pushes them, and how large a step is, falling to 0 as the round ends."""
    push = grad.double() * wide(torch.where(short, state.weight, 0.0), grad)
    share = state.age / state.span
    on_plane = state.far.isinf() & (state.age == 0)
    left = (1 - share.square() * (3 - 2 * share)).masked_fill(on_plane, 0.0)
    step = state.size * state.surplus.clamp(max=1) * left
    return Place(state.x_t, x.values, push.to(grad.dtype), wide(step, grad).to(grad.dtype), state.age, state.memory)


def _renewed(keeper: Keeper[Ball], state: _State) -> _State:
    """Begin the next round where one is over: at the nearest success, or with more weight where there is none."""
    over = state.age >= state.span
    if not bool(over.any()):
        return state
    found, far = state.far.isfinite(), keeper.distance(state.owner)
    surplus = state.surplus * torch.where(found, torch.where(far < _NEARER * state.far, 0.5, 0.0), _GROWTH)
    back = wide(over & found, state.x_t)
    return state._replace(
        x_t=torch.where(back, keeper.proposals(state.owner).values, state.x_t),
        surplus=torch.where(over, surplus, state.surplus),
        age=torch.where(over, 0, state.age),
        far=torch.where(over, far, state.far),
    )
