"""What nets are trained by."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from unfooled.core.errors import InputError

from .lesson import Lesson, blame


@dataclass(frozen=True)
class Adversarial:
    """The cross-entropy of the perturbed examples alone."""

    passes: float = 1.0

    def __call__(self, lesson: Lesson, x_t: Tensor) -> Tensor:
        """See `Objective`."""
        return blame(lesson.net, x_t, lesson.y).mean()


@dataclass(frozen=True)
class Blended:
    """The cross-entropy of x and that of x_t, in shares.

    Attributes:
        share: Of x, 0 to 1.

    Reference:
        Goodfellow, Shlens and Szegedy. Explaining and harnessing adversarial examples. ICLR 2015.
        https://arxiv.org/abs/1412.6572, section 6.
        Differs from the paper: any search finds x_t.
    """

    share: float = 0.5
    passes: float = 2.0

    def __call__(self, lesson: Lesson, x_t: Tensor) -> Tensor:
        """See `Objective`."""
        here, there = blame(lesson.net, torch.cat([lesson.x.values, x_t]), lesson.y.repeat(2)).chunk(2)
        return self.share * here.mean() + (1 - self.share) * there.mean()


@dataclass(frozen=True)
class Trades:
    """The cross-entropy of x, and how far the answer moves to x_t.

    Attributes:
        beta: Weight of the second, 1 to 10.

    Reference:
        Zhang, Yu, Jiao, Xing, El Ghaoui and Jordan. Theoretically principled trade-off between robustness and
        accuracy. ICML 2019. https://arxiv.org/abs/1901.08573, section 3.3, equation 5.
        Differs from the paper: the search begins at a random point of the set.
    """

    beta: float = 6.0
    passes: float = 2.0

    def __call__(self, lesson: Lesson, x_t: Tensor) -> Tensor:
        """See `Objective`."""
        here, there = lesson.net(torch.cat([lesson.x.values, x_t])).chunk(2)
        return functional.cross_entropy(here, lesson.y) + self.beta * _moved(here, there).mean()


@dataclass(frozen=True)
class Mart:
    """A boosted cross-entropy of x_t, and how far answers move that were unsure of x.

    Attributes:
        beta: Weight of the second.

    Reference:
        Wang, Zou, Yi, Bailey, Ma and Gu. Improving adversarial robustness requires revisiting misclassified examples.
        ICLR 2020. https://openreview.net/forum?id=rklOg6EFwS, section 3.2, equation 11.
        Differs from the paper: nothing.
    """

    beta: float = 6.0
    passes: float = 2.0

    def __call__(self, lesson: Lesson, x_t: Tensor) -> Tensor:
        """See `Objective`."""
        here, there = lesson.net(torch.cat([lesson.x.values, x_t])).chunk(2)
        labels = lesson.y.unsqueeze(1)
        rival = there.softmax(dim=1).scatter(1, labels, 0.0).amax(dim=1)
        boosted = functional.cross_entropy(there, lesson.y, reduction="none") - torch.log(1.0001 - rival)
        unsure = 1 - here.softmax(dim=1).gather(1, labels).squeeze(1)
        loss: Tensor = (boosted + self.beta * _moved(here, there) * unsure).mean()
        return loss


@dataclass(frozen=True)
class Aligned:
    """The cross-entropy of x_t, and how far gradients turn between x and a random point near it.

    Attributes:
        weight: Of the second.

    Reference:
        Andriushchenko and Flammarion. Understanding and improving fast adversarial training. NeurIPS 2020.
        https://arxiv.org/abs/2007.02617, section 4, equation 4.
        Differs from the paper: as in its code, weights follow one of the two gradients alone.
    """

    weight: float = 0.2
    passes: float = 4.0

    def __call__(self, lesson: Lesson, x_t: Tensor) -> Tensor:
        """See `Objective`."""
        net, x = lesson.net, lesson.x
        near = lesson.within.start(x, lesson.draws, lesson.epoch).values
        fixed = self._gradient(lesson, x.values, create_graph=False)
        turned = self._gradient(lesson, near, create_graph=True)
        alike = functional.cosine_similarity(fixed.flatten(1), turned.flatten(1), dim=1)
        loss: Tensor = blame(net, x_t, lesson.y).mean() + self.weight * (1 - alike).mean()
        return loss

    @staticmethod
    def _gradient(lesson: Lesson, values: Tensor, *, create_graph: bool) -> Tensor:
        inputs = values.detach().requires_grad_()
        loss = blame(lesson.net, inputs, lesson.y).sum()
        (grad,) = torch.autograd.grad(loss, inputs, create_graph=create_graph)
        return grad


@dataclass(frozen=True)
class Helped:
    """TRADES, and what a helper says of examples pushed twice as far.

    Attributes:
        beta: Weight of the movement of answers.
        gamma: Weight of the helper's word.
        far: How far an example is pushed, in changes.

    Reference:
        Rade and Moosavi-Dezfooli. Reducing excessive margin to achieve a better accuracy vs. robustness trade-off.
        ICLR 2022. https://openreview.net/forum?id=Azh9QBQ4tR7, section 3, equation 5.
        Differs from the paper: nothing.
    """

    beta: float = 2.5
    gamma: float = 0.5
    far: float = 2.0
    passes: float = 3.5

    def __call__(self, lesson: Lesson, x_t: Tensor) -> Tensor:
        """See `Objective`."""
        x, helper = lesson.x.values, _helper(lesson)
        beyond = x + self.far * (x_t - x)
        with torch.no_grad():
            word = helper(x_t).argmax(dim=1)
        here, there, farther = lesson.net(torch.cat([x, x_t, beyond])).chunk(3)
        moved = self.beta * _moved(here, there).mean()
        return functional.cross_entropy(here, lesson.y) + moved + self.gamma * functional.cross_entropy(farther, word)


@dataclass(frozen=True)
class Tempered:
    """The cross-entropy of scores divided by a temperature, with the label or with a helper's answer.

    Attributes:
        temperature: 1 or more.
        taught: Whether the helper's probabilities, at the same temperature, take the place of the label.

    Reference:
        Papernot, McDaniel, Wu, Jha and Swami. Distillation as a defense to adversarial perturbations against deep
        neural networks. S&P 2016. https://arxiv.org/abs/1511.04508, section IV.
        Differs from the paper: nothing.
    """

    temperature: float = 100.0
    taught: bool = True

    @property
    def passes(self) -> float:
        """See `Objective.passes`."""
        return 1.5 if self.taught else 1.0

    def __call__(self, lesson: Lesson, x_t: Tensor) -> Tensor:
        """See `Objective`."""
        scores = lesson.net(x_t) / self.temperature
        if not self.taught:
            return functional.cross_entropy(scores, lesson.y)
        with torch.no_grad():
            word = (_helper(lesson)(x_t) / self.temperature).softmax(dim=1)
        return functional.cross_entropy(scores, word)


def _moved(here: Tensor, there: Tensor) -> Tensor:
    """Give the divergence of the answers there from those here, (n,)."""
    wanted = here.log_softmax(dim=1)
    return functional.kl_div(there.log_softmax(dim=1), wanted, reduction="none", log_target=True).sum(dim=1)


def _helper(lesson: Lesson) -> torch.nn.Module:
    if lesson.helper is None:
        raise InputError("This recipe learns from a helper", "none", "Train with `harden`, which trains the helper.")
    return lesson.helper
