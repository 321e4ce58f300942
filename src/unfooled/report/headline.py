"""What an audit found out, in one sentence for readers outside the field."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite

from unfooled.core.curve import Curve, curves_of
from unfooled.core.results import ThreatResults

from .wording import Threat, count, measured


@dataclass(frozen=True)
class Headline:
    """The first sentence of the report in three parts, so that the page can stress the last.

    Attributes:
        before: How the model does when nobody attacks.
        attacker: Who attacks, and what they may do; empty if there was nothing to attack.
        outcome: What comes of it.
    """

    before: str
    attacker: str
    outcome: str


def headline(found: ThreatResults, threat: Threat) -> Headline:
    """Say in one breath what an audit found out under one threat."""
    n, right = len(found), int(found.column("clean_correct").sum())
    fooled = right - int(found.robust.sum())
    verb = "hears" if threat.sounds else "reads"
    before = f"Of {count(n, threat.noun)}, the model {verb} {_share(right, n)} rightly"
    if n == 1:
        before = f"The model {verb} the one {threat.noun} of this audit {'rightly' if right else 'wrongly'}"
    if right == 0:
        return Headline(f"{before}, attack or none.", "", "Check the labels, the classes and the preprocessing first.")
    visible = f" \u2013 {threat.visibility} \u2013" if threat.visibility else ""
    who = f"who {threat.sight} and may {threat.change}{visible}"
    if fooled == 0:
        those = "it" if right == 1 else f"any of these {right:,}"
        return Headline(f"{before}.", f"For somebody {who}", f"no attack tried here worked on {those}.")
    outcome = f"{threat.aim} on {_of_these(fooled, right)}"
    (curve,) = curves_of(found.table.to_pylist()).values()
    if threat.unlimited and right > 1 and isfinite(curve.median):
        nearer = f"with a change of {measured(curve.median, threat)} or less ({threat.measure})"
        if threat.family == "snr":  # the larger, the less is changed
            nearer = f"at a {threat.measure} of {measured(curve.median, threat)} or more"
        outcome = f"{outcome}, and on {(right + 1) // 2:,} of them {nearer}"
    return Headline(f"{before}.", f"Somebody {who}", f"{outcome}.")


def typical(curve: Curve, threat: Threat) -> str:
    """Say how large a change is enough for half of the examples, or that none was found for half of them."""
    right = int(curve.right.sum())
    among = f"half of the {count(right, threat.noun)} read rightly"
    if not right:
        return ""
    if not isfinite(curve.median):
        far = "a change of any size" if threat.unlimited else f"a change of {threat.size}"
        return f"Fewer than {among} fall to {far}."
    if threat.family == "snr":
        return f"For {among}, a {threat.measure} of {measured(curve.median, threat)} is enough."
    return f"For {among}, a change of {measured(curve.median, threat)} is enough ({threat.measure})."


def _share(part: int, whole: int) -> str:
    if part == whole:
        return "both" if whole == 2 else f"all {whole:,}"
    return f"{part:,}" if part else "none"


def _of_these(part: int, whole: int) -> str:
    if whole == 1:
        return "that one"
    return f"all of these {whole:,}" if part == whole else f"{part:,} of these {whole:,}"
