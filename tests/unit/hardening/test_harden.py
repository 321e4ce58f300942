"""Hardening: what is written, what is told of a defence, and everything that can go wrong."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from typer.testing import CliRunner

import unfooled
from unfooled.auditing.examples import read_examples
from unfooled.cli import app
from unfooled.core import folder, hardened
from unfooled.core.errors import InputError, ModelError, RunError
from unfooled.core.hardened import Bill, Change, Hardened, changed, front, recommendation
from unfooled.core.rates import paired_difference
from unfooled.defences import DETECTORS, LAYERED
from unfooled.defences.card import Card
from unfooled.defences.training.schedule import Schedule
from unfooled.hardening.attackers import missing
from unfooled.hardening.harden import harden, restored
from unfooled.hardening.parting import parted
from unfooled.hardening.pricing import Prices
from unfooled.hardening.settings import Settings
from unfooled.models.preprocess import Preprocess
from unfooled.report.compare import compare
from unfooled.report.hardened import NOT_YET, lines, write_hardened

SIDE = 6
SHORT = Settings(Schedule(epochs=3, batch=32, steps=3, rate=1e-2), examples=30, suite="quick", batch=16)


def pictures(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Two classes of 8-bit pictures: one strong pixel tells them apart, and many weak ones."""
    rng = np.random.default_rng(seed)
    y = np.arange(n) % 2
    sign = (2 * y - 1).reshape(-1, 1, 1, 1)
    x = 0.5 + 0.04 * sign + 0.05 * rng.standard_normal((n, 1, SIDE, SIDE))
    x[:, :, :2, :2] = 0.5 + 0.3 * sign
    return (x.clip(0, 1) * 255).round().astype(np.uint8), y


def net() -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        module = nn.Sequential(nn.Flatten(), nn.Linear(SIDE * SIDE, 12), nn.ReLU(), nn.Linear(12, 2))
    x, y = (torch.from_numpy(one) for one in pictures(200, 9))
    adam = torch.optim.Adam(module.parameters(), 1e-2)
    for _ in range(40):
        adam.zero_grad()
        nn.functional.cross_entropy(module(x.float() / 255), y).backward()
        adam.step()
    return module.eval()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Hardened]]:
    place = tmp_path_factory.mktemp("harden") / "out"
    return place, harden(net(), pictures(400), "linf:0.12", ["pgd-at", "bit-depth", "hat"], place, settings=SHORT)


def test_training_helps_against_who_knows_of_it(made: tuple[Path, list[Hardened]]) -> None:
    _, (trained, wrapped, helped) = made
    assert trained.n == 30
    assert trained.knowing is not None
    assert trained.knowing <= trained.ignorant <= trained.clean
    assert trained.knowing > trained.robust_before + 10
    assert trained.recommended
    assert trained.advice.startswith("It helps")
    assert trained.bill.seconds > 0
    assert trained.bill.passes == 11
    assert trained.bill.slower > 1.5
    assert wrapped.bill.passes == wrapped.bill.seconds == 0
    assert wrapped.knowing is not None
    assert wrapped.knowing <= wrapped.ignorant
    assert not wrapped.recommended
    assert helped.bill.passes > 12


def test_a_detector_is_attacked_jointly_and_its_false_alarms_are_told(tmp_path: Path) -> None:
    settings = replace(SHORT, traffic=2000.0)
    (row,) = harden(net(), pictures(400), "linf:0.12", ["mahalanobis:rate=0.1"], tmp_path, settings=settings)
    assert row.threat == "linf:0.12"
    assert row.missing == ()
    assert row.alarms is not None
    assert row.knowing is not None
    assert row.knowing <= row.ignorant <= row.clean <= row.n - row.alarms
    after = folder.load(tmp_path / "mahalanobis_rate=0.1" / "after")
    assert after.threats == ["evade:2 linf:0.12"]
    found = after["evade:2 linf:0.12"]
    assert int((found.column("clean_label") == 2).sum()) == row.alarms
    assert 2 not in found.column("adv_label")[found.broken], "a rejection is no success"
    assert f"{2000 * row.alarms / row.n:,.0f} (" in row.alarm
    assert "at 2,000 inputs a day" in row.alarm
    assert row.alarm in write_hardened([row], tmp_path / "report.html").read_text()
    again = restored(net(), "mahalanobis:rate=0.1", tmp_path)
    assert again.describe()["sha256"] == after.run["model"]["sha256"]
    assert ROW.alarm == ""


def test_a_detector_that_was_not_attacked_jointly_has_no_gain_to_tell(made: tuple[Path, list[Hardened]]) -> None:
    place, _ = made
    plain = folder.load(place / "before")
    assert missing(DETECTORS["mahalanobis"].card, plain) == ("joint",)
    assert missing(DETECTORS["feature-squeezing"].card, plain) == ("joint",)


def test_the_folder_tells_everything(made: tuple[Path, list[Hardened]]) -> None:
    place, rows = made
    assert hardened.load(place) == rows
    config = json.loads((place / "pgd-at" / "config.json").read_text())
    assert config["defence"] == "pgd-at"
    assert config["log"]
    assert folder.load(place / "before").threats == ["linf:0.12"]
    found = folder.load(place / "pgd-at" / "after")["linf:0.12"]
    assert int(found.robust.sum()) == rows[0].knowing
    again = restored(net(), "pgd-at", place)
    assert again.describe()["sha256"] == config["sha256"]
    assert config["sha256"] != config["base"]["sha256"]


def test_what_is_audited_is_not_learnt_from(tmp_path: Path) -> None:
    x, y = pictures(100)
    doubled = read_examples((np.concatenate([x, x]), np.concatenate([y, y])))
    parts = parted(doubled, 0, 500, torch.device("cpu"))
    ids = [set(ids.tolist()) for ids in (parts.train.x.ids, parts.held.x.ids, parts.audited.ids)]
    assert all(not one & other for place, one in enumerate(ids) for other in ids[:place])
    assert sum(map(len, ids)) == 100
    backwards = parted(read_examples((x[::-1], y[::-1])), 0, 500, torch.device("cpu"))
    assert set(backwards.audited.ids.tolist()) == ids[2]


def test_resuming_makes_nothing_anew(made: tuple[Path, list[Hardened]]) -> None:
    place, rows = made
    before = (place / "pgd-at" / "model.safetensors").read_bytes()
    again = harden(net(), pictures(400), "linf:0.12", ["pgd-at"], place, settings=SHORT, resume=True)
    assert (place / "pgd-at" / "model.safetensors").read_bytes() == before
    assert again[0].knowing == rows[0].knowing
    with pytest.raises(RunError, match="something else"):
        harden(net(), pictures(400), "linf:0.1", ["pgd-at"], place, settings=SHORT, resume=True)
    hardened.save(rows, place)


@dataclass(frozen=True)
class Widening:
    """Adds a class."""

    card: ClassVar[Card] = Card("masking", "F", "a test")

    def __call__(self, module: nn.Module) -> nn.Module:
        return nn.Sequential(module, nn.ConstantPad1d((0, 1), 0.0)).eval()

    def seen(self, defended: nn.Module) -> nn.Module:
        return defended


def test_a_defence_that_changes_the_number_of_classes_is_refused(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setitem(LAYERED, "widening", Widening())
    monkeypatch.setattr("unfooled.defences.chain.defence_named", lambda name: LAYERED[name])
    with pytest.raises(ModelError, match="number of classes"):
        harden(net(), pictures(400), "linf:0.12", ["widening"], tmp_path, settings=SHORT)


class Untraceable(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Linear(SIDE * SIDE, 2)

    def forward(self, x: Tensor) -> Tensor:
        scores: Tensor = self.net(nn.functional.relu(x.flatten(1)) if x.sum() else x.flatten(1))
        return scores


@pytest.mark.parametrize(
    ("change", "kind", "match"),
    [
        ({"threat": "linf:0.1,0.2"}, InputError, "one threat"),
        ({"threat": "become:1 linf:0.1"}, InputError, "one threat"),
        ({"threat": "linf:0"}, InputError, "radius above 0"),
        ({"data": pictures(4)}, InputError, "too few examples"),
        ({"data": pictures(12)}, InputError, "Too few images|too few examples"),
        ({"defences": ["magic"]}, InputError, "no such defence"),
        ({"defences": ["swap-silu"], "model": Untraceable().eval()}, ModelError, "Untraceable"),
        ({"model": unfooled.wrap(net(), takes_lengths=True)}, ModelError, "reads pictures"),
    ],
)
def test_bad_input_is_told(tmp_path: Path, change: dict[str, Any], kind: type[Exception], match: str) -> None:
    given = {"model": net(), "data": pictures(300), "threat": "linf:0.1", "defences": ["n-fgsm"], **change}
    with pytest.raises(kind, match=match):
        harden(**given, out=tmp_path, settings=SHORT)


def test_pictures_of_several_shapes_are_refused() -> None:
    ragged = [np.zeros((1, side, side), np.uint8) + side for side in (6, 7)] * 20
    with pytest.raises(InputError, match="one shape"):
        parted(read_examples((ragged, np.arange(40) % 2)), 0, 10, torch.device("cpu"))


def test_preprocessing_stays_behind_the_defence(tmp_path: Path) -> None:
    inner = nn.Sequential(nn.Flatten(), nn.Linear(SIDE * SIDE, 2)).eval()
    model = unfooled.wrap(inner, Preprocess(0.5, 0.25))
    settings = replace(SHORT, examples=10)
    harden(model, pictures(300), "linf:0.1", ["bit-depth:bits=1"], tmp_path, settings=settings)
    x = torch.from_numpy(pictures(6)[0]).float() / 255
    wanted = inner((x.round() - 0.5) / 0.25)
    found = restored(model, "bit-depth:bits=1", tmp_path).module(x)
    assert torch.allclose(found, wanted, atol=1e-6)


BILL = Bill(60.0, 2.0, 2.1, 1.0, 65.0, 0.001, 0.0003, "65 W, 0.3 EUR a kWh")
ROW = Hardened(
    "n-fgsm", "training", "A-", "a paper", "AML.M0003", "linf:0.1", 200, 190, 20, 180, 130, "runs PGD", 120, (),
    Change(5, 15, 200), Change(102, 2, 200), "reliable", BILL,
)  # fmt: skip
UNKNOWN = replace(ROW, name="resize-pad", grade="D", knowing=None, robust_change=None, missing=("eot",))


def test_no_gain_is_told_without_the_adaptive_attack(tmp_path: Path) -> None:
    none, line = lines([UNKNOWN])
    assert (none.clean, none.ignorant, none.knowing) == ("95.0%", "10.0%", "10.0%")
    assert line.ignorant == line.knowing == line.won == NOT_YET
    assert "eot" in UNKNOWN.advice
    page = write_hardened([UNKNOWN], tmp_path / "report.html").read_text()
    assert "65.0%" not in page  # what the ignorant leave
    assert NOT_YET in page
    assert recommendation([UNKNOWN]).startswith("None of these")


def test_advice_hangs_on_the_paired_interval() -> None:
    assert ROW.advice.startswith("It helps: 120 of 200")
    assert "5.0 points of clean accuracy" in ROW.advice
    level = replace(ROW, knowing=21, robust_change=Change(5, 4, 200))
    assert level.advice.startswith("Do not rely on it")
    assert replace(ROW, grade="D").advice.startswith("Doubt it")
    assert replace(ROW, kind="activation").advice.startswith("An ingredient")
    dearer = replace(ROW, name="awp", bill=replace(BILL, seconds=100.0))
    assert front([ROW, dearer]) == [ROW]
    robuster = replace(dearer, knowing=130)
    assert front([ROW, robuster]) == [ROW, robuster]
    assert recommendation([ROW, robuster]).startswith("Take awp.")
    assert "n-fgsm (less training)" in recommendation([ROW, robuster])
    assert recommendation([ROW, dearer]).endswith(
        "Leave awp: another is as good in accuracy and cost, and better in one of them."
    )
    assert replace(BILL, currency="USD").told == "Training: 0.001 kWh, 0.0003 USD at 65 W, 0.3 EUR a kWh."


def test_rows_are_read_as_they_were_written(tmp_path: Path) -> None:
    hardened.save([ROW, UNKNOWN], tmp_path)
    assert hardened.load(tmp_path) == [ROW, UNKNOWN]
    with pytest.raises(RunError, match="no hardened model"):
        hardened.load(tmp_path / "elsewhere")
    assert asdict(ROW)["bill"]["seconds"] == 60


def test_paired_intervals_cover_the_difference() -> None:
    low, high = paired_difference(30, 10, 100)
    assert low < 0.2 < high
    assert paired_difference(10, 30, 100) == pytest.approx((-high, -low))
    one, other = 31 / 102, 11 / 102
    half = 1.959963984540054 * ((one + other - (one - other) ** 2) / 102) ** 0.5
    assert (low, high) == pytest.approx((one - other - half, one - other + half))
    assert changed(np.array([1, 1, 0, 0], bool), np.array([1, 0, 1, 1], bool)) == Change(2, 1, 4)


def test_prices_are_checked() -> None:
    assert str(Prices(100, 0.2, 1.5)) == "100 W, 0.2 EUR a kWh, 1.5 EUR an hour"
    with pytest.raises(InputError, match="Prices"):
        Prices(watts=-1)


def test_runs_are_compared_in_pairs(made: tuple[Path, list[Hardened]]) -> None:
    place, rows = made
    before, after = (folder.load(place / name) for name in ("before", "pgd-at/after"))
    (one,) = compare(before, after)
    assert one.robust == rows[0].robust_change
    assert one.clean == rows[0].clean_change
    assert "McNemar" in one.sentence
    (same,) = compare(before, before)
    assert (same.robust.won, same.robust.lost) == (0, 0)
    assert "chance" in same.sentence


def test_the_commands(tmp_path: Path) -> None:
    x, y = pictures(300)
    np.savez(tmp_path / "data.npz", x=x, y=y)
    (tmp_path / "model.py").write_text(
        "from torch import nn\ndef made():\n"
        f"    return nn.Sequential(nn.Flatten(), nn.Linear({SIDE * SIDE}, 2)).eval()\n"
    )
    runner, out = CliRunner(), tmp_path / "out"
    words = ["harden", f"{tmp_path}/model.py:made", f"{tmp_path}/data.npz", "--threat", "linf:0.1", "--out", str(out)]
    short = ["--epochs", "1", "--batch", "32", "--examples", "12"]
    told = runner.invoke(app, [*words, *short, "-r", "n-fgsm"])
    assert told.exit_code == 0, told.output
    assert "n-fgsm" in told.stdout
    assert (out / "report.html").is_file()
    assert runner.invoke(app, [*words, *short, "-r", "n-fgsm"]).exit_code == 2
    assert runner.invoke(app, words).exit_code == 2
    assert runner.invoke(app, [*words, "-r", "n-fgsm", "--budget", "100", "--overwrite"]).exit_code == 2
    paired = runner.invoke(app, ["compare", str(out / "before"), str(out / "n-fgsm" / "after")])
    assert paired.exit_code == 0, paired.output
    assert "McNemar" in paired.stdout
    listed = runner.invoke(app, ["defences", "--json"])
    assert json.loads(listed.stdout)["defences"]["jpeg"]["grade"] == "D"
    assert "broken by" in runner.invoke(app, ["defences"]).stdout
