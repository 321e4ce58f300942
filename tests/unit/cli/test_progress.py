"""Progress on a console: one line an attack."""

from __future__ import annotations

from io import StringIO

from rich.console import Console

from unfooled.cli.progress import Bars


def test_passes_between_two_attacks_are_no_error_and_lines_say_what_was_counted() -> None:
    told = StringIO()
    bars = Bars.on(Console(file=told, width=120))
    bars.begin("linf:4/255", "pgd", 2)
    bars.advance(2, 1)
    bars.begin("linf:4/255", "diagnosis", 17)
    bars.advance(17, 0)
    bars.passed(3)  # a remedy looks at the model when the diagnosis is through
    lines = [line.split() for line in told.getvalue().splitlines()]
    assert lines[0][:6] == ["linf:4/255", "pgd", "2", "tried", "1", "broken"]
    assert lines[1][:4] == ["linf:4/255", "diagnosis", "17", "probes"]
    assert "broken" not in lines[1]
