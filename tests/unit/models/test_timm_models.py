"""timm models, with a stand-in for timm: the real one needs torchvision, which seldom stands beside a CPU torch."""

from __future__ import annotations

import importlib.machinery
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from unfooled.core.batch import Batch
from unfooled.core.errors import MissingExtraError, ModelError
from unfooled.models import Classifier, Preprocess, check_ready, load_model
from unfooled.models.timm_models import preprocess_of
from unfooled.models.weights import fingerprint
from unfooled.zoo.small import resnet8

SETTINGS = {
    "input_size": (3, 224, 224), "interpolation": "bicubic", "mean": (0.485, 0.456, 0.406),
    "std": (0.229, 0.224, 0.225), "crop_pct": 0.875, "crop_mode": "center",
}  # fmt: skip


@pytest.fixture
def timm(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Put a timm into place that knows one model; what it was asked is written down."""
    asked: dict[str, Any] = {}
    package, data = ModuleType("timm"), ModuleType("timm.data")
    package.__spec__ = importlib.machinery.ModuleSpec("timm", None)

    def create_model(name: str, pretrained: bool) -> nn.Module:
        if name != "resnet8":
            raise RuntimeError(f"Unknown model ({name})")
        asked["pretrained"] = pretrained
        module = resnet8(4).train()
        module.num_classes = 10
        return module

    package.create_model = create_model
    data.resolve_model_data_config = lambda module: {**SETTINGS, "input_size": (3, 32, 32), "crop_pct": 1.0}
    monkeypatch.setitem(sys.modules, "timm", package)
    monkeypatch.setitem(sys.modules, "timm.data", data)
    return asked


def test_a_model_by_name(timm: dict[str, Any]) -> None:
    model = load_model("timm:resnet8")
    assert isinstance(model, Classifier)
    assert timm["pretrained"] is True
    assert model.preprocess == Preprocess(SETTINGS["mean"], SETTINGS["std"], 32, (32, 32), "bicubic")
    assert model.name == "timm:resnet8"
    assert model.classes is None
    assert check_ready(model, Batch(torch.rand(2, 3, 40, 40), torch.arange(2))) == 10


def test_weights_of_the_users_own(timm: dict[str, Any], tmp_path: Path) -> None:
    save_file(resnet8(5).state_dict(), tmp_path / "w.safetensors")
    model = load_model("timm:resnet8", weights=tmp_path / "w.safetensors")
    assert isinstance(model, Classifier)
    assert timm["pretrained"] is False
    assert fingerprint(model.module) == fingerprint(resnet8(5))


def test_no_such_model(timm: dict[str, Any]) -> None:
    with pytest.raises(ModelError, match="Unknown model"):
        load_model("timm:nonesuch")


@pytest.mark.parametrize("error", ["RuntimeError('operator torchvision::nms does not exist')", "ImportError('libc')"])
def test_a_torchvision_that_does_not_load(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, error: str) -> None:
    (tmp_path / "timm").mkdir()
    (tmp_path / "timm" / "__init__.py").write_text(f"raise {error}")
    for name in [name for name in sys.modules if name.partition(".")[0] == "timm"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(MissingExtraError, match="torchvision that fits this torch"):
        load_model("timm:resnet18")


@pytest.mark.parametrize(
    ("changed", "size"),
    [({}, 256), ({"crop_pct": 0.95}, 235), ({"crop_mode": "squash", "crop_pct": 1.0}, (224, 224))],
)
def test_data_configurations(changed: dict[str, Any], size: Any) -> None:
    wanted = Preprocess(SETTINGS["mean"], SETTINGS["std"], size, (224, 224), "bicubic")
    assert preprocess_of({**SETTINGS, **changed}) == wanted


@pytest.mark.parametrize(
    "changed", [{"crop_mode": "border"}, {"input_size": (3, 192, 256)}, {"interpolation": "lanczos"}]
)
def test_data_configurations_that_cannot_be_reproduced(changed: dict[str, Any]) -> None:
    with pytest.raises(ModelError, match="cannot be reproduced"):
        preprocess_of({**SETTINGS, **changed})
