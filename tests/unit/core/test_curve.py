"""Security curves: read off the table at any radius, falling by construction."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unfooled.core.curve import curves_of, kind_of
from unfooled.core.errors import InputError
from unfooled.core.rates import wilson


def row(threat: str, radius: float | None, key: int, distance: float | None, *, correct: bool = True) -> dict[str, Any]:
    """One example: broken at `distance`, or standing where that is None."""
    return {
        "threat": threat, "radius": radius, "key": str(key), "distance": distance,
        "broken": distance is not None and correct, "clean_correct": correct,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("threat", "kind"),
    [
        ("linf:4/255", "linf"),
        ("l2", "l2"),
        ("become:3 l2:0.5", "become:3 l2"),
        ("become:3 l2", "become:3 l2"),
        ("linf:4/255@mask-1a2b", "linf@mask-1a2b"),
        ("enter:1,2 linf:4/255@mask-1a2b", "enter:1,2 linf@mask-1a2b"),
    ],
)
def test_the_radius_is_cut_out_of_a_name(threat: str, kind: str) -> None:
    assert kind_of(threat) == kind


def test_the_smallest_change_counts_wherever_it_was_found() -> None:
    rows = [
        row("l2:1", 1.0, 0, 0.9), row("l2:1", 1.0, 1, None), row("l2:1", 1.0, 2, None, correct=False),
        row("l2:1", 1.0, 3, None), row("l2", None, 0, 1.5), row("l2", None, 1, 1.25),
        row("l2", None, 2, None, correct=False), row("l2", None, 3, None),
    ]  # fmt: skip
    (curve,) = curves_of(rows).values()
    assert curve.radii == (1.0, np.inf)
    assert curve.distance.tolist() == [0.9, 1.25, 0.0, np.inf]
    assert [curve.at(radius).robust_accuracy for radius in (0, 0.89, 0.9, 1, 1.25, 9)] == [
        0.75, 0.75, 0.5, 0.5, 0.25, 0.25,
    ]  # fmt: skip
    assert curve.at(1).interval == wilson(2, 4)
    assert [point.radius for point in curve.points] == [0.0, 1.0]
    assert curve.median == 1.25
    assert len(curves_of([*rows, row("linf:0.1", 0.1, 0, None)])) == 2


def test_a_success_outside_by_rounding_counts_at_its_radius() -> None:
    """Pictures of float32 cannot be told apart more finely."""
    (curve,) = curves_of([row("linf:4/255", 4 / 255, 0, 4 / 255 + 5e-7)]).values()
    assert curve.at(4 / 255).robust_accuracy == 0
    assert curve.at(0).robust_accuracy == 1


def test_nothing_is_said_beyond_what_was_audited() -> None:
    (curve,) = curves_of([row("l2:1", 1.0, 0, None)]).values()
    assert curve.median == np.inf
    for radius in (1.01, -1, np.nan, np.inf):
        with pytest.raises(InputError, match="ends at 1"):
            curve.at(radius)
    (none,) = curves_of([row("l2", None, 0, None, correct=False)]).values()
    assert np.isnan(none.median)
    assert none.at(0).robust_accuracy == 0


def test_only_examples_of_the_largest_radius_count() -> None:
    """Runs on other examples may have been merged in; those were never tried as far out."""
    (curve,) = curves_of([row("l2:1", 1.0, 0, 0.5), row("l2:1", 1.0, 1, 0.5), row("l2:2", 2.0, 1, 1.5)]).values()
    assert curve.distance.tolist() == [0.5]


@given(st.lists(st.tuples(st.sampled_from([0.5, 1.0, None]), st.integers(0, 5), st.floats(0.01, 3) | st.none())))
def test_it_falls_and_lies_at_or_below_each_threat(found: list[tuple[float | None, int, float | None]]) -> None:
    table: dict[tuple[float | None, int], float | None] = {}
    for radius, key, distance in found:
        inside = distance is not None and (radius is None or distance <= radius)
        table[radius, key] = distance if inside else None
    rows = [
        row("l2" if radius is None else f"l2:{radius}", radius, key, table.get((radius, key)))
        for radius in (0.5, 1.0, None)
        for key in range(6)
    ]
    (curve,) = curves_of(rows).values()
    shares = [curve.at(radius).robust_accuracy for radius in np.linspace(0, 3.5, 30)]
    assert shares == sorted(shares, reverse=True)
    for radius in (0.5, 1.0):
        broken = sum(one["broken"] for one in rows if one["radius"] == radius)
        assert curve.at(radius).robust_accuracy <= 1 - broken / 6
