"""Stretches of recordings where they may change: `@first:0.5s` and `@silence`, beside masks of pictures."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from unfooled.core.batch import Batch
from unfooled.core.errors import InputError

_FRAME = 0.02
"""Seconds over which loudness is measured."""
_QUIET = 30.0
"""Decibels below the loudest frame from which a frame counts as silence."""

_FIRST = re.compile(r"first:([0-9]{1,4}(?:\.[0-9]{1,6})?)s")


class Stretch(Protocol):
    """Where examples may change, which may hang on the examples."""

    def allowed_in(self, x: Batch) -> Tensor:
        """Mark the values that may change, (n, ...) bool or what broadcasts to it."""
        ...


@dataclass(frozen=True)
class First:
    """The beginning of every recording.

    Attributes:
        seconds: How long it is, above 0.
        rate: Samples a second.
    """

    seconds: float
    rate: int

    def __post_init__(self) -> None:
        if not 0 < self.seconds < float("inf"):
            raise InputError("A beginning takes some seconds", self.seconds, "Write first:0.5s.")

    def __str__(self) -> str:
        return f"first:{self.seconds:g}s"

    @property
    def samples(self) -> int:
        """How many samples it has, 1 or more."""
        return max(1, round(self.seconds * self.rate))

    def allowed_in(self, x: Batch) -> Tensor:
        """See `Stretch.allowed_in`."""
        return (torch.arange(x.values.shape[-1], device=x.values.device) < self.samples).expand(x.values.shape)


@dataclass(frozen=True)
class Silence:
    """Where nothing is said: frames of 20 ms that are 30 decibels or more below the recording's loudest.

    Attributes:
        rate: Samples a second.
    """

    rate: int

    def __str__(self) -> str:
        return "silence"

    def allowed_in(self, x: Batch) -> Tensor:
        """See `Stretch.allowed_in`."""
        size, valid = max(1, round(_FRAME * self.rate)), x.valid()
        real = x.values.double() if valid is None else x.values.double() * valid
        frames = torch.nn.functional.pad(real, (0, -real.shape[-1] % size)).unflatten(-1, (-1, size))  # type: ignore[no-untyped-call]
        power = frames.square().sum(dim=-1)
        quiet = power <= power.amax(dim=-1, keepdim=True) * 10 ** (-_QUIET / 10)
        allowed: Tensor = quiet.repeat_interleave(size, dim=-1)[..., : real.shape[-1]]
        return allowed


def read_stretch(text: str, rate: int) -> Stretch | None:
    """Read `first:0.5s` or `silence`; None where it is neither."""
    if text == str(Silence(rate)):
        return Silence(rate)
    found = _FIRST.fullmatch(text)
    return First(float(found.group(1)), rate) if found else None
