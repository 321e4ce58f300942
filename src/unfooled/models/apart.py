"""Recordings heard one at a time, so that no answer hangs on a neighbour's length."""

from __future__ import annotations

from collections.abc import Iterator

from unfooled.core.batch import Batch


def each(x: Batch) -> Iterator[tuple[Batch, int]]:
    """Give recordings one at a time, each with its length; rows at the end that repeat the first are left out."""
    for row in range(x.distinct()):
        one = x.rows(slice(row, row + 1))
        yield one, x.values.shape[-1] if x.lengths is None else int(x.lengths[row])
