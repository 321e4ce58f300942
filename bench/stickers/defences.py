"""What defences do against a sticker on 15 % of the picture, before and after the attacker learns of them.

EfficientNet-Lite0 and foolbox's 19 square photographs, one place each; the sticker is to lead to any wrong answer.
Every one has the same, few steps: they show what knowing a defence is worth, not how far one can go. Against double
masking the attacker climbs the mean over its windows, one drawn by lot at each step; its certificate holds against
every sticker that fits under the patch.
"""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from pathlib import Path

import torch
from torch import nn

sys.path.insert(0, str(Path(__file__).parents[1]))
from promise import promise
from stickers._kitchen import LITES, model

from unfooled.auditing.stickers.baselines import noise_like
from unfooled.auditing.stickers.learning import learn
from unfooled.auditing.stickers.photographs import Photographs, fitted, lesson, read_photographs, seen_by
from unfooled.auditing.stickers.study import TRIED
from unfooled.auditing.stickers.trying import Trying
from unfooled.core.seeds import Draws
from unfooled.crafting.adversarial_patch import AdversarialPatch
from unfooled.crafting.sticker import Sticker
from unfooled.defences.certified.patch_cleanser import PatchCleanser
from unfooled.defences.inputs.jpeg import JPEG
from unfooled.defences.inputs.local_smoothing import LocalSmoothing
from unfooled.goals import Misclassify
from unfooled.models.classifier import Classifier
from unfooled.scenes.camera import Camera

AREA, GOAL = 0.15, Misclassify()
PATCH = AdversarialPatch(steps=70, loss="cross-entropy")
CLEANSER = PatchCleanser(patch=0.45, windows=3)
"""A disc of 15 % of the picture is 0.44 of its side across; resizing softens its edge by another pixel."""

SMALL = PatchCleanser(patch=0.15, windows=3)
"""A patch of 2 % of the picture, as its paper has it."""

FILTERS = {"local gradient smoothing": LocalSmoothing(), "JPEG of quality 75": JPEG()}


class Normalised(nn.Module):
    """The network with its normalisation, so that defences see pictures in [0, 1]."""

    def __init__(self, net: Classifier) -> None:
        super().__init__()
        self.module, self.normalise = net.module, replace(net.preprocess, size=None, crop=None)

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        """Give scores."""
        return self.module(self.normalise(values))


NET = model(LITES[0])
BARE = Normalised(NET).eval()


def behind(module: nn.Module) -> Classifier:
    """Put a network with its normalisation, defended or not, in the place of the network."""
    return replace(NET, module=module, preprocess=replace(NET.preprocess, mean=0.0, std=1.0))


def learned(module: nn.Module, known: Photographs) -> Sticker:
    """Learn a toaster through a network."""
    made = learn([behind(module)], lesson([NET], known), GOAL, PATCH, thin=0.0).sticker
    return Sticker.of(made.texture, made.outline, replace(TRIED, area=(AREA, AREA)), made.made)


def judging() -> Photographs:
    """Read the photographs that are square, with what the network says of them."""
    album = read_photographs("zoo:photos", None, labelled=True)
    square = [i for i, shape in enumerate(album.shapes) if shape[1] == shape[2]]
    return seen_by(NET, album.subset(square), None, 1000, 8)


def right(module: nn.Module, sticker: Sticker | None, judged: Photographs) -> float:
    """Count the photographs that are read right behind a module, with a sticker or without: a share."""
    judge = behind(module)
    if sticker is None:
        seen = seen_by(judge, judged.examples, None, 1000, 1)
        return (seen.right or 0) / len(judged.examples)
    trying = Trying(GOAL, judged, None, 1, Camera(), 1, Draws.of(0, "trial"))  # one row a pass: each asks for its own
    return 1 - trying.trial(sticker, "sticker", (), judge, judged).hit.share


def told(module: nn.Module, judged: Photographs, plain: Sticker, aware: Sticker) -> tuple[float, str]:
    """Give the share right for an attacker who knows, and the whole story."""
    clean, unaware, knowing = (right(module, one, judged) for one in (None, plain, aware))
    return knowing, f"{knowing:.0%}; by one who does not {unaware:.0%}; without a sticker {clean:.0%}"


def main() -> None:
    begin = time.process_time()
    known = seen_by(NET, read_photographs("zoo:unlabelled", None, labelled=False), None, 1000, 8)
    judged, plain = judging(), learned(BARE, known)
    open_, noise = right(BARE, plain, judged), right(BARE, noise_like(plain, 0), judged)
    promise(
        f"Read right with a sticker of {AREA:.0%} and no defence", f"{open_:.0%}; noise {noise:.0%}; without a sticker "
        f"{right(BARE, None, judged):.0%}", "15 points below noise", open_ <= noise - 0.15,
    )  # fmt: skip
    for name, defence in FILTERS.items():
        defended = defence(BARE)
        share, story = told(defended, judged, plain, learned(defence.seen(defended), known))
        line = f"Read right behind {name}, by an attacker who knows of it"
        promise(line, story, "<= 50%: it does not last", share <= 0.5)
    certificate(known, judged, plain)
    print(f"{time.process_time() - begin:.0f} CPU s", file=sys.stderr)


def certificate(known: Photographs, judged: Photographs, plain: Sticker) -> None:
    """Try double masking, and hold its certificate against both attackers."""
    values = torch.cat([fitted(NET, judged.examples.batch([i]).values) for i in range(len(judged.examples))])
    proved, small = (float(one.certified(BARE, values, judged.y).float().mean()) for one in (CLEANSER, SMALL))
    share, story = told(CLEANSER(BARE), judged, plain, learned(CLEANSER.sampled(BARE), known))
    promise(
        "Read right behind double masking, by an attacker who knows of it, and proved to be, whatever the sticker",
        f"{story}; proved {proved:.0%}, and against 2% of the picture {small:.0%}",
        "no less than is proved, and something is against 2%", share >= proved and small > 0,
    )  # fmt: skip


if __name__ == "__main__":
    main()
