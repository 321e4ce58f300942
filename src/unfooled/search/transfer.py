"""Climb models that the attacker owns, to fool one that they can only ask."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Literal

import torch
from torch import Tensor

from unfooled.core.attack import Found, Problem
from unfooled.core.batch import Batch
from unfooled.core.errors import InputError
from unfooled.core.target import Objective, Target
from unfooled.core.threat import Ball, Loss

from .keeper import Keeper
from .slopes import Slope, after, layered, mixed
from .transforms import momentum

Mixture = Literal["scores", "losses", "longitudinal"]
"""How several surrogates are climbed together: by the mean of their scores, by the mean of their losses, or each step
one of them, drawn."""


def surrogate_slope(problem: Problem[Ball], loss: Loss, mixture: Mixture, weights: Tensor | None = None) -> Slope:
    """Make a slope of all surrogates together.

    Args:
        problem: Holds the surrogates.
        loss: What to climb.
        mixture: How they are put together.
        weights: How much each surrogate counts for each example, (n, m), rows adding up to 1; None for all alike.

    Raises:
        InputError: There are no surrogates, or no such mixture.
    """
    check_surrogates(problem)
    objective, models = problem.objective(loss), problem.surrogates
    if weights is None:
        weights = torch.full((len(problem.x), len(models)), 1 / len(models), device=problem.x.values.device)
    made: dict[str, Callable[[], Slope]] = {
        "scores": lambda: _of_mean_scores(models, objective, weights),
        "losses": lambda: mixed(tuple(partial(_of_one, model, objective) for model in models), weights),
        "longitudinal": lambda: partial(_of_drawn, problem, objective),
    }
    if mixture not in made:
        raise InputError("There is no such mixture of surrogates", repr(mixture), f"Choose one of {', '.join(made)}.")
    return partial(_of_one, models[0], objective) if len(models) == 1 else made[mixture]()


def check_surrogates(problem: Problem[Ball]) -> None:
    """Check that the attacker owns some model.

    Raises:
        InputError: They own none.
    """
    if not problem.surrogates:
        raise InputError(
            "This attack climbs models of the attacker's own",
            "no surrogates",
            "Give some: surrogates=[model, ...], or --surrogate MODEL.",
        )


def climbed(
    problem: Problem[Ball], slope: Slope, owner: Tensor, x_t: Batch | None = None, *, steps: int, step: float
) -> Batch:
    """Climb a slope by so many steps of one size, without asking the target.

    It begins at points x_t (r, ...), or where the problem begins.
    """
    x = problem.x.rows(owner)
    x_t = problem.beginning(owner) if x_t is None else x_t
    for k in range(steps):
        direction = problem.within.steepest(slope(x_t, owner, k), x_t, x)
        x_t = problem.within.project(x_t.holding(torch.add(x_t.values, direction, alpha=step)), x)
    return x_t


def tried(problem: Problem[Ball], make: Callable[[Tensor], Batch]) -> Found:
    """Make a point for each example (r,) that may be asked about, and ask the target once."""
    keeper = Keeper(problem)
    owner = keeper.open()
    if len(owner):
        x_t = make(owner)
        answer = problem.target.answer(x_t, owner)
        level = torch.zeros(len(owner), device=x_t.values.device)  # a label tells no point from another
        keeper.keep(owner, x_t, level, answer)
    return keeper.found()


def weighed(keeper: Keeper[Ball], loss: Loss, queries: int, *, steps: int, step: float, pace: float) -> None:
    """Climb surrogates with weights of each example's own, which learn from what the target answers.

    One question follows each climb, which goes on from the best point. In turn, a surrogate's weight is raised by
    `pace`, and lowered if that brought nothing; the weights that brought the target nearer stay.
    """
    problem = keeper.problem
    check_surrogates(problem)
    n, m = len(problem.x), len(problem.surrogates)
    weights = torch.full((n, m), 1 / m, device=problem.x.values.device)
    best, x_best = weights.new_full((n,), -torch.inf), problem.beginning(problem.everyone()).values.clone()
    turn = problem.everyone() * 0
    for number in range(queries):
        owner = keeper.open()
        if not len(owner):
            return
        trial = _shifted(weights, turn, pace) if number else weights
        slope = layered(surrogate_slope(problem, loss, "losses", trial), (after(momentum(1.0)),), n)
        x_t = climbed(problem, slope, owner, problem.x.rows(owner).holding(x_best[owner]), steps=steps, step=step)
        said = problem.target.losses(x_t, problem.objective(loss), owner)
        keeper.keep(owner, x_t, said.loss, said.answer)
        better = said.loss > best[owner]
        won = owner[better]
        weights[won], best[won], x_best[won] = trial[won], said.loss[better], x_t.values[better]
        if number:
            lowered = turn[owner] % 2 == 1
            turn[owner] += torch.where(better & ~lowered, 2, 1)


def _shifted(weights: Tensor, turn: Tensor, pace: float) -> Tensor:
    """Raise one weight of each example, or lower it where the turn (n,) is odd; they go on adding up to 1."""
    which = (turn // 2 % weights.shape[1]).unsqueeze(1)
    by = torch.where(turn % 2 == 0, pace, -pace).unsqueeze(1).to(weights)
    moved = weights.scatter_add(1, which, by).clamp(min=0)
    total = moved.cumsum(dim=1)[:, -1:]
    return torch.where(total > 0, moved / total, weights)


def _of_one(model: Target, objective: Objective, x_t: Batch, owner: Tensor, draw: int) -> Tensor:
    return torch.nan_to_num_(model.gradient(x_t, objective, owner).grad, nan=0.0, posinf=0.0, neginf=0.0)


def _of_mean_scores(models: tuple[Target, ...], objective: Objective, weights: Tensor) -> Slope:
    """Make a slope of the loss of weighted scores.

    Scores are asked first, one forward each; then each model climbs its own in the direction of the loss, (n, k).
    """

    def slope(x_t: Batch, owner: Tensor, draw: int) -> Tensor:
        said = torch.stack([_scores(model, x_t, owner) for model in models])
        with torch.enable_grad():
            mean = (weights[owner].T.unsqueeze(2) * said).sum(dim=0).requires_grad_()
            (pull,) = torch.autograd.grad(objective(mean, owner).sum(), mean)
        along = pull.new_zeros((len(weights), pull.shape[1])).index_copy(0, owner, pull)

        def pulled(outputs: Tensor, rows: Tensor) -> Tensor:
            return (along[rows] * outputs).sum(dim=1)

        return mixed(tuple(partial(_of_one, model, pulled) for model in models), weights)(x_t, owner, draw)

    return slope


def _scores(model: Target, x_t: Batch, owner: Tensor) -> Tensor:
    scores = model.answer(x_t, owner).scores
    if scores is None:
        raise InputError("A surrogate must give scores", "labels alone", "Give a model that can be differentiated.")
    return scores


def _of_drawn(problem: Problem[Ball], objective: Objective, x_t: Batch, owner: Tensor, draw: int) -> Tensor:
    lots = problem.draws.uniform((1,), x_t.ids, "surrogate", draw)[:, 0]
    chosen = (lots * len(problem.surrogates)).long()
    grad = torch.zeros_like(x_t.values)
    for number, model in enumerate(problem.surrogates):
        rows = (chosen == number).nonzero().flatten()
        if len(rows):
            grad[rows] = _of_one(model, objective, x_t.rows(rows), owner[rows], draw)
    return grad
