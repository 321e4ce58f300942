"""Look for the nearest success along rays towards corners, from labels alone."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, replace

import torch
from torch import Tensor

from unfooled.core.batch import Batch
from unfooled.core.threat import Ball

from .keeper import Keeper
from .windows import ends

_SHARPEST = 1e-5  # float32 tells distances along a ray no better


@dataclass(frozen=True)
class _Rays:
    """How far the search of each row has come.

    Attributes:
        owner: Whose row it is, (r,).
        signs: The best ray, (r, d), -1 or 1.
        far: How far along it the model was fooled, (r,) float64; infinite where it was not yet.
        place: Number of each value among those that may change, (r, d); -1 for the others.
        parts: Into how many blocks these are cut, (r,), a power of two.
        block: Which of them is turned round, (r,).
        brought: Whether any turn has brought something since the values were cut, (r,) bool.
        failed: How far along the turned ray it was not fooled, (r,); NaN until it was fooled at all.
        reached: How far along the turned ray it was fooled, (r,).
        tolerance: How sharply a distance is told, (r,).
    """

    owner: Tensor
    signs: Tensor
    far: Tensor
    place: Tensor
    parts: Tensor
    block: Tensor
    brought: Tensor
    failed: Tensor
    reached: Tensor
    tolerance: Tensor

    def rows(self, index: Tensor) -> _Rays:
        """Pick rows, in the order of `index`."""
        return _Rays(*(getattr(self, one.name)[index] for one in fields(self)))

    def turned(self) -> Tensor:
        """Give the rays that are tried, (r, d): the best ones with a block turned round."""
        size = self._size()
        first = (self.block * size).unsqueeze(1)
        inside = (self.place >= first) & (self.place < first + size.unsqueeze(1))
        return torch.where(inside, -self.signs, self.signs)

    def asks(self, furthest: float) -> Tensor:
        """Tell how far along the turned ray to ask, (r,): first a little nearer than the best, then in a bracket."""
        little = torch.where(self.far.isinf(), furthest, self.far * (1 - self.tolerance))
        nearer = torch.maximum(2 * self.reached - self.far, self.reached / 2)  # twice the way gone so far
        bracket = torch.where(self.failed > 0, (self.failed + self.reached) / 2, nearer)
        return torch.where(self.failed.isnan(), little, bracket)

    def told(self, asked: Tensor, fooled: Tensor) -> _Rays:
        """Take note of whether the model was fooled (r,) where it was asked, and go on where a ray is done with."""
        probed = self.failed.isnan()
        reached = torch.where(fooled, asked, self.reached)
        failed = torch.where(fooled, torch.where(probed, 0.0, self.failed), torch.where(probed, torch.nan, asked))
        sharp = reached - failed <= self.tolerance * reached  # false for NaN
        after = replace(
            self,
            signs=torch.where(sharp.unsqueeze(1), self.turned(), self.signs),
            far=torch.where(sharp, reached, self.far),
            brought=self.brought | sharp,
            failed=torch.where(sharp, torch.nan, failed),
            reached=reached,
        )
        return after._onward(sharp | (probed & ~fooled))

    def _onward(self, done: Tensor) -> _Rays:
        """Let the rows marked (r,) turn the next block; after the last one cut finer, after single values anew."""
        block = torch.where(done, self.block + 1, self.block)
        count = self._count()
        over = done & (block * self._size() >= count)
        single = over & (self.parts >= count)
        finer = torch.where(single & ~self.brought, 0.5, 1.0)
        return replace(
            self,
            block=torch.where(over, 0, block),
            parts=torch.where(over, torch.where(single, 1, 2 * self.parts), self.parts),
            brought=self.brought & ~over,
            tolerance=torch.maximum(self.tolerance * finer, self.tolerance.clamp(max=_SHARPEST)),
        )

    def _count(self) -> Tensor:
        return self.place.amax(dim=1) + 1

    def _size(self) -> Tensor:
        return torch.div(self._count() + self.parts - 1, self.parts, rounding_mode="floor").clamp(min=1)


def turn_rays(keeper: Keeper[Ball], queries: int, tolerance: float) -> None:
    """Search along rays from the clean example towards corners of the range, one query a pass.

    The first ray leads towards where the problem begins, or else all values up. Blocks of its signs are turned round,
    one after the other; where the model is fooled nearer by that, the distance is told by bisection and the turn
    stays. After all blocks of a size come those of half the size, down to single values, and then the whole again.

    Args:
        keeper: Looks for the nearest success; holds the problem.
        queries: Most queries of an example, 0 or more.
        tolerance: How sharply a distance is told, as a share of it.
    """
    problem, owner = keeper.problem, keeper.open()
    target, within = problem.target, problem.within
    free, furthest = within.resized(math.inf), within.high - within.low
    if not len(owner) or queries < 1:
        return
    x, x_t = problem.x.rows(owner), problem.beginning(owner)
    rays = _begun(within, owner, x, x_t, tolerance)
    asked = torch.zeros_like(rays.far)
    for k in range(queries):
        answer = target.answer(x_t, rays.owner)
        near = within.contains(x_t, x)
        level = torch.zeros(int(near.sum()), device=near.device)  # a label tells no point from another
        keeper.keep(rays.owner[near], x_t.rows(near), level, answer.rows(near))
        if k:
            rays = rays.told(asked, problem.reached(answer, rays.owner))
        going_on = (keeper.distance(rays.owner) > 0) & target.affords(rays.owner)
        if not bool(going_on.all()):
            rays, x = rays.rows(going_on), x.rows(going_on)
        if not len(x):
            return
        asked = rays.asks(furthest)
        way = (asked.unsqueeze(1) * rays.turned()).view(x.values.shape)
        x_t = free.project(x.holding((x.values + way).to(x.values.dtype)), x)


def _begun(within: Ball, owner: Tensor, x: Batch, begin: Batch, tolerance: float) -> _Rays:
    lowest, highest = ends(within, x, limited=False)
    allowed = (lowest != highest).flatten(1)
    whole = torch.zeros_like(owner, dtype=torch.float64)
    return _Rays(
        owner,
        signs=torch.where(begin.values < x.values, -1.0, 1.0).flatten(1).double(),
        far=whole + torch.inf,
        place=torch.where(allowed, allowed.cumsum(dim=1) - 1, -1),
        parts=torch.ones_like(owner),
        block=torch.full_like(owner, -1),  # none: the first ray is tried as it is
        brought=torch.zeros_like(allowed[:, 0]),
        failed=whole + torch.nan,
        reached=whole,
        tolerance=whole + tolerance,
    )
