"""What the benches of signs share: the zoo's readers, backgrounds nobody learned from, one thread, CPU seconds."""

from __future__ import annotations

import time
from functools import cache

import torch

from unfooled.auditing.signs.seeing import Seeing
from unfooled.core.crafting import Crafter
from unfooled.core.seeds import Draws
from unfooled.core.target import Access, Model, Target
from unfooled.core.threat import Goal
from unfooled.core.trials import Rate
from unfooled.crafting.altered_sign import AlteredSign
from unfooled.goals import Become, Misclassify
from unfooled.models.load import load_model
from unfooled.zoo.signs.artwork import CLASSES
from unfooled.zoo.signs.grounds import for_judging, for_learning, grounds
from unfooled.zoo.small import resnet8

READERS = ("zoo:signs", "zoo:signs-pooled", "zoo:signs-residual", "zoo:signs-separable")
VIEWS = "16-32 px, up to 45 degrees, light, noise, 400 unseen renders"

torch.set_num_threads(1)


@cache
def reader(name: str) -> Model:
    return load_model(name)


def goal_of(target: str | None) -> Goal:
    return Misclassify() if target is None else Become(CLASSES.index(target))


def altered(crafter: Crafter, target: str | None, *models: Model) -> tuple[AlteredSign, float]:
    """Alter a stop sign on these readers; with the CPU seconds that it took."""
    train = grounds(400, 11, for_learning())
    targets = [Target(model, Access.GRADIENT, len(train)) for model in models]
    start = time.process_time()
    made = crafter(targets, train, torch.zeros(len(train), dtype=torch.int64), goal_of(target), Draws.of(0, "bench"))
    seconds = time.process_time() - start
    if not isinstance(made, AlteredSign):
        raise SystemExit("no altered sign")
    return made, seconds


def seen(made: AlteredSign, target: str | None, model: Model) -> tuple[Rate, Rate, Rate]:
    """Look at it from 400 places: goal reached, sign lost, clean sign read."""
    judged = grounds(400, 12, for_judging())
    return Seeing(goal_of(target), 0, judged, CLASSES, Draws.of(0, "judged")).mean(made, model)


def percent(rate: Rate) -> str:
    return f"{rate.share:.0%} ({rate.interval.low:.0%}-{rate.interval.high:.0%})"


def passes_a_second() -> float:
    """Calibrate the machine: ResNet-8 on batches of 64, forward and backward, a second of this process."""
    net, x = resnet8(), torch.rand(64, 3, 32, 32)
    start, passes = time.process_time(), 0
    while time.process_time() - start < 2:
        values = x.clone().requires_grad_()
        torch.autograd.grad(net(values).sum(), values)
        passes += 1
    return passes / (time.process_time() - start)
