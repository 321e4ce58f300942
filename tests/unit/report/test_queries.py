"""The attacker's bill, read off tables whose figures are known by heart."""

from __future__ import annotations

import math
from typing import Any

import pyarrow as pa
import pytest

from unfooled.core.errors import InputError
from unfooled.core.rates import clopper_pearson
from unfooled.core.requirements import read_requirement
from unfooled.core.results import ThreatResults
from unfooled.core.schema import RECORDS
from unfooled.report.queries import UNKNOWN, Terms, query_bill, read_terms


def found(*rows: tuple[int | None, int], **more: Any) -> ThreatResults:
    """Rows of (answers until the first success or None, questions asked): who has none stands."""
    table = [
        {"threat": "l2:1", "key": str(place), "clean_correct": True, "broken": first is not None, "asked": first,
         "queries": asked, **more}
        for place, (first, asked) in enumerate(rows)
    ]  # fmt: skip
    return ThreatResults(pa.Table.from_pylist(table, RECORDS), {})


def test_those_that_stand_count_as_never() -> None:
    bill = query_bill(found((30, 100), (10, 100), (20, 100), (None, 100), (None, 90)), "l2:1")
    assert bill is not None
    assert (bill.n, bill.needed, bill.standing, bill.asked) == (5, (10, 20, 30), 90, 490)
    assert bill.typical(0.5) == 30, "the third of five, not the second of three that fell"
    assert bill.typical(0.6) == 30
    assert bill.typical(0.61) == bill.typical(0.9) == math.inf


def test_a_limit_lets_through_what_fell_by_then() -> None:
    bill = query_bill(found((30, 100), (10, 100), (20, 100), (None, 100)), "l2:1")
    assert bill is not None
    assert [bill.fallen(cap) for cap in (9, 10, 19, 20, 30, 10**6)] == [0, 1, 1, 2, 3, 3]
    assert [point.queries for point in bill.curve] == [10, 20, 30]
    assert bill.curve[1].interval == clopper_pearson(2, 4)


def test_a_limit_is_told_where_one_would_stop_somebody() -> None:
    told = [query_bill(found((needed, 2), (needed, 2)), "l2:1") for needed in (1, 2)]
    assert told[0] is not None
    assert told[0].sentence.endswith("the first by 1.")
    assert told[1] is not None
    assert told[1].sentence.endswith("A limit of 1 question an example would have stopped 2 of these 2.")


def test_money_and_time() -> None:
    bill = query_bill(found((30, 1000), (10, 1000), (None, 2000)), "l2:1")
    assert bill is not None
    assert bill.price(1.5) == pytest.approx(4 * 1.5 / 2), "failures are paid for too"
    assert bill.hours(0.5, per_minute=10) == pytest.approx(30 / 600)


def test_terms_are_told_in_words_and_in_json() -> None:
    bill = query_bill(found((30, 1000), (10, 1000), (None, 2000)), "l2:1")
    assert bill is not None
    terms = read_terms(1.5, "10/min", 20)
    told = bill.on(terms).replace("\u202f", " ")
    assert "1.50 for 1,000 questions all cost 6.00, 3.00 for one success." in told
    assert "10 a minute all take 6 h 40 min; half had fallen by 3 min each." in told
    assert "A limit of 20 would have stopped 1 of the 2 that fell." in told
    figures = bill.as_json(terms)
    assert {name: figures[name] for name in ("money", "money_for_one", "stopped")} == {
        "money": 6.0, "money_for_one": 3.0, "stopped": 1,
    }  # fmt: skip
    assert figures["hours"] == pytest.approx(4000 / 600)
    assert figures["median_hours"] == pytest.approx(30 / 600)


def test_without_terms_nothing_is_made_up() -> None:
    bill = query_bill(found((30, 1000)), "l2:1")
    assert bill is not None
    assert bill.on(UNKNOWN) == ""
    assert bill.as_json()["money"] is bill.as_json()["hours"] is bill.as_json()["stopped"] is None


def test_terms_where_nobody_fell() -> None:
    bill = query_bill(found((None, 50), (None, 50)), "l2:1")
    assert bill is not None
    told = bill.on(Terms(2.0, 60, 10))
    assert "0.20, for no success" in told
    assert "fewer than half fell" in told
    assert "stopped" not in told, "there is nothing to stop"
    assert bill.as_json(Terms(2.0, 60, 10))["money_for_one"] is None


@pytest.mark.parametrize(("text", "per_minute"), [("10/s", 600), ("0.5/s", 30), ("90/min", 90), ("30/h", 0.5)])
def test_a_rate_is_read_by_its_unit(text: str, per_minute: float) -> None:
    assert read_terms(None, text, None).rate == pytest.approx(per_minute)


@pytest.mark.parametrize("terms", [(0.0, None, None), (-1.0, None, None), (math.nan, None, None), (None, "0/s", None),
                                   (None, "10", None), (None, "10/day", None), (None, None, 0)])  # fmt: skip
def test_terms_that_mean_nothing_are_refused(terms: tuple[Any, Any, Any]) -> None:
    with pytest.raises(InputError):
        read_terms(*terms)


def test_nobody_fell() -> None:
    bill = query_bill(found((None, 50), (None, 70)), "l2:1")
    assert bill is not None
    assert (bill.typical(0.5), bill.price(1), bill.curve) == (math.inf, math.inf, [])
    assert bill.sentence == "l2:1: none of 2 examples fell; each took 50 questions or more."
    assert bill.as_json()["median"] is None


def test_a_curve_of_many_has_few_points_and_both_ends() -> None:
    bill = query_bill(found(*((number, 5000) for number in range(1, 501))), "l2:1")
    assert bill is not None
    points = bill.curve
    assert len(points) == 40
    assert (points[0].queries, points[-1].queries) == (1, 500)
    assert all(point.fallen == point.queries for point in points)


def test_what_is_not_known_is_left_out() -> None:
    assert query_bill(found((None, 0)), "l2:1") is None, "nobody was asked about"
    assert query_bill(found((5, 10), clean_correct=False), "l2:1") is None, "misread from the start: it cost nothing"


def test_a_requirement_of_the_median() -> None:
    required = read_requirement("queries_to_success>=100")
    fell_late, fell_early, stands, hardly_asked = (100, 500), (99, 500), (None, 99), (None, 98)
    _, tally = required.judged
    assert tally(found(fell_late, stands)) == (0, 2), "99 questions were not enough"
    assert tally(found(fell_early, hardly_asked, stands)) == (2, 3), "who was asked less may have fallen by then"
    assert tally(found(fell_early, clean_correct=False)) == (0, 0)
    assert (required.share, required.judged.sign) == (0.5, "<=")


@pytest.mark.parametrize("text", ["queries_to_success<=100", "queries_to_success>=0", "queries_to_success>=1.5"])
def test_it_is_a_whole_number_at_least(text: str) -> None:
    with pytest.raises(InputError):
        read_requirement(text)


def sentence(*needed: int) -> str:
    bill = query_bill(found(*((one, 100) for one in needed), (None, 100)), "l2:1")
    assert bill is not None
    return bill.sentence


def test_the_limit_that_is_told_stops_somebody_and_lets_somebody_ask() -> None:
    assert "A limit of 10 questions an example would have stopped 2 of these 3." in sentence(10, 20, 30)
    assert "A limit of 39 questions an example would have stopped 1 of these 1." in sentence(40)
    assert "A limit of 1 question an example would have stopped 1 of these 2." in sentence(1, 5)
    assert "limit" not in sentence(1)
