"""A torch module that reports objects as boxes, as attacks meet it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from unfooled.core.answer import ABSENT, Boxes, Scores
from unfooled.core.batch import Batch
from unfooled.core.errors import InputError, ModelError

from .weights import fingerprint, settings_of

_SURE = 1e-6  # nearest that a probability comes to 0 and 1 on its way to log-odds


@dataclass(frozen=True)
class Detector:
    """A torch module from pictures (n, c, h, w) in [0, 1] to boxes and scores; the module itself is left alone.

    It answers with `Boxes`. As a classifier it knows two classes, nothing and something, and scores something by its
    strongest box; the gradient is that of all boxes, each the more the stronger it is, so that an attacker who wants
    all gone need not wait for one after the other.

    Attributes:
        module: Its forward gives boxes (n, m, 4) and scores (n, m), or for each picture a pair of boxes (m, 4) and
            scores (m,), or a mapping with `boxes` and `scores`. Boxes are left, upper, right and lower edge in pixels.
        threshold: Score above which a box counts as reported.
        odds: Whether scores are log-odds, of any size, and not probabilities from 0 to 1.
        name: How reports call it.
        thing: What it finds, in one word.
        most: Boxes of a picture that count, the strongest first.
    """

    module: nn.Module
    threshold: float = 0.5
    odds: bool = False
    name: str = ""
    thing: str = "object"
    most: int = 64

    def __post_init__(self) -> None:
        if not self.odds and not 0 < self.threshold < 1:
            do = "Give one between them, or say odds=True where scores are log-odds."
            raise InputError("A detector's threshold lies between 0 and 1", self.threshold, do)

    @property
    def device(self) -> torch.device:
        """Where the module's weights lie; the CPU if it has none."""
        first = next(chain(self.module.parameters(), self.module.buffers()), None)
        return torch.device("cpu") if first is None else first.device

    def answer(self, x: Batch) -> Boxes:
        """Find objects, without gradients."""
        with torch.no_grad():
            return self._found(x)

    def outputs(self, x: Batch, prompt: Tensor | None = None) -> Tensor:
        """Give differentiable scores of nothing and something, (n, 2); a detector has no use for `prompt`."""
        found = self._found(x)
        many = softplus(found.strength).cumsum(dim=1)[:, -1]  # log of one over the chance that none is there
        one = found.scores[:, 1]
        something = one.detach() + (many - many.detach())
        nowhere = x.values.flatten(1)[:, 0] * 0  # a picture without any box has a gradient too: zero
        return torch.stack([torch.zeros_like(one), something + nowhere], dim=1)

    def read(self, outputs: Tensor) -> Scores:
        """Read nothing or something off scores (n, 2); where the boxes lie, only `answer` tells."""
        return Scores(outputs)

    def describe(self) -> dict[str, Any]:
        """Say in plain JSON which model this is, its weights by their SHA-256."""
        return {
            "name": self.name or type(self.module).__qualname__,
            "class": type(self.module).__qualname__,
            "parameters": sum(parameter.numel() for parameter in self.module.parameters()),
            "sha256": fingerprint(self.module),
            "settings": settings_of(self.module),
            "threshold": self.threshold,
            "classes": ["nothing", self.thing],
        }

    def _found(self, x: Batch) -> Boxes:
        pairs = [self._strongest(boxes, scores) for boxes, scores in _pairs(self.module(x.values.clone()), len(x))]
        boxes, strength = zip(*pairs, strict=True)
        return Boxes(torch.stack(boxes), torch.stack(strength))

    def _strongest(self, boxes: Tensor, scores: Tensor) -> tuple[Tensor, Tensor]:
        """Sort the boxes of one picture, and fill them up to `most` with what is none."""
        strength = self._strength(scores.float())
        order = strength.detach().argsort(descending=True, stable=True)[: self.most]
        missing = self.most - len(order)
        filler = strength.new_full((missing,), ABSENT)
        return (
            torch.cat([boxes[order].detach().float(), boxes.new_zeros(missing, 4).float()]),
            torch.cat([strength[order], filler]),
        )

    def _strength(self, scores: Tensor) -> Tensor:
        """Give how far scores are above the threshold, in log-odds."""
        if self.odds:
            return (scores - self.threshold).clamp(min=ABSENT)
        return scores.clamp(_SURE, 1 - _SURE).logit() - math.log(self.threshold / (1 - self.threshold))


def _pairs(given: object, n: int) -> Sequence[tuple[Tensor, Tensor]]:
    """Find each picture's boxes (m, 4) and scores (m,) in what a forward pass returned.

    Raises:
        ModelError: They are not there.
    """
    found: list[Any] = list(given) if isinstance(given, tuple | list) else [given]
    if len(found) == 2 and all(isinstance(one, Tensor) for one in found) and found[1].ndim == 2:
        found = list(zip(found[0], found[1], strict=True))  # both stacked over the pictures
    pairs: list[Any] = [(one.get("boxes"), one.get("scores")) if isinstance(one, Mapping) else one for one in found]
    if len(pairs) != n or not all(map(_fits, pairs)):
        kinds = ", ".join(dict.fromkeys(type(one).__name__ for one in found))
        raise ModelError(
            "The detector's forward pass returned no boxes with scores",
            f"{type(given).__name__} of {kinds or 'nothing'} for {n} pictures",
            "Return boxes (n, m, 4) and scores (n, m), or for each picture {'boxes': (m, 4), 'scores': (m,)}.",
        )
    return pairs


def _fits(pair: object) -> bool:
    if not (isinstance(pair, tuple | list) and len(pair) == 2 and all(isinstance(one, Tensor) for one in pair)):
        return False
    boxes, scores = pair
    return bool(boxes.ndim == 2 and boxes.shape[1] == 4 and scores.shape == boxes.shape[:1])
