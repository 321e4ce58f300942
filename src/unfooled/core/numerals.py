"""Numbers as people write them: `0.03` and `8/255`."""

from __future__ import annotations

import math


def read_number(text: str) -> float:
    """Read a decimal number or a fraction of two.

    Not by `fractions.Fraction`, which works out every digit of 1e999999999 and takes hours for it.

    Raises:
        ValueError: The text is neither, or not finite.
        ZeroDivisionError: It divides by zero.
    """
    over, *under = (float(part) for part in text.split("/", 1))
    if not all(map(math.isfinite, (over, *under))):
        raise ValueError(text)
    return over / under[0] if under else over
