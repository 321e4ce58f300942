"""Search many texts at once: each by itself, and all that they ask goes through the model together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache, partial

import torch
from torch import Tensor
from torch.nn.functional import pad

from unfooled.core.attack import Problem
from unfooled.core.seeds import Draws
from unfooled.core.texts import strings
from unfooled.core.threat import Edits, Loss

from .drafts import Asked, Draft, Search
from .keeper import Keeper
from .questions import TextAsking

LONGEST_MASK = 16
"""Most characters that probes may write in a word's stead."""


def keeper_of(problem: Problem[Edits]) -> Keeper[Edits]:
    """Make a keeper that has room for every text of the set, and for probes."""
    x = problem.x
    values = pad(x.values, (0, problem.within.growth(x.values.shape[1]) + LONGEST_MASK))
    lengths = torch.full_like(x.ids, x.values.shape[1]) if x.lengths is None else x.lengths
    return Keeper(replace(problem, start=replace(x, values=values, lengths=lengths)))


def search_texts(keeper: Keeper[Edits], loss: Loss, queries: int, search: Callable[[Draft], Search]) -> None:
    """Search every text that is undecided, each until it succeeds, ends its search or has spent its queries.

    What one text is told hangs on nothing but itself; the texts take their turns together only to fill the passes.

    Args:
        keeper: Holds the problem, by `keeper_of`.
        loss: What to climb; where the attacker sees labels only, a loss is 1 where the goal is
            reached and 0 elsewhere.
        queries: Most queries of an example, 0 or more.
        search: Begins the search of one text.
    """
    problem = keeper.problem
    within, owner = problem.within, keeper.open()
    width = problem.beginning(owner).values.shape[1]
    asking = TextAsking(keeper, problem.objective(loss), torch.full_like(problem.y, queries), width)
    under_way: dict[int, tuple[Search, Asked]] = {}
    for one, text in zip(owner.tolist(), strings(problem.x.rows(owner)), strict=True):
        lots = cache(partial(_lots, problem.draws, problem.x.ids[one : one + 1]))
        begun = search(Draft(tuple(within.pieces(text)), within, within.most(text), lots, width))
        _go_on(under_way, one, begun, None)
    while under_way:
        told = asking.ask({one: asked for one, (_, asked) in under_way.items()})
        for (one, (begun, _)), losses in zip(tuple(under_way.items()), told, strict=True):
            del under_way[one]
            if losses:
                _go_on(under_way, one, begun, losses)


def _lots(draws: Draws, ids: Tensor, count: int, tag: str, draw: int) -> list[float]:
    drawn: list[float] = draws.uniform((count,), ids, tag, draw)[0].tolist()
    return drawn


def _go_on(under_way: dict[int, tuple[Search, Asked]], one: int, begun: Search, told: list[float] | None) -> None:
    """Tell a search what it asked for, and note what it asks next; one that asks nothing has ended."""
    try:
        asked = next(begun) if told is None else begun.send(told)
    except StopIteration:
        return
    under_way[one] = (begun, asked)
