"""A sign's whole story on a reader in closed form: figures, files, photographs, and every kind of bad input."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from sign_reader import reader
from torch import nn

import unfooled
from unfooled.auditing.signs.photographs import crops, look_at_signs
from unfooled.auditing.signs.seeing import PIXELS, YAWS
from unfooled.auditing.signs.study import SignStudy, sign
from unfooled.cli.sign import write_study
from unfooled.core.batch import Batch
from unfooled.core.errors import AccessError, InputError
from unfooled.core.sightings import Passing, read_in
from unfooled.core.target import Access, Target
from unfooled.crafting.altered_sign import AlteredSign
from unfooled.crafting.rp2 import Rp2
from unfooled.crafting.shadow import Shadow
from unfooled.goals import Become
from unfooled.models.classifier import wrap
from unfooled.models.used import used_only
from unfooled.scenes.drive import Drive
from unfooled.scenes.roadside import Roadside
from unfooled.zoo.signs.artwork import CLASSES
from unfooled.zoo.signs.grounds import grounds
from unfooled.zoo.signs.renders import face

QUICK = Rp2(steps=16, batch=4, area=0.2, mask="found")
SHORT = Drive(frames=3)


def model(name: str = "reader", names: tuple[str, ...] | None = CLASSES, module: nn.Module | None = None) -> Any:
    return wrap(module or reader(), classes=names, name=name)


def made(**told: Any) -> SignStudy:
    settings = {"target": "yield", "crafter": QUICK, "drive": SHORT, "places": 24, **told}
    return sign(settings.pop("model", model()), **settings)


@cache
def story() -> SignStudy:
    return made(others=(model("other"),))


def test_a_sign_is_altered_looked_at_and_told_of(tmp_path: Path) -> None:
    study = story()
    found = study.found
    assert unfooled.sign is sign
    assert len(found.of("reader")) == len(PIXELS) * len(YAWS) == len(found.of("other"))
    usual = [one for one in found.of("reader") if one.pixels in (16, 24, 32) and one.yaw <= 45]
    hit, lost, clean, corner = found.summary("reader")
    assert hit == pytest.approx(float(np.mean([one.hit.share for one in usual])))
    assert corner.hit.share == min(one.hit.share for one in usual)
    assert hit > 0.5
    assert lost >= hit
    assert clean > 0.9
    assert found.summary("other").hit == hit  # the same weights under another name
    assert [one.metres for one in found.drive] == [60, 33, 6]
    write_study(study, tmp_path, 75, "unfooled sign")
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "sign.pdf" in page
    assert "Lu et al. 2017" in page
    assert "outlines.json" in page
    assert (tmp_path / "sign.pdf").stat().st_size > 5000
    assert json.loads((tmp_path / "trials.json").read_text())["means"]["reader"]["hit"] == hit


def test_the_same_seed_tells_the_same() -> None:
    assert made(others=(model("other"),)).found.as_json()["table"] == story().found.as_json()["table"]


def test_a_shadow_is_told_of_without_a_print(tmp_path: Path) -> None:
    study = made(target=None, crafter=Shadow(particles=4, steps=2, views=4))
    write_study(study, tmp_path, 75, "unfooled sign --shadow")
    assert not (tmp_path / "sign.pdf").exists()
    assert "a shadow on" in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_unused_classes_are_never_answered() -> None:
    biased = nn.Sequential(reader(), _Lifted(CLASSES.index("merge"))).eval()
    with pytest.raises(InputError, match="does not read the clean sign"):
        made(model=model(module=biased))
    used = used_only(model(module=biased), ["merge"])
    x = Batch(torch.rand(40, 3, 32, 32), torch.arange(40))
    assert CLASSES.index("merge") not in used.answer(x).labels.tolist()
    study = made(model=model(module=biased), unused=["merge"])
    assert study.found.summary("reader").clean > 0.9
    with pytest.raises(InputError, match="no such class"):
        used_only(model(), ["tree"])


class _Lifted(nn.Module):
    def __init__(self, label: int) -> None:
        super().__init__()
        self.label = label

    def forward(self, scores: torch.Tensor) -> torch.Tensor:
        lift = torch.zeros(scores.shape[1])
        lift[self.label] = 100
        return scores + lift


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ({"target": "stop"}, "the sign itself"),
        ({"target": "yeild"}, "yield"),
        ({"target": 99}, "no such class"),
        ({"crafter": replace(QUICK, sign="wrong way")}, "no such sign"),
        ({"places": 3}, "Too few views"),
        ({"label": "merge"}, "does not read the clean sign"),
        ({"crafter": replace(QUICK, mask="missing.png")}, "no such mask"),
        ({"others": (wrap(nn.Sequential(nn.Flatten(), nn.Linear(3072, 5)).eval()),)}, "different class lists"),
    ],
)
def test_bad_input_is_refused(told: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        made(**told)


def test_a_source_shows_its_gradients() -> None:
    target = Target(model(), Access.SCORES, 4)
    with pytest.raises(AccessError):
        QUICK([target], grounds(4, 0), torch.zeros(4, dtype=torch.int64), Become(1), unfooled_draws())


def unfooled_draws() -> Any:
    from unfooled.core.seeds import Draws

    return Draws.of(0, "access")


def test_metres_are_counted_along_the_drive() -> None:
    drive = tuple(Passing(metres, 20, 0, hit, 1) for metres, hit in ((50, 0.9), (40, 0.4), (30, 0.6), (10, 0.0)))
    assert read_in(drive) == (2, 20.0)


def photograph(tmp_path: Path, corners: Any = None, name: str = "stop.png") -> Path:
    """Draw a stop sign into a grey photograph, and note its corners."""
    shown = torch.full((3, 120, 160), 0.45)
    stop = face("stop", 60)
    shown[:, 30:90, 50:110] += stop[3] * (stop[:3] - shown[:, 30:90, 50:110])
    place = tmp_path / name
    Image.fromarray((shown * 255).byte().permute(1, 2, 0).numpy()).save(place)
    told = {name: corners or [[50, 30], [110, 30], [110, 90], [50, 90]]}
    (tmp_path / "outlines.json").write_text(json.dumps(told))
    return place


def test_a_sign_in_a_photograph_is_read_in_crops(tmp_path: Path) -> None:
    (look,) = look_at_signs(model(), [photograph(tmp_path)], target="yield")
    assert sum(count for _, count in look.read) == 20
    assert look.read[0][0] == "stop"
    assert look.wanted == "yield"
    assert '"stop" in' in look.sentence
    assert look_at_signs(model(), [tmp_path])[0].read == look.read


def test_crops_are_centred_and_keep_within_the_photograph() -> None:
    ramp = torch.arange(100.0).expand(3, 100, 100) / 100
    corners = torch.tensor([[40.0, 40], [60, 40], [60, 60], [40, 60]])
    found = crops(ramp, corners)
    assert found.values.shape == (20, 3, 32, 32)
    assert float(found.values[0].mean()) == pytest.approx(0.495, abs=1e-4)
    assert crops(ramp, corners - 40).values.isfinite().all()


def test_tape_is_pasted_on_the_sign_alone() -> None:
    photo, mask = torch.full((3, 90, 90), 0.5), torch.zeros(32, 32)
    mask[8:16, 8:24] = 0.5
    corners = torch.tensor([[20.0, 20], [70, 20], [70, 70], [20, 70]])
    tape = AlteredSign.of("stop", torch.ones(3, 16, 16), mask, Roadside(), {})
    shown = tape.paste(photo, corners)
    changed = (shown != photo).any(dim=0)
    assert float(changed.sum()) == pytest.approx(50 * 50 / 8, rel=0.25)
    assert not changed[:30].any()
    assert float(shown[:, 36, 40].mean()) == pytest.approx(0.75, abs=0.02)  # half opaque


def test_tape_is_tried_on_photographs(tmp_path: Path) -> None:
    place, study = photograph(tmp_path), story()
    (clean,) = look_at_signs(model(), [place])
    (taped,) = look_at_signs(model(), [place], tape=study.sign)
    assert dict(taped.read).get("yield", 0) > dict(clean.read).get("yield", 0)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda place: place.unlink(), "no outline"),
        (lambda place: place.write_text("{}"), "no outline"),
        (lambda place: place.write_text("nothing"), "cannot be read"),
        (lambda place: place.write_text('{"stop.png": [[0, 0], [1, 0], [1, 1]]}'), "four corners"),
        (lambda place: place.write_text('{"stop.png": [[0, 0], [0, 9], [9, 9], [9, 0]]}'), "clockwise"),
    ],
)
def test_photographs_without_outlines_are_refused(tmp_path: Path, spoil: Callable[[Path], object], words: str) -> None:
    place = photograph(tmp_path)
    spoil(tmp_path / "outlines.json")
    with pytest.raises(InputError, match=words):
        look_at_signs(model(), [place])
