"""Checks whether other attackers do better than the audit did, and whether small steps do much worse."""

from __future__ import annotations

from dataclasses import dataclass

from unfooled.core.rates import clopper_pearson

from .finding import Case, Cure, Finding, Severity
from .parts import cause
from .repeats import random

MASKED, SURE, LEAST = 0.07, 0.9, 10
"""Share of all examples that plain steps may leave over, how sure one must be that it is more, and of how many."""

FEW = 1
STRONGER = "Audit with a stronger suite: --suite thorough."
MASKING = "Audit with --suite masked: restarts from block noise, averaged gradients and a search without any."


def small_steps(case: Case) -> Finding | None:
    """Find a landscape that misleads plain climbers: the audit broke what 10 steps of a quarter radius could not.

    Honest nets lose 0 to 6.5 points so, nets that mask 14 to 38 (docs/adr/011).
    """
    name = "fallen that small steps leave standing"
    left, n = int(case.value(name)), case.n(name)
    if n < LEAST:
        return None
    right = case.found.column("clean_correct").astype(bool)
    broken = float((case.found.broken & right).sum()) / len(case.found)
    if broken * clopper_pearson(left, n, SURE).low <= MASKED:
        return None
    sentence = (
        f"of {n} examples that fell, {left} resist ten plain steps of PGD: they alone would report a robust accuracy "
        f"about {100 * broken * left / n:.0f} points higher, so gradients mislead"
    )
    return Finding("masked gradients", "soft", sentence, MASKING, cause=cause(case))


def longer(case: Case) -> Finding | None:
    """Find survivors that only needed more of the same."""
    who = _Rival("unfinished search", "a longer gradient attack", 3, STRONGER)
    return who.judged(case, "survivors that a longer attack broke")


def noise(case: Case) -> Finding | None:
    """Find survivors that need no attacker."""
    who = _Rival("noise beats the attacks", "noise alone", 2, MASKING, "differences")
    return who.judged(case, "survivors that noise broke")


def differences(case: Case) -> Finding | None:
    """Find survivors that fall to somebody who ignores gradients."""
    who = _Rival(
        "differences beat gradients", "a climb along differences, without gradients,", 3, MASKING, "differences"
    )
    return who.judged(case, "survivors that differences broke")


def black_box(case: Case) -> Finding | None:
    """Find survivors that fall to a search by scores."""
    who = _Rival("black box beats white box", "a search by scores alone", 3, MASKING, "differences")
    return who.judged(case, "survivors that a black box broke")


def unbounded(case: Case) -> Finding | None:
    """Find examples that stand although the attacker may change all.

    Where answers are random that says nothing: a search leaves where it first succeeds, and the next lot undoes it.
    """
    name = "examples that stand without a limit"
    stood, n = int(case.value(name)), case.n(name)
    if not stood or random(case) is not None:
        return None
    sentence = f"{stood} of {n} examples stand although the attacker may change them without limit: nothing can"
    at_a_wall = case.value("climbs that end where no gradient is") > 0  # such as a detector that rejects them
    many: Severity = "open" if at_a_wall else "hard"
    return Finding("unbounded attack fails", many if stood > max(FEW, n // 10) else "soft", sentence, MASKING)


@dataclass(frozen=True)
class _Rival:
    """An attacker who should find nothing among survivors, and from how many that he does break the figure is void."""

    check: str
    who: str
    many: int
    remedy: str
    cure: Cure | None = None

    def judged(self, case: Case, name: str) -> Finding | None:
        fell, n = int(case.value(name)), case.n(name)
        if not fell:
            return None
        sentence = f"{self.who} breaks {fell} of {n} examples that the audit left standing"
        severity: Severity = "hard" if fell >= self.many else "soft"
        return Finding(self.check, severity, sentence, self.remedy, cause=cause(case), cure=self.cure)
