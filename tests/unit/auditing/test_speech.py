"""Recordings through the audit: heard, attacked, judged in 16 bits, kept, shown, exported and checked again."""

from __future__ import annotations

import csv
import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

import unfooled
from unfooled.auditing.export import export
from unfooled.core.errors import InputError, ModelError, RunError
from unfooled.core.transcripts import label_of, text_of
from unfooled.modalities.sounds import change_of
from unfooled.modalities.wav import Wav16
from unfooled.models.speech import SpeechModel
from unfooled.models.speech_zoo import read_tones
from unfooled.report import page
from unfooled.zoo import tones

SAID = ["the weather is fine today", "turn all the lights off", "call a friend at noon"]
PHRASE = "go on"
SAY = "transcribe:go_on"


@pytest.fixture(scope="module")
def model() -> SpeechModel:
    return read_tones()


@pytest.fixture(scope="module")
def waves() -> list[np.ndarray]:
    carrier = Wav16(tones.RATE)
    return [carrier.unpack(carrier.pack(tones.spoken(text, 50 + i))) for i, text in enumerate(SAID)]


def quick(steps: int = 45) -> list[object]:
    return [unfooled.attack_named("carlini-wagner-audio", steps=steps)]


@pytest.fixture(scope="module")
def results(model: SpeechModel, waves: list[np.ndarray], tmp_path_factory: pytest.TempPathFactory) -> unfooled.Results:
    return unfooled.audit(
        model,
        (waves, SAID),
        [f"{SAY} snr", f"{SAY} snr:60"],
        quick(),
        batch=1,
        out=tmp_path_factory.mktemp("s") / "run",
    )


def test_proposals_for_recordings_are_judged_though_nobody_told_what_is_said(
    model: SpeechModel, waves: list[np.ndarray], results: unfooled.Results
) -> None:
    made = results[f"{SAY} snr"].x_adv
    found = unfooled.judge(model, (waves, None), list(made), f"{SAY} snr")
    assert found[f"{SAY} snr"].broken.all()
    unfooled.judge(model, (waves, None), waves, f"{SAY} snr")


def facts(results: unfooled.Results) -> dict[tuple[str, str], tuple[object, ...]]:
    return {
        (row["threat"], row["key"]): (row["broken"], row["adv_label"], row["distance"], row["forwards"])
        for row in results.records.to_pylist()
    }


def test_the_small_network_reads_what_is_spoken(model: SpeechModel, results: unfooled.Results) -> None:
    assert results[f"{SAY} snr"].clean_accuracy == 1
    assert [text_of(label) for label in results[f"{SAY} snr"].column("clean_label")] == SAID


def test_every_recording_is_heard_as_the_phrase(
    model: SpeechModel, waves: list[np.ndarray], results: unfooled.Results
) -> None:
    rows = results[f"{SAY} snr"]
    assert rows.broken.all()
    for row, stored in rows.adversarial():
        assert stored.dtype == np.int16
        assert stored.shape == waves[row].shape
        change = change_of(waves[row], stored / 32768, tones.RATE)
        assert change.snr == pytest.approx(-20 * np.log10(rows.column("distance")[row]))
        assert change.snr > 20
        assert change.pearson > 0.995
        heard = model.module(torch.from_numpy(stored.astype(np.float32) / 32768)[None])
        path = [tones.ALPHABET[token] for token in torch.unique_consecutive(heard[0].argmax(dim=1)).tolist()]
        assert "".join(path).split() == PHRASE.split()
    assert not results[f"{SAY} snr:60"].broken.any(), "at 60 decibels nothing is heard"
    assert results.run["transcripts"][str(label_of(PHRASE))] == PHRASE
    assert results.run["suite"]["nearest"] == ["CarliniWagnerAudio"]


def test_answers_hang_on_no_order_and_no_neighbour(
    model: SpeechModel, waves: list[np.ndarray], results: unfooled.Results
) -> None:
    order = [2, 0, 1]
    moved = unfooled.audit(model, ([waves[i] for i in order], [SAID[i] for i in order]), f"{SAY} snr", quick(), batch=1)
    known = facts(results)
    assert facts(moved) == {place: known[place] for place in facts(moved)}
    wide = [
        unfooled.audit(model, (waves[i:j], SAID[i:j]), f"{SAY} snr", quick(8), batch=2) for i, j in ((0, 3), (1, 2))
    ]
    alone = facts(wide[1])
    assert alone == {place: facts(wide[0])[place] for place in alone}


def test_a_stopped_run_goes_on_with_its_texts(
    model: SpeechModel, waves: list[np.ndarray], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    threats, told = [f"{SAY} snr", "mute snr"], {"batch": 1, "out": tmp_path / "run"}
    whole = unfooled.audit(model, (waves, SAID), threats, quick(6), batch=1)
    calls, wrapped = [], SpeechModel.toward

    def stopping(self: SpeechModel, phrases: dict[int, str]) -> SpeechModel:
        calls.append(phrases)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return wrapped(self, phrases)

    monkeypatch.setattr(SpeechModel, "toward", stopping)
    with pytest.raises(KeyboardInterrupt):
        unfooled.audit(model, (waves, SAID), threats, quick(6), **told)
    monkeypatch.undo()
    resumed = unfooled.audit(model, (waves, SAID), threats, quick(6), resume=True, **told)
    assert facts(resumed) == facts(whole)
    assert resumed.run["transcripts"] == whole.run["transcripts"]


def test_what_nobody_told_the_model_is_asked(model: SpeechModel, waves: list[np.ndarray]) -> None:
    told = unfooled.audit(model, (waves, [None, SAID[1], "something else"]), "misheard snr:20", quick(15), batch=1)
    rows = told["misheard snr:20"]
    assert [text_of(label) for label in rows.column("y")] == [SAID[0], SAID[1], "something else"]
    assert rows.column("clean_correct").tolist() == [True, True, False]
    assert rows.broken.tolist() == [True, True, False]
    plain = unfooled.audit(model, (waves, None), "snr:20", quick(15), batch=1)
    assert plain.threats == ["misheard snr:20"], "anything but the label is any other transcript"


def test_goals_in_words(model: SpeechModel, waves: list[np.ndarray]) -> None:
    threats = ["mute snr:20", "without:lights snr:20", "misheard:0.5 snr:10"]
    told = unfooled.audit(model, (waves[1:2], SAID[1:2]), threats, quick(40), batch=1)
    heard = {name: text_of(int(told[name].column("adv_label")[0])) for name in threats}
    assert all(told[name].broken.all() for name in threats)
    assert heard["mute snr:20"] == ""
    assert "lights" not in heard["without:lights snr:20"].split()
    assert sum(one != other for one, other in zip(heard["misheard:0.5 snr:10"].split(), SAID[1].split(), strict=False))


@pytest.mark.parametrize("attack", ["pgd", "apgd-ce", "fgsm"])
def test_attacks_of_pictures_climb_phrases_too(model: SpeechModel, waves: list[np.ndarray], attack: str) -> None:
    told = unfooled.audit(model, (waves[1:2], SAID[1:2]), "misheard linf:0.02", [attack], batch=1)
    assert told["misheard linf:0.02"].broken.all()
    found = unfooled.attack(
        model, torch.from_numpy(waves[1])[None], SAID[1:2], attack, "transcribe:turn_the_light_off snr:15"
    )
    assert float(found.loss[0]) > -60


def test_what_is_checked_again_is_the_file(
    model: SpeechModel, waves: list[np.ndarray], results: unfooled.Results, tmp_path: Path
) -> None:
    assert all(one.confirmed for one in unfooled.verify(results, model))
    assert export(results, tmp_path / "files") == 3
    assert all(one.confirmed for one in unfooled.verify(results, model, files=tmp_path / "files"))
    lines = list(csv.DictReader((tmp_path / "files" / "manifest.csv").read_text(encoding="utf-8").splitlines()))
    assert [(line["clean_text"], line["adv_text"]) for line in lines] == [(text, PHRASE) for text in SAID]
    note = (tmp_path / "files" / "README.txt").read_text()
    code = "\n".join(line[4:] for line in note.splitlines() if line.startswith("    "))
    ran = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path / "files", capture_output=True, text=True, check=True
    )
    for line, wave, far in zip(ran.stdout.splitlines(), waves, results[f"{SAY} snr"].column("distance"), strict=True):
        assert float(line.rpartition("l2 ")[2]) / np.linalg.norm(wave.astype(float)) == pytest.approx(far)
    quiet = tmp_path / "files" / lines[0]["adv_file"]
    Wav16(tones.RATE).write(quiet, np.round(waves[0] * 32768).astype(np.int16))
    doubtful = [one for one in unfooled.verify(results, model, files=tmp_path / "files") if not one.confirmed]
    assert [one.why for one in doubtful] == [f"the model answers {SAID[0]!r}"]
    with pytest.raises(RunError, match="another model"):
        unfooled.verify(results, unfooled.speech_model(tones.ToneReader().eval(), unfooled.CTC(tones.ALPHABET), 8000))


def test_the_report_plays_and_shows_it(results: unfooled.Results) -> None:
    html = page.render(results)
    assert html.count('src="data:audio/wav;base64,') == 3 * (3 + 1)
    assert "media-src data:" in html
    assert "goal: transcribe:go_on" in html
    assert '<div class="answer wrong">\u201cgo on\u201d</div>' in html
    assert re.search(r"signal-to-noise ratio \d\d\.\d dB, peak -\d\d\.\d dB, correlation 0\.\d{5}", html)
    assert "add to the recording what is at least 60 decibels quieter in power" in html
    assert "class 1" not in html


def test_the_headline_of_a_search_without_limit(model: SpeechModel, waves: list[np.ndarray]) -> None:
    found = unfooled.audit(model, (waves[:2], SAID[:2]), "mute snr", quick(25), batch=1)
    html = page.render(found)
    assert "makes it hear nothing on all of these 2" in html
    assert re.search(r"at a signal-to-noise ratio of \d\d\.\d.dB or more", html)


def test_questions_that_cannot_be_asked(model: SpeechModel, waves: list[np.ndarray]) -> None:
    for threat, why in {
        "transcribe:na\u00efve snr": "'\u00ef'",
        f"transcribe:{'_'.join(['word'] * 40)} snr": "too long for the recording",
        "become:3 snr": "not one for this model",
        "misheard:-1 snr": "error rate",
    }.items():
        with pytest.raises(InputError, match=why):
            unfooled.audit(model, (waves, SAID), threat, quick(), batch=1)
    with pytest.raises(InputError, match="told in texts"):
        unfooled.audit(model, (waves, [0, 1, 2]), "mute snr", quick(), batch=1)
    with pytest.raises(InputError, match="not one for this model"):
        unfooled.audit(torch.nn.Linear(40, 2).eval(), (torch.zeros(2, 40), torch.zeros(2).long()), "mute linf:0.1")
    with pytest.raises(ModelError, match="training mode"):
        unfooled.audit(
            unfooled.speech_model(tones.ToneReader(), unfooled.CTC(tones.ALPHABET), 8000), (waves, SAID), "mute snr"
        )


def test_runs_are_plain_json(results: unfooled.Results) -> None:
    assert json.loads(json.dumps(results.run))["model"]["writing"]["kind"] == "ctc"
    assert results.run["data"]["notes"] == []
