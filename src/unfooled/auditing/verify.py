"""A second look: every stored adversarial example, re-checked against the model from what is on disk."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from unfooled.core.batch import Batch
from unfooled.core.errors import RunError
from unfooled.core.results import Results
from unfooled.core.target import Access
from unfooled.core.threat import Ball, ThreatModel
from unfooled.goals import parse_goal
from unfooled.modalities.carriers import carrier_named
from unfooled.models.classifier import wrap
from unfooled.sets.grammar import parse_sets
from unfooled.sets.masked import Masked, Region

from .referee import judge


@dataclass(frozen=True)
class Checked:
    """What became of one stored example.

    Attributes:
        threat: Name of the threat.
        name: File name or number of the example.
        confirmed: Whether it is inside the set and fools the model again, asked alone.
        label: What the model answers now.
        distance: Size of the change, measured again.
    """

    threat: str
    name: str
    confirmed: bool
    label: int
    distance: float


def verify(results: Results, model: object, *, device: str | torch.device = "cpu") -> list[Checked]:
    """Check every stored adversarial example again, one at a time.

    The run's batches are left behind on purpose: an example that fools the model only among its neighbours is not
    confirmed.

    Raises:
        RunError: The run is of other weights, or it kept no examples although some were broken.
    """
    adapter = wrap(model)
    recorded, found = results.run["model"].get("sha256"), adapter.describe().get("sha256")
    if recorded != found:
        raise RunError("This run is of another model", f"weights {found}, the run's are {recorded}", "Load that one.")
    checked = []
    for entry in results.run["threats"]:
        rows = results[entry["name"]]
        if rows.broken.any() and not any(True for _ in rows.adversarial()):
            raise RunError("This run kept no examples", "keep=none", "Audit with keep='broken'.")
        threat = threat_from(entry)
        labels, keys = rows.column("y"), rows.column("key")
        broken = rows.broken
        for row, stored in rows.adversarial():
            if not broken[row]:
                continue
            x = _batch(results.tensors[f"x/{keys[row]}"], device)
            verdict = judge(adapter, threat, _batch(stored, device), x, torch.tensor([int(labels[row])], device=device))
            name = str(rows.column("name")[row]) or f"example {rows.column('example')[row]}"
            checked.append(
                Checked(entry["name"], name, bool(verdict.broken[0]), int(verdict.label[0]), float(verdict.distance[0]))
            )
    return checked


def threat_from(entry: dict[str, object]) -> ThreatModel:
    """Build a threat again from its description in a run.

    Raises:
        InputError: The description is damaged.
    """
    domain = entry["domain"]
    (ball,) = parse_sets(str(entry["within"]), *domain)  # type: ignore[misc]
    within: Ball = ball if entry["region"] is None else Masked(ball, Region.from_text(str(entry["region"])))
    return ThreatModel(
        parse_goal(str(entry["goal"])),
        within,
        Access[str(entry["access"]).upper()],
        None,
        carrier_named(str(entry["carrier"])),
        int(str(entry["trials"])),
        float(str(entry["quorum"])),
    )


def _batch(stored: np.ndarray, device: str | torch.device) -> Batch:
    values = torch.from_numpy(carrier_of(stored)(stored)).unsqueeze(0).to(device)
    lengths = torch.tensor([values.shape[-1]], device=device) if values.ndim == 2 else None
    return Batch(values, torch.zeros(1, dtype=torch.int64, device=device), lengths)


def carrier_of(stored: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """Tell by its type how a stored array becomes float32 values."""
    kinds = {np.dtype(np.uint8): "png8", np.dtype(np.uint16): "png16"}
    return carrier_named(kinds.get(stored.dtype, "float32")).unpack
