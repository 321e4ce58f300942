"""Boundary walk: several walks along the boundary, each to where it is nearest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from unfooled.core.attack import Bill, Found, Problem
from unfooled.core.target import Access
from unfooled.core.threat import Ball
from unfooled.losses import loss_named
from unfooled.search.crossings import begun, crossings
from unfooled.search.keeper import Keeper
from unfooled.search.polish import walk


@dataclass(frozen=True)
class BoundaryWalk:
    """Find the nearest success by walks along the boundary that begin apart, since it comes near in many places.

    Works in any Ball and needs gradients; best in L2.

    Attributes:
        steps: Gradient steps in all, 2 or more.
        walks: Walks that share them, 1 or more; None for as many as a third of their root: 3 at 60, 5 at 250.
        targets: Likeliest other classes towards which the boundary is looked for, a step each, at most half of all.

    Reference:
        The step along the boundary is that of Hasofer and Lind, in the form of Rackwitz and Fiessler. Structural
        reliability under combined random load sequences. Computers and Structures 9, 1978. The first look at each
        class is that of DeepFool, https://arxiv.org/abs/1511.04599.
        Differs from the paper: steps along the boundary shrink, steps back to it are five times as long; walks
        begin at several classes' boundaries and at random; any set takes the place of L2.
    """

    steps: int = 250
    walks: int | None = None
    targets: int = 4
    needs: ClassVar[Access] = Access.GRADIENT
    nearest: ClassVar[bool] = True

    def bill(self, classes: int) -> Bill:
        """See `Attack.bill`; one more forward ranks the classes where no hint does."""
        looks = min(self.targets, max(1, self.steps // 2), classes - 1)
        walks, each = self._shared(looks)
        return Bill(queries=0, forwards=1 + looks + walks * (each + 1), backwards=looks + walks * each)

    def __call__(self, problem: Problem[Ball]) -> Found:
        """See `Attack`."""
        keeper = Keeper(problem, nearest=True)
        known = crossings(keeper, loss_named("margin"), min(self.targets, max(1, self.steps // 2)))
        walks, each = self._shared(len(known))
        for k in range(walks):
            owner = keeper.open()
            walk(keeper, owner, begun(keeper, owner, known, k), each)
        return keeper.found()

    def _shared(self, looks: int) -> tuple[int, int]:
        """Say how many walks there are, and of how many steps each."""
        walks = max(1, round(self.steps**0.5 / 3)) if self.walks is None else self.walks
        return walks, max(1, (self.steps - looks) // walks)
