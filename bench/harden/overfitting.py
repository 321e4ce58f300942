"""Catastrophic overfitting, provoked on purpose by FGSM without noise, is caught within one epoch and rolled back."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import nn

sys.path.insert(0, str(Path(__file__).parents[1]))
from distances._models import data
from promise import promise

from unfooled.core.batch import Batch
from unfooled.core.seeds import Draws
from unfooled.defences import STANDARD
from unfooled.defences.card import Card
from unfooled.defences.training.lesson import Lesson, Recipe
from unfooled.defences.training.schedule import Pupils, Schedule
from unfooled.defences.training.searches import Jump
from unfooled.defences.training.task import Task
from unfooled.defences.training.trainer import Trained, train
from unfooled.defences.training.validation import held_accuracy
from unfooled.sets.linf import Linf
from unfooled.zoo.small import small_cnn

WITHIN = Linf(0.3)


@dataclass(frozen=True)
class Unguarded:
    """A recipe that goes on, whatever happens."""

    recipe: Recipe
    helper: None = None

    @property
    def card(self) -> Card:
        return self.recipe.card

    @property
    def passes(self) -> float:
        return self.recipe.passes

    def safer(self) -> None:
        return None

    def losses(self, lesson: Lesson) -> Iterator[torch.Tensor]:
        return self.recipe.losses(lesson)


def main() -> None:
    torch.set_num_threads(1)
    n, epochs = (int(word) for word in sys.argv[1:3]) if len(sys.argv) > 2 else (20_000, 6)
    x, y = data(n + 500, "mnist", "train")
    pupils = Pupils(Batch(x, torch.arange(len(x))), y)
    schedule = Schedule(epochs=epochs, growth=0.5, average=0.0)
    fgsm = replace(STANDARD, search=Jump(noise=0.0, step=1.0, clip=True))
    task = Task(fgsm, pupils.rows(slice(0, n)), pupils.rows(slice(n, n + 500)), WITHIN, schedule)
    guarded = train(small_cnn(0), task)
    careless = train(small_cnn(0), task._replace(recipe=Unguarded(fgsm), schedule=replace(schedule, drop=2.0)))
    x_test, y_test = data(500)
    test = Pupils(Batch(x_test, torch.arange(500)), y_test)
    kept = _robust(guarded.module, test)
    print(_told(guarded), _told(careless), sep="\n", file=sys.stderr)
    lost = [one["robust"] for one in careless.log]
    stands = [one["single"] for one in careless.log]
    promise(
        f"FGSM without noise on MNIST, {WITHIN}: unguarded, accuracy against one step and against PGD-10 by epoch",
        ", ".join(f"{one:.0%} and {other:.0%}" for one, other in zip(stands, lost, strict=True)),
        "at the end more than 40 points apart", stands[-1] - lost[-1] > 0.4,
    )  # fmt: skip
    promise(
        "The same, guarded: collapses caught, each at the end of its epoch; robust accuracy of what is kept (PGD-40)",
        f"{guarded.collapses} caught; {kept:.1%}; last epoch unguarded {lost[-1]:.1%}",
        "caught, and kept >= 50 % and above every unguarded epoch",
        guarded.collapses > 0 and kept >= 0.5 and kept > max(lost),
    )  # fmt: skip


def _robust(net: nn.Module, test: Pupils) -> float:
    return held_accuracy(net, test, WITHIN, Draws.of(1, "overfitting"), 40).robust


def _told(found: Trained) -> str:
    return "; ".join(f"{one['robust']:.1%}{' collapsed' if one['collapsed'] else ''}" for one in found.log)


if __name__ == "__main__":
    main()
