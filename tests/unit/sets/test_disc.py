"""The set of stickers: exact sizes of discs, at the picture's edges too, and every pasted sticker inside."""

import math

import pytest
import torch

from unfooled.core.batch import Batch
from unfooled.core.errors import InputError
from unfooled.core.seeds import Draws
from unfooled.crafting.sticker import Sticker
from unfooled.scenes.outlines import Outline
from unfooled.scenes.scene import Scene
from unfooled.sets.grammar import parse_sets
from unfooled.sets.sticker import Disc


def changed(*places: tuple[int, int], height: int = 40, width: int = 60) -> tuple[Batch, Batch]:
    x = Batch(torch.zeros(1, 3, height, width), torch.zeros(1, dtype=torch.int64))
    values = x.values.clone()
    for row, column in places:
        values[0, 1, row, column] = 1
    return x.holding(values), x


def radius(pair: tuple[Batch, Batch]) -> float:
    area = float(Disc(0.2).distance(*pair))
    return math.sqrt(area * 40 * 60 / math.pi)


def test_two_changes_lie_on_a_diameter() -> None:
    assert radius(changed((20, 20), (20, 26))) == pytest.approx(3, abs=1e-5)
    assert radius(changed((15, 20), (18, 24))) == pytest.approx(2.5, abs=1e-5)


def test_of_a_right_angle_the_longest_side_is_the_diameter() -> None:
    assert radius(changed((10, 20), (10, 28), (16, 20))) == pytest.approx(5, abs=1e-5)


def test_nothing_changed() -> None:
    assert radius(changed()) == 0
    assert Disc(0.001).contains(*changed()).all()


def test_at_an_edge_the_disc_must_be_larger_to_stay_inside() -> None:
    found = radius(changed((0, 27), (0, 33)))  # its middle is r below the edge: 3^2 + (r - 1/2)^2 = r^2
    assert found == pytest.approx(9.25, abs=1e-4)


def test_what_no_disc_holds() -> None:
    pair = changed((0, 0), (39, 59))
    assert Disc(0.5).distance(*pair).isinf().all()
    assert not Disc(0.5).contains(*pair).any()


def test_contains_agrees_with_distance() -> None:
    torch.manual_seed(1)
    for _ in range(20):
        rows, columns = torch.randint(0, 40, (4,)).tolist(), torch.randint(0, 60, (4,)).tolist()
        pair = changed(*zip(rows, columns, strict=True))
        size = float(Disc(0.2).distance(*pair))
        if math.isfinite(size):
            assert Disc(size * 1.0001).contains(*pair).all()
            assert not Disc(size * 0.999).contains(*pair).any()


@pytest.mark.parametrize("area", [0.02, 0.15, 0.4])
def test_every_sticker_of_an_area_is_inside(area: float) -> None:
    x = Batch(torch.rand(12, 3, 40, 60), torch.arange(12))
    scene = Scene((area, area), rotation=180, tilt=0.1, contrast=0.1, brightness=0.1)
    laid = Sticker.of(torch.rand(3, 20, 20), Outline(), scene, {}).bring(x, Draws.of(0, "t"))
    assert Disc(area).contains(laid, x).all()
    assert not Disc(area / 3).contains(laid, x).any()


def test_out_of_range_is_outside() -> None:
    x_adv, x = changed((20, 20))
    assert not Disc(0.2).contains(x_adv.holding(x_adv.values * 2), x).any()


def test_grammar() -> None:
    assert parse_sets("sticker:15%") == [Disc(0.15)]
    assert parse_sets("sticker:10%,0.2") == [Disc(0.1), Disc(0.2)]
    assert [str(one) for one in parse_sets("sticker:15%")] == ["sticker:15%"]
    for wrong in ("sticker", "sticker:0%", "sticker:120%", "sticker:x%", "sticker:15%@mask.png"):
        with pytest.raises(InputError):
            parse_sets(wrong)
