"""Poses: a sign before a pinhole camera, and the crop around it that a classifier is given."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor


class Poses(NamedTuple):
    """How one flat square, [-1, 1]^2, stands before the camera in each picture, and how it is cut out.

    Attributes:
        yaw: Turn about its upright axis in degrees, (n,): its right side goes away from the camera.
        pitch: Turn about its level axis in degrees, (n,).
        roll: Turn within its plane in degrees, clockwise, (n,).
        distance: Of its middle from the camera, in units of half its side, (n,), above 2.
        loose: Side of the crop over that of the sign as it appears, (n,).
        stretch: 0 for a square crop, 1 for one as narrow as the sign appears, stretched to a square, (n,).
        shift: How far the crop is off, (x, y) in units of half its sides, (n, 2).
    """

    yaw: Tensor
    pitch: Tensor
    roll: Tensor
    distance: Tensor
    loose: Tensor
    stretch: Tensor
    shift: Tensor

    def forward(self, side: int) -> Tensor:
        """Give the homographies from the sign to the crop's pixels, (n, 3, 3) float64.

        Args:
            side: Of the crop, in pixels.
        """
        seen = self._projection()
        corners = torch.tensor([[-1.0, -1, 1], [1, -1, 1], [1, 1, 1], [-1, 1, 1]], dtype=torch.float64)
        places = (seen.unsqueeze(1) * corners.to(seen.device).unsqueeze(1)).sum(dim=3)
        flat = places[:, :, :2] / places[:, :, 2:]
        low, high = flat.amin(dim=1), flat.amax(dim=1)
        own = (high - low) / 2
        square = own.amax(dim=1, keepdim=True).expand_as(own)
        half = square * (own / square) ** self.stretch.double().unsqueeze(1) * self.loose.double().unsqueeze(1)
        middle = (low + high) / 2 + self.shift.double() * half
        crop = torch.zeros_like(seen)
        scale = side / (2 * half)
        crop[:, 0, 0], crop[:, 1, 1], crop[:, 2, 2] = scale[:, 0], scale[:, 1], 1
        crop[:, :2, 2] = side / 2 - scale * middle
        return (crop.unsqueeze(3) * seen.unsqueeze(1)).sum(dim=2)

    def backward(self, side: int) -> Tensor:
        """Give the homographies from the crop's pixels to the sign, (n, 3, 3) float64: the inverse of `forward`."""
        return inverse(self.forward(side))

    def _projection(self) -> Tensor:
        """Turn the sign by roll, pitch and yaw, put it at its distance, and look at it: (n, 3, 3) float64."""
        (a, c), (b, d), (e, f) = (
            (one.double().deg2rad().cos(), one.double().deg2rad().sin()) for one in (self.yaw, self.pitch, self.roll)
        )
        across = torch.stack([a * e - c * d * f, b * f, c * e + a * d * f], dim=1)
        down = torch.stack([-a * f - c * d * e, b * e, -c * f + a * d * e], dim=1)
        away = torch.zeros_like(across)
        away[:, 2] = self.distance.double()
        return torch.stack([across, down, away], dim=2)


def inverse(maps: Tensor) -> Tensor:
    """Invert homographies (n, 3, 3), each by itself."""
    a, b, c = maps.unbind(dim=2)
    rows = torch.stack([torch.linalg.cross(b, c), torch.linalg.cross(c, a), torch.linalg.cross(a, b)], dim=1)
    return rows / (a * rows[:, 0]).sum(dim=1).view(-1, 1, 1)


def homography(corners: Tensor) -> Tensor:
    """Find the maps from the square [-1, 1]^2 to quadrilaterals in a photograph, (n, 3, 3) float64.

    Args:
        corners: Where upper left, upper right, lower right and lower left stand, (n, 4, 2) in pixels.

    Reference:
        Heckbert. Fundamentals of texture mapping and image warping. Master's thesis, University of California,
        Berkeley, 1989, section 2.2.3. https://www2.eecs.berkeley.edu/Pubs/TechRpts/1989/5504.html
        Differs from the paper: the square is [-1, 1]^2.
    """
    first, second, third, fourth = corners.double().unbind(dim=1)
    one, other, both = second - third, fourth - third, first - second + third - fourth
    area = one[:, 0] * other[:, 1] - one[:, 1] * other[:, 0]
    g = (both[:, 0] * other[:, 1] - both[:, 1] * other[:, 0]) / area
    h = (one[:, 0] * both[:, 1] - one[:, 1] * both[:, 0]) / area
    across, down = second - first + g.unsqueeze(1) * second, fourth - first + h.unsqueeze(1) * fourth
    top = torch.stack([across, down, first], dim=2)
    unit = torch.cat([top, torch.stack([g, h, torch.ones_like(g)], dim=1).unsqueeze(1)], dim=1)
    halved = unit.new_tensor([[0.5, 0, 0.5], [0, 0.5, 0.5], [0, 0, 1]])
    return (unit.unsqueeze(3) * halved).sum(dim=2)
