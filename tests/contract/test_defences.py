"""Laws of every defence: a new one is tested by being listed."""

from __future__ import annotations

import io
from functools import cache

import numpy as np
import pytest
import torch
from oracles import state_of
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional

import unfooled
from unfooled.core.batch import Batch
from unfooled.core.errors import InputError, ModelError
from unfooled.core.seeds import Draws, reseeded
from unfooled.defences import DEFENCES, LAYERED, RECIPES, defence_named
from unfooled.defences.activations import Activation
from unfooled.defences.card import ADAPTIVE, GRADES, IGNORANT
from unfooled.defences.chain import read_defence
from unfooled.defences.training.lesson import Lesson
from unfooled.hardening.attackers import STOCK
from unfooled.sets.linf import Linf
from unfooled.sets.patch import Patch

SIDE = 8
SOURCE = torch.Generator().manual_seed(3)
TEMPLATES = torch.rand(3, 1, SIDE, SIDE, generator=SOURCE)
DETERMINISTIC = [name for name, defence in LAYERED.items() if not defence.card.stochastic]


def toy(n: int, seed: int) -> tuple[Tensor, Tensor]:
    """Three classes of noisy templates, on the grid of 8 bits: (n, 1, 8, 8) in [0, 1] and labels (n,)."""
    source = torch.Generator().manual_seed(seed)
    y = torch.arange(n) % 3
    x = TEMPLATES[y] * 0.6 + 0.2 + 0.08 * torch.randn(n, 1, SIDE, SIDE, generator=source)
    return (x.clamp(0, 1) * 255).round() / 255, y


@cache
def net() -> nn.Module:
    """A small net that reads them."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        module = nn.Sequential(
            nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(8 * SIDE * SIDE, 16), nn.ReLU(),
            nn.Linear(16, 3),
        )  # fmt: skip
    x, y = toy(300, 1)
    adam = torch.optim.Adam(module.parameters(), 3e-3)
    for _ in range(60):
        adam.zero_grad()
        functional.cross_entropy(module(x), y).backward()
        adam.step()
    return module.eval()


def stands(module: nn.Module, radius: float, suite: object, **settings: object) -> float:
    x, y = toy(40, 2)
    found = unfooled.audit(module, (x, y), f"linf:{radius}", suite, keep="none", batch=20, **settings)
    return float(found[f"linf:{radius}"].robust_accuracy)


@pytest.mark.parametrize("name", DEFENCES)
def test_cards_speak_of_what_there_is(name: str) -> None:
    card = DEFENCES[name].card
    assert card.grade in GRADES
    assert card.ignorant in IGNORANT
    assert card.adaptive
    assert set(card.adaptive) <= set(ADAPTIVE)
    assert ("eot" in card.adaptive) == card.stochastic
    assert card.source
    assert card.mitigation.startswith("AML.M")
    assert card.differentiable or "bpda" in card.adaptive


@pytest.mark.parametrize("name", LAYERED)
def test_shape_type_and_device_are_kept_and_the_module_is_left_alone(name: str) -> None:
    module, (x, _) = net(), toy(6, 5)
    before = state_of(module)
    defended = LAYERED[name](module)
    with reseeded(0, x.device):
        scores = defended(x)
    assert scores.shape == module(x).shape
    assert (scores.dtype, scores.device) == (x.dtype, x.device)
    assert scores.isfinite().all()
    assert not any(part.training for part in defended.modules())
    assert state_of(module) == before
    doubled = LAYERED[name](module).double()
    with reseeded(0, x.device):
        assert doubled(x.double()).dtype is torch.float64


@pytest.mark.parametrize("name", DETERMINISTIC)
def test_an_answer_hangs_on_no_neighbour(name: str) -> None:
    defended, (x, _) = LAYERED[name](net()), toy(8, 6)
    alone = torch.cat([defended(row.repeat(8, 1, 1, 1))[:1] for row in x])
    assert torch.equal(defended(x), alone)
    assert torch.equal(defended(x.flip(0)).flip(0), alone)


def test_a_random_defence_draws_one_lot_a_pass() -> None:
    x = toy(1, 6)[0].repeat(8, 1, 1, 1)
    scores = LAYERED["resize-pad"](net())(x)
    assert torch.equal(scores, scores[:1].expand_as(scores))
    draws = {tuple(LAYERED["resize-pad"](net())(x[:1])[0].tolist()) for _ in range(12)}
    assert len(draws) > 1


@pytest.mark.parametrize("name", LAYERED)
def test_who_knows_a_defence_sees_its_labels_and_a_gradient(name: str) -> None:
    defence, (x, _) = LAYERED[name], toy(12, 7)
    defended = defence(net())
    seen = defence.seen(defended)
    values = x.clone().requires_grad_()
    with reseeded(0, x.device):
        labels = defended(x).argmax(dim=1)
    with reseeded(0, x.device):
        scores = seen(values)
    assert torch.equal(scores.argmax(dim=1), labels)
    functional.cross_entropy(scores, labels).backward()
    assert values.grad is not None
    assert (values.grad.flatten(1).abs().amax(dim=1) > 0).all()


@pytest.mark.parametrize("name", ["stairs", "saturating", "temperature", "bit-depth"])
def test_the_adaptive_attack_beats_the_one_that_does_not_know(name: str) -> None:
    defence, radius = LAYERED[name], 0.16
    defended = defence(net())
    fooled = stands(defended, radius, [STOCK], prepare="off", diagnose=False)
    known = stands(defence.seen(defended), radius, "quick", diagnose=False)
    assert known < fooled - 0.2


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_gives_losses_that_reach_the_weights(name: str) -> None:
    recipe, module = RECIPES[name], read_defence(f"swap-elu+{name}").layered(net())
    x, y = toy(12, 8)
    batch = Batch(x, torch.arange(12))
    within = Patch(2) if name == "occlusion" else Linf(0.1)
    lesson = Lesson(module, batch, y, within, Draws.of(0, "test"), 0, net())
    reached = set()
    for loss in recipe.losses(lesson):
        assert loss.shape == ()
        module.zero_grad()
        loss.backward()
        grads = {name: one.grad for name, one in module.named_parameters() if one.grad is not None}
        assert all(one.isfinite().all() for one in grads.values())
        reached |= grads.keys()
    assert reached == dict(module.named_parameters()).keys()
    assert recipe.passes >= 1
    assert not module.training


def test_jpeg_is_the_codec() -> None:
    x = (torch.rand(2, 3, 20, 12, generator=torch.Generator().manual_seed(1)) * 255).round() / 255
    changed = nn.Identity()
    given = defence_named("jpeg", quality=40)(changed)(x)
    for picture, read in zip(x, given, strict=True):
        buffer = io.BytesIO()
        Image.fromarray((picture * 255).round().byte().permute(1, 2, 0).numpy()).save(buffer, "JPEG", quality=40)
        wanted = torch.from_numpy(np.asarray(Image.open(buffer)).copy()).permute(2, 0, 1) / 255
        assert torch.equal(read, wanted)


def test_bit_depth_and_median_are_what_they_say() -> None:
    x = torch.tensor([[0.0, 0.2, 0.9], [0.4, 0.5, 0.6], [1.0, 0.3, 0.7]]).view(1, 1, 3, 3)
    assert torch.equal(defence_named("bit-depth", bits=1)(nn.Identity())(x), x.round())
    assert defence_named("median")(nn.Identity())(x)[0, 0, 1, 1] == 0.5
    flat = torch.full((1, 1, 6, 6), 0.3)
    for name in ("gaussian", "total-variation", "median"):
        assert torch.allclose(defence_named(name)(nn.Identity())(flat), flat, atol=1e-6)


def test_filters_take_noise_away() -> None:
    source = torch.Generator().manual_seed(2)
    smooth = torch.linspace(0.2, 0.8, 16).expand(1, 1, 16, 16)
    noisy = (smooth + 0.1 * torch.randn(1, 1, 16, 16, generator=source)).clamp(0, 1)
    for name in ("gaussian", "total-variation", "median"):
        cleaned = defence_named(name)(nn.Identity())(noisy)
        assert (cleaned - smooth).square().mean() < 0.6 * (noisy - smooth).square().mean(), name


class Functional(nn.Module):
    """Calls its ReLUs as functions."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(4, 5), nn.Linear(5, 3)

    def forward(self, x: Tensor) -> Tensor:
        scores: Tensor = self.last(functional.relu(self.first(x)).relu())
        return scores


def test_functional_relus_are_exchanged_too() -> None:
    module, x = Functional(), torch.randn(6, 4, generator=torch.Generator().manual_seed(1))
    silu = functional.silu
    wanted = module.last(silu(silu(module.first(x))))
    assert torch.allclose(Activation("silu")(module)(x), wanted, atol=1e-6)


class Mixed(nn.Module):
    """Has ReLUs of both kinds."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.act, self.last = nn.Linear(4, 5), nn.ReLU(), nn.Linear(5, 3)

    def forward(self, x: Tensor) -> Tensor:
        scores: Tensor = functional.relu(self.last(self.act(self.first(x))))
        return scores


def test_relus_of_both_kinds_are_exchanged_together() -> None:
    module, x = Mixed(), torch.randn(6, 4, generator=torch.Generator().manual_seed(1))
    silu = functional.silu
    wanted = silu(module.last(silu(module.first(x))))
    made = Activation("silu")(module)
    assert torch.allclose(made(x), wanted, atol=1e-6)
    assert set(made.state_dict()) == set(module.state_dict()), "weights keep their names"


class Watching(nn.Module):
    """Looks at values, so that it cannot be traced, and has no ReLU module."""

    def forward(self, x: Tensor) -> Tensor:
        return functional.relu(x) if x.sum() > 0 else x


def test_what_cannot_be_exchanged_is_named() -> None:
    with pytest.raises(ModelError, match="Watching"):
        Activation("silu")(Watching())
    with pytest.raises(ModelError, match="Linear"):
        Activation("silu")(nn.Sequential(nn.Linear(2, 2)))


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("jpg", "no such defence.*Did you mean jpeg"),
        ("jpeg:qality=3", "no such setting"),
        ("jpeg:quality=high", "name=number"),
        ("jpeg:quality=0", "between 1 and 95"),
        ("n-fgsm+jpeg", "comes last"),
        ("k-wta:share=0", "share"),
        ("bit-depth:bits=8", "bit depth"),
    ],
)
def test_bad_defences_are_named(text: str, match: str) -> None:
    with pytest.raises(InputError, match=match):
        read_defence(text)
