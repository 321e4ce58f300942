"""How alike texts are before and after, by an encoder of sentences."""

from __future__ import annotations

import re

import numpy as np
import pytest
from typer.testing import CliRunner

import unfooled
from unfooled.auditing.similarity import similarities
from unfooled.cli import app
from unfooled.core.errors import InputError
from unfooled.core.folder import load
from unfooled.zoo.minilm import minilm

NAME = "chars:3 by scores"
TEXTS, Y = ["A wonderful film", "good and moving", "the awful truth"], [1, 1, 0]


def scores(texts: list[str]) -> np.ndarray:
    good, bad = ("wonderful", "good", "moving"), ("awful",)
    worth = [sum((word in good) - (word in bad) for word in re.findall("[a-z]+", text.lower())) for text in texts]
    return np.array([[-one - 0.5, one + 0.5] for one in worth], np.float32)


def results(**more: object) -> unfooled.Results:
    return unfooled.audit(unfooled.text_model(scores, ["bad", "good"]), (TEXTS, Y), "chars:3", **more)  # type: ignore[arg-type]


def counted(texts: list[str]) -> np.ndarray:
    return np.array([[text.count(letter) for letter in "abcdefghijklmnopqrstuvwxyz "] for text in texts])


def test_each_fallen_text_is_compared_with_its_own() -> None:
    run = results()
    found = similarities(run, counted, "letters")
    fell = run[NAME]
    assert found["encoder"] == "letters"
    assert set(found["cosines"][NAME]) == set(np.array(fell.column("key"))[fell.broken & fell.column("clean_correct")])
    for key, cosine in found["cosines"][NAME].items():
        before, after = (run.tensors[name].tobytes().decode() for name in (f"x/{key}", f"x_adv/{NAME}/{key}"))
        one, other = counted([before, after]).astype(float)
        assert cosine == pytest.approx(one @ other / np.linalg.norm(one) / np.linalg.norm(other), abs=1e-6)
        assert 0 < cosine < 1


def test_a_run_without_kept_texts_is_refused() -> None:
    with pytest.raises(InputError, match="no two texts"):
        similarities(results(keep="none"), counted, "letters")


def test_minilm_finds_alike_what_says_the_same_and_cannot_see_what_is_invisible() -> None:
    encode = minilm()
    said = [
        "a funny and moving film",
        "an amusing, touching movie",
        "trains run on time",
        "a funny\u200b and moving film",
    ]
    vectors = encode(said)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=1e-5)
    cosines = vectors @ vectors[0]
    assert cosines[1] > cosines[2] + 0.3
    assert cosines[3] == pytest.approx(1, abs=1e-5)
    assert encode(said[2:3])[0] == pytest.approx(vectors[2], abs=1e-5), "neighbours and their padding do not matter"


def test_the_command_adds_it_to_a_run_and_its_page(tmp_path) -> None:  # type: ignore[no-untyped-def]
    from unfooled.core.folder import save

    save(results(), tmp_path / "run")
    told = CliRunner().invoke(app, ["similarity", str(tmp_path / "run")])
    assert told.exit_code == 0, told.output
    assert "chars:3" in told.stdout
    assert load(tmp_path / "run").run["similarity"]["encoder"] == "all-MiniLM-L6-v2"
    assert "similarity 0." in (tmp_path / "run" / "report.html").read_text()
