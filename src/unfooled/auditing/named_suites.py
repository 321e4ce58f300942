"""From the name of a suite, or from attacks, to stages: for one attacker or for several who see different things."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import cast

from unfooled.attacks import ATTACKS, EVERY, attack_named
from unfooled.attacks.apply import Apply
from unfooled.core.attack import Attack
from unfooled.core.errors import InputError
from unfooled.core.target import Access
from unfooled.core.threat import Ball, Edits, ThreatModel
from unfooled.core.writing import Worded
from unfooled.crafting.keeping import read as read_artefact
from unfooled.sets.motion import Motion

from .stages import Stage
from .suites import SUITES, kind_of

_APPLY = "apply:"
"""What comes before the folder of an artefact where an attack is named."""


def read_suite(suite: str | Sequence[str | Stage | Attack[Ball]]) -> tuple[str, tuple[Stage, ...]]:
    """Read a suite: its name, or a list of attacks by name, as values, or as stages with a name of their own.

    Returns:
        The suite's name (`custom` for a list) and its stages; equal names are told apart by a number.

    Raises:
        InputError: A name is unknown, or the list is empty.
    """
    if isinstance(suite, str):
        names = SUITES.get(suite)
        if names is None and (suite in EVERY or suite.startswith(_APPLY)):
            names = (suite,)
        if names is None:
            known = ", ".join(SUITES)
            do = f"Choose one of {known}, name attacks, or bring what was crafted: {_APPLY}FOLDER."
            raise InputError("There is no such suite", repr(suite), do)
        return suite, tuple(_stage(one) for one in names)
    stages: list[Stage] = []
    for given in suite:
        stage = _stage(given)
        stages.append(stage._replace(name=_unused(stage.name, stages)))
    if not stages:
        raise InputError("A suite needs at least one attack", "an empty list", f"Name some of {', '.join(ATTACKS)}.")
    return "custom", tuple(stages)


def read_suites(
    suite: str | Sequence[str | Stage | Attack[Ball]], threats: Sequence[ThreatModel]
) -> tuple[str, tuple[Stage, ...]]:
    """Read a suite for attackers who see different things; returns the name of the first one's and all stages.

    `standard` means `speech` for goals in words, `spatial` for motions, `text` for edits, and `scores` or `labels` to
    those who see no more; threats that differ in that have their own each. Of several attackers, whoever cannot use all
    attacks of a suite that is named has that too; attacks that are listed are for everybody who can use them.

    Args:
        suite: As in `read_suite`.
        threats: What is asked, with what its attackers see.

    Raises:
        InputError: As by `read_suite`.
    """
    if suite == "standard":
        suited = {own: [threat for threat in threats if _own(threat) == own] for own in map(_own, threats)}
        if list(suited) != [""]:
            parts = [(some, *read_suites(own or suite, some)) for own, some in suited.items()]
            if len(parts) == 1:
                return parts[0][1:]
            return suite, tuple(stage for some, _, stages in parts for stage in _kept_to(some, stages))
    sights, instead = {threat.access for threat in threats}, {Access.SCORES: "scores", Access.DECISION: "labels"}
    most = max(sights)
    name, first = read_suite(instead.get(most, suite) if suite == "standard" else suite)
    if len(sights) == 1 or name == "custom":
        return name, first
    stages: list[Stage] = []
    for access in sorted(sights, reverse=True):
        able = access is most or all(stage.attack.needs <= access for stage in first)
        own = first if able else read_suite(instead[access])[1]
        stages += [stage._replace(access=access) for stage in own]
    return name, tuple(stages)


def _kept_to(threats: Sequence[ThreatModel], stages: Sequence[Stage]) -> Iterator[Stage]:
    """Keep stages to the kinds of sets that they were chosen for."""
    for kind in dict.fromkeys(map(kind_of, threats)):
        yield from (stage._replace(kind=kind) for stage in stages if stage.kind in (None, kind))


def _own(threat: ThreatModel) -> str:
    """Name the suite that `standard` means for what a threat allows or wants; empty where it means itself."""
    if isinstance(threat.goal, Worded):
        return "speech"
    return next((own for kind, own in ((Motion, "spatial"), (Edits, "text")) if isinstance(threat.within, kind)), "")


def _stage(given: str | Stage | Attack[Ball]) -> Stage:
    if isinstance(given, Stage):
        return given
    if isinstance(given, str) and given.startswith(_APPLY):
        artefact = read_artefact(given.removeprefix(_APPLY))
        return Stage(artefact.kind, cast(Attack[Ball], Apply(artefact)))  # whatever the set, the referee decides
    attack = attack_named(given) if isinstance(given, str) else given
    return Stage(given if isinstance(given, str) else _name_of(attack), attack)


def _name_of(attack: Attack[Ball]) -> str:
    return next((name for name, known in EVERY.items() if known == attack), type(attack).__name__)


def _unused(name: str, stages: list[Stage]) -> str:
    taken = {stage.name for stage in stages}
    numbered, number = name, 2
    while numbered in taken:
        numbered, number = f"{name}-{number}", number + 1
    return numbered
