"""Training: the same bits again, the best checkpoint, roll-backs, and everything that can go wrong."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from unfooled.attacks import attack_named
from unfooled.core.batch import Batch
from unfooled.core.errors import InputError, ModelError, RunError
from unfooled.core.seeds import Draws
from unfooled.defences import RECIPES, STANDARD
from unfooled.defences.card import Card
from unfooled.defences.training.course import STATE, Course
from unfooled.defences.training.lesson import Lesson, blame
from unfooled.defences.training.objectives import Adversarial, Blended, Mart, Tempered, Trades
from unfooled.defences.training.recipes import Training, untrained
from unfooled.defences.training.schedule import Pupils, Schedule
from unfooled.defences.training.searches import Clean, Climb, Crafted, Jump, Occlude
from unfooled.defences.training.task import Task
from unfooled.defences.training.trainer import Trained, train
from unfooled.defences.training.validation import Held, averaged, held_accuracy
from unfooled.sets.l2 import L2
from unfooled.sets.linf import Linf
from unfooled.sets.patch import Patch
from unfooled.zoo.small import linear

CARD = Card("training", "A", "a test")
SIZE = (1, 6, 6)


def pupils(n: int, seed: int = 0) -> Pupils:
    """Two classes that a strong pixel tells apart, and many weak ones too, which an attacker can turn."""
    source = torch.Generator().manual_seed(seed)
    y = torch.arange(n) % 2
    sign = (2 * y - 1).view(-1, 1, 1, 1).float()
    x = 0.5 + 0.04 * sign + 0.05 * torch.randn(n, *SIZE, generator=source)
    x[:, :, 0, 0] = 0.5 + 0.35 * sign[:, :, 0, 0]
    return Pupils(Batch(x.clamp(0, 1), torch.arange(n) + 1000 * seed), y)


def net(seed: int = 0) -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return nn.Sequential(
            nn.Flatten(), nn.Linear(36, 12), nn.BatchNorm1d(12, momentum=0.5), nn.SiLU(), nn.Linear(12, 2)
        ).eval()


def task(recipe: Any = None, **settings: Any) -> Task:
    schedule = Schedule(**{"epochs": 2, "batch": 32, "steps": 5, "rate": 2e-2, "growth": 0.0, **settings})
    return Task(recipe or RECIPES["n-fgsm"], pupils(192), pupils(64, 1), Linf(0.1), schedule)


def state(module: nn.Module) -> list[Tensor]:
    return list(module.state_dict().values())


def same(one: Trained, other: Trained) -> bool:
    return all(torch.equal(a, b) for a, b in zip(state(one.module), state(other.module), strict=True))


def lesson(module: nn.Module, within: Any = None, n: int = 8) -> Lesson:
    x, y = pupils(n)
    return Lesson(module, x, y, within or Linf(0.1), Draws.of(0, "test"), 0)


def test_the_same_seed_gives_the_same_bits_and_leaves_the_caller_alone() -> None:
    module = net()
    before, around = [value.clone() for value in state(module)], torch.get_rng_state()
    first = train(module, task())
    assert torch.equal(torch.get_rng_state(), around)
    assert all(torch.equal(a, b) for a, b in zip(before, state(module), strict=True))
    assert same(first, train(module, task()))
    assert not same(first, train(module, task(seed=1)))


def test_a_net_that_was_frozen_whole_learns_and_stays_frozen_for_the_caller() -> None:
    frozen, partly = net().requires_grad_(False), net()
    partly[1].requires_grad_(False)
    learned = train(frozen, task())
    assert same(learned, train(net(), task()))
    assert not any(weight.requires_grad for weight in frozen.parameters())
    kept = train(partly, task()).module
    assert torch.equal(kept[1].weight, partly[1].weight), "layers that the caller froze do not move"  # type: ignore[index]
    assert not torch.equal(kept[4].weight, partly[4].weight)  # type: ignore[index]


def test_training_against_an_attack_makes_a_net_stand() -> None:
    harder = task(epochs=6)
    stood = train(net(), harder)
    fell = train(net(), harder._replace(recipe=STANDARD))
    draws = Draws.of(1, "test")
    robust = [held_accuracy(one.module, harder.held, Linf(0.1), draws, 20).robust for one in (stood, fell)]
    assert robust[0] > 0.9
    assert robust[0] > robust[1] + 0.1


def test_a_net_learns_to_stand_against_a_square_of_pixels() -> None:
    """Its size is a whole number at every step of the growth, one pixel at least; the strong pixel is given up."""
    harder = task(RECIPES["pgd-at"], epochs=8, growth=0.5)._replace(within=Patch(2))
    stood, fell = train(net(), harder), train(net(), harder._replace(recipe=STANDARD))
    draws = Draws.of(1, "test")
    robust = [held_accuracy(one.module, harder.held, Patch(2), draws, 5).robust for one in (stood, fell)]
    assert robust[0] > robust[1] + 0.1


def test_time_can_be_counted_by_the_process_alone() -> None:
    for clock, read in (("cpu", time.process_time), ("wall", time.perf_counter)):
        before = read()
        assert before <= Schedule(clock=clock).read_clock() <= read()


def test_a_stopped_training_goes_on_to_the_same_bits(tmp_path: Path) -> None:
    whole = train(net(), task(epochs=3), folder=tmp_path / "whole")

    class StopError(Exception):
        pass

    def stop(row: dict[str, Any]) -> None:
        if row["epoch"] == 1:
            raise StopError

    with pytest.raises(StopError):
        train(net(), task(epochs=3), folder=tmp_path / "part", told=stop)
    went_on = train(net(), task(epochs=3), folder=tmp_path / "part", resume=True)
    assert same(whole, went_on)
    assert len(went_on.log) == 3
    again = train(net(), task(epochs=3), folder=tmp_path / "part", resume=True)
    assert same(whole, again)
    with pytest.raises(RunError, match="another training"):
        train(net(), task(epochs=4), folder=tmp_path / "part", resume=True)


@dataclass(frozen=True)
class Breaking:
    """Turns the net's weights round from an epoch on, as a collapse does; its safer twin trains as usual."""

    card: Card = CARD
    after: int = 1
    breaks: bool = True
    nan: bool = False
    passes: float = 1.0
    helper: None = None

    def safer(self) -> Breaking | None:
        return replace(self, breaks=False) if self.breaks else None

    def losses(self, lesson: Lesson) -> Iterator[Tensor]:
        broken = self.breaks and lesson.epoch >= self.after
        x_t = Climb(steps=3)(lesson)
        for _ in range(5 if broken else 1):
            loss = blame(lesson.net, x_t, lesson.y).mean()
            yield loss if not broken else loss * torch.nan if self.nan else -loss


def test_a_collapse_is_caught_within_one_epoch_and_rolled_back() -> None:
    found = train(net(), task(Breaking(after=2), epochs=4, drop=0.2))
    assert [row["collapsed"] for row in found.log] == [False, False, True, False, False]
    assert found.collapses == 1
    assert found.log[3]["epoch"] == found.log[2]["epoch"] == 2
    assert found.log[2]["robust"] < found.log[1]["robust"] - 0.2
    assert found.log[3]["robust"] > found.log[2]["robust"] + 0.2
    assert held_accuracy(found.module, pupils(64, 1), Linf(0.1), Draws.of(0, "t"), 5).clean > 0.9


@dataclass(frozen=True)
class Hiding:
    """Learns from single steps; what comes of it the test says."""

    card: Card = CARD
    passes: float = 1.0
    helper: None = None

    def safer(self) -> Training | None:
        return Training(CARD, Climb(steps=2), Adversarial())

    def losses(self, lesson: Lesson) -> Iterator[Tensor]:
        yield blame(lesson.net, Jump(0.0, 1.0, clip=True)(lesson), lesson.y).mean()


def test_a_net_that_stands_against_one_step_alone_has_collapsed(monkeypatch: pytest.MonkeyPatch) -> None:
    found = iter([Held(0.9, 0.1, 0.6), Held(0.9, 0.1, 0.6), Held(0.9, 0.5, 0.6), Held(0.9, 0.6, 0.6)])
    monkeypatch.setattr("unfooled.defences.training.course.held_accuracy", lambda *given: next(found))
    told = train(net(), task(Hiding(), epochs=2, average=0.0))
    assert [row["collapsed"] for row in told.log] == [True, True, False, False]
    assert ["Hiding" in row["search"] for row in told.log] == [True, False, False, False]
    assert "steps=4" in told.log[2]["search"]


def test_a_collapse_without_a_safer_recipe_ends_with_the_best() -> None:
    lonely = Training(CARD, Climb(steps=10), Adversarial())
    assert lonely.safer() is None
    assert STANDARD.safer() is None
    one_step = RECIPES["n-fgsm"].safer()
    assert one_step is not None
    assert one_step.search == Climb(steps=2)  # type: ignore[attr-defined]


def test_the_best_checkpoint_is_kept_not_the_last() -> None:
    found = train(net(), task(Breaking(after=2), epochs=4, drop=1.5, average=0.0))
    robust = [row["robust"] for row in found.log]
    assert robust[-1] < max(robust)
    kept = held_accuracy(found.module, pupils(64, 1), Linf(0.1), Draws.of(0, "training", "linf:0.1"), 5)
    assert kept.robust == max(robust)


def test_a_loss_that_is_no_number_stops_and_keeps_the_last_good_weights(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"epoch 1, batch 0.*training\.pt"):
        train(net(), task(Breaking(nan=True)), folder=tmp_path)
    good = train(net(), task(Breaking(breaks=False), epochs=2), folder=tmp_path / "other")
    assert good.log[0]["robust"] > 0
    held = torch.load(tmp_path / STATE, weights_only=True)
    assert all(value.isfinite().all() for value in held["best"].values())
    assert held["state"]["epoch"] == 1


def test_a_budget_too_small_for_one_epoch_is_told() -> None:
    many = pupils(4000)
    with pytest.raises(InputError, match=r"too small for one epoch.*0\.001 s"):
        train(net(), task(seconds=0.001)._replace(pupils=many))


def test_a_budget_ends_training() -> None:
    found = train(net(), task(seconds=0.6)._replace(pupils=pupils(320)))
    assert 0.6 <= found.seconds < 2.0


@pytest.mark.parametrize(
    ("settings", "match"),
    [({"epochs": 0}, "epochs"), ({"rate": 0.0}, "rate"), ({"average": 1.0}, "average"), ({"batch": 1}, "batch"),
     ({"seconds": 0.0}, "seconds"), ({"drop": 0.0}, "drop"), ({"growth": 2.0}, "growth")],
)  # fmt: skip
def test_schedules_are_checked(settings: dict[str, Any], match: str) -> None:
    with pytest.raises(InputError, match=match):
        Schedule(**settings)


def test_too_few_images_are_told_by_class() -> None:
    x, y = pupils(192)
    y = torch.where(torch.arange(192) < 5, 1, 0)
    with pytest.raises(InputError, match="class 1 has 5"):
        train(net(), task()._replace(pupils=Pupils(x, y)))
    with pytest.raises(InputError, match="fewer examples than a batch"):
        train(net(), task(batch=256))
    with pytest.raises(InputError, match="radius above 0"):
        train(net(), task()._replace(within=Linf(0.0)))


def test_trades_and_mart_are_their_formulas() -> None:
    module, given = net(3), lesson(net(3))
    x_t = (given.x.values + 0.05).clamp(0, 1)
    here, there = module(given.x.values).detach().double(), module(x_t).detach().double()
    p, q = here.softmax(dim=1), there.softmax(dim=1)
    divergence = (p * (p.log() - q.log())).sum(dim=1)
    trades = functional.cross_entropy(here, given.y) + 6 * divergence.mean()
    assert torch.isclose(Trades(6.0)(given, x_t).double(), trades, atol=1e-5)
    rows = torch.arange(len(given.y))
    rival = q[rows, 1 - given.y]
    mart = (-q[rows, given.y].log() - (1.0001 - rival).log() + 6 * divergence * (1 - p[rows, given.y])).mean()
    assert torch.isclose(Mart(6.0)(given, x_t).double(), mart, atol=1e-5)


def test_tempered_answers_a_helper() -> None:
    given = lesson(net(3))._replace(helper=net(4))
    word = (net(4)(given.x.values) / 7).softmax(dim=1)
    wanted = -(word * (net(3)(given.x.values) / 7).log_softmax(dim=1)).sum(dim=1).mean()
    assert torch.isclose(Tempered(7.0)(given, given.x.values), wanted, atol=1e-6)
    with pytest.raises(InputError, match="helper"):
        Tempered()(lesson(net(3)), given.x.values)


def test_pushed_weights_come_back_and_their_gradient_stays() -> None:
    module = net(5)
    recipe, given = Training(CARD, Clean(), Adversarial(), push=0.05), lesson(module)
    before = [value.clone() for value in module.parameters()]
    (loss,) = recipe.losses(given)
    assert all(torch.equal(a, b) for a, b in zip(before, module.parameters(), strict=True))
    loss.backward()
    found = [weight.grad.clone() for weight in module.parameters()]  # type: ignore[union-attr]
    other = net(5)
    slopes = torch.autograd.grad(blame(other, given.x.values, given.y).mean(), list(other.parameters()))
    with torch.no_grad():
        for value, slope in zip(other.parameters(), slopes, strict=True):
            if value.ndim > 1:
                value.add_(0.05 * value.norm() / slope.norm() * slope)
    pushed = blame(other, given.x.values, given.y).mean()
    wanted = torch.autograd.grad(pushed, list(other.parameters()))
    assert torch.isclose(loss.detach(), pushed.detach(), atol=1e-6)
    assert pushed > blame(module, given.x.values, given.y).mean()
    assert all(torch.allclose(a, b, atol=1e-5) for a, b in zip(found, wanted, strict=True))


@pytest.mark.parametrize("within", [Linf(0.1), L2(0.5)], ids=str)
def test_searches_stay_in_the_set_and_climb(within: Any) -> None:
    weights = torch.randn(2, *SIZE, generator=torch.Generator().manual_seed(0))
    given = lesson(linear(weights), within)
    searches = (Climb(steps=5), Climb(steps=5, away="own"), Jump(1.0, 1.25, clip=True), Crafted(attack_named("fgsm")))
    for search in searches:
        x_t = search(given)
        assert within.contains(given.x.holding(x_t), given.x).all()
        assert blame(given.net, x_t, given.y).mean() > blame(given.net, given.x.values, given.y).mean()
        assert search.passes >= 1


def test_a_jump_of_n_fgsm_leaves_the_set_but_not_the_range() -> None:
    weights = torch.randn(2, *SIZE, generator=torch.Generator().manual_seed(0))
    given = lesson(linear(weights))
    x_t = Jump(2.0, 1.0)(given)
    far = (x_t - given.x.values).abs().amax()
    assert 0.1 < far <= 0.3 + 1e-6
    assert (x_t.amin(), x_t.amax()) >= (torch.tensor(0.0), torch.tensor(0.0))
    assert x_t.amax() <= 1
    assert torch.equal(x_t, Jump(2.0, 1.0)(given))


def test_free_takes_both_steps_from_one_backward_pass() -> None:
    given = lesson(net(6))
    losses = []
    for loss in replace(RECIPES["free"], replays=3).losses(given):  # type: ignore[type-var]
        loss.backward()
        losses.append(float(loss.detach()))
    assert len(losses) == 3
    assert losses[-1] > losses[0]  # weights stand still here, so that only the perturbation moves


def test_averages_follow_the_weights() -> None:
    one, mean = net(1), {name: value.clone() for name, value in net(2).state_dict().items()}
    averaged(mean, one, 0.9, 10_000)
    for name, value in one.state_dict().items():
        start = net(2).state_dict()[name]
        wanted = value if not value.is_floating_point() else 0.9 * start + 0.1 * value
        assert torch.allclose(mean[name].float(), wanted.float(), atol=1e-6)


def test_untrained_weights_are_other_ones() -> None:
    around = torch.get_rng_state()
    fresh = untrained(net(), 1)
    assert torch.equal(torch.get_rng_state(), around)
    assert not torch.equal(fresh[1].weight, net()[1].weight)  # type: ignore[index]


def test_the_radius_grows() -> None:
    course = Course(net(), task(epochs=2, growth=1.0), RECIPES["n-fgsm"], None)
    assert course.share == 0
    course.run_epoch()
    assert course.share == 0.5


def test_occlusion_covers_one_square_and_hurts_more_than_noise_does() -> None:
    module, within = net(), Patch(2)
    given = lesson(module, within, 64)
    found = Occlude()(given)
    assert within.contains(given.x.holding(found), given.x).all()
    assert ((found != given.x.values).flatten(1).sum(dim=1) == 4).all()
    noise = within.start(given.x, given.draws).values
    assert blame(module, found, given.y).mean() > blame(module, noise, given.y).mean() + 0.02
    assert torch.equal(Occlude()(given._replace(x=given.x.rows(slice(5, 9)), y=given.y[5:9])), found[5:9])


def test_occlusion_refuses_what_is_no_place() -> None:
    with pytest.raises(InputError, match="patch:8"):
        Occlude()(lesson(net(), Linf(0.1)))


def test_a_blend_is_the_mean_of_both_losses() -> None:
    module = net()
    given = lesson(module)
    x_t = given.x.values + 0.1
    here, there = (blame(module, values, given.y).mean() for values in (given.x.values, x_t))
    assert torch.allclose(Blended(0.25)(given, x_t), 0.25 * here + 0.75 * there)
