"""Searches that move few pixels: what is exhaustive finds the best of all, what is random stays where it may."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch import Tensor, nn

import unfooled
from unfooled.core.batch import Batch
from unfooled.core.target import Access, Target
from unfooled.models.classifier import wrap
from unfooled.search.estimate import _best_pull
from unfooled.zoo.small import linear


def net() -> nn.Module:
    source = torch.Generator().manual_seed(0)
    module = nn.Sequential(nn.Flatten(), nn.Linear(3 * 25, 8), nn.Tanh(), nn.Linear(8, 4)).eval().requires_grad_(False)
    for weights in module.parameters():
        weights.copy_(torch.randn(weights.shape, generator=source) * 0.3)
    return module


def pictures(n: int = 8) -> Tensor:
    x = torch.rand(n, 3, 5, 5, generator=torch.Generator().manual_seed(1))
    x[0] = (x[0] > 0.5).float()  # some of its corners change nothing
    return x


def best_corner(module: nn.Module, x: Tensor, y: int) -> float:
    """The highest margin of all single pixels at all corners of their colours, tried one after the other."""
    best = -torch.inf
    for pixel, corner in itertools.product(range(25), itertools.product((0.0, 1.0), repeat=3)):
        moved = x.clone().view(3, 25)
        moved[:, pixel] = torch.tensor(corner)
        scores = module(moved.view(1, 3, 5, 5))[0]
        rest = torch.cat([scores[:y], scores[y + 1 :]])
        best = max(best, float(rest.max() - scores[y]))
    return best


def test_all_corners_are_the_best_of_all() -> None:
    module, x = net(), pictures()
    y = module(x).argmax(dim=1)
    found = unfooled.attack(module, x, y, "pixel-corners", "l0:1", prepare="off")
    best = [best_corner(module, one, int(label)) for one, label in zip(x, y, strict=True)]
    assert found.reached.tolist() == [one > 0 for one in best]
    assert 0 < int(found.reached.sum()) < len(x)
    for row in (~found.reached).nonzero().flatten().tolist():
        assert float(found.loss[row]) == pytest.approx(best[row], abs=1e-5)


def test_on_a_linear_model_one_gradient_names_the_best_pixels() -> None:
    """The margin of two classes is a sum over pixels: the greedy choice of k is the best one, for k + k queries."""
    source = torch.Generator().manual_seed(3)
    weights = torch.randn(2, 3, 5, 5, generator=source) * 0.1
    x = torch.rand(6, 3, 5, 5, generator=source)
    module = linear(weights, torch.tensor([100.0, 0.0]))  # no change is enough
    slope = (weights[1] - weights[0]).flatten(1)
    gain = torch.where(slope > 0, slope * (1 - x.flatten(2)), -slope * x.flatten(2)).sum(dim=1)
    margin = module(x)[:, 1] - module(x)[:, 0]
    for pixels in (1, 3):
        best = margin + gain.sort(dim=1, descending=True).values[:, :pixels].sum(dim=1)
        settings = {"shortlist": 1, "queries": 2 * pixels}
        found = unfooled.attack(
            module, x, torch.zeros(6, dtype=torch.int64), "pixel-gradient", f"l0:{pixels}", prepare="off", **settings
        )
        assert torch.allclose(found.loss, best, atol=1e-4)


def test_a_beam_finds_no_less_than_greed() -> None:
    module, x = net(), pictures()
    y = module(x).argmax(dim=1)
    weak = nn.Sequential(module, nn.Linear(4, 4, bias=True)).eval().requires_grad_(False)
    weak[1].weight.copy_(torch.eye(4))
    weak[1].bias.zero_()
    alone, beam = (
        unfooled.attack(weak, x, y, "pixel-gradient", "l0:2", prepare="off", beam=beam, shortlist=30, queries=5000)
        for beam in (1, 4)
    )
    assert (beam.reached | ~alone.reached).all()


@pytest.mark.parametrize(
    ("attack", "threat"), [("patch-rs", "patch:2"), ("patch-rs", "frame:1"), ("sparse-rs", "l0:3")]
)
def test_random_searches_break_what_all_can_break_and_stay_inside(attack: str, threat: str) -> None:
    module, x = net(), pictures()
    y = module(x).argmax(dim=1)
    found = unfooled.attack(module, x, y, attack, threat, queries=300, prepare="off")
    changed = (found.x_adv.values != x).any(dim=1)
    assert int(found.reached.sum()) >= 6
    assert torch.equal(module(found.x_adv.values).argmax(dim=1) != y, found.reached)
    for one in changed:
        rows, columns = one.any(dim=1).nonzero().flatten(), one.any(dim=0).nonzero().flatten()
        match threat:
            case "patch:2":
                assert max(rows.max() - rows.min(), columns.max() - columns.min()) < 2
            case "frame:1":
                assert not one[1:-1, 1:-1].any()
            case _:
                assert one.sum() <= 3


def test_a_wave_is_what_the_cosine_transform_says() -> None:
    """Waves are orthogonal, and as many as values where all frequencies count."""
    from unfooled.search.basis import _vectors

    like = torch.zeros(2 * 4 * 5, 2, 4, 5)
    waves = _vectors(torch.arange(40), like, 1.0).flatten(1).double()
    product = waves @ waves.T
    assert torch.allclose(product, product.diag().diag(), atol=1e-6)
    assert (product.diag() > 0.1).all()
    single = _vectors(torch.arange(40), like, None).flatten(1)
    assert torch.equal(single @ single.T, torch.eye(40))


def test_the_pull_of_a_prior_is_the_papers() -> None:
    """It maximises the paper's objective: nothing where the surrogate points nowhere, all where it points right."""
    values, samples = 1000, 20
    alike = torch.tensor([0.0, 1e-4, 0.005, 0.01, 0.02, 0.9, 1.0], dtype=torch.float64)
    pull = _best_pull(alike, values, samples)
    assert pull[:2].tolist() == [0.0, 0.0]
    assert pull[-2:].tolist() == [1.0, 1.0]
    assert (pull.diff() >= 0).all()
    tried = torch.linspace(0, 1, 20_001, dtype=torch.float64).unsqueeze(1)
    rest = (1 - tried) / (values - 1)
    seen = tried * alike + rest * (1 - alike)
    worth = seen**2 / ((1 - 1 / samples) * (tried**2 * alike + rest**2 * (1 - alike)) + seen / samples)
    assert torch.allclose(tried[worth.nan_to_num().argmax(dim=0), 0], pull, atol=1e-4)


def test_a_surrogate_that_is_the_target_saves_queries() -> None:
    from dataclasses import replace

    from unfooled.attacks import attack_named
    from unfooled.core.attack import Problem
    from unfooled.core.seeds import Draws
    from unfooled.goals import Misclassify
    from unfooled.sets.linf import Linf

    module, x = net(), pictures()
    y = module(x).argmax(dim=1)
    batch, attack = Batch(x, torch.arange(len(x))), attack_named("p-rgf", queries=200, samples=10)
    alone = Problem(Target(wrap(module), Access.SCORES, len(x)), batch, y, Misclassify(), Linf(0.03), Draws.of(0))
    helped = replace(
        alone,
        target=Target(wrap(module), Access.SCORES, len(x)),
        surrogates=(Target(wrap(module), Access.GRADIENT, len(x)),),
    )
    first, second = attack(alone), attack(helped)
    assert (second.reached | ~first.reached).all()
    both = first.reached & second.reached & (alone.target.spent.answers() > 30)
    assert both.any()
    assert (helped.target.spent.answers()[both] < alone.target.spent.answers()[both]).all()
    assert int(helped.surrogates[0].spent.answers().sum()) > 0


def test_several_rows_of_one_example_share_its_budget() -> None:
    target = Target(wrap(net()), Access.SCORES, 3, budget=2, already=torch.tensor([0, 1, 2]))
    owner = torch.tensor([1, 0, 2, 1, 0, 0, 1])
    assert target.affords(owner).tolist() == [True, True, False, False, True, False, False]
    assert target.affords(owner, 2).tolist() == [False, True, False, False, False, False, False]
