"""Learn a sticker from models and photographs: what is checked, prepared and counted around a crafter."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import Any

import torch

from unfooled.core.batch import Batch
from unfooled.core.errors import InputError, ModelError
from unfooled.core.seeds import Draws
from unfooled.core.target import Access, Model, Target
from unfooled.core.threat import Goal
from unfooled.crafting.adversarial_patch import AdversarialPatch
from unfooled.crafting.sticker import Sticker
from unfooled.models.ready import check_ready
from unfooled.models.stand_in import stand_in

from .photographs import Lesson

_FINE = 96  # pixels: smaller pictures are not made smaller still


@dataclass(frozen=True)
class Learned:
    """A sticker and what it cost.

    Attributes:
        sticker: The sticker.
        cpu_seconds: Of this process.
        forwards: Pictures sent through the sources, each counted once for each.
        backwards: Gradients taken.
    """

    sticker: Sticker
    cpu_seconds: float
    forwards: int
    backwards: int

    @property
    def cost(self) -> dict[str, Any]:
        """Say it in plain JSON values."""
        return {"cpu_seconds": round(self.cpu_seconds, 1), "forwards": self.forwards, "backwards": self.backwards}


def learn(
    models: Sequence[Model],
    lesson: Lesson,
    goal: Goal,
    patch: AdversarialPatch,
    *,
    thin: float = 0.1,
    seed: int = 0,
) -> Learned:
    """Learn a sticker on private copies of the models, which are left alone.

    Args:
        models: The attacker's models.
        lesson: What to learn from.
        goal: What the sticker is for.
        patch: How to learn; its sizes are filled in, and texels and small pictures fitted to them.
        thin: Chance of each residual branch to fall away, 0 to below 1.
        seed: Of all randomness.
    """
    draws = Draws.of(seed, "sticker", *(model.describe()["sha256"] for model in models), goal.name)
    begin = time.process_time()
    copies = [stand_in(model, draws, thin) for model in models]
    train, y, sizes = lesson
    small = min(min(size) for size in sizes)
    fits = small >= _FINE and all(_takes(*pair, patch.coarse, train) for pair in zip(copies, sizes, strict=True))
    patch = replace(
        patch, sizes=tuple(sizes), side=min(patch.side, small), coarse=patch.coarse if fits else 1.0,
    )  # fmt: skip
    targets = [Target(copy, Access.GRADIENT, len(train), seed=seed) for copy in copies]
    sticker = patch(targets, train, y, goal, draws)
    counts = [target.spent for target in targets]
    backwards = sum(int(count.backwards.sum()) for count in counts)
    return Learned(sticker, time.process_time() - begin, backwards, backwards)


def _takes(copy: Model, size: tuple[int, int], coarse: float, train: Batch) -> bool:
    """Tell whether a copy bears small pictures: some nets are built for one size."""
    small = torch.zeros(1, train.values.shape[1], *(round(one * coarse) for one in size))
    try:
        with torch.no_grad():
            copy.outputs(Batch(small, train.ids[:1]))
    except (RuntimeError, ValueError, IndexError, AssertionError, ModelError):
        return False
    return True


def check_alike(models: Sequence[Model], x: Batch) -> int:
    """Check models that are to be fooled by one thing, on inputs as they take them; gives how many classes they know.

    Raises:
        InputError: Their classes differ.
        ModelError: One of them cannot be used as it is.
    """
    names, first = models[0].describe()["classes"], models[0].describe()["name"]
    counts = [check_ready(model, Batch(x.values.to(model.device), x.ids.to(model.device))) for model in models]
    for told, count in zip([model.describe() for model in models], counts, strict=True):
        if count != counts[0] or (names and told["classes"] and list(told["classes"]) != list(names)):
            raise InputError(
                "Models of different class lists cannot be fooled together",
                f"{first} with {counts[0]} classes, {told['name']} with {count}"
                + (" of other names or in another order" if count == counts[0] else ""),
                "Choose models of one list in one order, or bring one into it: unfooled.Reordered(model, order).",
            )
    return counts[0]


def class_named(text: str | int, names: Sequence[str] | None, classes: int) -> int:
    """Find a class by its name or number.

    Raises:
        InputError: There is none; near names are suggested.
    """
    word = str(text).strip()
    if word.isdigit() and int(word) < classes:
        return int(word)
    if names is None:
        raise InputError("The model does not name its classes", repr(word), f"Give a number, 0 to {classes - 1}.")
    lowered = [name.lower() for name in names]
    if word.lower() in lowered:
        return lowered.index(word.lower())
    near = get_close_matches(word.lower(), lowered, n=5, cutoff=0.5) or [one for one in lowered if word.lower() in one]
    do = f"Did you mean {', '.join(dict.fromkeys(near))}?" if near else f"Name one, or a number to {classes - 1}."
    raise InputError("The model knows no such class", repr(word), do)
