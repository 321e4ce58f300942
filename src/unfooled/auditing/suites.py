"""Which attacks an audit runs, in order: each one sees only what the ones before it left standing."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from unfooled.attacks import attack_named
from unfooled.attacks.block_pgd import BlockPGD
from unfooled.core.target import Access
from unfooled.core.threat import SIGHTS, Ball, PerturbationSet, ThreatModel

from .stages import Drawn, Everyone, Nearest, Stage

_HALF, _QUARTER, _SEVENTH, _PIXEL = 1 / 2, 1 / 4, 1 / 7, 0.001
_SMOOTH = (0.25, 0.5)
_WHOLE = ("words", "listed", "surface", "invisible", "homoglyphs")
"""Kinds of edits that are few for each word, so that all of them are asked about."""


def _climbs(
    name: str, sides: tuple[float, ...], share: float | tuple[float, ...], first: int, **settings: Any
) -> tuple[Stage, ...]:
    """Climb from blocks of these sides, each time for the share of the survivors that came closest.

    Args:
        name: Of the stages, with a number from the second on.
        sides: Sides of blocks, as shares of the input's.
        share: Of those that stand; one for each climb, if they differ.
        first: Number of the first random start.
        settings: More of the attack's; `paying` makes the second climb and those after it restarts while they pay.
    """
    paying = settings.pop("paying", None)
    shares = share if isinstance(share, tuple) else (share,) * len(sides)
    return tuple(
        Stage(
            name if place == 0 else f"{name}-{place + 1}",
            BlockPGD(side=side, draw=first + place, **{"smooth": _SMOOTH[place % 2], **settings}),
            among=Everyone() if shares[place] == 1 else Nearest(shares[place]),
            paying=None if place == 0 else paying,
        )
        for place, side in enumerate(sides)
    )


_TARGETED = BlockPGD(targets=9, side=_PIXEL, smooth=0.0, loss="margin", draw=1000)
"""Towards each of the nine likeliest other classes, from noise: it finds what untargeted climbs cannot."""

_SPEECH: tuple[tuple[str, tuple[str, ...], Access], ...] = (
    ("carlini-wagner-audio", ("snr", "db", "linf", "l2"), Access.GRADIENT),
    ("imperceptible", ("inaudible",), Access.GRADIENT),
    ("genetic-audio", ("snr", "db", "linf", "l2"), Access.SCORES),
    ("rays", ("linf",), Access.DECISION),
)
"""Attacks on what a model writes, each with the sets and the attacker that it is for."""

SUITES: dict[str, tuple[str | Stage, ...]] = {
    "noise": ("uniform-noise", "corner-noise"),
    "quick": ("uniform-noise", "corner-noise", "fgsm", "momentum-pgd"),
    "fast": (
        *_climbs("all", (_HALF,), 1, 0),
        *_climbs("half", (_QUARTER,), 0.5, 10),
        *_climbs("tenth", (1, _SEVENTH), 0.1, 20),
    ),
    "standard": (
        *_climbs("all", (_HALF,), 1, 0),
        *_climbs("half", (_QUARTER, _HALF, 1, _SEVENTH, _HALF, _QUARTER, 1), 0.5, 10, paying=0.02),
        *_climbs("entropy", (_HALF,), 0.35, 60, steps=40, smooth=0.5, loss="cross-entropy"),
        *_climbs("rivals", (_HALF, _QUARTER, 1), (0.1, 0.25, 0.5), 20, targets=3, paying=0.06),
        *_climbs("tenth", (1, _SEVENTH), 0.1, 40),
        *_climbs("long", (_HALF,), 0.04, 50, steps=40, loss="cross-entropy"),
        Stage("square", attack_named("square-pgd"), among=Nearest(0.01, least=1)),
        Stage("square-2", attack_named("square-pgd", queries=1500), among=Nearest(0.03), paying=0.05),
        Stage("sample", _TARGETED, among=Drawn(100)),
        Stage("targeted", replace(_TARGETED, targets=3, draw=2000), paying=0.0),
    ),
    "thorough": (
        *_climbs("all", (_HALF, _QUARTER, 1, _SEVENTH, _HALF, _QUARTER, 1), 1, 0, paying=0.005),
        *_climbs("half", (_QUARTER, _HALF, 1), 0.5, 10),
        *_climbs("fifth", (1, _QUARTER, _HALF, _SEVENTH, _PIXEL), 0.2, 20),
        *_climbs("tenth", (1, _SEVENTH, _HALF, _QUARTER, _PIXEL), 0.1, 30, steps=40),
        *_climbs("long-entropy", (_PIXEL, _QUARTER, _HALF), 0.1, 40, steps=100, loss="cross-entropy"),
        Stage("targeted", replace(_TARGETED, targets=3, steps=40, draw=3000)),
        Stage("square", attack_named("square-pgd", queries=5000), among=Nearest(0.2)),
        Stage("sample", attack_named("apgd-t"), among=Drawn(100)),
        Stage("apgd-t", attack_named("apgd-t"), paying=0.0),
    ),
    "masked": (
        *_climbs("all", (_HALF, _QUARTER, 1, _SEVENTH, _HALF, _QUARTER, 1), 1, 0, paying=0.005),
        Stage("square", attack_named("square")),
        *_climbs("half", (_QUARTER, _HALF, 1, _SEVENTH), 0.5, 10, steps=40),
        *_climbs("long-entropy", (_PIXEL, _QUARTER, _HALF), 0.1, 20, steps=100, loss="cross-entropy"),
    ),
    "autoattack": (
        Stage("apgd-ce", attack_named("apgd-ce", steps=100, restarts=1)),
        Stage("apgd-t", attack_named("apgd-t", targets=9, steps=100, loss="dlr-targeted")),
        Stage("fab-t", attack_named("fab-t", targets=9, steps=100, polish=0)),
        Stage("square", attack_named("square", queries=5000, share=0.8, schedule=10_000)),
    ),
    "scores": (
        *(Stage("square", attack_named("square"), kind) for kind in ("linf", "l2", "l1")),
        Stage("sparse-rs", attack_named("sparse-rs", queries=5000), "l0"),
        *(Stage("patch-rs", attack_named("patch-rs", queries=5000), kind) for kind in ("patch", "frame")),
    ),
    "labels": (
        Stage("rays", attack_named("rays", queries=5000), "linf"),
        *(Stage("hop-skip-jump", attack_named("hop-skip-jump"), kind) for kind in ("linf", "l2")),
        Stage("geoda", attack_named("geoda", queries=5000), "l1"),
        Stage("rays", attack_named("rays"), "l0"),
    ),
    "transfer": ("mi-fgsm", "di-ti-mi", "vmi", "bsr", "bases"),
    "text": (
        "random-edits",
        Stage("reverted-edits", attack_named("reverted-edits"), access=Access.DECISION),
        Stage("hotflip", attack_named("hotflip"), access=Access.GRADIENT),
        Stage("deep-word-bug", attack_named("deep-word-bug"), "chars"),
        *(Stage("textfooler", attack_named("textfooler"), kind) for kind in _WHOLE),
        *(Stage("bad-characters", attack_named("bad-characters"), kind) for kind in ("invisible", "homoglyphs")),
        "text-beam",
    ),
    "distances": (
        Stage("fmn", attack_named("fmn", steps=60), "linf"),
        Stage("boundary-walk", attack_named("boundary-walk", steps=60), "l2"),
        Stage("boundary-walk", attack_named("boundary-walk", steps=200), "l1"),
        Stage("sigma-zero", attack_named("sigma-zero"), "l0"),
    ),
    "speech": tuple(
        Stage(name, attack_named(name), kind, access=access) for name, kinds, access in _SPEECH for kind in kinds
    ),
    "spatial": ("spatial-pgd", Stage("grid", attack_named("grid", queries=3000))),
}
"""Suites by name: `noise` is the control; `quick` and `fast` are a first look; `standard` is what a number should rest
on, `thorough` for when it matters, `masked` where gradients mislead: everybody who stands is asked by random search,
which needs none; `distances` tells how much change it takes, by one run for all radii. `scores` and `labels` take the
place of `standard` where the attacker is told no more than that; for turns and shifts `spatial` does, `text` for
texts and `speech` for what a model writes, whatever the attacker sees; `transfer` climbs surrogates, which must be
given. `autoattack` is AutoAttack's version `standard` for Linf and L2, attack by attack, where that figure must be
quoted.

Those that AutoAttack breaks and a first climb does not were among the tenth that came closest, as measured; so climbs
concentrate there, and the last of them are asked by random search too, which no gradient can mislead. Not only the
closest may have been missed: a random sample of survivors is tried harder in any case, and all if any of it falls.

Reference for `autoattack`:
    Croce and Hein. Reliable evaluation of adversarial robustness with an ensemble of diverse parameter-free attacks.
    ICML 2020. https://arxiv.org/abs/2003.01690, section 5.
    Differs from its authors' code: see each attack. In L1 the code climbs APGD by sparse steps from five starts, or
    towards five classes, in balls of thrice and twice the radius first; here L1 is searched as Linf and L2 are. At
    several radii FAB-T runs once, before the others."""


def meant_for(stages: Sequence[Stage], threat: ThreatModel) -> tuple[Stage, ...]:
    """Pick the attacks of a suite that are meant for a set's kind and for what the attacker sees."""
    kinds = None, kind_of(threat)
    return tuple(stage for stage in stages if stage.kind in kinds and stage.access in (None, threat.access))


def kind_of(threat: ThreatModel) -> str:
    """Name the kind of its set, such as `linf` or `rotate`."""
    return str(threat.within).partition("@")[0].partition(":")[0]


def unlimited(within: PerturbationSet) -> bool:
    """Tell whether a set asks how far an attacker must go, instead of whether they can stay within a radius."""
    return isinstance(within, Ball) and math.isinf(within.radius)


def runs_once(ladder: Sequence[ThreatModel]) -> Callable[[Stage], bool]:
    """Tell which stages run once for all radii of a ladder, before all others: those whose attack seeks the nearest.

    Under one threat with a radius there are none: the suite's order holds.
    """
    several = len(ladder) > 1 or unlimited(ladder[-1].within)
    return lambda stage: several and stage.attack.nearest


def obstacle(stage: Stage, threat: ThreatModel) -> str:
    """Say why an attack cannot be used under a threat; empty where it can."""
    if stage.attack.needs > threat.access:
        return f"the attacker sees {SIGHTS[threat.access]} alone"
    if unlimited(threat.within) and not stage.attack.nearest:
        return "it needs a radius"
    return ""
