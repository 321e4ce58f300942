"""A prepared model answers like the user's own, and leaves it alone; what cannot be prepared is handed back."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from oracles import state_of
from torch import Tensor, nn

import unfooled
from unfooled.core.batch import Batch
from unfooled.core.errors import InputError
from unfooled.models.classifier import Classifier, wrap
from unfooled.models.prepare import prepare
from unfooled.models.preprocess import Preprocess
from unfooled.zoo.small import linear, resnet8, small_cnn, token_net, wave_net

SHAPE = (3, 32, 32)


def warmed(module: nn.Module, shape: tuple[int, ...] = SHAPE) -> nn.Module:
    """Give batch norm statistics that matter: at their first values, folding would change nothing."""
    source = torch.Generator().manual_seed(1)
    for part in module.modules():
        if isinstance(part, nn.BatchNorm2d):
            part.running_mean = torch.randn(part.num_features, generator=source) * 0.3
            part.running_var = torch.rand(part.num_features, generator=source) + 0.5
            with torch.no_grad():
                part.weight.copy_(torch.rand(part.num_features, generator=source) + 0.5)
                part.bias.copy_(torch.randn(part.num_features, generator=source) * 0.1)
    return module


def batch(shape: tuple[int, ...] = SHAPE, n: int = 6) -> Batch:
    return Batch(torch.rand(n, *shape, generator=torch.Generator().manual_seed(7)), torch.arange(n))


def asked(model: object, x: Batch) -> tuple[Tensor, Tensor]:
    values = x.values.clone().requires_grad_()
    scores = model.outputs(x.holding(values))  # type: ignore[attr-defined]
    (grad,) = torch.autograd.grad((scores[:, 0] - scores[:, 1]).sum(), values)
    return scores.detach(), grad


@pytest.mark.parametrize("module", [warmed(resnet8(0)), small_cnn(0)], ids=["resnet8", "small_cnn"])
def test_the_copy_answers_and_climbs_alike_and_the_model_is_left_alone(module: nn.Module) -> None:
    shape = SHAPE if any(isinstance(part, nn.BatchNorm2d) for part in module.modules()) else (1, 28, 28)
    module[-1].weight.grad = torch.ones_like(module[-1].weight)  # type: ignore[index]
    before, model, x = state_of(module), wrap(module, Preprocess(0.4, 0.2)), batch(shape)
    ready = prepare(model, shape)
    assert ready.steps == ("frozen, folded, channels last" if shape == SHAPE else "frozen, channels last")
    scores, grad = asked(ready, x)
    wanted, slope = asked(model, x)
    torch.testing.assert_close(scores, wanted, rtol=1e-4, atol=1e-5)
    counted = slope.abs() > 1e-6 * slope.abs().amax()
    assert float((grad.sign() == slope.sign())[counted].float().mean()) >= 0.9999
    assert torch.equal(ready.answer(x).labels, model.answer(x).labels)
    assert (state_of(module), ready.describe()) == (before, model.describe())
    assert not any(weight.requires_grad for weight in ready.copy.module.parameters())  # type: ignore[attr-defined]


def test_batch_norm_is_gone_from_the_copy_and_stays_in_the_model() -> None:
    module = warmed(resnet8(0))
    copy = prepare(wrap(module), SHAPE).copy
    assert isinstance(copy, Classifier)
    assert not any(isinstance(part, nn.BatchNorm2d) for part in copy.module.modules())
    assert any(isinstance(part, nn.BatchNorm2d) for part in module.modules())


class Twice(nn.Module):
    """One convolution, normalised in two ways: folding either into it would be wrong for the other."""

    def __init__(self) -> None:
        super().__init__()
        self.shared, self.one, self.other = nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3), nn.BatchNorm2d(3)
        self.head = nn.Linear(3, 4)

    def forward(self, x: Tensor) -> Tensor:
        seen = torch.relu(self.one(self.shared(x))) - torch.relu(self.other(self.shared(x)))
        scores: Tensor = self.head(seen.mean(dim=(2, 3)))
        return scores


class Branching(nn.Module):
    """Looks at its input before it decides what to do: it cannot be traced."""

    def __init__(self) -> None:
        super().__init__()
        self.inside = resnet8(0)

    def forward(self, x: Tensor) -> Tensor:
        scores: Tensor = self.inside(x) if float(x.detach().sum()) > 0 else self.inside(-x)
        return scores


class Shaking(nn.Module):
    """Adds noise at each call."""

    def __init__(self) -> None:
        super().__init__()
        self.inside = resnet8(0)

    def forward(self, x: Tensor) -> Tensor:
        scores: Tensor = self.inside(x + 0.1 * torch.randn(x.shape))
        return scores


class Stubborn(nn.Module):
    """Refuses to be copied, and so to be prepared."""

    def __init__(self) -> None:
        super().__init__()
        self.inside = small_cnn(0)

    def forward(self, x: Tensor) -> Tensor:
        scores: Tensor = self.inside(x)
        return scores

    def __deepcopy__(self, memo: dict[int, object]) -> nn.Module:
        raise RuntimeError("no copies")


@pytest.mark.parametrize(
    ("made", "steps"),
    [
        (lambda: warmed(Twice()), "frozen, channels last"),
        (Branching, "frozen, channels last"),
        (Shaking, "as it is"),
        (lambda: linear(torch.randn(4, 3, 32, 32)), "frozen"),
    ],
)
def test_each_form_is_checked_and_the_next_one_taken(made: Callable[[], nn.Module], steps: str) -> None:
    torch.manual_seed(0)
    model = wrap(made().eval())
    ready = prepare(model, SHAPE)
    assert ready.steps == steps
    if steps != "as it is":
        torch.testing.assert_close(asked(ready, batch())[0], asked(model, batch())[0], rtol=1e-4, atol=1e-5)
    else:
        assert ready.copy is model


def test_what_cannot_be_copied_is_used_as_it_is() -> None:
    model = wrap(Stubborn().eval())
    assert prepare(model, (1, 28, 28)).copy is model
    assert prepare(wrap(token_net(0), takes_lengths=True), (12,)).steps == "as it is"
    assert prepare(wrap(wave_net(0), takes_lengths=True), (48,)).steps == "frozen"
    with pytest.raises(InputError, match="no such preparation"):
        prepare(model, (1, 28, 28), "fast")  # type: ignore[arg-type]


def test_searching_in_bf16_claims_only_what_the_model_itself_confirms() -> None:
    module = warmed(resnet8(3))
    x = batch(n=24).values
    with torch.no_grad():
        module[-1].bias.copy_(module[-1].bias - module(x).mean(dim=0))  # type: ignore[index]
        y = module(x).argmax(dim=1)
    for preparation in ("bf16", "on", "off"):
        found = unfooled.attack(module, x, y, "pgd", "linf:4/255", steps=10, prepare=preparation)
        with torch.no_grad():
            fooled = module(found.x_adv.values).argmax(dim=1) != y
        assert found.reached.any()
        assert torch.equal(found.reached, fooled), preparation


def test_a_prepared_search_finds_what_the_plain_one_finds() -> None:
    module = warmed(resnet8(5))
    x = batch(n=32).values
    with torch.no_grad():
        module[-1].bias.copy_(module[-1].bias - module(x).mean(dim=0))  # type: ignore[index]
        y = module(x).argmax(dim=1)
    flags = [
        unfooled.attack(module, x, y, "pgd", "linf:1/255", steps=10, prepare=preparation).reached.sum()
        for preparation in ("off", "on")
    ]
    assert 0 < int(flags[0]) < 32
    assert abs(int(flags[0]) - int(flags[1])) <= 1
