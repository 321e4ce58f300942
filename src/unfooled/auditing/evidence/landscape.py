"""What the margin does along the way that gradients point: by one step of growing length, and by a short climb."""

from __future__ import annotations

import torch
from torch import Tensor

from .subject import Reading, Subject, everyone, paid

EXAMPLES = 32
LENGTHS = (0.125, 0.25, 0.5, 0.75, 1.0)
"""Of the one step, as shares of the radius."""

STEPS, STEP, NOISES = 8, 0.25, 4
"""Of the climb, in shares of the radius, and random points of the rim that it must beat."""


def ray(subject: Subject) -> Reading:
    """Follow one gradient to the rim: where it breaks nothing, is the margin highest there, or does it lead away?

    Reference:
        Kim, Lee and Lee. Understanding catastrophic overfitting in single-step adversarial training. AAAI 2021.
        https://arxiv.org/abs/2010.01799, section 3: nets that mask are broken by shorter steps, not by the full one.
        Differs from the paper: margins are compared instead of errors.
    """
    subject = subject.first(EXAMPLES)
    x, within, target, objective = subject.x, subject.within, subject.target(len(subject.x)), subject.objective()
    climb = target.gradient(x, objective, everyone(x))
    way = within.steepest(climb.grad, x, x)
    ends = [within.project(x.holding(x.values + length * within.radius * way), x) for length in LENGTHS]
    gains = torch.stack([target.losses(end, objective, everyone(x)).loss for end in ends])
    turned = (gains[-1] < gains[:-1].amax(dim=0)) & (gains[-1] <= 0)
    share = float(turned.double().mean())
    return paid(target, [subject.measured("rays that are highest before the rim", share, len(x))])


def climbs(subject: Subject) -> Reading:
    """Climb without leaving at the first success: where do gradients end, and do they lead higher than noise?

    Reference:
        Carlini, Athalye, Papernot, Brendel, Rauber, Tsipras, Goodfellow, Madry and Kurakin. On evaluating adversarial
        robustness. 2019. https://arxiv.org/abs/1902.06705, section 5: attacks must beat random noise.
        Differs from the paper: each example is compared by its margin, not all by a success rate.
    """
    subject = subject.first(EXAMPLES)
    x, within, target, objective = subject.x, subject.within, subject.target(len(subject.x)), subject.objective()
    x_t, best = x, torch.full((len(x),), -torch.inf, device=x.values.device)
    for _ in range(STEPS):
        climb = target.gradient(x_t, objective, everyone(x))
        best = torch.maximum(best, _number(climb.loss))
        way = within.steepest(climb.grad.nan_to_num(), x_t, x)
        x_t = within.project(x_t.holding(x_t.values + STEP * within.radius * way), x)
    last = target.gradient(x_t, objective, everyone(x))
    best = torch.maximum(best, _number(last.loss))
    ends = ~(last.grad.flatten(1).abs().amax(dim=1) > 0)  # NaN too
    noise = [within.corner(x, subject.draws, draw) for draw in range(NOISES)]
    rim = torch.stack([_number(target.losses(point, objective, everyone(x)).loss) for point in noise]).amax(dim=0)
    rows = [
        subject.measured("climbs that end where no gradient is", float(ends.double().mean()), len(x)),
        subject.measured("climbs that end without numbers", float((~last.loss.isfinite()).double().mean()), len(x)),
        subject.measured("climbs that gain no more than noise", float((best <= rim).sum()), len(x)),
    ]
    return paid(target, rows)


def _number(loss: Tensor) -> Tensor:
    """Rate an answer without numbers below all others."""
    return loss.nan_to_num(nan=-torch.inf)
