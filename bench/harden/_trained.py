"""Nets hardened for so many CPU minutes of one thread; each is trained once and kept in `bench/data/models/`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from time import process_time
from typing import NamedTuple

import torch
from distances._models import HOME, data
from safetensors import safe_open
from safetensors.torch import save_file
from torch import nn

import unfooled
from unfooled.core.batch import Batch
from unfooled.defences import RECIPES
from unfooled.defences.chain import read_defence
from unfooled.defences.training.lesson import Recipe
from unfooled.defences.training.schedule import Pupils, Schedule
from unfooled.defences.training.task import Task
from unfooled.defences.training.trainer import train
from unfooled.sets.linf import Linf
from unfooled.zoo.small import small_cnn

HELD = 500
"""The last of the training pictures choose among checkpoints."""

torch.set_num_threads(1)


class Plan(NamedTuple):
    """What is trained: by which recipe, on which pictures, against which radius, for how many CPU minutes."""

    recipe: str
    source: str
    radius: float
    minutes: float
    learnt: int = 60_000
    seed: int = 0

    @property
    def name(self) -> str:
        about = f"{self.source}-{self.radius:g}-{self.minutes:g}min-{self.learnt}-seed{self.seed}"
        return f"harden-{self.recipe.replace(':', '_')}-{about}"


def silu_net(seed: int = 0) -> nn.Module:
    """Give the untrained small net with SiLU for ReLU."""
    return read_defence("swap-silu").layered(small_cnn(seed))


Make = Callable[[int], nn.Module]


def pupils(plan: Plan) -> tuple[Pupils, Pupils]:
    """Give the examples that are learned from, and those that choose."""
    x, y = data(plan.learnt, plan.source, "train")
    whole = Pupils(Batch(x, torch.arange(len(x))), y)
    return whole.rows(slice(0, len(x) - HELD)), whole.rows(slice(len(x) - HELD, len(x)))


def hardened(plan: Plan, recipe: Recipe | None = None, make: Make = silu_net) -> nn.Module:
    """Train by a recipe of ours, or load what an earlier run trained; `recipe` is one that has settings of its own."""

    def teach(net: nn.Module) -> nn.Module:
        learnt, held = pupils(plan)
        schedule = Schedule(seconds=60 * plan.minutes, clock="cpu", seed=plan.seed)
        found = train(net, Task(recipe or RECIPES[plan.recipe], learnt, held, Linf(plan.radius), schedule), told=_told)
        return found.module

    return kept(plan, teach, make)


def kept(plan: Plan, teach: Callable[[nn.Module], nn.Module], make: Make) -> nn.Module:
    """Train a net, or load what an earlier run trained for the same plan."""
    path, net = HOME / "models" / f"{plan.name}.safetensors", make(plan.seed)
    if not path.is_file():
        print(f"training {plan.name}", file=sys.stderr, flush=True)
        began = process_time()
        made = teach(net)
        path.parent.mkdir(exist_ok=True)
        save_file(made.state_dict(), path.with_suffix(".new"), {"cpu_seconds": f"{process_time() - began:.0f}"})
        path.with_suffix(".new").rename(path)
    with safe_open(path, "pt") as held:
        net.load_state_dict({name: held.get_tensor(name) for name in held.keys()})  # noqa: SIM118  no mapping
        print(f"{plan.name}: {held.metadata()['cpu_seconds']} CPU s", file=sys.stderr, flush=True)
    return net.eval()


def judged(net: nn.Module, plan: Plan, n: int) -> tuple[float, float]:
    """Audit by `standard` on the first n test pictures: clean and robust accuracy."""
    run = unfooled.audit(net, data(n, plan.source), f"linf:{plan.radius}", batch=64, keep="none")
    found = run[f"linf:{plan.radius}"]
    told = f"clean {found.clean_accuracy:.1%}, robust {found.robust_accuracy:.1%} of {n}"
    print(f"{plan.name}: {told}", file=sys.stderr, flush=True)
    return found.clean_accuracy, found.robust_accuracy


def by_share(found: dict[str, float]) -> str:
    return ", ".join(f"{name} {share:.1%}" for name, share in found.items())


def _told(row: dict[str, object]) -> None:
    print({name: row[name] for name in ("epoch", "seconds", "clean", "robust")}, file=sys.stderr, flush=True)
