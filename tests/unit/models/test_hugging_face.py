"""Hugging Face classifiers, made small on the spot; needs no torchvision and no network."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from unfooled.core.batch import Batch
from unfooled.core.errors import ModelError
from unfooled.models import Classifier, Preprocess, check_ready, load_model
from unfooled.models.hugging_face import preprocess_of

transformers = pytest.importorskip("transformers")

NAMES = {0: "cat", 1: "dog", 2: "toaster"}
PLAIN = {
    "do_resize": True,
    "size": {"height": 32, "width": 32},
    "do_rescale": True,
    "rescale_factor": 1 / 255,
    "do_normalize": True,
    "image_mean": [0.5, 0.4, 0.3],
    "image_std": [0.25, 0.5, 0.5],
    "resample": 3,
    "image_processor_type": "ViTImageProcessor",
}


def saved(folder: Path, kind: str) -> str:
    torch.manual_seed(0)
    if kind == "vit":
        config = transformers.ViTConfig(
            hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16, image_size=32,
            patch_size=8, id2label=NAMES, label2id={name: index for index, name in NAMES.items()},
        )  # fmt: skip
        module = transformers.ViTForImageClassification(config)
    else:
        config = transformers.ResNetConfig(
            embedding_size=8, hidden_sizes=[8, 16], depths=[1, 1], layer_type="basic", id2label=NAMES,
            label2id={name: index for index, name in NAMES.items()},
        )  # fmt: skip
        module = transformers.ResNetForImageClassification(config)
    module.save_pretrained(folder)
    (folder / "preprocessor_config.json").write_text(json.dumps(PLAIN))
    return str(folder)


@pytest.mark.parametrize("kind", ["vit", "resnet"])
def test_a_saved_classifier(tmp_path: Path, kind: str) -> None:
    model = load_model(f"hf:{saved(tmp_path, kind)}")
    assert isinstance(model, Classifier)
    assert model.preprocess == Preprocess((0.5, 0.4, 0.3), (0.25, 0.5, 0.5), (32, 32), None, "bicubic")
    assert model.classes == ("cat", "dog", "toaster")
    assert model.name == f"hf:{tmp_path}"
    x = Batch(torch.rand(2, 3, 40, 48, requires_grad=True), torch.arange(2))
    assert check_ready(model, x) == 3
    scores = model.outputs(x)
    assert torch.equal(scores, model.module(pixel_values=model.preprocess(x.values)).logits)
    grad = torch.autograd.grad(scores[:, 1].sum(), x.values)[0]
    assert (grad != 0).float().mean() > 0.9
    assert "torchvision" not in sys.modules


def test_no_such_model(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="nowhere"):
        load_model(f"hf:{tmp_path}/nowhere")


def test_offline(monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(*given: Any, **named: Any) -> None:
        raise OSError("We couldn't connect")

    monkeypatch.setattr(transformers.AutoModelForImageClassification, "from_pretrained", unreachable)
    with pytest.raises(ModelError, match="couldn't connect"):
        load_model("hf:some/model")


def test_pickled_weights_are_not_opened(tmp_path: Path) -> None:
    name = saved(tmp_path, "resnet")
    (tmp_path / "model.safetensors").unlink()
    torch.save({}, tmp_path / "pytorch_model.bin")
    with pytest.raises(ModelError, match=r"model\.safetensors"):
        load_model(f"hf:{name}")


def test_no_preprocessing_beside_it(tmp_path: Path) -> None:
    name = saved(tmp_path, "resnet")
    (tmp_path / "preprocessor_config.json").unlink()
    with pytest.raises(ModelError, match=r"preprocessor_config\.json"):
        load_model(f"hf:{name}")


def test_a_head_that_was_never_trained(tmp_path: Path) -> None:
    name = saved(tmp_path, "resnet")
    transformers.AutoModelForImageClassification.from_pretrained(name).resnet.save_pretrained(tmp_path)
    with pytest.raises(ModelError, match=r"classifier\.1"):
        load_model(f"hf:{name}")


HALF = {"image_mean": [0.5] * 3, "image_std": [0.5] * 3}


@pytest.mark.parametrize(
    ("settings", "wanted"),
    [
        (PLAIN, Preprocess((0.5, 0.4, 0.3), (0.25, 0.5, 0.5), (32, 32), None, "bicubic")),
        ({**HALF, "size": 224}, Preprocess((0.5,) * 3, (0.5,) * 3, 224)),
        (
            {
                **HALF,
                "size": {"shortest_edge": 256},
                "do_center_crop": True,
                "crop_size": {"height": 224, "width": 200},
            },
            Preprocess((0.5,) * 3, (0.5,) * 3, 256, (224, 200)),
        ),
        ({**HALF, "size": 256, "do_center_crop": True, "crop_size": 224}, Preprocess((0.5,) * 3, (0.5,) * 3, 256, 224)),
        ({**HALF, "size": {"shortest_edge": 224}, "crop_pct": 0.875}, Preprocess((0.5,) * 3, (0.5,) * 3, 256, 224)),
        (
            {**HALF, "size": {"shortest_edge": 384}, "crop_pct": 0.875},
            Preprocess((0.5,) * 3, (0.5,) * 3, (384, 384)),
        ),
        ({"do_normalize": False, "do_resize": False}, Preprocess()),
        (
            {"image_mean": [127.5] * 3, "image_std": [63.75] * 3, "do_rescale": False, "do_resize": False},
            Preprocess((0.5,) * 3, (0.25,) * 3),
        ),
        ({"do_normalize": False, "do_rescale": False, "do_resize": False}, Preprocess(0.0, 1 / 255)),
    ],
)
def test_settings_of_many_releases(settings: dict[str, Any], wanted: Preprocess) -> None:
    assert preprocess_of(settings) == wanted


@pytest.mark.parametrize(
    ("settings", "quoted"),
    [
        ({**PLAIN, "do_flip_channel_order": True}, "do_flip_channel_order = True"),
        ({**PLAIN, "do_pad": True}, "do_pad"),
        ({**PLAIN, "resample": 1}, "resample = 1"),
        ({**PLAIN, "size": {"shortest_edge": 224}}, "shortest_edge"),
        ({**PLAIN, "size": {"longest_edge": 224}}, "longest_edge"),
        ({**PLAIN, "do_center_crop": True}, "crop_size = None"),
        ({"do_resize": False}, "image_mean"),
    ],
)
def test_settings_that_cannot_be_reproduced(settings: dict[str, Any], quoted: str) -> None:
    with pytest.raises(ModelError, match=quoted):
        preprocess_of(settings)
