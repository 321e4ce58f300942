"""Texts on the command line: audited, checked again, exported, gated."""

from __future__ import annotations

import json

import pytest
from click.testing import Result
from typer.testing import CliRunner

from unfooled.cli import app

MODEL = """
import numpy as np
import unfooled


WORTH = {"good": 1, "fine": 1, "bad": -2, "dull": -2}


def scores(texts):
    worth = [0.5 + sum(WORTH.get(word, 0) for word in text.lower().split()) for text in texts]
    return np.array([[-one, one] for one in worth], dtype=np.float32)


def make():
    return unfooled.text_model(scores, ["bad", "good"])


def labels():
    return scores
"""
TABLE = "text,label\nA good film,good\nA bad <b>film</b>,bad\nan evening,good\n"


@pytest.fixture
def place(tmp_path, monkeypatch):
    (tmp_path / "model.py").write_text(MODEL)
    (tmp_path / "texts.csv").write_text(TABLE)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def call(*words: object) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words], prog_name="unfooled")


def test_texts_are_audited_checked_exported_and_gated(place) -> None:
    told = call("audit", "model.py:make", "texts.csv", "-t", "chars:1", "-t", "invisible:1", "--out", "run", "--json")
    assert told.exit_code == 0, told.output
    found = json.loads(told.stdout)
    assert [one["broken"] for one in found["threats"]] == [1, 1]  # `bad` falls to one edit
    assert call("verify", "run").exit_code == 0
    assert call("export", "run", "--out", "files").exit_code == 0
    assert call("verify", "run", "--files", "files").exit_code == 0
    assert "<b>film</b>" in (place / "files/chars_1_by_scores/001_y0_clean.txt").read_text()
    assert call("gate", "run", "--require", "robust_accuracy>=0.9").exit_code == 1
    page = (place / "run/report.html").read_text()
    assert "&lt;b&gt;film&lt;/b&gt;" in page
    assert "<b>film" not in page


@pytest.mark.parametrize(
    ("words", "match"),
    [
        (("model.py:make", "texts.csv", "-t", "linf:0.1"), "is not for such data"),
        (("model.py:make", "texts.csv", "-t", "chars:1", "--suite", "pgd"), "searches in a Ball"),
        (("model.py:make", "texts.csv", "-t", "chars:0.5"), "counts whole edits"),
        (("model.py:labels", "texts.csv", "-t", "chars:1"), "not a model"),
        (("model.py:make", "none.csv", "-t", "chars:1"), "no such file"),
    ],
)
def test_mistakes_are_told(place, words, match) -> None:
    told = call("audit", *words)
    assert told.exit_code == 2
    assert match in told.stderr
