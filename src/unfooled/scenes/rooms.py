"""Rooms: what becomes of a sound between a loudspeaker and an ear, by the echoes of a box's walls."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from unfooled.core.errors import InputError
from unfooled.core.seeds import Draws

SPEED = 343.0
"""Of sound, in metres a second."""

_OFF = 0.5  # metres that a loudspeaker or an ear keeps from every wall
_AXES = 3


@dataclass(frozen=True)
class Room:
    """A box with walls that take some of a sound and throw the rest back.

    Attributes:
        size: Length, width and height in metres, each above 1.
        absorbed: Share of a sound's energy that a wall takes, above 0 to 1.
        seconds: How long echoes are followed.

    Reference:
        Allen and Berkley. Image method for efficiently simulating small-room acoustics. Journal of the Acoustical
        Society of America 65, 1979.
        Differs from the paper: echoes between two samples are shared by both; the direct sound comes at once, and a
        response has length 1, so that loudness stays about the same.
    """

    size: tuple[float, float, float]
    absorbed: float
    seconds: float = 0.3

    def __post_init__(self) -> None:
        if min(self.size) <= 2 * _OFF or not 0 < self.absorbed <= 1:
            found = f"{' x '.join(f'{side:g}' for side in self.size)} m, {self.absorbed:g} absorbed"
            raise InputError("A room is larger than a metre, and its walls take some sound", found, "Mend it.")

    def response(self, source: Tensor, ear: Tensor, rate: int) -> Tensor:
        """Give the impulse response (k,) float64 from a source (3,) to an ear (3,), in metres from a corner."""
        count = round(self.seconds * rate)
        size = torch.tensor(self.size, dtype=torch.float64)
        reach = [math.ceil(self.seconds * SPEED / (2 * side)) for side in self.size]
        cells = torch.cartesian_prod(*(torch.arange(-n, n + 1, dtype=torch.float64) for n in reach))
        mirrored = torch.cartesian_prod(*[torch.arange(2, dtype=torch.float64)] * _AXES)
        images = (1 - 2 * mirrored) * source.double() + 2 * (cells * size).unsqueeze(1)  # (cells, 8, 3)
        bounces = (cells.unsqueeze(1) - mirrored).abs().sum(dim=2) + cells.abs().sum(dim=1, keepdim=True)
        far = (images - ear.double()).square().sum(dim=2).sqrt().flatten()
        loud = (1 - self.absorbed) ** (bounces.flatten() / 2) / far.clamp(min=1e-3)
        late = (far - far.min()) / SPEED * rate
        whole, kept = late.floor().long(), late < count - 1
        whole, loud, part = whole[kept], loud[kept], (late - late.floor())[kept]
        heard = torch.zeros(count, dtype=torch.float64)
        heard.index_add_(0, whole, loud * (1 - part)).index_add_(0, whole + 1, loud * part)
        return heard / heard.square().sum().sqrt()

    def responses(self, count: int, rate: int, draws: Draws) -> Tensor:
        """Draw places of loudspeaker and ear, half a metre off the walls: impulse responses (count, k) float64."""
        lots = draws.uniform((2, _AXES), torch.arange(count), "places").double()
        places = _OFF + lots * (torch.tensor(self.size, dtype=torch.float64) - 2 * _OFF)
        return torch.stack([self.response(source, ear, rate) for source, ear in places])


ROOMS: dict[str, Room] = {
    "bedroom": Room((3.5, 3.0, 2.5), 0.5),
    "office": Room((4.5, 3.5, 2.7), 0.45),
    "living room": Room((6.0, 4.5, 2.6), 0.45),
    "kitchen": Room((4.0, 3.0, 2.5), 0.35),
    "meeting room": Room((8.0, 5.5, 3.0), 0.4),
}
"""Five rooms, whose echoes take a fifth to two fifths of a second to fall by 60 decibels."""


def played(x: Tensor, response: Tensor) -> Tensor:
    """Give what an ear hears of a waveform (t,) through an impulse response (k,), from the direct sound on: (t,)."""
    size = len(x) + len(response)
    seen = torch.fft.rfft(x, n=size) * torch.fft.rfft(response.to(x), n=size)
    heard: Tensor = torch.fft.irfft(seen, n=size)[: len(x)]
    return heard
