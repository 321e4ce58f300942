"""What only a process of its own can show: pipes, signals, a fresh start, and how soon help comes."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from unfooled.core.folder import load

FACTORY = """
import time
import torch
from torch import nn
from unfooled.zoo.small import linear


class Slow(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = linear(torch.randn(3, 1, 4, 4, generator=torch.Generator().manual_seed(1)))

    def forward(self, x):
        time.sleep(0.004)
        return self.net(x)
"""
UNFOOLED = [sys.executable, "-c", "from unfooled.cli import app; app()"]


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("processes")
    (root / "slow.py").write_text(FACTORY)
    x = np.random.default_rng(5).integers(0, 256, (16, 1, 4, 4), np.uint8)
    weights = torch.randn(3, 1, 4, 4, generator=torch.Generator().manual_seed(1))
    y = (torch.from_numpy(x).float().flatten(1) @ weights.flatten(1).T).argmax(dim=1).numpy()
    np.savez(root / "data.npz", x=x, y=y)
    return root


def start(place: Path, *words: str) -> subprocess.Popen[str]:
    signal.signal(
        signal.SIGINT, signal.default_int_handler
    )  # a shell ignores it for what runs behind it; so do children
    return subprocess.Popen(
        [*UNFOOLED, *words], cwd=place, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding="utf-8",
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONIOENCODING": "utf-8"},
    )  # fmt: skip


def ended(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    out, err = process.communicate(timeout=120)
    return process.returncode, out, err


def audit(out: str, *words: str) -> list[str]:
    return [
        "audit", "slow.py:Slow", "data.npz", "--threat", "linf:8/255,16/255", "--suite", "uniform-noise,fgsm,pgd",
        "--batch", "1", "--threads", "1", "--no-diagnosis", "--out", out, *words,
    ]  # fmt: skip


def wait_for_units(folder: Path, count: int) -> None:
    until = time.monotonic() + 60
    while len(list(folder.glob("units/*.safetensors"))) < count:
        assert time.monotonic() < until
        time.sleep(0.01)


def test_a_stopped_run_goes_on_as_if_nothing_had_happened(place):
    whole = start(place, *audit("whole"))
    stopped = start(place, *audit("stopped"))
    wait_for_units(place / "stopped", 2)
    stopped.send_signal(signal.SIGINT)
    code, _, told = ended(stopped)
    assert code == 130
    assert "unfooled audit slow.py:Slow data.npz" in told
    assert told.rstrip().endswith("--resume")
    assert "Traceback" not in told

    killed = start(place, *audit("stopped", "--resume"))
    wait_for_units(place / "stopped", 6)
    killed.send_signal(signal.SIGKILL)
    assert ended(killed)[0] == -signal.SIGKILL
    assert not (place / "stopped" / "run.json").exists()

    assert ended(start(place, *audit("stopped", "--resume")))[0] == 0
    code, out, err = ended(whole)
    assert code == 0, err
    first, second = load(place / "whole"), load(place / "stopped")
    assert first.records.equals(second.records)
    assert first.stages.drop_columns("seconds").equals(second.stages.drop_columns("seconds"))
    assert set(first.tensors) == set(second.tensors)
    for name, array in first.tensors.items():
        assert array.dtype == second.tensors[name].dtype
        np.testing.assert_array_equal(array, second.tensors[name])
    assert first["linf:16/255"].broken.sum() > 0

    # and into a pipe go plain lines alone
    assert "\x1b" not in out + err
    assert "\r" not in out + err
    assert [line.split()[1] for line in err.splitlines()[1:]][:2] == ["uniform-noise", "fgsm"]


def test_a_fresh_process_confirms_every_example(place):
    out = audit("checked", "--quiet", "--batch", "16")
    assert ended(start(place, *out))[:2] == (0, "")
    code, told, err = ended(start(place, "verify", "checked"))
    assert code == 0, err
    broken = int(sum(load(place / "checked")[threat].broken.sum() for threat in ("linf:8/255", "linf:16/255")))
    assert told == f"confirmed {broken} of {broken}\n"


def test_threads_of_the_command_line_sleep_while_they_wait(place):
    """Where another program holds a core, spinning threads take ten times as long; who says otherwise is heeded."""
    code = "import os, sys, unfooled.cli; print(os.environ['OMP_WAIT_POLICY'], 'torch' in sys.modules)"
    policies = {"PASSIVE": {}, "ACTIVE": {"OMP_WAIT_POLICY": "ACTIVE"}}
    for policy, said in policies.items():
        there = {name: value for name, value in os.environ.items() if name != "OMP_WAIT_POLICY"} | said
        told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=there)
        assert told.stdout.split() == [policy, "False"]


def test_help_imports_no_torch(place):
    code = (
        "import sys; from unfooled.cli import app\n"
        "try:\n    app(['audit', '--help'])\nexcept SystemExit:\n    pass\n"
        "print([name for name in ('torch', 'numpy', 'yaml', 'pyarrow') if name in sys.modules])"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.splitlines()[-1] == "[]"
