import json
import re

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import unfooled
from unfooled.auditing.doctor import examine
from unfooled.auditing.probes import PROBES
from unfooled.auditing.probes.readings import IMAGENET, sign_test
from unfooled.models.classifier import wrap
from unfooled.models.preprocess import Preprocess
from unfooled.zoo.small import linear, resnet8, wave_net

RNG = np.random.default_rng(4)
WEIGHTS = torch.from_numpy(RNG.normal(size=(5, 3, 6, 6))).float()
NET = linear(WEIGHTS)
BYTES = RNG.integers(0, 256, (48, 3, 6, 6), np.uint8)
X = torch.from_numpy(BYTES).float() / 255
Y = NET(X).argmax(dim=1)


class Around(nn.Module):
    """Does something around a sound net."""

    def __init__(self, forward) -> None:
        super().__init__()
        self.net, self.what = NET, forward
        self.register_buffer("calls", torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        return self.what(self, x)


def made(forward) -> nn.Module:
    return Around(forward).eval()


def statuses(model, data=(X, Y), **settings) -> dict[str, str]:
    checks = examine(model, data, **settings)
    json.dumps([vars(check) for check in checks], allow_nan=False)
    assert all(check.advice for check in checks if check.status != "ok")
    return {check.name: check.status for check in checks}


def found(model, name: str, data=(X, Y)) -> str:
    return next(f"{check.status}: {check.found} {check.advice}" for check in examine(model, data) if check.name == name)


@pytest.mark.parametrize("data", [(X, Y), (BYTES, Y)])
def test_a_sound_model_passes(data):
    found = statuses(NET, data)
    assert list(found) == ["data", *PROBES]
    assert set(found.values()) == {"ok"}


def test_a_real_shape_of_network_passes():
    net, x = resnet8(), torch.from_numpy(RNG.random((12, 3, 32, 32), np.float32))
    assert set(statuses(net, (x, net(x).argmax(dim=1))).values()) == {"ok"}


def test_waves_pass():
    net = wave_net()
    x = [RNG.uniform(-1, 1, 50).astype(np.float32) for _ in range(6)]
    y = [int(net(torch.from_numpy(one)[None]).argmax()) for one in x]
    assert set(statuses(wrap(net, takes_lengths=True), (x, y)).values()) == {"ok"}


def raises(module: Around, x: Tensor) -> Tensor:
    raise IndexError("out of bounds")


def updates(module: Around, x: Tensor) -> Tensor:
    module.calls += 1
    return NET(x)


FAULTS = {
    "an exception": (raises, "forward pass", "fail", "out of bounds"),
    "one score": (lambda m, x: NET(x)[:, :1], "forward pass", "fail", r"\(48, 1\)"),
    "no batch axis": (lambda m, x: NET(x).mean(dim=0), "forward pass", "fail", "shape"),
    "a map of scores": (lambda m, x: NET(x)[..., None, None], "forward pass", "fail", "shape"),
    "no tensor": (lambda m, x: "cat", "forward pass", "fail", "str"),
    "NaN": (lambda m, x: NET(x) * torch.nan, "finite scores", "fail", "48 of 48"),
    "a few NaN": (lambda m, x: NET(x) / (x[:, 0, 0, 0] > 0.02)[:, None], "finite scores", "fail", "NaN"),
    "counted calls": (updates, "left untouched", "fail", "buffers"),
    "probabilities": (lambda m, x: NET(x).softmax(dim=1), "logits", "warn", "sums to 1"),
    "detached": (lambda m, x: NET(x.detach()), "gradients", "fail", "no gradient"),
    "rounded": (lambda m, x: NET(x.round()), "gradients", "fail", "zero for all"),
    "saturated": (lambda m, x: NET(x) * 1e4, "gradients", "fail", "saturated"),
    "infinite gradients": (lambda m, x: NET((x - x).sqrt() + x), "gradients", "fail", "NaN or infinite"),
    "randomness": (lambda m, x: NET(x + 0.1 * torch.randn_like(x)), "determinism", "warn", "trials"),
    "its batch": (lambda m, x: NET(x - x.mean(dim=0)), "batch dependence", "fail", "neighbours"),
    "its place": (lambda m, x: NET(x) + torch.arange(len(x))[:, None], "batch dependence", "fail", "neighbours"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_is_found(fault):
    forward, name, status, words = FAULTS[fault]
    model = made(forward)
    assert statuses(model)[name] == status
    line = found(model, name)
    assert re.search(words, line), line


def test_training_mode_is_found_and_kept():
    model = nn.Sequential(nn.Dropout(0.5), linear(WEIGHTS)).train()
    assert statuses(model)["evaluation mode"] == "fail"
    assert model.training
    assert statuses(model)["determinism"] == "warn"


def test_wrong_sizes_are_told():
    assert "shape" in found(linear(torch.ones(3, 3, 9, 9)), "forward pass")
    assert statuses(wrap(NET, Preprocess((0.5, 0.5), 1.0)))["forward pass"] == "fail"


def test_forgotten_normalisation_is_found():
    mean, std = (torch.tensor(part).view(3, 1, 1) for part in IMAGENET)
    y = NET((X - mean) / std).argmax(dim=1)
    line = found(NET, "normalisation", (X, y))
    assert line.startswith("warn")
    assert "ImageNet" in line
    assert "--mean 0.485" in line
    assert found(wrap(NET, Preprocess(*IMAGENET)), "normalisation", (X, y)).startswith("ok")


def test_a_normalisation_too_many_is_found():
    assert "no normalisation" in found(wrap(NET, Preprocess(*IMAGENET)), "normalisation")


def test_turned_channels_are_found():
    assert "BGR" in found(NET, "normalisation", (X.flip(1), Y))


def test_a_few_lucky_examples_warn_of_nothing():
    assert sign_test(6, 0) > 0.01
    assert sign_test(7, 0) < 0.01
    assert sign_test(20, 8) > 0.01
    assert sign_test(0, 0) == 1.0


def test_guessing_is_told():
    assert statuses(NET, (X, (Y + 1) % 5))["labels and accuracy"] == "warn"


@pytest.mark.parametrize(
    ("data", "status", "words"),
    [
        ((X * 255, Y), "fail", "0 to 255|Divide by 255"),
        ((X / 255, Y), "warn", "twice"),
        ((X.permute(0, 2, 3, 1), Y), "fail", "Channels come first"),
        ((X * torch.nan, Y), "fail", "NaN"),
        ((X[:0], Y[:0]), "fail", "empty"),
        ("nowhere", "fail", "no such file"),
    ],
)
def test_bad_data_are_told(data, status, words):
    assert statuses(NET, data)["data"] == status
    assert re.search(words, found(NET, "data", data))


def test_many_shapes_are_told():
    class Mean(nn.Module):
        def forward(self, x):
            level = x.flatten(1).mean(dim=1)
            return torch.stack([level, 1 - level], dim=1)

    x = [RNG.random((1, side, side), np.float32) for side in (4, 5, 6)]
    assert "resize" in found(Mean().eval(), "data", (x, [0, 0, 0]))


def test_labels_beyond_the_classes_are_told():
    assert "label 9" in found(NET, "labels and accuracy", (X, torch.full_like(Y, 9)))


def test_an_adapter_of_ones_own_is_examined():
    class Adapter:
        device = torch.device("cpu")

        def answer(self, x):
            return wrap(NET).answer(x)

        def outputs(self, x, prompt=None):
            return NET(x.values)

        def read(self, outputs):
            return wrap(NET).read(outputs)

        def describe(self):
            return {"name": "mine", "sha256": None, "classes": None}

    assert set(statuses(Adapter()).values()) == {"ok"}


def test_the_model_is_left_alone():
    net = resnet8()
    x = torch.from_numpy(RNG.random((8, 3, 32, 32), np.float32))
    before = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    examine(net, (x, torch.zeros(8, dtype=torch.int64)))
    assert all(torch.equal(before[name], tensor) for name, tensor in net.state_dict().items())
    assert all(parameter.grad is None and parameter.requires_grad for parameter in net.parameters())


def test_texts_are_described_as_texts() -> None:
    model = unfooled.text_model(lambda texts: np.array([[0.0, len(text)] for text in texts], np.float32), ["no", "yes"])
    checks = {check.name: check for check in examine(model, (["a", "four"], [1, 1]))}
    assert "2 texts, the first 2 of 1 to 4 characters" in checks["data"].found
    assert "square" not in (checks["gradients"].advice or "")
