"""What all sets of edits share: how a text is cut, how a set is named, how it is measured text by text."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable

import torch
from torch import Tensor

from unfooled.core.batch import Batch
from unfooled.core.errors import InputError
from unfooled.core.texts import strings

LETTERS = re.compile(r"([^\W\d_]{1,32}(?:['\u2019][^\W\d_]{1,32})?)")
"""A word: letters, with an apostrophe between them. Digits are none, since another number means something else.

Longer runs of letters, as in scripts without spaces, are cut, so that what one edit makes of a piece stays few.
"""


def check_count(kind: str, radius: float) -> None:
    """Check a radius that counts edits.

    Raises:
        InputError: It is not a whole number from 0.
    """
    if not (radius >= 0 and radius == math.floor(radius) and radius < math.inf):
        raise InputError(f"A radius of {kind} counts whole edits", radius, f"Write for example {kind}:3.")


def measured(x_adv: Batch, x: Batch, distance: Callable[[str, str], float]) -> Tensor:
    """Measure the change of each text, (n,) float64."""
    pairs = zip(strings(x_adv), strings(x), strict=True)
    return torch.tensor([distance(*pair) for pair in pairs], dtype=torch.float64, device=x.ids.device)


def others(candidates: Iterable[str], *known: str) -> list[str]:
    """List candidates in their order, each once, without those known."""
    return [one for one in dict.fromkeys(candidates) if one not in known]
