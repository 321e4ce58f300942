"""Defences tried on a small net, each with its row in words."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import torch
from distances._models import data, models
from torch import Tensor

from unfooled.core.hardened import Hardened
from unfooled.defences.training.schedule import Schedule
from unfooled.hardening.harden import harden
from unfooled.hardening.settings import Settings
from unfooled.report.hardened import lines


class Grounds(NamedTuple):
    """A net of the benches, its data, a threat, and how many examples are audited and learnt from."""

    net: str
    source: str
    threat: str
    audited: int
    learnt: int
    fresh: bool = False


def tried(names: Sequence[str], grounds: Grounds) -> Iterator[tuple[Hardened, str]]:
    """Try defences: each one's row, and the same in words."""
    torch.set_num_threads(1)
    (x, y), (x_test, y_test) = data(grounds.learnt, grounds.source, "train"), data(grounds.audited, grounds.source)
    settings = Settings(Schedule(epochs=6), examples=grounds.audited, fresh=grounds.fresh)
    with tempfile.TemporaryDirectory() as out:
        rows = harden(
            models(grounds.net)[grounds.net], (_bytes(x), y), grounds.threat, names, out, settings=settings,
            audited=(_bytes(x_test), y_test),
        )  # fmt: skip
    none, *told = lines(rows)
    for line, row in zip(told, rows, strict=True):
        found = f"clean {line.clean}, unknown {line.ignorant}, known {line.knowing} of {row.n}"
        cost = f"training {line.training}, answer {line.inference}"
        yield row, f"{found} (without it {none.knowing}), {cost}; {row.verdict}. {row.alarm}".strip()


def _bytes(x: Tensor) -> Tensor:
    return (255 * x).round().byte()
