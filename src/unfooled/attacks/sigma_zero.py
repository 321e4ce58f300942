"""sigma-zero: as few pixels as may be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from unfooled.core.attack import Bill, Found, Problem
from unfooled.core.target import Access
from unfooled.core.threat import Ball
from unfooled.losses import loss_named
from unfooled.search.exchange import exchange
from unfooled.search.keeper import Keeper
from unfooled.search.polish import polish
from unfooled.search.sparse import walk_sparsely


@dataclass(frozen=True)
class SigmaZero:
    """Find the success that changes the fewest pixels: lower a smooth count of them, then exchange them for better.

    Works in any Ball and needs gradients; made for L0.

    Attributes:
        steps: Gradient steps in all, 1 or more.
        exchanges: How many of them, at the end, exchange the pixels of the nearest success, at most four fifths.
        polish: How many of the exchanges walk along the boundary instead, at the very end, at most half; half in sets
            that measure how far values move, where few pixels are not what is nearest.

    Reference:
        Cinà, Villani, Pintor, Schönherr, Biggio and Pelillo. Sigma-zero: gradient-based optimization of l0-norm
        adversarial examples. ICLR 2025. https://arxiv.org/abs/2402.01879, algorithm 1.
        Differs from the paper: a fifth of the steps are the paper's, the others a tabu search that exchanges pixels;
        the colours of a pixel count as one; the threshold changes five times as fast; the first point shown crosses
        the linearised boundary; the last steps polish.
    """

    steps: int = 200
    exchanges: int = 160
    polish: int = 6
    needs: ClassVar[Access] = Access.GRADIENT
    nearest: ClassVar[bool] = True

    def bill(self, classes: int) -> Bill:
        """See `Attack.bill`."""
        return Bill(queries=0, forwards=self.steps + 3, backwards=self.steps)

    def __call__(self, problem: Problem[Ball]) -> Found:
        """See `Attack`."""
        keeper = Keeper(problem, nearest=True)
        last = min(self.exchanges, self.steps * 4 // 5)
        polished = min(self.polish, last // 2) if problem.within.exponent == 0 else last // 2
        walk_sparsely(keeper, self.steps - last)
        exchange(keeper, loss_named("rescaled-cross-entropy"), last - polished)
        polish(keeper, polished)
        return keeper.found()
