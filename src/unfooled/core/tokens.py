"""The inside of a text classifier: its tokens and their embeddings, which attackers may climb."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass
from typing import NamedTuple, Protocol, runtime_checkable

import torch
from torch import Tensor

from .batch import Batch
from .errors import AccessError
from .target import Gradient, Model, Objective, Target


class Tokens(NamedTuple):
    """What a tokenizer makes of a text.

    Attributes:
        numbers: Of the tokens, in order.
        spans: Where each begins and ends in the text, in characters; alike where a token stands for none of it.
    """

    numbers: list[int]
    spans: list[tuple[int, int]]

    def within(self, begin: int, end: int) -> list[int]:
        """Name the tokens that stand for some of the characters from one place to before another."""
        return [i for i, (first, last) in enumerate(self.spans) if first < last and first < end and begin < last]


class Inside(Model, Protocol):
    """A text classifier behind its tokenizer: a model of embeddings (r, t, d), padded behind `lengths`.

    Its answers are those to the text that the tokens stand for, where the embeddings are theirs.
    """

    @property
    def rows(self) -> int:
        """Rows of a pass that suit it."""
        ...

    @property
    def embeddings(self) -> Tensor:
        """One embedding a token, (v, d), without gradients."""
        ...

    def tokens(self, texts: Sequence[str]) -> list[Tokens]:
        """Cut texts into the tokens that it reads: the first ones, where a text is longer than its window."""
        ...


@runtime_checkable
class Legible(Protocol):
    """A model of texts that may show its inside."""

    @property
    def inside(self) -> Inside | None:
        """Its inside; None where it shows none."""
        ...


@dataclass(frozen=True)
class Slope:
    """How the objective climbs around a text.

    Attributes:
        tokens: Of the text.
        embeddings: Theirs, (t, d).
        grad: Of the objective for them, (t, d).
    """

    tokens: Tokens
    embeddings: Tensor
    grad: Tensor


def inside_of(target: Target) -> Inside:
    """Give the inside of a target's model.

    Raises:
        AccessError: It shows none.
    """
    inside = target.model.inside if isinstance(target.model, Legible) else None
    if inside is None:
        raise AccessError(
            "This attack climbs the embeddings of a text classifier",
            f"{target.model.describe().get('name', 'a model')}, which shows none",
            "Load it by hf: or zoo:, or choose attacks that need scores alone.",
        )
    return inside


def relaxed(target: Target) -> Target:
    """Give the door to the inside of a target's model: it takes embeddings, and keeps the same bill.

    Raises:
        AccessError: It shows none.
    """
    door = copy(target)  # a shallow one: what is spent is spent for both
    door.model = inside_of(target)
    door.batch = door.model.rows
    return door


def embedded(inside: Inside, tokens: Sequence[Tokens], ids: Tensor) -> Batch:
    """Lay out the embeddings of some texts, (r, t, d)."""
    lengths = torch.tensor([len(one.numbers) for one in tokens], dtype=torch.int64)
    numbers = torch.zeros(len(tokens), int(lengths.max()), dtype=torch.int64)
    for row, one in zip(numbers, tokens, strict=True):
        row[: len(one.numbers)] = torch.tensor(one.numbers)
    return Batch(inside.embeddings[numbers.to(ids.device)], ids, lengths.to(ids.device))


def slopes(
    target: Target,
    texts: Sequence[str],
    objective: Objective,
    owner: Tensor,
    ids: Tensor,
    *,
    moved: Sequence[Tensor | None] = (),
) -> tuple[Gradient, list[Slope]]:
    """Ask for the gradient at each of r texts: what the model says of them, and how the objective climbs there.

    Args:
        target: The door.
        texts: The texts, (r,).
        objective: What to climb.
        owner: Whose texts, (r,).
        ids: Names of their examples, (r,).
        moved: What is added to the embeddings of each, (t, d) each, or None for nothing; empty for nothing at all.
    """
    inside = inside_of(target)
    tokens = inside.tokens(texts)
    x = embedded(inside, tokens, ids)
    for values, move in zip(x.values, moved, strict=False):
        if move is not None:
            values[: len(move)] += move
    seen = relaxed(target).gradient(x, objective, owner)
    rows = zip(tokens, x.values, seen.grad, strict=True)
    return seen, [Slope(one, at[: len(one.numbers)], grad[: len(one.numbers)]) for one, at, grad in rows]
