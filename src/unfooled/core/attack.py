"""What an attack is given, what it gives back, and what it must say of itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, NamedTuple, Protocol

import torch
from torch import Tensor

from .answer import Answer
from .batch import Batch
from .seeds import Draws
from .target import Access, Objective, Target
from .threat import Goal, Loss, S, firmly_reached


def as_is(x_adv: Batch, x: Batch) -> Batch:
    """Leave a proposal alone: every float32 can be carried."""
    return x_adv


@dataclass(frozen=True)
class Hints:
    """What an earlier pass already found out, so that no attack pays for it twice.

    Attributes:
        order: Classes of each example, likeliest first, (n, k); None where only labels are known.
        margin: How far beyond the goal the best point known is, (n,): negative before it.
    """

    order: Tensor | None = None
    margin: Tensor | None = None


@dataclass(frozen=True)
class Problem(Generic[S]):
    """One threat, posed for n examples.

    Attributes:
        target: The model as this attacker meets it.
        x: Clean examples, (n, ...).
        y: Their labels, (n,).
        goal: What the attacker wants.
        within: What they may change.
        draws: Their randomness.
        start: Where to begin, if not at x.
        hints: What is already known.
        settle: Moves a proposal to the nearest point that the threat's carrier can hold.
        confirm: Whether a success counts only once an answer confirms it: gradients come from an approximate copy.
        surrogates: Models that the attacker owns and may query freely.
        starts: Pictures of the attacker's own, (p, ...), where searches by labels may begin; None for none.
        enough: Whether any success in the set will do, so that attacks which pay by the question and look for the
            nearest one stop at the first.
    """

    target: Target
    x: Batch
    y: Tensor
    goal: Goal
    within: S
    draws: Draws
    start: Batch | None = None
    hints: Hints = field(default_factory=Hints)
    settle: Callable[[Batch, Batch], Batch] = as_is
    confirm: bool = False
    surrogates: tuple[Target, ...] = ()
    starts: Tensor | None = None
    enough: bool = False

    def reached(self, answer: Answer, owner: Tensor) -> Tensor:
        """Tell which rows clearly reach the goal of their owner, (r,) bool."""
        return firmly_reached(self.goal, answer, self.y[owner])

    def objective(self, loss: Loss, toward: Tensor | None = None) -> Objective:
        """Say what to maximise; `toward` (n,) names the class tried for each example under an untargeted goal."""

        def maximised(outputs: Tensor, owner: Tensor) -> Tensor:
            narrowed = None if toward is None else toward[owner]
            return self.goal.objective(loss, outputs, self.y[owner], narrowed)

        return maximised

    def beginning(self, owner: Tensor) -> Batch:
        """Give the points where a search without a random start begins, (r, ...)."""
        return (self.x if self.start is None else self.start).rows(owner)

    def everyone(self) -> Tensor:
        """Name all examples, (n,)."""
        return torch.arange(len(self.x), device=self.x.values.device)


@dataclass(frozen=True)
class Found:
    """What an attack proposes; the referee decides.

    Attributes:
        x_adv: One proposal an example, (n, ...): the first that reached the goal, or the best by loss.
        reached: Whether the attack believes that it reached the goal, (n,) bool.
        loss: The loss of the proposal, (n,).
        hints: What was learned.
        trace: Loss at each pass, (passes, n), NaN where an example was not asked about; None if not kept.
        asked: Answers that each example had cost when its first success was found, (n,) int64; None if not kept, as
            by attacks that stop there.
    """

    x_adv: Batch
    reached: Tensor
    loss: Tensor
    hints: Hints = field(default_factory=Hints)
    trace: Tensor | None = None
    asked: Tensor | None = None


class Bill(NamedTuple):
    """Most rows that an attack can cost for one example that never falls."""

    queries: int
    forwards: int
    backwards: int


class Attack(Protocol[S]):
    """A search with its settings; final, frozen, made of plain values."""

    @property
    def needs(self) -> Access:
        """Least access that it works with."""
        ...

    @property
    def nearest(self) -> bool:
        """Whether it looks for the nearest success, so that one run answers every radius, or is content with any."""
        ...

    def bill(self, classes: int) -> Bill:
        """Say what one example costs that never falls, where the model knows `classes` classes.

        A success that must survive a carrier's rounding costs one more answer than this.
        """
        ...

    def __call__(self, problem: Problem[S]) -> Found:
        """Look for a change that reaches the goal."""
        ...
