"""The table: rates, unions, merges; saved, read back without torch, and refused in plain words when damaged."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fuzz import TEN_THOUSAND, damaged, outcome
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from unfooled.core.errors import InputError, RunError
from unfooled.core.folder import load, save
from unfooled.core.rates import wilson
from unfooled.core.results import Results
from unfooled.core.schema import RECORDS, SCHEMA_VERSION, STAGES

MODEL = {"sha256": "a" * 64, "name": "toy"}


def row(threat: str, example: int, **changed: Any) -> dict[str, Any]:
    plain = {
        "threat": threat,
        "radius": 0.1,
        "example": example,
        "key": f"k{example}",
        "name": "",
        "y": example % 3,
        "clean_label": example % 3,
        "clean_confidence": 0.9,
        "clean_correct": True,
        "broken": False,
        "broken_float32": False,
        "attack": None,
        "adv_label": example % 3,
        "adv_confidence": 0.5,
        "distance": 0.05,
        "margin": -0.3,
        "queries": 10,
        "forwards": 5,
        "backwards": 4,
    }
    return plain | changed


def fell(threat: str, example: int, attack: str = "pgd", **changed: Any) -> dict[str, Any]:
    return row(threat, example, broken=True, broken_float32=True, attack=attack, margin=0.2, **changed)


def results(rows: list[dict[str, Any]], model: dict[str, Any] | None = None, **run: Any) -> Results:
    names = list(dict.fromkeys(one["threat"] for one in rows))
    stages = [
        {"threat": name, "attack": "pgd", "settings": "PGD()", "tried": 1, "proposed": 1, "broken": 1, "queries": 1,
         "forwards": 1, "backwards": 1, "seconds": 0.5} for name in names
    ]  # fmt: skip
    tensors = {f"x_adv/{one['threat']}/{one['key']}": np.full((1, 2, 2), one["example"], np.uint8)
               for one in rows if one["broken"]}  # fmt: skip
    tensors |= {f"x/{one['key']}": np.zeros((1, 2, 2), np.uint8) for one in rows if one["broken"]}
    described = [{"name": name} for name in names]
    about = {"model": MODEL if model is None else model, "threats": described, **run}
    return Results(pa.Table.from_pylist(rows, RECORDS), pa.Table.from_pylist(stages, STAGES), about, tensors)


FOUR = [
    row("linf:0.1", 0),
    fell("linf:0.1", 1),
    row("linf:0.1", 2, clean_correct=False, clean_label=9, queries=0, forwards=0, backwards=0),
    row("linf:0.1", 3, broken_float32=True),
]


@pytest.mark.parametrize(("hits", "n"), [(0, 1), (1, 1), (0, 20), (1, 20), (10, 20), (19, 20), (20, 20), (731, 1000)])
def test_wilson_is_that_of_scipy(hits: int, n: int) -> None:
    wanted = binomtest(hits, n).proportion_ci(0.95, method="wilson")
    assert wilson(hits, n) == pytest.approx((wanted.low, wanted.high), abs=1e-12)


def test_no_examples_tell_nothing() -> None:
    assert wilson(0, 0) == (0.0, 1.0)


def test_rates_are_over_all_examples() -> None:
    rows = results(FOUR)["linf:0.1"]
    assert len(rows) == 4
    assert rows.clean_accuracy == 0.75
    assert rows.robust_accuracy == 0.5
    assert rows.robust.tolist() == [True, False, False, True]
    assert rows.broken.tolist() == [False, True, False, False]
    assert rows.broken_float32.tolist() == [False, True, False, True]
    assert rows.interval == wilson(2, 4)
    assert rows.queries.tolist() == [10, 10, 0, 10]
    assert rows.forwards.tolist() == [5, 5, 0, 5]
    assert rows.backwards.tolist() == [4, 4, 0, 4]
    assert [place for place, _ in rows.adversarial()] == [1]
    assert np.isnan(rows.x_adv[0]).all()
    assert np.array_equal(rows.x_adv[1], np.full((1, 2, 2), 1, np.float32) / np.float32(255))


def test_a_threat_is_found_by_name_or_not_at_all() -> None:
    two = results([*FOUR, *(row("l2:1", i) for i in range(4))])
    assert two.threats == ["linf:0.1", "l2:1"]
    assert len(two["l2:1"]) == 4
    assert not two["l2:1"].broken.any()
    for wrong in ("linf:0.2", "l2", "", "linf:1e999999999", "linf:1e-999999999"):
        with pytest.raises(InputError, match=r"linf:0\.1, l2:1"):
            two[wrong]


def test_a_union_is_broken_where_any_threat_breaks() -> None:
    """Costs add up; what is shown is the threat that broke it."""
    other = [
        fell("l2:1", 0, "fgsm", distance=0.9),
        fell("l2:1", 1),
        row("l2:1", 2, clean_correct=False),
        row("l2:1", 3),
    ]
    both = results([*FOUR, *other])
    union = both.union()
    assert union.broken.tolist() == [True, True, False, False]
    assert union.robust_accuracy == 0.25 <= min(both[name].robust_accuracy for name in both.threats)
    assert union.clean_accuracy == 0.75
    assert union.broken_float32.tolist() == [True, True, False, True]
    assert union.queries.tolist() == [20, 20, 10, 20]
    assert union.forwards.tolist() == [10, 10, 5, 10]
    assert union.column("attack").tolist() == ["fgsm", "pgd", None, None]
    assert union.column("threat").tolist()[:2] == ["l2:1", "linf:0.1"], "the first threat that broke it"
    assert union.column("distance")[0] == 0.9
    assert [place for place, _ in union.adversarial()] == [0, 1]
    assert both.union().table.equals(union.table)
    assert both.union(["linf:0.1"]).table.equals(both["linf:0.1"].table)
    assert both.union(["linf:0.1", "l2:1"]).table.equals(union.table)


def test_curves_are_found_by_kind() -> None:
    two = results([*FOUR, *(fell("l2:1", i, radius=1.0, distance=0.2 * i) for i in (1, 2, 3))])
    assert set(two.curves) == {"linf", "l2"}
    assert two.curve("linf").at(0.1).robust_accuracy == two["linf:0.1"].robust_accuracy
    assert [two.curve("l2").at(radius).robust_accuracy for radius in (0.1, 0.3, 0.5, 0.7)] == [1, 2 / 3, 1 / 3, 0]
    for wrong in (None, "l1", "linf:0.1"):
        with pytest.raises(InputError, match="no such curve"):
            two.curve(wrong)
    assert results(FOUR).curve().kind == "linf"


def test_a_threat_without_a_limit_has_no_radius_on_disk(tmp_path: Path) -> None:
    save(results([*FOUR, *(fell("l2", i, radius=None, distance=0.2) for i in range(4))]), tmp_path)
    read = load(tmp_path)
    assert read["l2"].column("radius").tolist() == pytest.approx([np.nan] * 4, nan_ok=True)
    assert read.curve("l2").median == 0.2


def test_merged_shards_stand_side_by_side() -> None:
    whole = results([*FOUR, *(fell("linf:0.1", i) for i in (4, 5))])
    first = results(FOUR)
    second = results([{**fell("linf:0.1", i), "example": i - 4} for i in (4, 5)])
    second.tensors.update({f"x_adv/linf:0.1/k{i}": np.full((1, 2, 2), i, np.uint8) for i in (4, 5)})  # type: ignore[attr-defined]
    merged = first.merge(second)
    assert merged.records.equals(whole.records)
    assert {name: array.tolist() for name, array in merged.tensors.items()} == {
        name: array.tolist() for name, array in whole.tensors.items()
    }
    assert len(merged.stages) == 2
    assert merged["linf:0.1"].robust_accuracy == pytest.approx(2 / 6)


def test_merged_attempts_only_lower_the_accuracy() -> None:
    mine = results([row("linf:0.1", 0), fell("linf:0.1", 1, "pgd"), row("linf:0.1", 2)])
    theirs = results([fell("linf:0.1", 0, "square"), row("linf:0.1", 1), row("linf:0.1", 2, broken_float32=True)])
    for one, other in ((mine, theirs), (theirs, mine)):
        merged = one.merge(other)
        rows = merged["linf:0.1"]
        assert rows.broken.tolist() == [True, True, False]
        assert rows.column("attack").tolist() == ["square", "pgd", None]
        assert rows.robust_accuracy <= min(one.union().robust_accuracy, other.union().robust_accuracy)
        assert rows.queries.tolist() == [20, 20, 20]
        assert rows.backwards.tolist() == [8, 8, 8]
        assert rows.broken_float32.tolist() == [True, True, True]
        assert len(list(rows.adversarial())) == 2
        assert merged.run["merged"] == [other.run]
    again = mine.merge(theirs).merge(mine)
    assert len(again.run["merged"]) == 2
    assert again["linf:0.1"].robust_accuracy == mine.merge(theirs)["linf:0.1"].robust_accuracy


def test_of_two_runs_the_nearer_success_counts() -> None:
    near, far = (results([fell("l2", 0, by, distance=size)]) for by, size in (("ddn", 0.2), ("fmn", 0.3)))
    near.tensors["x_adv/l2/k0"][:] = 7
    for one, other in ((near, far), (far, near)):
        rows = one.merge(other)["l2"]
        assert (rows.column("attack")[0], rows.column("distance")[0]) == ("ddn", 0.2)
        assert [stored.max() for _, stored in rows.adversarial()] == [7]
        assert rows.forwards.tolist() == [10]


def test_merged_threats_add_up() -> None:
    mine, theirs = results(FOUR), results([fell("l2:1", i) for i in range(4)])
    merged = mine.merge(theirs)
    assert merged.threats == ["linf:0.1", "l2:1"]
    assert merged["linf:0.1"].table.equals(mine["linf:0.1"].table)
    assert merged["l2:1"].table.equals(theirs["l2:1"].table)
    assert merged.union().robust_accuracy == 0.0


def test_another_model_is_not_merged() -> None:
    with pytest.raises(InputError, match="same model"):
        results(FOUR).merge(results(FOUR, model={"sha256": "b" * 64}))


# --- on disk -----------------------------------------------------------------------------------------------------


def test_saved_and_read_back(tmp_path: Path) -> None:
    given = results([*FOUR, *(fell("l2:1", i) for i in range(4))], seed=3, note="fünf")
    save(given, tmp_path / "a" / "run")
    read = load(tmp_path / "a" / "run")
    assert read.records.equals(given.records)
    assert read.records.schema == RECORDS
    assert read.stages.equals(given.stages)
    assert read.run == {"schema": SCHEMA_VERSION, **given.run}
    assert dict(read.tensors).keys() == given.tensors.keys()
    for name, array in given.tensors.items():
        assert np.array_equal(read.tensors[name], array)
        assert read.tensors[name].dtype == array.dtype
    assert len(read.tensors) == len(given.tensors)
    with pytest.raises(KeyError):
        read.tensors["nothing"]
    assert read.tensors.get("nothing") is None
    save(read.merge(given), tmp_path / "a" / "run")
    assert load(tmp_path / "a" / "run")["l2:1"].broken.all()


def test_the_marker_comes_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A kill while saving leaves no run, neither the old nor half of the new."""
    save(results(FOUR), tmp_path)
    monkeypatch.setattr("pyarrow.parquet.write_table", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        save(results(FOUR[:2]), tmp_path)
    with pytest.raises(RunError, match=r"run\.json"):
        load(tmp_path)


def test_what_is_no_number_is_not_written_as_one(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="JSON"):
        save(results(FOUR, seconds=float("nan")), tmp_path)


READER = """
import sys
class NoTorch:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "torch":
            raise ImportError("torch is blocked")
sys.meta_path.insert(0, NoTorch())
import unfooled
results = unfooled.load(__import__("pathlib").Path(sys.argv[1]))
rows = results["linf:0.1"]
print(rows.robust_accuracy, rows.interval.low, results.union().clean_accuracy, rows.queries.sum())
print([array.tolist() for _, array in rows.adversarial()], results.merge(results).threats)
assert "torch" not in sys.modules
"""


def test_a_run_is_read_without_torch(tmp_path: Path) -> None:
    save(results(FOUR), tmp_path)
    read = subprocess.run([sys.executable, "-c", READER, tmp_path], capture_output=True, text=True, check=True)
    assert read.stdout.splitlines() == [
        f"0.5 {wilson(2, 4).low} 0.75 30",
        "[[[[1, 1], [1, 1]]]] ['linf:0.1']",
    ]


def test_missing_and_newer_runs_are_refused(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"run\.json"):
        load(tmp_path / "nowhere")
    save(results(FOUR), tmp_path)
    run = json.loads((tmp_path / "run.json").read_text())
    (tmp_path / "run.json").write_text(json.dumps(run | {"schema": SCHEMA_VERSION + 1}))
    with pytest.raises(RunError, match=f"schema {SCHEMA_VERSION + 1}"):
        load(tmp_path)


FILES = ("run.json", "records.parquet", "stages.parquet", "tensors.safetensors")


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_is_gone_or_empty_is_named(name: str, tmp_path: Path) -> None:
    for damage in (Path.unlink, lambda path: path.write_bytes(b"")):
        save(results(FOUR), tmp_path)
        damage(tmp_path / name)
        with pytest.raises(RunError) as caught:
            load(tmp_path)
        assert caught.value.do
        assert str(tmp_path) in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "[]",
        "3",
        "null",
        '"schema"',
        "{}",
        "{",
        "\x00",
        "[" * 100_000,
        '{"schema": 1e999}',
        '{"schema": NaN}',
        '{"schema": ' + "9" * 5000 + "}",
        f'{{"schema": {SCHEMA_VERSION}}}',
        f'{{"schema": {SCHEMA_VERSION}, "digests": 3}}',
    ],
)
def test_json_that_is_no_run(text: str, tmp_path: Path) -> None:
    save(results(FOUR), tmp_path)
    (tmp_path / "run.json").write_text(text)
    with pytest.raises(RunError):
        load(tmp_path)


@pytest.mark.parametrize("change", ["drop", "rename", "retype", "append", "falsify"])
def test_another_table_is_no_run(change: str, tmp_path: Path) -> None:
    """Whether another tool saved other columns, or someone wrote a better number into ours."""
    good = results(FOUR)
    table = good.records
    bad = {
        "drop": lambda: table.drop_columns(["broken"]),
        "rename": lambda: table.rename_columns([name.upper() for name in table.column_names]),
        "retype": lambda: table.set_column(9, "broken", pa.array(["maybe"] * 4)),
        "append": lambda: table.append_column("more", pa.array([1] * 4)),
        "falsify": lambda: table.set_column(9, "broken", pa.array([False] * 4)),
    }[change]()
    save(good, tmp_path)
    pq.write_table(bad, tmp_path / "records.parquet")
    with pytest.raises(RunError, match=r"records\.parquet"):
        load(tmp_path)
    if change != "falsify":
        save(Results(bad, good.stages, good.run, good.tensors), tmp_path)
        with pytest.raises(RunError, match="damaged"):
            load(tmp_path)


def test_settings_are_sealed_too(tmp_path: Path) -> None:
    save(results(FOUR, seed=3), tmp_path)
    text = (tmp_path / "run.json").read_text()
    (tmp_path / "run.json").write_text(text.replace('"seed": 3', '"seed": 4'))
    with pytest.raises(RunError, match=r"run\.json"):
        load(tmp_path)


def used(folder: Path) -> Any:
    """Read all of a run, as reports do."""
    read = load(folder)
    for name in read.threats:
        rows = read[name]
        _ = rows.robust_accuracy, rows.interval, [array.sum() for _, array in rows.adversarial()], rows.queries.sum()
    return read.union().robust_accuracy, read.stages.to_pylist(), read.run


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("sound")
    save(results([*FOUR, *(fell("l2:1", i) for i in range(4))]), folder)
    return {name: (folder / name).read_bytes() for name in FILES}


@pytest.fixture
def quick_folder(tmp_path: Path) -> Iterator[Path]:
    """A folder in memory where the system has one: a disk takes a minute for ten thousand small files."""
    memory = Path("/dev/shm")
    if not os.access(memory, os.W_OK):
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(dir=memory) as folder:
        yield Path(folder)


def test_ten_thousand_damaged_runs(sound: dict[str, bytes], quick_folder: Path) -> None:
    """Read to the end, as a report would: nothing but RunError, whatever bytes are wrong."""
    tmp_path = quick_folder
    for name, data in sound.items():
        (tmp_path / name).write_bytes(data)
    read = []

    @TEN_THOUSAND
    @given(st.sampled_from(FILES).flatmap(lambda name: st.tuples(st.just(name), damaged([sound[name]]))))
    def check(case: tuple[str, bytes]) -> None:
        name, data = case
        (tmp_path / name).write_bytes(data)
        try:
            read.append(outcome(lambda: used(tmp_path)))
        finally:
            (tmp_path / name).write_bytes(sound[name])

    check()
    refused = sum(one is None for one in read)
    assert len(read) == 10_000
    assert refused > 5_000
