"""What happens to a picture between its file and the network: resize, crop, normalise; all of it differentiable."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from torch import Tensor
from torch.nn import functional

from unfooled.core.errors import InputError, ModelError

Interpolation = Literal["bilinear", "bicubic", "nearest"]


@dataclass(frozen=True)
class Preprocess:
    """Resizes, crops and normalises pictures (n, c, h, w) in [0, 1].

    The attacker's set lives in the picture's own pixels, so these steps belong to the model. Each picture is
    treated alone: its values do not depend on the batch that it is in.

    Attributes:
        mean: Subtracted after resizing, in units of [0, 1]; one number, or one a channel.
        std: Divided by afterwards, in units of [0, 1]; one number, or one a channel.
        size: Pixels. (h, w) resizes to exactly that. One number resizes the shorter side if there is a `crop`, and
            to a square if there is none. None leaves the size alone.
        crop: Pixels, (h, w) or one number for a square: the centre that is kept. None keeps all.
        interpolation: How it is resized. "bilinear" and "bicubic" are antialiased, as in PIL.

    Raises:
        InputError: A setting is out of its range.
    """

    mean: float | Sequence[float] = 0.0
    std: float | Sequence[float] = 1.0
    size: int | Sequence[int] | None = None
    crop: int | Sequence[int] | None = None
    interpolation: Interpolation = "bilinear"

    def __post_init__(self) -> None:
        # Lists and arrays, say from a config file, would be neither hashable nor fixed.
        for name, kind in (("mean", float), ("std", float), ("size", int), ("crop", int)):
            value = getattr(self, name)
            if isinstance(value, Iterable):
                object.__setattr__(self, name, tuple(kind(part) for part in value))
        for mean in _numbers(self.mean):
            _check_unit("mean", mean, 0 <= mean <= 1)
        for std in _numbers(self.std):
            _check_unit("std", std, 0 < std <= 1)
        _check_sides(self.size, self.crop)
        if self.interpolation not in ("bilinear", "bicubic", "nearest"):
            raise InputError(
                "No such interpolation", repr(self.interpolation), "Use 'bilinear', 'bicubic' or 'nearest'."
            )

    def __call__(self, x: Tensor) -> Tensor:
        """Give the network's input, (n, c, h', w').

        Args:
            x: Pictures in [0, 1], (n, c, h, w).

        Raises:
            ModelError: x are no pictures, are smaller than the crop, or have another number of channels.
        """
        channels = max(len(_numbers(self.mean)), len(_numbers(self.std)))
        if x.ndim != 4 or channels not in (1, x.shape[1]):
            wanted = "(n, c, h, w)" if channels == 1 else f"(n, {channels}, h, w)"
            raise ModelError(
                "The preprocessing does not fit the data",
                f"data of shape {tuple(x.shape)}, preprocessing for pictures {wanted}",
                "Give one mean and one std a channel, or one for all, and pictures with the channels first.",
            )
        return self._normalised(self._cropped(self._resized(x)))

    def describe(self) -> dict[str, Any]:
        """Give the settings as plain JSON."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}

    def _resized(self, x: Tensor) -> Tensor:
        if self.size is None:
            return x
        height, width = x.shape[2:]
        if isinstance(self.size, int) and self.crop is not None:
            short = min(height, width)
            sides = (self.size * height // short, self.size * width // short)
        else:
            sides = _pair(self.size)
        if sides == (height, width):
            return x
        if self.interpolation == "nearest":
            return functional.interpolate(x, sides, mode="nearest-exact")
        resized = functional.interpolate(x, sides, mode=self.interpolation, align_corners=False, antialias=True)
        # A cubic overshoots at edges; a picture library would cut that off when it stores the result as 8 bits.
        return resized.clamp(0, 1) if self.interpolation == "bicubic" else resized

    def _cropped(self, x: Tensor) -> Tensor:
        if self.crop is None:
            return x
        height, width = _pair(self.crop)
        top, left = (x.shape[2] - height) // 2, (x.shape[3] - width) // 2
        if top < 0 or left < 0:
            raise ModelError(
                "The pictures are smaller than the crop",
                f"{x.shape[2]} x {x.shape[3]}, crop {height} x {width}",
                "Set Preprocess(size=...) so that they are resized first, or crop less.",
            )
        return x[:, :, top : top + height, left : left + width]

    def _normalised(self, x: Tensor) -> Tensor:
        if self.mean == 0.0 and self.std == 1.0:
            return x
        mean = x.new_tensor(_numbers(self.mean)).view(1, -1, 1, 1)
        std = x.new_tensor(_numbers(self.std)).view(1, -1, 1, 1)
        return (x - mean) / std


def _numbers(value: float | Sequence[float]) -> tuple[float, ...]:
    return tuple(value) if isinstance(value, Sequence) else (value,)


def _pair(side: int | Sequence[int]) -> tuple[int, int]:
    return (side, side) if isinstance(side, int) else (side[0], side[1])


def _check_unit(name: str, value: float, allowed: bool) -> None:
    if not allowed:
        meant = f"Did you mean {value:g}/255? " if math.isfinite(value) and value > 1 else ""
        wanted = "from 0 to 1" if name == "mean" else "above 0, up to 1"
        raise InputError(
            f"A {name} of pictures in [0, 1] is out of range",
            f"{name} = {value:g}",
            f"{meant}Give numbers {wanted}: those for pixels from 0 to 255, divided by 255.",
        )


def _check_sides(size: int | Sequence[int] | None, crop: int | Sequence[int] | None) -> None:
    for name, side in (("size", size), ("crop", crop)):
        sides = (1, 1) if side is None else (side, side) if isinstance(side, int) else tuple(side)
        if len(sides) != 2 or min(sides) < 1:
            raise InputError(f"No such {name} of a picture", repr(side), "Give whole pixels: one number, or (h, w).")
    if size is None or crop is None:
        return
    # Of a picture whose shorter side alone is given, the longer one may still hold a longer crop.
    sides, wanted = ((size,), (min(_pair(crop)),)) if isinstance(size, int) else (_pair(size), _pair(crop))
    if any(part > side for part, side in zip(wanted, sides, strict=True)):
        raise InputError("The crop is larger than the resized picture", f"size {size}, crop {crop}", "Crop less.")
