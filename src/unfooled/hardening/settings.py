"""How defences are tried."""

from __future__ import annotations

from dataclasses import dataclass, field

from unfooled.core.errors import InputError
from unfooled.defences.training.schedule import Schedule

from .pricing import Prices


@dataclass(frozen=True)
class Settings:
    """How defences are tried.

    Attributes:
        schedule: Of training.
        examples: How many are audited at most.
        suite: What attackers run who know of a defence.
        batch: Rows of a pass of the audits.
        fresh: Whether training begins from weights drawn anew instead of the model's own.
        prices: What time costs.
        traffic: Inputs a day, by which false alarms of detectors are told.
    """

    schedule: Schedule = field(default_factory=Schedule)
    examples: int = 500
    suite: str = "standard"
    batch: int = 32
    fresh: bool = False
    prices: Prices = field(default_factory=Prices)
    traffic: float = 1e6

    def __post_init__(self) -> None:
        if self.traffic <= 0:
            raise InputError("Traffic is above 0 inputs a day", f"{self.traffic:g}", "Give for example 1000000.")
