"""Planes: where flat things stand in pictures, as homographies whose inverse has a closed form."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor


class Planes(NamedTuple):
    """One flat thing a picture, seen by a camera.

    A point of the thing, q in [-1, 1]^2, is tilted by q / (1 + <tilt, q>), shrunk so that the tilted thing stays inside
    the circle that held it, stretched to `half`, turned, and put at `centre`.

    Attributes:
        half: Half the width and height in pixels, face on, (n, 2).
        angle: Turn in degrees, clockwise, (n,).
        tilt: How fast it recedes along its own x and y, (n, 2), of length below 1; 0 is face on.
        centre: Where its middle stands, in pixels from the upper left corner, (n, 2).
    """

    half: Tensor
    angle: Tensor
    tilt: Tensor
    centre: Tensor

    def forward(self) -> Tensor:
        """Give the homographies from the thing to the picture's pixels, (n, 3, 3) float64."""
        stretch = self._stretch()
        turned = torch.cat([stretch, self.centre.double().unsqueeze(2)], dim=2)
        return torch.cat([turned, _row(stretch)], dim=1) @ self._tilted(1)

    def backward(self) -> Tensor:
        """Give the homographies from the picture's pixels to the thing, (n, 3, 3) float64: the inverse of `forward`."""
        stretch = self._stretch()
        (a, b), (c, d) = (row.unbind(1) for row in stretch.unbind(1))
        area = a * d - b * c
        inverse = torch.stack([d, -b, -c, a], dim=1).view(-1, 2, 2) / area.view(-1, 1, 1)
        shift = -(inverse * self.centre.double().unsqueeze(1)).sum(dim=2, keepdim=True)
        return self._tilted(-1) @ torch.cat([torch.cat([inverse, shift], dim=2), _row(inverse)], dim=1)

    def _stretch(self) -> Tensor:
        turn = self.angle.double().deg2rad()
        cos, sin = turn.cos(), turn.sin()
        shrunk = self.half.double() * (1 - self.tilt.double().square().sum(dim=1, keepdim=True).sqrt())
        columns = [cos * shrunk[:, 0], -sin * shrunk[:, 1], sin * shrunk[:, 0], cos * shrunk[:, 1]]
        return torch.stack(columns, dim=1).view(-1, 2, 2)

    def _tilted(self, sign: int) -> Tensor:
        tilted = torch.eye(3, dtype=torch.float64, device=self.tilt.device).repeat(len(self.tilt), 1, 1)
        tilted[:, 2, :2] = sign * self.tilt.double()
        return tilted


class Seen(NamedTuple):
    """What each pixel of a picture shows of a flat thing.

    Attributes:
        u: Its own x, (n, h, w) float32; it lies in [-1, 1].
        v: Its own y.
        slopes: How u and v grow along the picture's x and y: u_x, u_y, v_x, v_y, each (n, h, w) or (n, 1, 1).
    """

    u: Tensor
    v: Tensor
    slopes: tuple[Tensor, Tensor, Tensor, Tensor]


def seen(backward: Tensor, height: int, width: int) -> Seen:
    """Follow the ray of each pixel's middle to a flat thing.

    Args:
        backward: Homographies from pixels to the thing, (n, 3, 3), as `Planes.backward` gives or as a photograph's
            corners determine them.
        height: Of the picture.
        width: Of the picture.
    """
    rows = backward.float().view(-1, 9, 1, 1).unbind(1)
    x = torch.arange(width, device=backward.device, dtype=torch.float32).view(1, 1, -1) + 0.5
    y = torch.arange(height, device=backward.device, dtype=torch.float32).view(1, -1, 1) + 0.5
    depth = rows[6] * x + rows[7] * y + rows[8]
    near = 1 / torch.where(depth > 1e-6, depth, 1e-6)  # what lies behind the horizon is far outside
    u, v = (rows[0] * x + rows[1] * y + rows[2]) * near, (rows[3] * x + rows[4] * y + rows[5]) * near
    slopes = [(rows[k] - own * rows[6 + side]) * near for k, own, side in ((0, u, 0), (1, u, 1), (3, v, 0), (4, v, 1))]
    return Seen(u, v, (slopes[0], slopes[1], slopes[2], slopes[3]))


def _row(like: Tensor) -> Tensor:
    """Give the last row of an affine map, (n, 1, 3)."""
    return like.new_tensor([0.0, 0.0, 1.0]).expand(len(like), 1, 3)
