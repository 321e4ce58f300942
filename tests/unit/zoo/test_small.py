"""The small nets: seeded, ready, indifferent to padding, and of the size that they say."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from unfooled.core.batch import Batch
from unfooled.models import check_ready, wrap
from unfooled.models.weights import fingerprint
from unfooled.zoo.small import linear, resnet8, small_cnn, token_net, wave_net

INPUTS: dict[Any, tuple[Batch, int]] = {
    small_cnn: (Batch(torch.rand(3, 1, 28, 28), torch.arange(3)), 10),
    resnet8: (Batch(torch.rand(3, 3, 32, 32), torch.arange(3)), 10),
    wave_net: (Batch(torch.rand(3, 90) - 0.5, torch.arange(3), torch.tensor([90, 31, 1])), 5),
    token_net: (Batch(torch.randint(0, 0x10FFFF, (3, 12)), torch.arange(3), torch.tensor([12, 5, 1])), 3),
}


@pytest.mark.parametrize("make", INPUTS)
def test_ready_seeded_and_quiet(make: Any) -> None:
    x, classes = INPUTS[make]
    before = torch.random.get_rng_state()
    module = make(3)
    assert torch.equal(torch.random.get_rng_state(), before)
    assert check_ready(wrap(module, takes_lengths=x.lengths is not None), x) == classes
    assert fingerprint(module) == fingerprint(make(3)) != fingerprint(make(4))


@pytest.mark.parametrize("make", [wave_net, token_net])
def test_padding_has_no_say(make: Any) -> None:
    x, _ = INPUTS[make]
    module = make()
    for row, length in enumerate(x.lengths.tolist()):
        alone = module(x.values[row : row + 1, :length])
        assert torch.allclose(module(x.values, x.lengths)[row : row + 1], alone, atol=1e-6)


def test_sizes() -> None:
    assert 150_000 < sum(p.numel() for p in small_cnn().parameters()) < 250_000
    assert sum(p.numel() for p in resnet8().parameters()) < 100_000


def test_linear_is_exact() -> None:
    weights, bias = torch.rand(4, 1, 3, 3), torch.rand(4)
    x = torch.rand(5, 1, 3, 3)
    assert torch.allclose(linear(weights, bias)(x), x.flatten(1) @ weights.flatten(1).T + bias, atol=1e-6)
    assert torch.equal(linear(torch.eye(2))(torch.eye(2)), torch.eye(2))
