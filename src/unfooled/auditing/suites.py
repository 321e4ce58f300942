"""Which attacks an audit runs, in order: each one sees only what the ones before it left standing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from unfooled.attacks import ATTACKS, attack_named
from unfooled.core.attack import Attack
from unfooled.core.errors import InputError
from unfooled.core.threat import Ball

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


def read_suite(suite: str | Sequence[str | Attack[Ball]]) -> tuple[str, tuple[Stage, ...]]:
    """Read a suite: its name, or a list of attacks by name or as values.

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
        attack = attack_named(given) if isinstance(given, str) else given
        stages.append(Stage(_unused(given if isinstance(given, str) else _name_of(attack), stages), attack))
    if not stages:
        raise InputError("A suite needs at least one attack", "an empty list", f"Name some of {', '.join(ATTACKS)}.")
    return "custom", tuple(stages)


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
