"""Which classes to try under an untargeted goal."""

from __future__ import annotations

import torch
from torch import Tensor

from unfooled.core.attack import Problem
from unfooled.core.threat import Ball


def likeliest_others(problem: Problem[Ball], count: int) -> list[Tensor]:
    """Rank the classes besides the label by their clean scores, likeliest first.

    Costs one forward an example where no hint tells the order.

    Args:
        problem: The problem, of n examples that know k classes.
        count: Most classes to give.

    Returns:
        At most `count` and at most k - 1 tensors (n,) of classes: first everybody's likeliest, then the second.
    """
    order = _order(problem)
    own = order == problem.y.unsqueeze(1)
    others = order.gather(1, own.to(torch.int8).argsort(dim=1, stable=True))  # the label moves to the end
    return list(others[:, : min(count, order.shape[1] - 1)].unbind(dim=1))


def _order(problem: Problem[Ball]) -> Tensor:
    """Know or ask for the order of the classes, (n, k); any order will do for examples that can pay no answer."""
    if problem.hints.order is not None:
        return problem.hints.order
    owner = problem.everyone()
    owner = owner[problem.target.affords(owner)]
    if not len(owner):
        return problem.y.unsqueeze(1)
    asked = problem.target.losses(problem.x.rows(owner), _ranked, owner).loss
    return asked[:1].repeat(len(problem.x), 1).index_copy(0, owner, asked)


def _ranked(scores: Tensor, owner: Tensor) -> Tensor:
    return scores.argsort(dim=1, descending=True, stable=True)
