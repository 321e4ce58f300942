"""A stop-sign sticker crafted on a hardened reader of signs, beside the same on the standard one.

The hardened reader begins with the standard one's weights and learns to stand against one square of an eighth of the
picture, wherever an attacker puts it; both then meet tape of which RP2 finds the place and the colours.
A short version, in `bench/`: `python harden/stop_sign.py 600 1`: renders learnt from, epochs.
"""

from __future__ import annotations

import copy
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from time import process_time

import torch
from torch import nn

sys.path.insert(0, str(Path(__file__).parents[1]))
from promise import promise
from signs._roadside import READERS, VIEWS, altered, percent, reader, seen

from unfooled.core.batch import Batch
from unfooled.core.seeds import Draws
from unfooled.core.target import Model
from unfooled.crafting.rp2 import Rp2
from unfooled.defences.card import Card
from unfooled.defences.training.objectives import Blended
from unfooled.defences.training.recipes import Training
from unfooled.defences.training.schedule import Pupils, Schedule
from unfooled.defences.training.searches import Occlude
from unfooled.defences.training.task import Task
from unfooled.defences.training.trainer import train
from unfooled.hardening.deployed import Whole
from unfooled.models.classifier import Classifier
from unfooled.sets.patch import Patch
from unfooled.zoo.signs.grounds import for_judging, for_learning, grounds
from unfooled.zoo.signs.renders import renders

SIDE = 11  # of the square, in pixels of a crop of 32
TARGETS = ("yield", "speed limit 45")
HELD, TOGETHER = 500, 1000
LESSON = Training(Card("training", "A-", "Wu et al., ICLR 2020"), Occlude(), Blended(share=0.65))
"""`occlusion`, with more weight on what nobody covered: the nets are small, and have to read signs above all."""


def pupils(n: int, seed: int) -> Pupils:
    """Render signs before backgrounds to learn from."""
    parts = []
    for part, start in enumerate(range(0, n, TOGETHER)):  # thousands at once would fill the memory
        behind = grounds(min(TOGETHER, n - start), 1000 * seed + part, for_learning())
        parts.append((*renders(behind, Draws.of(seed, "hardening")), behind.ids))
    x, y, ids = map(torch.cat, zip(*parts, strict=True))
    return Pupils(Batch(x, ids), y)


def hardened(base: Classifier, n: int, epochs: int) -> tuple[Classifier, float]:
    """Train a copy of a reader against squares; with its CPU seconds."""
    began = process_time()
    net = Whole(base.preprocess, copy.deepcopy(base.module)) if base.preprocess else copy.deepcopy(base.module)
    known = pupils(n + HELD, 21)
    schedule = Schedule(epochs=epochs, rate=2e-3, steps=5)
    task = Task(LESSON, known.rows(slice(0, n)), known.rows(slice(n, n + HELD)), Patch(SIDE), schedule)
    found = train(net.requires_grad_(True), task, told=_told)
    module: nn.Module = found.module.requires_grad_(False)
    return replace(base, module=module, preprocess=None), process_time() - began


def clean_accuracy(model: Model, n: int = 2000) -> float:
    """Judge a reader on renders before backgrounds that nobody learned from."""
    behind = grounds(n, 1007, for_judging())
    x, y = renders(behind, Draws.of(7, "judged"))
    answers = [model.answer(Batch(x[rows], behind.ids[rows])).labels for rows in torch.arange(n).split(100)]
    return float((torch.cat(answers) == y).float().mean())


def _told(row: dict[str, object]) -> None:
    print({name: row[name] for name in ("epoch", "seconds", "clean", "robust")}, file=sys.stderr, flush=True)


def main(given: Sequence[str]) -> None:
    n, epochs = (int(word) for word in given) if given else (40_000, 4)
    standard = reader(READERS[0])
    if not isinstance(standard, Classifier):
        raise SystemExit("The reader is no torch module")
    stronger, seconds = hardened(standard, n, epochs)
    before, after = clean_accuracy(standard), clean_accuracy(stronger)
    promise(
        f"The hardened reader of signs ({n:,} renders, squares of {SIDE} pixels of 32, {seconds:.0f} CPU s): clean "
        "accuracy on renders before backgrounds that nobody learned from",
        f"{after:.1%}, standard {before:.1%}", "within 2 points", after >= before - 0.02,
    )  # fmt: skip
    for target in TARGETS:
        hits = []
        for model in (standard, stronger):
            made, _ = altered(Rp2(mask="found", steps=400), target, model)
            hits.append((seen(made, target, model)[0], made.difference.area))
        (plain, _), (hard, area) = hits
        promise(
            f"Stop sign read as {target}: tape on {area:.1%} crafted on the hardened reader ({VIEWS})",
            f"{percent(hard)}; on the standard one {percent(plain)}", "at most a third as often",
            hard.share <= plain.share / 3,
        )  # fmt: skip


if __name__ == "__main__":
    main(sys.argv[1:])
