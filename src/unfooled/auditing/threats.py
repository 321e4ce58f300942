"""How people write threats, and in which order an audit takes them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

from unfooled.core.errors import InputError
from unfooled.core.names import BY
from unfooled.core.region import Region
from unfooled.core.target import Access
from unfooled.core.threat import SIGHTS, Carrier, Goal, PerturbationSet, Scaled, ThreatModel
from unfooled.goals import Misclassify, parse_goal
from unfooled.modalities.pictures import read_picture
from unfooled.modalities.wav import Wav16
from unfooled.sets.grammar import parse_sets

Threats = str | PerturbationSet | ThreatModel | Sequence["str | PerturbationSet | ThreatModel"]


def read_threats(
    given: Threats,
    carrier: Carrier,
    *,
    domain: tuple[float, float] = (0.0, 1.0),
    access: Access | None = None,
    budget: int | None = None,
) -> tuple[ThreatModel, ...]:
    """Read threats as people write them, with the data's carrier where none is named.

    Args:
        given: One or several of: text such as `linf:4/255`, `l2:1,2,3` or `become:859 linf:8/255 by labels`; a set; a
            threat.
        carrier: The file that the data come in.
        domain: Lowest and highest input.
        access: What to grant; None leaves each threat's own.
        budget: Most answers for one example; None leaves each threat's own.

    Raises:
        InputError: A text is no threat, or two threats have one name.
    """
    items = [given] if isinstance(given, str) or not isinstance(given, Sequence) else list(given)
    rate = carrier.rate if isinstance(carrier, Wav16) else None
    threats = [threat for item in items for threat in _read(item, domain, rate)]
    threats = [
        replace(
            threat,
            carrier=threat.carrier or carrier,
            access=threat.access if access is None else access,
            budget=threat.budget if budget is None else budget,
        )
        for threat in threats
    ]
    if not threats:
        raise InputError(
            "An audit needs at least one threat", "none", "Name one, such as linf:4/255 or, for texts, chars:3."
        )
    twice = [name for name, count in Counter(threat.name for threat in threats).items() if count > 1]
    if twice:
        raise InputError("Two threats have the same name", ", ".join(twice), "Audit them in two runs.")
    return tuple(threats)


def read_access(text: str) -> Access:
    """Read what the attacker sees: `decision`, `scores` or `gradient`."""
    try:
        return Access[text.upper()]
    except KeyError as error:
        known = ", ".join(access.name.lower() for access in Access)
        raise InputError("There is no such access", repr(text), f"Choose one of {known}.") from error


def ladders(threats: Sequence[ThreatModel]) -> list[list[int]]:
    """Group threats that differ in their radius alone, each group in ascending order; indices into `threats`.

    What falls at a radius falls at every larger one, so a ladder is climbed from below and its survivors carried.
    """
    groups: dict[ThreatModel | int, list[int]] = {}
    for index, threat in enumerate(threats):
        groups.setdefault(_without_radius(threat) or index, []).append(index)
    return [sorted(group, key=lambda index: _radius(threats[index])) for group in groups.values()]


def seen(threats: Sequence[ThreatModel], most: Access) -> tuple[ThreatModel, ...]:
    """Let no attacker see more than the model tells at `most`."""
    return tuple(replace(threat, access=min(threat.access, most)) for threat in threats)


def by_knowledge(threats: Sequence[ThreatModel], most: Access) -> tuple[ThreatModel, ...]:
    """Put each question to whoever sees what it grants, and to all who see less, down to labels alone.

    Args:
        threats: The questions.
        most: The most that the model tells.
    """
    asked = (
        replace(threat, access=access)
        for threat in threats
        for access in sorted(Access, reverse=True)
        if threat.goal.needs <= access <= min(threat.access, most)
    )
    return tuple(dict.fromkeys(asked))


def who_sees_more(threats: Sequence[ThreatModel]) -> list[tuple[int, int]]:
    """Pair threats that differ in what the attacker sees alone, indices (less, more): those who see least first."""
    groups: dict[ThreatModel, list[int]] = {}
    for index, threat in enumerate(threats):
        groups.setdefault(replace(threat, access=Access.GRADIENT), []).append(index)
    ascending = (sorted(group, key=lambda index: threats[index].access) for group in groups.values())
    return [pair for group in ascending for pair in pairwise(group)]


def region_reader(base: Path) -> Callable[[str], Region]:
    """Make a reader of mask pictures whose paths are relative to `base`."""
    return lambda name: Region.of(read_picture(base / name).max(axis=0) > 127)


def _read(
    item: str | PerturbationSet | ThreatModel, domain: tuple[float, float], rate: int | None
) -> list[ThreatModel]:
    if isinstance(item, ThreatModel):
        return [item]
    if not isinstance(item, str):
        return [ThreatModel(Misclassify(), item)]
    text, by, sees = item.partition(BY)
    words, access = text.split(), {name: access for access, name in SIGHTS.items()}.get(sees.strip())
    if len(words) not in (1, 2) or (by and access is None):
        do = f"Write `linf:4/255` or `become:859 linf:4/255`, and `{BY.strip()}` {' or '.join(SIGHTS.values())} behind."
        raise InputError("This is not a threat", repr(item), do)
    goal: Goal = parse_goal(words[0]) if len(words) == 2 else Misclassify()
    balls = parse_sets(words[-1], *domain, region_reader(Path()), rate)
    return [ThreatModel(goal, ball, access or Access.GRADIENT) for ball in balls]


def _without_radius(threat: ThreatModel) -> ThreatModel | None:
    within = threat.within
    return replace(threat, within=within.resized(0.0)) if isinstance(within, Scaled) else None


def _radius(threat: ThreatModel) -> float:
    within = threat.within
    return within.radius if isinstance(within, Scaled) else 0.0
