"""Slopes of inner features, against what a linear net gives in closed form."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from unfooled.core.attack import Problem
from unfooled.core.batch import Batch
from unfooled.core.errors import InputError
from unfooled.core.seeds import Draws
from unfooled.core.target import Access, Target
from unfooled.core.threat import Ball
from unfooled.goals import Misclassify
from unfooled.losses import loss_named
from unfooled.models.classifier import wrap
from unfooled.search.features import feature_slope
from unfooled.sets.linf import Linf

OWNER = torch.arange(3)


def owning(*modules: nn.Module) -> Problem[Ball]:
    """Three pictures of class 0 and an attacker who owns these models."""
    values = torch.rand(3, 2, 4, 4, generator=torch.Generator().manual_seed(1))
    x = Batch(values, torch.tensor([7, 3, 11]))
    surrogates = tuple(Target(wrap(one.eval()), Access.GRADIENT, 3, batch=2) for one in modules)
    target = Target(wrap(modules[0].eval()), Access.DECISION, 3)
    y = torch.zeros(3, dtype=torch.int64)
    return Problem(target, x, y, Misclassify(), Linf(0.1), Draws.of(0, "features"), surrogates=surrogates)


def dense(seed: int) -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return nn.Sequential(nn.Flatten(), nn.Linear(32, 6), nn.Linear(6, 2))


def weights(module: nn.Module) -> list[Tensor]:
    return [one.weight.detach() for one in module.modules() if isinstance(one, nn.Linear)]


def test_where_all_is_linear_features_are_climbed_along_the_margin() -> None:
    """Importance is then the margin's gradient at the layer, whatever was dropped, at length 1; so is each model's."""
    nets = dense(1), dense(2)
    problem = owning(*nets)
    found = feature_slope(problem, loss_named("margin"), 0.5, 3)(problem.x, OWNER, 0)
    expected = torch.zeros(32)
    for first, last in map(weights, nets):
        importance = last[1] - last[0]
        expected += (importance / importance.norm()) @ first / 2
    assert torch.allclose(found.flatten(1), expected.expand(3, -1), atol=1e-5)


def test_only_features_that_matter_are_climbed() -> None:
    """Of two convolved channels the head reads one: what the other sees gets no slope."""
    conv, head = nn.Conv2d(2, 2, 1, bias=False), nn.Linear(32, 2)
    with torch.no_grad():
        conv.weight.copy_(torch.eye(2).view(2, 2, 1, 1))
        head.weight[:, 16:] = 0
    problem = owning(nn.Sequential(conv, nn.ReLU(inplace=True), nn.Flatten(), head))
    found = feature_slope(problem, loss_named("margin"), 0.5, 2)(problem.x, OWNER, 0)
    assert (found[:, 0] != 0).any()
    assert not found[:, 1].any()


def test_a_model_without_layers_is_refused() -> None:
    class Sums(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x.flatten(1)[:, :2] * 3

    with pytest.raises(InputError, match="no layer"):
        feature_slope(owning(Sums()), loss_named("margin"), 0.5, 2)
