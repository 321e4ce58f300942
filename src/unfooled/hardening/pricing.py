"""What a defence costs: time measured here, energy and money at stated prices."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, replace
from statistics import median
from time import perf_counter
from typing import NamedTuple

import torch
from torch import nn

from unfooled.core.errors import InputError
from unfooled.core.hardened import Bill
from unfooled.defences import STANDARD
from unfooled.defences.training.course import Course
from unfooled.defences.training.lesson import Recipe
from unfooled.defences.training.schedule import Pupils
from unfooled.defences.training.task import Task
from unfooled.defences.training.trainer import Trained

_REPEATS, _BATCHES, _ROWS = 7, 4, 32


@dataclass(frozen=True)
class Prices:
    """What time costs.

    Attributes:
        watts: Power of the machine at work.
        kwh: Price of a kilowatt-hour.
        hour: Price of an hour of the machine, energy aside.
        currency: Of both.
    """

    watts: float = 65.0
    kwh: float = 0.30
    hour: float = 0.0
    currency: str = "EUR"

    def __post_init__(self) -> None:
        if min(self.watts, self.kwh, self.hour) < 0:
            raise InputError(
                "Prices and power are 0 or more", f"{self.watts:g} W, {self.kwh:g}, {self.hour:g}", "Mend."
            )

    def __str__(self) -> str:
        hourly = f", {self.hour:g} {self.currency} an hour" if self.hour else ""
        return f"{self.watts:g} W, {self.kwh:g} {self.currency} a kWh{hourly}"


class Made(NamedTuple):
    """A module as deployed, and how it was trained, if it was."""

    deployed: nn.Module
    task: Task | None
    trained: Trained | None


def billed(before: nn.Module, made: Made, pupils: Pupils, prices: Prices) -> Bill:
    """Add up what a defence costs; answers are timed on the first of the pupils."""
    after, task, trained = made
    seconds = 0.0 if trained is None else trained.seconds
    energy = seconds * prices.watts / 3.6e6
    return Bill(
        seconds=round(seconds, 3),
        passes=0.0 if task is None else task.recipe.passes,
        slower=0.0 if task is None else slower(before, after, task),
        inference=_compared(lambda: _answered(after, pupils), lambda: _answered(before, pupils)),
        watts=prices.watts,
        energy=energy,
        money=energy * prices.kwh + seconds / 3600 * prices.hour,
        prices=str(prices),
        currency=prices.currency,
    )


def slower(before: nn.Module, after: nn.Module, task: Task) -> float:
    """Compare a step of training with one of standard training without the defence, on the same examples."""
    return _compared(_stepping(after, task, task.recipe), _stepping(before, task, STANDARD))


def _stepping(module: nn.Module, task: Task, recipe: Recipe) -> Callable[[], object]:
    few = task.pupils.rows(slice(0, _BATCHES * task.schedule.batch))
    schedule = replace(task.schedule, seconds=None, epochs=_REPEATS + 1)
    helper = module if task.helper is None else task.helper
    task = task._replace(recipe=recipe, pupils=few, held=few.rows(slice(0, 1)), schedule=schedule, helper=helper)
    course = Course(copy.deepcopy(module), task, recipe, None)
    return course.run_batches


def _compared(one: Callable[[], object], other: Callable[[], object]) -> float:
    """Time two calls in turns; gives the ratio of their medians, after one call of each that does not count."""
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(_REPEATS + 1):
        for call, kept in zip((one, other), times, strict=True):
            began = perf_counter()
            call()
            kept.append(perf_counter() - began)
    return median(times[0][1:]) / median(times[1][1:])


def _answered(module: nn.Module, pupils: Pupils) -> None:
    with torch.no_grad():
        module(pupils.x.values[:_ROWS])
