"""The threat model: what the attacker wants, may change, may see and may spend."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, Self, TypeVar, runtime_checkable

import numpy as np
from torch import Tensor

from .answer import Answer, Transcripts
from .batch import Batch
from .names import BY
from .seeds import Draws
from .target import Access

Loss = Callable[[Tensor, Tensor, Tensor], Tensor]
"""Scores (r, k), classes held (r, k) bool, classes wanted (r, k) bool -> loss (r,), higher for a better attack."""


class Goal(Protocol):
    """What counts as success; knows nothing of how it is sought."""

    @property
    def name(self) -> str:
        """How threats and reports call it, such as `misclassify` or `become:3`."""
        ...

    @property
    def classes(self) -> tuple[int, ...]:
        """Classes that it names, for the check at the door."""
        ...

    @property
    def needs(self) -> Access:
        """Least access by which success can be told."""
        ...

    def possible(self, classes: int) -> bool:
        """Tell whether a model of so many classes can be led to it at all."""
        ...

    def reached(self, answer: Answer, y: Tensor) -> Tensor:
        """Tell for each row whether the attacker has what they want, (r,) bool."""
        ...

    def margin(self, answer: Answer, y: Tensor) -> Tensor:
        """Measure in scores how far beyond the goal each row is, (r,): negative before it, NaN without scores."""
        ...

    def objective(self, loss: Loss, outputs: Tensor, y: Tensor, toward: Tensor | None = None) -> Tensor:
        """Turn a loss the right way round, (r,); `toward` (r,) narrows an untargeted goal to one class."""
        ...


FIRM = 1e-5
"""Margin, as a share of the size of the two highest scores, from which a success counts: below it the sums of float32
decide, and the same input may be answered otherwise in a batch of another size."""


def firmly_reached(goal: Goal, answer: Answer, y: Tensor) -> Tensor:
    """Tell which rows reach a goal so clearly that they reach it in a batch of any size, (r,) bool.

    Where there are labels only, the label decides; a transcript must be firm itself.
    """
    reached = goal.reached(answer, y)
    if isinstance(answer, Transcripts) and answer.firm is not None:
        return reached & answer.firm
    if answer.scores is None or not bool(reached.any()):
        return reached
    size = answer.scores.topk(2, dim=1).values.abs().amax(dim=1)  # not the lowest: a masked class may stand at -1e9
    return reached & (goal.margin(answer, y) >= FIRM * size)


class PerturbationSet(Protocol):
    """What the attacker may change. This is all that the referee needs to know of it."""

    def distance(self, x_adv: Batch, x: Batch) -> Tensor:
        """Measure the change, (n,) float64."""
        ...

    def contains(self, x_adv: Batch, x: Batch) -> Tensor:
        """Tell whether the change is allowed, (n,) bool."""
        ...


@runtime_checkable
class Scaled(PerturbationSet, Protocol):
    """A set that comes in every size: what is allowed at a radius is allowed at every larger one."""

    @property
    def radius(self) -> float:
        """Largest distance allowed; infinite where there is no limit but the range of inputs."""
        ...

    def resized(self, radius: float) -> Self:
        """Return the same set with another radius."""
        ...


@runtime_checkable
class Edits(Scaled, Protocol):
    """Texts that a few single edits make of a text x: substitutions, insertions and deletions alike."""

    def pieces(self, text: str) -> list[str]:
        """Cut a text into pieces that make it up again: every second one, from the second on, may be edited."""
        ...

    def neighbours(self, piece: str, clean: str) -> list[list[str]]:
        """List by kind what one more edit makes of a piece that was `clean` in x.

        Kinds are always as many and in the same order; nothing is listed twice, nor the piece itself.
        """
        ...

    def most(self, text: str) -> int:
        """Say how many edits a text x bears: so many of them, wherever, never lead out of the set."""
        ...

    def growth(self, width: int) -> int:
        """Say by how many characters a text of `width` or fewer can grow at most."""
        ...


@runtime_checkable
class Ball(Scaled, Protocol):
    """A set around x in which gradient and random searches can move."""

    @property
    def low(self) -> float:
        """Lowest input."""
        ...

    @property
    def high(self) -> float:
        """Highest input."""
        ...

    @property
    def exponent(self) -> float:
        """The p by which sizes add up: of two changes that share no value, size^p is the sum of both sizes^p.

        Infinite where the larger one counts, 0 where the numbers of what changed add up.
        """
        ...

    def start(self, x: Batch, draws: Draws, draw: int = 0) -> Batch:
        """Draw a point of the set for each example."""
        ...

    def corner(self, x: Batch, draws: Draws, draw: int = 0) -> Batch:
        """Draw a point on the set's rim for each example."""
        ...

    def steepest(self, grad: Tensor, x_adv: Batch, x: Batch, sparsity: Tensor | None = None) -> Tensor:
        """Find the direction of unit size that climbs fastest, shaped as `grad`.

        `sparsity` (n,) is the share of values that may move, above 0 to 1, in sets whose best direction moves few;
        None for the set's own choice. Other sets have no use for it.
        """
        ...

    def project(self, x_adv: Batch, x: Batch, radius: Tensor | None = None) -> Batch:
        """Find the nearest point of the set; `radius` (n,) gives each example a smaller radius of its own."""
        ...

    def cross(self, x: Batch, normal: Tensor, gap: Tensor) -> Batch:
        """Find the nearest point z to x, by this set's distance, with <normal, z - x> >= gap, whatever the radius.

        It stays in the range of inputs; where the range ends before the gap (n,) is crossed, it goes as far as it
        can. Where the gap is not positive, it is x.
        """
        ...


S = TypeVar("S", bound=PerturbationSet)

SIGHTS = {Access.SCORES: "scores", Access.DECISION: "labels"}
"""What an attacker who sees no gradients goes by, as the name of a threat says it."""


class Carrier(Protocol):
    """The file that brings an adversarial example to its victim."""

    @property
    def levels(self) -> int | None:
        """Steps between 0 and 1 that the file can hold; None where it holds every float32."""
        ...

    def pack(self, values: np.ndarray) -> np.ndarray:
        """Turn float32 values into what the file holds."""
        ...

    def unpack(self, stored: np.ndarray) -> np.ndarray:
        """Turn what the file holds back into float32 values, exactly as the model will get them."""
        ...

    def write(self, path: Path, stored: np.ndarray) -> Path:
        """Write the real file; returns its path with the suffix of the kind."""
        ...

    def read(self, path: Path) -> np.ndarray:
        """Read the real file back, as stored."""
        ...


@dataclass(frozen=True)
class ThreatModel:
    """One question to ask of a model.

    Attributes:
        goal: What the attacker wants.
        within: What they may change.
        access: What they see of the model.
        budget: Most answers that they may ask for one example, over all attacks; None for no limit.
        carrier: The file that the example must survive; None for the one that the data come in.
        trials: Fresh draws by which a stochastic model is judged.
        quorum: Share of the trials that must succeed, above 0 to 1.
    """

    goal: Goal
    within: PerturbationSet
    access: Access = Access.GRADIENT
    budget: int | None = None
    carrier: Carrier | None = None
    trials: int = 1
    quorum: float = 1.0

    @property
    def name(self) -> str:
        """How reports and run folders call it, such as `linf:4/255` or `become:3 l2:3 by labels`."""
        return self.question + (f"{BY}{SIGHTS[self.access]}" if self.access in SIGHTS else "")

    @property
    def question(self) -> str:
        """What is asked of the model, whatever the attacker sees, such as `become:3 l2:3`; draws hang on it."""
        goal = "" if self.goal.name == "misclassify" else f"{self.goal.name} "
        return f"{goal}{self.within}"
