"""A surrogate out of the target's own answers: a small net that learns to say what the target says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from unfooled.core.answer import Answer
from unfooled.core.batch import Batch
from unfooled.core.errors import InputError
from unfooled.core.target import Access, Model, Target

from .black_box import check_grant
from .classifier import Classifier, wrap

_RATE, _TOGETHER, _CHANNELS = 2e-3, 64, 32


@dataclass(frozen=True)
class Distilled:
    """What came of it.

    Attributes:
        model: The surrogate.
        queries: How often the target was asked.
        agreement: Share of the points asked about on which both give one label, 0 to 1.
    """

    model: Classifier
    queries: int
    agreement: float


def distil(
    given: object,
    x: Tensor,
    classes: int,
    *,
    access: Access = Access.SCORES,
    rounds: int = 3,
    reach: float = 0.1,
    epochs: int = 20,
    batch: int = 16,
    seed: int = 0,
) -> Distilled:
    """Train a small CNN to answer as a model does that can only be asked.

    Each round but the first doubles the points: every one moves along the sign of the surrogate's slope for the
    target's answer, to where the surrogate is about to be wrong, and the target is asked about those.

    Args:
        given: The target: a torch module in eval mode, or an adapter.
        x: Pictures of the attacker's own, (n, c, h, w); labels are not needed.
        classes: How many classes the target has.
        access: SCORES learns from scores, DECISION from labels alone.
        rounds: Rounds, 1 or more: they cost n * 2**(rounds - 1) queries.
        reach: How far points move, above 0.
        epochs: Passes over all points of a round.
        batch: Rows of a pass to the target.
        seed: Of all randomness.

    Raises:
        InputError: x are no pictures in [0, 1], a setting is out of range, or the target has other classes.
        AccessError: The model tells less than `access`.

    Reference:
        Papernot, McDaniel, Goodfellow, Jha, Celik and Swami. Practical black-box attacks against machine learning.
        ASIA CCS 2017. https://arxiv.org/abs/1602.02697, section 4.
        Differs from the paper: scores are learned from where they are told; the net goes on learning, it does not begin
        anew each round; no reservoir sampling.
    """
    _check(x, rounds, reach, epochs)
    model = wrap(given)
    check_grant(model, access)
    with torch.random.fork_rng(devices=[]), torch.enable_grad():
        torch.manual_seed(seed)
        net = _net(x.shape[1], min(x.shape[2:]), classes).to(x.device)
        points, wanted, queries = x.float(), x.new_zeros((0, classes)), 0
        for place in range(rounds):
            fresh = points[len(wanted) :]
            wanted = torch.cat([wanted, _told(model, access, fresh, classes, batch=batch)])
            queries += len(fresh)
            _learn(net, points, wanted, epochs)
            if place < rounds - 1:
                points = torch.cat([points, _moved(net, points, wanted.argmax(dim=1), reach)])
    with torch.no_grad():
        agreement = float((_labels(net, points) == wanted.argmax(dim=1)).float().mean())
    names = model.describe()["classes"]
    frozen = net.eval().requires_grad_(False)
    return Distilled(Classifier(frozen, classes=names and tuple(names), name="distilled"), queries, agreement)


def _check(x: Tensor, rounds: int, reach: float, epochs: int) -> None:
    if x.ndim != 4 or not len(x):
        raise InputError("A surrogate is distilled from pictures", f"shape {tuple(x.shape)}", "Give (n, c, h, w).")
    if not x.is_floating_point() or not bool(((x >= 0) & (x <= 1)).all()):
        found = f"{x.dtype}, {float(x.min()):g} to {float(x.max()):g}"
        raise InputError("A surrogate is distilled from pictures in [0, 1]", found, "Give floats: x / 255.")
    if rounds < 1 or not reach > 0 or epochs < 1:
        found = f"rounds={rounds}, reach={reach:g}, epochs={epochs}"
        raise InputError("A surrogate is distilled in rounds of epochs, with a reach above 0", found, "Give 1 or more.")


def _told(model: Model, access: Access, x: Tensor, classes: int, *, batch: int) -> Tensor:
    """Ask the target: probabilities (r, k), or 1 at the label."""
    everyone = torch.arange(len(x), device=x.device)
    answer = Target(model, access, len(x), batch=batch, device=x.device).answer(Batch(x, everyone), everyone)
    return _probabilities(answer, classes)


def _probabilities(answer: Answer, classes: int) -> Tensor:
    scores = answer.scores
    told = scores.shape[1] if scores is not None else max(classes, int(answer.labels.max()) + 1)
    if told != classes:
        raise InputError("The target has other classes", f"{told}, not {classes}", f"Give classes={told}.")
    if scores is not None and not bool(scores.isfinite().all()):
        raise InputError("The target's scores are no numbers", "NaN or infinity", "Leave such pictures out.")
    if scores is None:
        return functional.one_hot(answer.labels.clamp(min=0), classes).float()
    sums = scores.sum(dim=1)
    known = bool((scores >= 0).all()) and bool(((sums - 1).abs() < 1e-3).all())  # it tells probabilities already
    return scores if known else scores.softmax(dim=1)


def _learn(net: nn.Module, x: Tensor, wanted: Tensor, epochs: int) -> None:
    adam = torch.optim.Adam(net.parameters(), _RATE)
    for _ in range(epochs):
        for rows in torch.split(torch.randperm(len(x)), _TOGETHER):
            adam.zero_grad(set_to_none=True)
            functional.cross_entropy(net(x[rows]), wanted[rows]).backward()  # type: ignore[no-untyped-call]
            adam.step()


def _moved(net: nn.Module, x: Tensor, labels: Tensor, reach: float) -> Tensor:
    values = x.clone().requires_grad_()
    loss = functional.cross_entropy(net(values), labels, reduction="sum")
    (grad,) = torch.autograd.grad(loss, values)
    return (x + reach * grad.sign()).clamp(0, 1)


def _labels(net: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    return torch.cat([net(part).argmax(dim=1) for part in torch.split(x, _TOGETHER)])


def _net(channels: int, side: int, classes: int) -> nn.Module:
    """Build a small CNN for pictures of one size: it halves them until few pixels are left."""
    layers: list[nn.Module] = []
    wide = _CHANNELS
    while side > 4:
        layers += [nn.Conv2d(channels, wide, 3, stride=2, padding=1), nn.ReLU()]
        channels, wide, side = wide, min(2 * wide, 128), (side + 1) // 2
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(4), nn.Flatten(), nn.Linear(16 * channels, classes))
