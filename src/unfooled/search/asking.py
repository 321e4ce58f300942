"""Ask about several points of each example in one pass, as far as each example's budget goes."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from .keeper import Keeper

_FURTHEST = 1e300  # where a point counts as lying that is no success


class Asking:
    """Asks whether points fool the model, and hands the nearest that do to a keeper.

    Args:
        keeper: Looks for the nearest success; holds the problem.
        queries: Most queries of an example, 0 or more.
    """

    def __init__(self, keeper: Keeper[Any], queries: int) -> None:
        self.keeper = keeper
        self._left = torch.full_like(keeper.problem.y, queries)

    def left(self, owner: Tensor) -> Tensor:
        """Tell how often each row's example may still ask, (r,) int64; never where it needs no change at all."""
        left = torch.minimum(self._left[owner], self.keeper.problem.target.left(owner))
        return torch.where(self.keeper.distance(owner) > 0, left, 0)

    def afforded(self, owner: Tensor, number: int) -> Tensor:
        """Tell which of so many points each row's example can still pay for, (r, number) bool: the first ones."""
        return torch.arange(number, device=owner.device) < self.left(owner).unsqueeze(1)

    def fooled(self, owner: Tensor, tries: Tensor) -> Tensor:
        """Ask in one pass whether points fool the model, (r, k) bool; false for those that cannot be paid for.

        The keeper learns of one point of each example: of those in the set the nearest success, or else the first.

        Args:
            owner: Whose points they are, (r,), each example at most once.
            tries: The points, (r, k, ...).
        """
        problem = self.keeper.problem
        asks = self.afforded(owner, tries.shape[1])
        if not bool(asks.any()):
            return asks
        row = asks.nonzero()[:, 0]
        self._left[owner] -= asks.sum(dim=1)
        x = problem.x.rows(owner[row])
        x_t = x.holding(tries[asks])
        answer = problem.target.answer(x_t, owner[row])
        reached = problem.reached(answer, owner[row])
        far = torch.where(reached, problem.within.distance(x_t, x), _FURTHEST)
        far = torch.where(problem.within.contains(x_t, x), far, torch.inf)
        nearest, place = _spread(asks, far, torch.inf).min(dim=1)
        some = nearest.isfinite()
        at = _spread(asks, torch.arange(len(row), device=row.device), 0).gather(1, place.unsqueeze(1)).flatten()[some]
        level = torch.zeros(len(at), device=far.device)  # a label tells no point from another
        self.keeper.keep(owner[some], x_t.rows(at), level, answer.rows(at))
        return _spread(asks, reached, False)


def _spread(asks: Tensor, column: Tensor, rest: float) -> Tensor:
    """Put what is known of the points asked about, (m,), in their places (r, k), and `rest` in the others."""
    return torch.full(asks.shape, rest, dtype=column.dtype, device=asks.device).masked_scatter(asks, column)
