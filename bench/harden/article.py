"""The article's defences, each against an attacker who does not know of it and against one who does, on MNIST.

To run a short version, in `bench/`: `python harden/article.py 60 3000`: examples audited, examples learnt from.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import torch
from torch import Tensor

sys.path.insert(0, str(Path(__file__).parents[1]))
from distances._models import data, models
from promise import promise

from unfooled.defences.training.schedule import Schedule
from unfooled.hardening.harden import harden
from unfooled.hardening.settings import Settings
from unfooled.report.hardened import lines

THREAT = "linf:0.15"
BROKEN = ("jpeg:quality=10", "distillation", "stairs", "temperature")
TRAINED = "pgd-at"


def main() -> None:
    torch.set_num_threads(1)
    n, learnt = (int(word) for word in sys.argv[1:3]) if len(sys.argv) > 2 else (200, 20_000)
    x, y = data(learnt, part="train")
    x_test, y_test = data(n)
    settings = Settings(Schedule(epochs=6), examples=n)
    with tempfile.TemporaryDirectory() as out:
        rows = harden(
            models("mnist_clean")["mnist_clean"], (_bytes(x), y), THREAT, [*BROKEN, TRAINED], out,
            settings=settings, audited=(_bytes(x_test), y_test),
        )  # fmt: skip
    for line, row in zip(lines(rows)[1:], rows, strict=True):
        known, unknown = (row.knowing or 0) / row.n, row.ignorant / row.n
        figure = (
            f"clean {line.clean}, unknown {line.ignorant}, known {line.knowing} of {row.n} (without it "
            f"{lines(rows)[0].knowing}), training {line.training}, answer {line.inference}; {row.verdict}"
        )
        if row.name == TRAINED:
            met, goal = known >= 0.85 * unknown, "known >= 85 % of unknown"
        else:
            met, goal = unknown >= 0.3 and known <= 0.05, "unknown >= 30 %, known <= 5 %"
        promise(f"mnist_clean with {row.name}, {THREAT}", figure, goal, met)


def _bytes(x: Tensor) -> Tensor:
    return (255 * x).round().byte()


if __name__ == "__main__":
    main()
