"""Names of examples, made of their contents and their labels."""

from __future__ import annotations

import hashlib
from collections import Counter

import numpy as np


def digest(stored: np.ndarray, label: int) -> str:
    """Hash an example as stored, with its label: 64 bits, the same on machines of either byte order."""
    little = np.ascontiguousarray(stored, stored.dtype.newbyteorder("<"))
    head = f"{little.dtype.str} {little.shape} {label} "
    return hashlib.sha256(head.encode() + little.tobytes()).hexdigest()[:16]


def numbered_repeats(digests: list[str]) -> list[str]:
    """Tell equal digests apart by -1, -2, ... on the second, third, ..."""
    seen: Counter[str] = Counter()
    keys = []
    for digest in digests:
        keys.append(f"{digest}-{seen[digest]}" if seen[digest] else digest)
        seen[digest] += 1
    return keys
