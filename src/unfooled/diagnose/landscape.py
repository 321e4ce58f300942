"""Checks of where gradients lead: as far as they promise, higher than noise, and to places that have a gradient.

Two of them compare answers from several passes, and have nothing to say of a model that draws lots.
"""

from __future__ import annotations

from .finding import Case, Finding
from .gradients import BPDA
from .parts import cause
from .repeats import random
from .strength import MASKING

TURNS = 0.4
"""Share of rays that may be highest before the rim: 0 to 0.16 on honest nets, 0.5 to 0.94 at four radii on one
that was trained against a single step (docs/adr/011)."""

LOST, NOISY = 0.05, 0.1
"""Share of climbs that may end without a gradient, and that may gain no more than noise: 0 and 0.03 at most on
honest nets; 0.16 to 1 of the latter on six planted defences."""

FEW = 2


def turning(case: Case) -> Finding | None:
    """Find gradients that lead up only at first: a longer step along them gains less than a shorter one."""
    name = "rays that are highest before the rim"
    share = case.value(name)
    if share <= TURNS or random(case) is not None:
        return None
    sentence = (
        f"for {share:.0%} of {case.n(name)} examples a step along the gradient gains less at the full radius than a "
        "shorter one, as in nets that were trained against single steps: gradients mislead"
    )
    return Finding("masked gradients", "soft", sentence, MASKING, cause=cause(case))


def lost(case: Case) -> Finding | None:
    """Find climbs that end where there is nothing to climb, in a rejection or on a plateau, though they began well."""
    name, silent = "climbs that end where no gradient is", case.value("climbs that end without numbers")
    share = case.value(name)
    if share - case.value("dead margin gradients") <= LOST:
        return None
    sentence = f"{share:.0%} of {case.n(name)} climbs end where the model gives no gradient"
    if silent:
        sentence += f", {silent:.0%} where it gives no numbers at all"
    remedy = (
        "If the model rejects inputs, give attacks a differentiable copy of its detector, whose score falls with the "
        "evidence; else " + BPDA[0].lower() + BPDA[1:]
    )
    sentence += ": nobody knows what lies behind"
    return Finding("lost gradients", "open", sentence, remedy, cause=cause(case), cure="bpda")


def unguided(case: Case) -> Finding | None:
    """Find gradients that are worth no more than noise."""
    name = "climbs that gain no more than noise"
    idle, n = int(case.value(name)), case.n(name)
    if idle < FEW or idle <= NOISY * n or random(case) is not None:
        return None
    sentence = f"{idle} of {n} climbs along gradients end no higher than the best of a few random points"
    return Finding("gradients no better than noise", "hard", sentence, BPDA, cause=cause(case), cure="bpda")
