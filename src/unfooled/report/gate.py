"""The release gate: does a run show what is required of it, and is it no worse than an earlier run?

A rate is judged by the end of its interval that speaks against the model, never by the rate itself: ten examples that
all stand do not prove a robust accuracy of 90 %.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from unfooled.core.curve import kind_of
from unfooled.core.errors import InputError
from unfooled.core.joining import runs
from unfooled.core.rates import clopper_pearson, mcnemar, robbins, surprise
from unfooled.core.requirements import Requirement, read_requirement
from unfooled.core.results import Results, ThreatResults
from unfooled.core.schema import POINT_NOWHERE
from unfooled.diagnose import diagnose

from . import tables

NO_WORSE = "no worse than the baseline"


class Outcome(StrEnum):
    """What comes of a requirement, and of a gate."""

    PASSED = "passed"
    FAILED = "failed"
    UNRELIABLE = "not reliable"


@dataclass(frozen=True)
class Judgement:
    """What came of one requirement under one threat.

    Attributes:
        required: What was required.
        threat: Under which threat.
        outcome: What came of it.
        figures: What decided, as plain JSON values.
        why: The same in a sentence.
    """

    required: str
    threat: str
    outcome: Outcome
    figures: dict[str, float]
    why: str


@dataclass(frozen=True)
class Gate:
    """What came of all requirements.

    Attributes:
        judgements: One a requirement and threat.
        doubts: Why the evaluation cannot be believed; empty where nothing speaks against it.
    """

    judgements: tuple[Judgement, ...]
    doubts: tuple[str, ...]

    @property
    def outcome(self) -> Outcome:
        """Failed if anything failed; else not reliable if anything is."""
        found = {judgement.outcome for judgement in self.judgements}
        return next(one for one in (Outcome.FAILED, Outcome.UNRELIABLE, Outcome.PASSED) if one in found)


def judge_release(
    results: Results, requirements: Sequence[str], baseline: Results | None = None, level: float = 0.95
) -> Gate:
    """Judge a run by what is required of it.

    A failure stands even where the evaluation is in doubt, since attacks that are too weak only flatter a model; what
    would else pass is then not reliable.

    Args:
        results: The run.
        requirements: As `read_requirement` reads them.
        baseline: An earlier run on the same examples under the same threats, than which this one may not be worse.
        level: Confidence of the two-sided exact intervals and, under each threat by itself, of the paired test: from
            0.5 to below 1.

    Raises:
        InputError: A requirement cannot be read or names an unknown threat, or the runs cannot be compared.
    """
    if not requirements and baseline is None:
        raise InputError(
            "Nothing is required", "no requirement and no baseline", "Say --require 'robust_accuracy>=0.40'."
        )
    if not results.threats:
        raise InputError("There is nothing to judge in this run", "no example", "Run the audit again.")
    if not 0.5 <= level < 1:
        raise InputError("A level of confidence lies between 0.5 and 1", f"{level:g}", "Give for example 0.95.")
    doubts = reliability(results)
    limited = tables.limits(tables.threats(results))
    required = map(read_requirement, requirements)
    asked = [(one, threat) for one in required for threat in one.threats(results.threats, limited)]
    judgements = [_required(one, threat, results[threat], level, doubted=bool(doubts)) for one, threat in asked]
    if baseline is not None:
        _check_comparable(results, baseline)
        unfair = _unfair(results, baseline, level)
        judgements += [
            _compared(name, results[name], baseline[name], level, doubted=bool(doubts), unfair=bool(unfair))
            for name in results.threats
        ]
        doubts += unfair
    return Gate(tuple(judgements), tuple(doubts))


def reliability(results: Results) -> list[str]:
    """Say why the figures of a run cannot be believed; empty where nothing recorded speaks against them.

    It reads what the run recorded: gradients that told an attack nothing, threats under which examples stand that no
    attack tried in earnest, and what the diagnosis makes of the run's measurements.
    """
    notes = [note for run in runs(results.run) for note in run.get("notes", []) if POINT_NOWHERE in note]
    tried: dict[str, int] = {}
    climbed: dict[str, int] = {}
    for stage in results.stages.to_pylist():  # by kind: one run of an attack may answer, and be billed for, all radii
        kind = kind_of(stage["threat"])
        tried[kind] = tried.get(kind, 0) + stage["tried"]
        climbed[kind] = climbed.get(kind, 0) + stage["backwards"]
    for name, threat in tables.threats(results).items():
        if not results[name].robust.any():
            continue
        if not tried.get(kind_of(name)):
            notes.append(f"{name}: no attack tried the examples that stand")
        elif threat.settings["access"] == "gradient" and not climbed.get(kind_of(name)):
            notes.append(f"{name}: the attacker may use gradients, and no attack did; choose another suite")
    missed = [late for run in runs(results.run) for late in run.get("ended", {}).get("not_run", [])]
    if missed:
        notes.append(f"the time was up before all examples were tried by {', '.join(missed)}")
    findings = diagnose(results).findings
    return notes + [f"{one.threat}: {one.sentence}" for one in findings if one.severity != "info"]


def _outcome(failed: bool, doubted: bool) -> Outcome:
    return Outcome.FAILED if failed else Outcome.UNRELIABLE if doubted else Outcome.PASSED


def _required(asked: Requirement, threat: str, found: ThreatResults, level: float, *, doubted: bool) -> Judgement:
    """Judge a rate by the end of its interval that speaks against the model."""
    sign, tally = asked.judged
    hits, n = tally(found)
    least = sign == ">="
    end, ideal = (0, n) if least else (1, 0)
    exact, kind = (robbins, "anytime-valid") if found.sequential else (clopper_pearson, "exact")
    interval = exact(hits, n, level)
    bound, best = interval[end], exact(ideal, n, level)[end]
    failed, hopeless = (rate < asked.share if least else rate > asked.share for rate in (bound, best))
    rate = f"{hits:,} of {n:,}" + (f" ({hits / n:.2%})" if n else "")
    but = f"but may be as {'low' if least else 'high'} as" if failed else "and no worse than"
    why = (
        f"Under {threat}, {asked.noun} is {rate} {but} {bound:.2%} ({kind} {100 * level:.4g}% "
        f"interval): {sign} {100 * asked.share:.4g}% is {'not ' if failed else ''}met."
    )
    if hopeless:
        why += f" {n:,} examples can show {best:.2%} at best: audit more of them."
    figures = {"hits": hits, "n": n, "low": interval.low, "high": interval.high, "level": level}
    return Judgement(asked.text, threat, _outcome(failed, doubted), figures, why)


def _pairs(now: ThreatResults, before: ThreatResults) -> list[tuple[bool, bool]]:
    """Match examples by their contents: whether each stands now, and whether it did before."""
    stood = dict(zip(before.column("key"), before.robust.tolist(), strict=True))
    stands = zip(now.column("key"), now.robust.tolist(), strict=True)
    return [(standing, stood[key]) for key, standing in stands if key in stood]


def _compared(
    threat: str, now: ThreatResults, before: ThreatResults, level: float, *, doubted: bool, unfair: bool
) -> Judgement:
    """Ask whether more examples were lost than won since the baseline, beyond chance."""
    pairs = _pairs(now, before)
    lost, won = pairs.count((False, True)), pairs.count((True, False))
    sequential = now.sequential or before.sequential
    p, test = (
        (surprise(lost, lost + won, 0.5), "anytime-valid sign") if sequential else (mcnemar(lost, won), "exact McNemar")
    )
    worse = lost > won and p < 1 - level
    why = (
        f"Under {threat}, {lost:,} lost and {won:,} won of the {len(pairs):,} examples shared with the baseline "
        f"({len(now):,} here, {len(before):,} there): {'' if worse else 'not '}significantly worse ({test} test "
        f"at {100 * level:.4g}%, p = {p:.3g})."
    )
    figures = {"shared": len(pairs), "lost": lost, "won": won, "p": p, "level": level}
    return Judgement(NO_WORSE, threat, Outcome.UNRELIABLE if unfair else _outcome(worse, doubted), figures, why)


def _check_comparable(results: Results, baseline: Results) -> None:
    """Check that two runs asked the same of examples that they share.

    Raises:
        InputError: They did not.
    """
    now, before = tables.threats(results), tables.threats(baseline)
    unknown = [name for name in now if name not in before]
    if unknown:
        raise InputError(
            "The baseline was audited under other threats",
            f"{', '.join(before)}, without {', '.join(unknown)}",
            "Audit both under the same threats.",
        )
    for name, threat in now.items():
        there = before[name].settings
        other = [key for key, value in threat.settings.items() if there.get(key) != value]
        if other:
            differ = ", ".join(f"{key} {there.get(key)} there and {threat.settings[key]} here" for key in other)
            raise InputError(
                "The baseline was audited under another threat of this name", f"{name}: {differ}", "Audit both alike."
            )
        if not _pairs(results[name], baseline[name]):
            raise InputError(
                "The baseline was audited on other data", f"no shared example under {name}", "Audit the same examples."
            )


def _unfair(results: Results, baseline: Results, level: float) -> list[str]:
    """Say why a comparison with the baseline cannot be believed."""
    doubts = [f"the baseline: {doubt}" for doubt in reliability(baseline)]
    attacks, others = ({name for run in runs(one.run) for name in run["suite"]["attacks"]}
                       for one in (results, baseline))  # fmt: skip
    if attacks != others:
        doubts.append("the baseline was attacked otherwise, so that a difference may be the attacks'; audit both alike")
    shared = min(len(_pairs(results[name], baseline[name])) for name in results.threats)
    if mcnemar(shared, 0) >= 1 - level:
        doubts.append(f"only {shared} examples are shared with the baseline: not even the loss of all would show")
    return doubts
