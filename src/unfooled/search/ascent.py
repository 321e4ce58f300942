"""Climb a loss by steps in the set's steepest direction; an example leaves once it is decided."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from unfooled.core.batch import Batch
from unfooled.core.threat import Ball, Loss

from .circles import Mark, due, unmarked
from .keeper import Keeper
from .transforms import Transform, chained


def ascend(
    keeper: Keeper[Ball],
    loss: Loss,
    steps: int,
    step: float,
    begin: Callable[[Batch], Batch] | None = None,
    *,
    transforms: tuple[Transform, ...] = (),
    toward: Tensor | None = None,
) -> None:
    """Climb from `begin(x)` with steps of one size; what is found goes to the keeper.

    One gradient pass decides the point it is taken at, so n steps cost n forwards, n backwards and one last
    forward, less for examples that fall, and for those that walk in a circle: where transforms remember nothing,
    a point met twice leads where it led before.

    Args:
        keeper: Holds the problem and what earlier climbs found.
        loss: What to climb.
        steps: Steps of each example, 0 or more.
        step: Size of a step, in units of the set.
        begin: Where to start, as a function of the clean examples still open; None for where the problem begins.
        transforms: What is done to gradients, in order.
        toward: The class tried for each example, (n,), under an untargeted goal.
    """
    problem = keeper.problem
    target, within = problem.target, problem.within
    objective, transform = problem.objective(loss, toward), chained(transforms, len(problem.x))
    owner = keeper.open()
    if not len(owner):
        return
    x = problem.x.rows(owner)
    x_t = problem.beginning(owner) if begin is None else begin(x)
    mark = unmarked(x_t.values)
    for k in range(steps):
        climb = target.gradient(x_t, objective, owner)
        going_on = keeper.keep(owner, x_t, climb.loss, climb.answer)
        grad = climb.grad
        if not transforms:
            going_on &= ~mark.closed(x_t.values, climb.loss)
            mark = Mark(x_t.values, climb.loss) if due(k) else mark
        if not bool(going_on.all()):
            owner, x, x_t, grad = owner[going_on], x.rows(going_on), x_t.rows(going_on), grad[going_on]
            mark = mark.rows(going_on)
        if not len(owner):
            return
        direction = within.steepest(transform(grad, owner), x_t, x)
        x_t = within.project(x_t.holding(torch.add(x_t.values, direction, alpha=step)), x)
    last = target.losses(x_t, objective, owner)
    keeper.keep(owner, x_t, last.loss, last.answer)
