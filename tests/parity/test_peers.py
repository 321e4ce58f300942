"""Our PGD and APGD against figures of foolbox and AutoAttack, exported once by `export_foolbox.py`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from parity_cases import RADII, SHARE, STEPS, posed

import unfooled
from unfooled.core.attack import Found
from unfooled.sets.grammar import BALLS

FOOLBOX, AUTOATTACK = (
    json.loads((Path(__file__).parent / name).read_text()) for name in ("foolbox_pgd.json", "pyautoattack_apgd.json")
)
CASES = [(kind, radius) for kind, radii in RADII.items() for radius in radii]
TIE = 2e-4
"""Scores of other releases and processors differ by less than this after twenty steps."""


def theirs(exported: Any, name: str) -> tuple[np.ndarray, np.ndarray]:
    found = exported["found"][name]
    return np.array([one == "1" for one in found["robust"]]), np.array(found["loss"])


def ours(name: str, kind: str, radius: float, **settings: Any) -> Found:
    module, x, y = posed()
    return unfooled.attack(module, x, y, name, BALLS[kind](radius, 0.0, 1.0), **settings)


def test_the_figures_are_of_these_settings() -> None:
    for exported, peer in ((FOOLBOX, "foolbox"), (AUTOATTACK, "pyautoattack")):
        assert (exported["steps"], exported["share"]) == (STEPS, SHARE)
        assert {peer, "torch", "python"} == set(exported["versions"])
    counts = [theirs(FOOLBOX, f"{kind}:{radius!r}")[0].sum() for kind, radius in CASES]
    assert min(counts) < 20
    assert max(counts) > 50


@pytest.mark.parametrize(("kind", "radius"), CASES)
def test_pgd_is_foolboxs_pgd(kind: str, radius: float) -> None:
    """Same start, step and number of steps: the same path, of which we keep the best point and foolbox the last."""
    found = ours("pgd", kind, radius, steps=STEPS, step=SHARE, random_start=False)
    robust, loss = theirs(FOOLBOX, f"{kind}:{radius!r}")
    mine = ~found.reached.numpy()
    assert mine.sum() <= robust.sum()
    module, _, y = posed()
    scores = module(found.x_adv.values).detach()
    gap = scores.scatter(1, y.unsqueeze(1), -torch.inf).amax(dim=1) - scores.gather(1, y.unsqueeze(1)).squeeze(1)
    differ = mine != robust
    assert not (mine & ~robust & (np.abs(gap.numpy()) > TIE)).any()
    assert differ.sum() <= 1, "they fall or stand together but for a tie"
    assert found.trace is not None
    both = mine & robust
    assert np.abs(found.trace[-1].numpy()[both] - loss[both]).max() < TIE, "the last point has the same loss"
    assert (found.loss.numpy()[both] >= loss[both] - TIE).all(), "and ours is the best of the path"


@pytest.mark.parametrize(("kind", "radius"), CASES)
def test_apgd_is_as_strong_as_the_authors(kind: str, radius: float) -> None:
    """Starts differ, so examples may differ; the number that stand may not, by more than one in 64."""
    mine = ~ours("apgd-ce", kind, radius, steps=STEPS).reached.numpy()
    robust, loss = theirs(AUTOATTACK, f"apgd-ce {kind}:{radius!r}")
    assert mine.sum() <= robust.sum() + 1
    found = ours("apgd-ce", kind, radius, steps=STEPS)
    both = mine & robust
    if both.any():
        assert np.median(found.loss.numpy()[both] - loss[both]) > -0.01, "the climbs end at the same height"
    aimed = ~ours("apgd-t", kind, radius, steps=STEPS, targets=3).reached.numpy()
    assert aimed.sum() <= theirs(AUTOATTACK, f"apgd-t {kind}:{radius!r}")[0].sum() + 1
