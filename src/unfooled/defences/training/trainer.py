"""Training: it keeps the weights that stood best on validation examples, and rolls back what collapses."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn

from .course import Course, Told
from .schedule import check_pupils
from .task import Task


@dataclass(frozen=True)
class Trained:
    """What training made.

    Attributes:
        module: The weights that stood best on validation examples, in evaluation mode.
        log: One entry a check: epoch, steps, seconds, loss, clean and robust accuracy on validation examples, whether
            it had collapsed, and the recipe's search.
        seconds: What it took.
        steps: Batches that it took.
    """

    module: nn.Module
    log: tuple[dict[str, Any], ...]
    seconds: float
    steps: int

    @property
    def collapses(self) -> int:
        """How often training collapsed and was rolled back."""
        return sum(row["collapsed"] for row in self.log)


def train(
    module: nn.Module,
    task: Task,
    *,
    folder: Path | None = None,
    resume: bool = False,
    told: Told = lambda row: None,
) -> Trained:
    """Train a copy of a module to stand.

    Args:
        module: Where to begin; it is left alone.
        task: By what it learns, from what, and how long.
        folder: Where to keep what it takes to go on after a stop; None to keep nothing.
        resume: Whether to go on with what the folder holds.
        told: Is told each entry of the log.

    Raises:
        InputError: There are too few examples, or too little time for one epoch.
        ModelError: The loss is no number any more; what stood best before is kept in the folder.
        RunError: The folder holds another training.
    """
    check_pupils(task.pupils, task.within, task.schedule.batch)
    course = Course(copy.deepcopy(module), task, task.recipe, folder)
    if resume:
        course.load()
    while not course.over:
        told(course.run_epoch())
    best = copy.deepcopy(module)
    best.load_state_dict(course.best)
    return Trained(best.eval(), tuple(course.log), course.seconds, course.steps)
