"""Classifiers that read texts token by token: asked for scores, and climbed at the embeddings of their tokens."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from unfooled.core.answer import Scores
from unfooled.core.batch import Batch
from unfooled.core.target import Access
from unfooled.core.tokens import Tokens
from unfooled.zoo import guard

from .black_box import BlackBox

STEP = 16
"""Passes are as wide as the next multiple of this, so that no text's scores hang on which others are asked about."""

Cut = Callable[[Sequence[str]], tuple[list[Tokens], int]]
Read = Callable[[Tensor, Tensor], Tensor]
"""Tokens (r, t) and which of them are no padding (r, t), bool -> scores (r, k)."""


@dataclass(frozen=True)
class TokenReader:
    """Reads texts with a module; keeps `Inside` for those who climb its embeddings.

    Attributes:
        module: Holds the weights.
        scored: Asks the module.
        embedding: The part of it that turns tokens into embeddings.
        cut: Cuts texts into tokens, the window full at most; tells also how many texts were longer.
        window: Most tokens that it reads; of longer texts it reads the beginning.
        padding: The token behind the last one.
        rows: Texts of a pass.
        wide: Whether every pass is as wide as the window, where the module looks at padding too.
        longer: How many texts were longer than the window, as `texts`.
    """

    module: nn.Module
    scored: Read
    embedding: nn.Module
    cut: Cut
    window: int
    padding: int
    rows: int = 8
    wide: bool = False
    longer: Counter[str] = field(default_factory=Counter)

    @property
    def device(self) -> torch.device:
        """The CPU: texts are read there."""
        return torch.device("cpu")

    @cached_property
    def embeddings(self) -> Tensor:
        """See `Inside.embeddings`: asked for, since some modules scale their weights first."""
        known = next(self.embedding.parameters()).shape[0]
        with torch.no_grad():
            given: Tensor = self.embedding(torch.arange(known))
        return given.float()

    def tokens(self, texts: Sequence[str]) -> list[Tokens]:
        """See `Inside.tokens`."""
        every, longer = self.cut(texts)
        self.longer["texts"] += longer
        return every

    def scores(self, texts: np.ndarray) -> np.ndarray:
        """Score texts (r,): (r, k) float32."""
        numbers = [torch.tensor(one.numbers, dtype=torch.int64) for one in self.tokens(texts.tolist())]
        with torch.no_grad():
            told = self._passes([len(one) for one in numbers], lambda row: numbers[row], None)
        scores: np.ndarray = told.numpy()
        return scores

    def answer(self, x: Batch) -> Scores:
        """Answer to embeddings (r, t, d)."""
        with torch.no_grad():
            return Scores(self.outputs(x))

    def outputs(self, x: Batch, prompt: Tensor | None = None) -> Tensor:
        """Give scores (r, k) that are differentiable for the embeddings (r, t, d)."""
        lengths = [x.values.shape[1]] * len(x) if x.lengths is None else x.lengths.tolist()
        # Any token but padding: the embeddings take their place, and some modules look where padding begins.
        stands = torch.full((max(lengths),), int(self.padding == 0))
        return self._passes(lengths, lambda row: stands[: lengths[row]], x.values)

    def read(self, outputs: Tensor) -> Scores:
        """Read the answer off scores."""
        return Scores(outputs)

    def describe(self) -> dict[str, Any]:
        """Name what is inside; the model itself says more."""
        return {"name": type(self.module).__qualname__, "classes": None}

    def remarks(self) -> list[str]:
        """Say how many texts were longer than the window."""
        some = self.longer["texts"]
        return [f"{some:,} questions were longer than the model's window of {self.window:,} tokens: it read their "
                "beginning alone"] if some else []  # fmt: skip

    def _passes(self, lengths: list[int], numbers: Callable[[int], Tensor], given: Tensor | None) -> Tensor:
        """Ask in passes of few shapes, each row at the width of its own text."""
        groups: dict[int, list[int]] = defaultdict(list)
        for row, length in enumerate(lengths):
            width = self.window if self.wide else min(self.window, -(-max(1, length) // STEP) * STEP)
            groups[width].append(row)
        order, told = [], []
        for width, group in groups.items():
            for begin in range(0, len(group), self.rows):
                rows = group[begin : begin + self.rows]
                filled = rows + rows[:1] * (self.rows - len(rows))
                tokens = torch.full((self.rows, width), self.padding)
                for place, row in enumerate(filled):
                    tokens[place, : lengths[row]] = numbers(row)
                real = torch.arange(width) < torch.tensor([lengths[row] for row in filled]).unsqueeze(1)
                told.append(self._pass(tokens, real, None if given is None else given[filled])[: len(rows)])
                order += rows
        return torch.cat(told)[torch.tensor(order).argsort()]

    def _pass(self, tokens: Tensor, real: Tensor, given: Tensor | None) -> Tensor:
        if given is None:
            return self.scored(tokens, real).float()
        fits = nn.functional.pad(given, (0, 0, 0, max(0, real.shape[1] - given.shape[1])))[:, : real.shape[1]]
        with _replaced(self.embedding, fits, real):
            return self.scored(tokens, real).float()


@contextmanager
def _replaced(embedding: nn.Module, given: Tensor, real: Tensor) -> Iterator[None]:
    """Put embeddings (r, t, d) in the place of those that a module gives, but for padding."""

    def instead(_module: nn.Module, _inputs: Any, own: Tensor) -> Tensor:
        return torch.where(real.unsqueeze(2), given.to(own.dtype), own)

    handle = embedding.register_forward_hook(instead)
    try:
        yield
    finally:
        handle.remove()


def token_model(
    reader: TokenReader, name: str, sha256: str, classes: tuple[str, ...] | None, *, legible: bool = True
) -> BlackBox:
    """Make a classifier of texts that attacks can meet.

    Args:
        reader: Reads the texts.
        name: How reports call it.
        sha256: Of its weights and its tokenizer.
        classes: Names of its classes, in the order of its scores.
        legible: Whether its tokens know where they stand in a text, so that attacks may climb their embeddings.
    """
    return BlackBox(
        ask=reader.scores,
        access=Access.GRADIENT if legible else Access.SCORES,
        name=name,
        sha256=sha256,
        classes=classes,
        about={"window": reader.window, "parameters": sum(one.numel() for one in reader.module.parameters())},
        texts=True,
        remarks=reader.remarks,
        inside=reader if legible else None,
    )


def guard_model() -> BlackBox:
    """Make the zoo's guard against prompt injection.

    Raises:
        MissingExtraError: Its package is not installed.
        InputError: Its weights or its tokens are not the ones that are known.
    """
    module = guard.guard()
    reader = TokenReader(
        module, module, module.transformer["wte"], guard.cut, guard.WINDOW, guard.PADDING, rows=1, wide=True
    )
    reader.tokens([""])  # a table of tokens that is missing is told at once
    sha256 = hashlib.sha256("".join(guard.SHA256.values()).encode()).hexdigest()
    return token_model(reader, "zoo:guard", sha256, guard.CLASSES)
