"""Windows: pieces of a picture or a waveform, each example's own, whose values a search changes together.

A picture is (n, c, h, w) with windows in its last two axes, a waveform or a row of a table (n, t) or (n, c, t) with
windows in its last one: d axes of places, of which each holds c colours.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

from unfooled.core.batch import Batch
from unfooled.core.threat import Ball


def coloured(values: Tensor) -> Tensor:
    """Shape values (n, ...) as (n, c, *places)."""
    return values.unsqueeze(1) if values.ndim == 2 else values


def ends(within: Ball, x: Batch, *, limited: bool) -> tuple[Tensor, Tensor]:
    """Give the lowest and the highest each value may be, (n, ...) both: equal in padding and outside a mask.

    Args:
        within: The set.
        x: Clean examples, (n, ...).
        limited: Whether the radius counts, which makes sense where each value has one of its own; or else the range.
    """
    span, ball = within.high - within.low, within if limited else within.resized(math.inf)
    lowest, highest = (ball.project(x.holding(x.values + way), x).values for way in (-span, span))
    return lowest, highest


class Window(NamedTuple):
    """One window an example: where it begins and how long it is along each axis of places, (n, d) int64 both."""

    begin: Tensor
    side: Tensor

    def rows(self, index: Tensor) -> Window:
        """Pick rows, in the order of `index` (r,)."""
        return Window(self.begin[index], self.side[index])

    def offsets(self, like: Tensor) -> list[Tensor]:
        """Tell for each axis how far its places lie behind the beginning, each (n, 1, ..., length, ..., 1)."""
        told = []
        for axis, length in enumerate(like.shape[2:]):
            shape = [-1] + [1] * (like.ndim - 1)
            shape[axis + 2] = length
            place = torch.arange(length, device=like.device)
            told.append((place - self.begin[:, axis : axis + 1]).view(shape))
        return told

    def mask(self, like: Tensor) -> Tensor:
        """Mark the places inside, (n, 1, *places) bool, in values shaped as `like` (n, c, *places)."""
        inside = torch.ones((), dtype=torch.bool, device=like.device)
        for axis, offset in enumerate(self.offsets(like)):
            side = self.side[:, axis].view(-1, *[1] * (like.ndim - 1))
            inside = inside & (offset >= 0) & (offset < side)
        return inside

    def places(self, like: Tensor) -> Tensor:
        """Number the places inside, (n, s), in values shaped as `like` (n, c, *places), these taken as one axis.

        The largest window has s places; a smaller one repeats some of its own.
        """
        numbers = torch.zeros_like(self.begin[:, :1])
        for axis, length in enumerate(like.shape[2:]):
            begin, side = self.begin[:, axis : axis + 1], self.side[:, axis : axis + 1]
            far = torch.arange(int(side.max()), device=like.device)
            along = begin + torch.minimum(far, side - 1)
            numbers = (length * numbers.unsqueeze(2) + along.unsqueeze(1)).flatten(1)
        return numbers

    def placed(self, side: Tensor, lots: Tensor) -> Window:
        """Put a window of sides (n, d) anywhere into this one, where lots (n, d) from [0, 1) fall."""
        room = self.side - side + 1
        return Window(self.begin + torch.minimum((lots.double() * room).long(), room - 1), side)


def frame(allowed: Tensor) -> Window:
    """Give the smallest window around the values marked (n, c, *places); all places where none is marked."""
    places = allowed.any(dim=1)
    begin, side = [], []
    for axis, length in enumerate(places.shape[1:]):
        line = places.movedim(axis + 1, 1).unsqueeze(-1).flatten(2).any(dim=2).to(torch.int8)
        begin.append(line.argmax(dim=1))
        side.append(length - line.flip(1).argmax(dim=1) - begin[-1])
    return Window(torch.stack(begin, dim=1), torch.stack(side, dim=1))


def hills(offsets: list[Tensor], side: Tensor, along: Tensor) -> Tensor:
    """Give two neighbouring hills of opposite signs that fill a window, (n, 1, *places); of no meaning outside it.

    Each fills half of the window and falls off from its middle as sum_{j > m} 1/j^2 does with the distance m.

    Args:
        offsets: How far the places lie behind the window's beginning, as `Window.offsets` tells it.
        side: Sides of the window, (n, d).
        along: The axis along which the hills are neighbours, (n,), 0 to d - 1.
    """
    shape = (-1, *[1] * (offsets[0].ndim - 1))
    gains = torch.arange(1, int(side.max()) + 2, device=side.device, dtype=torch.float64).square().reciprocal()
    fallen = torch.nn.functional.pad(gains.cumsum(dim=0), (1, 0))
    top = fallen[side.amax(dim=1) // 2 + 1].view(shape)
    height, sign = torch.full_like(top, torch.inf), torch.ones_like(top)
    for axis, offset in enumerate(offsets):
        length, split = side[:, axis].view(shape), (along == axis).view(shape)
        half = length // 2
        second = split & (offset >= half)
        middle = torch.where(split, torch.where(second, half + (length - half) // 2, half // 2), half)
        far = (offset - middle).abs().clamp(max=len(gains))
        height = torch.minimum(height, (top - fallen[far]).clamp(min=0))  # the longest way of all axes counts
        sign = torch.where(second, -sign, sign)
    return (sign * height).float()
