"""What the attacks of an audit cost, and what is to be said of them."""

from __future__ import annotations

from typing import Any, NamedTuple

from unfooled.core.schema import POINT_NOWHERE

_DEAD = 0.01
"""Share of gradients that point nowhere from which a run says so."""


class Books(NamedTuple):
    """What is written down by threat and attack: rows of `STAGES`, gradients that point nowhere, notes, own passes."""

    stages: dict[tuple[str, str], dict[str, Any]]
    dead: dict[tuple[str, str], int]
    notes: dict[tuple[str, str], str]
    own: dict[tuple[str, str], int]

    def note(self, threat: str, stage: str, dead: int, own: int) -> None:
        """Add gradients that point nowhere and passes of the attacker's own models, and say so where it matters."""
        name = threat, stage
        self.dead[name] = dead = self.dead.get(name, 0) + dead
        self.own[name] = own = self.own.get(name, 0) + own
        backwards = self.stages[name]["backwards"]
        if dead > _DEAD * backwards:
            self.notes[name] = (
                f"{threat}: {dead / backwards:.0%} of the gradients that {stage} was given are zero or no "
                f"numbers and {POINT_NOWHERE}, so what stands may not be robust; `unfooled doctor` looks for the cause"
            )
        elif own:
            self.notes[name] = (
                f"{threat}: {stage} asked models of the attacker's own {own:,} times, which are no questions to the "
                "target"
            )
