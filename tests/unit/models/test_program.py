"""`exec:`: programs that answer, crash, hang and talk nonsense."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml

from unfooled.core.answer import Labels
from unfooled.core.batch import Batch
from unfooled.core.errors import InputError, ModelError, RunError, UnreachableError
from unfooled.models import BlackBox, load_model

LINES = """
import json, sys
for line in sys.stdin:
    x = json.loads(line)["input"]
    flat = [v for channel in x for row in channel for v in row]
    print(json.dumps(ANSWER(flat)), flush=True)
"""
ARRAYS = """
import io, sys
import numpy as np
to, back = sys.stdout.buffer, sys.stdin.buffer
while size := back.read(4):
    x = np.load(io.BytesIO(back.read(int.from_bytes(size, "little"))))
    out = io.BytesIO()
    np.save(out, x.reshape(len(x), -1)[:, :3] * 2)
    to.write(len(out.getvalue()).to_bytes(4, "little") + out.getvalue())
    to.flush()
"""
X = torch.arange(5 * 4.0).view(5, 1, 2, 2) / 20


def load(tmp_path: Path, code: str, answer: str = "flat[:3]", **settings: Any) -> BlackBox:
    (tmp_path / "net.py").write_text(code.replace("ANSWER", f"(lambda flat: {answer})"))
    told = {"command": [sys.executable, "-S", str(tmp_path / "net.py")], "timeout": 20, **settings}
    if "numpy" in code:
        told["command"].remove("-S")
    (tmp_path / "net.yaml").write_text(yaml.safe_dump(told))
    model = load_model(f"exec:{tmp_path / 'net.yaml'}")
    assert isinstance(model, BlackBox)
    return model


def batch(x: torch.Tensor = X) -> Batch:
    return Batch(x, torch.arange(len(x)))


def ended(model: BlackBox) -> None:
    model.ask.__self__.close()  # type: ignore[attr-defined]


def test_lines_go_out_and_scores_come_back(tmp_path: Path) -> None:
    model = load(tmp_path, LINES)
    assert torch.equal(model.answer(batch()).scores, X.flatten(1)[:, :3])
    assert torch.equal(model.outputs(batch(X[1:])), X[1:].flatten(1)[:, :3])
    assert model.sent() == {"questions": 9, "repeated": 0, "starts": 1}
    ended(model)


def test_arrays_go_out_and_scores_come_back(tmp_path: Path) -> None:
    model = load(tmp_path, ARRAYS, protocol="npy", input={"rows": 2})
    np.testing.assert_allclose(model.answer(batch()).scores, X.flatten(1)[:, :3] * 2)
    ended(model)


def test_labels_and_parts_of_lines(tmp_path: Path) -> None:
    settings = {"output": {"form": "label", "path": "best.0"}, "classes": 9}
    model = load(tmp_path, LINES, '{"best": [round(flat[0] * 5), 0]}', **settings)
    answer = model.answer(batch())
    assert isinstance(answer, Labels)
    assert answer.labels.tolist() == [0, 1, 2, 3, 4]
    ended(model)


def test_a_command_by_itself(tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text(LINES.replace("ANSWER", "(lambda flat: flat)"))
    model = load_model(f"exec:{sys.executable} -S {tmp_path / 'net.py'}")
    assert model.answer(batch(X[:1])).scores.shape == (1, 4)
    ended(model)


def test_a_crash_costs_no_example(tmp_path: Path) -> None:
    once = tmp_path / "crashed"
    code = (
        f"import os\nif os.path.exists({str(once)!r}): CRASH = False\nelse:\n CRASH = True\n open({str(once)!r}, 'w')\n"
    )
    code += LINES.replace("    print", "    if CRASH and flat[0] > 0.5: raise SystemExit('too large')\n    print")
    model = load(tmp_path, code)
    assert torch.equal(model.answer(batch()).scores, X.flatten(1)[:, :3])
    assert model.sent() == {"questions": 5, "repeated": 5, "starts": 2}
    ended(model)


@pytest.mark.parametrize(
    ("code", "found"),
    [("raise SystemExit('no weights here')", "no weights here"), ("import time; time.sleep(99)", "within 0.3 s"),
     ("print('loading ...', flush=True); input()", "JSONDecodeError")],
)  # fmt: skip
def test_programs_that_do_not_answer(code: str, found: str, tmp_path: Path) -> None:
    model = load(tmp_path, code, timeout=0.3, retries=1)
    with pytest.raises(UnreachableError, match=found):
        model.answer(batch())
    assert model.sent()["starts"] == 2


def test_wrong_answers_and_missing_programs(tmp_path: Path) -> None:
    model = load(tmp_path, LINES, '"a cat"')
    with pytest.raises(ModelError, match="cannot be read"):
        model.answer(batch())
    ended(model)
    with pytest.raises(InputError, match="cannot be started"):
        load_model("exec:no-such-program-here").answer(batch())


def test_a_run_of_somebody_else_starts_no_program() -> None:
    from unfooled.cli.subject import recorded_settings

    run = {"source": {"model": "exec:rm -r everything", "data": "x"}}
    with pytest.raises(RunError, match="of its own choice"):
        recorded_settings(run, None, "cpu")
    assert recorded_settings(run, "exec:cat", "cpu").model == "exec:cat"
