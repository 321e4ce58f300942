"""PGD that walks in a circle leaves early, and finds what it would have found."""

from __future__ import annotations

import pytest
import torch
from oracles import linear_case

import unfooled
from unfooled.attacks.pgd import PGD
from unfooled.search import ascent
from unfooled.search.circles import Mark, due, unmarked
from unfooled.zoo.small import linear, small_cnn


def test_a_mark_is_met_again_whatever_the_circle_s_length() -> None:
    for before in (0, 1, 5):
        for period in (1, 2, 3, 7):
            mark, left = unmarked(torch.zeros(1, 1)), 0
            for k in range(40):
                where = torch.tensor([[float(k if k < before else before + (k - before) % period)]])
                if mark.closed(where, where[:, 0]).all():
                    left = k
                    break
                mark = Mark(where, where[:, 0]) if due(k) else mark
            assert 0 < left <= 2 * max(before + 1, period) + period
            assert left >= before + period, "it has been there before"


def test_one_loss_at_two_places_is_no_circle() -> None:
    mark = Mark(torch.tensor([[1.0, 2.0], [1.0, 2.0], [1.0, 2.0]]), torch.tensor([0.5, 0.5, 0.5]))
    now = torch.tensor([[1.0, 2.0], [2.0, 1.0], [1.0, 2.0]])
    assert mark.closed(now, torch.tensor([0.5, 0.5, 0.4])).tolist() == [True, False, False]


def test_on_a_linear_model_a_walk_ends_in_the_corner() -> None:
    weights, bias, x, y = linear_case(6, 3, (1, 5, 5), seed=1)
    net, passes = linear(weights, bias), list[int]()
    net.register_forward_hook(lambda module, given, scores: passes.append(len(scores)))
    unfooled.attack(net, x, y, PGD(steps=100), "linf:1e-4", prepare="off")
    assert sum(passes) < 50 * len(x), "of 101"


def test_nothing_is_found_that_would_not_be_found_without(monkeypatch: pytest.MonkeyPatch) -> None:
    net, x = small_cnn(0).eval(), torch.rand(24, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    y = net(x).argmax(dim=1)
    with_circles = unfooled.attack(net, x, y, PGD(steps=60, restarts=2), "linf:0.02")
    monkeypatch.setattr(ascent, "due", lambda k: False)
    without = unfooled.attack(net, x, y, PGD(steps=60, restarts=2), "linf:0.02")
    assert torch.equal(with_circles.reached, without.reached)
    assert torch.equal(with_circles.x_adv.values, without.x_adv.values)
    assert with_circles.reached.any()
    assert not with_circles.reached.all()
