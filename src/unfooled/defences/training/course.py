"""One training under way: epochs, checks, roll-backs, and what is written down to go on after a stop."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from unfooled.core.errors import ModelError, RunError
from unfooled.core.seeds import Draws, reseeded
from unfooled.core.threat import Ball

from .lesson import Lesson, Recipe
from .schedule import check_time
from .task import Task
from .validation import NOTHING, Held, averaged, held_accuracy

Told = Callable[[dict[str, Any]], None]
STATE = "training.pt"
_LEARNT = 0.1
"""By how much clean accuracy must beat the best single answer before robust accuracy says anything."""

_HIDES = 0.4
"""Share of examples that stand against one step and fall to a climb, from which on a net has learnt to hide."""

_TIMED = 8
"""Batches after which it is known whether the time holds one epoch."""


@dataclass
class Course:
    """One training under way.

    Attributes:
        net: The module that learns.
        task: What is to be learned.
        recipe: By what; a safer one after a collapse.
        folder: Where it is kept.
        log: One entry a check.
        steps: Batches so far.
        epoch: Epochs so far.
        seconds: Time so far, by the schedule's clock.
        over: Whether it has come to its end.
        best: The weights that stood best.
    """

    net: nn.Module
    task: Task
    recipe: Recipe
    folder: Path | None
    log: list[dict[str, Any]] = field(default_factory=list)
    steps: int = 0
    epoch: int = 0
    seconds: float = 0.0
    over: bool = False
    best: dict[str, Tensor] = field(default_factory=dict)
    _top: Held = NOTHING
    _highest: float = 0.0
    _safer: int = 0
    _good: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not any(weight.requires_grad for weight in self.net.parameters()):
            self.net.requires_grad_(
                True
            )  # frozen as a whole, as nets are that only answer: so nobody meant some layers
        self.optimiser = torch.optim.Adam(self.net.parameters(), self.task.schedule.rate)
        self.draws = Draws.of(self.task.schedule.seed, "training", str(self.task.within))
        self.mean = {name: value.clone() for name, value in self.net.state_dict().items()}
        self.best = {name: value.clone() for name, value in self.mean.items()}
        self._chance = float(torch.bincount(self.task.held.y).max() / len(self.task.held))
        self._good = self._state()
        self.settings = json.dumps(
            [repr(self.recipe), repr(self.task.schedule), str(self.task.within), len(self.task.pupils)]
        )

    @property
    def share(self) -> float:
        """How much of the training is done, 0 to 1."""
        if self.task.schedule.seconds is not None:
            return min(1.0, self.seconds / self.task.schedule.seconds)
        return min(1.0, self.steps / (self.task.schedule.epochs * self._batches))

    @property
    def _batches(self) -> int:
        return len(self.task.pupils) // self.task.schedule.batch

    def run_epoch(self) -> dict[str, Any]:
        """Train for an epoch, or until the time is up; check, keep or roll back. Gives the entry of the log."""
        began, before = self.task.schedule.read_clock(), self.seconds
        row = self._checked(self.run_batches())
        self.seconds = before + self.task.schedule.read_clock() - began
        self.over |= self.share >= 1
        self.log.append(row | {"seconds": round(self.seconds, 3)})
        self._save()
        return self.log[-1]

    def run_batches(self) -> float:
        """Train for an epoch, or until the time is up; gives the mean loss."""
        began, before, losses = self.task.schedule.read_clock(), self.seconds, list[float]()
        with reseeded(self.task.schedule.seed + self.epoch, self.task.pupils.y.device):
            for place, rows in enumerate(self._order()):
                losses.append(self._step(rows, place))
                self.seconds = before + self.task.schedule.read_clock() - began
                if not self.log and (place + 1 == _TIMED or self.share >= 1):
                    check_time(self.task.schedule, self.seconds / (place + 1), len(self.task.pupils))
                if self.share >= 1:
                    break
        return sum(losses) / len(losses)

    def _order(self) -> Iterator[Tensor]:
        """Shuffle the examples anew each epoch; what does not fill a batch is left out."""
        source = torch.Generator().manual_seed(self.task.schedule.seed * 100_003 + self.epoch)
        order = torch.randperm(len(self.task.pupils), generator=source).to(self.task.pupils.y.device)
        yield from torch.split(order[: self._batches * self.task.schedule.batch], self.task.schedule.batch)

    def _step(self, rows: Tensor, place: int) -> float:
        """Take the steps of one batch; gives its last loss."""
        for group in self.optimiser.param_groups:
            group["lr"] = self.task.schedule.rate * (1 - self.share)
        growth = min(1.0, self.share / self.task.schedule.growth) if self.task.schedule.growth else 1.0
        within = _grown(self.task.within, max(growth, 0.01))
        x, y = self.task.pupils.rows(rows)
        self.net.train()
        lesson = Lesson(self.net, x, y, within, self.draws, self.epoch, self.task.helper)
        value = float("nan")
        lessons = self.recipe.losses(lesson)
        while True:
            with torch.autocast(y.device.type, torch.bfloat16, enabled=self.task.schedule.precision == "bf16"):
                loss = next(lessons, None)
            if loss is None:
                break
            value = float(loss.detach())
            if not torch.isfinite(loss.detach()):
                self._stop(place, value)
            self.optimiser.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            self.optimiser.step()
        self.steps += 1
        averaged(self.mean, self.net, self.task.schedule.average, self.steps)
        return value

    def _checked(self, loss: float) -> dict[str, Any]:
        """Ask the validation examples; keep the weights if they stand best, go back if they have collapsed."""
        now = held_accuracy(self.net, self.task.held, self.task.within, self.draws, self.task.schedule.steps)
        safer = self.recipe.safer()
        hides = safer is not None and now.single - now.robust > _HIDES
        collapsed = self._highest - now.robust > self.task.schedule.drop or hides
        row = {
            "epoch": self.epoch, "steps": self.steps, "loss": loss, "clean": now.clean, "robust": now.robust,
            "single": now.single,
            "collapsed": collapsed, "search": repr(getattr(self.recipe, "search", self.recipe)),
        }  # fmt: skip
        if collapsed:
            self._restore(self._good)
            self.over = safer is None
            self.recipe, self._safer = safer or self.recipe, self._safer + 1
            return row
        self.epoch += 1
        if now.clean > self._chance + _LEARNT:
            self._highest = max(self._highest, now.robust)
        self._consider(self.net.state_dict(), now)
        if self.task.schedule.average:
            mean = copy.deepcopy(self.net)
            mean.load_state_dict(self.mean)
            found = held_accuracy(mean, self.task.held, self.task.within, self.draws, self.task.schedule.steps)
            row |= {"clean_averaged": found.clean, "robust_averaged": found.robust}
            self._consider(self.mean, found)
        self._good = self._state()
        return row

    def _consider(self, weights: dict[str, Tensor], found: Held) -> None:
        """Keep the weights that stand best; one answer to everything stands too, and ranks below all others."""
        new, known = ((one.clean > self._chance + _LEARNT, one.robust, one.clean) for one in (found, self._top))
        if new > known:
            self._top, self.best = found, {name: value.detach().clone() for name, value in weights.items()}

    def _stop(self, place: int, value: float) -> None:
        """Stop at a loss that is no number; what stood best before is kept."""
        self._restore(self._good)
        self._save()
        kept = "nothing was kept" if self.folder is None else f"the last good checkpoint is in {self.folder / STATE}"
        raise ModelError(
            "The loss is no finite number any more",
            f"{value} in epoch {self.epoch}, batch {place}; {kept}",
            "Lower --rate, or look at the examples of this batch.",
        )

    def _state(self) -> dict[str, Any]:
        return copy.deepcopy(
            {"net": self.net.state_dict(), "mean": self.mean, "optimiser": self.optimiser.state_dict(),
             "steps": self.steps, "epoch": self.epoch}
        )  # fmt: skip

    def _restore(self, state: dict[str, Any]) -> None:
        held = copy.deepcopy(state)
        self.net.load_state_dict(held["net"])
        self.optimiser.load_state_dict(held["optimiser"])
        self.mean, self.steps, self.epoch = held["mean"], held["steps"], held["epoch"]

    def _save(self) -> None:
        """Write down what it takes to go on; a stop while writing leaves the one before."""
        if self.folder is None:
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        held = {
            "settings": self.settings, "state": self._state(), "good": self._good, "best": self.best,
            "top": list(self._top), "highest": self._highest, "log": json.dumps(self.log), "seconds": self.seconds,
            "over": self.over, "safer": self._safer,
        }  # fmt: skip
        torch.save(held, self.folder / f"{STATE}.new")
        (self.folder / f"{STATE}.new").replace(self.folder / STATE)

    def load(self) -> None:
        """Go on from what the folder holds, if it holds anything.

        Raises:
            RunError: It holds another training.
        """
        path = None if self.folder is None else self.folder / STATE
        if path is None or not path.is_file():
            return
        held = torch.load(path, map_location=self.task.pupils.y.device, weights_only=True)
        if held["settings"] != self.settings:
            raise RunError("This folder holds another training", held["settings"], "Name another folder.")
        self._restore(held["state"])
        self._good, self.best, self._top = held["good"], held["best"], Held(*held["top"])
        self._highest, self.log, self.seconds = held["highest"], json.loads(held["log"]), held["seconds"]
        self.over = held["over"]
        for _ in range(held["safer"]):
            self.recipe = self.recipe.safer() or self.recipe


def _grown(within: Ball, share: float) -> Ball:
    """Give a share of a set's size, above 0 to 1; of sets that count pixels, one pixel at least."""
    radius = share * within.radius
    return within.resized(max(1, round(radius)) if within.exponent == 0 else radius)
