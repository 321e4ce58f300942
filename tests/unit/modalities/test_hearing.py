"""Recordings from disk: every form that is read, every bad one that is refused, and what is said of the rest."""

from __future__ import annotations

import io
import sys
import wave
from pathlib import Path

import numpy as np
import pytest

from unfooled.core.errors import InputError, MissingExtraError
from unfooled.core.transcripts import UNHEARD, label_of
from unfooled.modalities.carriers import carrier_named, holder_of
from unfooled.modalities.hearing import read_recording, resampled
from unfooled.modalities.recordings import Ears
from unfooled.modalities.sources import open_source
from unfooled.modalities.wav import Wav16, read_samples, wav_bytes

WRITER = Ears(8000, writes=True)
TONE = 0.5 * np.sin(2 * np.pi * 440 * np.arange(4000) / 8000)


def wav(path: Path, values: np.ndarray = TONE, width: int = 2, rate: int = 8000) -> Path:
    """Write a WAV file of (t,) or (t, channels) in [-1, 1], by the definition of its format."""
    channels = 1 if values.ndim == 1 else values.shape[1]
    whole = np.round(values.ravel() * (2 ** (8 * width - 1) - 1)).astype(np.int64) + (128 if width == 1 else 0)
    with wave.open(str(path), "wb") as file:
        file.setparams((channels, width, rate, 0, "NONE", ""))
        file.writeframes(b"".join(int(one).to_bytes(width, "little", signed=width > 1) for one in whole))
    return path


@pytest.mark.parametrize("width", [1, 2, 3, 4])
def test_whole_numbers_of_every_width(tmp_path: Path, width: int) -> None:
    read = read_recording(wav(tmp_path / "a.wav", width=width))
    assert read.rate == 8000
    assert read.values.dtype == np.float32
    assert read.done == ()
    assert np.abs(read.values - TONE).max() < 2.0 ** (2 - 8 * width) + 1e-6


def test_sixteen_bits_come_back_to_the_bit(tmp_path: Path) -> None:
    stored = np.array([-32768, -1, 0, 1, 32767] * 200, np.int16)
    carrier = Wav16(8000)
    path = carrier.write(tmp_path / "linf:0.03", stored)
    assert path.name == "linf:0.03.wav"
    assert np.array_equal(carrier.read(path), stored)
    assert np.array_equal(carrier.pack(read_recording(path).values), stored)
    assert np.array_equal(carrier.pack(carrier.unpack(stored)), stored)
    assert carrier.unpack(stored).max() == carrier.high
    assert carrier.pack(np.array([1.5, -1.5, 0.6 / 32768], np.float32)).tolist() == [32767, -32768, 1]
    assert str(carrier) == "wav16@8000"
    assert carrier_named("wav16@8000") == carrier
    assert carrier_named("wav16") == Wav16() == holder_of(stored)
    for bad in (np.array([np.nan], np.float32), np.zeros((2, 2), np.float32)):
        with pytest.raises(InputError, match="finite samples of one waveform"):
            carrier.pack(bad)
    with pytest.raises(InputError, match="8000 samples a second"):
        Wav16().read(path)
    with pytest.raises(InputError, match="cannot be read"):
        read_samples(tmp_path / "nowhere.wav")
    with pytest.raises(InputError, match="No such carrier"):
        carrier_named("wav16@0")


def test_channels_are_mixed_and_rates_brought_together(tmp_path: Path) -> None:
    both = np.stack([TONE, -TONE / 2], axis=1)
    read = read_recording(wav(tmp_path / "a.wav", both), 16_000)
    assert read.done == ("mixed to one channel", "resampled from 8000 to 16000 samples a second")
    assert len(read.values) == 8000
    inside = slice(200, -200)
    again = 0.125 * np.sin(2 * np.pi * 440 * np.arange(8000) / 16000)
    assert np.abs(read.values[inside] - again[inside]).max() < 2e-3
    assert np.abs(resampled(TONE, 8000, 11_025)).max() <= 1


def test_what_is_clipped_is_said(tmp_path: Path) -> None:
    assert read_recording(wav(tmp_path / "a.wav", np.sign(TONE))).clipped
    assert not read_recording(wav(tmp_path / "b.wav")).clipped


def test_bad_recordings_are_refused(tmp_path: Path) -> None:
    whole = wav(tmp_path / "whole.wav").read_bytes()
    cases = {
        "cut short": whole[:-1001],
        "is empty": wav_bytes(np.zeros(0, np.int16), 8000),
        "is silent": wav_bytes(np.zeros(4000, np.int16), 8000),
        "0.1 to 120 seconds.*Leave it out": wav_bytes(np.ones(100, np.int16), 8000),
        "0.1 to 120 seconds.*3.6e\\+03 s.*Cut it": wav_bytes(np.ones(3600, np.int16), 1),
    }
    for why, data in cases.items():
        path = tmp_path / "bad.wav"
        path.write_bytes(data)
        with pytest.raises(InputError, match=why):
            read_recording(path)
    with pytest.raises(InputError, match="no such recording"):
        read_recording(tmp_path / "nowhere.wav")


@pytest.mark.parametrize("name", ["a.flac", "a.mp3", "noise.wav"])
def test_what_python_cannot_read_names_the_extra(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "soundfile", None)
    (tmp_path / name).write_bytes(b"anything" * 100)
    with pytest.raises(MissingExtraError, match=r"unfooled\[audio\]"):
        read_recording(tmp_path / name)


@pytest.mark.parametrize(("name", "form"), [("a.flac", "PCM_16"), ("a.ogg", "VORBIS"), ("a.wav", "FLOAT")])
def test_other_formats_are_read_by_soundfile(tmp_path: Path, name: str, form: str) -> None:
    soundfile = pytest.importorskip("soundfile")
    soundfile.write(tmp_path / name, TONE, 8000, subtype=form)
    read = read_recording(tmp_path / name)
    assert np.abs(read.values - TONE).max() < (0.1 if form == "VORBIS" else 1e-4)
    damaged = tmp_path / f"damaged{name}"
    damaged.write_bytes((tmp_path / name).read_bytes()[:30])
    with pytest.raises(InputError):
        read_recording(damaged)
    if form == "FLOAT":
        held = io.BytesIO()
        soundfile.write(held, np.where(np.arange(4000) == 7, np.nan, TONE), 8000, subtype="FLOAT", format="WAV")
        (tmp_path / "nan.wav").write_bytes(held.getvalue())
        with pytest.raises(InputError, match="1 that are not"):
            read_recording(tmp_path / "nan.wav")
        soundfile.write(tmp_path / "loud.wav", 3 * TONE, 8000, subtype="FLOAT")
        loud = read_recording(tmp_path / "loud.wav")
        assert loud.done == ("clipped to its range",)
        assert np.abs(loud.values).max() == 1


def test_a_folder_with_transcripts_beside_some(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    wav(tmp_path / "b.wav")
    wav(tmp_path / "deep" / "a.wav", rate=16_000)
    (tmp_path / "b.txt").write_text("Hello, world.\n")
    (tmp_path / "notes.txt").write_text("not said anywhere")
    source = open_source(tmp_path, None, WRITER)
    assert source.names == ["b.wav", "deep/a.wav"]
    assert source.labels.tolist() == [label_of("hello world"), UNHEARD]
    assert source.carrier == Wav16(8000)
    assert source.ragged
    assert len(source.load(1)) == 2000
    assert source.notes == (
        "what is said was not told for 1 of 2 recordings: the model's own text is taken",
        "1 of 2 recordings were resampled from 16000 to 8000 samples a second",
    )
    assert open_source(tmp_path / "b.wav", None, WRITER).names == ["b.wav"]


def test_tables_of_recordings(tmp_path: Path) -> None:
    wav(tmp_path / "a.wav")
    wav(tmp_path / "b.wav")
    table = tmp_path / "table.csv"
    table.write_text('file,text\na.wav,"Yes, please"\nb.wav,\n')
    assert open_source(table, None, WRITER).labels.tolist() == [label_of("yes please"), UNHEARD]
    table.write_text("file;label\na.wav;no\nb.wav;yes\n")
    assert open_source(table, ("yes", "no"), Ears(8000)).labels.tolist() == [1, 0]
    for text, why in (("file,label\na.wav,\n", "a file and a label"), ("file,text\na.wav,...\n", "has words")):
        table.write_text(text)
        with pytest.raises(InputError, match=why):
            open_source(table, None, Ears(8000, writes="text" in text))


def test_class_folders_of_recordings(tmp_path: Path) -> None:
    for place in ("yes/1.wav", "yes/2.wav", "no/1.wav"):
        (tmp_path / place).parent.mkdir(exist_ok=True)
        wav(tmp_path / place)
    source = open_source(tmp_path, ("yes", "no"))
    assert source.labels.tolist() == [1, 0, 0]
    assert source.carrier == Wav16(8000)
    wav(tmp_path / "no/2.wav", rate=4000)
    with pytest.raises(InputError, match="one sample rate"):
        open_source(tmp_path, ("yes", "no"))
    wav(tmp_path / "loose.wav")
    with pytest.raises(InputError, match=r"no class folders.*loose"):
        open_source(tmp_path, ("yes", "no"))
