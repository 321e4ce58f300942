"""Recordings changed one at a time, so that no answer hangs on a neighbour or on padding."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from unfooled.core.errors import InputError
from unfooled.defences.card import Card
from unfooled.defences.layers import Change


class BeforeEach(nn.Module):
    """Changes recordings (n, t), each by itself and as long as it is, before a module hears them."""

    def __init__(self, change: Change, module: nn.Module) -> None:
        super().__init__()
        self.change, self.module = change, module

    def forward(self, values: Tensor, *rest: Tensor | None) -> object:
        """Answer as the module does to changed recordings; `rest` begins with lengths (n,), None or nothing.

        Raises:
            InputError: These are no recordings.
        """
        return self.module(self._changed(values, rest[0] if rest else None), *rest)

    def transcribe(self, values: Tensor, lengths: Tensor | None) -> object:
        """Decode changed recordings as deployed, for modules that have a decoder of their own (`Dictation`)."""
        decode: Callable[..., object] = cast(Any, self.module).transcribe
        return decode(self._changed(values, lengths), lengths)

    def _changed(self, values: Tensor, lengths: Tensor | None) -> Tensor:
        if values.ndim != 2:
            do = "Choose a defence of pictures, for example jpeg."
            raise InputError("This defence changes recordings (n, t)", f"shape {tuple(values.shape)}", do)
        width = values.shape[1]
        ends = [width] * len(values) if lengths is None else lengths.tolist()
        rows = [self.change(row[:end]) for row, end in zip(values, ends, strict=True)]
        return torch.stack([functional.pad(row, (0, width - len(row))) for row in rows])


def before_each(change: Change, module: nn.Module) -> nn.Module:
    """Put a change of recordings (t,) before a copy of a module."""
    return BeforeEach(change, copy.deepcopy(module)).eval()


def handed_on(values: Tensor, changed: Tensor) -> Tensor:
    """Give `changed` to the bit, with a gradient that is handed on to `values` as it comes (BPDA)."""
    given: Tensor = _HandedOn.apply(values, changed)  # type: ignore[no-untyped-call]
    return given


class _HandedOn(torch.autograd.Function):
    @staticmethod
    def forward(context: Any, values: Tensor, changed: Tensor) -> Tensor:
        return changed

    @staticmethod
    def backward(context: Any, *grads: Tensor) -> tuple[Tensor, None]:
        return grads[0], None


def sound_card(source: str, *, differentiable: bool = True) -> Card:
    """Make the card of a change of sound; all are of use against accidents alone."""
    return Card(
        "sound", "D", source, differentiable=differentiable, adaptive=("standard",) if differentiable else ("bpda",),
        ignorant="transfer", mitigation="AML.M0010",
    )  # fmt: skip
