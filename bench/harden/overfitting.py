"""Catastrophic overfitting, provoked on purpose by FGSM without noise, is caught within one epoch and rolled back."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import torch
from torch import nn

sys.path.insert(0, str(Path(__file__).parents[1]))
from distances._models import data
from promise import promise

from unfooled.core.batch import Batch
from unfooled.core.seeds import Draws
from unfooled.defences import STANDARD
from unfooled.defences.training.course import Task
from unfooled.defences.training.schedule import Pupils, Schedule
from unfooled.defences.training.searches import Jump
from unfooled.defences.training.trainer import Trained, train
from unfooled.defences.training.validation import held_accuracy
from unfooled.sets.linf import Linf
from unfooled.zoo.small import small_cnn

WITHIN = Linf(0.15)


def main() -> None:
    torch.set_num_threads(1)
    n, epochs = (int(word) for word in sys.argv[1:3]) if len(sys.argv) > 2 else (20_000, 6)
    x, y = data(n + 500, "fashion-mnist", "train")
    pupils = Pupils(Batch(x, torch.arange(len(x))), y)
    schedule = Schedule(epochs=epochs, growth=0.0, average=0.0)
    fgsm = replace(STANDARD, search=Jump(noise=0.0, step=1.0, clip=True))
    task = Task(fgsm, pupils.rows(slice(0, n)), pupils.rows(slice(n, n + 500)), WITHIN, schedule)
    guarded = train(small_cnn(0), task)
    careless = train(small_cnn(0), task._replace(schedule=replace(schedule, drop=2.0)))
    x_test, y_test = data(500, "fashion-mnist")
    test = Pupils(Batch(x_test, torch.arange(500)), y_test)
    kept = _robust(guarded.module, test)
    print(_told(guarded), _told(careless), sep="\n", file=sys.stderr)
    lost = [one["robust"] for one in careless.log]
    promise(
        f"FGSM without noise on Fashion-MNIST, {WITHIN}: unguarded, robust accuracy by epoch",
        ", ".join(f"{one:.0%}" for one in lost),
        "collapses by more than 20 points", max(lost) - lost[-1] > 0.2,
    )  # fmt: skip
    promise(
        "The same, guarded: collapses caught, each at the end of its epoch; robust accuracy of what is kept (PGD-40)",
        f"{guarded.collapses} caught; {kept:.1%}; last epoch unguarded {lost[-1]:.1%}",
        "caught, and kept >= the best unguarded epoch less 2 points",
        guarded.collapses > 0 and kept >= max(lost) - 0.02,
    )  # fmt: skip


def _robust(net: nn.Module, test: Pupils) -> float:
    return held_accuracy(net, test, WITHIN, Draws.of(1, "overfitting"), 40).robust


def _told(found: Trained) -> str:
    return "; ".join(f"{one['robust']:.1%}{' collapsed' if one['collapsed'] else ''}" for one in found.log)


if __name__ == "__main__":
    main()
