"""Detectors: what they learn, whom they reject, and that an attacker who knows of them climbs both scores at once."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from unfooled.core.batch import Batch
from unfooled.core.errors import InputError, ModelError
from unfooled.defences import DETECTORS
from unfooled.defences.chain import read_defence
from unfooled.defences.detectors.densities import IntrinsicDimension, Mahalanobis
from unfooled.defences.detectors.guard import Guarded, Look, guard, limit_for
from unfooled.defences.training.schedule import Pupils
from unfooled.goals import Evade
from unfooled.losses import margin

CLASSES = 3


def pupils(n: int, seed: int) -> Pupils:
    """Three classes of noisy stripes, (n, 1, 8, 8)."""
    source = torch.Generator().manual_seed(seed)
    y = torch.arange(n) % CLASSES
    x = 0.4 + 0.05 * torch.randn(n, 1, 8, 8, generator=source)
    for label in range(CLASSES):
        x[y == label, :, 2 * label : 2 * label + 2] += 0.4
    return Pupils(Batch(x.clamp(0, 1), torch.arange(n) + 1000 * seed), y)


def net() -> nn.Module:
    """A net that reads them."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        module = nn.Sequential(
            nn.Conv2d(1, 4, 3, padding=1),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(256, 12),
            nn.ReLU(),
            nn.Linear(12, CLASSES),
        )
    x, y = pupils(120, 9)
    adam = torch.optim.Adam(module.parameters(), 1e-2)
    for _ in range(40):
        adam.zero_grad()
        functional.cross_entropy(module(x.values), y).backward()
        adam.step()
    return module.eval().requires_grad_(False)


def fitted(name: str) -> Guarded:
    made = DETECTORS[name](net())
    assert isinstance(made, Guarded)
    made.fit(pupils(300, 1), pupils(99, 2))
    return made


class Brightness(nn.Module):
    """Finds bright inputs strange."""

    def learn(self, module: nn.Module, learnt: Pupils) -> None: ...

    def forward(self, module: nn.Module, values: Tensor) -> Look:
        return Look(module(values), values.flatten(1).mean(dim=1))


def test_the_limit_leaves_a_fresh_example_beyond_it_no_oftener_than_was_asked() -> None:
    strange = torch.arange(1.0, 100.0)  # 99 of them: one more falls beyond the 95th with a chance of 5 in 100
    assert limit_for(strange.flip(0), 0.05) == 95
    assert limit_for(strange, 0.01) == 99
    with pytest.raises(InputError, match=r"99, where 199 do.*rate=0.01"):
        limit_for(strange, 0.005)
    source = torch.Generator().manual_seed(0)
    lots = torch.rand(4000, 41, generator=source)
    beyond = torch.stack([row[40] > limit_for(row[:40], 0.1) for row in lots])
    assert 0.08 < float(beyond.float().mean()) <= 0.11


def test_the_last_class_wins_exactly_where_an_input_is_beyond_the_limit() -> None:
    module, clean = net(), pupils(99, 2)
    made = guard(module, Brightness(), 0.05)
    assert isinstance(made, Guarded)
    made.fit(pupils(300, 1), clean)
    shades = torch.linspace(0, 1, 50).view(-1, 1, 1, 1).expand(-1, 1, 8, 8)
    scores, plain = made(shades), module(shades)
    assert torch.equal(scores[:, :CLASSES], plain)
    bright = shades.flatten(1).mean(dim=1) > made.limit
    assert 0 < int(bright.sum()) < 50
    assert torch.equal(scores.argmax(dim=1) == CLASSES, bright)
    typical = made(clean.x.values)
    first, second = typical[:, :CLASSES].topk(2, dim=1).values.unbind(dim=1)
    away = (first - typical[:, CLASSES]).median()
    assert away == pytest.approx(float((first - second).median()), rel=1e-4), "both margins are of one size"


@pytest.mark.parametrize("name", DETECTORS)
def test_a_detector_accepts_the_clean_and_rejects_the_strange(name: str) -> None:
    made, (x, y) = fitted(name), pupils(200, 3)
    plain = made.module(x.values)
    answers = made(x.values)
    assert answers.shape == (200, CLASSES + 1)
    assert torch.equal(answers[:, :CLASSES], plain)
    accepted = answers.argmax(dim=1) < CLASSES
    assert accepted.float().mean() > 0.85
    assert (answers.argmax(dim=1) == y)[accepted].float().mean() > 0.95
    if name != "feature-squeezing":  # which asks whether the answer moves, and noise is nothing to it
        assert (made(torch.rand(50, 1, 8, 8)).argmax(dim=1) == CLASSES).all()


@pytest.mark.parametrize("name", DETECTORS)
def test_an_answer_hangs_on_no_neighbour_and_on_no_order_of_learning(name: str) -> None:
    made, (x, _) = fitted(name), pupils(8, 4)
    alone = torch.cat([made(row.repeat(8, 1, 1, 1))[:1] for row in x.values])
    assert torch.equal(made(x.values), alone)
    again = DETECTORS[name](net())
    assert isinstance(again, Guarded)
    learnt, held = pupils(300, 1), pupils(99, 2)
    again.fit(learnt.rows(torch.arange(300).flip(0)), held.rows(torch.arange(99).flip(0)))
    for one, other in zip(made.buffers(), again.buffers(), strict=True):
        assert torch.allclose(one, other, atol=1e-5)


@pytest.mark.parametrize("name", DETECTORS)
def test_who_knows_of_it_can_climb_out_of_a_rejection(name: str) -> None:
    """By the gradient of the joint margin alone, from where the detector rejects."""
    made, (x, y) = fitted(name), pupils(24, 5)
    seen, goal = DETECTORS[name].seen(made), Evade(CLASSES)
    values = x.values + 0.1 * torch.randn(x.values.shape, generator=torch.Generator().manual_seed(1))
    leaf = values.clone().requires_grad_()
    before = goal.objective(margin, seen(leaf), y)
    (grad,) = torch.autograd.grad(before.sum(), leaf)
    assert grad.isfinite().all()
    moved = goal.objective(margin, seen(values + 0.002 * grad.sign()), y)
    assert (moved > before).float().mean() > 0.8
    assert torch.equal(seen(values).argmax(dim=1), made(values).argmax(dim=1))


def test_mahalanobis_is_the_distance_to_the_nearest_class() -> None:
    source = torch.Generator().manual_seed(0)
    y = torch.arange(600) % 2
    mix = torch.tensor([[2.0, 0.0], [1.0, 0.5]]).double()
    features = torch.randn(600, 2, generator=source).double() @ mix.T + 10 * y.unsqueeze(1)
    one = Mahalanobis(shrinkage=1e-9)
    kept = one.learn(features, y)
    centres = torch.stack([features[y == label].mean(dim=0) for label in (0, 1)])
    spread = features - centres[y]
    inverse = torch.linalg.inv(spread.T @ spread / 600)
    away = torch.randn(7, 2, generator=source).double() * 5
    wanted = torch.stack([((away - centre) @ inverse * (away - centre)).sum(dim=1) for centre in centres]).amin(dim=0)
    assert torch.allclose(one.strange(away, list(kept)), wanted, rtol=1e-5)


def test_the_intrinsic_dimension_is_that_of_what_lies_around() -> None:
    source = torch.Generator().manual_seed(0)
    one = IntrinsicDimension(neighbours=100, references=4000)
    found = {}
    for dimension in (1, 3):
        cloud = torch.zeros(4000, 6)
        cloud[:, :dimension] = torch.rand(4000, dimension, generator=source)
        at = torch.zeros(20, 6)
        at[:, :dimension] = 0.3 + 0.4 * torch.rand(20, dimension, generator=source)
        found[dimension] = float(one.strange(at, list(one.learn(cloud, torch.zeros(4000)))).mean())
    assert found[1] == pytest.approx(1, abs=0.15)
    assert found[3] == pytest.approx(3, abs=0.35)


def test_settings_and_places_are_checked() -> None:
    for text in ("mahalanobis:rate=0", "mahalanobis:shrinkage=0", "intrinsic-dimension:neighbours=1",
                 "feature-squeezing:bits=9", "feature-squeezing:rate=1", "feature-squeezing:side=1"):  # fmt: skip
        with pytest.raises(InputError):
            read_defence(text)
    for text in ("mahalanobis+n-fgsm", "mahalanobis+jpeg"):
        with pytest.raises(InputError, match="A detector comes last"):
            read_defence(text)
    assert read_defence("jpeg+mahalanobis:rate=0.01").card.adaptive == ("bpda", "joint")
    for name, module, kind, match in (
        ("mahalanobis", nn.Flatten(), ModelError, "finds none to look at"),
        ("intrinsic-dimension", net(), InputError, "neighbours"),
    ):
        made = DETECTORS[name](module)
        assert isinstance(made, Guarded)
        with pytest.raises(kind, match=match):
            made.fit(pupils(30, 1), pupils(60, 2))
