"""The planted defences hide what they are said to hide, and their sound twins hide nothing."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from unfooled.zoo.small import small_cnn

BENCH = Path(__file__).parents[2] / "bench"
FAMILIES = (
    "quantisation", "jpeg", "resize", "dropout", "k-wta", "temperature", "softmax", "detached", "staircase",
    "batch-norm", "inference-step", "sign", "ensemble",
)  # fmt: skip


@pytest.fixture(autouse=True)
def found(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    before = set(sys.modules)
    monkeypatch.syspath_prepend(str(BENCH))
    yield
    for name in set(sys.modules) - before:
        if name.partition(".")[0] in ("distances", "engine"):
            del sys.modules[name]


def pictures(n: int, seed: int = 0) -> Tensor:
    return torch.rand(n, 1, 28, 28, generator=torch.Generator().manual_seed(seed)).double()


def base() -> nn.Module:
    return small_cnn(0).double()


def gradient(net: nn.Module, x: Tensor) -> Tensor:
    x = x.clone().requires_grad_()
    return torch.autograd.grad(net(x)[:, 0].sum(), x)[0]


def test_every_family_has_a_cause_in_words() -> None:
    from engine._causes import CAUSES, WORDS
    from engine._planted import PLANTS

    assert list(PLANTS) == list(CAUSES) == list(FAMILIES)
    assert set(CAUSES.values()) == set(WORDS)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("second", [0, 1])
def test_a_twin_is_honest_and_the_net_stays_as_it_was(family: str, second: int) -> None:
    from engine._planted import PLANTS, planted, twin

    net, x = base(), pictures(6)
    before, setting = net(x), PLANTS[family].settings[second]
    sound = twin(family, net, pictures(50, 1), setting)
    assert planted(family, net, pictures(50, 1), setting)(x).shape == before.shape
    assert torch.equal(net(x), before)
    assert torch.equal(sound(x), sound(x))
    assert torch.allclose(sound(x[:1]), sound(x)[:1])
    move = 1e-6 * torch.randn(x.shape, generator=torch.Generator().manual_seed(2)).double()
    rise = (sound(x + move) - sound(x - move))[:, 0] / 2
    assert torch.allclose(rise, (gradient(sound, x) * move).flatten(1).sum(dim=1), rtol=1e-3, atol=1e-11)


@pytest.mark.parametrize("family", ["quantisation", "jpeg", "staircase", "sign"])
def test_rounding_gives_no_gradient_though_the_scores_move(family: str) -> None:
    from engine._planted import planted

    net, x = planted(family, base(), pictures(50, 1)), pictures(6)
    assert not gradient(net, x).any()
    assert not torch.equal(net(x), net(x.flip(-1)))


@pytest.mark.parametrize("family", ["resize", "dropout"])
def test_what_is_random_answers_anew_and_by_row(family: str) -> None:
    from engine._planted import planted

    net, x = planted(family, base(), pictures(50, 1)), pictures(1).expand(6, 1, 28, 28)
    assert not torch.equal(net(x), net(x))
    assert len(net(x).unique(dim=0)) == 6


def test_a_cut_lets_a_share_of_the_gradient_through() -> None:
    from engine._planted import planted

    x, net = pictures(6), base()
    whole = gradient(net, x)
    assert torch.allclose(gradient(planted("detached", net, x, 1), x), whole)
    assert 0 < gradient(planted("detached", net, x, 0.1), x).norm() < whole.norm()
    with pytest.raises(RuntimeError, match="not have been used in the graph"):
        gradient(planted("detached", net, x, 0), x)


def test_batch_norm_left_in_training_answers_by_the_batch() -> None:
    from engine._planted import planted

    net, x = planted("batch-norm", base(), pictures(50, 1)), pictures(6)
    assert not torch.allclose(net(x)[:3], net(x[:3]))
    assert torch.allclose(net(x.flip(0)), net(x).flip(0))


def test_a_step_at_inference_makes_the_net_surer() -> None:
    from engine._planted import planted

    net, x = base(), pictures(6)
    margins = [scores.topk(2).values.diff().abs() for scores in (net(x), planted("inference-step", net, x, 0.01)(x))]
    assert (margins[1] > margins[0]).all()


def test_loud_scores_leave_the_cross_entropy_no_slope() -> None:
    from engine._planted import planted

    net, x = base().float(), pictures(6).float()
    y = net(x).argmax(dim=1)
    for family in ("temperature", "ensemble"):
        loud = planted(family, net, x, 1e6)
        inputs = x.clone().requires_grad_()
        loss = nn.functional.cross_entropy(loud(inputs), loud(x).argmax(dim=1), reduction="sum")
        assert not torch.autograd.grad(loss, inputs)[0].any()
    assert torch.equal(planted("temperature", net, x)(x).argmax(dim=1), y)


def test_winners_are_the_largest_of_each_example() -> None:
    from engine._masks import winners

    values = torch.tensor([[3.0, 1.0, 4.0, 2.0], [0.5, 9.0, 0.0, 7.0]])
    assert winners(values, 0.5).tolist() == [[3.0, 0.0, 4.0, 0.0], [0.0, 9.0, 0.0, 7.0]]


def test_blocks_of_cosines_are_put_together_again() -> None:
    from engine._masks import blockwise, jpeg

    x = pictures(2)
    energy: list[Tensor] = []
    assert torch.allclose(blockwise(x, lambda values: energy.append(values) or values), x)
    flat = torch.full((1, 1, 8, 8), 0.75).double()
    blockwise(flat, lambda values: energy.append(values) or values)
    assert torch.allclose(energy[1].flatten()[0], torch.tensor(8 * (0.75 * 255 - 128)).double())
    assert torch.allclose(energy[1].flatten()[1:], torch.zeros(63).double(), atol=1e-9)
    assert (jpeg(x, 90) - x).abs().mean() < (jpeg(x, 50) - x).abs().mean()


def test_the_first_signs_are_the_first_of_more() -> None:
    from engine._signs import CLASSES, signs

    x, y = signs(1200, "t10k")
    assert torch.equal(signs(100, "t10k")[0], x[:100])
    assert not torch.equal(signs(100, "train")[0], x[:100])
    assert x.shape == (1200, 3, 32, 32)
    assert x.min() >= 0
    assert x.max() <= 1
    assert y.unique().tolist() == list(range(CLASSES))
