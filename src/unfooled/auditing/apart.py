"""Examples to learn from and examples to be judged on: none may be both."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import numpy as np

from unfooled.core.errors import InputError

from .examples import Examples


def check_apart(learned: Iterable[np.ndarray], judged: Examples) -> None:
    """Check that nothing is judged on what it was learned from, compared by values, whatever the labels.

    Args:
        learned: Examples as they are stored, (c, h, w) each.
        judged: The others.

    Raises:
        InputError: Some are among both.
    """
    known = {_content(one) for one in learned}
    both = [judged.names[i] or f"example {i}" for i in range(len(judged)) if _content(judged.stored(i)) in known]
    if both:
        shown = ", ".join(both[:3]) + (", ..." if len(both) > 3 else "")
        raise InputError(
            "What was learned is to be judged on examples that it was not learned from",
            f"{len(both)} of {len(judged)} are among both: {shown}",
            "Leave them out of either.",
        )


def _content(stored: np.ndarray) -> tuple[tuple[int, ...], str, bytes]:
    return stored.shape, str(stored.dtype), hashlib.sha256(np.ascontiguousarray(stored).tobytes()).digest()
