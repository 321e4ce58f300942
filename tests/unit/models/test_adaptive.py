"""Models for searches: what breaks gradients is found, another stands in for it, and the answers stay."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from oracles import linear_case, linear_distance, state_of
from torch import Tensor, nn

import unfooled
from unfooled.core.batch import Batch
from unfooled.models.adaptive import adapted
from unfooled.models.classifier import Classifier, wrap
from unfooled.models.survey import Survey, survey
from unfooled.models.through import StraightThrough
from unfooled.zoo.small import small_cnn

SHAPE = (1, 6, 6)
WEIGHTS, BIAS, X, Y = linear_case(12, 2, SHAPE)


class Layer(nn.Module):
    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x)


class Foreign(torch.autograd.Function):
    """Rounds outside of torch's own operations, and has no gradient to speak of."""

    @staticmethod
    def forward(context: object, x: Tensor) -> Tensor:
        return torch.from_numpy((x.detach().numpy() * 4096).round() / 4096)

    @staticmethod
    def backward(context: object, grad: Tensor) -> Tensor:  # type: ignore[override]
        return torch.zeros_like(grad)


def rounded(x: Tensor) -> Tensor:
    return (x * 4096).round() / 4096


def winners(x: Tensor) -> Tensor:
    return torch.where(x >= x.flatten(1).median(dim=1).values.view(-1, 1, 1, 1), x, 0.0)


def after(function: Callable[[Tensor], Tensor]) -> Classifier:
    last = nn.Linear(36, 2)
    last.weight.data, last.bias.data = WEIGHTS.flatten(1).clone(), BIAS.clone()
    return Classifier(nn.Sequential(Layer(function), nn.Flatten(), last).eval())


def surveyed(model: Classifier, reach: float = 0.2) -> Survey:
    move = reach * (torch.rand(X.shape, generator=torch.Generator().manual_seed(1)) - 0.5)
    ids = torch.arange(len(X))
    return survey(model, Batch(X, ids), Batch(X + move, ids))


@pytest.mark.parametrize(
    ("function", "operations", "parts"),
    [
        (rounded, {"round": "rounding"}, []),
        (torch.sign, {"sign": "rounding"}, []),
        (Tensor.detach, {"detach": "detachment"}, []),
        (Foreign.apply, {}, ["rounding"]),
        (lambda x: torch.from_numpy(x.detach().numpy() * 2), {"detach": "detachment"}, ["detachment"]),
        (lambda x: x, {}, []),
        (torch.relu, {}, []),
        (lambda x: x + 0.02 * torch.sin(40 * x), {}, []),
        (lambda x: nn.functional.dropout(x, 0.5), {}, []),
    ],
)
def test_what_breaks_gradients_is_told_by_how(
    function: Callable[[Tensor], Tensor], operations: dict[str, str], parts: list[str]
) -> None:
    found = surveyed(after(function))
    assert found.operations == operations
    assert [part.fault for part in found.parts] == parts


def test_units_that_change_places_are_told_by_their_jumps() -> None:
    x = torch.rand(16, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    last = nn.Linear(784, 3)
    model = Classifier(nn.Sequential(Layer(winners), nn.Flatten(), last).eval())
    found = survey(model, Batch(x, torch.arange(16)), Batch((x + 0.2).clamp(0, 1).flip(0), torch.arange(16)))
    assert [part.fault for part in found.parts] == ["shattering"]


def test_ordinary_nets_have_nothing_to_mend_and_stay_as_they_were() -> None:
    module = small_cnn(0)
    before = state_of(module)
    x = torch.rand(8, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    found = survey(Classifier(module), Batch(x, torch.arange(8)), Batch((x + 0.1).clamp(0, 1), torch.arange(8)))
    assert not found.mends
    assert state_of(module) == before
    assert not module._forward_pre_hooks


@pytest.mark.parametrize("function", [rounded, Foreign.apply, Tensor.detach])
def test_through_a_stand_in_the_closed_form_is_reached_again(function: Callable[[Tensor], Tensor]) -> None:
    """In L-infinity a linear net falls just beyond its closed-form radius, rounded finely or not."""
    radius = 1.05 * linear_distance(WEIGHTS, BIAS, X, Y, "linf") + 2 / 4096
    model = after(function)
    made = adapted(model, surveyed(model), logarithms=False, draws=1)
    assert made is not None
    assert torch.equal(made.outputs(Batch(X, torch.arange(len(X)))), model.outputs(Batch(X, torch.arange(len(X)))))
    for row in range(len(X)):
        one = X[row : row + 1], Y[row : row + 1], "fgsm", f"linf:{float(radius[row])!r}"
        assert unfooled.attack(made, *one).reached.all()


def test_logarithms_bring_scores_back_but_for_a_constant() -> None:
    model = after(lambda x: x)
    shares = Classifier(nn.Sequential(model.module, nn.Softmax(dim=1)).eval())
    made = adapted(shares, None, logarithms=True, draws=1)
    assert made is not None
    batch = Batch(X.clone().requires_grad_(), torch.arange(len(X)))
    wanted, got = model.outputs(batch), made.outputs(batch)
    assert torch.allclose(got.diff(dim=1), wanted.diff(dim=1), atol=1e-4)
    slopes = [torch.autograd.grad(scores.diff(dim=1).sum(), batch.values)[0] for scores in (wanted, got)]
    assert torch.allclose(*slopes, atol=1e-4)


def test_nothing_to_do_gives_no_model() -> None:
    model = after(lambda x: x)
    assert adapted(model, surveyed(model), logarithms=False, draws=1) is None
    assert adapted(wrap(model), None, logarithms=False, draws=1) is None


def test_straight_through_keeps_values_and_hands_gradients_on() -> None:
    x = torch.tensor([0.2, 0.7, -1.6], requires_grad=True)
    seen: dict[str, str] = {}
    with StraightThrough(seen.__setitem__):
        values = [x.round(), torch.floor(x), x.sign(), x.detach()]
    for value, plain in zip(values, (x.round(), torch.floor(x), x.sign(), x.detach()), strict=True):
        assert torch.equal(value, plain)
        assert torch.equal(torch.autograd.grad(value.sum(), x)[0], torch.ones(3))
    assert set(seen) == {"round", "floor", "sign", "detach"}
