"""The numbers of the page, read from the results: one dataclass a line of a table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from math import inf
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from unfooled.core.curve import Curve, curves_of
from unfooled.core.joining import runs
from unfooled.core.rates import Interval
from unfooled.core.results import Results, ThreatResults

from .gallery import is_picture
from .wording import Threat

SMALLEST_CLASS = 5
LONGEST_TABLE = 20


@dataclass(frozen=True)
class Score:
    """What one threat, or all of them at once, left standing.

    Attributes:
        n: Examples.
        right: Examples read rightly when nobody attacks.
        robust: Examples read rightly and never broken.
        share: Robust accuracy, 0 to 1.
        interval: Its 95 % interval.
        robust_float32: As `robust`, before saving in the file format.
        clean_interval: 95 % interval of the clean accuracy.
    """

    n: int
    right: int
    robust: int
    share: float
    interval: Interval
    robust_float32: int
    clean_interval: Interval

    @property
    def clean(self) -> float:
        """Clean accuracy, 0 to 1."""
        return self.right / self.n

    @property
    def fooled(self) -> int:
        """Examples read rightly and then broken."""
        return self.right - self.robust


def score(found: ThreatResults) -> Score:
    """Count what one threat, or all of them at once, left standing."""
    correct = found.column("clean_correct").astype(bool)
    return Score(
        len(found),
        int(correct.sum()),
        int(found.robust.sum()),
        found.robust_accuracy,
        found.interval,
        int((correct & ~found.broken_float32).sum()),
        found.around(int(correct.sum())),
    )


def threats(results: Results) -> dict[str, Threat]:
    """Find the threats of a run, also of one that another was merged into, in the order of the audit."""
    settings = {entry["name"]: entry for run in runs(results.run) for entry in run["threats"]}
    classes = class_names(results.run)
    return {name: Threat(settings[name], classes, _of_pictures(results[name], settings[name])) for name in settings}


def class_names(run: Mapping[str, Any]) -> list[str] | dict[int, str] | None:
    """Find the names of the classes in a run, or the texts that its labels stand for; None where it gives none."""
    if "transcripts" in run:
        return {int(label): f"\u201c{text}\u201d" if text else "nothing" for label, text in run["transcripts"].items()}
    names = run["model"].get("classes")
    return names if isinstance(names, list) else None


def _of_pictures(found: ThreatResults, settings: Mapping[str, Any]) -> bool:
    return settings["carrier"].startswith("png") or any(
        is_picture(array) for _, array in islice(found.adversarial(), 1)
    )


def hardest(scores: Mapping[str, Score], threats: Mapping[str, Threat]) -> str:
    """Choose the threat for the headline: the one that leaves least standing, among equals the smallest radius.

    One without a limit, under which nearly everything falls, is chosen only where there is no other.
    """
    limited = limits(threats) or list(threats)
    return min(limited, key=lambda name: (scores[name].share, threats[name].radius or 0.0))


def limits(threats: Mapping[str, Threat]) -> list[str]:
    """Name the threats that set a limit: those without one ask how far an attacker must go, not whether they can."""
    return [name for name, threat in threats.items() if not threat.unlimited]


@dataclass(frozen=True)
class Line:
    """One curve of the page.

    Attributes:
        threats: The threats that differ in their radius alone, smallest first; those without a limit last.
        curve: What they found.
        close: Whether an attack looked for the nearest success, so that the curve holds between the radii too.
    """

    threats: list[Threat]
    curve: Curve
    close: bool

    @property
    def limited(self) -> list[Threat]:
        """The threats that set a limit: the radii that were audited."""
        return [threat for threat in self.threats if not threat.unlimited]

    @property
    def found(self) -> np.ndarray:
        """The distances at which examples read rightly fell, (m,)."""
        distance = self.curve.distance[self.curve.right]
        return np.asarray(distance[np.isfinite(distance)])


def lines(results: Results, threats: Mapping[str, Threat]) -> list[Line]:
    """Gather the threats that differ in their radius alone into curves, where there is anything to draw."""
    series: dict[tuple[str, ...], list[Threat]] = {}
    for threat in threats.values():
        if threat.radius or threat.unlimited:
            series.setdefault(threat.series, []).append(threat)
    nearest = {name for run in runs(results.run) for name in run["suite"].get("nearest", [])}
    found = []
    for ladder in series.values():
        ladder.sort(key=lambda threat: threat.radius or inf)
        names = pa.array([threat.name for threat in ladder])
        rows = results.records.filter(pc.is_in(results.records["threat"], names))
        (curve,) = curves_of(rows.to_pylist(), sequential=results.sequential).values()
        # Under one radius whoever pays by the question stops at the first success.
        on = len(ladder) > 1 or ladder[-1].unlimited
        ran = (stage.row for stage in stages(results, ladder[-1].name) if on or not stage.row["queries"])
        close = not nearest.isdisjoint(row["attack"] for row in ran)
        line = Line(ladder, curve, close)
        if line.limited or line.found.size:
            found.append(line)
    return found


@dataclass(frozen=True)
class Stage:
    """One attack under one threat: a row of `STAGES` and what follows from it.

    Attributes:
        row: The row.
    """

    row: dict[str, Any]

    @property
    def passes(self) -> int:
        """Everything asked of the model: queries, forward rows and backward rows."""
        return int(self.row["queries"] + self.row["forwards"] + self.row["backwards"])

    @property
    def passes_per_broken(self) -> float | None:
        """What one broken example cost; None where none was broken."""
        return self.passes / self.row["broken"] if self.row["broken"] else None


def stages(results: Results, threat: str) -> list[Stage]:
    """List the attacks of one threat in the order in which they were tried."""
    return [Stage(row) for row in results.stages.filter(pc.equal(results.stages["threat"], threat)).to_pylist()]


@dataclass(frozen=True)
class ClassLine:
    """How one class fares under one threat.

    Attributes:
        label: The class.
        n: Its examples.
        right: Those read rightly when nobody attacks.
        robust: Those never broken as well.
        mistaken_for: The answer given most often to its broken examples; None if none was broken.
    """

    label: int
    n: int
    right: int
    robust: int
    mistaken_for: int | None


def by_class(found: ThreatResults) -> list[ClassLine]:
    """Tell which classes fall, the worst first; empty where no class has enough examples to say so."""
    y, broken = found.column("y"), found.broken
    answers, correct = found.column("adv_label"), found.column("clean_correct").astype(bool)
    lines = []
    for label, n in sorted(Counter(y.tolist()).items()):
        if n >= SMALLEST_CLASS:
            of_class = y == label
            taken = Counter(int(answer) for answer in answers[of_class & broken])
            first = min(taken, key=lambda answer: (-taken[answer], answer)) if taken else None
            right, robust = int(correct[of_class].sum()), int(found.robust[of_class].sum())
            lines.append(ClassLine(label, n, right, robust, first))
    return sorted(lines, key=lambda line: (line.robust / line.n, -line.n, line.label))[:LONGEST_TABLE]
