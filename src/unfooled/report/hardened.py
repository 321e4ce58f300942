"""What defences bought: one table for people, as text and as one HTML page. Needs no torch."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from unfooled.core.hardened import Change, Hardened, recommendation

from .page import environment, write_page
from .wording import duration

NOT_YET = "not evaluated adaptively"
TITLES = ("defence", "grade", "clean", "unknown", "known", "robust won", "clean lost", "training", "answer")


class Line(NamedTuple):
    """One row of the table, in words; as `TITLES`.

    Attributes:
        defence: Its name.
        grade: Of the evidence for it.
        clean: Accuracy.
        ignorant: Robust accuracy where the attacker does not know of it.
        knowing: Robust accuracy where they do.
        won: Robust accuracy won, with its paired interval, in points.
        lost: Clean accuracy lost, likewise.
        training: Its time, and that of a step beside a step of standard training.
        inference: Time of an answer beside that without the defence.
    """

    defence: str
    grade: str
    clean: str
    ignorant: str
    knowing: str
    won: str
    lost: str
    training: str
    inference: str


def lines(rows: Sequence[Hardened]) -> list[Line]:
    """Write the table, beginning with the model as it was.

    No gain is told of a defence before all attacks ran that it calls for: neither what those find who do not know of
    it, since that figure alone misleads, nor what would have been won.
    """
    if not rows:
        return []
    first = rows[0]
    stood = _share(first.robust_before, first.n)
    none = Line("none", "", _share(first.clean_before, first.n), stood, stood, "", "", "", "")
    return [none, *map(_line, rows)]


def _line(row: Hardened) -> Line:
    bill, clean = row.bill, _share(row.clean, row.n)
    trained = f"{duration(bill.seconds)}, {bill.slower:.1f} x a step" if bill.passes else "none"
    costs = trained, f"{bill.inference:.1f} x"
    lost = _change(Change(row.clean_change.lost, row.clean_change.won, row.n))
    if row.knowing is None or row.robust_change is None:
        return Line(row.name, row.grade, clean, NOT_YET, NOT_YET, NOT_YET, lost, *costs)
    ignorant, knowing = _share(row.ignorant, row.n), _share(row.knowing, row.n)
    return Line(row.name, row.grade, clean, ignorant, knowing, _change(row.robust_change), lost, *costs)


def write_hardened(rows: Sequence[Hardened], path: Path) -> Path:
    """Write the table as one HTML page; returns its path.

    Raises:
        RunError: It cannot be written.
    """
    page = (
        environment()
        .get_template("hardened.html.j2")
        .render(rows=rows, lines=lines(rows), titles=TITLES, advice=recommendation(rows), first=rows[0])
    )
    return write_page(page, path)


def _share(hits: int, n: int) -> str:
    return f"{hits / n:.1%}"


def _change(change: Change) -> str:
    low, high = change.interval
    return f"{100 * change.points:+.1f} ({100 * low:+.1f}, {100 * high:+.1f})"
