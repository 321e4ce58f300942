"""Class names and class numbers, as data sets write them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from difflib import get_close_matches

import numpy as np

from unfooled.core.errors import InputError

_NUMBER = re.compile(r"[0-9]{1,18}")
_SHOWN = 5


def numbered(
    written: Iterable[str], classes: Sequence[str] | None, what: str
) -> tuple[dict[str, int], tuple[str, ...]]:
    """Find the class number of each label as written.

    Labels are read by name if `classes` holds all of them; else as numbers if all are made of digits; else, without
    `classes`, they are numbered in alphabetical order.

    Args:
        written: The labels; repeated ones are fine.
        classes: Names of the model's classes, in its order.
        what: What the labels are, for messages, such as "class folders".

    Returns:
        Numbers by label, and notes for the user.

    Raises:
        InputError: A label is of no class, or of several.
    """
    names = sorted(set(written))
    if classes is not None and set(names) <= set(classes):
        _refuse_doubled(names, classes)
        return {name: classes.index(name) for name in names}, ()
    if all(_NUMBER.fullmatch(name) for name in names):
        numbers = {name: int(name) for name in names}
        if classes is not None and max(numbers.values()) >= len(classes):
            raise InputError(
                f"Class numbers go from 0 to {len(classes) - 1}",
                f"{what} {[name for name, number in numbers.items() if number >= len(classes)][:_SHOWN]}",
                "Number classes from 0, in the model's order.",
            )
        return numbers, _told_of_digits(names, numbers, what)
    if classes is not None:
        raise _unknown(names, classes, what)
    note = f"{what} in alphabetical order were numbered 0 to {len(names) - 1}; give `classes` if the model differs"
    return {name: number for number, name in enumerate(names)}, (note,)


def label_array(y: np.ndarray, n: int) -> np.ndarray:
    """Check labels: n whole numbers from 0, one an example.

    Args:
        y: Labels of any type.
        n: Number of examples.

    Returns:
        (n,) int64.

    Raises:
        InputError: They are not whole numbers, negative, of another shape, or more or fewer than the examples.
    """
    if y.ndim == 2 and y.shape[1] == 1:
        raise InputError("Labels need the shape (n,)", y.shape, "Drop the last axis: y.squeeze(1).")
    if y.ndim == 2:
        raise InputError("Labels are class numbers (n,)", f"shape {y.shape}", "Turn one-hot rows into y.argmax(1).")
    if y.ndim != 1:
        raise InputError("Labels need the shape (n,)", f"shape {y.shape}", "Give one class number an example.")
    if len(y) != n:
        raise InputError("x and y need the same length", f"{n} examples and {len(y)} labels", "Give one label each.")
    if n and not np.issubdtype(y.dtype, np.integer):
        raise InputError("Labels are whole numbers", f"type {y.dtype}", "Give class numbers as int64, counted from 0.")
    outside = np.flatnonzero((y < 0) | (y > np.iinfo(np.int64).max))
    if len(outside):
        i = outside[0]
        raise InputError(
            "Labels count classes from 0", f"label {y[i]} of example {i}", "Leave unlabelled examples out."
        )
    return y.astype(np.int64)


def _refuse_doubled(names: list[str], classes: Sequence[str]) -> None:
    doubled = [name for name in names if list(classes).count(name) > 1]
    if doubled:
        raise InputError("Several classes have one name", doubled[:_SHOWN], "Write class numbers instead of names.")


def _told_of_digits(names: list[str], numbers: dict[str, int], what: str) -> tuple[str, ...]:
    if [numbers[name] for name in names] == list(range(len(names))):
        return ()
    return (f"{what} made of digits were read as class numbers; torchvision's ImageFolder would number them by rank",)


def _unknown(names: list[str], classes: Sequence[str], what: str) -> InputError:
    unknown = sorted(set(names) - set(classes))
    near = [(name, get_close_matches(name, classes, n=1)) for name in unknown[:_SHOWN]]
    listed = ", ".join(repr(name[:60]) + (f" (near {match[0]!r})" if match else "") for name, match in near)
    more = f" and {len(unknown) - _SHOWN} more" if len(unknown) > _SHOWN else ""
    return InputError(
        f"Some {what} are no class of the model",
        listed + more,
        f"Use its class names ({', '.join(map(repr, classes[:3]))}, ...) or class numbers.",
    )
