"""Whether the audit's attacks find an adversarial example that is known to be there."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import NamedTuple, cast

import numpy as np
import torch
from torch import Tensor

from unfooled.auditing.plan import Plan
from unfooled.auditing.suites import meant_for, obstacle
from unfooled.core.batch import Batch
from unfooled.core.target import Access, Model
from unfooled.goals import Misclassify
from unfooled.models.adaptive import Logarithms
from unfooled.models.readout import Features, Readouts, find_features

from .subject import Reading, Subject, added, everyone, paid

EXAMPLES, INNER, CONTROLS = 12, 64, 32
"""Problems posed, points of the set behind each, and random draws of the control."""

ROOM, CLOSE = 0.95, 0.999
"""Share of the radius that the inner points fill, and how far towards the planted point the boundary is moved."""

RIDGE = 1.0
"""What is added to the variance of the inner features, in their mean over inner points: less of it fits their noise."""


def planted(subject: Subject) -> Reading:
    """Plant a boundary near each example with one point of the rim beyond it, and let the audit's attacks look there.

    The boundary is that of a new linear readout on the model's own features, which tells one point of the rim from the
    clean example and random points further inside. Attacks see the new model only.

    Reference:
        Zimmermann, Brendel, Tramer and Carlini. Increasing confidence in adversarial robustness evaluations. NeurIPS
        2022. https://arxiv.org/abs/2206.13991, section 4.
        Differs from the paper: 64 inner points instead of 999, half of them on a smaller set's rim; the readout is a
        ridge discriminant in closed form instead of a trained one.
    """
    subject = subject.first(EXAMPLES)
    found = find_features(_climbed(subject.plan), subject.x)
    if found is None or subject.within.exponent == 0:  # few changed pixels: no smaller set lies all around
        return Reading([])
    problems, asked = _posed(subject, found)
    fits = problems.fits.cpu().numpy()
    wave = subject.wave[fits]
    standing, costs = wave, [asked]
    posed = _two_classes(subject, problems.readouts)
    for stage in meant_for(subject.plan.stages, subject.threat):
        if stage.attack.needs is Access.GRADIENT and not obstacle(stage, subject.threat) and len(standing):
            broken, cost = posed.attacked(stage.attack, standing)
            standing = standing[~broken]
            costs.append(cost)
    chance = int((problems.by_chance & problems.fits).sum())
    rows = [
        subject.measured("planted boundaries that the attacks found", len(wave) - len(standing), len(wave)),
        subject.measured("planted boundaries that noise found", chance, len(wave)),
    ]
    return added([*costs, Reading(rows if len(wave) else [])])


def _climbed(plan: Plan) -> Model:
    """Give the user's model, with the stand-ins through which remedies climb it."""
    copied = plan.model if plan.adapted is None else plan.adapted.copy
    return copied.model if isinstance(copied, Logarithms) else copied


class _Problems(NamedTuple):
    """What was planted, (n,) each: readouts, which of them are problems at all, and which noise solves."""

    readouts: Readouts
    fits: Tensor
    by_chance: Tensor


def _posed(subject: Subject, found: Features) -> tuple[_Problems, Reading]:
    x, within, draws = subject.x, subject.within, subject.draws
    target = subject.target(len(x), model=found)
    inside = within.resized(ROOM * within.radius)

    def ask(points: Batch) -> Tensor:
        return cast(Tensor, target.answer(points, everyone(points)).scores)

    half = INNER // 2
    points = [x, *(draw(x, draws, 1 + turn) for draw in (inside.start, inside.corner) for turn in range(half))]
    inner = torch.stack([ask(point) for point in points], dim=1)
    rim = ask(within.corner(x, draws, 0))
    fitted = [_readout(*pair) for pair in zip(inner.double(), rim.double(), strict=True)]
    weight, origin, level, fits = (torch.stack(parts) for parts in zip(*fitted, strict=True))
    readouts = Readouts(found, x.ids, weight.float(), origin.float(), level.float())
    read = partial(readouts.scores, ids=x.ids)
    others = [read(ask(within.corner(x, draws, 1 + half + turn))) for turn in range(CONTROLS)]
    by_chance = torch.stack([scores[:, 1] > scores[:, 0] for scores in others]).any(dim=0)
    fits &= read(rim)[:, 1] > 0
    return _Problems(readouts, fits, by_chance), paid(target, [])


def _readout(inner: Tensor, rim: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Tell one point (d,) from many (m, d): weight (d,), origin (d,), level () and whether it can be told.

    The weight is (S + r I)^-1 (rim - mean) with the scatter S of the inner points, by an inverse of size m.
    """
    origin = inner.mean(dim=0)
    cloud, way = inner - origin, rim - origin
    gram = cloud @ cloud.T
    ridge = (RIDGE * gram.diagonal().mean()).clamp(min=1e-12)
    system = gram + ridge * torch.eye(len(gram), dtype=gram.dtype, device=gram.device)
    weight = way - cloud.T @ torch.linalg.solve(system, cloud @ way)
    highest, beyond = (cloud @ weight).max(), way @ weight
    gap = beyond - highest
    fits = gap > 1e-4 * beyond.abs()
    scale = 1 / gap.clamp(min=1e-12)
    return weight * scale, origin, (highest + CLOSE * gap) * scale, fits


def _two_classes(subject: Subject, readouts: Readouts) -> Subject:
    """Give the same examples, all of class 0, under the planted readouts and the same set."""
    plan = subject.plan
    examples = replace(plan.examples, y=torch.zeros_like(plan.examples.y))
    posed = replace(plan, model=readouts, classes=2, examples=examples, preparation="off", adapted=None)
    threat = replace(subject.threat, goal=Misclassify(), carrier=None, trials=1, quorum=1.0)
    nothing = np.zeros_like(subject.clean.label)
    clean = replace(subject.clean, label=nothing, scores=None)
    return replace(subject, plan=posed, threat=threat, clean=clean)
