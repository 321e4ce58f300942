"""Motion: a picture may be turned and shifted, and nothing else."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from unfooled.core.batch import Batch
from unfooled.core.errors import InputError

_SLACK = 2e-5  # what a float32 or a file of 16 bits may round a value by
_POINTS = 64  # pixels that are compared first: nearly all motions are told apart by them
_VALUES = 2**22  # compared at once
_MOVED = 2**19  # moved at once

Limits = tuple[int, int, int]
"""Most degrees either way, most pixels up or down, most pixels left or right."""


@dataclass(frozen=True)
class Motion:
    """A picture may be turned about its centre by whole degrees and then shifted by whole pixels; what comes in is 0.

    Values between pixels are interpolated, bilinear; in a picture of 8 bits they are rounded to 8 bits. So the set has
    finitely many points, and who has both pictures can tell whether one is the other moved, by trying.

    Attributes:
        degrees: Most degrees of the turn, either way, 0 to 180.
        pixels: Most pixels of the shift along either side, 0 or more.
        percent: Most of the shift as a percentage of either side instead, 0 to 100.
    """

    degrees: int = 0
    pixels: int = 0
    percent: float = 0.0

    def __post_init__(self) -> None:
        if not (0 <= self.degrees <= 180 and self.pixels >= 0 and 0 <= self.percent <= 100):
            wrong = "Turns are 0 to 180 degrees, shifts from 0 pixels or 0 to 100 %"
            raise InputError(wrong, f"{self!r}", "Write rotate:30, shift:3 or shift:10%.")
        if self.pixels and self.percent:
            raise InputError("A shift is limited in pixels or in percent", f"{self!r}", "Leave one of them out.")

    def __str__(self) -> str:
        shift = f"shift:{self.percent:g}%" if self.percent else f"shift:{self.pixels}"
        turn = f"rotate:{self.degrees}"
        return turn if not self._shifts else f"{turn},{shift}" if self.degrees else shift

    @property
    def radius(self) -> float:
        """Most that `distance` can be: degrees, pixels, or 1 where both are limited or the limit is a percentage."""
        return 1.0 if self._relative else float(self.degrees or self.pixels)

    def distance(self, x_adv: Batch, x: Batch) -> Tensor:
        """Measure the smallest motion that makes x_adv of x, (n,) float64; infinite where none of the set does.

        Degrees of a turn, pixels of a shift; where both are limited, the largest share of its limit.
        """
        rows = [
            self._smallest(x_adv.values[i].double(), x.values[i : i + 1]) for i in range(len(x))
        ]  # one by one: each has its own few motions left after the first look
        return torch.tensor(rows, dtype=torch.float64, device=x.ids.device)

    def contains(self, x_adv: Batch, x: Batch) -> Tensor:
        """Tell whether some motion of the set makes x_adv of x, (n,) bool."""
        return self.distance(x_adv, x).isfinite()

    def limits(self, shape: tuple[int, ...]) -> Limits:
        """Give the limits for pictures of a shape (c, h, w).

        Raises:
            InputError: It is the shape of no picture.
        """
        if len(shape) != 3:
            raise InputError("Only pictures can be turned and shifted", f"examples of shape {shape}", "Use a ball.")
        down, right = (self.pixels + math.floor(self.percent * side / 100) for side in shape[1:])
        return self.degrees, min(down, shape[1]), min(right, shape[2])

    def lattice(self, shape: tuple[int, ...], most: int | None = None) -> Tensor:
        """List the motions for pictures of a shape, (m, 3) int64: degrees, pixels down, pixels right; smallest first.

        With `most`, where there are more, an even grid of at most so many.
        """
        limits = self.limits(shape)
        counts = [2 * limit + 1 for limit in limits]
        while most is not None and math.prod(counts) > most and max(counts) > 1:
            counts[counts.index(max(counts))] -= 2
        ends = [limit if count > 1 else 0 for limit, count in zip(limits, counts, strict=True)]
        axes = [torch.linspace(-end, end, count).round() for end, count in zip(ends, counts, strict=True)]
        motions = torch.cartesian_prod(*axes).long().view(-1, 3)
        return motions[self._size(motions, limits).argsort(stable=True)]

    def moved(self, x: Batch, motions: Tensor) -> Batch:
        """Move each picture (r, c, h, w) by its own motion, (r, 3)."""
        part = max(1, _MOVED // max(1, x.values[:1].numel()))  # large pictures one by one: they fill the cache
        parts = zip(torch.split(x.values, part), torch.split(motions, part), strict=True)
        return x.holding(torch.cat([_moved(values, some) for values, some in parts]))

    @property
    def _shifts(self) -> bool:
        return bool(self.pixels or self.percent) or not self.degrees

    @property
    def _relative(self) -> bool:
        return bool(self.percent or (self.degrees and self.pixels))

    def _size(self, motions: Tensor, limits: Limits) -> Tensor:
        """Measure motions (m, 3), see `distance`, (m,) float64."""
        limit = torch.tensor([max(one, 1) for one in limits], dtype=torch.float64, device=motions.device)
        return (motions.abs() / (limit if self._relative else 1.0)).amax(dim=1).double()

    def _smallest(self, x_adv: Tensor, x: Tensor) -> float:
        """Find the smallest motion that makes x_adv (c, h, w) of x (1, c, h, w): at few pixels first, then at all."""
        limits = self.limits(tuple(x_adv.shape))
        motions = self.lattice(tuple(x_adv.shape)).to(x.device)
        flat = x_adv.flatten(1)
        slack = _SLACK
        if bool(_of_8_bits(x)):
            if not bool(_of_8_bits(x_adv.unsqueeze(0))):
                return math.inf
            slack += 0.5 / 255
        count = flat.shape[1]
        some = torch.arange(min(_POINTS, count), device=x.device) * (int(0.618 * count) | 1) % count
        for pixels in (some, torch.arange(count, device=x.device)):
            part = max(1, _VALUES // (len(pixels) * len(flat)))
            fits = [_fits(flat, x, some_motions, pixels, slack) for some_motions in torch.split(motions, part)]
            motions = motions[torch.cat(fits)]
        return float(self._size(motions, limits).min()) if len(motions) else math.inf


def _fits(flat: Tensor, x: Tensor, motions: Tensor, pixels: Tensor, slack: float) -> Tensor:
    """Tell which motions (m, 3) of x (1, c, h, w) give what a picture (c, h * w) holds at these pixels, (m,) bool."""
    seen = _seen(x, motions.unsqueeze(0), pixels)[0]
    return ((seen - flat[:, pixels]).abs() <= slack).flatten(1).all(dim=1)


def _moved(values: Tensor, motions: Tensor) -> Tensor:
    here = torch.arange(math.prod(values.shape[2:]), device=values.device)
    seen = _seen(values, motions.unsqueeze(1), here).view_as(values)
    return torch.where(_of_8_bits(values), (seen * 255).round().float() / 255, seen.float())


def _of_8_bits(values: Tensor) -> Tensor:
    """Tell which pictures (n, c, h, w) hold whole numbers of 255ths alone, (n, 1, 1, 1) bool."""
    off = values * 255 - (values * 255).round()
    return off.abs().flatten(1).amax(dim=1).view(-1, 1, 1, 1) < 1e-3  # false for NaN too


def _seen(values: Tensor, motions: Tensor, pixels: Tensor) -> Tensor:
    """Look through motions (r, m, 3) of pictures (r, c, h, w) at pixels (p,) by number, (r, m, c, p) float64."""
    (rows, colours, height, width), (_, many, _) = values.shape, motions.shape
    turn, down, right = (motions[..., axis : axis + 1].double() for axis in range(3))
    turn = torch.deg2rad(turn)
    below = torch.div(pixels, width, rounding_mode="floor") - (height - 1) / 2 - down  # (r, m, p)
    beside = pixels % width - (width - 1) / 2 - right
    y = turn.cos() * below + turn.sin() * beside + (height - 1) / 2
    x = turn.cos() * beside - turn.sin() * below + (width - 1) / 2
    flat = values.flatten(2)
    seen = torch.zeros(rows, many, colours, len(pixels), dtype=torch.float64, device=values.device)
    for corner_y, share_y in ((y.floor(), 1 - y % 1), (y.floor() + 1, y % 1)):
        for corner_x, share_x in ((x.floor(), 1 - x % 1), (x.floor() + 1, x % 1)):
            inside = (corner_y >= 0) & (corner_y < height) & (corner_x >= 0) & (corner_x < width)
            at = torch.where(inside, corner_y * width + corner_x, 0).long().view(rows, 1, many * len(pixels))
            there = flat.gather(2, at.expand(-1, colours, -1)).view(rows, colours, many, len(pixels)).transpose(1, 2)
            seen += there * (share_y * share_x * inside).unsqueeze(2)
    return seen
