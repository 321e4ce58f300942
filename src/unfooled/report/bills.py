"""A run's bill beside AutoAttack's for the same examples."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from unfooled.core.autoattack import FEWEST_CLASSES, autoattack_passes
from unfooled.core.curve import kind_of
from unfooled.core.results import Results

from . import tables
from .wording import Threat


@dataclass(frozen=True)
class Bill:
    """What was asked under one kind of threat, and what AutoAttack would have asked.

    Attributes:
        kind: Threats that differ in their radius alone, such as `linf`.
        ours: Passes of the run's attacks, forwards, backwards and queries, at all radii.
        theirs: Passes that AutoAttack asks at least, once for each radius, if it leaves as many standing.
    """

    kind: str
    ours: int
    theirs: int

    @property
    def sentence(self) -> str:
        """Say both in a sentence."""
        times = self.theirs / self.ours
        ratio = f"{times:,.1f}" if times < 10 else f"{times:,.0f}"
        return (
            f"{self.kind}: {self.ours:,} passes; AutoAttack (version standard) would have asked at least "
            f"{self.theirs:,}, {ratio} times as many, if it left as many standing."
        )


def bills(results: Results, threats: Mapping[str, Threat]) -> list[Bill]:
    """Compare, where AutoAttack's version `standard` could have been run and the run used gradients too.

    Args:
        results: The run.
        threats: Its threats, as `tables.threats` finds them.
    """
    ours: dict[str, int] = {}
    climbed = set()
    for stage in (stage for name in results.threats for stage in tables.stages(results, name)):
        kind = kind_of(stage.row["threat"])
        ours[kind] = ours.get(kind, 0) + stage.passes
        if stage.row["backwards"]:
            climbed.add(kind)
    classes = int(results.run["model"].get("k") or 0)
    theirs: dict[str, int] = {}
    for name, threat in threats.items():
        if kind_of(name) in climbed and _fits(threat) and classes >= FEWEST_CLASSES:
            line = tables.score(results[name])
            least = autoattack_passes(line.n, [line.right, *4 * [line.robust]], classes)
            theirs[kind_of(name)] = theirs.get(kind_of(name), 0) + sum(least)
    return [Bill(kind, ours[kind], passes) for kind, passes in theirs.items()]


def _fits(threat: Threat) -> bool:
    """Tell whether AutoAttack knows a threat: any wrong answer, anywhere in a ball, by somebody who has the model."""
    known = threat.family in ("linf", "l2") and threat.radius is not None and not threat.region
    return known and threat.goal == "misclassify" and str(threat.settings["access"]) == "gradient"
