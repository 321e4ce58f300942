"""What users hand over, checked once: every form of labelled data becomes a source, every example its values."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence, Sized
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from unfooled.core.errors import InputError
from unfooled.core.transcripts import UNHEARD, label_of
from unfooled.modalities.carriers import File, Float32, default_carrier
from unfooled.modalities.labels import label_array
from unfooled.modalities.recordings import Ears
from unfooled.modalities.sources import Source, array_source, open_source, text_source
from unfooled.modalities.texts import check_text

_FORMS = "Give a path, a tuple (x, y), a list of texts with labels, or batches (x, y) such as a DataLoader yields."
_LAST_CODE_POINT = 0x10FFFF


def source_of(data: Any, classes: Sequence[str] | None = None, ears: Ears | None = None) -> Source:
    """Bring labelled data of any known form into one.

    Args:
        data: See `examples.read_examples`.
        classes: Names of the model's classes, for labels on disk.
        ears: How the model hears, where it does.

    Raises:
        InputError: The data have another form, are empty, or their labels do not fit.
    """
    if isinstance(data, Source):
        source = data
    elif isinstance(data, str | os.PathLike):
        source = open_source(os.fspath(data), classes, ears)
    elif isinstance(data, tuple) and len(data) == 2:
        source = _pair(data[0], _transcribed(*data) if ears is not None and ears.writes else data[1])
    elif isinstance(data, Tensor | np.ndarray):
        raise InputError("The data have no labels", f"one array {tuple(data.shape)}", _FORMS)
    else:
        source = _joined(_items(data))
    if len(source) == 0:
        raise InputError("The data are empty", "no examples", "Give at least one; a generator can be read only once.")
    return source


def values_of(raw: np.ndarray, where: str) -> np.ndarray:
    """Check one example and bring it into its domain.

    Args:
        raw: A picture (c, h, w) of uint8, uint16 or floats in [0, 1]; a waveform (t,) of floats in [-1, 1]; or
            code points (t,) of any integers.
        where: What errors call it, such as "example 3".

    Returns:
        float32 values, or int64 code points, of the same shape.

    Raises:
        InputError: It has another shape, type or range, or holds NaN or infinity.
    """
    if raw.ndim not in (1, 3) or 0 in raw.shape:
        raise InputError(
            "Examples are pictures (c, h, w), or waveforms and texts (t,), and not empty",
            f"shape {raw.shape} in {where}",
            "Grey pictures take a channel axis: x.unsqueeze(1).",
        )
    if raw.ndim == 1 and np.issubdtype(raw.dtype, np.integer):
        return _code_points(raw, where)
    if raw.ndim == 3 and raw.shape[0] not in (1, 3, 4) and raw.shape[2] in (1, 3, 4):
        raise InputError(
            "Channels come first: (n, c, h, w)", f"shape {raw.shape} in {where}", "Use x.permute(0, 3, 1, 2)."
        )
    if raw.ndim == 3 and raw.dtype in (np.uint8, np.uint16):
        return raw.astype(np.float32) / np.float32(np.iinfo(raw.dtype).max)
    if not np.issubdtype(raw.dtype, np.floating):
        raise InputError("Examples of this type cannot be read", f"{raw.dtype} in {where}", "Give uint8 or float32.")
    _check_range(raw, where)
    return raw.astype(np.float32)


def _check_range(raw: np.ndarray, where: str) -> None:
    if not np.isfinite(raw).all():
        raise InputError(
            "Inputs are finite",
            f"{np.count_nonzero(~np.isfinite(raw))} NaN or infinite values in {where}",
            "Mend the data or leave the example out.",
        )
    low, high = float(raw.min()), float(raw.max())
    found = f"values from {low:g} to {high:g} in {where}"
    if raw.ndim == 1 and max(-low, high) > 1:
        raise InputError("Waveforms live in [-1, 1]", found, "Divide 16-bit samples by 32768.")
    if raw.ndim == 3 and low < 0:
        do = "Give pictures in [0, 1] and put mean and std into unfooled.Preprocess."
        raise InputError("Pictures live in [0, 1]", found, do)
    if raw.ndim == 3 and high > 1:
        do = "Divide by 255." if high > 2 else "Clip what interpolation overshot: x.clamp(0, 1)."
        raise InputError("Pictures live in [0, 1]", found, do)


def _code_points(raw: np.ndarray, where: str) -> np.ndarray:
    low, high = int(raw.min()), int(raw.max())
    if low < 0 or high > _LAST_CODE_POINT:
        raise InputError(
            f"One-dimensional integers are code points, 0 to {_LAST_CODE_POINT}",
            f"{low} to {high} in {where}",
            "Give the samples of a waveform as floats in [-1, 1].",
        )
    return raw.astype(np.int64)


def _pair(x: Any, y: Any) -> Source:
    """Take (x, y): one array of examples, or a list of them, each of its own shape, or a list or array of texts."""
    if isinstance(x, np.ndarray) and x.dtype.kind in "OU":
        x = x.tolist()
    if isinstance(x, Tensor | np.ndarray):
        array = _array(x)
        if array.ndim == 0:
            raise InputError("x needs one entry an example", "a single value", "Give x as (n, c, h, w) or (n, t).")
        return array_source(array, label_array(_array(y), len(array)))
    if isinstance(x, list | tuple):
        if any(isinstance(item, str) for item in x):
            for i, text in enumerate(x):
                if not isinstance(text, str):
                    raise InputError("Among texts all are texts", f"{_described(text)} as example {i}", "Leave it out.")
                check_text(text, f"example {i}")
            return text_source(x, label_array(_array(y), len(x)))
        return _listed([_array(item) for item in x], label_array(_array(y), len(x)), ragged=True)
    raise InputError("x is an array of examples, or a list of arrays", f"a {type(x).__name__}", _FORMS)


def _transcribed(x: Any, y: Any) -> Any:
    """Give numbers for transcripts: `UNHEARD` for None, which leaves it to the model to say what is said."""
    given = [None] * len(x) if y is None else y.tolist() if isinstance(y, np.ndarray) else y
    if not isinstance(given, list | tuple) or not all(one is None or isinstance(one, str) for one in given):
        do = "Give one text a recording, or None."
        raise InputError("What is said in recordings is told in texts", _described(given), do)
    return np.array([UNHEARD if one is None else label_of(one) for one in given], np.int64)


def _listed(rows: list[np.ndarray], labels: np.ndarray, *, ragged: bool) -> Source:
    carriers = {default_carrier(row.dtype, row.shape) for row in rows}
    carrier = carriers.pop() if len(carriers) == 1 else Float32()
    return Source([""] * len(rows), labels, rows.__getitem__, carrier, ragged=ragged)


def _joined(items: Iterator[Any]) -> Source:
    """Keep what an iterable yields: a second pass over it may shuffle, or yield nothing."""
    rows: list[np.ndarray] = []
    labels: list[int] = []
    ragged = False
    carriers: set[File] = set()
    for item in items:
        if not isinstance(item, list | tuple) or len(item) != 2:
            raise InputError("The data yield something else than pairs (x, y)", _described(item), _FORMS)
        x, y = item
        single = _array(y).ndim == 0  # a Dataset yields one example at a time
        one = [x] if isinstance(x, str) else _array(x)[None] if single else x
        part = _pair(one, _array(y)[None] if single else y)
        ragged |= part.ragged
        carriers.add(part.carrier)
        rows += [np.array(part.load(i)) for i in range(len(part))]  # a copy: loaders may use their memory again
        labels += part.labels.tolist()
    lengths = {row.shape for row in rows}
    joined = _listed(rows, np.array(labels, np.int64), ragged=ragged or len(lengths) > 1)
    return replace(joined, carrier=carriers.pop()) if len(carriers) == 1 else joined


def _items(data: Any) -> Iterator[Any]:
    if isinstance(data, Iterable):
        return iter(data)
    if isinstance(data, Sized):  # map-style torch datasets: they have a length and an index, and no iterator
        dataset: Any = data
        return (dataset[i] for i in range(len(data)))
    raise InputError("These are no labelled data", _described(data), _FORMS)


def _described(item: Any) -> str:
    if isinstance(item, Tensor | np.ndarray):
        return f"one array {tuple(item.shape)}"
    if isinstance(item, list | tuple):
        return f"a {type(item).__name__} of {len(item)}"
    return f"a {type(item).__name__}"


def _array(given: Any) -> np.ndarray:
    if isinstance(given, Tensor):
        kept = given.detach().cpu()
        return np.asarray((kept.float() if kept.dtype is torch.bfloat16 else kept).numpy())
    try:
        array = np.asarray(given)
    except ValueError as error:  # nested lists of several lengths
        raise InputError("This cannot be made an array", _described(given), "Give arrays or tensors.") from error
    return array.astype(array.dtype.newbyteorder("="), copy=False)
