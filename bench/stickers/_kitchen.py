"""What the benches of stickers share: photographs to learn from and others to judge on, one thread, CPU seconds.

Stickers are learned from the 100 photographs of ai-benchmark and judged on foolbox's 20, in 4 places each, turned by up
to 22.5 degrees. The setting is that of earlier trials in which MobileNetV2 and these 20 photographs had a say; since
then only the number of steps was chosen anew, by EfficientNet-Lite0 alone.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from functools import cache

import torch

from unfooled.auditing.stickers.cast import cast_of
from unfooled.auditing.stickers.learning import Learned, learn
from unfooled.auditing.stickers.photographs import lesson, read_photographs, seen_by
from unfooled.auditing.stickers.study import TRIED
from unfooled.auditing.stickers.trying import Trying
from unfooled.core.batch import Batch
from unfooled.core.seeds import Draws
from unfooled.core.target import Model
from unfooled.core.trials import Trial
from unfooled.crafting.adversarial_patch import AdversarialPatch
from unfooled.crafting.sticker import Sticker
from unfooled.goals import Become
from unfooled.models.load import load_model
from unfooled.scenes.camera import Camera
from unfooled.zoo.small import resnet8

TOASTER = 859
LITES = tuple(f"zoo:efficientnet-lite{version}" for version in range(3))
MOBILE = "zoo:mobilenet-v2"
PATCH = AdversarialPatch(steps=440)
PAIR, TOGETHER = AdversarialPatch(steps=200), AdversarialPatch(steps=140)
"""For two sources at once and for three: a step costs as much as all of them."""

torch.set_num_threads(1)


@cache
def model(name: str) -> Model:
    return load_model(name)


def crafted(sources: Sequence[str], seed: int, patch: AdversarialPatch = PATCH) -> Learned:
    """Learn a toaster from the 100 photographs on these models."""
    models = [model(name) for name in sources]
    album = read_photographs("zoo:unlabelled", None, labelled=False)
    cast = cast_of(models[0], models, (), TOASTER, album)
    known = seen_by(models[0], album, TOASTER, cast.classes, 8)
    return learn(models, lesson(models, known), Become(TOASTER), patch, seed=seed)


def tried(sticker: Sticker, name: str, area: float) -> Trial:
    """Try a sticker on foolbox's photographs."""
    judge = model(name)
    seen = seen_by(judge, read_photographs("zoo:photos", None, labelled=True), TOASTER, 1000, 8)
    trying = Trying(Become(TOASTER), seen, None, 4, Camera(noise=0.02), 8, Draws.of(0, "trial"))
    placed = Sticker.of(sticker.texture, sticker.outline, replace(TRIED, area=(area, area)), sticker.made)
    return trying.trial(placed, "sticker", (), judge, seen)


def passes_a_second() -> float:
    """Calibrate the machine: ResNet-8 on batches of 64, forward and backward, a second of this process."""
    net, x = resnet8(), torch.rand(64, 3, 32, 32)
    start, passes = time.process_time(), 0
    while time.process_time() - start < 2:
        values = x.clone().requires_grad_()
        torch.autograd.grad(net(values).sum(), values)
        passes += 1
    return passes / (time.process_time() - start)


def percent(trial: Trial) -> str:
    low, high = trial.hit.interval
    return f"{trial.hit.share:.0%} ({low:.0%}-{high:.0%}; top-5 {trial.top5.share:.0%})" if trial.top5 else "?"


def batch_of(values: torch.Tensor) -> Batch:
    return Batch(values, torch.arange(len(values)))
