"""Tape on signs: where it lies, what it is made of, how little is seen of it, and that it does its work."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from sign_reader import reader

from unfooled.core.batch import Batch
from unfooled.core.errors import InputError
from unfooled.core.seeds import Draws
from unfooled.core.target import Access, Target
from unfooled.crafting.adversarial_patch import PRINTABLE
from unfooled.crafting.altered_sign import AlteredSign, laid, sized
from unfooled.crafting.keeping import keep, read
from unfooled.crafting.masks import SHAPES, SIDE, found_mask, mask_named, share
from unfooled.crafting.printing import print_sign
from unfooled.crafting.rp2 import BLACK_WHITE, Rp2
from unfooled.crafting.shadow import Shadow
from unfooled.crafting.subtlety import Budget, difference
from unfooled.goals import Become, Misclassify
from unfooled.models.classifier import wrap
from unfooled.models.weights import fingerprint
from unfooled.zoo.signs.artwork import CLASSES
from unfooled.zoo.signs.grounds import grounds
from unfooled.zoo.signs.renders import face

DRAWS = Draws.of(0, "signs")
FORM = face("stop", SIDE)[3]
QUICK = Rp2(steps=24, batch=6, area=0.2, mask="rectangles")
YIELD = CLASSES.index("yield")


def crafted(crafter: Any = QUICK, order: torch.Tensor | None = None, goal: Any = None) -> AlteredSign:
    train, y = grounds(12, 1), torch.zeros(12, dtype=torch.int64)
    if order is not None:
        train = train.rows(order)
    target = Target(wrap(reader()), Access.GRADIENT, len(train))
    made: AlteredSign = crafter([target], train, y, goal or Become(YIELD), DRAWS)
    return made


def score(sign: AlteredSign, goal: Any, clean: bool = False) -> float:
    x, draws = grounds(24, 2), Draws.of(1, "judge")
    views = sign.clean(x, draws) if clean else sign.bring(x, draws)
    return float(goal.margin(wrap(reader()).answer(views), torch.zeros(24, dtype=torch.int64)).mean())


@pytest.mark.parametrize("name", [one for one in SHAPES if one != "poster"])
@pytest.mark.parametrize("area", [0.05, 0.13])
def test_masks_cover_what_they_are_asked_to(name: str, area: float) -> None:
    mask = mask_named(name, area, FORM)
    assert share(mask, FORM) == pytest.approx(area, rel=0.1)
    assert bool((FORM[mask > 0] > 0.9).all())


def test_a_poster_covers_the_sign() -> None:
    assert share(mask_named("poster", 0.1, FORM), FORM) > 0.98


def test_a_found_mask_takes_the_cells_that_matter_most() -> None:
    pull = torch.zeros(16, 16)
    pull[7, 7], pull[7, 8], pull[0, 0] = 3, 2, 9  # the last one is beyond the sign
    mask = found_mask(pull, 1.5 / (0.83 * 256), FORM)
    assert mask.shape == (SIDE, SIDE)
    assert int(mask.sum()) == 16 * 16
    assert bool((mask[112:128, 112:128] == 1).all())


def test_a_mask_of_ones_own(tmp_path: Path) -> None:
    drawn = np.zeros((40, 40), dtype=np.uint8)
    drawn[15:20, 10:30] = 255
    Image.fromarray(drawn).save(tmp_path / "mine.png")
    mine = mask_named(str(tmp_path / "mine.png"), 0.1, FORM)
    assert share(mine, FORM) == pytest.approx(100 / 1600 / 0.8284, rel=0.05)
    drawn[:8, :8] = 255
    Image.fromarray(drawn).save(tmp_path / "beyond.png")
    with pytest.raises(InputError, match="outside the sign"):
        mask_named(str(tmp_path / "beyond.png"), 0.1, FORM)
    Image.fromarray(drawn * 0).save(tmp_path / "dark.png")
    with pytest.raises(InputError, match="white where"):
        mask_named(str(tmp_path / "dark.png"), 0.1, FORM)


@pytest.mark.parametrize(("name", "area", "words"), [("stripes", 0.1, "no such mask"), ("bars", 0.6, "no room")])
def test_impossible_masks_are_refused(name: str, area: float, words: str) -> None:
    with pytest.raises(InputError, match=words):
        mask_named(name, area, FORM)


@pytest.mark.parametrize("area", [0.0, 1.5])
def test_areas_out_of_range_are_refused(area: float) -> None:
    with pytest.raises(InputError, match="share of the sign"):
        mask_named("bars", area, FORM)


@pytest.mark.parametrize("palette", [PRINTABLE, BLACK_WHITE])
def test_tape_leads_to_the_goal_and_is_of_the_palette(palette: Any) -> None:
    made = crafted(replace(QUICK, palette=palette))
    assert score(made, Become(YIELD)) > score(made, Become(YIELD), clean=True) + 1
    apart = (made.colours.permute(1, 2, 0).reshape(-1, 1, 3) - torch.tensor(palette)).abs().amax(dim=2).amin(dim=1)
    assert float(apart.max()) < 1e-6


@pytest.mark.parametrize("mask", ["found", "poster", "graffiti"])
def test_any_wrong_answer_will_do(mask: str) -> None:
    made = crafted(replace(QUICK, mask=mask), goal=Misclassify())
    assert score(made, Misclassify()) > score(made, Misclassify(), clean=True) + 1
    if mask == "found":
        assert made.difference.area <= 0.2 + 1e-6


def test_nothing_beyond_the_mask_changes() -> None:
    made, clean = crafted(), face("stop", SIDE)
    assert torch.equal(made.painted(SIDE)[:, made.mask == 0], clean[:, made.mask == 0])
    assert torch.equal(made.painted(SIDE)[3], clean[3])


def test_faint_paint_stays_near_the_sign() -> None:
    made = crafted(replace(QUICK, mask="poster", palette=(), faint=0.1, grid=64))
    assert float((made.painted(64) - face("stop"))[:3].abs().max()) <= 0.1 + 1e-4


def test_a_budget_is_kept() -> None:
    free = crafted(replace(QUICK, palette=()))
    budget = Budget(similarity=0.9, colour=4.0)
    held = crafted(replace(QUICK, palette=(), budget=budget))
    assert not budget.holds(free.difference)
    assert budget.holds(held.difference)
    assert score(held, Become(YIELD)) > score(held, Become(YIELD), clean=True)


def test_order_of_backgrounds_changes_nothing_and_the_model_is_left_alone() -> None:
    before = fingerprint(reader())
    first, again = crafted(), crafted(order=torch.arange(11, -1, -1))
    assert torch.equal(first.colours, again.colours)
    assert fingerprint(reader()) == before
    x = grounds(5, 3)
    together = first.bring(x, DRAWS).values
    assert torch.equal(first.bring(x.rows(slice(3, 4)), DRAWS).values[0], together[3])


def test_a_sign_is_kept_and_read_again(tmp_path: Path) -> None:
    made = crafted(replace(QUICK, steps=1))
    again = read(keep(made, tmp_path / "sign"))
    assert isinstance(again, AlteredSign)
    assert torch.equal(again.painted(64), made.painted(64))
    assert again.roadside == made.roadside


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ({"faint": 0.2}, "not of a palette"),
        ({"budget": Budget(similarity=0.9)}, "not of a palette"),
        ({"weights": (1.0, 2.0)}, "one weight"),
        ({"grid": 20}, "out of range"),
        ({"steps": 0}, "out of range"),
    ],
)
def test_settings_that_do_not_fit_are_refused(told: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        crafted(replace(QUICK, **told))


def test_backgrounds_have_their_size() -> None:
    train = Batch(torch.rand(2, 3, 32, 32), torch.arange(2))
    target = Target(wrap(reader()), Access.GRADIENT, 2)
    with pytest.raises(InputError, match="backgrounds"):
        QUICK([target], train, torch.zeros(2, dtype=torch.int64), Become(1), DRAWS)


@pytest.mark.parametrize("told", [{"similarity": 1.0}, {"colour": 0.0}])
def test_budgets_without_room_are_refused(told: dict[str, float]) -> None:
    with pytest.raises(InputError, match="no paint"):
        Budget(**told)


def test_differences_in_closed_form() -> None:
    black, white = (torch.cat([torch.full((3, 64, 64), one), torch.ones(1, 64, 64)]) for one in (0.0, 1.0))
    none, half = torch.zeros(64, 64), torch.ones(64, 64)
    half[:, 32:] = 0
    assert difference(black, black, none) == pytest.approx((0.0, 1.0, 0.0), abs=1e-6)
    area, similarity, colour = difference(black, white, half)
    assert area == 0.5
    assert similarity < 0.01
    assert colour == pytest.approx(100, abs=0.1)  # L* goes from 0 to 100


def test_a_shadow_leaves_its_share_of_the_light_and_asks_for_scores_alone() -> None:
    shadow = Shadow(particles=6, steps=4, views=4)
    target = Target(wrap(reader()), Access.SCORES, 12)
    made = shadow([target], grounds(12, 1), torch.zeros(12, dtype=torch.int64), Misclassify(), DRAWS)
    assert score(made, Misclassify()) > score(made, Misclassify(), clean=True)
    clean = face("stop", SIDE)
    covered = made.mask > 0
    assert 0 < share(covered.float(), FORM) < 1
    assert torch.allclose(made.painted(SIDE)[:3, covered], 0.43 * clean[:3, covered], atol=1e-6)
    assert int(target.spent.answers().sum()) == 6 * 4 * 4
    with pytest.raises(InputError, match="shadow"):
        crafted(Shadow(dark=1.0))


def test_a_mask_is_averaged_where_it_shrinks() -> None:
    mask = torch.zeros(8, 8)
    mask[:, ::2] = 1
    assert torch.allclose(sized(mask, 2), torch.full((2, 2), 0.5), atol=0.1)
    shown = laid(face("stop"), torch.ones(3, 1, 1), torch.ones(1, 1))
    assert bool((shown[:3] == 1).all())


def test_the_tape_of_a_sign_is_printed(tmp_path: Path) -> None:
    made = crafted(replace(QUICK, steps=1))
    assert print_sign(made, tmp_path / "sign.pdf", cm=75).read_bytes().startswith(b"%PDF")
