"""Double masking: its windows, its decision, and its certificate held against every patch there is."""

from __future__ import annotations

from itertools import product

import pytest
import torch
from torch import Tensor, nn

from unfooled.core.errors import InputError
from unfooled.defences import defence_named
from unfooled.defences.certified.masks import covering
from unfooled.defences.certified.patch_cleanser import PatchCleanser

SIDE, PATCH = 7, 2
DEFENCE = PatchCleanser(PATCH / SIDE, windows=3)


class Votes(nn.Module):
    """Compare the brightest spots of the left and the right half; pictures (n, 1, h, w) to scores (n, 2)."""

    def forward(self, values: Tensor) -> Tensor:
        half = values.shape[3] // 2
        sides = values[..., :half].flatten(1).amax(dim=1), values[..., -half:].flatten(1).amax(dim=1)
        return torch.stack(sides, dim=1)


def pictures(gap: float, n: int = 12) -> Tensor:
    """Draw pictures whose left half is brighter by a gap."""
    x = torch.rand(n, 1, SIDE, SIDE, generator=torch.Generator().manual_seed(1)) * 0.4
    x[..., : SIDE // 2] += gap
    return x


def patched(x: Tensor) -> Tensor:
    """Put every patch of black and white, everywhere, into one picture (1, c, h, w)."""
    every = []
    for top, left in product(range(SIDE - PATCH + 1), repeat=2):
        for colours in product((0.0, 1.0), repeat=PATCH * PATCH):
            one = x.clone()
            one[0, 0, top : top + PATCH, left : left + PATCH] = torch.tensor(colours).view(PATCH, PATCH)
            every.append(one)
    return torch.cat(every)


@pytest.mark.parametrize(("height", "width"), [(7, 7), (9, 13), (32, 20)])
@pytest.mark.parametrize("patch", [0.1, 0.2, 0.4])
@pytest.mark.parametrize("count", [2, 3, 6])
def test_every_patch_lies_wholly_under_one_window(height: int, width: int, patch: float, count: int) -> None:
    masks = covering(height, width, patch, count)
    assert len(masks) <= count * count
    down, across = -(-patch * height // 1), -(-patch * width // 1)
    for top, left in product(range(int(height - down + 1)), range(int(width - across + 1))):
        under = masks[:, top : top + int(down), left : left + int(across)].flatten(1).all(dim=1)
        assert bool(under.any())


def test_what_is_certified_no_patch_changes() -> None:
    x = torch.cat([pictures(gap) for gap in (0.1, 0.25, 0.5)])
    y = torch.zeros(len(x), dtype=torch.int64)
    net = Votes()
    proved, defended = DEFENCE.certified(net, x, y), DEFENCE(net)
    assert 0 < int(proved.sum()) < len(x)
    for one, sure in zip(x.split(1), proved.tolist(), strict=True):
        if sure:
            assert (defended(patched(one)).argmax(dim=1) == 0).all()
    fooled = [bool((net(patched(one)).argmax(dim=1) != 0).any()) for one in x[proved].split(1)]
    assert any(fooled)  # the same patches fool the net without the defence


def test_what_is_not_certified_may_fall() -> None:
    x = pictures(0.1)
    y = torch.zeros(len(x), dtype=torch.int64)
    right = DEFENCE(Votes())(x).argmax(dim=1) == y
    proved = DEFENCE.certified(Votes(), x, y)
    fallen = [bool((DEFENCE(Votes())(patched(one)).argmax(dim=1) != 0).any()) for one in x[right & ~proved].split(1)]
    assert any(fallen)


class Remembered(nn.Module):
    """Answers 1 where the corner is hidden, and else 0; or what the centre says where that is hidden, too."""

    def forward(self, values: Tensor) -> Tensor:
        hidden = (values == 0.5).flatten(2)[:, 0]
        corner, middle = hidden[:, 0], hidden[:, SIDE * SIDE // 2]
        one = corner & ~middle
        return torch.stack([(~one).float(), one.float()], dim=1)


def test_one_dissenter_who_does_not_hold_is_outvoted() -> None:
    x = pictures(0.3, 2)
    assert (DEFENCE(Remembered())(x).argmax(dim=1) == 0).all()  # with the middle hidden as well it falls back to 0


class Upset(nn.Module):
    """Answers 0 as long as a bright spot in the corner is to be seen, and else 1."""

    def forward(self, values: Tensor) -> Tensor:
        spot = values[:, 0, 0, 0] > 0.9
        return torch.stack([spot.float(), (~spot).float()], dim=1)


def test_one_dissenter_who_holds_wins() -> None:
    x = pictures(0.3, 2).clamp(max=0.8)
    x[:, 0, 0, 0] = 1.0
    assert (Upset()(x).argmax(dim=1) == 0).all()
    assert (DEFENCE(Upset())(x).argmax(dim=1) == 1).all()  # the only window over the corner says 1 with every other one


def test_scores_are_the_mean_of_those_behind_one_window() -> None:
    x = pictures(0.5, 3)
    masks = DEFENCE.masks(x)
    net = nn.Sequential(nn.Flatten(), nn.Linear(SIDE * SIDE, 2, bias=False)).eval()
    mean = torch.stack([net(x.masked_fill(mask, 0.5)) for mask in masks]).mean(dim=0)
    scores = DEFENCE(net)(x)
    assert torch.allclose(scores.sort(dim=1).values, mean.sort(dim=1).values, atol=1e-6)
    values = x.clone().requires_grad_()
    DEFENCE(net)(values)[:, 0].sum().backward()
    seen = (~masks).float().mean(dim=0).flatten()  # how often a pixel is to be seen
    assert values.grad is not None
    assert torch.allclose(values.grad[0].flatten(), seen * net[1].weight[0], atol=1e-6)


def test_a_sampled_window_is_one_of_them() -> None:
    x = pictures(0.5, 3)
    every = [Votes()(x.masked_fill(mask, 0.5)) for mask in DEFENCE.masks(x)]
    for seed in range(4):
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            drawn = DEFENCE.sampled(Votes())(x)
        assert any(torch.equal(drawn, one) for one in every)


@pytest.mark.parametrize(
    ("settings", "words"),
    [({"patch": 0}, "share of the picture"), ({"patch": 1.2}, "share"), ({"windows": 1}, "One window")],
)
def test_bad_settings(settings: dict[str, float], words: str) -> None:
    with pytest.raises(InputError, match=words):
        defence_named("patch-cleanser", **settings)


def test_what_cannot_be_defended_is_named() -> None:
    with pytest.raises(InputError, match="parts of pictures"):
        DEFENCE(nn.Identity())(torch.zeros(2, 5))
    with pytest.raises(InputError, match="hides all of the picture"):
        PatchCleanser(0.9, windows=2)(Votes())(torch.zeros(1, 1, 2, 2))
