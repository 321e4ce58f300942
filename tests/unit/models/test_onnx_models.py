"""`onnx:`: layouts, ranges, fixed batches, outputs and names, on networks of one matrix."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml

import unfooled
from unfooled.auditing.doctor import examine
from unfooled.core.answer import Labels
from unfooled.core.batch import Batch
from unfooled.core.errors import AccessError, InputError, ModelError
from unfooled.models import BlackBox, load_model

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

RNG = np.random.default_rng(5)
WEIGHTS = RNG.normal(size=(3 * 4 * 5, 6)).astype(np.float32)
X = torch.from_numpy(RNG.random((7, 3, 4, 5), np.float32))
SCORES = X.flatten(1).numpy() @ WEIGHTS


def saved(
    tmp_path: Path, shape: list[Any] | None = None, *, ends: tuple[str, ...] = ("scores",), dtype: str = "FLOAT",
    scale: float = 1.0, metadata: dict[str, str] | None = None,
) -> Path:  # fmt: skip
    """Write x -> x W / scale, in NCHW or NHWC by the shape, with scores, probabilities or labels at its ends."""
    from onnx import TensorProto, helper, numpy_helper

    shape = shape or ["n", 3, 4, 5]
    nodes, last = [], "x"
    if dtype != "FLOAT":
        nodes.append(helper.make_node("Cast", [last], ["f"], to=TensorProto.FLOAT))
        last = "f"
    if shape[3] in (3, "c"):
        nodes.append(helper.make_node("Transpose", [last], ["t"], perm=[0, 3, 1, 2]))
        last = "t"
    nodes += [
        helper.make_node("Flatten", [last], ["flat"]),
        helper.make_node("MatMul", ["flat", "w"], ["scores"]),
        helper.make_node("Softmax", ["scores"], ["probabilities"]),
        helper.make_node("ArgMax", ["scores"], ["label"], axis=1, keepdims=0),
    ]
    weights = numpy_helper.from_array(WEIGHTS / np.float32(scale), "w")
    made = {
        "scores": helper.make_tensor_value_info("scores", TensorProto.FLOAT, [shape[0], 6]),
        "probabilities": helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, [shape[0], 6]),
        "label": helper.make_tensor_value_info("label", TensorProto.INT64, [shape[0]]),
    }
    taken = helper.make_tensor_value_info("x", getattr(TensorProto, dtype), shape)
    graph = helper.make_graph(nodes, "net", [taken], [made[end] for end in ends], [weights])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    helper.set_model_props(model, metadata or {})
    path = tmp_path / "net.onnx"
    onnx.save(model, str(path))
    return path


def load(path: Path, **settings: Any) -> BlackBox:
    if settings:
        (path.parent / "net.yaml").write_text(yaml.safe_dump({"path": path.name, **settings}))
        path = path.parent / "net.yaml"
    model = load_model(f"onnx:{path}")
    assert isinstance(model, BlackBox)
    return model


def batch(x: torch.Tensor = X) -> Batch:
    return Batch(x, torch.arange(len(x)))


@pytest.mark.parametrize("shape", [["n", 3, 4, 5], [2, 3, 4, 5], ["n", 4, 5, 3], [3, "h", "w", 3]])
def test_layouts_and_fixed_batches_are_read_off_the_file(shape: list[Any], tmp_path: Path) -> None:
    found = load(saved(tmp_path, shape)).answer(batch()).scores
    np.testing.assert_allclose(found.numpy(), SCORES, rtol=1e-4, atol=1e-4)


def test_a_layout_that_cannot_be_told_is_asked_for(tmp_path: Path) -> None:
    path = saved(tmp_path, ["n", "h", "w", "c"])
    with pytest.raises(InputError, match="layout: nhwc"):
        load(path)
    np.testing.assert_allclose(load(path, layout="nhwc").answer(batch()).scores, SCORES, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("told", ["metadata", "setting", "uint8"])
def test_pixels_to_255(told: str, tmp_path: Path) -> None:
    metadata = {"Image.NominalPixelRange": "NominalRange_0_255"} if told == "metadata" else {}
    path = saved(tmp_path, scale=255, metadata=metadata, dtype="UINT8" if told == "uint8" else "FLOAT")
    model = load(path, **({"white": 255} if told == "setting" else {}))
    x = (X * 255).round() / 255
    found = model.answer(batch(x)).scores.numpy()
    np.testing.assert_allclose(found, x.flatten(1).numpy() @ WEIGHTS, rtol=1e-4, atol=1e-4)


def test_probabilities_become_logarithms_and_logits_are_preferred_if_they_come_first(tmp_path: Path) -> None:
    wanted = torch.from_numpy(SCORES).log_softmax(dim=1)
    found = load(saved(tmp_path, ends=("label", "probabilities"))).answer(batch()).scores
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-4)
    path = saved(tmp_path, ends=("scores", "probabilities"))
    np.testing.assert_allclose(load(path).answer(batch()).scores, SCORES, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(load(path, output="probabilities").answer(batch()).scores, wanted, rtol=1e-4, atol=1e-4)


def test_a_network_of_labels_alone(tmp_path: Path) -> None:
    model = load(saved(tmp_path, ends=("label",)), classes=6)
    answer = model.answer(batch())
    assert isinstance(answer, Labels)
    assert answer.labels.tolist() == SCORES.argmax(axis=1).tolist()
    data = (X, answer.labels)
    with pytest.raises(AccessError, match="labels alone"):
        unfooled.audit(model, data, "linf:0.1", "pgd")
    by_default = unfooled.audit(model, data, "linf:0.3", budget=60)
    assert {row["attack"] for row in by_default.stages.to_pylist()} <= {"rays", "hop-skip-jump"}
    results = unfooled.audit(model, data, "linf:0.3", "rays", budget=60)
    assert results["linf:0.3"].broken.any()
    assert {check.name: check.status for check in examine(model, data)}["labels and accuracy"] == "ok"
    with pytest.raises(ModelError, match="how many classes"):
        unfooled.audit(load(saved(tmp_path, ends=("label",))), data, "linf:0.3", "rays")


@pytest.mark.parametrize("written", ["{0: 'a', 1: 'b', 2: 'c', 3: 'd', 4: 'e', 5: 'f'}", '["a","b","c","d","e","f"]',
                                     "a,b,c,d,e,f"])  # fmt: skip
def test_class_names_are_read_off_the_file(written: str, tmp_path: Path) -> None:
    model = load(saved(tmp_path, metadata={"names": written}))
    assert model.describe()["classes"] == list("abcdef")
    model.answer(batch())


def test_names_that_do_not_fit(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="6 scores, 3 classes"):
        load(saved(tmp_path, metadata={"names": "['a', 'b', 'c']"})).answer(batch())


def test_a_suite_spends_what_is_left_of_it_on_everybody(tmp_path: Path) -> None:
    y = torch.from_numpy(SCORES.argmax(axis=1))
    results = unfooled.audit(load(saved(tmp_path)), (X, y), "linf:0.4", "masked", budget=200)
    assert results["linf:0.4"].broken.all()
    assert [row["tried"] for row in results.stages.to_pylist()] == [7]
    assert sum("can only be asked" in note for note in results.run["notes"]) > 5


def test_files_that_are_no_networks(tmp_path: Path) -> None:
    (tmp_path / "net.onnx").write_bytes(b"rubbish")
    with pytest.raises(ModelError, match="cannot load this file"):
        load_model(f"onnx:{tmp_path / 'net.onnx'}")
    with pytest.raises(InputError, match="no such ONNX file"):
        load_model("onnx:nowhere.onnx")


@pytest.mark.parametrize(
    ("spec", "do"),
    [("net.onnx", "onnx:net.onnx"), ("target.yaml", "http:target.yaml"), ("onxx:net.onnx", "onnx:net.onnx"),
     ("https://127.0.0.1/x", "http:FILE.yaml"), ("http://127.0.0.1/x", "http:FILE.yaml"), ("exce:cat", "exec:cat"),
     ("ONNX:a.onnx", "onnx:a.onnx")],
)  # fmt: skip
def test_near_misses(spec: str, do: str) -> None:
    with pytest.raises(InputError, match=do):
        load_model(spec)
