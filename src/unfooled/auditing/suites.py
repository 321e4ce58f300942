"""Which attacks an audit runs, in order: each one sees only what the ones before it left standing."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple, get_args, get_type_hints

from unfooled.attacks import ATTACKS, attack_named
from unfooled.core.attack import Attack
from unfooled.core.errors import InputError
from unfooled.core.threat import Ball, PerturbationSet, ThreatModel


class Stage(NamedTuple):
    """One attack of a suite and what reports call it; `kind` names the kind of set that it is meant for, None any."""

    name: str
    attack: Attack[Ball]
    kind: str | None = None

    def __str__(self) -> str:
        return f"{self.name}: {self.attack!r}" if self.kind is None else f"{self.name} in {self.kind}: {self.attack!r}"


SUITES: dict[str, tuple[str | Stage, ...]] = {
    "noise": ("uniform-noise", "corner-noise"),
    "quick": ("uniform-noise", "corner-noise", "fgsm", "momentum-pgd"),
    "standard": ("uniform-noise", "corner-noise", "fgsm", "pgd", "apgd-ce", "apgd-t"),
    "distances": (
        Stage("fmn", attack_named("fmn", steps=60), "linf"),
        Stage("boundary-walk", attack_named("boundary-walk", steps=60), "l2"),
        Stage("boundary-walk", attack_named("boundary-walk", steps=200), "l1"),
        Stage("sigma-zero", attack_named("sigma-zero"), "l0"),
    ),
}
"""Suites by name: `noise` is the control, `quick` a first look, `standard` what a number should rest on; `distances`
tells how much change it takes, by one run for all radii."""


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
