"""One change for all: where its best is known, what limits it, and how it is kept."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from oracles import linear_case
from torch import nn

from unfooled.auditing.universal import universal
from unfooled.core.batch import Batch
from unfooled.core.errors import InputError, RunError
from unfooled.core.seeds import Draws
from unfooled.core.target import Access, Target
from unfooled.crafting.delta import Delta, corner
from unfooled.crafting.keeping import NOTE, TENSORS, keep, read
from unfooled.crafting.universal import Universal
from unfooled.goals import Become, Misclassify
from unfooled.modalities.wav import Wav16
from unfooled.models.classifier import wrap
from unfooled.models.speech_zoo import read_tones
from unfooled.sets.l2 import L2
from unfooled.sets.linf import Linf
from unfooled.sets.masked import Masked
from unfooled.sets.stretches import First
from unfooled.zoo import tones

DRAWS = Draws.of(0, "universal")
SAID = ["stop", "go on", "hello", "call me"]


def two_class() -> tuple[nn.Module, Batch, torch.Tensor, torch.Tensor]:
    """Two classes, told apart by one direction: the best change towards class 1 is known."""
    weights, _, x, _ = linear_case(12, 2, (1, 6, 6), scale=0.3)
    layer = nn.Linear(36, 2)
    layer.weight.data, layer.bias.data = weights.flatten(1), torch.zeros(2)
    module = nn.Sequential(nn.Flatten(), layer).eval()
    return module, Batch(x, torch.arange(12)), module(x).argmax(dim=1), (weights[1] - weights[0]).detach()


def learned(within: Any, **settings: Any) -> tuple[Delta, torch.Tensor]:
    module, x, y, slope = two_class()
    universal = Universal(within, **{"clip": 1e9, "epochs": 20} | settings)
    return universal([Target(wrap(module), Access.GRADIENT, 12)], x, y, Become(1), DRAWS), slope


def test_it_finds_the_best_change_of_a_linear_model() -> None:
    delta, slope = learned(Linf(0.1))
    assert torch.allclose(delta.values, 0.1 * slope.sign(), atol=1e-5)
    delta, slope = learned(L2(0.5))
    assert torch.allclose(delta.values, 0.5 * slope / slope.norm(), atol=1e-4)


def test_examples_that_have_fallen_far_pull_no_more() -> None:
    delta, _ = learned(Linf(0.1), clip=-1e9)
    assert delta.values.abs().max() == 0


def test_two_sources_count_alike_whatever_the_scale_of_their_scores() -> None:
    quiet, x, y, slope = two_class()
    loud = nn.Sequential(nn.Flatten(), nn.Linear(36, 2)).eval()
    loud[1].weight.data = 100 * quiet[1].weight.data.flip(1)
    targets = [Target(wrap(one), Access.GRADIENT, 12) for one in (loud, quiet)]
    delta = Universal(L2(0.5), clip=1e9, epochs=30)(targets, x, y, Become(1), DRAWS)
    both = (slope + slope.flatten().flip(0).view_as(slope)).view_as(delta.values)
    assert torch.allclose(delta.values, 0.5 * both / both.norm(), atol=1e-3)


def test_it_says_how_it_came_to_be() -> None:
    delta, _ = learned(Linf(0.1))
    module, x, _, _ = two_class()
    assert delta.made["examples"] == 12
    assert delta.made["sources"][0]["sha256"] == wrap(module).describe()["sha256"]
    fooled = module(delta.bring(x, DRAWS).values).argmax(dim=1) == 1
    assert delta.made["fooled"] == [int(fooled.sum())]


def test_a_change_is_resized_to_larger_pictures_and_stays_in_its_ball() -> None:
    delta, _ = learned(Linf(0.1))
    x = Batch(torch.rand(3, 1, 15, 9, generator=torch.Generator().manual_seed(0)), torch.arange(3))
    brought = delta.bring(x, DRAWS)
    assert Linf(0.1).contains(brought, x).all()
    assert brought.values.shape == x.values.shape
    assert (brought.values - x.values).abs().amax() > 0.09


def test_a_change_of_a_wave_is_repeated() -> None:
    delta = Delta(torch.tensor([0.1, -0.1, 0.2]), Linf(0.2, -1, 1), {})
    x = Batch(torch.zeros(2, 5), torch.arange(2), torch.tensor([5, 4]))
    expected = torch.tensor([[0.1, -0.1, 0.2, 0.1, -0.1], [0.1, -0.1, 0.2, 0.1, 0.0]])
    assert torch.allclose(delta.bring(x, DRAWS).values, expected)


def test_a_change_refuses_examples_of_another_kind() -> None:
    delta, _ = learned(Linf(0.1))
    with pytest.raises(InputError, match="does not fit"):
        delta.bring(Batch(torch.rand(1, 3, 6, 6), torch.arange(1)), DRAWS)


@pytest.mark.parametrize("within", [Linf(0.1), L2(0.5)])
def test_the_change_drawn_by_lot_is_as_large(within: Any) -> None:
    delta, _ = learned(within)
    drawn = corner(delta, DRAWS)
    kind = {"linf": torch.inf, "l2": 2}[str(within)[: str(within).index(":")]]
    sizes = [torch.linalg.vector_norm(one.values, kind).item() for one in (delta, drawn)]
    assert sizes == pytest.approx([within.radius, within.radius], rel=1e-4)
    assert not torch.equal(delta.values, drawn.values)


@pytest.mark.parametrize(
    ("universal", "rows", "wrong"),
    [
        (Universal(Linf(float("inf"))), 12, "limit"),
        (Universal(Linf(0.1)), 0, "learned from"),
    ],
)
def test_it_refuses_what_cannot_be_learned_from(universal: Universal, rows: int, wrong: str) -> None:
    module, x, y, _ = two_class()
    with pytest.raises(InputError, match=wrong):
        universal([Target(wrap(module), Access.GRADIENT, 12)], x.rows(slice(rows)), y[:rows], Misclassify(), DRAWS)


def test_it_refuses_code_points() -> None:
    module, x, y, _ = two_class()
    texts = replace(x, values=torch.ones(12, 5, dtype=torch.int64))
    with pytest.raises(InputError, match="pictures or waveforms"):
        Universal(Linf(0.1))([Target(wrap(module), Access.GRADIENT, 12)], texts, y, Misclassify(), DRAWS)


def kept(folder: Path) -> Path:
    return keep(learned(Linf(0.1))[0], folder / "kept")


@pytest.mark.parametrize("name", [TENSORS, NOTE, "delta.png"])
def test_a_kept_artefact_that_was_changed_is_refused(name: str, tmp_path: Path) -> None:
    path = kept(tmp_path) / name
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(RunError, match="no whole artefact"):
        read(path.parent)


def test_the_note_cannot_be_told_otherwise(tmp_path: Path) -> None:
    path = kept(tmp_path) / NOTE
    note = json.loads(path.read_text())
    note["made"]["within"] = "linf:0.01"
    path.write_text(json.dumps(note))
    with pytest.raises(RunError, match="not as it was written"):
        read(path.parent)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"seal": 1}'])
def test_what_is_no_artefact_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / NOTE).write_text(text)
    with pytest.raises(RunError, match="no whole artefact"):
        read(tmp_path)


def test_an_artefact_is_not_written_over(tmp_path: Path) -> None:
    folder = kept(tmp_path)
    assert keep(read(folder), folder) == folder  # the very same one may be kept again
    with pytest.raises(RunError, match="holds another artefact"):
        keep(learned(Linf(0.2))[0], folder)


def test_one_beginning_makes_recordings_be_misheard() -> None:
    model, carrier = read_tones(), Wav16(tones.RATE)
    waves = [np.pad(carrier.unpack(carrier.pack(tones.spoken(text, 60 + i))), (1600, 0)) for i, text in enumerate(SAID)]
    threat = "misheard linf:0.3@first:0.2s"
    results, delta = universal(model, (waves[:2], None), waves[2:], threat, batch=1, epochs=12)
    assert results[threat].broken.all()
    assert len(delta.values) == 1600
    assert torch.equal(delta.values * 32768, (delta.values * 32768).round()), "a file of 16 bits holds it"
    assert 0 < delta.values.abs().max() <= 0.3
    for row, stored in results[threat].adversarial():
        assert (stored[1600:] / 32768 == waves[row][1600:]).all()
    with pytest.raises(InputError, match="beginning of recordings"):
        universal(model, (waves[:2], None), waves[2:], "misheard linf:0.3@silence", batch=1)


def test_a_beginning_can_be_kept(tmp_path: Path) -> None:
    within = Masked(Linf(0.1, -1, 1), First(0.05, tones.RATE))
    kept = keep(corner(Delta(torch.zeros(900), within, {}), DRAWS), tmp_path / "kept")
    again = read(kept)
    assert isinstance(again, Delta)
    assert again.within == within
    x = Batch(torch.zeros(2, 1500), torch.arange(2), torch.tensor([1500, 300]))
    brought = again.bring(x, DRAWS)
    assert within.contains(brought, x).all()
    assert (brought.values[0, :400] != 0).all()
    assert not brought.values[0, 400:].any()
