"""How an audit is coming along: one line an attack, and a bar for the one at work if a person is watching."""

from __future__ import annotations

from dataclasses import dataclass

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

_NO_ATTACKS = ("", "diagnosis")  # what examples are asked about, and nobody is attacked


@dataclass(frozen=True)
class Bars:
    """Shows progress on a console; into a pipe it writes plain lines alone.

    Attributes:
        bars: The bar of the attack at work.
    """

    bars: Progress

    @classmethod
    def on(cls, console: Console) -> Bars:
        """Show progress on a console."""
        told = (
            SpinnerColumn(style="cyan"),
            TextColumn("{task.fields[threat]:<14} {task.description:<14}", style="bold"),
            BarColumn(bar_width=28, complete_style="cyan", finished_style="cyan"),
            MofNCompleteColumn(),
            TextColumn("{task.fields[broken]} broken", style="dim"),
            TextColumn("{task.fields[rows]:,} rows", style="dim"),
            TimeElapsedColumn(),
        )
        watched = console.is_terminal and not console.is_dumb_terminal and not console.quiet
        return cls(Progress(*told, console=console, disable=not watched, transient=True, refresh_per_second=4))

    def begin(self, threat: str, attack: str, total: int) -> None:
        """See `auditing.progress.Progress`."""
        self._end()
        self.bars.add_task(attack, total=total, threat=threat, broken=0, rows=0)

    def advance(self, done: int, broken: int) -> None:
        """See `auditing.progress.Progress`."""
        task = self.bars.tasks[-1]
        self.bars.update(task.id, advance=done, broken=task.fields["broken"] + broken)
        if task.finished:
            self._end()

    def passed(self, rows: int) -> None:
        """See `auditing.progress.Progress`."""
        for task in self.bars.tasks:  # none where remedies look at the model between two attacks
            self.bars.update(task.id, rows=task.fields["rows"] + rows)

    def _end(self) -> None:
        """Turn the bar of an attack that is through into a line."""
        for task in self.bars.tasks:
            threat = task.fields["threat"]
            fell = f"{task.fields['broken']:>6} broken" if task.description not in _NO_ATTACKS else " " * 13
            tried = "probes" if task.description == "diagnosis" else "tried"
            self.bars.remove_task(task.id)
            self.bars.refresh()
            self.bars.console.print(
                f"{threat:<14} {task.description:<14} {int(task.completed):>6} {tried:<6} {fell} "
                f"{task.finished_time or task.elapsed or 0.0:>8.1f} s",
                style="dim",
            )
