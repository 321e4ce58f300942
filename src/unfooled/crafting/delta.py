"""Delta: one change that is added to every example."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from unfooled.core.batch import Batch
from unfooled.core.errors import InputError
from unfooled.core.seeds import Draws
from unfooled.sets.grammar import parse_sets
from unfooled.sets.l2 import L2
from unfooled.sets.linf import Linf
from unfooled.sets.masked import Masked
from unfooled.sets.stretches import First

Within = Linf | L2 | Masked
"""A ball of Linf or L2, or one of which only the beginning of recordings may be used: then it holds a prefix."""


@dataclass(frozen=True, eq=False, repr=False)
class Delta:
    """One change of fixed size, added to every example and cut off where the range of inputs ends.

    A picture of another size gets the change resized, a longer waveform gets it again from its beginning.

    Attributes:
        values: The change, shaped as one example.
        within: The ball that holds it.
        made: See `Artefact.made`.
    """

    values: Tensor
    within: Within
    made: Mapping[str, Any]
    kind: ClassVar[str] = "delta"

    def __repr__(self) -> str:
        return f"Delta({self.within}, {'x'.join(map(str, self.values.shape))}, {self.digest})"

    @property
    def digest(self) -> str:
        """A name made of its values, 12 hexadecimal digits."""
        return hashlib.sha256(self.values.cpu().contiguous().numpy().tobytes()).hexdigest()[:12]

    @classmethod
    def read(cls, tensors: Mapping[str, Tensor], made: Mapping[str, Any]) -> Self:
        """Make it again from what `tensors` and `made` gave.

        Raises:
            InputError: Its threat is no ball that a change can be held by.
        """
        (within,) = parse_sets(made["within"], made["low"], made["high"], rate=made.get("rate"))
        if not isinstance(within, Within):
            raise InputError("A delta is held by linf or l2", str(within), "Craft it anew.")
        return cls(tensors["delta"], within, made)

    def tensors(self) -> dict[str, Tensor]:
        """See `Artefact.tensors`."""
        return {"delta": self.values}

    def bring(self, x: Batch, draws: Draws, draw: int = 0) -> Batch:
        """See `Artefact.bring`; nothing is left to chance."""
        change = self._fitted(tuple(x.values.shape[1:])).to(x.values.device)
        return self.within.project(x.holding(x.values + change), x)

    def _fitted(self, shape: tuple[int, ...]) -> Tensor:
        """Bring the change to a shape: interpolation between its values never exceeds them."""
        own = tuple(self.values.shape)
        if shape == own:
            return self.values
        if len(shape) == len(own) == 1:
            return self.values.repeat(-(-shape[0] // own[0]))[: shape[0]]
        if len(shape) == len(own) == 3 and shape[0] == own[0]:
            resized: Tensor = interpolate(self.values.unsqueeze(0), shape[1:], mode="bilinear", align_corners=False)
            return resized[0]
        raise InputError("The change does not fit the examples", f"{own} for {shape}", "Learn it from their kind.")


def corner(like: Delta, draws: Draws) -> Delta:
    """Draw a change by lot, as large as the set allows: what a learned one is to be compared with."""
    around = centred(like.within)
    nothing = Batch(
        torch.zeros_like(like.values).unsqueeze(0), torch.zeros(1, dtype=torch.int64).to(like.values.device)
    )
    drawn = around.corner(nothing, draws).values[0]
    return Delta(drawn, like.within, {"by": "lot", **told(like.within)})


def told(within: Within) -> dict[str, Any]:
    """Say in plain JSON what holds a change, so that it can be read again."""
    rate = within.region.rate if isinstance(within, Masked) and isinstance(within.region, First) else None
    return {"within": str(within), "low": within.low, "high": within.high, "rate": rate}


def centred(within: Within) -> Within:
    """Give the ball in which the change itself lives: around zero, whatever an example leaves room for."""
    if isinstance(within, Masked):
        if not (isinstance(within.within, Linf | L2) and isinstance(within.region, First)):
            raise InputError("One change is learned in the beginning of recordings", str(within), "Write @first:0.5s.")
        return Masked(centred(within.within), within.region)
    span = within.high - within.low
    return type(within)(within.radius, -span, span)
