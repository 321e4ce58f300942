"""`unfooled speech` from a WAV file on disk to WAV files that say one thing and are heard as another."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from unfooled.cli import app
from unfooled.modalities.wav import Wav16, read_samples
from unfooled.models.speech_zoo import read_tones
from unfooled.zoo import tones


def command(*words: object) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    carrier = Wav16(tones.RATE)
    return carrier.write(tmp_path / "clip.wav", carrier.pack(tones.spoken("turn the lights off", 51)))


def test_a_clip_says_one_thing_and_is_heard_as_another(clip: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    told = command("speech", clip, "--model", "zoo:tones", "--say", "Go on!", "--steps", 45, "--out", run)
    assert told.exit_code == 0, told.output
    assert "clip.wav" in told.output
    assert "turn the lights off" in told.output
    assert "1 of 1 reached, in WAV files of 16 bits that were read back" in told.output
    assert "what is said was not told for 1 of 1 recordings" in told.output
    (adversarial,) = (run / "files").rglob("*_adv.wav")
    values = Wav16(tones.RATE).unpack(read_samples(adversarial, tones.RATE))
    assert _heard(values) == ["go", "on"]
    assert (run / "report.html").is_file()
    again = command("verify", run, "--files", run / "files")
    assert again.exit_code == 0, again.output
    assert "confirmed 1 of 1" in again.output
    shown = command("report", run, "--out", tmp_path / "again.html")
    assert shown.exit_code == 0, shown.output
    assert (tmp_path / "again.html").read_bytes() == (run / "report.html").read_bytes()


def test_programs_get_json(clip: Path, tmp_path: Path) -> None:
    words = ("speech", clip, "--model", "zoo:tones", "--goal", "mute", "--steps", 25, "--out", tmp_path / "run")
    told = command(*words, "--json")
    assert told.exit_code == 0, told.output
    (line,) = json.loads(told.stdout)["recordings"]
    assert line["reached"]
    assert (line["goal"], line["before"], line["after"]) == ("mute", "turn the lights off", "")
    assert line["snr"] > 30
    assert line["characters_a_second"] == 0
    assert command(*words).exit_code == 2, "the folder holds a run"


def test_a_defence_is_attacked_without_it_and_through_it(clip: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    words = ("speech", clip, "--model", "zoo:tones", "--say", "go on", "--steps", 45, "--defence", "quantised:bits=6")
    told = command(*words, "--out", run, "--json")
    assert told.exit_code == 0, told.output
    found = json.loads(told.stdout)
    (line,) = found["defence"]["lines"]
    assert found["defence"]["grade"] == "D"
    assert line["before"] == "turn the lights off"
    assert (line["plain"]["text"], line["plain"]["reached"]) == ("go on", True)
    assert not line["carried"]["reached"]
    assert line["carried"]["text"] != "go on"
    assert (line["knowing"]["text"], line["knowing"]["reached"]) == ("go on", True)
    (adversarial,) = (run / "files").rglob("*_adv.wav")
    values = Wav16(tones.RATE).unpack(read_samples(adversarial, tones.RATE))
    assert _heard((values * 32).round() / 32) == ["go", "on"], "the file works behind the rounding"
    again = command("verify", run, "--files", run / "files")
    assert again.exit_code == 0, again.output
    assert "confirmed 1 of 1" in again.output
    page = (run / "report.html").read_text()
    assert "Of these files, 0 of 1 still work behind quantised:bits=6" in page
    assert "--defence quantised:bits=6" in page


def test_what_a_defence_lets_pass_counts(clip: Path, tmp_path: Path) -> None:
    """Rounding to 15 bits changes nothing that a quick search relies on, so the first file is as good as the second."""
    words = ("speech", clip, "--model", "zoo:tones", "--say", "go on", "--steps", 25, "--defence", "quantised:bits=15")
    told = command(*words, "--out", tmp_path / "run", "--json")
    assert told.exit_code == 0, told.output
    (line,) = json.loads(told.stdout)["defence"]["lines"]
    assert line["carried"]["reached"]
    assert line["before"] == line["behind"]
    assert line["carried"]["snr"] == line["plain"]["snr"]


@pytest.mark.parametrize(
    ("defence", "why"),
    [
        ("jpeg", "not one of recordings"),
        ("pgd-at", "has to learn"),
        ("oops", "There is no such defence"),
        ("band-pass", "half the rate"),
    ],
)
def test_a_defence_that_cannot_stand_here_is_refused(clip: Path, tmp_path: Path, defence: str, why: str) -> None:
    words = ("--say", "go", "--defence", defence, "--out", tmp_path / "run")
    told = command("speech", clip, "--model", "zoo:tones", *words)
    assert told.exit_code == 2
    assert why in " ".join(told.output.split())


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ((), "neither --say nor --goal"),
        (("--say", "go", "--within", "chars:3"), "not for such data"),
        (("--say", "w\u00f6rld"), "cannot write all of this phrase"),
        (("--say", "word " * 60), "too long for the recording"),
        (("--say", "..."), "A phrase has letters"),
    ],
)
def test_what_cannot_be_done_is_told(clip: Path, tmp_path: Path, words: tuple[str, ...], why: str) -> None:
    told = command("speech", clip, "--model", "zoo:tones", *words, "--out", tmp_path / "run")
    assert told.exit_code == 2
    assert why in told.output.replace("\n", " ")


def test_texts_are_no_recordings(tmp_path: Path) -> None:
    table = tmp_path / "reviews.csv"
    table.write_text("text,label\na good film,0\na bad film,1\n")
    told = command("speech", table, "--model", "zoo:tones", "--say", "go", "--out", tmp_path / "run")
    assert told.exit_code == 2
    assert "audited on recordings" in told.output


def test_a_classifier_cannot_be_made_to_hear(clip: Path, tmp_path: Path) -> None:
    told = command("speech", clip, "--model", "unfooled.zoo.small:small_cnn", "--say", "go", "--out", tmp_path / "run")
    assert told.exit_code == 2
    assert "Only a model that writes what it hears" in told.output.replace("\n", " ")
    assert not (tmp_path / "run").exists()


def test_an_audit_takes_a_folder_of_recordings(clip: Path, tmp_path: Path) -> None:
    (tmp_path / "clip.txt").write_text("Turn the lights off.")
    words = ("audit", "zoo:tones", tmp_path, "-t", "snr:15", "--suite", "pgd", "--out", tmp_path / "run", "--json")
    told = command(*words)
    assert told.exit_code == 0, told.output
    (threat,) = json.loads(told.stdout)["threats"]
    assert threat["threat"] == "misheard snr:15"
    assert threat["clean_accuracy"] == 1
    assert threat["robust_accuracy"] == 0


def test_an_audit_takes_a_defence(clip: Path, tmp_path: Path) -> None:
    words = ("audit", "zoo:tones", clip.parent, "-t", "snr:15", "--suite", "pgd", "--out", tmp_path / "run")
    told = command(*words, "--defence", "running-mean:width=3+quantised:bits=7", "--json")
    assert told.exit_code == 0, told.output
    found = json.loads(told.stdout)
    assert found["model"] == "zoo:tones with running-mean:width=3+quantised:bits=7"
    assert command("verify", tmp_path / "run").exit_code == 0


def test_what_it_costs_and_what_the_doctor_cannot_say() -> None:
    told = command("estimate", "zoo:tones", "zoo:sentences", "-t", "snr:20")
    assert told.exit_code == 0, told.output
    assert "6 examples, answers in text" in told.output
    told = command("doctor", "zoo:tones", "zoo:sentences")
    assert told.exit_code == 1
    assert "a model that writes" in told.output


def _heard(values: np.ndarray) -> list[str]:
    """Hear samples (t,) without the package's decoder."""
    import torch

    tokens = read_tones().module(torch.from_numpy(values).float()[None])[0].argmax(dim=1).unique_consecutive()
    return "".join(tones.ALPHABET[token] for token in tokens).split()


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """Recordings to learn from, one of them at another rate, and others to be judged on."""
    carrier, learn, judge = Wav16(tones.RATE), tmp_path / "learn", tmp_path / "judge"
    for place, folder in enumerate((learn, judge)):
        folder.mkdir()
        for i, text in enumerate(("turn it off", "play a song", "call a friend")[: 3 - place]):
            carrier.write(folder / f"{i}.wav", carrier.pack(tones.spoken(text, 70 + 10 * place + i)))
    slow = tones.spoken("go home", 90)
    Wav16(2 * tones.RATE).write(learn / "other.wav", carrier.pack(np.repeat(slow, 2)))
    return learn, judge


def test_one_change_is_learned_for_all_recordings(folders: tuple[Path, Path], tmp_path: Path) -> None:
    learn, judge = folders
    run = tmp_path / "run"
    words = ("universal", "zoo:tones", judge, "--learn", learn, "-t", "misheard linf:0.1", "--epochs", 4, "--batch", 1)
    told = command(*words, "--out", run)
    assert told.exit_code == 0, told.output
    said = " ".join(told.output.split())
    assert "learned from 4 other recordings within linf:0.1, fools the model about 2 of 2" in said
    assert "learned from: 1 of 4 recordings were resampled from 16000 to 8000 samples a second" in said
    page = (run / "report.html").read_text()
    assert page.count("The learned change, ") == 2, "it is played as it is, and magnified"
    assert "audio/wav" in page
    (folder,) = run.glob("delta-*")
    change = read_samples(folder / "delta.wav", tones.RATE)
    assert 0 < np.abs(change).max() <= 0.1 * 32768
    for path in judge.glob("*.wav"):
        x = read_samples(path, tones.RATE)
        brought = np.clip(x.astype(int) + np.resize(change, len(x)), -32768, 32767) / 32768
        heard = [_heard(one) for one in (x / 32768, brought)]
        assert heard[0] != heard[1], f"the WAV file alone is enough: {path.name}"
    again = command("audit", "zoo:tones", judge, "-t", "misheard linf:0.1", "--suite", f"apply:{folder}", "--json",
                    "--batch", 1, "--out", tmp_path / "again")  # fmt: skip
    assert again.exit_code == 0, again.output
    assert json.loads(again.stdout)["threats"][0]["robust_accuracy"] == 0
    assert command("verify", run).exit_code == 0


@pytest.mark.parametrize(
    ("learned", "why"),
    [("none", "no such folder of recordings"), ("bare", "no recordings to learn from"), ("judge", "are among both")],
)
def test_what_cannot_be_learned_from_is_told(
    folders: tuple[Path, Path], tmp_path: Path, learned: str, why: str
) -> None:
    (tmp_path / "bare").mkdir()
    told = command("universal", "zoo:tones", folders[1], "--learn", tmp_path / learned, "-t", "linf:0.1",
                   "--out", tmp_path / "run")  # fmt: skip
    assert told.exit_code == 2
    assert why in " ".join(told.output.split())
