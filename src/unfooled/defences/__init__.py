"""Defences, each with what is known of it. A new one is one line in `DEFENCES`, and its class in one file."""

from __future__ import annotations

from dataclasses import fields, replace
from difflib import get_close_matches
from typing import Any

from unfooled.core.errors import InputError

from .activations import SMOOTH, Activation
from .card import Card, Layered
from .certified.patch_cleanser import PatchCleanser
from .detectors.densities import IntrinsicDimension, Mahalanobis
from .detectors.squeezing import FeatureSqueezing
from .ensembles import Diverse, Ensemble
from .inputs.jpeg import JPEG
from .inputs.local_smoothing import LocalSmoothing
from .inputs.resize_pad import ResizePad
from .inputs.smoothing import BitDepth, Gaussian, Median, TotalVariation
from .masking.activations import KWTA, Saturating, Stairs, Temperature
from .sounds.codec import Codec
from .sounds.filters import BandPass, DownUp, Quantised, RunningMean, RunningMedian
from .training.lesson import Recipe
from .training.objectives import Adversarial, Aligned, Blended, Helped, Mart, Tempered, Trades
from .training.recipes import Free, Training
from .training.searches import Clean, Climb, Jump, Occlude

_TRUSTED = "checked by RobustBench's AutoAttack"
_TEMPERATURE = 100.0
STANDARD = Training(Card("training", "F", "no defence: the yardstick"), Clean(), Adversarial())
"""Training on clean examples, against which costs and gains are told."""

LAYERED: dict[str, Layered] = {
    "jpeg": JPEG(),
    "bit-depth": BitDepth(),
    "median": Median(),
    "total-variation": TotalVariation(),
    "gaussian": Gaussian(),
    "resize-pad": ResizePad(),
    "local-smoothing": LocalSmoothing(),
    "patch-cleanser": PatchCleanser(),
    "k-wta": KWTA(),
    "stairs": Stairs(),
    "saturating": Saturating(),
    "temperature": Temperature(),
    **{f"swap-{name}": Activation(name) for name in SMOOTH},
}
"""Defences of pictures that need no training."""

SOUNDS: dict[str, Layered] = {
    "mp3": Codec("mp3"),
    "opus": Codec("opus", kbps=24),
    "down-up": DownUp(),
    "quantised": Quantised(),
    "running-median": RunningMedian(),
    "running-mean": RunningMean(),
    "band-pass": BandPass(),
}
"""Defences of recordings (n, t) in [-1, 1]."""

DETECTORS: dict[str, Layered] = {
    "feature-squeezing": FeatureSqueezing(),
    "mahalanobis": Mahalanobis(),
    "intrinsic-dimension": IntrinsicDimension(),
}
"""Defences that reject inputs; they learn from clean examples what looks ordinary."""

RECIPES: dict[str, Recipe] = {
    "standard": STANDARD,
    "pgd-at": Training(Card("training", "A", f"Madry et al., ICLR 2018; {_TRUSTED}"), Climb(), Adversarial()),
    "pgd-3": Training(
        Card("training", "A", "Madry et al., ICLR 2018, in three larger steps"), Climb(steps=3, step=0.6), Adversarial()
    ),
    "trades": Training(
        Card("training", "A", f"Zhang et al., ICML 2019; {_TRUSTED}"), Climb(away="own"), Trades()
    ),
    "mart": Training(Card("training", "A", f"Wang et al., ICLR 2020; {_TRUSTED}"), Climb(), Mart()),
    "awp": Training(Card("training", "A", f"Wu et al., NeurIPS 2020; {_TRUSTED}"), Climb(), Adversarial(), push=0.01),
    "hat": Training(
        Card("training", "A", f"Rade and Moosavi-Dezfooli, ICLR 2022; {_TRUSTED}"), Climb(away="own"), Helped(),
        helper=STANDARD,
    ),
    "n-fgsm": Training(Card("training", "A-", "de Jorge et al., NeurIPS 2022"), Jump(), Adversarial()),
    "rs-fgsm": Training(
        Card("training", "A-", f"Wong et al., ICLR 2020; {_TRUSTED}"), Jump(1.0, 1.25, clip=True), Adversarial()
    ),
    "grad-align": Training(
        Card("training", "A-", f"Andriushchenko and Flammarion, NeurIPS 2020; {_TRUSTED}"),
        Jump(0.0, 1.0, clip=True), Aligned(),
    ),
    "occlusion": Training(
        Card("training", "A-", "Wu et al., ICLR 2020: against patches and stickers alone"), Occlude(), Blended()
    ),
    "free": Free(Card("training", "B", f"Shafahi et al., NeurIPS 2019; {_TRUSTED}")),
    "ensemble": Ensemble(
        Card(
            "ensemble", "D", "Strauss et al., 2017; broken by He et al., WOOT 2017", ignorant="transfer",
            mitigation="AML.M0006",
        ),
        STANDARD,
    ),
    "ensemble-diverse": Ensemble(
        Card(
            "ensemble", "D", "Pang et al., ICML 2019; broken by Tramèr et al., NeurIPS 2020", ignorant="transfer",
            mitigation="AML.M0006",
        ),
        Training(STANDARD.card, Clean(), Diverse()), apart=False,
    ),
    "distillation": Training(
        Card("training", "F", "Papernot et al., S&P 2016; broken by Carlini and Wagner, S&P 2017"), Clean(),
        Tempered(_TEMPERATURE),
        helper=replace(STANDARD, objective=Tempered(_TEMPERATURE, taught=False)),
    ),
}  # fmt: skip
"""Defences by training; `standard` is none of them, but what they are measured by."""

DEFENCES: dict[str, Layered | Recipe] = {
    **{name: recipe for name, recipe in RECIPES.items() if name != "standard"},
    **LAYERED,
    **SOUNDS,
    **DETECTORS,
}
"""Every defence by the name that the command line, the tests and the docs use, with its default settings."""


def defence_named(name: str, **settings: Any) -> Layered | Recipe:
    """Find a defence by name and change its settings.

    Raises:
        InputError: There is no such defence, or it has no such setting.
    """
    known = DEFENCES | RECIPES
    if name not in known:
        near = get_close_matches(name, known, n=1)
        do = f"Did you mean {near[0]}?" if near else f"Choose one of {', '.join(known)}."
        raise InputError("There is no such defence", repr(name), do)
    names = [one.name for one in fields(known[name])]  # type: ignore[arg-type]
    unknown = sorted(set(settings) - set(names))
    if unknown:
        raise InputError(f"{name} has no such setting", ", ".join(unknown), f"Its settings are {', '.join(names)}.")
    changed: Layered | Recipe = replace(known[name], **settings)  # type: ignore[type-var]
    return changed
