"""How alike an encoder of sentences finds texts before and after: a figure to look at, never a condition."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from unfooled.core.errors import InputError
from unfooled.core.results import Results
from unfooled.modalities.utf8 import Utf8

Encode = Callable[[Sequence[str]], np.ndarray]
"""Texts -> one vector each, (n, d)."""


def similarities(results: Results, encode: Encode, name: str) -> dict[str, Any]:
    """Compare each text that a run kept with the one that fooled the model.

    A cosine near 1 does not show that the meaning was kept: encoders find a review and its opposite alike, and do not
    see characters that their tokenizer drops. So no attack is guided by it.

    Args:
        results: A run on texts.
        encode: The encoder.
        name: What the report calls it.

    Returns:
        Plain JSON values: `encoder`, and `cosines`: by threat and by the example's key, -1 to 1.

    Raises:
        InputError: The run is on no texts, or kept none that fools.
    """
    on_texts = {threat["name"] for threat in results.run["threats"] if threat["carrier"] == str(Utf8())}
    pairs = {
        (row["threat"], row["key"]): (results.tensors[f"x/{row['key']}"], results.tensors[after])
        for row in results.records.to_pylist()
        if row["threat"] in on_texts and row["broken"] and row["clean_correct"]
        if (after := f"x_adv/{row['threat']}/{row['key']}") in results.tensors
    }
    if not pairs:
        do = "Name a run on texts in which some fell, kept with --keep broken, the default."
        raise InputError("There are no two texts to compare", "none in this run", do)
    texts = sorted({_text(stored) for pair in pairs.values() for stored in pair})
    vectors = dict(zip(texts, np.asarray(encode(texts), np.float64), strict=True))
    cosines: dict[str, dict[str, float]] = {}
    for (threat, key), pair in pairs.items():
        before, after = (vectors[_text(stored)] for stored in pair)
        length = np.linalg.norm(before) * np.linalg.norm(after)
        cosines.setdefault(threat, {})[key] = round(float(before @ after / length), 6) if length else 0.0
    return {"encoder": name, "cosines": cosines}


def _text(stored: np.ndarray) -> str:
    return stored.tobytes().decode(errors="replace")
