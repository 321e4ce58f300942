"""A sticker that makes bright things vanish: the study, its page, and every kind of bad input."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from detectors import CELL, bright, scenes
from PIL import Image
from torch import nn
from typer.testing import CliRunner

import unfooled
from unfooled.auditing.stickers.study import sticker
from unfooled.auditing.stickers.vanish import LEARNED, PLACED, VanishStudy, vanish
from unfooled.cli import app
from unfooled.cli.vanishing import write
from unfooled.core.errors import InputError, UnfooledError
from unfooled.core.vanishing import Sight
from unfooled.modalities.albums import UNLABELLED
from unfooled.modalities.carriers import Png
from unfooled.modalities.sources import Source
from unfooled.models.detector import Detector
from unfooled.report.vanishing import drawn
from unfooled.scenes.surroundings import Surroundings

QUICK = replace(LEARNED, steps=12, batch=4)


def stored(n: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Draw scenes on the grid of 8 bits."""
    return (scenes(n, seed, side=56) * 255).round() / 255, torch.ones(n, dtype=torch.int64)


def made(**told: Any) -> VanishStudy:
    settings = {"area": "60%", "patch": QUICK, "placements": 2, **told}
    first, second = settings.pop("learn_from", stored(3, 1)), settings.pop("try_on", stored(3, 2))
    return vanish(settings.pop("model", Detector(bright(), name="bright", thing="lamp")), first, second, **settings)


def test_a_sticker_darkens_what_is_reported(tmp_path: Path) -> None:
    found = made().found
    assert found.of("nothing").rate.share == 1
    assert found.of("sticker").rate.share == 0  # 60 % of a lamp turned black leave it below the threshold
    assert found.of("noise").rate.share > 0.5
    assert np.median(found.texture) < 60
    assert found.about["tried_on"] == {"photographs": 3, "objects": 6, "given": False}


def test_what_is_written(tmp_path: Path) -> None:
    study = write(made(), tmp_path, 10, "unfooled sticker ... --goal vanish")
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert re.findall(r'(?:src|href)="(?!data:|#)([^"]*)"', page) == ["sticker.pdf"]
    assert "still reports 0" in page
    assert "0 of 2 reported" in page
    written = json.loads((tmp_path / "trials.json").read_text())
    assert [one["what"] for one in written["recalls"]][:2] == ["nothing", "noise"]
    assert written["command"] == study.found.about["command"]
    assert len(list((tmp_path / "pictures").glob("*-boxes.png"))) == 6
    kept = unfooled.audit(
        Detector(bright()), stored(2, 3), "vanish sticker:60%", f"apply:{tmp_path / 'sticker'}", diagnose=False
    )  # fmt: skip
    assert float(kept.union().broken.mean()) < 1  # brought to one place of the picture, not to every lamp


def test_boxes_that_are_given_count_where_nothing_is_reported() -> None:
    x, y = stored(2, 4)
    found = made(try_on=(x, y), boxes=None).found.of("nothing").rate.share
    assert found == 1
    album = named(x)
    learn = named(stored(2, 1)[0], "learn")
    corner = [0.0, 0, CELL, CELL]  # dark
    boxes = {"learn0": [[8.0, 8, 48, 48]], "learn1": [[8.0, 8, 48, 48]], "0": [corner], "1": []}
    study = made(learn_from=learn, try_on=album, boxes=boxes)
    assert study.found.of("nothing").rate.share == 0
    assert study.found.about["tried_on"] == {"photographs": 1, "objects": 1, "given": True}
    for odd in ([0.0, 0, 8], [8.0, 0, 8, 8]):
        with pytest.raises(InputError, match="not the box"):
            made(learn_from=learn, try_on=album, boxes=boxes | {"0": [odd]})
    with pytest.raises(InputError, match="Nobody says"):
        made(learn_from=learn, try_on=album, boxes={"0": [corner]})


def named(x: torch.Tensor, prefix: str = "") -> Any:
    pictures = (x * 255).round().byte().numpy()
    return Source([f"{prefix}{i}" for i in range(len(x))], np.full(len(x), UNLABELLED), pictures.__getitem__, Png(8))


def test_figures_do_not_hang_on_the_order() -> None:
    x, y = stored(3, 2)
    one, other = made(), made(try_on=(x.flip(0), y))
    assert [each.rate.share for each in one.found.recalls] == [each.rate.share for each in other.found.recalls]
    assert torch.equal(one.sticker.texture, other.sticker.texture)


def test_surroundings_are_cut_and_put_back() -> None:
    photo = torch.rand(3, 20, 30, generator=torch.Generator().manual_seed(0))
    for box in ([4.0, 5, 10, 11], [-3.0, 12, 9, 22], [24.0, 0, 34, 6]):
        place = Surroundings.of(torch.tensor(box))
        crop = place.cut(photo)
        assert crop.shape == (3, place.side, place.side)
        assert torch.equal(place.put(crop, photo), photo)
        changed = place.put(torch.ones_like(crop), photo) != photo
        inside = torch.zeros(20, 30, dtype=torch.bool)
        inside[max(0, place.upper) : place.upper + place.side, max(0, place.left) : place.left + place.side] = True
        assert torch.equal(changed.any(dim=0), inside)


def test_boxes_are_drawn_in_their_colours() -> None:
    blank = np.zeros((1, 20, 20), np.uint8)
    sight = Sight(blank, "x", "nothing", ((2.0, 2, 8, 8), (12.0, 2, 18, 8)), ((2.0, 2, 8, 8),), (True, False))
    shown = drawn(sight)
    assert shown[1, 2, 5] > 200  # green
    assert shown[0, 2, 15] > 200  # red
    assert (shown[:, 5, 5] == 0).all()
    assert (shown[:, 12:] == 0).all()


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "no detector": ({"model": nn.Flatten()}, "can vanish"),
    "nothing to be found": ({"try_on": (torch.zeros(2, 3, 56, 56), torch.ones(2).long())}, "finds no lamp"),
    "too large": ({"area": "100%", "outline": "rectangle:4"}, "larger than the picture"),
    "no place": ({"placements": 0}, "at least one place"),
    "the same photographs": ({"try_on": stored(3, 1)}, "learned from"),
    "no area": ({"area": "0%"}, "share of the picture"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input(case: str) -> None:
    told, words = BAD[case]
    with pytest.raises(UnfooledError, match=words):
        made(**told)


def test_a_detector_is_told_to_vanish_things() -> None:
    with pytest.raises(InputError, match="--goal vanish"):
        sticker(Detector(bright()), stored(3, 1), stored(3, 2))


def test_from_the_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for folder, seed in (("learn", 1), ("judge", 2)):
        (tmp_path / folder).mkdir()
        for i, one in enumerate(stored(2, seed)[0]):
            picture = (one * 255).byte().permute(1, 2, 0).numpy()
            Image.fromarray(picture).save(tmp_path / folder / f"{folder}{i}.png")
    source = Path(__file__).parents[2] / "detectors.py"
    (tmp_path / "lamps.py").write_text(
        source.read_text() + "\n\ndef lamps():\n    import unfooled\n    return unfooled.Detector(bright())\n"
    )
    words = ["sticker", "lamps.py:lamps", "--learn", "learn", "--judge", "judge", "--area", "60%", "--steps", "12"]
    told = CliRunner().invoke(app, [*words, "--goal", "vanish", "--out", "made"])
    assert told.exit_code == 0, told.output
    assert "still reported" in told.output
    assert (tmp_path / "made" / "report.html").is_file()
    for more, match in (
        (["--goal", "shrink"], "no such goal"),
        (["--goal", "vanish", "--target", "3"], "--target"),
        (["--goal", "vanish", "--out", "made"], "holds a report"),
    ):
        told = CliRunner().invoke(app, [*words, *more])
        assert told.exit_code != 0
        assert match in " ".join(told.output.split()) + str(told.exception)


def test_stickers_stand_where_the_scene_says() -> None:
    beside = made(scene=replace(PLACED, place=(0.0, 0.0)), placements=1)
    assert beside.found.of("sticker").rate.share == 1  # no lamp is dark because its neighbour is
