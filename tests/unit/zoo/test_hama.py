"""hama's recogniser: its reader on made files, and the whole of it against the package's own engine."""

from __future__ import annotations

import struct

import numpy as np
import pytest
import torch

from unfooled.core.errors import InputError, MissingExtraError
from unfooled.zoo.speech import hama as hama_module
from unfooled.zoo.speech.hama import alphabet, hama
from unfooled.zoo.speech.hamapk import read_hamapk


def packed(tensors: dict[str, np.ndarray]) -> bytes:
    table, body = struct.pack("<I", len(tensors)), b""
    for name, values in tensors.items():
        kind = {"float32": 0, "float16": 1}[values.dtype.name]
        table += struct.pack("<H", len(name)) + name.encode() + struct.pack("<BB", kind, values.ndim)
        table += struct.pack(f"<{values.ndim}IQQ", *values.shape, len(body), values.nbytes)
        body += values.tobytes()
    head = b"HAMAPK\x01\x02" + table
    return head + bytes(-len(head) % 16) + body


@pytest.mark.parametrize("name", ["a", "a longer name that moves the numbers"])
def test_the_reader_gives_back_what_was_packed(name: str) -> None:
    whole = np.arange(6, dtype=np.float32).reshape(2, 3)
    half = np.linspace(-1, 1, 5).astype(np.float16)
    found = read_hamapk(packed({name: whole, "half": half}))
    assert list(found) == [name, "half"]
    assert torch.equal(found[name], torch.from_numpy(whole))
    assert torch.equal(found["half"], torch.from_numpy(half).float())


@pytest.mark.parametrize("keep", [0, 7, 12, 30, -1])
def test_a_file_cut_short_is_refused(keep: int) -> None:
    with pytest.raises(InputError, match="hama"):
        read_hamapk(packed({"a": np.ones((4, 4), dtype=np.float32)})[:keep])


def test_without_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"hama==1\.7\.0"):
        hama()


@pytest.mark.real_model
def test_other_weights_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("hama")
    monkeypatch.setattr(hama_module, "WEIGHTS_SHA256", "0" * 64)
    with pytest.raises(InputError, match="SHA-256"):
        hama()


@pytest.mark.real_model
def test_scores_are_those_of_the_engine() -> None:
    engine = pytest.importorskip("hama").ASRModel()
    noise = np.random.default_rng(0).normal(size=24_001)
    x = (0.1 * noise * np.sin(np.arange(24_001) / 700)).astype(np.float32)
    given, _ = engine.session.run(["log_probs", "out_lengths"], {"waveform": x, "waveform_lengths": np.array([len(x)])})
    expected = given[0] / 0.95
    expected[:, -1] -= 0.1
    scores = hama()(torch.from_numpy(x)[None])[0].numpy()
    assert scores.shape == expected.shape
    assert np.abs(scores - expected).mean() < 2e-3
    assert (scores.argmax(axis=1) == expected.argmax(axis=1)).mean() > 0.98


@pytest.mark.real_model
def test_a_gradient_reaches_every_sample() -> None:
    pytest.importorskip("hama")
    assert len(alphabet()) == 191
    assert alphabet()[-2:] == (" ", "")
    x = torch.from_numpy(np.random.default_rng(1).normal(scale=0.1, size=(2, 8_000)).astype(np.float32))
    model, alone = hama(), hama()(x[1:])
    assert torch.allclose(model(x)[1:], alone, atol=1e-3)
    grad = torch.autograd.grad(model(x.requires_grad_()).square().sum(), x)[0]
    assert (grad != 0).float().mean() > 0.99
