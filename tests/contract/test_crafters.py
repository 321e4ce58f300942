"""Laws of every crafter: a new one is tested by being listed."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import pytest
import torch
from oracles import linear_case, state_of, state_of_process
from torch import Tensor, nn

from unfooled.attacks.apply import Apply
from unfooled.core.attack import Problem
from unfooled.core.batch import Batch
from unfooled.core.crafting import Artefact, Crafter
from unfooled.core.seeds import Draws
from unfooled.core.target import Access, Target
from unfooled.crafting import CRAFTERS
from unfooled.crafting.adversarial_patch import AdversarialPatch
from unfooled.crafting.keeping import keep, read
from unfooled.crafting.rp2 import Rp2
from unfooled.crafting.shadow import Shadow
from unfooled.goals import Become, Misclassify
from unfooled.models.classifier import wrap
from unfooled.sets.sticker import Disc

N, CLASSES, SHAPE = 7, 4, (3, 8, 8)
DRAWS = Draws.of(0, "craft")


SIGNS = ("rp2", "shadow")
"""What lays a sign of its own on backgrounds of 64 x 64 pixels, so that all of the picture may change."""


def victim(name: str) -> tuple[nn.Module, Batch, Tensor]:
    """A linear model with all that may not be touched, and examples that it reads right, at any size."""
    weights, bias, x, y = linear_case(N, CLASSES, SHAPE, scale=0.1)
    if name in SIGNS:
        x = x.repeat_interleave(8, dim=2).repeat_interleave(8, dim=3)
    layer = nn.Linear(weights[0].numel(), CLASSES)
    layer.weight.data, layer.bias.data = weights.flatten(1), bias
    layer.weight.grad = torch.ones_like(layer.weight)
    module = nn.Sequential(nn.AdaptiveAvgPool2d(SHAPE[1]), nn.Flatten(), nn.Dropout(0.5), layer).eval()
    return module, Batch(x, torch.tensor([9, 2**62 + 1, 4, 77, 1, 6, 12])), y


def short(crafter: Crafter, **settings: Any) -> Crafter:
    """The same crafter with few passes, whichever setting says so."""
    few = {"epochs": 3, "steps": 20, "batch": 3, "side": 6, "coarse": 1.0} | settings
    if isinstance(crafter, Rp2 | Shadow):
        few = {"steps": 4, "batch": 6, "grid": 16, "particles": 3, "views": 40, "palette": ()} | settings
    changed: Crafter = replace(crafter, **{one.name: few[one.name] for one in fields(crafter) if one.name in few})  # type: ignore[type-var, arg-type]
    return changed


def sources(module: nn.Module, count: int = 1) -> list[Target]:
    return [Target(wrap(module), Access.GRADIENT, N, batch=4) for _ in range(count)]


def crafted(name: str, rows: Tensor | slice = slice(None), goal: Any = None, draws: Draws = DRAWS) -> Artefact:
    module, x, y = victim(name)
    return short(CRAFTERS[name])(sources(module), x.rows(rows), y[rows], goal or Misclassify(), draws)


def same(one: Artefact, other: Artefact) -> bool:
    mine, theirs = one.tensors(), other.tensors()
    return mine.keys() == theirs.keys() and all(torch.equal(mine[name], theirs[name]) for name in mine)


def within(name: str) -> Any:
    """What the crafter may change: its own setting, or the largest of the stickers that it learns from."""
    crafter = CRAFTERS[name]
    return Disc(crafter.scene.area[1], 0, 1) if isinstance(crafter, AdversarialPatch) else crafter.within  # type: ignore[attr-defined]


@pytest.fixture(params=CRAFTERS)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_the_victim_is_untouched(name: str) -> None:
    module, x, y = victim(name)
    before, process, values = state_of(module), state_of_process(), x.values.clone()
    short(CRAFTERS[name])(sources(module), x, y, Misclassify(), DRAWS)
    assert (state_of(module), state_of_process()) == (before, process)
    assert torch.equal(x.values, values)


def test_one_seed_gives_one_artefact_in_any_order(name: str) -> None:
    assert same(crafted(name), crafted(name))
    assert same(crafted(name), crafted(name, torch.tensor([3, 1, 6, 0, 2, 5, 4])))
    assert not same(crafted(name), crafted(name, draws=Draws.of(1, "craft")))


@pytest.mark.parametrize("name", [name for name in CRAFTERS if name not in SIGNS])
def test_it_stays_within_its_threat(name: str) -> None:
    _, x, _ = victim(name)
    cornered = Batch(torch.cat([x.values, (x.values > 0.5).float()]), torch.arange(2 * N))
    brought = crafted(name).bring(cornered, DRAWS)
    assert within(name).contains(brought, cornered).all()


def test_every_source_counts_each_row_for_its_example(name: str) -> None:
    module, x, y = victim(name)
    asked = sources(module, 2)
    short(CRAFTERS[name])(asked, x, y, Misclassify(), DRAWS)
    for target in asked:
        assert (target.spent.answers() > 0).all()
        assert (target.spent.forwards >= target.spent.backwards).all()


def test_what_is_brought_does_not_hang_on_neighbours(name: str) -> None:
    _, x, _ = victim(name)
    artefact = crafted(name)
    together = artefact.bring(x, DRAWS, 1).values
    assert all(torch.equal(artefact.bring(x.rows(slice(i, i + 1)), DRAWS, 1).values[0], together[i]) for i in range(N))


def test_an_artefact_can_be_kept(name: str, tmp_path: Any) -> None:
    artefact = crafted(name, goal=Become(2))
    again = read(keep(artefact, tmp_path / "kept"))
    assert same(artefact, again)
    assert (again.kind, dict(again.made), repr(again)) == (artefact.kind, dict(artefact.made), repr(artefact))


@pytest.mark.parametrize("name", [name for name in CRAFTERS if name not in SIGNS])
def test_an_artefact_can_be_brought_as_an_attack(name: str) -> None:
    module, x, y = victim(name)
    artefact = crafted(name, goal=Become(2))
    target = Target(wrap(module), Access.DECISION, N)
    found = Apply(artefact)(Problem(target, x, y, Become(2), within(name), DRAWS))
    assert torch.equal(found.x_adv.values, artefact.bring(x, DRAWS).values)
    assert torch.equal(found.reached, module(found.x_adv.values).argmax(dim=1) == 2)
    assert (target.spent.queries == 1).all()
