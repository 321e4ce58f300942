"""Block PGD: few long steps from starts whose neighbouring values move together."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import ClassVar

from unfooled.core.attack import Bill, Found, Problem
from unfooled.core.target import Access
from unfooled.core.threat import Ball
from unfooled.losses import loss_named
from unfooled.search.heavy_ball import roll
from unfooled.search.keeper import Keeper
from unfooled.search.rivals import likeliest_others
from unfooled.search.starts import blocks
from unfooled.search.transforms import averaged


@dataclass(frozen=True)
class BlockPGD:
    """Climb a rescaled loss from a start in large blocks, with averaged gradients first and shrinking steps.

    Works in any Ball of finite radius and needs gradients. Made to be restarted rather than prolonged: starts in blocks
    and averaged gradients find the low frequencies that nets trained on few steps leave open.

    Attributes:
        side: Side of a block at the start as a share of the input's longer side, above 0 to 1.
        steps: Gradient steps of one climb, 1 or more.
        smooth: Share of the steps whose gradients are averaged over 3 by 3 values, 0 to 1.
        targets: Likeliest other classes to climb towards, one climb each; 0 for one climb away from the label.
        draw: Number of the random start; other numbers start elsewhere.
        loss: What to climb, by its name in `losses.LOSSES`.

    Reference:
        The parts are known: the rescaled loss (Yu and Xu, CVPR 2023), steps that shrink by a cosine from twice the
        radius (Ma et al., arXiv 2009.13145), inertia (Croce and Hein, ICML 2020), squares (Andriushchenko et al.,
        ECCV 2020).
        Differs from the paper: there is none of the whole; `docs/adr/010-the-cascade.md` has what each part brings.
    """

    side: float = 0.5
    steps: int = 20
    smooth: float = 0.25
    targets: int = 0
    draw: int = 0
    loss: str = "rescaled-cross-entropy"
    needs: ClassVar[Access] = Access.GRADIENT
    nearest: ClassVar[bool] = False

    def bill(self, classes: int) -> Bill:
        """See `Attack.bill`; one more forward ranks the classes where no hint does."""
        climbs = min(self.targets, classes - 1)
        ranking, climbs = min(climbs, 1), max(climbs, 1)
        return Bill(queries=0, forwards=ranking + climbs * (self.steps + 1), backwards=climbs * self.steps)

    def __call__(self, problem: Problem[Ball]) -> Found:
        """See `Attack`."""
        keeper = Keeper(problem)
        aims = likeliest_others(problem, self.targets) if self.targets else [None]
        for number, aim in enumerate(aims):
            draw = self.draw + number
            begin = partial(blocks, within=problem.within, draws=problem.draws, side=self.side, draw=draw)
            early = averaged(3, round(self.smooth * self.steps))
            roll(keeper, loss_named(self.loss), self.steps, begin, transforms=(early,), toward=aim)
        return keeper.found()
