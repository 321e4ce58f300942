"""load_model: factories in modules and files, and every way in which they fail."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from unfooled.core.batch import Batch
from unfooled.core.errors import InputError, MissingExtraError, ModelError
from unfooled.models import Classifier, check_ready, load_model
from unfooled.models.weights import fingerprint
from unfooled.zoo.small import resnet8

CODE = """
from torch import nn
from unfooled.core.answer import Scores
from unfooled.models import Preprocess, wrap
from unfooled.zoo.small import resnet8
import sibling_of_my_net

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = resnet8(sibling_of_my_net.SEED)
        self.train()
    def forward(self, x):
        return self.net(x)

class Adapter:
    def answer(self, x): return Scores(self.outputs(x))
    def describe(self): return {"name": "mine", "sha256": "0", "classes": None}
    def outputs(self, x, prompt=None): return x.values.flatten(1)
    def read(self, outputs): return Scores(outputs)
    def __call__(self): raise AssertionError

finished = resnet8(7)
adapter = Adapter()

def wrapped():
    return wrap(resnet8(2), Preprocess(0.5, 0.5), [str(c) for c in range(10)], name="mine")

def failing():
    raise FileNotFoundError("no weights.bin here")

def needing(settings):
    return resnet8()

def nothing():
    return None
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, code in (("my_net", CODE), ("sibling_of_my_net", "SEED = 3"), ("broken_net", "import nowhere_at_all")):
        (tmp_path / f"{name}.py").write_text(code)
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def x() -> Batch:
    return Batch(torch.rand(2, 3, 32, 32), torch.arange(2))


@pytest.mark.parametrize("place", ["my_net", "my_net.py", "./my_net.py"])
def test_a_factory_in_the_current_folder(folder: Path, place: str) -> None:
    before = list(sys.path)
    model = load_model(f"{place}:Net")
    assert isinstance(model, Classifier)
    assert fingerprint(model.module.net) == fingerprint(resnet8(3))
    assert model.name == f"{place}:Net"
    assert check_ready(model, x()) == 10  # and so it is in evaluation mode
    assert sys.path == before


def test_what_a_factory_may_give(folder: Path) -> None:
    wrapped = load_model("my_net:wrapped")
    assert isinstance(wrapped, Classifier)
    assert (wrapped.name, wrapped.classes is None) == ("mine", False)
    assert type(load_model("my_net:Adapter")).__name__ == "Adapter"
    assert type(load_model("my_net:adapter")).__name__ == "Adapter"
    finished = load_model("my_net:finished")
    assert isinstance(finished, Classifier)
    assert fingerprint(finished.module) == fingerprint(resnet8(7))


def test_a_file_finds_its_siblings(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "elsewhere").mkdir()
    monkeypatch.chdir(folder / "elsewhere")
    assert check_ready(load_model("../my_net.py:Net"), x()) == 10


def test_two_files_of_one_name_are_two(folder: Path) -> None:
    for name, seed in (("a", 1), ("b", 2)):
        (folder / name).mkdir()
        (folder / name / "net.py").write_text(
            f"from unfooled.zoo.small import resnet8\ndef net(): return resnet8({seed})"
        )
    one, two = load_model("a/net.py:net"), load_model("b/net.py:net")
    assert isinstance(one, Classifier)
    assert isinstance(two, Classifier)
    assert fingerprint(one.module) != fingerprint(two.module)


def test_device_and_weights(folder: Path) -> None:
    save_file(resnet8(9).state_dict(), folder / "w.safetensors")
    model = load_model("my_net:wrapped", weights="w.safetensors")
    assert isinstance(model, Classifier)
    assert fingerprint(model.module) == fingerprint(resnet8(9))
    moved = load_model("my_net:Net", device="meta")
    assert isinstance(moved, Classifier)
    assert str(moved.device) == "meta"
    with pytest.raises(ModelError, match="Adapter"):
        load_model("my_net:Adapter", weights="w.safetensors")


@pytest.mark.parametrize(
    ("spec", "kind", "quoted"),
    [
        ("resnet50", InputError, "hf:NAME_OR_FOLDER"),
        ("", InputError, "zoo:efficientnet-lite0"),
        ("hf:", InputError, "timm:NAME"),
        ("tflite:model", InputError, "'tflite'"),
        ("my_net.inner:Net", InputError, "'my_net.inner'"),
        ("my_net:absent", InputError, "Adapter, Net"),
        ("nowhere.py:net", InputError, r"nowhere\.py"),
        ("broken_net:net", ModelError, "nowhere_at_all"),
        ("broken_net.py:net", ModelError, "import broken_net"),
        ("my_net:failing", ModelError, r"no weights\.bin here"),
        ("my_net:needing", ModelError, "without arguments"),
        ("my_net:nothing", ModelError, "NoneType"),
        ("my_net:CODE", InputError, "has no 'CODE'"),
        ("zoo:resnet", InputError, "'resnet'"),
    ],
)
def test_specs_that_lead_nowhere(folder: Path, spec: str, kind: type[Exception], quoted: str) -> None:
    with pytest.raises(kind, match=quoted):
        load_model(spec)


@pytest.mark.parametrize("spec", ["hf:some/model", "zoo:efficientnet-lite0"])
def test_schemes_that_bring_their_own_weights(spec: str) -> None:
    with pytest.raises(InputError, match="its own weights"):
        load_model(spec, weights="w.safetensors")


@pytest.mark.parametrize(
    ("package", "spec", "quoted"),
    [
        ("transformers", "hf:some/model", r'pip install "unfooled\[hf\]"'),
        ("timm", "timm:resnet18", r'pip install "unfooled\[timm\]"'),
        ("efficientnet_lite_pytorch", "zoo:efficientnet-lite0", "pip install --no-deps efficientnet-lite-pytorch"),
    ],
)
def test_missing_extras(monkeypatch: pytest.MonkeyPatch, package: str, spec: str, quoted: str) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingExtraError, match=quoted):
        load_model(spec)


def test_what_is_wrong_with_a_factorys_model_is_told_as_it_is(tmp_path) -> None:
    (tmp_path / "labelled.py").write_text(
        "import unfooled\ndef make():\n    return unfooled.text_model(lambda texts: [0] * len(texts))\n"
    )
    with pytest.raises(ModelError, match="labels in place of scores"):
        load_model(f"{tmp_path / 'labelled.py'}:make")
