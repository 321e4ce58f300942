"""A net learns to read signs from renders alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from unfooled.core.batch import Batch
from unfooled.core.seeds import Draws
from unfooled.scenes.roadside import Roadside

from .grounds import for_judging, for_learning, grounds
from .nets import MEAN, STD, untrained
from .renders import renders


@dataclass(frozen=True)
class Lessons:
    """How a net learns: Adam, its step rising and falling once, on views that are never shown twice.

    Attributes:
        steps: How many, 1 or more.
        batch: Views of one step.
        step: Size of the largest step.
        grounds: How many backgrounds there are.
        seed: Of the weights at first and of all views.
    """

    steps: int = 1250
    batch: int = 96
    step: float = 4e-3
    grounds: int = 3000
    seed: int = 0


def learned(name: str, lessons: Lessons, told: Callable[[str], None] = lambda line: None) -> nn.Module:
    """Train a net of the zoo; returns it in evaluation mode, its weights frozen.

    Args:
        name: Of the net, see `nets.NETS`.
        lessons: How it learns.
        told: Is told how it goes.
    """
    net: nn.Module = untrained(name, lessons.seed).train()
    net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    behind = grounds(lessons.grounds, lessons.seed + 1, for_learning())
    draws = Draws.of(lessons.seed, "signs", name)
    climb = torch.optim.AdamW(net.parameters(), lr=lessons.step, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(climb, lessons.step, total_steps=lessons.steps, pct_start=0.2)
    for k in range(lessons.steps):
        x, y = renders(_views(behind, draws, k, lessons.batch), draws)
        loss = functional.cross_entropy(net(normalised(x)), y, label_smoothing=0.02)
        climb.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        climb.step()
        schedule.step()
        if (k + 1) % 100 == 0:
            told(f"{name}: step {k + 1} of {lessons.steps}, loss {loss.item():.3f}")
    return net.eval().requires_grad_(False)


def normalised(x: Tensor) -> Tensor:
    """Give what a net takes of views in [0, 1]."""
    return ((x - MEAN) / STD).contiguous(memory_format=torch.channels_last)


def accuracy(net: nn.Module, n: int, roadside: Roadside, seed: int = 7) -> float:
    """Judge a net on renders before backgrounds that it never saw: the share read right."""
    draws = Draws.of(seed, "judged")
    behind = grounds(n, seed + 1000, for_judging())
    right = 0
    with torch.no_grad():
        for start in range(0, n, 96):
            x, y = renders(behind.rows(slice(start, start + 96)), draws, roadside)
            right += int((net(normalised(x)).argmax(dim=1) == y).sum())
    return right / n


def _views(behind: Batch, draws: Draws, step: int, batch: int) -> Batch:
    """Choose backgrounds by lot, mirrored by lot, and name the views so that each is drawn anew."""
    ids = torch.arange(step * batch, (step + 1) * batch)
    lots = draws.uniform((2,), ids, "ground")
    values = behind.values[(lots[:, 0] * len(behind)).long()]
    mirrored = (lots[:, 1] < 0.5).view(-1, 1, 1, 1)
    return Batch(torch.where(mirrored, values.flip(3), values), ids)
