"""Surroundings: the square around an object in a photograph, where a sticker may lie on it or beside it."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

REACH = 2.0
"""Side of the surroundings over the longer side of the object."""


class Surroundings(NamedTuple):
    """A square around an object in pixels; it may reach beyond the photograph.

    Attributes:
        left: Its left edge.
        upper: Its upper edge.
        side: Its width and height, 1 or more.
    """

    left: int
    upper: int
    side: int

    @classmethod
    def of(cls, box: Tensor) -> Surroundings:
        """Find those of an object: left, upper, right and lower edge, (4,)."""
        left, upper, right, lower = box.tolist()
        side = max(1, round(REACH * max(right - left, lower - upper)))
        return cls(round((left + right - side) / 2), round((upper + lower - side) / 2), side)

    def cut(self, photo: Tensor) -> Tensor:
        """Cut it out of a photograph (c, h, w), whose rim is repeated beyond: (c, side, side)."""
        rows, columns = (
            torch.arange(start, start + self.side, device=photo.device).clamp(0, size - 1)
            for start, size in ((self.upper, photo.shape[1]), (self.left, photo.shape[2]))
        )
        return photo[:, rows][:, :, columns]

    def put(self, crop: Tensor, photo: Tensor) -> Tensor:
        """Put it back into a copy of the photograph: what reaches beyond is lost."""
        changed = photo.clone()
        upper, left = max(0, self.upper), max(0, self.left)
        lower, right = min(photo.shape[1], self.upper + self.side), min(photo.shape[2], self.left + self.side)
        if lower > upper and right > left:
            changed[:, upper:lower, left:right] = crop[
                :, upper - self.upper : lower - self.upper, left - self.left : right - self.left
            ]
        return changed
