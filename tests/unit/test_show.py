"""`make show` reports what its scripts measured, and counts a script that breaks as a promise missed."""

import importlib.util
import json
from pathlib import Path

import pytest

SPEC = importlib.util.spec_from_file_location("show", Path(__file__).parents[2] / "bench" / "show.py")
assert SPEC is not None
assert SPEC.loader is not None
show = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(show)

MET = 'print("""{"line": "fast", "figure": "1 s", "goal": "at most 2 s", "met": true}""")'
MISSED = 'print("""{"line": "small [kB]", "figure": "3", "goal": "at most 2", "met": false}""")'


def measure(bench: Path, **scripts: str) -> tuple[bool, list[dict[str, object]]]:
    (bench / "audit").mkdir()
    for name, text in scripts.items():
        (bench / "audit" / f"{name}.py").write_text(text, encoding="utf-8")
    met = show.show("audit", bench)
    return met, json.loads((bench / "results" / "audit.json").read_text(encoding="utf-8"))["promises"]


def test_all_met(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    met, found = measure(tmp_path, b=MET, a=f"print('on the way')\n{MET}\n{MET}", _shared="raise SystemExit(9)")
    assert met
    assert [promise["met"] for promise in found] == [True, True, True]
    assert "3 of 3 met" in capsys.readouterr().out
    kept = json.loads((tmp_path / "results" / "audit.json").read_text(encoding="utf-8"))
    assert kept["machine"].keys() >= {"cpu", "cores", "torch_threads", "python", "torch"}
    assert kept["command"] == "make show NAME=audit"


@pytest.mark.parametrize(
    ("script", "figure"),
    [
        (MISSED, "3"),
        ("raise ValueError('no model')", "ValueError: no model"),
        ("print('nothing measured')", "no figure printed"),
        (f"{MET}\nprint('a word after the figure')", "no figure printed"),
        ("import os; os._exit(7)", "exit status 7"),
        (f"{MET}\nraise KeyError('late')", "KeyError: 'late'"),
    ],
)
def test_missed(script: str, figure: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    met, found = measure(tmp_path, good=MET, poor=script)
    assert not met
    assert found[0]["met"] is True
    assert (found[-1]["met"], found[-1]["figure"]) == (False, figure)
    assert "missed" in capsys.readouterr().out


def test_a_script_that_hangs_is_missed(tmp_path: Path) -> None:
    script = tmp_path / "hangs.py"
    script.write_text("import time; time.sleep(60)", encoding="utf-8")
    (promise,) = show.promises(script, limit=0.5)
    assert (promise["met"], promise["figure"]) == (False, "no end after 0.5 s")


def test_order_is_kept(tmp_path: Path) -> None:
    _, found = measure(tmp_path, only=f"{MET}\n{MISSED}")
    assert [promise["line"] for promise in found] == ["fast", "small [kB]"]


def test_unknown_name(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="No scripts in bench/audit"):
        measure(tmp_path)
