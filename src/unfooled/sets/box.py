"""The change from x to x_adv, and the range in which inputs live."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from unfooled.core.batch import Batch
from unfooled.core.errors import InputError
from unfooled.core.rows import total

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


def pace(rate: Tensor, stops: Tensor, gap: Tensor) -> Tensor:
    """Find the least time t at which values that move until they hit the range have gained enough, (n,) float64.

    Value i has gained rate_i * min(t, stops_i) by then; t is infinite where all of them together cannot gain the gap.
    The gain bends down at each stop, so Newton's steps from 0 never go too far, and the last of them is exact: a few
    do, where sorting the stops takes as long as a pass of a small model.

    Args:
        rate: What each value gains in a unit of time while it moves, (n, d), 0 or more.
        stops: When each stops, (n, d), 0 or more; infinite at most where it gains nothing.
        gap: What must be gained, (n,) float64.
    """
    full = torch.where(rate > 0, rate * stops, 0.0)
    time = torch.where(gap <= 0, 0.0, torch.inf).to(gap.dtype)
    going = (gap > 0) & (total(full) >= gap)
    rows, t = going.nonzero().flatten(), torch.zeros_like(gap)[going]
    while len(rows):
        if not bool(going.all()):
            rate, stops, full, gap = rate[going], stops[going], full[going], gap[going]
        stopped = stops <= t.unsqueeze(1).to(stops.dtype)
        slope = total(rate.masked_fill(stopped, 0))
        fresh = (gap - total(full * stopped)) / slope.clamp(min=1e-300)
        going = (slope > 0) & (fresh > t)  # each row ends by itself, whatever its neighbours still do
        time[rows[~going]] = t[~going]
        rows, t = rows[going], fresh[going]
    return time


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
