"""Checks of a model, one file a family; each asks the model a few questions and tells what it found."""

from collections.abc import Callable

from .gradients import gradients
from .patient import Check, Patient
from .readings import accuracy, normalisation
from .repeats import neighbours, repeats
from .state import evaluation_mode, untouched
from .values import finite, scale

PROBES: dict[str, Callable[[Patient], list[Check]]] = {
    "evaluation mode": evaluation_mode,
    "left untouched": untouched,
    "finite scores": finite,
    "labels and accuracy": accuracy,
    "normalisation": normalisation,
    "logits": scale,
    "gradients": gradients,
    "determinism": repeats,
    "batch dependence": neighbours,
}
"""Every check of a model by its name, in the order of the table."""
