"""How a target's answers are read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

import numpy as np

from unfooled.core.answer import UNREADABLE
from unfooled.core.errors import ModelError
from unfooled.core.target import Access

from .settings import Naming, Output

_LEAST = np.finfo(np.float32).tiny


@dataclass(frozen=True)
class Reader:
    """Reads scores or labels out of what a target said.

    Attributes:
        how: The settings.
        naming: The target's classes.
        access: SCORES, or DECISION where labels are to be given.
        batched: Whether an answer holds a list of rows, or one row.
    """

    how: Output
    naming: Naming
    access: Access
    batched: bool = True

    def __call__(self, answer: object) -> np.ndarray:
        """Read one JSON answer: scores (r, k), or labels (r,).

        Raises:
            ModelError: What should be there is not, or is something else.
        """
        found = picked(answer, self.how.path)
        if self.how.form == "kserve":
            return self.of_array(_tensor(found))
        rows = found if self.batched else [found]
        if not isinstance(rows, list):
            raise _unfit("no list of rows", found)
        match self.how.form:
            case "named":
                # a list of {label, score} is one row where rows come one by one
                return self.of_array(np.stack([self._named(row) for row in rows])) if rows else np.zeros((0, 0))
            case "label":
                return np.array([self._label(row) for row in rows], dtype=np.int64)
        try:
            return self.of_array(np.asarray(rows, dtype=np.float32))
        except (TypeError, ValueError) as error:
            raise _unfit(f"no numbers, or rows of several lengths ({error})", found) from error

    def of_array(self, array: np.ndarray) -> np.ndarray:
        """Read an array: scores (r, k); or labels (r,) or (r, 1), whole numbers or names.

        Raises:
            ModelError: It holds labels, and scores were promised; or it holds neither.
        """
        whole = not np.issubdtype(array.dtype, np.floating)
        if whole and array.ndim == 2 and array.shape[1] == 1:
            array = array[:, 0]
        if whole and array.ndim == 1:
            if self.access is not Access.DECISION:
                raise ModelError("The target gives labels, not scores", array.dtype, "Say `access: decision`.")
            return np.array([self._label(label) for label in array.tolist()], dtype=np.int64)
        if whole or array.ndim != 2:
            raise _unfit(f"{array.dtype} of shape {array.shape}, neither scores (r, k) nor labels (r,)", None)
        scores = array.astype(np.float32)
        if self.how.kind == "probabilities":
            scores = np.log(np.maximum(scores, _LEAST))  # NaN stays NaN
        if self.access is not Access.DECISION:
            return scores
        readable = np.isfinite(scores).all(axis=1)
        return np.where(readable, np.nan_to_num(scores).argmax(axis=1), UNREADABLE)

    def _label(self, label: object) -> int:
        if isinstance(label, str) and not label.isdecimal():
            return self._number(label)
        try:
            number = int(label)  # type: ignore[call-overload]
        except (TypeError, ValueError) as error:
            raise _unfit("no label", label) from error
        return int(number)

    def _named(self, row: Any) -> np.ndarray:
        if self.naming.theirs is None:
            raise ModelError(
                "The target names its classes", str(row)[:120], "List their names under `classes`, in any fixed order."
            )
        if isinstance(row, list):
            row = {str(picked(one, self.how.label)): picked(one, self.how.score) for one in row}
        if not isinstance(row, Mapping) or not row:
            raise _unfit("no scores by name", row)
        missing = np.nan if self.access is not Access.DECISION else -np.inf
        scores = np.full(len(self.naming.theirs), missing, dtype=np.float32)
        for name, score in row.items():
            scores[self._number(str(name))] = np.nan if score is None else float(score)
        if self.access is Access.DECISION:
            return np.where(np.isneginf(scores), np.finfo(np.float32).min, scores)
        if len(row) < len(scores):
            raise ModelError(
                "The target tells the scores of some classes only",
                f"{len(row)} of {len(scores)}",
                "Ask it for all (often `top_k` or `topk`), or say `access: decision` to use the likeliest alone.",
            )
        return scores

    def _number(self, name: str) -> int:
        theirs = self.naming.theirs or ()
        if name in theirs:
            return theirs.index(name)
        near = get_close_matches(name, theirs, n=1)
        found = f"{name[:60]!r}" + (f", near {near[0]!r}" if near else "")
        raise ModelError(
            "The target names a class that is not listed", found, "Map its names to yours: `classes: {theirs: yours}`."
        )


def picked(answer: object, path: str) -> Any:
    """Follow a path such as `outputs.0.data` or `predictions.*.scores` into a JSON answer.

    Raises:
        ModelError: There is nothing at its end.
    """
    name, _, rest = path.replace("[", ".").replace("]", "").partition(".")
    if not name:
        return answer if not rest else picked(answer, rest)
    if name == "*" and isinstance(answer, list):
        return [picked(one, rest) for one in answer]
    if isinstance(answer, Mapping) and name in answer:
        return picked(answer[name], rest)
    if isinstance(answer, list) and name.isdecimal() and int(name) < len(answer):
        return picked(answer[int(name)], rest)
    keys = ", ".join(map(str, answer)) if isinstance(answer, Mapping) else f"a {type(answer).__name__}"
    raise ModelError("The target's answer has no such part", f"`{name}`; it has {keys[:200]}", "Mend `output.path`.")


def _tensor(answer: object) -> np.ndarray:
    """Read an answer of the KServe v2 protocol: the output at the end of the path, or the first."""
    tensor = picked(answer, "outputs.0") if isinstance(answer, Mapping) and "outputs" in answer else answer
    try:
        data, shape, kind = (tensor[key] for key in ("data", "shape", "datatype"))  # type: ignore[index]
        if kind == "BYTES":
            return np.array([str(label) for label in data], dtype=object).reshape(shape)
        return np.asarray(data, dtype=np.float32 if kind[:2] in ("FP", "BF") else np.int64).reshape(shape)
    except (KeyError, TypeError, ValueError) as error:
        raise _unfit(f"no tensor of the KServe v2 protocol ({type(error).__name__}: {error})", None) from error


def _unfit(what: str, found: object) -> ModelError:
    shown = "" if found is None else f": {str(found)[:120]}"
    return ModelError("The target's answer cannot be read", f"{what}{shown}", "Mend `output` in the target's settings.")
