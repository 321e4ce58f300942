"""A training to be done."""

from __future__ import annotations

from typing import NamedTuple

from torch import nn

from unfooled.core.threat import Ball

from .lesson import Recipe
from .schedule import Pupils, Schedule


class Task(NamedTuple):
    """What is to be learned.

    Attributes:
        recipe: By what.
        pupils: From what.
        held: Validation examples, which choose among checkpoints and are never learnt from.
        within: What the attacker may change.
        schedule: How long, and how.
        helper: A module trained before, where the recipe asks for one.
    """

    recipe: Recipe
    pupils: Pupils
    held: Pupils
    within: Ball
    schedule: Schedule
    helper: nn.Module | None = None
