"""A suite's stages: an attack, and on which of those that still stand it is spent."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from typing import NamedTuple, Protocol

import numpy as np

from unfooled.core.attack import Attack
from unfooled.core.target import Access
from unfooled.core.threat import Ball


class Among(Protocol):
    """Says on which of the survivors a stage is spent, for all survivors of an audit together."""

    def pick(self, keys: Sequence[str], margins: np.ndarray, of: int) -> np.ndarray:
        """Pick places (r,) among survivors with content hashes `keys` and margins (n,) of their best proposals.

        Places are in order, and do not depend on the order of the survivors, who are left of `of` examples.
        """
        ...

    def most(self, n: int) -> int:
        """Say how many of n examples it can be at most."""
        ...

    def part(self, share: float) -> Among:
        """Say whom to choose from a cohort that is this share, above 0 to 1, of a full one."""
        ...


@dataclass(frozen=True)
class Everyone:
    """All that stand."""

    def pick(self, keys: Sequence[str], margins: np.ndarray, of: int) -> np.ndarray:
        """See `Among.pick`."""
        return np.arange(len(keys))

    def most(self, n: int) -> int:
        """See `Among.most`."""
        return n

    def part(self, share: float) -> Everyone:
        """See `Among.part`."""
        return self


@dataclass(frozen=True)
class Nearest:
    """Those whose best proposal came closest to the goal.

    Attributes:
        share: How many, as a share of all that stand, above 0 to 1.
        least: How many at least.
    """

    share: float
    least: int = 10

    def pick(self, keys: Sequence[str], margins: np.ndarray, of: int) -> np.ndarray:
        """See `Among.pick`; equals are taken in the order of their keys."""
        closest = np.lexsort((np.array(keys), -np.nan_to_num(margins, nan=-np.inf)))
        return np.sort(closest[: self.most(len(keys))])

    def most(self, n: int) -> int:
        """See `Among.most`."""
        return min(n, max(self.least, ceil(self.share * n)))

    def part(self, share: float) -> Nearest:
        """See `Among.part`."""
        return self


@dataclass(frozen=True)
class Drawn:
    """Those who stand of a random sample of all: what is true of it is true of all, within an interval.

    The fewer stand, the fewer are asked, and the interval stays as many points of robust accuracy wide. Who stands is
    drawn by the examples' content.

    Attributes:
        count: How many examples the sample has, those that fell included, 1 or more.
    """

    count: int

    def pick(self, keys: Sequence[str], margins: np.ndarray, of: int) -> np.ndarray:
        """See `Among.pick`."""
        lots = [hashlib.sha256(f"drawn {key}".encode()).digest() for key in keys]
        order = sorted(range(len(keys)), key=lots.__getitem__)
        return np.sort(np.array(order[: ceil(self.count * len(keys) / of)], dtype=np.int64))

    def most(self, n: int) -> int:
        """See `Among.most`."""
        return min(n, self.count)

    def part(self, share: float) -> Drawn:
        """See `Among.part`."""
        return Drawn(max(1, ceil(share * self.count)))


class Stage(NamedTuple):
    """One attack of a suite.

    Attributes:
        name: What reports call it.
        attack: The attack.
        kind: The kind of set that it is meant for; None for any.
        among: On which of those that stand it is spent.
        paying: It is left out unless the stage before it broke something, and at least this share of those it was
            spent on; None for a stage that always runs.
        access: What the attacker sees for whom it is meant; None for any.
    """

    name: str
    attack: Attack[Ball]
    kind: str | None = None
    among: Among = Everyone()
    paying: float | None = None
    access: Access | None = None

    def __str__(self) -> str:
        where = "" if self.kind is None else f" in {self.kind}"
        whom = "" if self.among == Everyone() else f", {self.among!r}"
        when = "" if self.paying is None else f", if the stage before pays {self.paying:g}"
        by = "" if self.access is None else f" by {self.access.name.lower()}"
        return f"{self.name}{where}{by}: {self.attack!r}{whom}{when}"

    def rows(self, batch: int, count: int) -> int:
        """Say how many rows its passes have where it is spent on `count` examples.

        Passes have one shape each run, so that no answer depends on the company. A stage for a few is chosen by looking
        at all, whatever their order: there the shape may be smaller.
        """
        return batch if self.among == Everyone() else 4 * ceil(count / ceil(count / batch) / 4)

    def runs_after(self, share: float) -> bool:
        """Tell whether it runs after a stage that broke a share of those it was spent on."""
        return self.paying is None or (share > 0 and share >= self.paying)


def for_all(stages: Sequence[Stage], most: Access) -> tuple[Stage, ...]:
    """Spend the attacks that a model can bear on everybody who stands, if it tells too little for some attacks.

    A suite keeps dear attacks for a few, by what cheap ones with gradients found before; without these, nothing was.
    """
    if all(stage.attack.needs <= most for stage in stages):
        return tuple(stages)
    return tuple(stage._replace(among=Everyone(), paying=None) for stage in stages)
