"""Security curves: how robust accuracy falls as an attacker may change more. Needs numpy, not torch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from .errors import InputError
from .names import BY
from .rates import Interval, robbins, wilson

_SLACK = 1e-6
"""How far beyond a radius a distance still counts as inside, times max(1, radius), as in the sets."""


class Point(NamedTuple):
    """Robust accuracy at one radius, 0 to 1, with its 95 % interval over the sampling of examples."""

    radius: float
    robust_accuracy: float
    interval: Interval


@dataclass(frozen=True)
class Curve:
    """Robust accuracy against the radius, for threats that differ in their radius alone.

    It is read off the smallest change found for each example, so it only falls. Between the radii that were audited it
    is an upper bound, as everywhere; where an attack looked for the nearest success, a close one.

    Attributes:
        kind: What the threats share, such as `l2` or `become:3 linf`.
        radii: The radii that were audited, smallest first; infinite where there was no limit.
        right: Examples that the model reads rightly when nobody attacks, (n,) bool.
        distance: How large the smallest change found is, for each example, (n,): infinite for those that stand, 0 for
            those misread as they are.
        sequential: See `Results.sequential`.
    """

    kind: str
    radii: tuple[float, ...]
    right: np.ndarray = field(repr=False)
    distance: np.ndarray = field(repr=False)
    sequential: bool = False

    def at(self, radius: float) -> Point:
        """Tell the robust accuracy at any radius from 0 to the largest one audited.

        Raises:
            InputError: Nothing was audited as far out.
        """
        if not 0 <= radius <= self.radii[-1]:
            raise InputError(
                f"This curve of {self.kind} ends at {self.radii[-1]:g}", f"radius {radius:g}", "Audit a larger radius."
            )
        beyond = self.distance > radius + _SLACK * max(1.0, radius)
        standing = int((self.right & beyond if radius else self.right).sum())
        interval = (robbins if self.sequential else wilson)(standing, len(self.distance))
        return Point(float(radius), standing / len(self.distance), interval)

    @property
    def points(self) -> list[Point]:
        """The curve at no change at all and at each radius that was audited; those without a limit aside."""
        return [self.at(radius) for radius in dict.fromkeys((0.0, *self.radii)) if np.isfinite(radius)]

    @property
    def median(self) -> float:
        """The change that is enough for half of the examples read rightly; infinite where half of them stand."""
        found = np.sort(self.distance[self.right])
        return float(found[(len(found) - 1) // 2]) if len(found) else float("nan")


def kind_of(threat: str) -> str:
    """Strip radii off a threat's name: `linf@mask-1a2b by labels` of `linf:4/255@mask-1a2b by labels`.

    Of two limits both go: `rotate,shift` of `rotate:30,shift:3`.
    """
    aim, by, sees = threat.partition(BY)
    goal, space, within = aim.rpartition(" ")
    ball, at, region = within.partition("@")
    return goal + space + ",".join(part.partition(":")[0] for part in ball.split(",")) + at + region + by + sees


def curves_of(rows: Iterable[Mapping[str, Any]], *, sequential: bool = False) -> dict[str, Curve]:
    """Draw a curve for each kind of threat in rows of `RECORDS`, over the examples audited at its largest radius."""
    kinds: dict[str, dict[float, dict[str, tuple[bool, float]]]] = {}
    for row in rows:
        radius = np.inf if row["radius"] is None else row["radius"]
        known = radius if row["distance"] is None else row["distance"]
        nearest = known if row["broken"] else np.inf if row["clean_correct"] else 0.0
        rung = kinds.setdefault(kind_of(row["threat"]), {}).setdefault(radius, {})
        rung[row["key"]] = row["clean_correct"], nearest
    curves = {}
    for kind, rungs in kinds.items():
        largest = rungs[max(rungs)]
        right = np.array([correct for correct, _ in largest.values()], dtype=bool)
        distance = [min(rung[key][1] for rung in rungs.values() if key in rung) for key in largest]
        curves[kind] = Curve(kind, tuple(sorted(rungs)), right, np.array(distance), sequential)
    return curves
