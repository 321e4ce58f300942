"""Block starts: on the rim, one sign a block, each example's own."""

from __future__ import annotations

import pytest
import torch

from unfooled.core.batch import Batch
from unfooled.core.seeds import Draws
from unfooled.search.starts import blocks
from unfooled.sets.l2 import L2
from unfooled.sets.linf import Linf

IDS = torch.tensor([5, 77, 2**40])
DRAWS = Draws.of(0, "starts")
GREY = Batch(torch.full((3, 2, 12, 9), 0.5), IDS)


def test_values_of_one_block_move_together_and_blocks_lie_anywhere() -> None:
    found = blocks(GREY, Linf(0.25), DRAWS, 1 / 3).values - 0.5
    assert torch.allclose(found.abs(), torch.full_like(found, 0.25), atol=1e-6)
    for flips in ((found.diff(dim=2) != 0).any(dim=(1, 3)), (found.diff(dim=3) != 0).any(dim=(1, 2))):
        for row in flips:
            places = row.nonzero().flatten()
            assert len(places) > 0
            assert ((places - places[0]) % 4 == 0).all(), "blocks of 4 that begin at one offset"
    offsets = {tuple((one.diff(dim=1) != 0).any(dim=(0, 2)).nonzero().flatten().tolist()[:1]) for one in found}
    assert len(offsets) > 1


def test_each_example_draws_for_itself() -> None:
    whole = blocks(GREY, Linf(0.25), DRAWS, 0.5)
    for row in range(3):
        rows = torch.tensor([row])
        assert torch.equal(blocks(GREY.rows(rows), Linf(0.25), DRAWS, 0.5).values, whole.values[rows])
    assert not torch.equal(whole.values[0], whole.values[1])
    assert not torch.equal(blocks(GREY, Linf(0.25), DRAWS, 0.5, draw=1).values, whole.values)


@pytest.mark.parametrize("side", [0.01, 0.25, 1.0])
def test_any_side_and_set_and_kind_of_input(side: float) -> None:
    waves = Batch(torch.zeros(3, 40), IDS, torch.tensor([40, 7, 21]))
    for x, within in ((GREY, L2(2.0)), (GREY, Linf(0.1)), (waves, L2(1.0, -1.0, 1.0)), (waves, Linf(0.1, -1.0, 1.0))):
        found = blocks(x, within, DRAWS, side)
        assert within.contains(found, x).all()
        assert torch.allclose(within.distance(found, x), torch.tensor(within.radius).double(), rtol=1e-4)
