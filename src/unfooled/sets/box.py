"""The change from x to x_adv, and the range in which inputs live."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from unfooled.core.batch import Batch
from unfooled.core.errors import InputError

SLACK = 1e-6
"""How far beyond its radius a set still counts a point as inside, times max(1, radius): float32 pictures on a grid
of 1/255 cannot be told apart more finely."""


def change(x_adv: Batch, x: Batch) -> Tensor:
    """Give the change of each example, flat and in float64, (n, d); padding counts as unchanged."""
    delta = x_adv.values.double() - x.values.double()
    valid = x.valid()
    return (delta if valid is None else delta * valid).flatten(1)


def in_range(x_adv: Batch, x: Batch, low: float, high: float) -> Tensor:
    """Tell which examples are finite, within [low, high], and unchanged in their padding, (n,) bool."""
    values = x_adv.values
    fine = ((values >= low) & (values <= high)).flatten(1).all(dim=1)  # false for NaN too
    valid = x.valid()
    if valid is not None:
        fine &= ((values == x.values) | valid).flatten(1).all(dim=1)
    return fine


def keep_padding(values: Tensor, x: Batch) -> Tensor:
    """Put the padding of x back into values shaped like it."""
    valid = x.valid()
    return values if valid is None else torch.where(valid, values, x.values)


def silence_padding(direction: Tensor, x: Batch) -> Tensor:
    """Let a direction move nothing in the padding of x."""
    valid = x.valid()
    return direction if valid is None else direction * valid


def check_radius(kind: str, radius: float, low: float, high: float) -> None:
    """Refuse a radius that is no size: negative, infinite, NaN."""
    if not math.isfinite(radius) or radius < 0:
        raise InputError(f"A radius of {kind} is a finite number from 0", radius, f"Write for example {kind}:0.03.")
    if not low < high:
        raise InputError("The range of inputs is empty", f"low={low}, high={high}", "Give low < high.")


def written(radius: float) -> str:
    """Write a radius as people do: whole numbers and short decimals as they are, others as parts of 255 if exact."""
    decimal = str(int(radius)) if radius == int(radius) else repr(radius)
    if len(decimal) > 6 and radius < 1000:
        for parts in (255, 510, 1020):
            levels = round(radius * parts)
            if levels / parts == radius:
                return f"{levels}/{parts}"
    return decimal
