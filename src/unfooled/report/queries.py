"""The attacker's bill: how many questions to a model that can only be asked it takes to fool it."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from unfooled.core.errors import InputError
from unfooled.core.rates import Interval, clopper_pearson
from unfooled.core.results import Results, ThreatResults

from . import tables
from .wording import Threat, count, duration

_A_MINUTE = {"s": 60.0, "min": 1.0, "h": 1 / 60}
_POINTS = 40  # of a curve: as many as one can tell apart in a figure


class Terms(NamedTuple):
    """On which terms a model answers.

    Attributes:
        price: Money for 1,000 questions, in any unit; None where that is not known.
        rate: Questions a minute; None likewise.
        cap: Most questions about one example, to see whom that would have stopped; None for none.
    """

    price: float | None = None
    rate: float | None = None
    cap: int | None = None


UNKNOWN = Terms()


def read_terms(price: float | None, rate: str | None, cap: int | None) -> Terms:
    """Read terms as people write them, the rate as `10/s`, `600/min` or `5000/h`.

    Raises:
        InputError: One of them is written otherwise, or not above 0.
    """
    for number, name in ((price, "price"), (cap, "cap")):
        if number is not None and not 0 < number < math.inf:
            raise InputError(f"A {name} is above 0", f"{number:g}", f"Leave --{name} out, or give it above 0.")
    parts = None if rate is None else re.fullmatch(r"(\d+(?:\.\d+)?)/(s|min|h)", rate.strip(), re.ASCII)
    if rate is not None and (parts is None or not float(parts[1])):
        raise InputError("This is not a rate", repr(rate), "Write 10/s, 600/min or 5000/h.")
    return Terms(price, None if parts is None else float(parts[1]) * _A_MINUTE[parts[2]], cap)


class Point(NamedTuple):
    """How many of the examples read rightly fell to at most so many questions, and the exact 95 % interval of that."""

    queries: int
    fallen: int
    interval: Interval


@dataclass(frozen=True)
class QueryBill:
    """What it took to fool a model under one threat whose attacker may only ask.

    Attributes:
        threat: Name of the threat.
        n: Examples that the model reads rightly, of which it is known how many questions felled them, or which stand.
        needed: Questions until the first success, ascending, of those that fell.
        standing: Fewest questions that were asked about one that stands without success; infinite where none stands.
        asked: All questions of the run under this threat.
    """

    threat: str
    n: int
    needed: tuple[int, ...]
    standing: float
    asked: int

    def typical(self, share: float) -> float:
        """Give the questions by which a share, above 0 to 1, of all examples had fallen; infinite where fewer did.

        Those that stand count as never: a share of the fallen alone would praise a model for what it resists.
        """
        rank = math.ceil(share * self.n) - 1
        return self.needed[rank] if 0 <= rank < len(self.needed) else math.inf

    def fallen(self, queries: float) -> int:
        """Tell how many had fallen by so many questions: all that a limit of that size would have let through."""
        return int(np.searchsorted(self.needed, queries, side="right"))

    def point(self, queries: int) -> Point:
        """Give the success at so many questions with its exact 95 % interval."""
        return Point(queries, self.fallen(queries), clopper_pearson(self.fallen(queries), self.n))

    @property
    def curve(self) -> list[Point]:
        """Success against questions, ascending, at most 40 points: each where somebody fell.

        Beyond `standing` it is a lower bound, since some of those that stand were not asked about so often.
        """
        steps = sorted(set(self.needed))
        picked = np.unique(np.linspace(0, len(steps) - 1, min(_POINTS, len(steps))).round().astype(int))
        return [self.point(steps[place]) for place in picked.tolist()]

    def price(self, per_thousand: float) -> float:
        """Give the money for one success, in the unit of `per_thousand` questions, failures paid for; inf for none."""
        return self._money(per_thousand) / len(self.needed) if self.needed else math.inf

    def hours(self, share: float, per_minute: float) -> float:
        """Give the hours by which a share of all had fallen, each by itself, at so many questions a minute."""
        return self.typical(share) / per_minute / 60

    @property
    def sentence(self) -> str:
        """Say it in a sentence or two."""
        if not self.needed:
            asked = count(int(self.standing), "question")
            return f"{self.threat}: none of {self.n:,} examples fell; each took {asked} or more."
        told = [f"{len(self.needed):,} of {self.n:,} examples fell"]
        for share, word in ((0.5, "half"), (0.9, "nine in ten")):
            if math.isfinite(self.typical(share)):
                told.append(f"{word} of all by {self.typical(share):,.0f} questions each")
        sentence = f"{self.threat}: {', '.join(told)}; the first by {self.needed[0]:,}."
        tenth = self.needed[(len(self.needed) - 1) // 10]
        cap = tenth if self.fallen(tenth) < len(self.needed) else self.needed[0] - 1
        if not cap:  # no limit that lets anybody ask stops anybody
            return sentence
        stopped = len(self.needed) - self.fallen(cap)
        limit = f"A limit of {count(cap, 'question')} an example"
        return f"{sentence} {limit} would have stopped {stopped:,} of these {len(self.needed):,}."

    def on(self, terms: Terms) -> str:
        """Say what it took in money and time, and whom a limit would have stopped; empty where no terms are known."""
        told = []
        if terms.price is not None:
            each = f"{self.price(terms.price):,.2f} for one success" if self.needed else "for no success"
            told.append(f"At {terms.price:,.2f} for 1,000 questions all cost {self._money(terms.price):,.2f}, {each}.")
        if terms.rate is not None:
            half = self.hours(0.5, terms.rate)
            typical = "fewer than half fell" if math.isinf(half) else f"half had fallen by {duration(3600 * half)} each"
            told.append(f"At {_rate(terms.rate)} all take {duration(60 * self.asked / terms.rate)}; {typical}.")
        if terms.cap is not None and self.needed:
            stopped = len(self.needed) - self.fallen(terms.cap)
            told.append(
                f"A limit of {terms.cap:,} would have stopped {stopped:,} of the {len(self.needed):,} that fell."
            )
        return " ".join(told)

    def _money(self, per_thousand: float) -> float:
        return self.asked / 1000 * per_thousand

    def as_json(self, terms: Terms = UNKNOWN) -> dict[str, Any]:
        """Give it as plain JSON values; null for what is infinite or not known."""
        price, rate, cap = terms
        figures = {
            "median": self.typical(0.5), "p90": self.typical(0.9), "standing": self.standing,
            "money": math.inf if price is None else self._money(price),
            "money_for_one": math.inf if price is None else self.price(price),
            "hours": math.inf if rate is None else self.asked / rate / 60,
            "median_hours": math.inf if rate is None else self.hours(0.5, rate),
            "stopped": math.inf if cap is None else len(self.needed) - self.fallen(cap),
        }  # fmt: skip
        return {
            "threat": self.threat, "n": self.n, "fell": len(self.needed), "asked": self.asked,
            **{name: value if math.isfinite(value) else None for name, value in figures.items()},
            "curve": [{"queries": one.queries, "fallen": one.fallen, "interval": list(one.interval)}
                      for one in self.curve],
        }  # fmt: skip


def _rate(per_minute: float) -> str:
    """Write a rate by the second, or where that is less than one, by the minute."""
    return f"{per_minute / 60:,.3g} a second" if per_minute >= 60 else f"{per_minute:,.3g} a minute"


def query_bill(found: ThreatResults, name: str) -> QueryBill | None:
    """Read the bill off one threat's rows; None where nobody that was attacked has one."""
    right, broken = found.column("clean_correct").astype(bool), found.broken
    needed = found.column("asked").astype(float)
    asked = found.queries.astype(np.int64)
    known = right & np.where(broken, ~np.isnan(needed), asked > 0)
    if not known.any():
        return None
    fell, stands = known & broken, known & ~broken
    standing = float(asked[stands].min()) if stands.any() else math.inf
    ascending = np.sort(needed[fell]).astype(int).tolist()
    return QueryBill(name, int(known.sum()), tuple(ascending), standing, int(asked[right].sum()))


def query_bills(results: Results, threats: Mapping[str, Threat]) -> list[QueryBill]:
    """Read the bills of those threats whose attacker asked and used no gradient."""
    asking = [name for name, threat in threats.items() if str(threat.settings["access"]) != "gradient"]
    found = (query_bill(results[name], name) for name in tables.limits({name: threats[name] for name in asking}))
    return [bill for bill in found if bill is not None]
