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
    order = problem.hints.order
    if order is None:
        order = problem.target.losses(problem.x, _ranked, problem.everyone()).loss
    own = order == problem.y.unsqueeze(1)
    others = order.gather(1, own.to(torch.int8).argsort(dim=1, stable=True))  # the label moves to the end
    return list(others[:, : min(count, order.shape[1] - 1)].unbind(dim=1))


def _ranked(scores: Tensor, owner: Tensor) -> Tensor:
    return scores.argsort(dim=1, descending=True, stable=True)
