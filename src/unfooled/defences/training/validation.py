"""How a net stands on validation examples while it is trained, and the average of its weights."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from unfooled.core.seeds import Draws
from unfooled.core.threat import Ball

from .lesson import Lesson, searching
from .schedule import Pupils
from .searches import Climb, Jump

_TOGETHER = 256


class Held(NamedTuple):
    """Shares of validation examples that are read right, after a climb too, and after one step instead, 0 to 1."""

    clean: float
    robust: float
    single: float


NOTHING = Held(-1.0, -1.0, -1.0)
"""Below whatever was measured."""


def held_accuracy(net: nn.Module, held: Pupils, within: Ball, draws: Draws, steps: int) -> Held:
    """Measure a net by a climb of several steps, which no single-step training can prepare it for by masking."""
    search, jump, right, stands, single = Climb(steps=steps), Jump(0.0, 1.0, clip=True), 0, 0, 0
    for first in range(0, len(held), _TOGETHER):
        x, y = held.rows(slice(first, first + _TOGETHER))
        read = _read(net, x.values) == y
        lesson = Lesson(net, x, y, within, draws, 0)
        right += int(read.sum())
        stands += int((read & (_read(net, search(lesson)) == y)).sum())
        single += int((read & (_read(net, jump(lesson)) == y)).sum())
    return Held(right / len(held), stands / len(held), single / len(held))


def averaged(mean: dict[str, Tensor], net: nn.Module, keep: float, steps: int) -> None:
    """Move averaged weights towards a net's, in place; early on it keeps less, so that the start is forgotten."""
    share = min(keep, (1 + steps) / (10 + steps))
    for name, value in net.state_dict().items():
        if value.is_floating_point():
            mean[name].lerp_(value, 1 - share)
        else:
            mean[name].copy_(value)


def _read(net: nn.Module, values: Tensor) -> Tensor:
    with searching(net), torch.no_grad():
        labels: Tensor = net(values).argmax(dim=1)
    return labels
