"""Searches for the nearest success by labels alone, on a linear model, where it is known in closed form."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from unfooled.attacks import attack_named
from unfooled.core.attack import Attack, Found, Problem
from unfooled.core.batch import Batch
from unfooled.core.seeds import Draws
from unfooled.core.target import Access, Target
from unfooled.core.threat import Ball, Goal
from unfooled.goals import Become, Misclassify
from unfooled.models.classifier import wrap
from unfooled.search.waves import noise_of
from unfooled.sets.l1 import L1
from unfooled.sets.l2 import L2
from unfooled.sets.linf import Linf

IDS = torch.tensor([7, 2**61 + 3, 12, 5])
HOPS, GEODA = "hop-skip-jump", "geoda"
NAMES = (HOPS, "surfree", GEODA)


class Counting(nn.Module):
    """Two classes by a linear score over (n, 1, 4, 4); notes the rows of each pass."""

    def __init__(self) -> None:
        super().__init__()
        self.slope = nn.Parameter(torch.randn(16, generator=torch.Generator().manual_seed(1)))
        self.passes: list[int] = []

    def forward(self, x: Tensor) -> Tensor:
        self.passes.append(len(x))
        score = (x.flatten(1) - 0.5) @ self.slope - 0.3
        return torch.stack([-score, score], dim=1)


class Function(nn.Module):
    """A model of a function."""

    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x)


def pictures() -> Tensor:
    return 0.5 + 0.05 * torch.rand(4, 1, 4, 4, generator=torch.Generator().manual_seed(2))


def made(name: str, **settings: object) -> Attack[Ball]:
    """The attack with probes of all frequencies: sixteen values have no fine ones."""
    return attack_named(name, **({} if name == HOPS else {"waves": None}), **settings)


def run(
    attack: Attack[Ball],
    within: Ball,
    *,
    budget: int | None = None,
    rows: Tensor | None = None,
    goal: Goal | None = None,
    enough: bool = False,
    batch: int | None = None,
) -> tuple[Found, Target, Counting]:
    net = Counting().eval()
    x = Batch(pictures(), IDS).rows(torch.arange(4) if rows is None else rows)
    y = net(x.values).argmax(dim=1)
    net.passes.clear()
    target = Target(wrap(net), Access.DECISION, len(x), budget=budget, batch=batch)
    problem = Problem(target, x, y, goal or Misclassify(), within, Draws.of(0, "hops"), enough=enough)
    return attack(problem), target, net


@pytest.mark.parametrize(
    ("name", "within", "dual"),
    [(name, L2(math.inf), 2) for name in NAMES]
    + [(HOPS, Linf(math.inf), 1), (GEODA, Linf(math.inf), 1), (GEODA, L1(math.inf), math.inf)],
)
def test_it_comes_near_the_closest_point_of_a_plane(name: str, within: Ball, dual: float) -> None:
    found, _, net = run(made(name, queries=2000), within)
    gap = net(pictures()).diff(dim=1).flatten().abs() / 2
    exact = gap / net.slope.norm(p=dual)
    p = {2: 2.0, 1: math.inf, math.inf: 1.0}[dual]
    far = (found.x_adv.values - pictures()).flatten(1).norm(p=p, dim=1)
    assert found.reached.all()
    assert (far >= exact * 0.999).all()
    assert (far <= exact * 1.1).all(), far / exact


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("queries", [0, 1, 2, 7, 150, 333])
def test_it_asks_exactly_what_it_may(name: str, queries: int) -> None:
    _, target, _ = run(made(name, queries=queries), L2(math.inf))
    assert target.spent.queries.tolist() == [queries] * 4
    found, target, _ = run(made(name), L2(math.inf), budget=queries)
    assert target.spent.queries.tolist() == [queries] * 4, "the threat's budget binds too"
    assert queries > 1 or not found.reached.any()


@pytest.mark.parametrize("name", [HOPS, GEODA])
def test_probes_of_all_examples_are_one_pass(name: str) -> None:
    _, _, net = run(made(name, queries=2000), L2(math.inf))
    assert max(net.passes) >= 4 * 50
    assert len(net.passes) < 2000 / 10


@pytest.mark.parametrize("name", NAMES)
def test_an_example_does_not_hang_on_its_neighbours(name: str) -> None:
    attack = attack_named(name, queries=300)
    whole, _, _ = run(attack, L2(math.inf), batch=8)
    for row in range(4):
        alone, _, _ = run(attack, L2(math.inf), rows=torch.tensor([row]), batch=8)
        assert torch.equal(alone.x_adv.values[0], whole.x_adv.values[row])


@pytest.mark.parametrize("name", [*NAMES, "rays"])
def test_one_that_is_misread_from_the_start_costs_one_query(name: str) -> None:
    net = Counting().eval()
    x = Batch(torch.full((1, 1, 4, 4), 0.5), IDS[:1])
    y = 1 - net(x.values).argmax(dim=1)
    target = Target(wrap(net), Access.DECISION, 1)
    found = attack_named(name)(Problem(target, x, y, Misclassify(), L2(math.inf), Draws.of(0, "hops")))
    assert target.spent.queries.tolist() == [1]
    assert torch.equal(found.x_adv.values, x.values)


@pytest.mark.parametrize("name", NAMES)
def test_a_wanted_class_is_reached_or_was_there(name: str) -> None:
    found, target, net = run(made(name, queries=500), L2(math.inf), goal=Become(1))
    labels = net(pictures()).argmax(dim=1)
    assert found.reached.all()
    assert net(found.x_adv.values).argmax(dim=1).tolist() == [1] * 4
    assert target.spent.queries.tolist() == [1 if label == 1 else 500 for label in labels.tolist()]


@pytest.mark.parametrize("name", NAMES)
def test_a_wanted_class_that_noise_never_meets_is_found_from_own_pictures(name: str) -> None:
    def rare(x: Tensor) -> Tensor:  # class 2 around one picture only
        near = 1 - (x - aim).flatten(1).norm(dim=1)
        return torch.stack([torch.zeros(len(x)), x.flatten(1).mean(dim=1) - 0.4, near], dim=1)

    aim = torch.rand(1, 4, 4, generator=torch.Generator().manual_seed(3)).round()
    x = Batch(pictures(), IDS)
    own = torch.stack([torch.zeros_like(aim), aim, torch.ones_like(aim)])
    reached = {}
    for starts in (None, own):
        target = Target(wrap(Function(rare)), Access.DECISION, 4)
        y = torch.ones(4, dtype=torch.int64)
        problem = Problem(target, x, y, Become(2), L2(math.inf), Draws.of(0, "hops"), starts=starts)
        found = made(name, queries=400)(problem)
        reached[starts is None] = int(found.reached.sum())
        if starts is not None:
            far = (found.x_adv.values - x.values).flatten(1).norm(dim=1)
            assert (far < (aim - x.values).flatten(1).norm(dim=1)).all(), "drawn back towards the clean picture"
    assert reached == {True: 0, False: 4}


@pytest.mark.parametrize("name", [*NAMES, "rays"])
def test_under_one_radius_the_first_success_is_enough(name: str) -> None:
    attack = attack_named(name, queries=2000)
    onward, _, _ = run(attack, Linf(0.3))
    found, target, _ = run(attack, Linf(0.3), enough=True)
    assert onward.asked is not None
    assert found.asked is not None
    assert found.reached.all()
    assert torch.equal(found.asked, onward.asked)
    assert torch.equal(target.spent.queries, found.asked), "nothing was asked after that"


@pytest.mark.parametrize("name", NAMES)
def test_it_says_when_it_first_succeeded(name: str) -> None:
    found, target, _ = run(made(name, queries=500), L2(math.inf))
    assert found.asked is not None
    assert ((found.asked > 1) & (found.asked < target.spent.queries)).all()
    first = torch.tensor([0])
    short, _, _ = run(made(name, queries=int(found.asked[0])), L2(math.inf), rows=first)
    shorter, _, _ = run(made(name, queries=int(found.asked[0]) - 1), L2(math.inf), rows=first)
    assert short.reached[0]
    assert not shorter.reached[0]


class Fickle(Counting):
    """Says now one thing and then another."""

    def forward(self, x: Tensor) -> Tensor:
        scores: Tensor = super().forward(x)
        return scores if len(self.passes) % 3 else -scores


class Broken(Counting):
    """Gives no numbers for whatever is not clean."""

    def forward(self, x: Tensor) -> Tensor:
        scores: Tensor = super().forward(x)
        return torch.where((x.flatten(1) - 0.5).abs().amax(dim=1, keepdim=True) > 0.1, torch.nan, scores)


@pytest.mark.parametrize("name", [*NAMES, "rays"])
@pytest.mark.parametrize("kind", [Fickle, Broken])
def test_a_target_that_errs_ends_no_search(name: str, kind: type[Counting]) -> None:
    """Labels that change and scores that are no numbers: the budget is kept, and what comes back are numbers."""
    net = kind().eval()
    x = Batch(pictures(), IDS)
    target = Target(wrap(net), Access.DECISION, 4)
    y = Counting()(x.values).argmax(dim=1)
    found = attack_named(name, queries=200)(Problem(target, x, y, Misclassify(), Linf(0.3), Draws.of(0)))
    assert found.x_adv.values.isfinite().all()
    assert (target.spent.queries <= 200).all()
    assert not (kind is Broken and found.reached.any())


def test_noise_of_low_frequencies_is_smooth_and_each_examples_own() -> None:
    draws, x = Draws.of(0), Batch(torch.zeros(4, 2, 16, 16), IDS)
    noise = noise_of(draws, x, 3, 0.25, tag="a", draw=0)
    assert noise.shape == (4, 3, 2, 16, 16)
    spectrum = torch.fft.rfft(torch.cat([noise, noise.flip(-1)], dim=-1)).abs()  # a cosine series is the even one
    assert (spectrum[..., 4:16] < 1e-4 * spectrum.amax()).all()
    one = noise_of(draws, x.rows(torch.tensor([2])), 3, 0.25, tag="a", draw=0)
    assert torch.equal(one[0], noise[2])
    assert torch.equal(noise_of(draws, x, 3, None, tag="a", draw=0), draws.normal((3, 2, 16, 16), IDS, "a", 0))
