"""Models for searches where the model's own gradients lead nowhere: they answer as deployed and climb otherwise."""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from unfooled.core.answer import Answer
from unfooled.core.batch import Batch
from unfooled.core.target import Model

from .classifier import Classifier
from .prepare import Prepared
from .survey import Survey
from .through import StraightThrough


def straightened(model: Classifier, broken: Survey) -> Classifier:
    """Copy a model so that what breaks its gradients is differentiated as if it only scaled what it is given (BPDA).

    What it answers is what the model answers, to the last bit.

    Args:
        model: The user's model; it is left alone.
        broken: Operations and parts that break gradients.

    Reference:
        Athalye, Carlini and Wagner. Obfuscated gradients give a false sense of security: circumventing defenses to
        adversarial examples. ICML 2018. https://arxiv.org/abs/1802.00420, section 4.1.
        Differs from the paper: the parts are found by measurement, and the stand-in for each is its own mean slope
        along the way to a random point, instead of a differentiable function designed for it.
    """
    module = copy.deepcopy(model.module).requires_grad_(False)
    for part in broken.parts:
        module.get_submodule(part.name).register_forward_hook(_standing_in(part.slope))
    return replace(model, module=_Through(module) if broken.operations else module)


class _Through(nn.Module):
    """Runs a module with the gradients of flat operations handed on."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, values: Tensor, *rest: Tensor) -> object:
        with StraightThrough():
            return self.module(values, *rest)


def _standing_in(slope: float) -> Any:
    """Make a hook that keeps a part's output and gives it the gradient of a scaled input."""

    def hook(_: nn.Module, given: tuple[Tensor, ...], answer: Tensor) -> Tensor:
        return answer.detach() + slope * (given[0] - given[0].detach())

    return hook


@dataclass(frozen=True)
class Logarithms:
    """A model that gives probabilities, climbed by their logarithms: as scores before a softmax, up to a constant.

    Attributes:
        model: The model.
    """

    model: Model

    @property
    def device(self) -> torch.device:
        """See `Model.device`."""
        return self.model.device

    def answer(self, x: Batch) -> Answer:
        """Answer as deployed."""
        return self.model.answer(x)

    def outputs(self, x: Batch, prompt: Tensor | None = None) -> Tensor:
        """Give differentiable log-probabilities, (n, k)."""
        given = self.model.outputs(x, prompt)
        return given.clamp(min=torch.finfo(given.dtype).tiny).log()

    def read(self, outputs: Tensor) -> Answer | None:
        """See `Model.read`."""
        return self.model.read(outputs)

    def describe(self) -> dict[str, Any]:
        """See `Model.describe`."""
        return self.model.describe()


def adapted(model: Model, broken: Survey | None, *, logarithms: bool, draws: int) -> Prepared | None:
    """Make the model that searches meet where remedies are carried out; None where nothing can be done.

    Args:
        model: The user's model; it is left alone.
        broken: What breaks gradients in it; None where that is left as it is. Stand-ins need a `Classifier`.
        logarithms: Whether it gives probabilities, whose logarithms are to be climbed.
        draws: Draws of a random model to average each gradient over, 1 or more.
    """
    copied, steps = model, []
    named = [] if broken is None else [*broken.operations, *(part.name for part in broken.parts)]
    if broken is not None and broken.mends and isinstance(model, Classifier):
        copied = straightened(model, broken)
        steps.append(f"stand-ins for {', '.join(named)}")
    if logarithms:
        copied = Logarithms(copied)
        steps.append("logarithms of its probabilities")
    if draws > 1:
        steps.append(f"gradients averaged over {draws} draws")
    return Prepared(model, copied, "; ".join(steps), draws=draws, lenient=True) if steps else None
