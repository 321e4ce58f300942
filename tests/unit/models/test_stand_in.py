"""Private copies for crafting: gates on residual branches, no resizing, and the model itself left alone."""

import pytest
import torch
from torch import nn

from unfooled.core.batch import Batch
from unfooled.core.seeds import Draws
from unfooled.models.classifier import Classifier, wrap
from unfooled.models.preprocess import Preprocess
from unfooled.models.stand_in import StandIn, stand_in
from unfooled.models.weights import fingerprint
from unfooled.zoo.small import resnet8, small_cnn

DRAWS = Draws.of(0, "depth")


def made(module: nn.Module, share: float, preprocess: Preprocess | None = None) -> StandIn:
    found = stand_in(wrap(module, preprocess), DRAWS, share)
    assert isinstance(found, StandIn)
    return found


def x(n: int = 5, side: int = 32, channels: int = 3) -> Batch:
    values = torch.rand(n, channels, side, side, generator=torch.Generator().manual_seed(0))
    return Batch(values, torch.arange(n))


def test_open_gates_change_nothing() -> None:
    module = resnet8()
    copy = made(module, 1e-9)
    assert copy.branches == 3
    torch.testing.assert_close(copy.outputs(x()), wrap(module).outputs(x()), atol=1e-4, rtol=1e-4)


def test_closed_gates_leave_the_way_past() -> None:
    module = resnet8()
    copy = made(module, 1 - 1e-9)
    rows = x()
    inner = module[:3](rows.values)
    for block in (module[3], module[4], module[5]):
        inner = torch.relu(block.past(inner))
    expected = module[6:](inner)
    torch.testing.assert_close(copy.outputs(rows), expected, atol=1e-4, rtol=1e-4)


def test_gates_hang_on_the_row_alone() -> None:
    copy = made(resnet8(), 0.5)
    rows, order = x(8), torch.tensor([5, 1, 7])
    torch.testing.assert_close(copy.outputs(rows.rows(order)), copy.outputs(rows)[order])
    renamed = Batch(rows.values, rows.ids + 100)
    assert not torch.allclose(copy.outputs(renamed), copy.outputs(rows))


def test_nets_without_branches_or_that_cannot_be_traced() -> None:
    class Looking(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = small_cnn()

        def forward(self, values: torch.Tensor) -> torch.Tensor:
            return self.inner(values) if values.sum() > 0 else self.inner(-values)

    for module in (small_cnn(), Looking().eval()):
        copy = made(module, 0.1)
        assert copy.branches == 0
        rows = x(3, 28, 1)
        torch.testing.assert_close(copy.outputs(rows), wrap(module).outputs(rows))


def test_it_normalises_and_does_not_resize() -> None:
    module = resnet8()
    copy = made(module, 1e-9, Preprocess(0.5, 0.25, size=64))
    rows = x()
    expected = wrap(module).outputs(rows.holding((rows.values - 0.5) / 0.25))
    torch.testing.assert_close(copy.outputs(rows), expected, atol=1e-4, rtol=1e-4)
    assert torch.equal(copy.answer(rows).scores, wrap(module, Preprocess(0.5, 0.25, size=64)).answer(rows).scores)  # type: ignore[arg-type]


def test_the_model_is_left_alone() -> None:
    module = resnet8()
    before, grad = fingerprint(module), [parameter.requires_grad for parameter in module.parameters()]
    made(module, 0.3).outputs(x())
    assert fingerprint(module) == before
    assert [parameter.requires_grad for parameter in module.parameters()] == grad


@pytest.mark.parametrize("adapter", [object()])
def test_other_adapters_serve_as_they_are(adapter: object) -> None:
    assert stand_in(adapter, DRAWS) is adapter  # type: ignore[arg-type]


def test_a_convolution_of_ones_own_class_is_folded() -> None:
    class Own(nn.Conv2d):
        def forward(self, values: torch.Tensor) -> torch.Tensor:
            return nn.functional.conv2d(values, self.weight, self.bias, self.stride, self.padding)

    module = nn.Sequential(Own(3, 4, 3, bias=False), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(4 * 30 * 30, 5)).eval()
    with torch.no_grad():
        module[1].running_mean.normal_()
        module[1].running_var.uniform_(0.5, 2)
    copy = made(module, 0.1)
    assert not any(isinstance(part, nn.BatchNorm2d) for part in copy.inner.module.modules())
    torch.testing.assert_close(copy.outputs(x()), Classifier(module).outputs(x()), atol=1e-4, rtol=1e-4)
