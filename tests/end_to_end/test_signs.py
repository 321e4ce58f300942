"""`unfooled sign` and `unfooled check-sign` on a reader in closed form."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import sign_reader
import torch
from PIL import Image
from typer.testing import CliRunner, Result

from unfooled.cli import app
from unfooled.zoo.signs.artwork import CLASSES
from unfooled.zoo.signs.renders import face


def call(*words: object) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


@pytest.fixture
def model(tmp_path: Path) -> str:
    place = tmp_path / "sign_reader.py"
    shutil.copy(sign_reader.__file__, place)
    with place.open("a") as file:
        file.write(
            "\n\ndef named():\n    from unfooled import wrap\n    return wrap(reader(), classes=CLASSES, name='r')\n"
        )
    return f"{place}:named"


def test_a_sign_is_made_and_told_of(tmp_path: Path, model: str) -> None:
    out = tmp_path / "out"
    words = (
        "sign",
        model,
        "--target",
        "yield",
        "--area",
        "20%",
        "--mask",
        "bars",
        "--steps",
        8,
        "--places",
        12,
        "--out",
        out,
    )
    told = call(*words, "--json", "-q")
    assert told.exit_code == 0, told.stderr
    found = json.loads(told.stdout)
    assert found["wanted"] == "yield"
    assert found["difference"]["area"] == pytest.approx(0.2, abs=0.02)
    assert {one.name for one in out.iterdir()} == {"sign", "sign.pdf", "pictures", "trials.json", "report.html"}
    assert call(*words).exit_code == 2


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--width", "75"), "unit"),
        (("--target", "stop"), "the sign itself"),
        (("--colours", "gold"), "no such colours"),
        (("--mask", "stripes"), "no such mask"),
        (("--area", "150%"), "share of the picture"),
        (("--similarity", "0.9"), "not of a palette"),
    ],
)
def test_bad_options_are_told(tmp_path: Path, model: str, options: tuple[str, ...], words: str) -> None:
    told = call("sign", model, "--steps", 1, "--out", tmp_path / "out", *options)
    assert told.exit_code == 2
    assert words in told.stderr.replace("\n", " ")


def test_a_photograph_is_read(tmp_path: Path, model: str) -> None:
    stop = face("stop", 64)
    shown = torch.full((3, 96, 96), 0.4)
    shown[:, 16:80, 16:80] += stop[3] * (stop[:3] - shown[:, 16:80, 16:80])
    Image.fromarray((shown * 255).byte().permute(1, 2, 0).numpy()).save(tmp_path / "photo.png")
    told = call("check-sign", tmp_path / "photo.png", "--model", model)
    assert told.exit_code == 2
    assert "no outline" in told.stderr
    (tmp_path / "outlines.json").write_text(json.dumps({"photo.png": [[16, 16], [80, 16], [80, 80], [16, 80]]}))
    told = call("check-sign", tmp_path / "photo.png", "--model", model, "--json")
    assert told.exit_code == 0, told.stderr
    (look,) = json.loads(told.stdout)
    assert set(look["read"]) <= set(CLASSES)
    assert max(look["read"], key=look["read"].get) == "stop"
