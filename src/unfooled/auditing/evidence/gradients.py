"""What the model's gradients say: whether there are any, whether they agree with differences, how they saturate."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from unfooled.core.batch import Batch
from unfooled.core.evidence import Measurement
from unfooled.core.rows import inner
from unfooled.core.target import Target

from .subject import Reading, Subject, added, everyone, paid

EXAMPLES, DIRECTIONS = 16, 6
SCALES = (0.01, 0.1, 0.5)
"""Lengths of a probing move, as shares of the way from one random point of the set to another."""

CERTAIN = 1 - 2.0**-24
"""Above this, float32 holds no probability but 1."""


def usable(subject: Subject) -> Reading:
    """Count gradients that point nowhere: of the margin, and of the cross-entropy as most libraries compute it."""
    readings = []
    for name, objective in (
        ("dead margin gradients", subject.objective()),
        ("dead cross-entropy gradients", _plain_cross_entropy(subject)),
    ):
        target = subject.target(len(subject.x))
        for point in (subject.x, subject.within.start(subject.x, subject.draws)):
            target.gradient(point, objective, everyone(point))
        share = float(target.spent.dead.sum()) / float(target.spent.backwards.sum())
        readings.append(paid(target, [subject.measured(name, share, int(target.spent.backwards.sum()))]))
    return added(readings)


def saturated(subject: Subject) -> Reading:
    """Tell probabilities from scores, and count answers so sure that float32 cannot tell them from certainty."""
    if subject.clean.scores is None:
        return Reading([])
    scores = torch.from_numpy(subject.clean.scores[subject.wave])
    inside = (scores >= 0).all(dim=1) & ((scores.sum(dim=1) - 1).abs() < 1e-3)
    sure = scores if bool(inside.all()) else scores.softmax(dim=1)
    certain = float((sure.amax(dim=1) > CERTAIN).double().mean())
    rows = [
        subject.measured("rows that are probabilities", float(inside.double().mean()), len(scores)),
        subject.measured("answers that saturate", certain, len(scores)),
    ]
    return Reading(rows)


def differences(subject: Subject) -> Reading:
    """Compare what gradients promise with what moves of several lengths do to the margin.

    From a random point of the set, towards random points of its rim: the range of inputs is never left. Each pass has
    the same random numbers, so that a model that draws lots is compared with itself.
    """
    subject = subject.first(EXAMPLES)
    x, first = subject.x, subject.target(len(subject.x))
    here = subject.within.start(x, subject.draws)
    climb = first.gradient(here, subject.objective(), everyone(x))
    costs = [paid(first, [])]
    promised, changed = [], {scale: [] for scale in SCALES}  # type: tuple[list[Tensor], dict[float, list[Tensor]]]
    for draw in range(DIRECTIONS):
        way = subject.within.corner(x, subject.draws, draw).values - here.values
        promised.append(inner(climb.grad, way))
        for scale in SCALES:
            target = subject.target(len(x))
            changed[scale].append(_rise(target, subject, here, climb.loss, scale * way))
            costs.append(paid(target, []))
    promise = torch.stack(promised)
    rows = [row for scale in SCALES for row in _compared(subject, scale, torch.stack(changed[scale]), promise)]
    return added([*costs, Reading(rows)])


def _rise(target: Target, subject: Subject, here: Batch, level: Tensor, move: Tensor) -> Tensor:
    there = target.losses(here.holding(here.values + move), subject.objective(), everyone(here))
    return (there.loss.double() - level.double()).nan_to_num()


def _compared(subject: Subject, scale: float, changed: Tensor, promise: Tensor) -> list[Measurement]:
    """Compare rises (moves, n) with those that the gradient promised."""
    wanted = scale * promise
    larger = torch.maximum(changed.abs(), wanted.abs())
    error = torch.where(larger > 0, (changed - wanted).abs() / larger.clamp(min=1e-300), 1.0)
    same = (changed.sign() == wanted.sign()) & (wanted != 0)
    at, n = f"at {scale:g} of the way", changed.numel()
    return [
        subject.measured(f"signs that differences share, {scale:g}", float(same.double().mean()), n, at),
        subject.measured(f"error of differences, {scale:g}", float(error.flatten().median()), n, at),
        subject.measured(f"moves that change nothing, {scale:g}", float((changed == 0).double().mean()), n, at),
    ]


def _plain_cross_entropy(subject: Subject):  # type: ignore[no-untyped-def]
    """Give the cross-entropy through a softmax, which underflows where the model is very sure."""
    return lambda outputs, owner: functional.cross_entropy(outputs, subject.y[owner], reduction="none")
