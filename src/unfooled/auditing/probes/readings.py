"""Whether the model is shown what it was trained on: accuracy as given, and under other common readings."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from math import comb

from torch import Tensor

from unfooled.core.answer import Scores
from unfooled.core.batch import Batch
from unfooled.core.rates import wilson
from unfooled.core.target import Model
from unfooled.models.classifier import Classifier
from unfooled.models.preprocess import Preprocess

from .patient import Check, Patient, scores_of

IMAGENET = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
SIGNIFICANT = 0.01


def accuracy(patient: Patient) -> list[Check]:
    """Check that labels are classes of the model, and that it does better than guessing."""
    n, k = patient.scores.shape
    beyond = patient.y[(patient.y < 0) | (patient.y >= k)]
    if len(beyond):
        found = f"label {int(beyond[0])}, of {len(beyond)} beyond the model's classes 0 to {k - 1}"
        return [Check("labels and accuracy", "fail", found, "Number the labels in the model's order, from 0.")]
    right = int(_right(patient.scores, patient.y).sum())
    found = f"{right} of {n} read rightly"
    if n >= 8 and wilson(right, n).high <= 1 / k + 0.1 and wilson(right, n).low <= 1 / k:
        advice = "No better than guessing: check the labels' order, the weights and the preprocessing."
        return [Check("labels and accuracy", "warn", found, advice)]
    return [Check("labels and accuracy", "ok", found)]


def normalisation(patient: Patient) -> list[Check]:
    """Compare the accuracy as given with that under other readings of the same pictures, by a paired sign test."""
    as_given = _right(patient.scores, patient.y)
    tried = [f"{int(as_given.sum())} right as given"]
    best: tuple[int, str, str] | None = None
    for name, advice, model, x in _readings(patient):
        right = _right(scores_of(model, x, patient.batch), patient.y)
        tried.append(f"{int(right.sum())} {name}")
        p = sign_test(int((right & ~as_given).sum()), int((as_given & ~right).sum()))
        if p < SIGNIFICANT and (best is None or int(right.sum()) > best[0]):
            best = (
                int(right.sum()),
                f"{int(as_given.sum())} of {len(right)} right as given, {right.sum()} {name}",
                advice,
            )
    if best is not None:
        return [Check("normalisation", "warn", best[1], best[2])]
    return [Check("normalisation", "ok", ", ".join(tried) if len(tried) > 1 else "no other reading to compare with")]


def sign_test(better: int, worse: int) -> float:
    """Give the chance of at least so many wins among the examples that differ, if neither reading were better."""
    n = better + worse
    return float(sum(comb(n, wins) for wins in range(better, n + 1)) / 2**n)


def _readings(patient: Patient) -> Iterator[tuple[str, str, Model, Batch]]:
    """Give other readings: what each is, what to do if it is the right one, the model under it, and its input."""
    model, x = patient.model, patient.x
    if x.values.ndim != 4:
        return
    if isinstance(model, Classifier):
        given = model.preprocess or Preprocess()
        why = "Did you forget Preprocess?" if model.preprocess is None else "Was it trained otherwise?"
        for name, option, mean, std in _norms(x.values.shape[1]):
            if (given.mean, given.std) != (mean, std):
                other = replace(model, preprocess=replace(given, mean=mean, std=std))
                yield f"with {name}", f"{why} Try {option}.", other, x
    if x.values.shape[1] == 3:
        turned = x.holding(x.values.flip(1))
        yield "as BGR", "The model seems to want BGR: turn the channels in its forward pass.", model, turned


def _norms(channels: int) -> Iterator[tuple[str, str, float | tuple[float, ...], float | tuple[float, ...]]]:
    if channels == 3:
        yield "ImageNet's mean and std", "--mean 0.485,0.456,0.406 --std 0.229,0.224,0.225", *IMAGENET
    if channels == 1:
        yield "MNIST's mean and std", "--mean 0.1307 --std 0.3081", 0.1307, 0.3081
    yield "mean and std 0.5", "--mean 0.5 --std 0.5", 0.5, 0.5
    yield "no normalisation", "--mean 0 --std 1", 0.0, 1.0
    yield "pixels from 0 to 255", "--mean 0 --std 1/255", 0.0, 1 / 255


def _right(scores: Tensor, y: Tensor) -> Tensor:
    return Scores(scores).labels == y
