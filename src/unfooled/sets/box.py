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


def room(direction: Tensor, x: Batch, low: float, high: float) -> Tensor:
    """Tell how far each value of x may move the way that a direction (n, ...) points, (n, d) float64."""
    values = x.values.double()
    return torch.where(direction > 0, high - values, values - low).flatten(1)


def pace(gain: Tensor, speed: Tensor, space: Tensor, gap: Tensor) -> Tensor:
    """Find the least time t at which values that move until they hit the range have gained enough, (n,) float64.

    Value i has moved min(t * speed_i, space_i) by then and gained gain_i times that; t is infinite where all of them
    together cannot gain the gap. The gain is piecewise linear in t, so it is exact after one sort.

    Args:
        gain: What one unit of each value gains, (n, d), 0 or more.
        speed: How fast each moves, (n, d), 0 or more.
        space: How far each can move, (n, d), 0 or more.
        gap: What must be gained, (n,).
    """
    stops, order = torch.where(speed > 0, space / speed, torch.inf).sort(dim=1, stable=True)
    full = (gain * torch.where(speed > 0, space, 0.0)).gather(1, order).cumsum(dim=1)  # gained by those that stopped
    slope = (gain * speed).gather(1, order)
    slope = slope.flip(1).cumsum(dim=1).flip(1)  # of those that still move, the one about to stop among them
    before = torch.nn.functional.pad(full[:, :-1], (1, 0))
    at_stop = before + torch.where(slope > 0, slope * stops, 0.0)
    enough = at_stop >= gap.unsqueeze(1)
    first = enough.to(torch.int8).argmax(dim=1, keepdim=True)
    missing = gap - before.gather(1, first).flatten()
    time = missing / slope.gather(1, first).flatten().clamp(min=1e-300)
    return torch.where(gap <= 0, 0.0, torch.where(enough.any(dim=1), time, torch.inf))


def check_radius(kind: str, radius: float, low: float, high: float) -> None:
    """Refuse a radius that is no size: negative or NaN. An infinite one sets no limit but the range of inputs."""
    if math.isnan(radius) or radius < 0:
        raise InputError(f"A radius of {kind} is a number from 0", radius, f"Write for example {kind}:0.03.")
    if not low < high:
        raise InputError("The range of inputs is empty", f"low={low}, high={high}", "Give low < high.")


def named(kind: str, radius: float) -> str:
    """Write a ball as people do: `l2:3`, or `l2` alone where its radius sets no limit."""
    return kind if math.isinf(radius) else f"{kind}:{written(radius)}"


def written(radius: float) -> str:
    """Write a radius as people do: whole numbers and short decimals as they are, others as parts of 255 if exact."""
    decimal = str(int(radius)) if radius == int(radius) else repr(radius)
    if len(decimal) > 6 and radius < 1000:
        for parts in (255, 510, 1020):
            levels = round(radius * parts)
            if levels / parts == radius:
                return f"{levels}/{parts}"
    return decimal
