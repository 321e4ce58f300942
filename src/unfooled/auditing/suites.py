"""Which attacks an audit runs, in order: each one sees only what the ones before it left standing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, get_args, get_type_hints

from unfooled.attacks import ATTACKS, attack_named
from unfooled.core.attack import Attack
from unfooled.core.errors import InputError
from unfooled.core.threat import Ball, PerturbationSet, ThreatModel

SUITES: dict[str, tuple[str, ...]] = {
    "noise": ("uniform-noise", "corner-noise"),
    "quick": ("uniform-noise", "corner-noise", "fgsm", "momentum-pgd"),
    "standard": ("uniform-noise", "corner-noise", "fgsm", "pgd", "apgd-ce", "apgd-t"),
}
"""Suites by name: `noise` is the control, `quick` a first look, `standard` what a number should rest on."""


class Stage(NamedTuple):
    """One attack of a suite and what reports call it."""

    name: str
    attack: Attack[Ball]


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
        return suite, tuple(Stage(name, attack_named(name)) for name in names)
    stages: list[Stage] = []
    for given in suite:
        stage = _stage(given)
        stages.append(Stage(_unused(stage.name, stages), stage.attack))
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


def check_fit(stages: Sequence[Stage], within: PerturbationSet) -> None:
    """Check that attacks can search a set, by the set that the type of their problem names.

    Raises:
        InputError: One cannot.
    """
    for stage in stages:
        wanted = _searched(stage.attack)
        if wanted is not None and not isinstance(within, wanted):
            raise InputError(
                f"The attack {stage.name} searches in a {wanted.__name__}",
                f"the set {within}, a {type(within).__name__}",
                "Choose an attack that is made for this set.",
            )


def check_access(stages: Sequence[Stage], threat: ThreatModel) -> None:
    """Check that some attack can work with what a threat grants.

    Raises:
        InputError: None can.
    """
    if all(stage.attack.needs > threat.access for stage in stages):
        raise InputError(
            f"No attack of the suite works where the attacker sees {threat.access.name.lower()} alone",
            ", ".join(f"{stage.name} needs {stage.attack.needs.name.lower()}" for stage in stages),
            "Grant more access, or choose attacks that need no more.",
        )


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
