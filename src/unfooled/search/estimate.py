"""Estimate gradients from differences of scores along random directions, and climb them; a surrogate's may lead."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

from unfooled.core.rows import inner, unit, wide
from unfooled.core.target import Objective
from unfooled.core.threat import Ball, Loss

from .candidates import ask_near
from .keeper import Keeper

_FOR_LENGTH = 10  # directions by which the length of the gradient is told


class _Open(NamedTuple):
    """The rows still open: owner (r,), point (r, ...), its loss (r,), queries left (r,).

    `prior` (r, ...) is the direction that the surrogates advise and `pull` (r,), 0 to 1, how far it is followed.
    """

    owner: Tensor
    point: Tensor
    level: Tensor
    left: Tensor
    prior: Tensor
    pull: Tensor

    def rows(self, index: Tensor) -> _Open:
        return _Open(*(field[index] for field in self))


def climb_estimates(keeper: Keeper[Ball], loss: Loss, queries: int, *, samples: int, probe: float, step: float) -> None:
    """Ask about a point and others near it, step along the estimated gradient, and so on.

    Points asked about near the edge of the set may lie a little outside it, and outside the range of inputs; they
    are never kept. Surrogates are asked for one gradient a step.

    Args:
        keeper: Holds the problem, and surrogates where there are any.
        loss: What to climb.
        queries: Most queries of an example, 0 or more.
        samples: Directions of each estimate, 1 or more.
        probe: How far along them to ask by L2, as a share of the range times the root of the number of values.
        step: Length of a step as a share of the radius, or of the range where that is less.
    """
    problem, owner = keeper.problem, keeper.open()
    within, objective, begin = problem.within, problem.objective(loss), problem.beginning(owner).values
    none = torch.zeros_like(owner, dtype=torch.float64)
    rows = _Open(owner, begin, none.float(), torch.full_like(owner, queries), torch.zeros_like(begin), none)
    far = probe * (within.high - within.low) * math.sqrt(begin[:1].numel())
    turn = 0
    while bool((rows.left > 0).any()):
        rows, told, _ = _asked(keeper, objective, rows, rows.point.unsqueeze(1), inside=True)
        rows = rows._replace(level=told[:, 0])
        if problem.surrogates and len(rows.owner):
            rows = _led(keeper, objective, rows, samples, (far, turn))
        ways = _directions(keeper, rows, samples, "directions", turn)
        rows, told, going_on = _asked(keeper, objective, rows, rows.point.unsqueeze(1) + far * ways, inside=False)
        grad = blended(_slopes(rows, told, far), ways[going_on])
        x = problem.x.rows(rows.owner)
        steepest = within.steepest(grad, x.holding(rows.point), x)
        moved = x.holding(rows.point + step * min(within.radius, within.high - within.low) * steepest)
        rows, turn = rows._replace(point=within.project(moved, x).values), turn + 1


def _asked(
    keeper: Keeper[Ball], objective: Objective, rows: _Open, points: Tensor, *, inside: bool
) -> tuple[_Open, Tensor, Tensor]:
    """Ask about points (r, m, ...); gives the rows that go on, the losses of their points, and which they are (r,)."""
    left, told, going_on = ask_near(keeper, objective, rows.owner, rows.left, points, inside=inside)
    return rows._replace(left=left).rows(going_on), told[going_on], going_on


def _led(keeper: Keeper[Ball], objective: Objective, rows: _Open, samples: int, place: tuple[float, int]) -> _Open:
    """Ask the surrogates for a direction, and the target how much it is worth: gives the best pull for that."""
    (far, turn), x = place, keeper.problem.x.rows(rows.owner).holding(rows.point)
    advised = [unit(one.gradient(x, objective, rows.owner).grad.nan_to_num()) for one in keeper.problem.surrogates]
    prior = unit(torch.stack(advised).cumsum(dim=0)[-1])
    rows = rows._replace(prior=prior, pull=torch.zeros_like(rows.pull))
    ways = torch.cat([_directions(keeper, rows, _FOR_LENGTH, "length", turn), prior.unsqueeze(1)], dim=1)
    rows, told, _ = _asked(keeper, objective, rows, rows.point.unsqueeze(1) + far * ways, inside=False)
    slopes, values = _slopes(rows, told, far), rows.point[:1].numel()
    steep = (values / _FOR_LENGTH * slopes[:, :-1].square().cumsum(dim=1)[:, -1]).sqrt()
    alike = (slopes[:, -1] / steep.clamp(min=1e-30)).clamp(-1, 1)
    towards = rows.prior * wide(torch.where(alike < 0, -1.0, 1.0), rows.prior)
    return rows._replace(prior=towards, pull=_best_pull(alike.square(), values, samples))


def _best_pull(alike: Tensor, values: int, samples: int) -> Tensor:
    """Give the share of each direction that the prior should have, (r,), by its squared cosine with the gradient."""
    sum_of_all = values + 2 * samples - 2
    pull = (1 - alike) * (alike * sum_of_all - 1)
    pull = pull / (2 * alike * values * samples - alike.square() * values * sum_of_all - 1)
    pull = torch.where(alike * sum_of_all <= 1, 0.0, pull)
    return torch.where(alike * sum_of_all >= 2 * samples - 1, 1.0, pull)


def _directions(keeper: Keeper[Ball], rows: _Open, count: int, tag: str, turn: int) -> Tensor:
    """Draw directions of length 1 that follow the prior as far as the pull says, (r, count, ...)."""
    x = keeper.problem.x.rows(rows.owner)
    shape = (count, *x.values.shape[1:])
    drawn = keeper.problem.draws.normal(shape, x.ids, tag, turn).flatten(0, 1)
    prior, pull = (one.repeat_interleave(count, dim=0) for one in (rows.prior, rows.pull))
    drawn = unit(drawn - prior * wide(inner(drawn, prior), prior).to(prior.dtype))
    drawn = prior * wide(pull.sqrt(), prior).to(prior.dtype) + drawn * wide((1 - pull).sqrt(), prior).to(prior.dtype)
    return drawn.view(len(x), *shape)


def _slopes(rows: _Open, told: Tensor, far: float) -> Tensor:
    """Tell how steeply the loss rises towards each point, (r, m) float64; 0 where that is not known."""
    slopes = (told.double() - rows.level.double().unsqueeze(1)) / far
    return torch.where(slopes.isfinite(), slopes, 0.0)


def blended(slopes: Tensor, ways: Tensor) -> Tensor:
    """Add up directions (r, m, ...), each by its slope (r, m); one after the other, for any number of rows alike."""
    grad = torch.zeros_like(ways[:, 0])
    for one in range(ways.shape[1]):
        grad += ways[:, one] * wide(slopes[:, one], grad).to(grad.dtype)
    return grad
