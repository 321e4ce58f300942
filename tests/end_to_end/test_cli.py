"""Every command, in this process: what it prints, what it writes, how it ends."""

import json
import shutil
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.numpy import load_file, save_file
from typer.testing import CliRunner

import unfooled
from unfooled.attacks import SPATIAL
from unfooled.auditing.suites import SUITES
from unfooled.cli import app
from unfooled.core.folder import load
from unfooled.crafting.keeping import read

FACTORY = """
import torch
from torch import nn
from unfooled.zoo.small import linear

WEIGHTS = torch.randn(3, 3, 8, 8, generator=torch.Generator().manual_seed(0))


def sound():
    return linear(WEIGHTS)


class Around(nn.Module):
    def __init__(self, after):
        super().__init__()
        self.net, self.after = sound(), after
        self.register_buffer("calls", torch.zeros(()))

    def forward(self, x):
        return self.after(self, self.net(x))


def tall():
    return Around(lambda m, scores: scores[:, :, None])


def single():
    return Around(lambda m, scores: scores[:, :1])


def counting():
    return Around(lambda m, scores: scores + m.calls.add_(1) * 0)


def blind():
    return Around(lambda m, scores: scores.round())


def not_finite():
    return Around(lambda m, scores: scores * torch.nan)


def batchwise():
    return nn.Sequential(nn.BatchNorm2d(3, track_running_stats=False), sound())


class Sleepless(nn.Module):
    def train(self, mode=True):
        return super().train(True)

    def __init__(self):
        super().__init__()
        self.net = sound()

    def forward(self, x):
        return self.net(x)


def failing():
    raise OSError("no disk")
"""
RNG = np.random.default_rng(0)
PICTURES = RNG.integers(0, 256, (12, 3, 8, 8), np.uint8)


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    """A folder with models, weights and data in every form."""
    root = tmp_path_factory.mktemp("place")
    (root / "model.py").write_text(FACTORY)
    model = unfooled.load_model(f"{root}/model.py:sound")
    y = model.module(torch.from_numpy(PICTURES).float() / 255).argmax(dim=1).numpy()
    y[0] = (y[0] + 1) % 3
    np.savez(root / "data.npz", x=PICTURES, y=y)
    for i, (picture, label) in enumerate(zip(PICTURES, y.tolist(), strict=True)):
        (root / "folder" / f"{label}").mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture.transpose(1, 2, 0)).save(root / "folder" / f"{label}" / f"{i}.png")
    (root / "names.txt").write_text("cat\ndog\nfox\n")
    torch.save(model.module, root / "pickled.pt")
    torch.save(model.module.state_dict(), root / "weights.pt")
    return root


@pytest.fixture(scope="module")
def run(place) -> Path:
    """A finished run; tests that change it work on a copy."""
    told = audit(place, "--threat", "linf:8/255,24/255", "-t", "l2:0.5", "--out", str(place / "run"))
    assert told.exit_code == 0, told.stderr
    return place / "run"


def call(*words: object):
    return CliRunner().invoke(app, [str(word) for word in words])


def audit(place: Path, *words: object, model: str = "sound", data: str = "data.npz", suite: str = "fgsm"):
    return call("audit", f"{place}/model.py:{model}", place / data, "--suite", suite, *words)


def one_object(result) -> dict:
    found = json.loads(result.stdout)
    assert isinstance(found, dict)
    return found


# audit


def test_an_audit_tells_what_it_found(place, tmp_path):
    told = audit(place, "-t", "linf:24/255", "--out", tmp_path / "r")
    assert told.exit_code == 0
    results = load(tmp_path / "r")["linf:24/255"]
    broken = int(results.broken.sum())
    assert broken > 5
    for part in ("linf:24/255", "11 of 12", f"{12 - 1 - broken} of 12", "fgsm", "report.html", "95 % interval"):
        assert part in told.stdout
    assert "fgsm" in told.stderr
    assert f"{broken} broken" in told.stderr
    assert "\x1b" not in told.stdout + told.stderr
    assert (tmp_path / "r" / "report.html").read_text().startswith("<!")


def test_json_is_one_object_and_nothing_else(place, tmp_path):
    told = audit(place, "-t", "linf:8/255", "-t", "l2:1", "--out", tmp_path / "r", "--json")
    found, results = one_object(told), load(tmp_path / "r")
    assert [threat["threat"] for threat in found["threats"]] == ["linf:8/255", "l2:1"]
    assert found["union"]["robust_accuracy"] == results.union().robust_accuracy
    first = found["threats"][0]
    assert first["clean_accuracy"] == pytest.approx(11 / 12)
    assert first["interval"] == list(results["linf:8/255"].interval)
    assert first["attacks"][0]["attack"] == "fgsm"


def test_quiet_is_silent(place, tmp_path):
    told = audit(place, "-t", "linf:8/255", "--out", tmp_path / "r", "--quiet")
    assert (told.exit_code, told.stdout, told.stderr) == (0, "", "")
    told = audit(place, "-t", "linf:8/255", "--out", tmp_path / "r2", "--quiet", "--json")
    assert one_object(told)
    assert told.stderr == ""


def test_without_out_the_folder_is_named_by_the_time(place, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert audit(place, "-t", "linf:8/255", "-q").exit_code == 0
    (made,) = (tmp_path / "runs").iterdir()
    assert (made / "run.json").is_file()


def test_settings_come_from_a_file_and_the_command_line(place, tmp_path):
    config = tmp_path / "audit.yaml"
    config.write_text(
        f"model: {place}/model.py:sound\ndata: {place}/data.npz\nthreat: [linf:8/255]\nsuite: fgsm\nbatch: 4\n"
    )
    told = call("audit", "--config", config, "--batch", 5, "--out", tmp_path / "r", "--json")
    assert told.exit_code == 0, told.stderr
    run = load(tmp_path / "r").run
    assert run["batch"] == 5
    assert run["source"]["data"] == f"{place}/data.npz"
    assert "--batch 5" in run["command"]


def test_all_options_reach_the_audit(place, tmp_path):
    attacker = ("-t", "linf:24/255", "--goal", "become:1", "--access", "scores", "--budget", 3)
    model = (
        "--mean",
        "0.5",
        "--std",
        "0.25,0.5,0.5",
        "--classes",
        place / "names.txt",
        "--weights",
        place / "weights.pt",
    )
    how = ("--limit", 6, "--batch", 5, "--seed", 7, "--keep", "all", "--out", tmp_path / "r")
    told = audit(place, *attacker, *model, *how, suite="uniform-noise,fgsm", data="folder")
    assert told.exit_code == 0, told.stderr
    results = load(tmp_path / "r")
    (threat,) = results.run["threats"]
    assert (threat["name"], threat["access"], threat["budget"]) == ("become:1 linf:24/255 by scores", "scores", 3)
    assert (results.run["batch"], results.run["seed"], results.run["keep"]) == (5, 7, "all")
    assert results.run["model"]["preprocess"]["mean"] == 0.5
    assert results.run["model"]["preprocess"]["std"] == [0.25, 0.5, 0.5]
    assert results.run["source"]["std"] == [0.25, 0.5, 0.5]
    assert len(results.union()) == 6
    assert "6 of 12 examples, drawn with seed 7" in told.stdout
    assert int(results.union().queries.max()) <= 3
    assert results["become:1 linf:24/255"].column("name")[0].endswith(".png")
    verified = call("verify", tmp_path / "r", "--json")
    assert verified.exit_code == 0, verified.stderr


def test_a_budget_of_time_and_what_is_enough(place, tmp_path):
    words = ("-t", "linf:24/255", "--budget", "1000,2h", "--until", "robust_accuracy>=0.999", "--out", tmp_path / "r")
    told = audit(place, *words, "--json")
    assert told.exit_code == 0, told.stderr
    ended = one_object(told)["ended"]
    assert (ended["until"], ended["seconds"], ended["looked_at"]) == ("robust_accuracy>=0.999", 7200, 12)
    run = load(tmp_path / "r").run
    assert run["threats"][0]["budget"] == 1000
    assert "--budget 1000,2h --until 'robust_accuracy>=0.999'" in run["command"]
    for wrong in (("--budget", "10m"), ("--budget", "0s"), ("--until", "soon")):
        assert audit(place, "-t", "linf:24/255", *wrong).exit_code == 2


def test_an_audit_by_knowledge_and_what_it_comes_to(place, tmp_path):
    terms = ("--price", "2.50", "--rate", "10/s", "--cap", 5)
    words = ("-t", "linf:24/255", "--knowledge", "--budget", 40, "--no-diagnosis", *terms, "--out", tmp_path / "r")
    told = audit(place, *words, "--json")
    assert told.exit_code == 0, told.stderr
    found = one_object(told)
    assert [line["access"] for line in found["knowledge"][0]["lines"]] == ["gradient", "scores", "decision"]
    shares = [line["robust_accuracy"] for line in found["knowledge"][0]["lines"]]
    assert shares == sorted(shares)
    names = ["linf:24/255", "linf:24/255 by scores", "linf:24/255 by labels"]
    assert [threat["threat"] for threat in found["threats"]] == names
    bills = {bill["threat"]: bill for bill in found["queries"]}
    assert list(bills) == names[1:]
    assert bills[names[1]]["money"] == pytest.approx(bills[names[1]]["asked"] * 0.0025)
    assert 0 <= bills[names[1]]["stopped"] <= bills[names[1]]["fell"]
    assert "--knowledge" in load(tmp_path / "r").run["command"]
    assert "--price 2.5" in load(tmp_path / "r").run["command"]
    assert "2.50 for 1,000 questions" in (tmp_path / "r" / "report.html").read_text()
    assert call("report", tmp_path / "r", "--price", "7").exit_code == 0
    page = (tmp_path / "r" / "report.html").read_text()
    assert "7.00 for 1,000 questions" in page
    assert "10 a second" not in page
    gate = ("gate", tmp_path / "r", "--require", f"{names[2]} robust_accuracy>=0", *terms)
    assert "10 a second" in call(*gate).stdout
    assert [bill["threat"] for bill in one_object(call(*gate, "--json"))["queries"]] == names[1:]
    for wrong in (("--rate", "10"), ("--price", "0"), ("--cap", "0")):
        assert audit(place, "-t", "linf:24/255", *wrong).exit_code == 2
        assert call("report", tmp_path / "r", *wrong).exit_code == 2
    assert call("verify", tmp_path / "r").exit_code == 0


def test_a_larger_limit_adds_examples(place, tmp_path):
    keys = []
    for limit in (4, 7):
        audit(place, "-t", "linf:8/255", "--limit", limit, "--out", tmp_path / f"{limit}", "-q")
        keys.append(set(load(tmp_path / f"{limit}").records["key"].to_pylist()))
    assert keys[0] < keys[1]


def test_shards_add_up_to_the_whole(place, run, tmp_path):
    for part in (1, 2, 3):
        words = ("--shard", f"{part}/3", "--out", tmp_path / f"{part}")
        told = audit(place, "-t", "linf:8/255,24/255", "-t", "l2:0.5", *words)
        assert told.exit_code == 0, told.stderr
    told = call("merge", *(tmp_path / f"{part}" for part in (1, 2, 3)), "--out", tmp_path / "whole", "--json")
    assert told.exit_code == 0, told.stderr
    merged, whole = load(tmp_path / "whole"), load(run)
    assert set(merged.threats) == set(whole.threats)
    for threat in whole.threats:
        rows = [{row["key"]: row["broken"] for row in results[threat].table.to_pylist()} for results in (merged, whole)]
        assert rows[0] == rows[1]
    assert call("verify", tmp_path / "whole").exit_code == 0


def test_the_verdict_is_told(run, place, tmp_path):
    """Twelve pictures are too few for silence to say anything."""
    told = call("audit", f"{place}/model.py:sound", place / "data.npz", "-t", "linf:8/255", "--out", tmp_path / "r",
                "--suite", "fgsm", "--batch", "4")  # fmt: skip
    assert "can this be believed?" in told.stdout
    assert "diagnosis of linf:8/255:" in told.stdout
    assert "Can this be believed?" in (tmp_path / "r" / "report.html").read_text()
    silent = audit(place, "-t", "linf:8/255", "--no-diagnosis", "--json", "--out", tmp_path / "s")
    found = one_object(silent)
    assert found["diagnosis"]["verdict"] == "cannot say"
    assert found["diagnosis"]["bill"] == []
    assert "--no-diagnosis" in load(tmp_path / "s").run["command"]


def test_how_far_an_attacker_must_go(place, tmp_path):
    """One run for all radii, and one threat without a limit."""
    words = ("-t", "linf:2/255,8/255,24/255", "-t", "l2:0.25", "-t", "l2", "--out", tmp_path / "r")
    told = audit(place, *words, "--no-diagnosis", suite="distances")
    assert told.exit_code == 0, told.stderr
    results = load(tmp_path / "r")
    for part in ("how much change it takes, linf", "fooled, no limit            11 of 11", "all threats with a limit",
                 "For half of the 11 pictures read rightly, a change of"):  # fmt: skip
        assert part in told.stdout
    assert [line.split()[0] for line in told.stderr.splitlines()[1:]] == ["linf:24/255", "l2"]
    found = one_object(audit(place, *words, "--json", "--overwrite", suite="distances"))
    curves = {curve["kind"]: curve for curve in found["curves"]}
    assert [point["radius"] for point in curves["linf"]["points"]] == [0, 2 / 255, 8 / 255, 24 / 255]
    for point, name in zip(curves["linf"]["points"][1:], ("2/255", "8/255", "24/255"), strict=True):
        assert point["robust_accuracy"] == results[f"linf:{name}"].robust_accuracy
        assert point["interval"] == list(results[f"linf:{name}"].interval)
    assert curves["l2"]["median"] == results.curve("l2").median
    page = (tmp_path / "r" / "report.html").read_text()
    assert "half fall within" in page
    assert call("verify", tmp_path / "r").exit_code == 0
    assert call("report", tmp_path / "r").exit_code == 0
    assert call("export", tmp_path / "r", "--out", tmp_path / "files").exit_code == 0
    assert (tmp_path / "files" / "l2").is_dir()
    refused = audit(place, "-t", "l2", "--out", tmp_path / "r2", suite="fgsm")
    assert refused.exit_code == 2
    assert "l2:3" in refused.stderr
    estimated = call(
        "estimate", f"{place}/model.py:sound", place / "data.npz", *words[:-2], "--suite", "distances", "--json"
    )
    assert [stage["threat"] for stage in one_object(estimated)["stages"]] == ["linf:24/255", "l2"]


def test_keep_none_keeps_no_pixels(place, tmp_path):
    audit(place, "-t", "linf:24/255", "--keep", "none", "--out", tmp_path / "r", "-q")
    assert dict(load(tmp_path / "r").tensors) == {}
    assert "data:image" not in (tmp_path / "r" / "report.html").read_text()
    for path in (path for path in (tmp_path / "r").rglob("*") if path.is_file()):
        data = path.read_bytes()
        assert not any(picture.tobytes()[:24] in data for picture in PICTURES), path
    told = call("export", tmp_path / "r", "--out", tmp_path / "files")
    assert told.exit_code == 2
    assert "kept no examples" in told.stderr


def test_a_run_is_not_written_over_unless_asked(place, tmp_path):
    words = ("-t", "linf:8/255", "--out", tmp_path / "r", "-q")
    assert audit(place, *words).exit_code == 0
    created = (tmp_path / "r" / "run.json").stat().st_mtime_ns
    refused = audit(place, *words)
    assert refused.exit_code == 2
    assert "--overwrite" in refused.stderr
    assert (tmp_path / "r" / "run.json").stat().st_mtime_ns == created
    assert audit(place, *words, "--overwrite", "--seed", 3).exit_code == 0
    assert load(tmp_path / "r").run["seed"] == 3


def test_a_finished_run_is_resumed_at_once(place, tmp_path):
    words = ("-t", "linf:8/255", "--out", tmp_path / "r", "-q")
    audit(place, *words)
    assert audit(place, *words, "--resume").exit_code == 0
    other = audit(place, *words, "--resume", "--seed", 5)
    assert other.exit_code == 2
    assert "seed" in other.stderr
    assert "--out" in audit(place, "-t", "linf:8/255", "--resume").stderr


# bad input


def picture_files(place: Path, root: Path, name: str) -> Path:
    """Copy the folder of pictures and spoil one file."""
    shutil.copytree(place / "folder", root)
    path = sorted(root.rglob("*.png"))[3]
    if name == "rubbish":
        path.write_bytes(b"this is no picture")
    if name == "cut":
        path.write_bytes(path.read_bytes()[:100])
    if name == "bomb":
        Image.new("1", (12_000, 12_000)).save(path)
    if name == "unknown class":
        (root / "whale").mkdir()
        path.rename(root / "whale" / "1.png")
    return root


def arrays(place: Path, path: Path, change) -> Path:
    with np.load(place / "data.npz") as data:
        x, y = change(data["x"].astype(np.float32) / 255, data["y"])
    np.savez(path, x=x, y=y)
    return path


def spoilt(x: np.ndarray) -> np.ndarray:
    changed = x.copy()
    changed[4, 0, 0, 0] = np.nan
    return changed


BAD_ARRAYS = {
    "0 to 255": (lambda x, y: (x * 255, y), ("values from", "255", "Divide by 255")),
    "NaN": (lambda x, y: (spoilt(x), y), ("1 NaN or infinite values in example 4",)),
    "no channels": (lambda x, y: (x[0, 0, 0], y[:8]), ("shape ()", "Examples are pictures")),
    "channels last": (lambda x, y: (x.transpose(0, 2, 3, 1), y), ("Channels come first", "permute(0, 3, 1, 2)")),
    "too few channels": (lambda x, y: (x[:, :1], y), ("forward pass failed", "1 channels")),
    "labels beyond": (lambda x, y: (x, y + 5), ("0 to 2", "Number the labels")),
    "labels below": (lambda x, y: (x, y - 7), ("label -", "Labels count classes from 0")),
    "empty": (lambda x, y: (x[:0], y[:0]), ("empty", "no examples")),
    "lengths": (lambda x, y: (x, y[:4]), ("12 examples and 4 labels",)),
}
BAD_FILES = {
    "rubbish": ("begins with b'this is ", "Remove or replace it"),
    "cut": ("damaged or cut short", "Replace the file"),
    "bomb": ("12000 x 12000 pixels", "smaller"),
    "unknown class": ("whale", "class names"),
}
BAD_MODELS = {
    "tall": ("3, 1)", "flatten(1)"),
    "single": ("fewer than two scores", "torch.cat"),
    "counting": ("changes its own weights or buffers", "model.eval()"),
    "not_finite": ("NaN or infinity", "Check the weights"),
    "batchwise": ("running statistics", "group norm"),
    "Sleepless": ("training mode", "model.eval()"),
    "failing": ("OSError: no disk", "the model's own code"),
    "missing": ("has no 'missing'", "sound"),
}
BAD_OPTIONS = {
    "radius": (("-t", "linf:8"), ("found: 8", "Did you mean 8/255?")),
    "no threat": ((), ("at least one threat", "linf:4/255")),
    "threat": (("-t", "cat"), ("'cat'", "KIND:RADIUS")),
    "suite": (("-t", "linf:1", "--suite", "all"), ("'all'", "standard")),
    "goal": (("-t", "linf:1", "--goal", "become:7"), ("become:7", "0 to 2")),
    "batch": (("-t", "linf:1", "--batch", "0"), ("batch=0", "batch=1")),
    "seed": (("-t", "linf:1", "--seed", "-1"), ("-1", "seed=0")),
    "device": (("-t", "linf:1", "--device", "toaster"), ("'toaster'", "--device cpu")),
    "limit": (("-t", "linf:1", "--limit", "0"), ("--limit 0", "1 or more")),
    "shard": (("-t", "linf:1", "--shard", "5/4"), ("'5/4'", "--shard")),
    "threads": (("-t", "linf:1", "--threads", "0"), ("0", "--threads 1")),
    "mean": (("-t", "linf:1", "--mean", "124"), ("mean = 124", "124/255")),
    "config": (("-t", "linf:1", "--config", "none.yaml"), ("none.yaml", "No such file")),
    "weights": (("-t", "linf:1", "--weights", "none.pt"), ("none.pt", "safetensors")),
    "classes": (("-t", "linf:1", "--classes", "none.txt"), ("none.txt", "UTF-8")),
}


def refused(told, words: tuple[str, ...]) -> None:
    """One clear message, and no run lost."""
    assert told.exit_code == 2, told.output
    assert told.stdout == ""
    message = " ".join(told.stderr.split())
    lines = [line.partition(":")[0] for line in told.stderr.splitlines() if line.startswith(("Error", "Found", "Do"))]
    assert lines == ["Error", "Found", "Do"], told.stderr
    for part in words:
        assert part.lower() in message.lower(), message
    assert "Traceback" not in message
    assert "\x1b" not in told.stderr


def test_surrogates_are_named_and_remembered(place, tmp_path):
    twin = f"{place}/model.py:sound"
    words = ("-t", "linf:24/255", "--surrogate", twin, "--access", "decision", "--out", tmp_path / "run", "--json")
    told = audit(place, *words, suite="mi-fgsm")
    assert told.exit_code == 0, told.stderr
    held = load(tmp_path / "run")
    assert len(held.run["surrogates"]) == 1
    assert f"--surrogate {twin}" in held.run["command"]
    assert (tmp_path / "run" / "report.html").read_text(encoding="utf-8").count("models of the attacker&#39;s own") == 1
    alone = audit(place, "-t", "linf:24/255", "--out", tmp_path / "alone", suite="mi-fgsm")
    assert alone.exit_code == 2
    assert "--surrogate MODEL" in alone.stderr


def test_a_table_of_transfer(place, tmp_path):
    models = ("--model", f"{place}/model.py:sound", "--model", f"{place}/model.py:blind")
    about = ("--attack", "mi-fgsm", "--family", "linear", "--family", "rounded", "-t", "linf:24/255")
    told = call("transfer", place / "data.npz", *models, *about, "--out", tmp_path / "table")
    assert told.exit_code == 0, told.stderr
    assert "Somebody who owns" in told.stdout
    table = json.loads((tmp_path / "table" / "transfer.json").read_text(encoding="utf-8"))
    assert [party["family"] for party in table["models"]] == ["linear", "rounded"]
    assert len(table["cells"]) == 4
    assert "<svg" in (tmp_path / "table" / "transfer.html").read_text(encoding="utf-8")
    wrong = call("transfer", place / "data.npz", *models, "--family", "one", "--out", tmp_path / "table2")
    assert wrong.exit_code == 2
    assert "1 for 2 models" in wrong.stderr
    refused(call("transfer", place / "data.npz", *models, *about, "--out", tmp_path / "table"), ("--overwrite",))


def test_a_table_of_transfer_takes_what_an_audit_takes(place, tmp_path):
    models = ("--model", f"{place}/model.py:sound", "--model", f"{place}/model.py:blind")
    about = ("--attack", "mi-fgsm", "-t", "linf:24/255", "--limit", 5, "--mean", "0.5", "--std", "0.5", "--size", "8")
    tables = []
    for more in ((), ("--limit", 3, "--overwrite", "--device", "cpu", "--threads", 1)):
        told = call("transfer", place / "data.npz", *models, *about, *more, "--json", "--out", tmp_path / "table")
        assert told.exit_code == 0, told.stderr
        tables.append(one_object(told))
    assert max(cell["n"] for cell in tables[0]["cells"]) <= 5
    assert max(cell["n"] for cell in tables[1]["cells"]) <= 3


@pytest.mark.parametrize(("name", "never"), [
    ("harden", ("texts:", "onnx:")), ("universal", ("texts:", "onnx:")), ("corruptions", ("texts:",)),
    ("transfer", ("texts:", "onnx:")),
])  # fmt: skip
def test_help_offers_only_what_a_command_takes(name, never):
    told = call(name, "--help").stdout
    assert "zoo:photos" in " ".join(told.split())
    for word in never:
        assert word not in told


def test_settings_of_defences_are_written_as_people_read_them():
    told = call("defences")
    assert told.exit_code == 0
    settings = [line for line in told.stdout.splitlines() if line.startswith("  ") and "=" in line]
    assert not [line for line in settings for python in ("Training(", "Card(", "None", "True", "'") if python in line]
    assert "kbps=64, rate=16000" in told.stdout
    assert "search climb (steps=10, away own), objective trades (beta=6)" in told.stdout


@pytest.fixture
def kept(run, tmp_path):
    """A copy of a finished run, which bad input must leave as it is even under --overwrite."""
    copy = shutil.copytree(run, tmp_path / "kept")
    before = {path: path.read_bytes() for path in copy.rglob("*") if path.is_file()}
    yield copy
    assert {path: path.read_bytes() for path in copy.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize("fault", BAD_ARRAYS)
def test_bad_arrays(place, kept, tmp_path, fault):
    change, words = BAD_ARRAYS[fault]
    data = arrays(place, tmp_path / "bad.npz", change)
    refused(audit(place, "-t", "linf:8/255", "--out", kept, "--overwrite", data=str(data)), words)


@pytest.mark.parametrize("fault", BAD_FILES)
def test_bad_files(place, kept, tmp_path, fault):
    data = picture_files(place, tmp_path / "bad", fault)
    names = ("--classes", place / "names.txt")
    refused(audit(place, "-t", "linf:8/255", "--out", kept, "--overwrite", *names, data=str(data)), BAD_FILES[fault])


@pytest.mark.parametrize("fault", BAD_MODELS)
def test_bad_models(place, kept, fault):
    refused(audit(place, "-t", "linf:8/255", "--out", kept, "--overwrite", model=fault), BAD_MODELS[fault])


@pytest.mark.parametrize("fault", BAD_OPTIONS)
def test_bad_options(place, kept, fault):
    words, parts = BAD_OPTIONS[fault]
    refused(audit(place, "--out", kept, "--overwrite", *words), parts)


def test_a_pickled_checkpoint_is_not_opened(place, kept):
    words = ("-t", "linf:8/255", "--out", kept, "--overwrite", "--weights", place / "pickled.pt")
    refused(audit(place, *words), ("pickled code", "pickled.pt", "safetensors.torch.save_file"))


def test_unknown_models_and_data(place, kept):
    words = ("--threat", "linf:8/255", "--out", kept, "--overwrite")
    refused(call("audit", "resnet", place / "data.npz", *words), ("'resnet'", "module:factory"))
    refused(call("audit", "nowhere.py:make", place / "data.npz", *words), ("nowhere.py", "No such file"))
    refused(audit(place, *words, data="nowhere"), ("nowhere", "no such file or folder"))
    refused(call("audit", *words), ("`model` is missing", "unfooled audit MODEL DATA"))


def test_debug_shows_where_it_happened(place):
    told = audit(place, "-t", "linf:8", "--debug")
    assert type(told.exception).__name__ == "InputError"


# runs


def test_verify_confirms_all(run):
    told = call("verify", run)
    assert told.exit_code == 0
    found = one_object(call("verify", run, "--json"))
    assert found["confirmed"] == found["of"] > 5
    assert f"confirmed {found['of']} of {found['of']}" in told.stdout
    assert call("verify", run, "-q").stdout == ""


def test_verify_lists_what_was_tampered_with(run, tmp_path):
    copy = shutil.copytree(run, tmp_path / "run")
    tensors = load_file(copy / "tensors.safetensors")
    name = next(name for name in tensors if name.startswith("x_adv/linf"))
    tensors[name][0, 0, 0] ^= 0x80
    save_file(tensors, copy / "tensors.safetensors")
    told = call("verify", copy)
    assert told.exit_code == 1
    assert f"outside {name.split('/', 1)[1].rpartition('/')[0]}" in told.stdout
    found = one_object(call("verify", copy, "--json"))
    assert found["confirmed"] == found["of"] - 1


def test_verify_takes_the_model_from_elsewhere(place, run, tmp_path):
    shutil.copy(place / "model.py", tmp_path / "moved.py")
    assert call("verify", run, "--model", f"{tmp_path}/moved.py:sound").exit_code == 0
    other = call("verify", run, "--model", f"{tmp_path}/moved.py:Sleepless")
    assert other.exit_code == 2
    assert "another model" in other.stderr


def test_verify_without_a_recorded_model_asks_for_it(place, tmp_path):
    model, data = unfooled.load_model(f"{place}/model.py:sound"), str(place / "data.npz")
    unfooled.audit(model, data, "linf:8/255", ["fgsm"], out=tmp_path / "r")
    refused(call("verify", tmp_path / "r"), ("does not say where its model is", "--model"))
    assert call("verify", tmp_path / "r", "--model", f"{place}/model.py:sound").exit_code == 0


def test_export_and_verify_the_files(run, tmp_path):
    told = call("export", run, "--out", tmp_path / "files")
    assert told.exit_code == 0
    assert "manifest.csv" in told.stdout
    assert call("verify", run, "--files", tmp_path / "files").exit_code == 0
    sorted((tmp_path / "files").rglob("*_adv.png"))[0].unlink()
    assert call("verify", run, "--files", tmp_path / "files").exit_code == 1
    refused(call("export", run, "--out", tmp_path / "files"), ("not empty",))


def test_report_writes_the_page_again(run, tmp_path):
    assert call("report", run, "--out", tmp_path / "page.html").exit_code == 0
    assert (tmp_path / "page.html").read_text() == (run / "report.html").read_text()


@pytest.mark.parametrize("command", ["verify", "report", "export"])
def test_no_run_is_told(tmp_path, command):
    words = ("--out", tmp_path / "x") if command == "export" else ()
    refused(call(command, tmp_path, *words), ("not a finished run", "--resume"))


def test_judge_and_merge(place, run, tmp_path):
    with np.load(place / "data.npz") as data:
        x = data["x"].astype(np.float32) / 255
    np.savez(tmp_path / "adv.npz", x_adv=np.clip(x + 0.09 * np.sign(RNG.normal(size=x.shape)), 0, 1).astype(np.float32))
    told = call(
        "judge", f"{place}/model.py:sound", place / "data.npz", tmp_path / "adv.npz", "-t", "linf:24/255",
        "--source", "foolbox", "--out", tmp_path / "judged", "--json",
    )  # fmt: skip
    assert told.exit_code == 0, told.stderr
    assert "foolbox" in one_object(told)["threats"][0]["attacks"][0]["settings"]
    assert call("verify", tmp_path / "judged").exit_code == 0
    told = call("merge", run, tmp_path / "judged", "--out", tmp_path / "both", "--json")
    assert told.exit_code == 0, told.stderr
    before = load(run)["linf:24/255"].robust_accuracy
    assert load(tmp_path / "both")["linf:24/255"].robust_accuracy <= before
    refused(call("merge", run, run, "--out", tmp_path / "both"), ("holds a finished run",))


# gate


def test_a_run_that_shows_what_is_required_passes(run, tmp_path):
    words = ("--require", "clean_accuracy>=0.6", "--require", "linf:24/255 robust_accuracy>=0%", "--baseline", run)
    told = call("gate", run, *words, "--junit", tmp_path / "gate.xml")
    assert told.exit_code == 0, told.output
    for part in ("The gate: passed", "11 of 12 (91.67%) and no worse than 61.52%", "0 lost and 0 won"):
        assert part in told.stdout
    (suite,) = ElementTree.parse(tmp_path / "gate.xml").getroot()
    assert (suite.get("tests"), suite.get("failures")) == ("7", "0")
    found = one_object(call("gate", run, *words, "--json"))
    assert found["outcome"] == "passed"
    assert found["judgements"][0]["figures"]["hits"] == 11
    assert call("gate", run, *words, "-q").output == ""


def test_a_run_that_shows_too_little_fails(run, tmp_path):
    """Eleven of twelve are 92 %, and prove no more than 61 %."""
    told = call("gate", run, "--require", "l2:0.5 clean_accuracy>=0.62", "--junit", tmp_path / "gate.xml")
    assert told.exit_code == 1
    assert "may be as low as 61.52%" in told.stdout
    assert "61.52%" in next(ElementTree.parse(tmp_path / "gate.xml").iter("failure")).text


def test_a_run_whose_gradients_are_zero_is_not_reliable(place, tmp_path):
    assert audit(place, "-t", "linf:1/255", "--out", tmp_path / "r", "-q", model="blind").exit_code == 0
    told = call("gate", tmp_path / "r", "--require", "robust_accuracy>=0.1")
    assert told.exit_code == 3, told.output
    assert "climbs along gradients end no higher" in told.stdout
    assert "The gate: not reliable" in told.stdout
    assert call("gate", tmp_path / "r", "--require", "robust_accuracy>=0.99").exit_code == 1


def test_a_run_without_an_end_is_not_reliable(run, tmp_path):
    copy = shutil.copytree(run, tmp_path / "run")
    (copy / "run.json").unlink()
    told = call("gate", copy, "--require", "robust_accuracy>=0")
    assert told.exit_code == 3
    assert "--resume" in told.stderr


BAD_GATES = {
    "nothing": ((), ("Nothing is required", "--require")),
    "grammar": (("--require", "robust"), ("'robust'", "METRIC>=SHARE")),
    "metric": (("--require", "accuracy>=0.4"), ("'accuracy'", "robust_accuracy")),
    "threat": (("--require", "l1:3 robust_accuracy>=0.4"), ("'l1:3'", "linf:8/255")),
    "percent": (("--require", "robust_accuracy>=40"), ("'40'", "Write 0.40 or 40%")),
    "level": (("--require", "robust_accuracy>=0.4", "--level", "0.05"), ("0.05", "0.95")),
    "baseline": (("--baseline", "nowhere"), ("nowhere", "not a finished run")),
}


@pytest.mark.parametrize("fault", BAD_GATES)
def test_bad_gates(run, fault):
    words, parts = BAD_GATES[fault]
    refused(call("gate", run, *words), parts)


def test_a_gate_needs_runs_that_can_be_compared(place, run, tmp_path):
    refused(call("gate", tmp_path, "--require", "robust_accuracy>=0"), ("not a finished run",))
    audit(place, "-t", "linf:8/255,24/255", "-t", "l2:1", "--out", tmp_path / "threats", "-q")
    refused(call("gate", run, "--baseline", tmp_path / "threats"), ("other threats", "l2:0.5"))
    np.savez(tmp_path / "other.npz", x=255 - PICTURES, y=np.zeros(12, np.int64))
    words = ("-t", "linf:8/255,24/255", "-t", "l2:0.5", "--out", tmp_path / "data", "-q")
    audit(place, *words, data=str(tmp_path / "other.npz"))
    refused(call("gate", run, "--baseline", tmp_path / "data"), ("other data", "no shared example"))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda x: {"x_adv": x * 255}, ("0 to 255|values from", "proposal 0")),
        (lambda x: {"x_adv": x[:3]}, ("3 for 12 examples",)),
        (lambda x: {"x_adv": x[:, :, :4]}, ("shape", "example 0")),
        (lambda x: {"other": x}, ("cannot be read", "x_adv")),
    ],
)
def test_bad_proposals(place, tmp_path, change, words):
    with np.load(place / "data.npz") as data:
        np.savez(tmp_path / "adv.npz", **change(data["x"].astype(np.float32) / 255))
    told = call("judge", f"{place}/model.py:sound", place / "data.npz", tmp_path / "adv.npz", "-t", "linf:1/255")
    refused(told, words[-1:])


# before an audit


def test_doctor(place):
    told = call("doctor", f"{place}/model.py:sound", place / "data.npz")
    assert told.exit_code == 0, told.output
    assert "gradients" in told.stdout
    found = one_object(call("doctor", f"{place}/model.py:sound", place / "data.npz", "--json"))
    assert found["ok"]
    assert {check["status"] for check in found["checks"]} <= {"ok", "warn"}


@pytest.mark.parametrize("model", ["tall", "single", "counting", "not_finite", "Sleepless", "batchwise"])
def test_doctor_fails_what_an_audit_would_refuse(place, model):
    told = call("doctor", f"{place}/model.py:{model}", place / "data.npz")
    assert told.exit_code == 1, told.output
    assert "fail" in told.stdout


def test_doctor_tells_of_bad_data(place, tmp_path):
    data = arrays(place, tmp_path / "bad.npz", lambda x, y: (x * 255, y))
    told = call("doctor", f"{place}/model.py:sound", data)
    assert told.exit_code == 1
    assert "Divide by 255" in told.stdout


def test_estimate(place):
    words = (
        "estimate",
        f"{place}/model.py:sound",
        place / "data.npz",
        "-t",
        "linf:8/255",
        "-t",
        "l2:1",
        "--suite",
        "quick",
    )
    told = call(*words)
    assert told.exit_code == 0, told.stderr
    assert "1,064" in told.stdout
    found = one_object(call(*words, "--json"))
    assert len(found["stages"]) == 8
    assert found["examples_for_3_points"] == 1064


def test_attacks():
    told = call("attacks")
    assert told.exit_code == 0
    suites = one_object(call("attacks", "--json"))["suites"]
    assert set(suites) == set(SUITES)
    assert suites["spatial"] == ["spatial-pgd", "grid"]
    assert "in None" not in told.stdout
    for name in (*unfooled.ATTACKS, *SPATIAL):
        assert name in told.stdout


def test_one_change_is_learned_from_a_folder_judged_and_kept(place, tmp_path):
    for path in (place / "folder").rglob("*.png"):  # others than those that are judged
        picture = np.asarray(Image.open(path))
        (tmp_path / "learn").mkdir(exist_ok=True)
        Image.fromarray(np.roll(picture, 1, axis=0)).save(tmp_path / "learn" / path.name)
    words = ("universal", f"{place}/model.py:sound", place / "data.npz", "--learn", tmp_path / "learn",
             "-t", "linf:24/255", "--epochs", 2, "--fewer", "3", "--out", tmp_path / "u")  # fmt: skip
    told = call(*words)
    assert told.exit_code == 0, told.stderr
    assert "Noise of the same size" in told.stdout
    (folder,) = (tmp_path / "u").glob("delta-*")
    delta = read(folder)
    results = load(tmp_path / "u")
    assert results.run["crafted"]["made"] == dict(delta.made)
    assert delta.made["examples"] == 12
    assert "One change for all" in (tmp_path / "u" / "report.html").read_text()
    assert call("verify", tmp_path / "u").exit_code == 0
    assert call(*words).exit_code == 2
    assert one_object(call(*words, "--overwrite", "--json"))["n"] == 12
    assert "among both" in call(*words[:4], place / "folder", *words[5:-1], tmp_path / "both").stderr
    assert "numbers of examples" in call(*words[:-4], "--fewer", "x", "--out", tmp_path / "v").stderr
    assert "one threat" in call(*words[:5], "--out", tmp_path / "w").stderr


def test_corruptions_are_told_and_added_to_a_run(place, run, tmp_path):
    words = ("corruptions", f"{place}/model.py:sound", place / "data.npz", "--only", "fog,jpeg")
    told = call(*words)
    assert told.exit_code == 0, told.stderr
    assert "fog" in told.stdout
    found = one_object(call(*words, "--json"))
    assert [row["n"] for row in found["rows"]] == [12] * 11
    copy = shutil.copytree(run, tmp_path / "copy")
    told = call(*words, "--into", copy)
    assert told.exit_code == 0, told.stderr
    assert load(copy).run["corruptions"] == found
    assert call(*words[:3], "--only", "jpeg", "--into", copy).exit_code == 0
    rows = load(copy).run["corruptions"]["rows"]
    assert [row["corruption"] for row in rows] == ["", *["fog"] * 5, *["jpeg"] * 5]
    assert "Without an adversary" in (copy / "report.html").read_text()
    assert call("verify", copy).exit_code == 0
    other = call(*words, "--limit", 3, "--into", copy)
    assert other.exit_code == 2
    assert "on other data" in other.stderr


def test_the_demo_replaces_itself_and_can_be_verified(place, tmp_path, monkeypatch):
    monkeypatch.setattr("unfooled.cli.demo.MODEL", f"{place}/model.py:sound")
    monkeypatch.setattr("unfooled.cli.demo.DATA", f"{place}/data.npz")
    for _ in range(2):
        told = call("demo", "--no-sticker", "--out", tmp_path / "demo", "--batch", 8, "--threads", 1)
        assert told.exit_code == 0, told.stderr
    assert "For example" in told.stdout
    assert f"unfooled verify {tmp_path}/demo" in told.stdout
    assert call("verify", tmp_path / "demo").exit_code == 0
    assert one_object(call("demo", "--no-sticker", "--out", tmp_path / "demo", "--json"))["n"] == 12
    assert call("demo", "--no-sticker", "--out", tmp_path / "demo", "-q").output == ""


def test_the_demo_leaves_other_folders_alone(tmp_path):
    (tmp_path / "thesis.txt").write_text("years of work")
    told = call("demo", "--out", tmp_path)
    assert told.exit_code == 2
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_version_and_help():
    assert call("--version").stdout.strip() == f"unfooled {unfooled.__version__}"
    told = call("--help").stdout
    for command in (
        "audit",
        "verify",
        "export",
        "report",
        "estimate",
        "doctor",
        "attacks",
        "demo",
        "judge",
        "merge",
        "gate",
    ):
        assert command in told
        assert call(command, "--help").exit_code == 0
