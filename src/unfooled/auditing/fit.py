"""Whether a threat is one for the data, and a suite has attacks for it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import get_args, get_type_hints

from unfooled.attacks import EVERY
from unfooled.attacks.apply import Apply
from unfooled.core.attack import Attack
from unfooled.core.errors import AccessError, InputError
from unfooled.core.target import Access, Model
from unfooled.core.threat import SIGHTS, Ball, Edits, PerturbationSet, ThreatModel
from unfooled.core.tokens import Legible
from unfooled.crafting.sticker import Sticker
from unfooled.models.black_box import most_access
from unfooled.sets.motion import Motion
from unfooled.sets.sticker import Disc
from unfooled.sets.wordnet import installed
from unfooled.sets.words import Words

from .examples import Examples
from .stages import Stage
from .suites import meant_for, obstacle, unlimited

KEEP = ("none", "broken", "all")
_MADE = "Choose an attack that is made for this set, or the suite `standard`, which gives each threat such attacks."
_BROUGHT = "Make one and bring it: `unfooled sticker`, then --suite apply:FOLDER."


def granted(model: Model, examples: Examples) -> Access:
    """Say how much a model can tell of such data at most: of texts it gives gradients where it shows its embeddings."""
    most = most_access(model)
    if examples.are_texts and (not isinstance(model, Legible) or model.inside is None):
        return min(most, Access.SCORES)
    return most


def check_ranges(sets: Sequence[PerturbationSet], examples: Examples) -> None:
    """Check that sets are made for such data: edits for texts, motions for pictures, balls for the range of values.

    Raises:
        InputError: One is not, or needs files that are not installed.
    """
    for within in sets:
        _check_range(within, examples)


def _check_range(within: PerturbationSet, examples: Examples) -> None:
    domain = examples.domain
    if isinstance(within, Motion) and (domain != (0.0, 1.0) or examples.are_texts):
        raise InputError("Only pictures can be turned and shifted", f"{within} for waveforms or texts", "Use a ball.")
    if examples.are_texts is not isinstance(within, Edits) and isinstance(within, Edits | Ball | Disc):
        kind = "texts" if examples.are_texts else "pictures or waveforms"
        raise InputError(
            f"The threat {within} is not for such data", f"these are {kind}",
            "Texts take chars:3, invisible:5, homoglyphs:5, words:0.2; pictures and waveforms linf:4/255, l2:3.",
        )  # fmt: skip
    if isinstance(within, Words):
        installed()  # if it is missing, better now than after an hour of other threats
    if isinstance(within, Ball | Disc) and (within.low, within.high) != domain:
        low, high = domain
        raise InputError(
            f"These data live in [{low:g}, {high:g}], and {within} in another range",
            f"[{within.low:g}, {within.high:g}]",
            f"Write the threat as text, or give it low={low:g}, high={high:g}.",
        )


def check_suite(stages: Sequence[Stage], threats: Sequence[ThreatModel]) -> None:
    """Check that a suite can search each threat's set with what that threat grants.

    Raises:
        InputError: It cannot search one.
        AccessError: It needs more for one.
    """
    for threat in threats:
        check_fit(stages, threat)
        _check_access(stages, threat)


def check_fit(stages: Sequence[Stage], threat: ThreatModel) -> None:
    """Check that attacks can search a set, by the set that the type of their problem names, and by its radius.

    Raises:
        InputError: One cannot, none is meant for it, or none can do without a radius.
    """
    meant, within = meant_for(stages, threat), threat.within
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
                _BROUGHT if isinstance(within, Disc) else _MADE,
            )
        _check_size(stage.attack, within)
    if unlimited(within) and not any(stage.attack.nearest for stage in meant):
        raise InputError(
            f"No limit was set, and {', '.join(stage.name for stage in meant)} can only search within one",
            f"the threat {within}",
            f"Give a radius, such as l2:3, or an attack that looks for the nearest success: {', '.join(_nearest())}.",
        )


def _check_size(attack: Attack[Ball], within: PerturbationSet) -> None:
    """Check that a sticker which is brought fits its set: a larger one would fool nobody, and praise the model."""
    made = attack.artefact if isinstance(attack, Apply) else None
    if isinstance(made, Sticker) and isinstance(within, Disc) and made.scene.area[0] > within.radius + 1e-9:
        area = f"{100 * made.scene.area[0]:.12g}%"
        do = f"Write sticker:{area}, or make a smaller one: unfooled sticker --area {100 * within.radius:.12g}%."
        raise InputError("The sticker is larger than the threat allows", f"{area} under {within}", do)


def _check_access(stages: Sequence[Stage], threat: ThreatModel) -> None:
    """Check that some attack can work with what a threat grants.

    Raises:
        AccessError: None can.
    """
    meant = meant_for(stages, threat)
    if all(obstacle(stage, threat) for stage in meant):
        able = [name for name, attack in EVERY.items() if attack.needs <= threat.access]
        raise AccessError(
            f"No attack of the suite works where the attacker sees {SIGHTS[threat.access]} alone",
            ", ".join(f"{stage.name} needs {stage.attack.needs.name.lower()}" for stage in meant),
            f"Grant more access if the model can give it, or choose attacks that need no more: {', '.join(able)}.",
        )


def _nearest() -> list[str]:
    return [name for name, attack in EVERY.items() if attack.nearest]


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


def check_sizes(threats: Sequence[ThreatModel]) -> None:
    """Check that each threat allows a change; in decibels nought is a limit as any other.

    Raises:
        InputError: A radius is 0.
    """
    for threat in threats:
        if getattr(threat.within, "radius", None) == 0:
            raise InputError("A radius of 0 allows no change", threat.name, "Give a radius above 0.")


def check_threats(threats: tuple[ThreatModel, ...], classes: int, seed: int, keep: str) -> None:
    """Check settings that no type can check.

    Raises:
        InputError: A goal names a class that the model does not know, or a setting is out of range.
    """
    check_sizes(threats)
    for threat in threats:
        unknown = [one for one in threat.goal.classes if not 0 <= one < classes]
        if unknown:
            raise InputError(
                f"The goal {threat.goal.name} names a class that the model does not know",
                ", ".join(map(str, unknown)),
                f"Its classes are 0 to {classes - 1}.",
            )
        if not threat.goal.possible(classes):
            raise InputError(
                f"The goal {threat.goal.name} cannot be reached, or cannot be missed, by a model of this many classes",
                f"{classes} classes",
                "Choose a goal that leaves some classes on either side.",
            )
        if threat.goal.needs > threat.access:
            raise InputError(
                f"The goal {threat.goal.name} cannot be told from what the attacker sees",
                f"access to {threat.access.name.lower()} alone",
                f"Grant access to {threat.goal.needs.name.lower()}, or choose another goal.",
            )
        if threat.budget is not None and threat.budget < 1:
            raise InputError("A budget allows at least one answer", threat.budget, "Give 1 or more, or none at all.")
        if threat.trials < 1 or not 0 < threat.quorum <= 1:
            raise InputError(
                "A threat needs at least one trial and a quorum above 0",
                f"trials={threat.trials}, quorum={threat.quorum:g}",
                "Give trials=1, quorum=1 for a model that always answers alike.",
            )
    if keep not in KEEP:
        raise InputError("There is no such rule for keeping examples", repr(keep), f"Choose one of {', '.join(KEEP)}.")
    if seed < 0:
        raise InputError("A seed is a whole number from 0", seed, "Give seed=0 or more.")
