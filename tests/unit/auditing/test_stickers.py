"""A sticker's whole story on small nets: figures, files, and every kind of bad input."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

import unfooled
from unfooled.auditing.stickers.looking import PARTS, look
from unfooled.auditing.stickers.study import AREAS, Study, sticker
from unfooled.cli.sticker import write_study
from unfooled.core.errors import InputError, ModelError, RunError, UnfooledError
from unfooled.core.trials import rate
from unfooled.crafting.adversarial_patch import AdversarialPatch
from unfooled.modalities.albums import grey, open_album
from unfooled.models.classifier import wrap
from unfooled.models.preprocess import Preprocess
from unfooled.models.weights import fingerprint
from unfooled.report.page import render

NAMES = ("red", "green", "blue")
QUICK = AdversarialPatch(steps=25, batch=4)


def colours() -> nn.Module:
    """Read the mean colour, blue only where it is strong."""
    layer = nn.Linear(3, 3)
    with torch.no_grad():
        layer.weight.copy_(torch.eye(3) * 20)
        layer.bias.copy_(torch.tensor([0.0, 0.0, -1.0]))
    return nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), layer).eval()


def model(module: nn.Module | None = None, name: str = "colours", names: tuple[str, ...] | None = NAMES) -> Any:
    return wrap(module or colours(), Preprocess(size=24), names, name=name)


def photographs(seed: int, n: int = 6) -> tuple[torch.Tensor, torch.Tensor]:
    """Draw pictures that are red or green on the whole, with their labels."""
    lots = torch.Generator().manual_seed(seed)
    y = torch.arange(n) % 2
    x = 0.4 * torch.rand(n, 3, 40, 40, generator=lots)
    x[torch.arange(n), y] += 0.1
    return x, y


def made(**told: Any) -> Study:
    settings = {"target": "blue", "area": "30%", "patch": QUICK, "placements": 2, **told}
    learn_from, try_on = settings.pop("learn_from", photographs(1)), settings.pop("try_on", photographs(2))
    return sticker(settings.pop("model", model()), learn_from, try_on, **settings)


def test_a_sticker_is_found_tried_and_told_of(tmp_path: Path) -> None:
    module = colours()
    before = fingerprint(module)
    study = made(model=model(module))
    assert fingerprint(module) == before
    (own,) = [one for one in study.found.of("sticker", "colours", ("colours",)) if one.area == 0.3]
    (noise,) = [one for one in study.found.of("noise", "colours") if one.area == 0.3]
    assert own.hit.share == 1
    assert noise.hit.share < 0.5
    assert [one.area for one in study.found.of("sticker", "colours", ("colours",))] == list(AREAS)
    assert study.found.film is not None
    assert study.found.film.hit[-1] >= study.found.film.hit[0]
    write_study(study, tmp_path, 10, "unfooled sticker ...")
    written = json.loads((tmp_path / "trials.json").read_text())
    assert written["wanted"] == "blue"
    assert written["tried_on"] == {"n": 6, "left_out": 0, "right": 6}
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert re.findall(r'(?:src|href)="(?!data:|#)([^"]*)"', page) == ["sticker.pdf"]
    assert "&ldquo;blue&rdquo;" in page
    assert "unfooled sticker ..." in page
    assert (tmp_path / "sticker.pdf").is_file()
    shutil_free = unfooled.audit(
        model(), photographs(2), "become:2 sticker:30%", f"apply:{tmp_path / 'sticker'}", keep="all"
    )  # fmt: skip
    assert float(shutil_free.union().broken.mean()) == 1


def test_a_sticker_is_brought_to_a_set_that_can_hold_it(tmp_path: Path) -> None:
    study = made(placements=1, patch=replace(QUICK, steps=2))
    write_study(study, tmp_path, 10, "unfooled sticker ...")
    with pytest.raises(InputError, match="larger than the threat allows"):
        unfooled.audit(model(), photographs(2), "sticker:10%", f"apply:{tmp_path / 'sticker'}")
    with pytest.raises(RunError, match=r"Name .*sticker"):
        unfooled.audit(model(), photographs(2), "sticker:30%", f"apply:{tmp_path}")
    with pytest.raises(InputError, match="apply:FOLDER"):
        unfooled.audit(model(), photographs(2), "sticker:30%")
    page = render(unfooled.audit(model(), photographs(2), "sticker:30%", f"apply:{tmp_path / 'sticker'}"))
    assert "lay one sticker into the example, within a disc of 30%" in page


def test_a_smaller_sticker_does_less() -> None:
    shares = [one.hit.share for one in made().found.of("sticker", "colours", ("colours",))]
    assert shares == sorted(shares)
    assert shares[0] < shares[-1]


def test_figures_do_not_hang_on_the_batch_or_the_order() -> None:
    x, y = photographs(2)
    order = torch.tensor([5, 2, 0, 1, 4, 3])
    one, other = made(batch=8), made(batch=3, try_on=(x[order], y[order]))
    assert one.found.trials == other.found.trials
    assert torch.equal(one.sticker.texture, other.sticker.texture)


def test_a_matrix_has_every_source_alone_and_all_but_one() -> None:
    sources = [model(name="one"), model(name="two"), model(name="three")]
    study = made(sources=sources, matrix=True, placements=1, patch=replace(QUICK, steps=2))
    groups = [trial.learned for trial in study.found.trials if trial.what == "sticker" and trial.model == "colours"]
    assert list(dict.fromkeys(groups)) == [
        ("one", "two", "three"), ("one",), ("two",), ("three",), ("two", "three"), ("one", "three"), ("one", "two"),
    ]  # fmt: skip
    assert {one["name"]: one["source"] for one in study.found.about["models"]}["colours"] is False


def test_a_real_picture_stands_beside_it(tmp_path: Path) -> None:
    blue = np.zeros((30, 50, 3), np.uint8)
    blue[..., 2] = 255
    Image.fromarray(blue).save(tmp_path / "blue.png")
    study = made(picture=tmp_path / "blue.png")
    assert study.found.of("picture", "colours")[-1].hit.share == 1


def test_photographs_that_show_the_target_are_left_out() -> None:
    x, y = photographs(2)
    x[0] = torch.tensor([0.0, 0.0, 1.0]).view(3, 1, 1)
    y[0] = 2
    study = made(try_on=(x, y))
    assert study.found.about["tried_on"] == {"n": 5, "left_out": 1, "right": 6}


def test_the_victim_among_the_sources_is_tried_at_every_size() -> None:
    study = made(sources=[model()], placements=1, patch=replace(QUICK, steps=2))
    assert [one.area for one in study.found.of("sticker", "colours", ("colours",))] == list(AREAS)


def test_five_likeliest_of_three_classes_say_nothing() -> None:
    study = made(placements=1, patch=replace(QUICK, steps=2))
    assert all(trial.top5 is None for trial in study.found.trials)


def test_photographs_are_looked_at_by_sound_models_alone(tmp_path: Path) -> None:
    Image.fromarray(np.full((40, 40, 3), 90, np.uint8)).save(tmp_path / "one.png")
    (one,) = look(model(), [tmp_path], "blue")
    assert one.sentence.endswith("in 0 of 7 parts")  # all three classes are among the five likeliest
    with pytest.raises(ModelError, match="not finite"):
        look(model(nn.Sequential(colours(), Never()).eval()), [tmp_path])
    whole = nn.Sequential(nn.Flatten(), nn.Linear(3 * 40 * 40, 3)).eval()  # takes no part of it
    with pytest.raises(ModelError, match=r"inputs of shape \(1, 3, 30, 30\)"):
        look(wrap(whole, None, NAMES), [tmp_path])


class Never(nn.Module):
    """Answers nothing that is a number."""

    def forward(self, scores: torch.Tensor) -> torch.Tensor:
        return scores * torch.nan


def test_untargeted() -> None:
    study = made(target=None, patch=replace(QUICK, loss="cross-entropy"))
    own = study.found.of("sticker", "colours", ("colours",))
    assert own[-1].hit.share == 1
    assert study.found.about["wanted"] == ""


def test_folders_without_labels(tmp_path: Path) -> None:
    x, _ = photographs(1)
    for i, one in enumerate(x):
        Image.fromarray((one * 255).byte().permute(1, 2, 0).numpy()).save(tmp_path / f"{i}.png")
    with pytest.raises(InputError, match="6 of 6 are among both"):
        made(learn_from=tmp_path, try_on=str(tmp_path))
    study = made(try_on=str(tmp_path), learn_from=photographs(3))
    assert study.found.about["tried_on"]["right"] is None
    looks = look(model(), [tmp_path], "blue")
    assert len(looks) == 6
    assert looks[0].sentence.startswith('0.png: "')
    assert [part for part, _ in looks[0].parts] == list(PARTS)
    assert "in 0 of 7 parts" in looks[0].sentence


def _no_step(line: str) -> None:
    pytest.fail(f"begun in vain: {line}")


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "larger than the picture": ({"area": "90%"}, "larger than the picture"),
    "no area": ({"area": "0%"}, "share of the picture"),
    "an area in words": ({"area": "half"}, "share of the picture"),
    "an unknown class": ({"target": "bleu"}, "Did you mean blue"),
    "a number beyond": ({"target": "7"}, "no such class"),
    "no photograph read right": ({"try_on": (photographs(2)[0], 1 - photographs(2)[1])}, "none of these"),
    "other classes": ({"sources": [model(names=("a", "b", "c"), name="x")] * 1 + [model()]}, "different class lists"),
    "other numbers of classes": (
        {"others": [wrap(nn.Sequential(colours(), nn.Linear(3, 4)).eval(), Preprocess(size=24), name="four")]},
        "different class lists",
    ),
    "another order of classes": ({"others": [model(names=NAMES[::-1], name="x")]}, "in another order"),
    "two models of one name": (
        {"sources": [model(nn.Sequential(colours(), nn.Linear(3, 3)).eval())]},
        "bear one name",
    ),
    "no place": ({"placements": 0}, "at least one place"),
    "no such picture": ({"picture": "none.png", "told": _no_step}, "cannot be opened"),
    "what it was learned from": ({"learn_from": photographs(2)}, "learned from"),
    "no weight a source": ({"weights": (1.0, 2.0)}, "one weight"),
    "no such folder": ({"learn_from": "no/such/folder"}, "no such file or folder"),
    "no such form": ({"outline": "star"}, "no such form"),
    "sizes that differ": (
        {
            "model": wrap(colours(), None, NAMES),
            "learn_from": ([photographs(1)[0][0], photographs(1)[0][1][:, :30]], torch.tensor([0, 1])),
        },
        "several sizes",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input(case: str) -> None:
    told, words = BAD[case]
    with pytest.raises(UnfooledError, match=words):
        made(**told)


def test_a_model_that_does_not_name_its_classes() -> None:
    assert made(model=model(names=None), target=2).found.about["wanted"] == "class 2"
    with pytest.raises(InputError, match="does not name"):
        made(model=model(names=None), target="blue")


def test_the_interval_is_over_photographs() -> None:
    same = np.tile(np.array([[True], [False]]), (10, 4))
    assert rate(same).share == 0.5
    low, high = rate(same).interval
    assert low == pytest.approx(0.28, abs=0.04)  # 20 photographs, however many places on each
    assert high == pytest.approx(0.72, abs=0.04)
    assert rate(np.ones((20, 4), bool)).interval == pytest.approx((0.832, 1.0), abs=0.001)


class Grey(nn.Module):
    """Take pictures of one channel: class 1 is a bright one, class 0 a dark one."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.full((1, 1, 1, 1), 20.0))

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        bright = nn.functional.conv2d(values, self.weight).mean(dim=(2, 3))
        return torch.cat([10 - bright, bright - 10], dim=1)


def test_a_model_of_one_channel_sees_photographs_in_grey(tmp_path: Path) -> None:
    for i, one in enumerate(torch.cat([photographs(1)[0], photographs(2)[0]])):
        home = tmp_path / ("learn" if i < 6 else "judge")
        home.mkdir(exist_ok=True)
        Image.fromarray((one * 255).byte().permute(1, 2, 0).numpy()).save(home / f"{i}.png")
    reader = wrap(Grey().eval(), Preprocess(size=24), ("dark", "bright"), name="grey")
    study = sticker(reader, tmp_path / "learn", tmp_path / "judge", "bright", "70%", patch=QUICK, placements=1)
    assert study.sticker.texture.shape[0] == 1
    assert study.found.of("sticker", "grey", ("grey",))[-1].hit.share == 1
    page = write_study(study, tmp_path / "made", 10, "unfooled sticker ...")
    assert page.found.shots[0].picture.shape[0] == 1
    assert len(look(reader, [tmp_path / "judge", tmp_path / "learn"], "bright")) == 12
    with pytest.raises(InputError, match="colour pictures"):
        sticker(
            reader, tmp_path / "learn", tmp_path / "judge", "bright", "70%",
            patch=replace(QUICK, palette=((0.0, 0.0, 0.0),)),
        )  # fmt: skip


def test_grey_is_what_picture_libraries_make_of_colours(tmp_path: Path) -> None:
    picture = (np.random.default_rng(0).random((20, 30, 3)) * 255).astype(np.uint8)
    Image.fromarray(picture).save(tmp_path / "x.png")
    mixed = grey(open_album(tmp_path)).load(0)
    wanted = np.asarray(Image.fromarray(picture).convert("L")).astype(int)
    assert mixed.shape == (1, 20, 30)
    assert np.abs(mixed[0] - wanted).max() <= 1


def test_a_model_in_training_mode_is_not_asked_which_colours_it_takes() -> None:
    module = nn.Sequential(nn.BatchNorm2d(3), colours())
    before = fingerprint(module)
    with pytest.raises(ModelError, match="training mode"):
        made(model=model(module.train()))
    assert fingerprint(module) == before
