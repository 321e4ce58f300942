"""The attacker's instruments: plain functions of scores (r, k) and of two class masks (r, k) bool.

`held` are the classes to leave, `wanted` those to enter. Every loss is higher for a better attack.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from unfooled.core.errors import InputError
from unfooled.core.threat import Loss


class Contest(NamedTuple):
    """The classes that the attacker wants to leave and those they want to enter, (r, k) bool each."""

    held: Tensor
    wanted: Tensor


def one_hot(classes: Tensor, scores: Tensor) -> Tensor:
    """Mark one class a row, (r,), among those of scores (r, k): (r, k) bool."""
    return functional.one_hot(classes, scores.shape[1]).bool()


def members(classes: tuple[int, ...], scores: Tensor) -> Tensor:
    """Mark the same classes in each row of scores (r, k): (r, k) bool."""
    mask = torch.zeros_like(scores, dtype=torch.bool)
    mask[:, list(classes)] = True
    return mask


def _best(scores: Tensor, members: Tensor) -> Tensor:
    return scores.masked_fill(~members, -torch.inf).amax(dim=1)


def margin(scores: Tensor, held: Tensor, wanted: Tensor) -> Tensor:
    """Best wanted score minus best held score, (r,): positive once the goal is reached."""
    return _best(scores, wanted) - _best(scores, held)


def cross_entropy(scores: Tensor, held: Tensor, wanted: Tensor) -> Tensor:
    """Cross-entropy as log-odds of the wanted classes against the held ones, (r,).

    The odds grow with the cross-entropy, and their gradient is that of the cross-entropy divided by the chance
    of failure: the same direction for every goal, but it does not underflow on a model that is very sure.
    """
    inside, outside = torch.stack((wanted, held)), scores.new_full((), -torch.inf)
    log_sums = torch.where(inside, scores, outside).logsumexp(dim=2)  # both at once: small operations cost most
    return log_sums[0] - log_sums[1]


def dlr(scores: Tensor, held: Tensor, wanted: Tensor) -> Tensor:
    """Difference of logits ratio, (r,): the margin over the spread of the three highest scores.

    Reference:
        Croce and Hein. Reliable evaluation of adversarial robustness. ICML 2020.
        https://arxiv.org/abs/2003.01690, section 4, equation 6.
        Differs from the paper: with two classes, where the ratio is constant, it is the margin.
    """
    gap = margin(scores, held, wanted)
    if scores.shape[1] < 3:
        return gap
    top = scores.topk(3, dim=1).values
    return gap / (top[:, 0] - top[:, 2] + 1e-12)


def dlr_targeted(scores: Tensor, held: Tensor, wanted: Tensor) -> Tensor:
    """Targeted difference of logits ratio, (r,).

    Reference:
        Croce and Hein, as `dlr`, equation 7.
        Differs from the paper: with fewer than four classes it is the margin; over the spread of three, it would be -1
        everywhere while the wanted class is the lowest.
    """
    if scores.shape[1] < 4:
        return margin(scores, held, wanted)
    top = scores.topk(4, dim=1).values
    return margin(scores, held, wanted) / (top[:, 0] - (top[:, 2] + top[:, 3]) / 2 + 1e-12)


_TEMPERATURE = 2.0


def rescaled_cross_entropy(scores: Tensor, held: Tensor, wanted: Tensor) -> Tensor:
    """Cross-entropy of scores brought to one scale, (r,): the gap between the best of either side counts as 2.

    However sure the model is, and whatever the scale of its scores, the classes next to the best wanted one keep the
    same say in the direction.

    Reference:
        Yu and Xu. Efficient loss function by minimizing the detrimental effect of floating-point errors on
        gradient-based attacks. CVPR 2023. https://openaccess.thecvf.com/content/CVPR2023, section 4.
        Differs from the paper: the gap is taken to 2, not 1; the cross-entropy is written as log-odds.
    """
    gap = margin(scores, held, wanted).detach().abs().clamp(min=1e-6)
    return cross_entropy(_TEMPERATURE * scores / gap.unsqueeze(1), held, wanted)


def logit(scores: Tensor, held: Tensor, wanted: Tensor) -> Tensor:
    """Best wanted score minus the mean of the held ones, (r,): it goes on climbing where a model is fooled already.

    Reference:
        Zhao, Liu and Larson. On success and simplicity: a second look at transferable targeted attacks. NeurIPS 2021.
        https://arxiv.org/abs/2012.11207, section 3.2.
        Differs from the paper: the mean of the held scores is taken off, so that it hangs on no constant added to all
        scores, and any goal may be climbed.
    """
    mean = torch.where(held, scores, 0.0).sum(dim=1) / held.sum(dim=1).clamp(min=1)
    return _best(scores, wanted) - mean


LOSSES: dict[str, Loss] = {
    "logit": logit,
    "cross-entropy": cross_entropy,
    "rescaled-cross-entropy": rescaled_cross_entropy,
    "margin": margin,
    "dlr": dlr,
    "dlr-targeted": dlr_targeted,
}


def loss_named(name: str) -> Loss:
    """Find a loss by the name that settings use."""
    if name not in LOSSES:
        raise InputError("There is no such loss", repr(name), f"Choose one of {', '.join(LOSSES)}.")
    return LOSSES[name]
