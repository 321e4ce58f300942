"""Classifiers of texts: any function from a list of texts to scores, and what scikit-learn makes."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
from torch import Tensor

from unfooled.core.errors import ModelError
from unfooled.core.target import Access

from .black_box import BlackBox

_ASKED = (
    "film\u200b \u0456s",
    "a plain sentence",
    "The film is wonderful.",
    "I did not like it at all!",
    "call 555-0100 now",
    "\u00e4\u4e2d",
)
_DIGITS = 3
"""Figures that count in a fingerprint: sums of float32 differ in the last ones from machine to machine."""


def text_model(
    model: Any,
    classes: Sequence[str] | None = None,
    *,
    name: str = "",
    labels: bool = False,
    before: Callable[[str], str] | None = None,
) -> BlackBox:
    """Make a classifier of texts that attacks can meet; it gives scores or labels, and no gradients.

    Args:
        model: A function from a list of r texts to scores (r, k), or something with `predict_proba` or
            `decision_function` and `classes_`, such as a scikit-learn pipeline, which is not needed here.
        classes: Names of the classes, in the order of the scores; by default those in `classes_`, if there are any.
        name: How reports call it; its own name if empty.
        labels: Whether the function gives labels (r,) in place of scores: the attacker sees no more than these.
        before: What is done to each text before it is read, such as `unfooled.normalised`: a defence that is part of
            the model, so that attacks go through it.

    Raises:
        ModelError: It is neither, gives something else, or gives labels although scores are wanted.

    Example:
        >>> unfooled.audit(unfooled.text_model(pipeline), (texts, y), "chars:3")
    """
    ask = _asker(model) if before is None else partial(_after, _asker(model), before)
    known = getattr(model, "classes_", None) if classes is None else classes
    names = None if known is None else tuple(str(one) for one in known)
    told = partial(_told, ask, labels=labels)
    first = told(np.array(_ASKED, dtype=object))
    return BlackBox(
        ask=told,
        access=Access.DECISION if labels else Access.SCORES,
        name=name or _called(model),
        sha256=_fingerprint(first, before),
        k=None if labels else first.shape[1],
        classes=names,
        about={} if before is None else {"before": _called(before)},
        texts=True,
    )


def _asker(model: Any) -> Callable[[list[str]], Any]:
    for method in ("predict_proba", "decision_function"):
        found = getattr(model, method, None)
        if callable(found):
            return found  # type: ignore[no-any-return]
    if not callable(model):
        raise ModelError(
            "This is no classifier of texts",
            f"{type(model).__name__}",
            "Give a function from a list of texts to scores.",
        )
    return model  # type: ignore[no-any-return]


def _after(ask: Callable[[list[str]], Any], before: Callable[[str], str], texts: list[str]) -> Any:
    return ask([before(text) for text in texts])


def _told(ask: Callable[[list[str]], Any], texts: np.ndarray, *, labels: bool) -> np.ndarray:
    """Ask about texts (r,) and give scores (r, k) or labels (r,)."""
    given = ask(texts.tolist())
    told = np.asarray(given.detach().cpu() if isinstance(given, Tensor) else given)
    if not labels and told.ndim == 1 and len(told) == len(texts):
        if not np.issubdtype(told.dtype, np.floating):
            do = "Return scores (r, k), or say labels=True: then attackers see labels only."
            raise ModelError("The model returned labels in place of scores", f"{told[:3]} of type {told.dtype}", do)
        return np.stack([-told, told], axis=1)  # the one score of a decision between two
    if not np.issubdtype(told.dtype, np.integer if labels else np.floating):
        wanted = "whole numbers (r,)" if labels else "floats (r, k)"
        raise ModelError(f"The model has to return {wanted}", f"{told.dtype} {told.shape}", "Mend the function.")
    return told


def _fingerprint(told: np.ndarray, before: Callable[[str], str] | None) -> str:
    """Name a model by what it answers to a few texts: a function shows nothing else of itself."""
    figures = [f"{one:.{_DIGITS}g}" for one in told.ravel().tolist()]
    return hashlib.sha256(" ".join([*figures, "" if before is None else _called(before)]).encode()).hexdigest()


def _called(one: object) -> str:
    return str(getattr(one, "__name__", type(one).__name__))
