"""How a model bears what weather, lenses and files do to pictures: the baseline beside an audit."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from unfooled.core.batch import Batch
from unfooled.core.errors import InputError
from unfooled.core.rates import wilson
from unfooled.core.target import Access, Target
from unfooled.modalities.corruptions import CORRUPTIONS, SEVERITIES
from unfooled.models.classifier import wrap

from .examples import Examples, read_examples
from .plan import check


def corrupted(
    model: object,
    data: Any,
    corruptions: Sequence[str] = tuple(CORRUPTIONS),
    *,
    batch: int = 16,
    seed: int = 0,
    device: str | torch.device | None = None,
) -> dict[str, Any]:
    """Measure the accuracy under each corruption at each of five severities, each picture damaged by its own lot.

    Args:
        model: As in `audit`.
        data: As in `audit`; pictures.
        corruptions: Names in `modalities.corruptions.CORRUPTIONS`.
        batch: Rows of a pass.
        seed: Of all randomness.
        device: Where the passes run; None for where the model is.

    Returns:
        Plain JSON values: `model` and `data` by their hashes, and `rows`: a corruption, its family, a severity (0 for
        none at all), how many of `n` are read rightly, and the 95 % interval of that share.

    Raises:
        InputError: A name is unknown, or the examples are no pictures.
        ModelError: The model cannot be audited as it is.
    """
    unknown = [name for name in corruptions if name not in CORRUPTIONS]
    if unknown:
        raise InputError("There is no such corruption", ", ".join(unknown), f"Choose from {', '.join(CORRUPTIONS)}.")
    adapter = wrap(model)
    examples = read_examples(data, classes=adapter.describe()["classes"])
    if any(len(shape) != 3 for shape in examples.shapes):
        raise InputError("Only pictures can be corrupted", f"examples of shape {examples.shapes[0]}", "Give pictures.")
    place = adapter.device if device is None else torch.device(device)
    check(adapter, examples, batch, place)
    target = Target(adapter, Access.DECISION, len(examples), batch=batch, seed=seed, device=place)
    cells = [("", "", 0)] + [
        (CORRUPTIONS[name].family, name, severity) for name in corruptions for severity in SEVERITIES
    ]
    rows = []
    for family, name, severity in cells:
        right = sum(_right(target, examples, part, (name, severity, seed)) for part in _parts(examples, batch))
        low, high = wilson(right, len(examples))
        row = {"corruption": name, "family": family, "severity": severity, "right": right, "n": len(examples)}
        rows.append(row | {"low": low, "high": high})
    return {
        "model": adapter.describe().get("sha256"),
        "data": examples.fingerprint,
        "seed": seed,
        "rows": rows,
    }


def damaged(examples: Examples, i: int, name: str, severity: int, seed: int = 0) -> np.ndarray:
    """Damage picture i, and round it to what its file can hold; as it is at severity 0, (c, h, w) float32."""
    carrier, stored = examples.carrier, examples.stored(i)
    clean = carrier.unpack(stored)
    if severity == 0:
        return clean
    lot = hashlib.sha256(f"{seed} {examples.keys[i]} {name} {severity}".encode()).digest()
    rng = np.random.Generator(np.random.Philox(key=int.from_bytes(lot[:16], "little")))
    return carrier.unpack(carrier.pack(CORRUPTIONS[name](clean, severity, rng)))


def _parts(examples: Examples, batch: int) -> list[list[int]]:
    groups = examples.groups(range(len(examples)))
    return [group[start : start + batch] for group in groups for start in range(0, len(group), batch)]


def _right(target: Target, examples: Examples, part: list[int], how: tuple[str, int, int]) -> int:
    owner = torch.tensor(part, device=target.spent.queries.device)
    values = np.stack([damaged(examples, i, *how) for i in part])
    answer = target.answer(Batch(torch.from_numpy(values).to(owner.device), examples.ids[part].to(owner.device)), owner)
    return int((answer.labels == examples.y[part].to(owner.device)).sum())
