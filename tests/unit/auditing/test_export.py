import csv
import hashlib
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from unfooled.auditing.engine import audit
from unfooled.auditing.export import COLUMNS, export, read_manifest
from unfooled.core.errors import InputError, RunError
from unfooled.core.folder import load, save
from unfooled.core.results import Results
from unfooled.zoo.small import linear

RNG = np.random.default_rng(1)
MODEL = linear(torch.from_numpy(RNG.normal(size=(3, 3, 4, 4))))
BYTES = RNG.integers(0, 256, (6, 3, 4, 4), np.uint8)
Y = MODEL(torch.from_numpy(BYTES).float() / 255).argmax(dim=1)
THREATS = ["linf:0.2", "become:1 l2:2"]


@pytest.fixture(scope="module")
def results() -> Results:
    return audit(MODEL, (BYTES, Y), THREATS, ["fgsm"])


def lines(folder: Path) -> list[dict[str, str]]:
    with (folder / "manifest.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_files_hold_the_very_pixels(results, tmp_path):
    pairs = export(results, tmp_path / "files")
    listed = lines(tmp_path / "files")
    assert pairs == len(listed) == sum(int(results[threat].broken.sum()) for threat in THREATS) > 6
    for line in listed:
        assert tuple(line) == COLUMNS
        rows = results[line["threat"]]
        place = rows.column("example").tolist().index(int(line["example"]))
        key = rows.column("key")[place]
        for kind, name in (("clean", f"x/{key}"), ("adv", f"x_adv/{line['threat']}/{key}")):
            path = tmp_path / "files" / line[f"{kind}_file"]
            with Image.open(path) as picture:
                assert picture.format == "PNG"
                np.testing.assert_array_equal(np.asarray(picture).transpose(2, 0, 1), results.tensors[name])
            assert hashlib.sha256(path.read_bytes()).hexdigest() == line[f"{kind}_sha256"]


def test_names_are_safe_and_telling(results, tmp_path):
    export(results, tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"linf_0.2", "become_1_l2_2", "manifest.csv", "README.txt"}
    assert lines(tmp_path)[0]["adv_file"] == f"linf_0.2/000_y{int(Y[0])}_adv.png"


def test_threats_whose_names_differ_in_signs_alone_keep_their_files(results, tmp_path):
    other = {name.replace("linf:0.2", "linf_0.2"): array for name, array in results.tensors.items()}
    names = [
        name.replace("l2:2", "linf:0.2").replace("become:1 ", "") for name in results.records["threat"].to_pylist()
    ]
    names = ["linf_0.2" if at < 6 else "linf:0.2" for at in range(len(names))]
    twins = results.records.set_column(0, "threat", [names])
    tensors = other | {name.replace("become:1 l2:2", "linf:0.2"): array for name, array in results.tensors.items()}
    pairs = export(replace(results, records=twins, tensors=tensors), tmp_path)
    assert len({line["adv_file"] for line in lines(tmp_path)}) == pairs > 6


def test_floats_are_written_as_numpy_files(tmp_path):
    run = audit(MODEL, (torch.from_numpy(BYTES).float() / 255, Y), "linf:0.2", ["fgsm"])
    export(run, tmp_path)
    line = lines(tmp_path)[0]
    assert line["adv_file"].endswith(".npy")
    change = np.load(tmp_path / line["adv_file"]) - np.load(tmp_path / line["clean_file"])
    assert np.abs(change).max() == pytest.approx(float(line["distance"]), abs=1e-6)


def test_the_note_checks_the_files_without_unfooled(results, tmp_path):
    export(results, tmp_path)
    note = (tmp_path / "README.txt").read_text()
    code = "\n".join(line.removeprefix("    ") for line in note.splitlines() if line.startswith("    ") or not line)
    run = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert len(run.stdout.splitlines()) == len(lines(tmp_path))
    assert "unfooled" not in code


def test_only_broken_examples_are_written(tmp_path):
    run = audit(MODEL, (BYTES, Y), "linf:1/255", ["fgsm"], keep="all")
    broken = int(run["linf:1/255"].broken.sum())
    assert export(run, tmp_path) == broken < 6


def test_a_folder_in_use_is_left_alone(results, tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(RunError, match="not empty"):
        export(results, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_examples_that_are_not_as_they_were_written_are_not_handed_out(results, tmp_path):
    save(results, tmp_path / "run")
    path = tmp_path / "run" / "tensors.safetensors"
    stored = bytearray(path.read_bytes())
    stored[-1] ^= 1
    path.write_bytes(stored)
    with pytest.raises(RunError, match="not as they were written"):
        export(load(tmp_path / "run"), tmp_path / "files")
    assert not (tmp_path / "files").exists()


def test_a_run_without_pictures_says_so(tmp_path):
    with pytest.raises(RunError, match="kept no examples"):
        export(audit(MODEL, (BYTES, Y), "linf:0.2", ["fgsm"], keep="none"), tmp_path / "files")
    assert not (tmp_path / "files").exists()


@pytest.mark.parametrize("text", ["", "threat\nlinf", "threat,example,clean_file,adv_file\na,b,c,d", "\0", "\udcff"])
def test_a_damaged_manifest_is_refused(tmp_path, text):
    (tmp_path / "manifest.csv").write_bytes(text.encode("utf-8", "surrogateescape"))
    if text in ("", "\0"):
        assert read_manifest(tmp_path) == {}
        return
    with pytest.raises(InputError, match="export"):
        read_manifest(tmp_path)


def test_a_missing_manifest_is_refused(tmp_path):
    with pytest.raises(InputError, match="No such file"):
        read_manifest(tmp_path)
