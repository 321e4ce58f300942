"""Several nets in place of one: the mean of their probabilities."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from unfooled.core.errors import InputError

from .card import Card
from .training.lesson import Lesson
from .training.recipes import Training, untrained


class Voting(nn.Module):
    """Gives the logarithm of the mean probability that its members give, (n, k)."""

    def __init__(self, members: Sequence[nn.Module]) -> None:
        super().__init__()
        self.members = nn.ModuleList(members)

    def forward(self, values: Tensor) -> Tensor:
        """Give scores, (n, k)."""
        votes = torch.stack([member(values).log_softmax(dim=1) for member in self.members])
        return votes.logsumexp(dim=0) - math.log(len(self.members))


@dataclass(frozen=True)
class Several:
    """A net and others of its kind whose weights are drawn anew.

    Attributes:
        members: How many in all, 2 or more.
    """

    members: int
    card: ClassVar[Card] = Card("ensemble", "D", "nothing is trained yet", ignorant="transfer")

    def __post_init__(self) -> None:
        if self.members < 2:
            raise InputError("An ensemble has 2 members or more", self.members, "Give for example members=3.")

    def __call__(self, module: nn.Module) -> nn.Module:
        """See `Layered`."""
        others = [untrained(module, seed) for seed in range(1, self.members)]
        return Voting([copy.deepcopy(module), *others]).eval()

    def seen(self, defended: nn.Module) -> nn.Module:
        """See `Layered.seen`: who knows of an ensemble climbs the mean, as it is deployed."""
        return defended


@dataclass(frozen=True)
class Ensemble:
    """Trains several nets, and deploys the mean of their probabilities.

    Attributes:
        card: See `Defence.card`.
        of: How they are trained.
        members: How many, 2 or more.
        apart: Whether each is trained by itself; else the objective sees all.

    Reference:
        Strauss, Hanselmann, Junginger and Ulmer. Ensemble methods as a defense to adversarial perturbations against
        deep neural networks. 2017. https://arxiv.org/abs/1709.03423, section 4; broken by He, Wei, Chen, Carlini and
        Song. Adversarial example defenses: ensembles of weak defenses are not strong. WOOT 2017.
        https://arxiv.org/abs/1706.04701.
        Differs from the paper: members see the batches in the same order, and differ by the weights they begin with.
    """

    card: Card
    of: Training
    members: int = 3
    apart: bool = True

    @property
    def around(self) -> Several:
        """See `Recipe.around`."""
        return Several(self.members)

    @property
    def passes(self) -> float:
        """See `Recipe.passes`: of one net."""
        return self.members * self.of.passes

    @property
    def helper(self) -> None:
        """See `Recipe.helper`."""

    def safer(self) -> Ensemble | None:
        """See `Recipe.safer`."""
        safer = self.of.safer()
        return None if safer is None else replace(self, of=safer)

    def losses(self, lesson: Lesson) -> Iterator[Tensor]:
        """See `Recipe.losses`: one for each member, or one for all."""
        for net in members_of(lesson.net) if self.apart else [lesson.net]:
            yield from self.of.losses(lesson._replace(net=net))


@dataclass(frozen=True)
class Diverse:
    """The cross-entropies of all members, which are rewarded for spreading what they give to the wrong classes.

    Attributes:
        entropy: Weight of the entropy of the mean.
        diversity: Weight of the logarithm of the volume that the members' wrong classes span.

    Reference:
        Pang, Xu, Du, Chen and Zhu. Improving adversarial robustness via promoting ensemble diversity. ICML 2019.
        https://arxiv.org/abs/1901.08846, section 4, equations 5 to 8.
        Differs from the paper: a millionth is added to the diagonal, so that members that agree have a gradient.
    """

    entropy: float = 2.0
    diversity: float = 0.5
    passes: float = 1.0

    def __call__(self, lesson: Lesson, x_t: Tensor) -> Tensor:
        """See `Objective`."""
        y = lesson.y
        logs = torch.stack([member(x_t).log_softmax(dim=1) for member in members_of(lesson.net)], dim=1)
        wrong = torch.ones_like(logs[:, 0], dtype=torch.bool).scatter(1, y.unsqueeze(1), value=False)
        rest = functional.normalize(logs.exp().transpose(1, 2)[wrong].view(len(y), -1, logs.shape[1]), dim=1)
        volume = rest.transpose(1, 2) @ rest + 1e-6 * torch.eye(logs.shape[1]).to(rest)
        mean = logs.exp().mean(dim=1)
        unsure = -(mean * mean.clamp(min=1e-12).log()).sum(dim=1)
        blame = -logs.gather(2, y.view(-1, 1, 1).expand(-1, logs.shape[1], 1)).sum(dim=(1, 2))
        loss: Tensor = (blame - self.entropy * unsure - self.diversity * volume.logdet()).mean()
        return loss


def members_of(net: nn.Module) -> nn.ModuleList:
    """Give the members of an ensemble."""
    return cast(Voting, net).members
