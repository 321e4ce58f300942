"""Randomness by counter: bits pinned for good, the same in any company, and as random as it should be."""

from __future__ import annotations

import random

import numpy as np
import pytest
import torch
from oracles import state_of_process
from scipy import stats

from unfooled.core.seeds import Draws, reseeded

IDS = torch.tensor([5, 2**62 + 3, 0])
PINNED_UNIFORM = ["0x1.98e2ce0000000p-1", "0x1.c3a6e80000000p-2", "0x1.1052640000000p-1"]
PINNED_NORMAL = [-1.7544531, 0.894016, -0.3561916]
PINNED_SIGNS = [-1.0, -1.0, -1.0, 1.0, -1.0, 1.0, 1.0, -1.0]
DRAWS = Draws.of(7, "linf:8/255", "PGD(steps=40)")


def test_bits_are_pinned() -> None:
    """Philox 4x64 with a key from SHA-256: these very bits, on every machine and in every release."""
    uniform = DRAWS.uniform((3,), torch.tensor([5]), "start", 2)
    assert [value.hex() for value in uniform[0].tolist()] == PINNED_UNIFORM
    normal = DRAWS.normal((3,), torch.tensor([5]), "start", 2)
    assert normal[0].tolist() == pytest.approx(PINNED_NORMAL, abs=1e-6)
    assert DRAWS.signs((8,), torch.tensor([5]), "corner")[0].tolist() == PINNED_SIGNS
    assert (uniform.dtype, normal.dtype) == (torch.float32, torch.float32)


def test_bits_are_those_of_the_raw_words() -> None:
    """24 bits of each half of a Philox word, low half first, written down a second time."""
    import hashlib

    digest = hashlib.sha256(b"7\x1flinf:8/255\x1fPGD(steps=40)\x1estart").digest()
    key = [int.from_bytes(digest[:8], "little"), int.from_bytes(digest[8:16], "little")]
    counter = [0, 2, int.from_bytes(digest[16:24], "little"), 5]
    words = np.random.Philox(key=np.array(key, np.uint64), counter=np.array(counter, np.uint64)).random_raw(2)
    halves = [int(half) for word in words for half in (word & np.uint64(0xFFFFFFFF), word >> np.uint64(32))]
    wanted = [(half >> 8) / 2**24 for half in halves]
    assert DRAWS.uniform((4,), torch.tensor([5]), "start", 2)[0].tolist() == wanted


@pytest.mark.parametrize("kind", ["uniform", "normal", "signs"])
def test_company_does_not_matter(kind: str) -> None:
    draw = getattr(DRAWS, kind)
    together = draw((2, 5), IDS, "a", 1)
    assert together.shape == (3, 2, 5)
    for row in range(3):
        assert torch.equal(draw((2, 5), IDS[row : row + 1], "a", 1), together[row : row + 1])
    assert torch.equal(draw((2, 5), IDS.flip(0), "a", 1), together.flip(0))
    assert torch.equal(draw((2, 5), torch.tensor([5, 5]), "a", 1)[0], together[0])
    assert draw((2, 5), IDS[:0], "a").shape == (0, 2, 5)
    assert draw((0,), IDS, "a").shape == (3, 0)


@pytest.mark.parametrize("kind", ["uniform", "normal", "signs"])
def test_whatever_differs_gives_other_draws(kind: str) -> None:
    draws = [
        Draws.of(0, "a"), Draws.of(1, "a"), Draws.of(0, "b"), Draws.of(0, "a", "b"), Draws.of(0, "ab"), Draws.of(0),
    ]  # fmt: skip
    drawn = [getattr(one, kind)((40,), IDS[:1], "tag", 0) for one in draws]
    drawn += [getattr(draws[0], kind)((40,), IDS[:1], tag, draw) for tag, draw in (("gat", 0), ("tag", 1), ("tag", 2))]
    drawn += [getattr(draws[0], kind)((40,), torch.tensor([one]), "tag", 0) for one in (0, 6, 2**62, 5 - 2**63)]
    assert len({tuple(one.flatten().tolist()) for one in drawn}) == len(drawn)


def test_uniform_is_uniform() -> None:
    drawn = Draws.of(0, "sanity").uniform((2000,), torch.arange(50), "u").numpy()
    assert 0 <= drawn.min() < drawn.max() < 1
    assert stats.kstest(drawn.ravel(), "uniform").pvalue > 1e-3
    assert stats.kstest(drawn[:, 0], "uniform").pvalue > 1e-3, "first draws of neighbouring examples"
    assert np.abs(np.corrcoef(drawn) - np.eye(50)).max() < 0.12, "examples are independent"


@pytest.mark.parametrize("count", [1, 2, 7, 2000])
def test_normal_is_normal(count: int) -> None:
    drawn = Draws.of(0, "sanity").normal((count,), torch.arange(40_000 // count if count < 10 else 50), "n").numpy()
    values = drawn.ravel().astype(np.float64)
    assert stats.kstest(values, "norm").pvalue > 1e-3
    assert abs(values.mean()) < 0.03
    assert abs(values.var() - 1) < 0.05
    assert abs(stats.skew(values)) < 0.06
    assert abs(stats.kurtosis(values)) < 0.12
    if count == 2000:
        assert abs(np.corrcoef(drawn[:, :1000].ravel(), drawn[:, 1000:].ravel())[0, 1]) < 0.02


def test_signs_are_fair() -> None:
    drawn = Draws.of(0, "sanity").signs((4000,), torch.arange(5), "s")
    assert set(drawn.unique().tolist()) == {-1.0, 1.0}
    assert abs(float(drawn.mean())) < 0.03


def test_reseeding_is_undone() -> None:
    def drawn() -> tuple[float, float, float]:
        return float(torch.rand(1)), float(np.random.rand()), random.random()

    before = state_of_process()
    with reseeded(3, torch.device("cpu")):
        first = drawn()
    assert state_of_process() == before
    drawn_then = []

    def interrupted() -> None:
        with reseeded(3, torch.device("cpu")):
            drawn_then.append(drawn())
            raise KeyError

    with pytest.raises(KeyError):
        interrupted()
    assert drawn_then == [first]
    assert state_of_process() == before
    with reseeded(2**40, torch.device("cpu")):
        assert drawn() != first
