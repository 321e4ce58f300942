"""Try random points of the set: the weakest attacker there is, and a control for all others."""

from __future__ import annotations

from collections.abc import Callable

import torch

from unfooled.core.batch import Batch
from unfooled.core.threat import S

from .keeper import Keeper


def sample(keeper: Keeper[S], draw_point: Callable[[Batch, int], Batch], draws: int) -> None:
    """Try `draws` points an example; what is found goes to the keeper.

    Args:
        keeper: Holds the problem.
        draw_point: Clean examples (r, ...) and the number of the draw -> points (r, ...).
        draws: Most points an example, 0 or more.
    """
    for draw in range(draws):
        owner = keeper.open()
        if not len(owner):
            return
        x_t = draw_point(keeper.problem.x.rows(owner), draw)
        answer = keeper.problem.target.answer(x_t, owner)
        level = torch.zeros(len(owner), device=x_t.values.device)  # a label tells no point from another
        keeper.keep(owner, x_t, level, answer)
