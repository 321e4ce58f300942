"""Ask about many candidates of many examples at once; each example ends with the first that succeeds."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from unfooled.core.target import Objective
from unfooled.core.threat import Ball

from .keeper import Keeper

TOGETHER = 128
"""Most candidates of one example in one pass: after a success among them it has paid for those behind it too."""

_VALUES = 2**19  # of the candidates of one example in one pass: large pictures are asked about in smaller parts

Make = Callable[[Tensor, Tensor], Tensor]
"""Rows (s,) and candidates (m,) by their numbers -> their values, (s, m, ...)."""


def ask_all(
    keeper: Keeper[Ball], objective: Objective, owner: Tensor, wanted: Tensor, make: Make, *, inside: bool = True
) -> tuple[Tensor, Tensor]:
    """Ask about the candidates wanted, in their order, one query each; what is found goes to the keeper.

    How many are asked together hangs on an example's size alone, so that its answer does not depend on others.

    Args:
        keeper: Holds the problem.
        objective: What to climb.
        owner: Whose candidates, (r,), each example once.
        wanted: Which candidates to ask about, (r, m) bool.
        make: Makes candidates.
        inside: Whether they all lie in the set; those outside it are asked about, but never kept.

    Returns:
        The loss of each, (r, m), -inf where it was not asked about or is no number; and who should go on, (r,) bool.
    """
    x = keeper.problem.x
    told = torch.full(wanted.shape, -torch.inf, device=x.values.device)
    going_on = torch.ones_like(owner, dtype=torch.bool)
    part = max(1, min(TOGETHER, _VALUES // max(1, x.values[:1].numel())))
    for begin in range(0, wanted.shape[1], part):
        some = torch.arange(begin, min(begin + part, wanted.shape[1]), device=owner.device)
        rows = (going_on & wanted[:, some].any(dim=1)).nonzero().flatten()
        if len(rows):
            asked = wanted[rows][:, some]
            loss, still = _ask(keeper, objective, owner[rows], asked, make(rows, some), inside=inside)
            told[rows.unsqueeze(1), some] = loss
            going_on[rows] = still
    return told, going_on


def ask_near(
    keeper: Keeper[Ball], objective: Objective, owner: Tensor, left: Tensor, points: Tensor, *, inside: bool
) -> tuple[Tensor, Tensor, Tensor]:
    """Ask about points (r, m, ...) as far as the queries left (r,) reach, for searches that end with a step.

    Args:
        keeper: Holds the problem.
        objective: What to climb.
        owner: Whose points, (r,), each example once.
        left: Queries that each may still ask, (r,).
        points: The points; behind those that surely lie in the set, one query is left for where they lead.
        inside: Whether they all lie in the set.

    Returns:
        The queries left, (r,); the loss of each point, (r, m), -inf where it was not asked about; who goes on, (r,).
    """
    wanted = torch.arange(points.shape[1], device=points.device) < left.unsqueeze(1) - (0 if inside else 1)
    told, going_on = ask_all(
        keeper, objective, owner, wanted, lambda some, which: points[some][:, which], inside=inside
    )
    left = left - wanted.sum(dim=1)
    return left, told, going_on & (left > 0)


def _ask(
    keeper: Keeper[Ball], objective: Objective, owner: Tensor, asked: Tensor, values: Tensor, *, inside: bool
) -> tuple[Tensor, Tensor]:
    """Ask about values (r, m, ...) where that is wanted (r, m) and paid for; gives losses and who should go on."""
    problem = keeper.problem
    flat = asked.flatten().nonzero().flatten()
    flat = flat[problem.target.affords(owner.repeat_interleave(asked.shape[1])[flat])]
    row = torch.div(flat, asked.shape[1], rounding_mode="floor")
    whose = owner[row]
    x_t = problem.x.rows(whose).holding(values.flatten(0, 1)[flat])
    seen = problem.target.losses(x_t, objective, whose)
    reached, loss = problem.reached(seen.answer, whose), seen.loss.nan_to_num(-torch.inf, torch.inf, -torch.inf)
    kept = torch.ones_like(reached) if inside else problem.within.contains(x_t, problem.x.rows(whose))
    told = torch.full(asked.shape, -torch.inf, device=loss.device)
    told.view(-1)[flat] = loss
    first, found = _chosen(asked, flat, reached & kept, torch.where(kept, loss, -torch.inf))
    place = torch.zeros_like(asked, dtype=torch.int64).view(-1).index_copy(0, flat, torch.arange(len(flat)).to(flat))
    best = place[first[found]]
    going_on = problem.target.affords(owner)
    going_on[found] = keeper.keep(owner[found], x_t.rows(best), loss[best], seen.answer.rows(best))
    return told, going_on


def _chosen(asked: Tensor, flat: Tensor, reached: Tensor, loss: Tensor) -> tuple[Tensor, Tensor]:
    """Pick the first success of each row, or else its best candidate: places (r,) in `asked`, and where any, (r,)."""
    succeeded = torch.zeros_like(asked).view(-1).index_copy(0, flat, reached).view_as(asked)
    worth = torch.full(asked.shape, -torch.inf, device=loss.device).view(-1).index_copy(0, flat, loss).view_as(asked)
    any_success = succeeded.any(dim=1)
    column = torch.where(any_success, succeeded.to(torch.int8).argmax(dim=1), worth.argmax(dim=1))
    found = any_success | (worth > -torch.inf).any(dim=1)
    return torch.arange(len(asked), device=column.device) * asked.shape[1] + column, found
