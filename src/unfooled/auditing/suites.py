"""Which attacks an audit runs, in order: each one sees only what the ones before it left standing."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import get_args, get_type_hints

from unfooled.attacks import ATTACKS, attack_named
from unfooled.attacks.block_pgd import BlockPGD
from unfooled.core.attack import Attack
from unfooled.core.errors import InputError
from unfooled.core.threat import Ball, PerturbationSet, ThreatModel

from .stages import Drawn, Nearest, Stage


def _cascade(sides: tuple[float, ...], paying: float) -> tuple[Stage, ...]:
    """Restart while it pays: blocks of half the picture first, then of other sizes; the second climb always runs."""
    climbs = [BlockPGD(side=side, draw=draw) for draw, side in enumerate(sides)]
    return (
        Stage("block-pgd", climbs[0]),
        Stage("block-pgd-2", climbs[1]),
        *(Stage(f"block-pgd-{place + 3}", climb, paying=paying) for place, climb in enumerate(climbs[2:])),
    )


def _closest(shares: tuple[tuple[float, float], ...], first_draw: int) -> tuple[Stage, ...]:
    """Climb again for those that came closest, each time a share of them and from blocks of a side."""
    return tuple(
        Stage(f"closest-{place + 1}", BlockPGD(side=side, draw=first_draw + place), among=Nearest(share))
        for place, (share, side) in enumerate(shares)
    )


_PIXELS = 0.001
_TARGETED = BlockPGD(targets=9, side=_PIXELS, smooth=0.0, loss="margin", draw=100)
"""Towards each of the nine likeliest other classes, from noise: it finds what untargeted climbs cannot."""

_AUDIT = (
    Stage("sample-targeted", _TARGETED, among=Drawn(100)),
    Stage("all-targeted", BlockPGD(targets=3, side=_PIXELS, smooth=0.0, loss="margin", draw=200), paying=0.0),
)
"""Not only the closest may have been missed: a random sample of survivors is tried harder, and all if any falls."""

SUITES: dict[str, tuple[str | Stage, ...]] = {
    "noise": ("uniform-noise", "corner-noise"),
    "quick": ("uniform-noise", "corner-noise", "fgsm", "momentum-pgd"),
    "fast": (
        Stage("block-pgd", BlockPGD(side=1 / 2)),
        Stage("block-pgd-2", BlockPGD(side=1 / 4, draw=1)),
        *_closest(((0.1, 1), (0.1, 1 / 7)), 2),
    ),
    "standard": (
        *_cascade((1 / 2, 1 / 4, 1 / 2, 1, 1 / 7, 1 / 2, 1 / 4, 1, 1 / 2), 0.01),
        *_closest(((0.3, 1), (0.1, 1), (0.1, 1 / 7), (0.1, 1 / 2)), 9),
        *_AUDIT,
    ),
    "thorough": (
        *_cascade((1 / 2, 1 / 4, 1 / 2, 1, 1 / 7, 1 / 2, 1 / 4, 1, 1 / 2, 1 / 4, 1 / 2, 1, 1 / 7), 0.005),
        *_closest(((1.0, 1), (0.3, 1 / 2), (0.3, 1 / 7), (0.3, 1), (0.1, 1 / 4)), 13),
        Stage("targeted", BlockPGD(targets=3, steps=40, side=_PIXELS, smooth=0.0, loss="margin", draw=300)),
        Stage("apgd-ce", attack_named("apgd-ce"), among=Nearest(0.5)),
        Stage("sample-apgd-t", attack_named("apgd-t"), among=Drawn(100)),
        Stage("apgd-t", attack_named("apgd-t"), paying=0.0),
    ),
    "distances": (
        Stage("fmn", attack_named("fmn", steps=60), "linf"),
        Stage("boundary-walk", attack_named("boundary-walk", steps=60), "l2"),
        Stage("boundary-walk", attack_named("boundary-walk", steps=200), "l1"),
        Stage("sigma-zero", attack_named("sigma-zero"), "l0"),
    ),
}
"""Suites by name: `noise` is the control, `quick` and `fast` a first look, `standard` what a number should rest on,
`thorough` for when it matters; `distances` tells how much change it takes, by one run for all radii."""


def read_suite(suite: str | Sequence[str | Stage | Attack[Ball]]) -> tuple[str, tuple[Stage, ...]]:
    """Read a suite: its name, or a list of attacks by name, as values, or as stages with a name of their own.

    Returns:
        The suite's name (`custom` for a list) and its stages; equal names are told apart by a number.

    Raises:
        InputError: A name is unknown, or the list is empty.
    """
    if isinstance(suite, str):
        names = SUITES.get(suite)
        if names is None and suite in ATTACKS:
            names = (suite,)
        if names is None:
            raise InputError(
                "There is no such suite", repr(suite), f"Choose one of {', '.join(SUITES)}, or name attacks."
            )
        return suite, tuple(_stage(one) for one in names)
    stages: list[Stage] = []
    for given in suite:
        stage = _stage(given)
        stages.append(stage._replace(name=_unused(stage.name, stages)))
    if not stages:
        raise InputError("A suite needs at least one attack", "an empty list", f"Name some of {', '.join(ATTACKS)}.")
    return "custom", tuple(stages)


def _stage(given: str | Stage | Attack[Ball]) -> Stage:
    if isinstance(given, Stage):
        return given
    attack = attack_named(given) if isinstance(given, str) else given
    return Stage(given if isinstance(given, str) else _name_of(attack), attack)


def _name_of(attack: Attack[Ball]) -> str:
    for name, known in ATTACKS.items():
        if known == attack:
            return name
    return type(attack).__name__


def _unused(name: str, stages: list[Stage]) -> str:
    taken = {stage.name for stage in stages}
    numbered, number = name, 2
    while numbered in taken:
        numbered, number = f"{name}-{number}", number + 1
    return numbered


def meant_for(stages: Sequence[Stage], within: PerturbationSet) -> tuple[Stage, ...]:
    """Pick the attacks of a suite that are meant for a set's kind."""
    kind = str(within).partition("@")[0].partition(":")[0]
    return tuple(stage for stage in stages if stage.kind in (None, kind))


def unlimited(within: PerturbationSet) -> bool:
    """Tell whether a set asks how far an attacker must go, instead of whether they can stay within a radius."""
    return isinstance(within, Ball) and math.isinf(within.radius)


def obstacle(stage: Stage, threat: ThreatModel) -> str:
    """Say why an attack cannot be used under a threat; empty where it can."""
    if stage.attack.needs > threat.access:
        return f"the attacker sees {threat.access.name.lower()} alone"
    if unlimited(threat.within) and not stage.attack.nearest:
        return "it needs a radius"
    return ""


def check_fit(stages: Sequence[Stage], within: PerturbationSet) -> None:
    """Check that attacks can search a set, by the set that the type of their problem names, and by its radius.

    Raises:
        InputError: One cannot, none is meant for it, or none can do without a radius.
    """
    meant = meant_for(stages, within)
    if not meant:
        raise InputError(
            "The suite has no attack for this kind of set",
            f"{within} under {', '.join(f'{stage.name} for {stage.kind}' for stage in stages)}",
            "Choose another suite, or name attacks.",
        )
    for stage in meant:
        wanted = _searched(stage.attack)
        if wanted is not None and not isinstance(within, wanted):
            raise InputError(
                f"The attack {stage.name} searches in a {wanted.__name__}",
                f"the set {within}, a {type(within).__name__}",
                "Choose an attack that is made for this set.",
            )
    if unlimited(within) and not any(stage.attack.nearest for stage in meant):
        raise InputError(
            f"No limit was set, and {', '.join(stage.name for stage in meant)} can only search within one",
            f"the threat {within}",
            f"Give a radius, such as l2:3, or an attack that looks for the nearest success: {', '.join(_nearest())}.",
        )


def check_access(stages: Sequence[Stage], threat: ThreatModel) -> None:
    """Check that some attack can work with what a threat grants.

    Raises:
        InputError: None can.
    """
    meant = meant_for(stages, threat.within)
    if all(obstacle(stage, threat) for stage in meant):
        raise InputError(
            f"No attack of the suite works where the attacker sees {threat.access.name.lower()} alone",
            ", ".join(f"{stage.name} needs {stage.attack.needs.name.lower()}" for stage in meant),
            "Grant more access, or choose attacks that need no more.",
        )


def _nearest() -> list[str]:
    return [name for name, attack in ATTACKS.items() if attack.nearest]


def _searched(attack: Attack[Ball]) -> type | None:
    """Read the kind of set off `__call__(self, problem: Problem[KIND])`; None where it cannot be told."""
    try:
        (kind,) = get_args(get_type_hints(type(attack).__call__)["problem"])
    except (NameError, KeyError, ValueError):  # names of a function's own, or no such annotation
        return None
    checkable = isinstance(kind, type) and (
        not getattr(kind, "_is_protocol", False) or getattr(kind, "_is_runtime_protocol", False)
    )
    return kind if checkable else None
