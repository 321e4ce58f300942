"""Classifier and wrap: scores however the module wraps them, the module left alone, what is refused."""

from __future__ import annotations

import hashlib
import json
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from unfooled.core.answer import Scores
from unfooled.core.batch import Batch
from unfooled.core.errors import ModelError
from unfooled.core.target import Access, Target
from unfooled.models import Classifier, Preprocess, check_ready, wrap
from unfooled.models.weights import fingerprint
from unfooled.zoo.small import linear, resnet8, small_cnn, token_net, wave_net


def batch(values: Tensor, lengths: Tensor | None = None) -> Batch:
    return Batch(values, torch.arange(len(values)), lengths)


def pictures(n: int = 4, c: int = 3, side: int = 32) -> Batch:
    return batch(torch.rand(n, c, side, side, generator=torch.Generator().manual_seed(1)))


def state_of(module: nn.Module) -> str:
    digest = hashlib.sha256(fingerprint(module).encode())
    digest.update(repr([(name, part.training) for name, part in module.named_modules()]).encode())
    digest.update(repr([(n, p.requires_grad, p.grad is None) for n, p in module.named_parameters()]).encode())
    digest.update(repr([(n, b.sum().item()) for n, b in module.named_buffers()]).encode())
    return digest.hexdigest()


class Giving(nn.Module):
    """Gives scores in whatever wrapping it is told."""

    def __init__(self, wrapping: Any) -> None:
        super().__init__()
        self.net = linear(torch.eye(3))
        self.wrapping = wrapping

    def forward(self, x: Tensor) -> Any:
        return self.wrapping(self.net(x))


@pytest.mark.parametrize(
    "wrapping",
    [
        lambda s: s,
        lambda s: (s, "features"),
        lambda s: [s],
        lambda s: {"logits": s, "loss": None},
        lambda s: SimpleNamespace(logits=s),
        lambda s: s.double(),
        lambda s: s.bfloat16(),
    ],
)
def test_scores_are_found_in_their_wrapping(wrapping: Any) -> None:
    x = batch(torch.eye(3)[[2, 0]])
    classifier = Classifier(Giving(wrapping).eval())
    assert classifier.outputs(x).dtype == torch.float32
    assert torch.equal(classifier.outputs(x), torch.eye(3)[[2, 0]])
    assert classifier.answer(x).labels.tolist() == [2, 0]
    assert check_ready(classifier, x) == 3


@pytest.mark.parametrize(
    ("wrapping", "quoted"),
    [
        (lambda s: {"boxes": s}, "dict with boxes"),
        (lambda s: None, "NoneType"),
        (lambda s: (), "tuple"),
        (lambda s: s.tolist(), "list"),
    ],
)
def test_no_scores_to_be_found(wrapping: Any, quoted: str) -> None:
    with pytest.raises(ModelError, match=quoted):
        check_ready(Classifier(Giving(wrapping).eval()), batch(torch.eye(3)))


def test_preprocessing_comes_first_and_passes_gradients() -> None:
    module = linear(torch.eye(4)[:2])
    x = batch(torch.rand(2, 1, 4, 4).requires_grad_())
    classifier = Classifier(module, Preprocess(0.5, 0.5, size=2))
    assert torch.equal(classifier.outputs(x), module(Preprocess(0.5, 0.5, size=2)(x.values)))
    grad = torch.autograd.grad(classifier.outputs(x).sum(), x.values)[0]
    assert bool((grad != 0).any())
    assert not classifier.answer(x).scores.requires_grad


@pytest.mark.parametrize("make", [wave_net, token_net])
def test_lengths_are_passed_when_told(make: Any) -> None:
    values, lengths = torch.rand(3, 50) * 200, torch.tensor([50, 20, 7])
    classifier = wrap(make(), takes_lengths=True)
    padded = torch.cat([values, torch.full((3, 30), 9.0)], dim=1)
    for row, length in enumerate(lengths.tolist()):
        padded[row, length:] = 77.0
    scores = classifier.answer(batch(values, lengths)).scores
    assert torch.allclose(classifier.answer(batch(padded, lengths)).scores, scores, atol=1e-6)
    assert check_ready(classifier, batch(values, lengths)) == scores.shape[1]


@pytest.mark.parametrize("make", [resnet8, small_cnn])
def test_the_module_is_left_alone(make: Any) -> None:
    module = make()
    next(module.parameters()).requires_grad_(False)
    x = pictures(c=1, side=28) if make is small_cnn else pictures()
    classifier, before, drawn = wrap(module), state_of(module), torch.random.get_rng_state()
    check_ready(classifier, x)
    classifier.answer(x)
    target = Target(classifier, Access.GRADIENT, len(x), batch=3)
    gradient = target.gradient(x, lambda scores, owner: scores[:, 0], torch.arange(len(x)))
    assert bool((gradient.grad != 0).any())
    assert state_of(module) == before
    assert torch.equal(torch.random.get_rng_state(), drawn)


def test_describe_is_plain_json_and_follows_the_weights() -> None:
    one, same, other = resnet8(0), resnet8(0), resnet8(1)
    described = wrap(one, Preprocess((0.5, 0.4, 0.3), 0.5), [str(c) for c in range(10)], name="mine").describe()
    assert json.loads(json.dumps(described)) == described
    assert described["name"] == "mine"
    assert described["classes"] == [str(c) for c in range(10)]
    assert described["parameters"] == sum(p.numel() for p in one.parameters())
    assert fingerprint(one) == fingerprint(same) != fingerprint(other)
    next(same.buffers()).add_(1)
    assert fingerprint(one) != fingerprint(same)
    assert fingerprint(one.double()) != described["sha256"]


def test_fingerprint_takes_every_dtype() -> None:
    module = nn.Module()
    for name, dtype in (("a", torch.bfloat16), ("b", torch.bool), ("c", torch.int64), ("d", torch.complex64)):
        module.register_buffer(name, torch.ones((), dtype=dtype))
    module.register_buffer("empty", torch.ones(0))
    assert len(fingerprint(module)) == 64


class Adapter:
    """A model of the user's own."""

    def __init__(self, scores: Tensor) -> None:
        self.scores = scores

    def answer(self, x: Batch) -> Scores:
        return Scores(self.scores)

    def outputs(self, x: Batch, prompt: Tensor | None = None) -> Tensor:
        return self.scores

    def read(self, outputs: Tensor) -> Scores:
        return Scores(outputs)

    @property
    def device(self) -> torch.device:
        return torch.device("cpu")

    def describe(self) -> dict[str, object]:
        return {"name": "mine", "sha256": "0", "classes": None}


def test_an_adapter_passes_through_and_its_scores_are_checked() -> None:
    adapter = Adapter(torch.rand(4, 7))
    assert wrap(adapter) is adapter
    assert check_ready(adapter, pictures()) == 7
    with pytest.raises(ModelError, match=r"\(4, 7\) for 3 examples"):
        check_ready(adapter, pictures(3))
    with pytest.raises(ModelError, match="Adapter"):
        wrap(adapter, Preprocess())


def test_a_module_becomes_a_classifier() -> None:
    made = wrap(resnet8(), classes=list("abcdefghij"))
    assert isinstance(made, Classifier)
    assert (made.name, made.classes, str(made.device)) == ("Sequential", tuple("abcdefghij"), "cpu")
    assert str(Classifier(nn.ReLU()).device) == "cpu"


@pytest.mark.parametrize(
    ("model", "quoted"),
    [
        (nn.Flatten, r"Flatten\(\)"),
        (Adapter, r"Adapter\(\)"),
        ("hf:some/model", "load_model"),
        ({"weight": torch.ones(1)}, "load_state_dict"),
        (lambda x: x, r"torch\.nn\.Module"),
        (None, "NoneType"),
    ],
)
def test_what_is_no_model(model: object, quoted: str) -> None:
    with pytest.raises(ModelError, match=quoted):
        wrap(model)
