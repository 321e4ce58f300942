"""`unfooled sticker` and `unfooled check-photo` from the command line, on a small net and small pictures."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from unfooled.cli import app

NET = """
import torch
from torch import nn
import unfooled

def colours():
    layer = nn.Linear(3, 3)
    with torch.no_grad():
        layer.weight.copy_(torch.eye(3) * 20)
        layer.bias.copy_(torch.tensor([0.0, 0.0, -1.0]))
    net = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), layer).eval()
    return unfooled.wrap(net, unfooled.Preprocess(size=24), ("red", "green", "blue"), name="colours")
"""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net_of_colours.py").write_text(NET)
    lots = np.random.default_rng(0)
    for folder, count in (("learn", 4), ("judge", 4)):
        for i in range(count):
            label = ("red", "green")[i % 2]
            home = tmp_path / folder / (label if folder == "judge" else "")
            home.mkdir(parents=True, exist_ok=True)
            picture = lots.integers(0, 90, (40, 40, 3), dtype=np.uint8)
            picture[..., i % 2] += 60
            Image.fromarray(picture).save(home / f"{i}.png")
    return tmp_path


def run(*words: str) -> tuple[int, str]:
    told = CliRunner().invoke(app, list(words))
    return told.exit_code, told.output


def test_a_sticker_and_a_photograph_of_it(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    words = [
        "sticker", "net_of_colours.py:colours", "--learn", "learn", "--judge", "judge", "--target", "blue",
        "--area", "30%", "--steps", "25", "--out", "made", "--quiet",
    ]  # fmt: skip
    monkeypatch.setattr(sys, "argv", ["unfooled", *words])
    code, output = run(*words, "--json")
    assert code == 0, output
    told = json.loads(output)
    (own,) = [one for one in told["trials"] if one["what"] == "sticker" and one["area"] == 0.3]
    assert own["hit"]["share"] == 1
    assert "--target blue" in told["command"]
    for name in ("report.html", "sticker.pdf", "trials.json", "sticker/sticker.png", "sticker/artefact.safetensors"):
        assert (place / "made" / name).is_file()
    shots = sorted(str(path) for path in (place / "made" / "pictures").iterdir())
    code, output = run("check-photo", shots[0], "--model", "net_of_colours.py:colours", "--target", "blue")
    assert code == 0, output
    assert '"blue"' in output
    assert run(*words)[0] == 2  # the folder holds a report


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"--target": "bleu"}, "Did you mean blue?"),
        ({"--area": "90%"}, "larger than the picture"),
        ({"--form": "star"}, "no such form"),
        ({"--place": "middle"}, "two numbers"),
        ({"--learn": "nowhere"}, "no such file or folder"),
    ],
)
def test_slips(place: Path, changed: dict[str, str], words: str) -> None:
    options = {"--learn": "learn", "--judge": "judge", "--target": "blue", "--steps": "1", **changed}
    code, output = run("sticker", "net_of_colours.py:colours", *(word for pair in options.items() for word in pair))
    assert code == 2
    assert words in output


def test_the_demo_makes_one_and_links_it(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = {
        "MODEL": "net_of_colours.py:colours", "DATA": "judge", "LEARNED": "learn", "BECOMES": "blue", "STEPS": 5,
    }  # fmt: skip
    for name, value in told.items():
        monkeypatch.setattr(f"unfooled.cli.demo.{name}", value)
    real = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: real("json" if name == "ai_benchmark" else name))
    code, output = run("demo", "--out", "shown", "--threads", "1")
    assert code == 0, output
    assert 'A sticker for "blue"' in output
    assert 'href="sticker/report.html"' in (place / "shown" / "report.html").read_text(encoding="utf-8")
    assert (place / "shown" / "sticker" / "report.html").is_file()
