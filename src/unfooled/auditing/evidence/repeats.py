"""Whether the same question gets the same answer: asked again, alone, and after the audit."""

from __future__ import annotations

import torch
from torch import Tensor

from unfooled.auditing.probes.repeats import apart
from unfooled.core.rows import inner, length

from .subject import Reading, Subject, added, everyone, paid

EXAMPLES, RUNS, FEW = 16, 5, 8


def randomness(subject: Subject) -> Reading:
    """Ask the same with other random numbers, and at last with the first ones: answers, and directions of gradients."""
    subject = subject.first(EXAMPLES)
    readings, runs = [], []
    climbs: list[Tensor] = []
    for run in (*range(RUNS), 0):
        target = subject.target(len(subject.x), model=subject.bare, seed=subject.plan.seed + 7919 * (run + 1))
        runs.append(_scores(subject, target.answer(subject.x, everyone(subject.x))))
        if len(climbs) < 2:
            climbs.append(target.gradient(subject.x, subject.objective(), everyone(subject.x)).grad)
        readings.append(paid(target, []))
    moved = torch.stack([run.argmax(dim=1) != runs[0].argmax(dim=1) for run in runs]).any(dim=0)
    n = len(subject.x)
    rows = [
        subject.measured("answers that differ when asked again", max(apart(runs[0], run) for run in runs), n),
        subject.measured("answers that differ by the same lot", apart(runs[0], runs[-1]), n),
        subject.measured("labels that differ when asked again", float(moved.double().mean()), n),
        subject.measured("agreement of two gradients", _cosine(*climbs), n),
    ]
    return added([*readings, Reading(rows)])


def agreement(subject: Subject, draws: int) -> float:
    """Tell how alike two averages of gradients over this many draws are, as a median cosine."""
    subject = subject.first(EXAMPLES)
    climbs = []
    for half in (0, 1):
        seed = subject.plan.seed + 104729 * (half + 1)
        target = subject.target(len(subject.x), model=subject.bare, seed=seed, draws=draws)
        climbs.append(target.gradient(subject.x, subject.objective(), everyone(subject.x)).grad)
    return _cosine(*climbs)


def company(subject: Subject) -> Reading:
    """Ask about examples together and alone."""
    subject = subject.first(FEW)
    model, n = subject.plan.model, len(subject.x)
    together, alone = (subject.target(n, model=model, batch=size) for size in (max(n, 2), 1))
    first, second = (_scores(subject, one.answer(subject.x, everyone(subject.x))) for one in (together, alone))
    rows = [subject.measured("answers that differ alone", apart(first, second), n)]
    return added([paid(together, rows), paid(alone, [])])


def drift(subject: Subject) -> Reading:
    """Ask once more what the audit asked first: a model that changes while it is attacked answers otherwise."""
    if subject.clean.scores is None:
        return Reading([])
    target = subject.target(len(subject.x), model=subject.plan.model)
    now = _scores(subject, target.answer(subject.x, everyone(subject.x)))
    before = torch.from_numpy(subject.clean.scores[subject.wave])
    return paid(target, [subject.measured("answers that differ after the audit", apart(before, now), len(now))])


def _scores(subject: Subject, answer: object) -> Tensor:
    scores: Tensor = answer.scores if answer.scores is not None else answer.labels.unsqueeze(1)  # type: ignore[attr-defined]
    return scores.float().cpu()


def _cosine(one: Tensor, other: Tensor) -> float:
    """Give the median cosine between rows; rows without a direction agree with themselves alone."""
    size = length(one) * length(other)
    same = (one == other).flatten(1).all(dim=1).double()
    return float(torch.where(size > 0, inner(one, other) / size.clamp(min=1e-300), same).nan_to_num().median())
