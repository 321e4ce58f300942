"""Convolutions with strides answer as before, and their gradients are those of the library."""

from __future__ import annotations

from copy import deepcopy

import pytest
import torch
from torch import nn

from unfooled.models.strided import Strided, quicken


@pytest.mark.parametrize(
    ("colours", "settings", "side"),
    [
        (1, {"stride": 2, "padding": 1}, (28, 28)),
        (3, {"stride": 2, "padding": 1}, (9, 12)),
        (8, {"stride": 2, "padding": 1}, (14, 13)),
        (8, {"stride": (3, 1), "padding": (0, 2), "dilation": 2}, (14, 13)),
        (8, {"stride": 2, "groups": 4}, (9, 9)),
        (1, {"stride": 4}, (14, 14)),
    ],
)
def test_outputs_stay_and_gradients_agree(colours: int, settings: dict[str, object], side: tuple[int, int]) -> None:
    torch.manual_seed(0)
    module = nn.Sequential(nn.Conv2d(colours, 8, 3, **settings), nn.ReLU()).requires_grad_(False)  # type: ignore[arg-type]
    quick = deepcopy(module)
    quicken(quick)
    assert isinstance(quick[0], Strided)
    x = torch.rand(5, colours, *side, requires_grad=True)
    assert torch.equal(quick(x), module(x))
    (found,), (wanted,) = (torch.autograd.grad(one(x).square().sum(), x) for one in (quick, module))
    assert found.shape == x.shape
    torch.testing.assert_close(found, wanted, rtol=1e-5, atol=1e-5)


def test_other_convolutions_are_left_alone() -> None:
    module = nn.Sequential(
        nn.Conv2d(1, 2, 3), nn.Conv2d(2, 2, 1, stride=2), nn.Conv2d(2, 2, 3, stride=2, padding_mode="circular")
    )
    quicken(module)
    assert not any(isinstance(part, Strided) for part in module)
