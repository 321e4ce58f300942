"""What probes measured about a run, for the diagnosis that judges it. Needs no torch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

EVIDENCE_VERSION = 1
"""Of the field `measurements` of run.json; a diagnosis leaves other versions alone."""


class Measurement(NamedTuple):
    """One figure that a probe measured.

    Attributes:
        threat: Name of the threat it was measured under; empty for one about the model alone.
        name: What was measured, such as `survivors that a longer attack broke`.
        value: The figure, finite.
        n: Over how many examples, or comparisons.
        detail: Where it was worst, or how it was set up; may be empty.
    """

    threat: str
    name: str
    value: float
    n: int
    detail: str = ""


class Evidence(NamedTuple):
    """All that was measured in one run.

    Attributes:
        rows: The measurements.
        sample: How many examples were drawn.
        bill: What the probes cost by threat, as rows of {threat, queries, forwards, backwards, seconds}.
        remedies: What was carried out for findings of an earlier look, as rows of {threat, cure, how, check, severity,
            cause, sentence, fell, n}: the finding, the names and the description of what was done, how many examples
            fell to that, and of how many.
    """

    rows: tuple[Measurement, ...]
    sample: int
    bill: tuple[dict[str, Any], ...]
    remedies: tuple[dict[str, Any], ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Write it in plain JSON values, for run.json."""
        rows = [row._asdict() for row in self.rows]
        told = {"version": EVIDENCE_VERSION, "sample": self.sample, "rows": rows, "bill": list(self.bill)}
        return {**told, "remedies": list(self.remedies)} if self.remedies else told

    def about(self, threat: str) -> dict[str, Measurement]:
        """Give what was measured under a threat, by its name; `about("")` is about the model alone."""
        return {row.name: row for row in self.rows if row.threat == threat}

    @property
    def threats(self) -> list[str]:
        """Threats under which something was measured."""
        return list(dict.fromkeys(row.threat for row in self.rows if row.threat))


def gathered(run: Mapping[str, Any]) -> Iterator[Evidence]:
    """Give the evidence of a run and of all that were merged into it, where there is any that this release reads."""
    told = run.get("measurements")
    if told and told["version"] == EVIDENCE_VERSION:
        rows, remedies = tuple(Measurement(**row) for row in told["rows"]), tuple(told.get("remedies", ()))
        yield Evidence(rows, told["sample"], tuple(told["bill"]), remedies)
    for merged in run.get("merged", []):
        yield from gathered(merged)
