"""The referee: attacks propose, a fresh pass of the user's own model decides."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from unfooled.core.answer import Answer
from unfooled.core.batch import Batch
from unfooled.core.target import Access, Model, Target
from unfooled.core.threat import ThreatModel, firmly_reached


@dataclass(frozen=True)
class Verdict:
    """What the referee found, (n,) each.

    Attributes:
        contained: Whether the threat allows the change.
        hits: In how many of the trials the goal was clearly reached (`core.threat.firmly_reached`).
        label: What the model answered in the last trial.
        confidence: Probability of that answer; NaN where the model gives labels only.
        margin: How far beyond the goal, in scores: negative before it.
        distance: Size of the change in the threat's set.
        broken: Contained, and the goal reached in at least the threat's quorum of trials.
    """

    contained: Tensor
    hits: Tensor
    label: Tensor
    confidence: Tensor
    margin: Tensor
    distance: Tensor
    broken: Tensor


def judge(
    model: Model,
    threat: ThreatModel,
    x_adv: Batch,
    x: Batch,
    y: Tensor,
    *,
    batch: int | None = None,
    seed: int = 0,
) -> Verdict:
    """Judge proposals (n, ...) for clean examples (n, ...) with labels (n,).

    Args:
        model: The user's model as deployed.
        threat: What is allowed and what counts as success.
        x_adv: The proposals.
        x: The clean examples.
        y: Their labels.
        batch: Rows of a pass, as in `Target`.
        seed: Reseeds a stochastic model; each trial is a fresh draw.
    """
    everyone = torch.arange(len(x), device=x.values.device)
    target = Target(model, Access.SCORES, len(x), batch=batch, seed=seed, device=x.values.device)
    hits = torch.zeros(len(x), dtype=torch.int64, device=x.values.device)
    for _ in range(threat.trials):
        answer = target.answer(x_adv, everyone)
        hits += firmly_reached(threat.goal, answer, y)
    contained = threat.within.contains(x_adv, x)
    return Verdict(
        contained=contained,
        hits=hits,
        label=answer.labels,
        confidence=confidence(answer),
        margin=threat.goal.margin(answer, y),
        distance=threat.within.distance(x_adv, x),
        broken=contained & (hits >= threat.quorum * threat.trials) & (hits > 0),
    )


def confidence(answer: Answer) -> Tensor:
    """Give the probability of each answer, (n,): as the model states it, or by the softmax of its scores."""
    scores = answer.scores
    if scores is None:
        return torch.full_like(answer.labels, torch.nan, dtype=torch.float32)
    stated = bool(((scores >= 0).all(dim=1) & ((scores.sum(dim=1) - 1).abs() < 1e-3)).all())
    return (scores if stated else scores.softmax(dim=1)).amax(dim=1)
