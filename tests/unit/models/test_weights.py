"""Weights from files: what is loaded, and what is never unpickled."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from unfooled.core.errors import InputError, ModelError
from unfooled.models.weights import fingerprint, load_weights
from unfooled.zoo.small import resnet8


@pytest.mark.parametrize("kind", ["safetensors", "pt", "state_dict", "model"])
def test_weights_are_loaded_by_name(tmp_path: Path, kind: str) -> None:
    wanted, module = resnet8(1), resnet8(0)
    path = tmp_path / ("w.safetensors" if kind == "safetensors" else "w.pt")
    if kind == "safetensors":
        save_file(wanted.state_dict(), path)
    else:
        stored = wanted.state_dict()
        torch.save(stored if kind == "pt" else {kind: dict(stored), "epoch": 3}, path)
    load_weights(module, path)
    assert fingerprint(module) == fingerprint(wanted)


def test_pickled_code_is_not_run(tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> Any:
            return os.mkdir, (str(tmp_path / "sprung"),)

    torch.save({"weight": Trap()}, tmp_path / "trap.pt")
    torch.save(resnet8(), tmp_path / "whole.pt")
    for name in ("trap.pt", "whole.pt"):
        with pytest.raises(ModelError, match="pickled code") as caught:
            load_weights(resnet8(), tmp_path / name)
        assert "save_file(module.state_dict()" in str(caught.value)
    assert not (tmp_path / "sprung").exists()


def test_weights_that_do_not_fit_are_named(tmp_path: Path) -> None:
    stored = resnet8().state_dict()
    del stored["1.running_mean"]
    stored["module.extra"] = torch.ones(1)
    stored["8.bias"] = torch.ones(3)
    save_file(stored, tmp_path / "w.safetensors")
    module = resnet8()
    before = fingerprint(module)
    with pytest.raises(ModelError) as caught:
        load_weights(module, tmp_path / "w.safetensors")
    said = str(caught.value)
    assert "1 missing (1.running_mean)" in said
    assert "1 unexpected (module.extra)" in said
    assert "8.bias (3,) for (10,)" in said
    assert "DataParallel" in said
    assert fingerprint(module) == before


@pytest.mark.parametrize(
    ("name", "content"), [("w.pt", b"rubbish, no weights"), ("w.pt", b""), ("w.safetensors", b"rubbish")]
)
def test_damaged_files(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ModelError, match="cannot be read"):
        load_weights(resnet8(), tmp_path / name)


def test_a_file_without_named_weights(tmp_path: Path) -> None:
    torch.save(torch.ones(3), tmp_path / "w.pt")
    with pytest.raises(ModelError, match="holds no named weights"):
        load_weights(nn.Linear(2, 2), tmp_path / "w.pt")


def test_no_such_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.pt"):
        load_weights(resnet8(), tmp_path / "none.pt")
