"""What is known of a defence, and what every defence can do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

from torch import nn

Kind = Literal["training", "input", "sound", "masking", "activation", "certified", "detector", "ensemble"]
Grade = Literal["A", "A-", "B", "C", "D", "F"]
Ignorant = Literal["transfer", "stock"]

GRADES: dict[Grade, str] = {
    "A": "stands against adaptive attacks, in its threat model",
    "A-": "stands, if it is watched while it trains",
    "B": "stands, and others do the same for less",
    "C": "helps in part, or makes attacks dearer",
    "D": "broken by attackers who know of it; of use against accidents",
    "F": "broken: it hides gradients and adds no robustness",
}
"""What the grades of evidence mean."""

IGNORANT: dict[Ignorant, str] = {
    "transfer": "crafts examples on the same model without the defence",
    "stock": "runs PGD on the textbook cross-entropy against the model as it is, whatever gradients come back",
}
"""What an attacker does who does not know of a defence."""

ADAPTIVE: dict[str, str] = {
    "standard": "the suite `standard`, whose climbs use margins and whose last attack uses no gradients",
    "bpda": "`standard` through honest gradients in place of those that the defence breaks",
    "eot": "`standard` on gradients averaged over fresh draws",
    "unscaled": "`standard` on scores brought back to their natural scale",
    "joint": "`standard` on the margin over the label and over the rejection at once: who is fooled must also accept",
}
"""What an attacker does who knows of it."""


@dataclass(frozen=True)
class Card:
    """What is known of a defence.

    Attributes:
        kind: Where it acts.
        grade: How good the evidence for it is, see `GRADES`.
        source: Who proposed it, and who broke or confirmed it.
        differentiable: Whether the gradient of the defended model is that of its answers.
        stochastic: Whether it draws lots while the model answers.
        adaptive: Names of the attacks that must be run before any gain is told, see `ADAPTIVE`.
        ignorant: How those attack who do not know of it, see `IGNORANT`.
        mitigation: Its number in MITRE ATLAS.
    """

    kind: Kind
    grade: Grade
    source: str
    differentiable: bool = True
    stochastic: bool = False
    adaptive: tuple[str, ...] = ("standard",)
    ignorant: Ignorant = "stock"
    mitigation: str = "AML.M0003"


class Defence(Protocol):
    """Something that may make a model harder to fool; final, frozen, made of plain values."""

    @property
    def card(self) -> Card:
        """What is known of it."""
        ...


class Layered(Defence, Protocol):
    """A defence that needs no training: module -> module."""

    def __call__(self, module: nn.Module) -> nn.Module:
        """Give a defended module in evaluation mode; the module itself is left alone, and its weights are copied."""
        ...

    def seen(self, defended: nn.Module) -> nn.Module:
        """Give what an attacker who knows the defence climbs: the same labels, with gradients that lead somewhere."""
        ...
