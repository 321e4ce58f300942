"""What carried over from which model to which: a table of sources, targets and attacks."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from .rates import Interval, wilson


@dataclass(frozen=True)
class Party:
    """A model of the table.

    Attributes:
        name: How the table calls it.
        family: Of its architecture.
        learned: What it was trained on; empty where that is not known.
    """

    name: str
    family: str
    learned: str = ""


@dataclass(frozen=True)
class Cell:
    """One attack that climbed some models and was judged on another.

    Attributes:
        attack: Its name.
        sources: Names of the models that were climbed.
        target: Name of the model that was to be fooled.
        fooled: How many examples fooled it.
        n: How many it reads rightly when nobody attacks.
    """

    attack: str
    sources: tuple[str, ...]
    target: str
    fooled: int
    n: int

    @property
    def share(self) -> float:
        """Share of the examples that fooled the target, 0 to 1; 0 where there are none."""
        return self.fooled / self.n if self.n else 0.0

    @property
    def interval(self) -> Interval:
        """The share's 95 % interval."""
        return wilson(self.fooled, self.n)

    @property
    def own(self) -> bool:
        """Whether the target was climbed itself: white box."""
        return self.target in self.sources


@dataclass(frozen=True)
class Matrix:
    """Cells for each attack, source and target.

    Attributes:
        threat: What the attacker may change.
        parties: The models, in the user's order.
        cells: In the order of attacks, sources, targets.
    """

    threat: str
    parties: tuple[Party, ...]
    cells: tuple[Cell, ...]

    @property
    def attacks(self) -> tuple[str, ...]:
        """Names of the attacks, in order."""
        return tuple(dict.fromkeys(cell.attack for cell in self.cells))

    def of(self, attack: str) -> tuple[Cell, ...]:
        """Pick the cells of one attack."""
        return tuple(cell for cell in self.cells if cell.attack == attack)

    def carried(self, attack: str) -> float:
        """Average an attack's share over single sources and other targets that read some rightly, 0 to 1."""
        shares = [cell.share for cell in self.of(attack) if not cell.own and len(cell.sources) == 1 and cell.n]
        return sum(shares) / len(shares) if shares else 0.0

    def as_json(self) -> dict[str, Any]:
        """Give the table as plain JSON values, with shares and intervals."""
        cells = [
            {**asdict(cell), "share": cell.share, "interval": list(cell.interval), "own": cell.own}
            for cell in self.cells
        ]
        return {"threat": self.threat, "models": [asdict(party) for party in self.parties], "cells": cells}
