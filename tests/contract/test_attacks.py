"""Laws of every attack, on every set, on pictures and ragged waveforms: a new attack is tested by being listed."""

from __future__ import annotations

import itertools
import math
import runpy
from dataclasses import dataclass, fields, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from oracles import Watching, linear_case, linear_distance, state_of, state_of_process
from torch import Tensor, nn
from torch.nn import functional

from unfooled.attacks import ATTACKS, SPEECH_ATTACKS
from unfooled.attacks.bases import BASES
from unfooled.attacks.fia import FIA
from unfooled.attacks.genetic_audio import GeneticAudio
from unfooled.attacks.nes import NES
from unfooled.attacks.one_pixel import OnePixel
from unfooled.attacks.p_rgf import PRGF
from unfooled.attacks.pixel_corners import PixelCorners
from unfooled.attacks.transfer import Transfer
from unfooled.core.answer import Scores
from unfooled.core.attack import Attack, Found, Hints, Problem, as_is
from unfooled.core.batch import Batch
from unfooled.core.errors import AccessError, ModelError
from unfooled.core.region import Region
from unfooled.core.seeds import Draws
from unfooled.core.target import Access, Target
from unfooled.core.threat import Ball, Goal
from unfooled.goals import Become, Enter, Leave, Misclassify
from unfooled.losses import loss_named
from unfooled.modalities.carriers import Png
from unfooled.models.classifier import wrap
from unfooled.search.candidates import TOGETHER
from unfooled.sets.grammar import BALLS
from unfooled.sets.grid import settle
from unfooled.sets.masked import Masked
from unfooled.zoo.small import linear, wave_net


def example_attack() -> Attack[Ball]:
    """The attack that CONTRIBUTING shows how to add."""
    attack: Attack[Ball] = runpy.run_path(str(Path(__file__).parents[2] / "examples" / "multi_targeted.py"))[
        "MultiTargeted"
    ]()
    return attack


ALL = {**ATTACKS, "genetic-audio": SPEECH_ATTACKS["genetic-audio"], "an added one": example_attack()}
MANY = (OnePixel, PixelCorners, PRGF, NES, GeneticAudio)
"""Attacks that ask about many candidates of one example in one pass."""
OWNING = (Transfer, FIA, BASES)
"""Attacks that climb models of the attacker's own."""

CLASSES = 5
GOALS: dict[str, Goal] = {
    goal.name: goal for goal in (Misclassify(), Misclassify(top=2), Become(2), Enter((1, 2)), Leave((0, 3)))
}


def short(attack: Attack[Ball], **settings: Any) -> Attack[Ball]:
    """The same attack with few steps, draws, targets and queries, whichever it has."""
    few = {"steps": 6, "draws": 4, "targets": 2, "queries": 40, "samples": 12, "copies": 2} | settings
    few |= {"queries": 6} if isinstance(attack, BASES) else {}  # each after a climb of its own
    few |= {"neighbours": 2} if isinstance(attack, Transfer) and attack.neighbours else {}
    changed: Attack[Ball] = replace(attack, **{one.name: few[one.name] for one in fields(attack) if one.name in few})  # type: ignore[type-var, arg-type]
    return changed


class Tiny(nn.Module):
    """Pictures (n, 2, 4, 4) to scores (n, 5), with all that an attack may not touch: modes, statistics, gradients."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.norm, self.last = nn.Linear(32, 16), nn.BatchNorm1d(16), nn.Linear(16, CLASSES)
        self.noise = nn.Dropout(0.5)
        source = torch.Generator().manual_seed(4)
        with torch.no_grad():
            for parameter in self.parameters():
                parameter.copy_(torch.randn(parameter.shape, generator=source) * 0.5)
        self.norm.running_mean = torch.randn(16, generator=source)
        self.norm.running_var = torch.rand(16, generator=source) + 0.5
        self.last.weight.grad = torch.ones_like(self.last.weight)
        self.last.bias.requires_grad_(False)
        self.eval()

    def forward(self, x: Tensor) -> Tensor:
        scores: Tensor = self.last(self.noise(torch.tanh(self.norm(self.first(x.flatten(1))))))
        return scores


@dataclass(frozen=True)
class Case:
    """Some examples, a model that reads them right, and a set in which some of them fall."""

    module: nn.Module
    x: Batch
    y: Tensor
    within: Ball

    def problem(
        self,
        attack: Attack[Ball],
        *,
        goal: Goal | None = None,
        rows: Tensor | slice = slice(None),
        seed: int = 0,
        batch: int | None = None,
        budget: int | None = None,
        already: Tensor | None = None,
        within: Ball | None = None,
        model: Any = None,
        hints: Hints | None = None,
        **more: Any,
    ) -> Problem[Ball]:
        goal = goal or Misclassify()
        x = self.x.rows(rows)
        adapter = model or wrap(self.module, takes_lengths=x.lengths is not None)
        access = max(attack.needs, goal.needs)
        target = Target(adapter, access, len(x), budget=budget, already=already, batch=batch, seed=seed)
        draws = Draws.of(seed, "contract", repr(attack))
        if isinstance(attack, OWNING):  # a twin of the target, so that laws of gradient attacks hold for them too
            twin = wrap(self.module, takes_lengths=x.lengths is not None)
            more = {"surrogates": (Target(twin, Access.GRADIENT, len(x), batch=batch, seed=seed),)} | more
        return Problem(
            target,
            x,
            self.y[rows],
            goal,
            within or self.within,
            draws,
            hints=hints or Hints(),
            **{"settle": as_is} | more,
        )

    def watching(self) -> Watching:
        return Watching(self.module, takes_lengths=self.x.lengths is not None)


def sized(kind: str, radius: float) -> Ball:
    """A ball of that radius; in L0 of as many whole pixels."""
    return BALLS[kind](math.ceil(radius) if kind == "l0" else radius, 0.0, 1.0)


def generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


IDS = torch.tensor([9, 2**62 + 1, 4, 77, 1, 6])
RADII = {
    ("linf", "pictures"): 0.06, ("l2", "pictures"): 0.3, ("l1", "pictures"): 1.0, ("l0", "pictures"): 2,
    ("linf", "waves"): 0.25, ("l2", "waves"): 1.5, ("l1", "waves"): 1.8, ("l0", "waves"): 4,
}  # fmt: skip
MASKS = {"pictures": torch.rand(2, 4, 4, generator=generator(3)) < 0.7, "waves": torch.arange(48) % 3 < 2}
INPUTS = [(kind, masked, inputs) for kind in BALLS for masked, inputs in
          ((False, "pictures"), (True, "pictures"), (False, "waves"))]  # fmt: skip


def made(kind: str, masked: bool, inputs: str) -> Case:
    if inputs == "pictures":
        module: nn.Module = Tiny()
        x = Batch(torch.rand(6, 2, 4, 4, generator=generator(5)), IDS)
        x.values[1] = (x.values[1] > 0.5).float()  # one of them lies in the box's corner
        y, domain = module(x.values).argmax(dim=1), (0.0, 1.0)
    else:
        module = wave_net(seed=2)
        lengths = torch.tensor([48, 40, 17, 33, 48, 5])
        values = torch.rand(6, 48, generator=generator(6)) * 1.6 - 0.8
        x = Batch(values * (torch.arange(48) < lengths.unsqueeze(1)), IDS, lengths)
        y, domain = module(x.values, lengths).argmax(dim=1), (-1.0, 1.0)
    within = BALLS[kind](RADII.get((kind, inputs), 0.1), *domain)
    return Case(module, x, y, Masked(within, Region.of(MASKS[inputs])) if masked else within)


@pytest.fixture(params=ALL)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=INPUTS, ids=lambda case: f"{case[0]}{'-masked' if case[1] else ''}-{case[2]}")
def case(request: pytest.FixtureRequest) -> Case:
    return made(*request.param)


def same(one: Found, other: Found, rows: Tensor | slice = slice(None)) -> bool:
    """Tell whether `one` is, bit for bit, those rows of `other`."""
    pairs = [(one.x_adv.values, other.x_adv.values), (one.reached, other.reached), (one.loss, other.loss)]
    return all(torch.equal(first, second[rows]) for first, second in pairs)


def margins_of(case: Case, x: Batch, y: Tensor | None = None) -> Tensor:
    with torch.no_grad():
        scores = case.module(x.values) if x.lengths is None else case.module(x.values, x.lengths)
    return Misclassify().margin(Scores(scores), case.y if y is None else y)


def labels_of(case: Case, x: Batch) -> Tensor:
    with torch.no_grad():
        scores = case.module(x.values) if x.lengths is None else case.module(x.values, x.lengths)
    labels: Tensor = scores.argmax(dim=1)
    return labels


def test_the_cases_are_worth_asking(case: Case) -> None:
    """Some examples fall and some stand, or the laws below would hold for nothing."""
    found = ALL["pgd"](case.problem(ALL["pgd"]))
    assert 0 < int(found.reached.sum()) < len(case.x)


# --- what is handed back, what is left alone ---------------------------------------------------------------------


def test_proposals_are_allowed_true_and_leave_no_trace(name: str, case: Case) -> None:
    attack = short(ALL[name])
    problem = case.problem(attack)
    told, kept, labels = repr(attack), case.x.values.clone(), case.y.clone()
    of_model, of_process = state_of(case.module), state_of_process()
    with torch.no_grad():  # attacks switch gradients on by themselves
        found = attack(problem)
    assert state_of(case.module) == of_model
    assert (case.module.training, state_of_process()) == (False, of_process)
    assert (repr(attack), hash(attack)) == (told, hash(short(ALL[name])))
    assert torch.equal(case.x.values, kept)
    assert torch.equal(case.y, labels)

    x_adv = found.x_adv
    assert case.within.contains(x_adv, case.x).all()
    assert x_adv.values.dtype == torch.float32
    assert not x_adv.values.requires_grad
    assert not found.loss.requires_grad
    assert x_adv.values.data_ptr() != case.x.values.data_ptr()
    assert torch.equal(x_adv.ids, case.x.ids)
    if case.x.lengths is not None and x_adv.lengths is not None:
        assert torch.equal(x_adv.lengths, case.x.lengths)
    assert found.reached.dtype == torch.bool
    assert found.reached.shape == found.loss.shape == (len(case.x),)
    assert torch.equal(found.reached, labels_of(case, x_adv) != case.y), "it claims what is true, no more, no less"


def test_a_model_with_gradients_of_its_own_is_left_alone(name: str) -> None:
    """Also where the user holds a graph open and gradients are on."""
    case = made("linf", False, "pictures")
    case.module.first.weight.grad = torch.full_like(case.module.first.weight, 3.0)  # type: ignore[union-attr, attr-defined, operator]
    before = state_of(case.module)
    with torch.enable_grad():
        found = short(ALL[name])(case.problem(short(ALL[name])))
    assert state_of(case.module) == before
    assert found.x_adv.values.grad_fn is None
    assert found.loss.grad_fn is None


# --- the same answer, whatever else is asked ---------------------------------------------------------------------


def test_same_seed_same_bits_other_seed_other_draws(name: str, case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    attack = short(ALL[name])
    drawn: list[str] = []
    original = Draws._streams
    monkeypatch.setattr(Draws, "_streams", lambda self, *rest: drawn.append(self.key) or original(self, *rest))
    first, again, other = case.watching(), case.watching(), case.watching()
    assert same(attack(case.problem(attack, model=first)), attack(case.problem(attack, model=again)))
    asked = [[point.values for point in model.points] for model in (first, again)]
    assert len(asked[0]) == len(asked[1])
    assert all(map(torch.equal, *asked))
    was_random = bool(drawn)
    attack(case.problem(attack, model=other, seed=1))
    seen = torch.cat([point.values for point in other.points])
    alike = torch.cat(asked[0]).shape == seen.shape and torch.equal(torch.cat(asked[0]), seen)
    assert alike != was_random or isinstance(attack, OWNING)  # who ask once may end in one corner by other ways


def test_order_and_shards_change_nothing(name: str, case: Case) -> None:
    attack = short(ALL[name])
    whole = attack(case.problem(attack, batch=4))
    order = torch.tensor([4, 2, 0, 5, 1, 3])
    assert same(attack(case.problem(attack, batch=4, rows=order)), whole, order)
    for rows in (torch.tensor([0, 1, 2]), torch.tensor([3, 4, 5]), torch.tensor([5])):
        assert same(attack(case.problem(attack, batch=4, rows=rows)), whole, rows)


def test_neighbours_change_nothing(name: str, case: Case) -> None:
    """Three examples, once among neighbours that fall at once and once among such that never do."""
    attack = short(ALL[name])
    problem = case.problem(attack, batch=4)
    whole = attack(problem)
    hopeless = replace(problem, target=Target(problem.target.model, problem.target.access, 6, batch=4))
    wrong = torch.where(torch.arange(6) < 3, problem.y, (problem.y + 1) % CLASSES)
    changed = attack(replace(hopeless, y=wrong))
    first = torch.tensor([0, 1, 2])
    assert torch.equal(changed.x_adv.values[first], whole.x_adv.values[first])
    assert torch.equal(problem.target.spent.answers()[first], hopeless.target.spent.answers()[first])


def test_batch_sizes_agree(name: str, case: Case) -> None:
    attack = short(ALL[name])
    whole = attack(case.problem(attack))
    for batch in (1, 4, 7, 64):
        other = attack(case.problem(attack, batch=batch))
        differ = other.reached != whole.reached
        assert not differ.any() or margins_of(case, other.x_adv)[differ].abs().max() < 1e-4, "but for a tie"
        assert case.within.contains(other.x_adv, case.x).all()


# --- what it costs -----------------------------------------------------------------------------------------------


def test_the_bill_is_what_the_model_saw(name: str, case: Case) -> None:
    attack = short(ALL[name])
    model = case.watching()
    problem = case.problem(attack, model=model)
    attack(problem)
    spent = problem.target.spent
    assert int(spent.answers().sum()) == model.rows > 0
    assert spent.answers().tolist() == [model.ids.count(one) for one in case.x.ids.tolist()]
    if problem.target.access < Access.GRADIENT:
        assert int(spent.forwards.sum()) == int(spent.backwards.sum()) == 0
    else:
        assert int(spent.queries.sum()) == 0
        assert (spent.backwards <= spent.forwards).all()


@pytest.mark.parametrize("budget", [1, 2, 3, 7])
def test_budgets_are_kept(name: str, budget: int) -> None:
    case = made("linf", False, "pictures")
    attack = short(ALL[name])
    for within in (case.within, case.within.resized(1e-4)):
        for hints in (Hints(), Hints(order=torch.arange(CLASSES).repeat(6, 1))):
            model = case.watching()
            already = torch.tensor([0, budget, 1, 0, budget + 3, 0])
            problem = case.problem(attack, model=model, budget=budget, already=already, within=within, hints=hints)
            found = attack(problem)
            total = problem.target.spent.answers()
            assert (total[already >= budget] == 0).all()
            assert (total + already <= torch.maximum(already, torch.tensor(budget))).all()
            assert int(total.sum()) == model.rows
            assert within.contains(found.x_adv, case.x).all()
            untried = total == 0
            assert torch.equal(found.x_adv.values[untried], case.x.values[untried])
            assert not found.reached[untried].any()
            plenty = ALL[name].bill(CLASSES)
            if max(plenty.queries, plenty.forwards) > budget and within.radius < 1e-3:
                assert (total[already == 0] >= min(budget, 2)).all(), "a budget is there to be used"


def test_the_bill_is_announced(name: str) -> None:
    """On an example that never falls, where the bill must be enough and not far too much."""
    case = made("linf", False, "pictures")
    asked = {"queries": min(500, getattr(ALL[name], "queries", 0))}  # the default's are many, and all alike
    usual: Attack[Ball] = replace(ALL[name], **asked) if asked["queries"] else ALL[name]  # type: ignore[type-var, arg-type]
    for attack in (short(ALL[name]), usual, short(ALL[name], steps=1, targets=9, restarts=2)):
        model = case.watching()
        problem = case.problem(attack, model=model, within=case.within.resized(1e-6))
        attack(problem)
        bill = attack.bill(CLASSES)
        circling = came_back(model, case.x) | isinstance(attack, PixelCorners)  # which ends with the last corner
        for column in ("queries", "forwards", "backwards"):
            spent = getattr(problem.target.spent, column)
            assert (spent <= getattr(bill, column)).all()
            assert (circling | (2 * spent >= getattr(bill, column))).all()
            assert spent[~circling].unique().numel() <= 1


def came_back(model: Watching, x: Batch) -> Tensor:
    """Tell which examples were asked about one point twice, (n,) bool: whoever walks in a circle may stop."""
    asked: dict[int, list[bytes]] = {one: [] for one in x.ids.tolist()}
    for point in model.points:
        for values, one in zip(point.values, point.ids.tolist(), strict=True):
            asked[one].append(values.numpy().tobytes())
    return torch.tensor([len(set(points)) < len(points) for points in asked.values()])


def test_access_is_what_it_says(name: str) -> None:
    case = made("linf", False, "pictures")
    attack = short(ALL[name])
    attack(case.problem(attack))
    if attack.needs is Access.DECISION:
        return
    model = case.watching()
    problem = replace(case.problem(attack), target=Target(model, Access(attack.needs - 1), len(case.x)))
    with pytest.raises(AccessError, match=attack.needs.name.lower()):
        attack(problem)


# --- what it finds -----------------------------------------------------------------------------------------------


def test_the_best_point_is_kept(name: str, case: Case) -> None:
    """The first success, or the nearest one, or else the best of all points seen, by the attack's own loss."""
    attack = short(ALL[name])
    model = case.watching()
    found = attack(case.problem(attack, model=model))
    loss = "margin" if attack.nearest else getattr(attack, "loss", None)
    loss = loss if attack.needs > Access.DECISION else None  # labels have none
    single = loss is not None and not hasattr(attack, "targets")
    seen: dict[int, list[Tensor]] = {one: [] for one in case.x.ids.tolist()}
    for point in model.points:
        for values, one in zip(point.values, point.ids.tolist(), strict=True):
            seen[one].append(values)
    assert found.trace is not None
    assert found.trace.shape[1] == len(case.x)
    for row, one in enumerate(case.x.ids.tolist()):
        clean = case.x.rows(torch.full((len(seen[one]),), row))
        points = clean.holding(torch.stack(seen[one]))
        reached = (labels_of(case, points) != case.y[row]) & case.within.contains(points, clean)
        traced = found.trace[:, row]
        traced = traced[~traced.isnan()]
        if found.reached[row] and attack.nearest:
            far = case.within.distance(points, clean)
            mine = case.within.distance(found.x_adv.rows(torch.tensor([row])), case.x.rows(torch.tensor([row])))
            clear = margins_of(case, points, case.y[row].expand(len(points))) > 1e-3
            assert any(torch.equal(found.x_adv.values[row], values) for values in points.values)
            assert (mine <= far[clear]).all(), "nothing nearer was ever seen"
            continue
        if found.reached[row]:
            first = reached.tolist().index(True)
            together = TOGETHER if isinstance(attack, MANY) else 1
            assert len(reached) - first <= together, "it leaves at its first success, or with those asked together"
            assert torch.equal(found.x_adv.values[row], points.values[first])
            continue
        assert not reached.any()
        assert found.loss[row] == traced.max()
        assert any(torch.equal(found.x_adv.values[row], values) for values in points.values)
        if single:
            with torch.no_grad():
                scores = model.function(points.values, *([] if points.lengths is None else [points.lengths]))
            of_each = Misclassify().objective(loss_named(loss), scores, case.y[row].expand(len(scores)))
            assert len(traced) == len(of_each)
            assert torch.allclose(of_each, traced, atol=1e-4)
            best = points.values[of_each >= of_each.max() - 1e-6]  # one of them, where several tie
            assert any(torch.allclose(found.x_adv.values[row], values, atol=1e-6) for values in best)


def test_radius_zero_is_x(name: str, case: Case) -> None:
    attack = short(ALL[name])
    found = attack(case.problem(attack, within=case.within.resized(0.0)))
    assert torch.equal(found.x_adv.values, case.x.values)
    assert not found.reached.any()


def test_no_examples_no_trouble(name: str) -> None:
    case = made("linf", False, "pictures")
    attack = short(ALL[name])
    spent = torch.full((6,), 3)
    found = attack(case.problem(attack, budget=3, already=spent, hints=Hints(torch.arange(CLASSES).repeat(6, 1))))
    assert torch.equal(found.x_adv.values, case.x.values)
    found = attack(case.problem(attack, budget=3, already=spent))
    assert not found.reached.any()


def test_more_restarts_find_no_less(name: str) -> None:
    """Restarts after everything fell ask nothing; after something stood they go on from its best point."""
    if not any(one.name == "restarts" for one in fields(ALL[name])):  # type: ignore[arg-type]
        pytest.skip("it has no restarts")
    case = made("linf", False, "pictures")
    once, thrice = short(ALL[name], restarts=1), short(ALL[name], restarts=3)
    huge = case.within.resized(1.0)
    found = thrice(case.problem(thrice, within=huge))
    assert found.reached.all()
    model = case.watching()
    thrice(case.problem(thrice, model=model, within=case.within.resized(1e-3)))
    begun = model.points[:: len(model.points) // 3]
    assert not any(torch.equal(one.values, other.values) for one, other in itertools.pairwise(begun))
    draws = Draws.of(0, "the same")
    one, three = once(replace(case.problem(once), draws=draws)), thrice(replace(case.problem(thrice), draws=draws))
    assert (three.reached | ~one.reached).all()
    assert (three.loss >= one.loss).all()


def climbs(attack: Attack[Ball]) -> bool:
    """Whether it follows gradients with all values at once, not pixel by pixel."""
    return attack.needs is Access.GRADIENT and not isinstance(attack, PixelCorners)


def is_iterative(attack: Attack[Ball]) -> bool:
    return getattr(attack, "steps", 1) > 1 and attack.needs is Access.GRADIENT


def linear_problem(kind: str, classes: int, radius: float, row: int, *, masked: bool, attack: Attack[Ball]) -> Any:
    weights, bias, x, y = linear_case(8, classes, (1, 5, 5), seed=3, scale=4.0)
    within = BALLS[kind](radius, 0.0, 1.0)
    if masked:
        within = Masked(within, Region.of(torch.arange(25).view(5, 5) % 2))
    return Case(linear(weights, bias), Batch(x, torch.arange(8)), y, within).problem(
        attack, rows=slice(row, row + 1)
    )  # fmt: skip


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("kind", ["linf", "l2"])
def test_two_linear_classes_break_beyond_the_closed_form(name: str, kind: str, masked: bool) -> None:
    attack = short(ALL[name], steps=max(40, getattr(ALL[name], "steps", 0)))
    weights, bias, x, y = linear_case(8, 2, (1, 5, 5), seed=3, scale=4.0)
    allowed = torch.arange(25) % 2 if masked else None
    smallest = linear_distance(weights, bias, x, y, kind, allowed=allowed)
    assert smallest.min() > 1e-3
    assert smallest.max() < 0.29 or kind == "l2", "far from the box"
    for row in (0, 1):
        below = attack(linear_problem(kind, 2, 0.99 * float(smallest[row]), row, masked=masked, attack=attack))
        assert not below.reached.any()
        beyond = attack(linear_problem(kind, 2, 1.01 * float(smallest[row]), row, masked=masked, attack=attack))
        if climbs(attack):
            assert beyond.reached.all(), "every gradient attack is exact here, one step too"


@pytest.mark.parametrize("kind", ["linf", "l2"])
def test_five_linear_classes(name: str, kind: str) -> None:
    attack = short(ALL[name], steps=max(40, getattr(ALL[name], "steps", 0)), targets=9)
    weights, bias, x, y = linear_case(8, 5, (1, 5, 5), seed=3, scale=4.0)
    smallest = linear_distance(weights, bias, x, y, kind)
    fell = 0
    for row in (0, 1):
        below = attack(linear_problem(kind, 5, 0.99 * float(smallest[row]), row, masked=False, attack=attack))
        assert not below.reached.any()
        beyond = attack(linear_problem(kind, 5, 1.01 * float(smallest[row]), row, masked=False, attack=attack))
        fell += int(beyond.reached.sum())
        far = attack(linear_problem(kind, 5, 2.0 * float(smallest[row]), row, masked=False, attack=attack))
        assert far.reached.all() or not climbs(attack)
    if getattr(attack, "targets", 0) >= 4:
        assert fell == 2, "one climb towards each class finds the nearest of them"


@pytest.mark.parametrize("classes", [3, 5])
def test_a_climb_towards_each_class_finds_the_hidden_one(name: str, classes: int) -> None:
    """The likeliest other class is out of reach, the next near: who climbs what is highest never sees it."""
    if not hasattr(ALL[name], "targets"):
        pytest.skip("it climbs one loss alone")
    attack = short(ALL[name], steps=20, targets=4)
    slopes = torch.tensor([[0.0, 0.0], [0.1, -0.1], [0.0, 10.0], [0.0, 0.0], [0.0, 0.0]])[:classes]
    bias = torch.tensor([0.0, -0.1, -1.0, -50.0, -60.0])[:classes] - slopes.sum(dim=1) / 2
    x = Batch(torch.full((8, 1, 1, 2), 0.5), torch.arange(8))
    case = Case(
        linear(slopes.view(classes, 1, 1, 2), bias), x, torch.zeros(8, dtype=torch.int64), BALLS["linf"](0.102, 0, 1)
    )
    assert attack(case.problem(attack)).reached.all()


def test_one_step_is_exact_for_two_classes() -> None:
    """FGSM reaches the largest margin that a linear model of two classes allows in a ball without a box."""
    weights, bias, x, y = linear_case(8, 2, (1, 5, 5), seed=3, scale=4.0)
    case = Case(linear(weights, bias), Batch(x, torch.arange(8)), y, BALLS["linf"](0.001, 0.0, 1.0))
    found = ALL["fgsm"](case.problem(ALL["fgsm"]))
    assert not found.reached.any()
    slope = (weights[1 - y] - weights[y]).flatten(1).double()
    clean = (slope * x.double().flatten(1)).sum(dim=1) + (bias[1 - y] - bias[y]).double()
    best = clean + case.within.radius * slope.abs().sum(dim=1)
    assert torch.allclose(found.loss.double(), best, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("goal", GOALS)
def test_every_goal(name: str, goal: str) -> None:
    """On a linear model and in a large set, every gradient attack reaches every goal; claims are true."""
    attack = short(ALL[name], steps=20, targets=4)
    weights, bias, x, _ = linear_case(8, CLASSES, (1, 5, 5), seed=3, scale=4.0)
    module = linear(weights, bias)
    order = module(x).argsort(dim=1, descending=True)
    y = order[:, 0]
    wanted = GOALS[goal]
    clean = wrap(module).answer(Batch(x, torch.arange(8)))
    open_rows = (~wanted.reached(clean, y)).nonzero().flatten()
    assert len(open_rows) >= 2
    for radius in (0.02, 0.4):
        case = Case(module, Batch(x, torch.arange(8)), y, BALLS["linf"](radius, 0.0, 1.0))
        problem = case.problem(attack, goal=wanted, rows=open_rows)
        found = attack(problem)
        assert case.within.contains(found.x_adv, problem.x).all()
        answer = wrap(module).answer(found.x_adv)
        assert torch.equal(found.reached, wanted.reached(answer, problem.y))
        assert torch.equal(wanted.margin(answer, problem.y) > 0, found.reached)
        aimed = wanted == Misclassify() or getattr(attack, "loss", "") != "dlr"  # a loss made for leaving the label
        if radius == 0.4 and is_iterative(attack) and aimed:
            assert found.reached.all()


def test_a_start_is_where_it_begins(name: str) -> None:
    """Attacks without a random start begin at the problem's start; the others may begin anywhere."""
    case = made("linf", False, "pictures")
    attack = short(ALL[name])
    if any(one.name == "random_start" for one in fields(attack)):  # type: ignore[arg-type]
        attack = replace(attack, random_start=False)  # type: ignore[type-var]
    clean = case.watching()
    attack(case.problem(attack, model=clean))
    start = case.within.corner(case.x, Draws.of(5, "elsewhere"))
    model = case.watching()
    found = attack(case.problem(attack, model=model, start=start))
    assert case.within.contains(found.x_adv, case.x).all()
    if torch.equal(clean.points[0].values, case.x.values) and len(clean.points) < 8:  # it begins at x if it may
        assert torch.equal(model.points[0].values, start.values)


# --- hard models -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", BALLS)
def test_two_classes_at_the_corners_of_the_box(name: str, kind: str) -> None:
    attack = short(ALL[name])
    weights = torch.randn(2, 1, 4, 4, generator=generator(1))
    x = Batch(torch.stack([torch.zeros(1, 4, 4), torch.ones(1, 4, 4)]), torch.tensor([3, 4]))
    module = linear(weights)
    y = module(x.values).argmax(dim=1)
    case = Case(module, x, y, sized(kind, 0.3))
    found = attack(case.problem(attack))
    assert case.within.contains(found.x_adv, x).all()
    assert found.x_adv.values.isfinite().all()
    assert found.loss.isfinite().all()
    if is_iterative(attack) and kind == "linf":
        slope = (weights[1 - y] - weights[y]).flatten(1)
        room = torch.tensor([[1.0], [-1.0]]) * slope
        best = (slope * x.values.flatten(1)).sum(dim=1) + 0.3 * room.clamp(min=0).sum(dim=1)
        assert torch.equal(found.reached, best > 0)


def test_a_flat_model_is_no_trouble(name: str) -> None:
    case = made("linf", False, "pictures")
    flat = Watching(lambda x: x.flatten(1)[:, :CLASSES] * 0 + torch.arange(float(CLASSES)))
    attack = short(ALL[name])
    for within in (case.within, made("l2", False, "pictures").within):
        sure = replace(case, y=torch.full((6,), CLASSES - 1), within=within)
        found = attack(sure.problem(attack, model=flat))
        assert not found.reached.any()
        assert within.contains(found.x_adv, case.x).all()
        assert found.x_adv.values.isfinite().all()


def test_a_model_without_gradients_says_so(name: str) -> None:
    case = made("linf", False, "pictures")
    attack = short(ALL[name])
    model = Watching(lambda x: case.module(x).detach())
    if attack.needs is Access.GRADIENT:
        with pytest.raises(ModelError, match="differentiably"):
            attack(case.problem(attack, model=model))
    else:
        attack(case.problem(attack, model=model))


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_scores_that_are_no_numbers_reach_nothing(name: str, bad: float) -> None:
    """A model that breaks down away from x: no breakdown is a success, and the search survives it."""
    case = made("linf", False, "pictures")

    def breaking(values: Tensor) -> Tensor:
        scores = case.module(values)
        lost = torch.zeros(len(values), CLASSES, dtype=torch.bool)
        lost[:, 2] = (values * 1e4).round().flatten(1).sum(dim=1) % 2 > 0
        return torch.where(lost, scores * bad if math.isnan(bad) else bad, scores)

    attack = short(ALL[name])
    found = attack(case.problem(attack, model=Watching(breaking)))
    assert found.x_adv.values.isfinite().all()
    assert case.within.contains(found.x_adv, case.x).all()
    answer = Watching(breaking).answer(found.x_adv)
    assert torch.equal(found.reached, answer.scores.isfinite().all(dim=1) & (answer.scores.argmax(dim=1) != case.y))
    everywhere = Watching(lambda values: case.module(values) * math.nan)
    assert not attack(case.problem(attack, model=everywhere)).reached.any()


@pytest.mark.parametrize("kind", BALLS)
def test_what_a_png_cannot_hold_is_no_end(name: str, kind: str) -> None:
    """A success counts as final once a file can hold it; till then the search goes on and pays its whole bill."""
    attack = short(ALL[name], steps=12, draws=12, targets=4)
    weights, bias, x, y = linear_case(8, CLASSES, (1, 5, 5), seed=3, scale=4.0)
    x = (x * 255).round() / 255
    module, png = linear(weights, bias), Png(8)
    y = module(x).argmax(dim=1)
    smallest = float(linear_distance(weights, bias, x, y, kind).median())
    lasting = 0
    for share in (1.02, 1.5, 4.0):
        case = Case(module, Batch(x, torch.arange(8)), y, sized(kind, share * smallest))
        problem = case.problem(attack, settle=partial(settle, within=case.within, levels=255))
        found = attack(problem)
        assert case.within.contains(found.x_adv, case.x).all()
        held = png.unpack(png.pack(settle(found.x_adv, case.x, case.within, 255).values.numpy()))
        held_batch = case.x.holding(torch.from_numpy(held))
        assert case.within.contains(held_batch, case.x).all()
        survives = module(held_batch.values).argmax(dim=1) != y
        lasting += int(survives.sum())
        # unsettled: a settled one costs one answer more, so the bill of an example that never fell is the least
        bill = attack.bill(CLASSES)
        never_left = problem.target.spent.answers() >= 0.5 * max(bill.queries, bill.forwards)
        assert (survives | ~found.reached | never_left).all()
        if share == 4.0 and is_iterative(attack):
            assert found.reached.all()
            assert survives.all()
            assert np.array_equal(held, found.x_adv.values.numpy())
    assert lasting > 0 or not climbs(attack)


def test_a_settled_success_is_handed_back_settled(name: str) -> None:
    case = made("linf", False, "pictures")
    gridded = replace(case, x=case.x.holding((case.x.values * 255).round() / 255))
    gridded = replace(gridded, y=labels_of(gridded, gridded.x), within=case.within.resized(0.3))
    attack = short(ALL[name])
    problem = gridded.problem(attack, settle=partial(settle, within=gridded.within, levels=255))
    found = attack(problem)
    assert found.reached.any()
    values = found.x_adv.values[found.reached]
    on_grid = ((values * 255).round() / 255 == values).flatten(1).all(dim=1)
    true = labels_of(gridded, found.x_adv)[found.reached] != gridded.y[found.reached]
    assert true.all()
    assert on_grid.all()


def test_a_random_model_is_reproducible(name: str) -> None:
    case = made("linf", False, "pictures")

    def noisy(values: Tensor) -> Tensor:
        noise = torch.rand(1) + float(np.random.rand())  # both generators
        return case.module(functional.dropout(values, 0.3, training=True)) + noise

    attack = short(ALL[name])
    before = state_of_process()
    first = attack(case.problem(attack, model=Watching(noisy)))
    assert state_of_process() == before
    torch.rand(3)
    np.random.rand(5)
    again = attack(case.problem(attack, model=Watching(noisy)))
    assert same(first, again)
    watched = Watching(noisy)
    attack(case.problem(attack, model=watched))
    with torch.random.fork_rng(devices=[]):
        draws = [Target(watched, Access.SCORES, 6, seed=seed).answer(case.x, torch.arange(6)).scores for seed in (0, 1)]
    assert not torch.equal(*draws)


@pytest.mark.parametrize("kind", BALLS)
def test_one_value_inputs_and_one_example(name: str, kind: str) -> None:
    """The smallest problem there is: one example of one value, two classes."""
    module = linear(torch.tensor([[[[1.0]]], [[[-1.0]]]]), torch.tensor([0.0, 1.0]))
    case = Case(module, Batch(torch.full((1, 1, 1, 1), 0.6), torch.tensor([1])), torch.tensor([0]), sized(kind, 0.15))
    attack = short(ALL[name])
    found = attack(case.problem(attack))
    assert case.within.contains(found.x_adv, case.x).all()
    if climbs(attack):
        assert found.reached.all()
