"""Grid: try every motion."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from unfooled.core.attack import Bill, Found, Problem
from unfooled.core.target import Access
from unfooled.search.asking import Asking
from unfooled.search.keeper import Keeper
from unfooled.sets.motion import Motion

_VALUES = 2**21  # of one example in one pass: large pictures are moved in fewer ways at once


@dataclass(frozen=True)
class Grid:
    """Turn and shift each picture in every way of an even grid, the smallest motions first.

    Needs labels only. Where the set has no more motions than there are queries, it tries them all: what stands then
    stands against every motion of the set.

    Attributes:
        queries: Most motions of an example, 1 or more.
        together: Motions of one example in one pass, 1 or more; those behind a success are paid for too.

    Reference:
        Engstrom, Tran, Tsipras, Schmidt and Madry. Exploring the landscape of spatial robustness. ICML 2019.
        https://arxiv.org/abs/1712.02779, section 3, grid search.
        Differs from the paper: whole degrees and whole pixels; the smallest motions come first.
    """

    queries: int = 1000
    together: int = 16
    needs: ClassVar[Access] = Access.DECISION
    nearest: ClassVar[bool] = False

    def bill(self, classes: int) -> Bill:
        """See `Attack.bill`."""
        return Bill(queries=self.queries, forwards=0, backwards=0)

    def __call__(self, problem: Problem[Motion]) -> Found:
        """See `Attack`."""
        keeper = Keeper(problem)
        asking = Asking(keeper, self.queries)
        motions = problem.within.lattice(tuple(problem.x.values.shape[1:]), self.queries + 1).to(problem.y.device)
        together = max(1, min(self.together, _VALUES // max(1, problem.x.values[:1].numel())))
        for begin in range(1, len(motions), together):  # the first one moves nothing
            some = motions[begin : begin + together]
            owner = keeper.open()
            if not len(owner):
                break
            x = problem.x.rows(owner.repeat_interleave(len(some)))
            tries = problem.within.moved(x, some.repeat(len(owner), 1))
            asking.fooled(owner, tries.values.view(len(owner), len(some), *tries.values.shape[1:]))
        return keeper.found()
