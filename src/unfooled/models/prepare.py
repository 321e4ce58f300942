"""A private copy of the model that answers the same and costs less: for searches, never for the verdict."""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple, cast, get_args

import torch
from torch import Tensor, nn

from unfooled.core.answer import Answer
from unfooled.core.batch import Batch
from unfooled.core.errors import InputError
from unfooled.core.seeds import Draws, reseeded
from unfooled.core.target import Model
from unfooled.core.tokens import Inside, Legible

from .classifier import Classifier
from .folding import folded

Preparation = Literal["off", "on", "bf16", "compiled"]
_ROWS = 4
_SAME_SIGNS = 0.9999
_SIGNS_OF_BF16 = 0.8
_TINY = 1e-6
_SAME_SCORES = 1e-4


@dataclass(frozen=True)
class Prepared:
    """A model for searches: it answers by itself, and is differentiated through a copy.

    Attributes:
        model: The user's own.
        copy: Gives the same outputs but for the last bits of a sum, at less cost; the model itself where nothing helps.
        steps: What was done to the copy, such as "frozen, folded, channels last"; "as it is" where nothing was.
        exact: Whether the copy's outputs decide a success; else a search has to ask for an answer first.
        draws: Draws of a random model to average over, 1 or more; whoever asks pays for each.
        lenient: Whether outputs that hang on no input by their graph have a gradient of zero instead of none.
    """

    model: Model
    copy: Model
    steps: str = "as it is"
    exact: bool = True
    draws: int = 1
    lenient: bool = False

    @property
    def device(self) -> torch.device:
        """See `Model.device`."""
        return self.model.device

    @property
    def inside(self) -> Inside | None:
        """The inside of a classifier of texts; None where the model shows none."""
        return self.model.inside if isinstance(self.model, Legible) else None

    def answer(self, x: Batch) -> Answer:
        """Answer as deployed."""
        return self.model.answer(x)

    def outputs(self, x: Batch, prompt: Tensor | None = None) -> Tensor:
        """Give differentiable outputs of the copy."""
        outputs = self.copy.outputs(x, prompt)
        unsure = self.copy is self.model or not outputs.requires_grad  # its weights may ask for gradients of their own
        if self.lenient and x.values.requires_grad and unsure:
            return outputs + (0 * x.values).flatten(1).sum(dim=1).view(-1, *[1] * (outputs.ndim - 1))
        return outputs

    def read(self, outputs: Tensor) -> Answer | None:
        """See `Model.read`."""
        return self.model.read(outputs)

    def describe(self) -> dict[str, Any]:
        """Describe the user's own model."""
        return self.model.describe()


@dataclass(frozen=True)
class _Recipe:
    name: str
    fold: bool = False
    channels_last: bool = False


_RECIPES = (
    _Recipe("frozen, folded, channels last", fold=True, channels_last=True),
    _Recipe("frozen, channels last", channels_last=True),
    _Recipe("frozen"),
)


def prepare(model: Model, shape: tuple[int, ...], preparation: Preparation = "on") -> Prepared:
    """Copy a model into a form in which gradients for its input are cheap.

    Weights are frozen, batch norm is folded into the layer before it, pictures are laid out channels last. Each
    form is checked at drawn points against the model itself: scores equal within 1e-4 of their size, and signs of
    the gradient equal on 99.99 % of the entries above a millionth of the largest. The first form that passes is
    taken, or the model itself.

    Args:
        model: The user's model; it is left alone. Adapters other than `Classifier` are handed back as they are.
        shape: Of one input, (c, h, w) or (t,).
        preparation: "off" hands the model back. "bf16" searches in bfloat16 (at least 80 % of the signs must be
            equal), and no success counts before the user's own model confirms it in float32. "compiled" runs
            torch.compile on top, which pays on long audits with one shape of pass.

    Raises:
        InputError: There is no such preparation.
    """
    if preparation not in get_args(Preparation):
        known = ", ".join(get_args(Preparation))
        raise InputError("There is no such preparation", repr(preparation), f"Choose one of {known}.")
    if preparation == "off" or not isinstance(model, Classifier) or next(model.module.parameters(), None) is None:
        return Prepared(model, model)
    points = _points(model, shape)
    wanted = _asked(model, points)
    if wanted is None:
        return Prepared(model, model)
    for recipe in _RECIPES:
        made = _made(model, recipe)
        if made is None or not _agrees(made, points, wanted, _SAME_SIGNS, _SAME_SCORES):
            continue
        return Prepared(model, *_refined(made, recipe.name, preparation, points, wanted))
    return Prepared(model, model)


def _refined(
    made: Classifier, steps: str, preparation: Preparation, points: Batch, wanted: _Asked
) -> tuple[Classifier, str, bool]:
    """Take the last step where one is asked for and the model bears it."""
    if preparation == "bf16":
        halved = replace(made, module=_Halved(made.module))
        if _agrees(halved, points, wanted, _SIGNS_OF_BF16, torch.inf):
            return halved, f"{steps}, bf16", False
    if preparation == "compiled":
        compiled = replace(made, module=cast(nn.Module, torch.compile(made.module, dynamic=False)))
        if _agrees(compiled, points, wanted, _SAME_SIGNS, _SAME_SCORES):
            return compiled, f"{steps}, compiled", True
    return made, steps, True


class _ChannelsLast(nn.Module):
    """Lays pictures out channels last on their way in."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, values: Tensor, *rest: Tensor) -> object:
        return self.module(values.contiguous(memory_format=torch.channels_last), *rest)


class _Halved(nn.Module):
    """Runs a module in bfloat16 where autocast knows that it bears it."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, values: Tensor, *rest: Tensor) -> object:
        with torch.autocast(values.device.type, dtype=torch.bfloat16):
            return self.module(values, *rest)


def _made(model: Classifier, recipe: _Recipe) -> Classifier | None:
    """Make the copy of a recipe; None where the module cannot be copied or traced, or has nothing to lay out."""
    wide = any(isinstance(part, nn.Conv2d) for part in model.module.modules())
    if recipe.channels_last and not wide:
        return None
    try:
        module = _copied(model.module, fold=recipe.fold)
    except _UnfitError:
        return None
    module.requires_grad_(False)
    return replace(model, module=_ChannelsLast(module) if recipe.channels_last else module)


class _UnfitError(Exception):
    """The module cannot be copied, traced or asked; why is told where the model itself is used."""


def _copied(module: nn.Module, *, fold: bool) -> nn.Module:
    try:
        return folded(module) if fold else copy.deepcopy(module)
    except Exception as error:
        raise _UnfitError from error


class _Asked(NamedTuple):
    scores: Tensor
    grad: Tensor


def _points(model: Classifier, shape: tuple[int, ...]) -> Batch:
    """Draw inputs of one shape: not of the data, so that a shard of them is prepared like the whole."""
    ids = torch.arange(_ROWS)
    values = Draws.of(0, "prepare").uniform(shape, ids, "points")
    if len(shape) == 1:
        values = values * 2 - 1
    lengths = torch.full((_ROWS,), shape[-1], device=model.device) if model.takes_lengths else None
    return Batch(values.to(model.device), ids.to(model.device), lengths)


def _asked(model: Classifier, points: Batch) -> _Asked | None:
    """Ask twice with other random state: None where it fails, draws lots, or has no gradient."""
    try:
        first, second = (_asks(model, points, seed) for seed in (0, 1))
    except _UnfitError:
        return None
    return first if torch.equal(first.grad, second.grad) else None


def _asks(model: Classifier, points: Batch, seed: int) -> _Asked:
    values = points.values.clone().requires_grad_()
    try:
        with torch.enable_grad(), reseeded(seed, values.device):
            scores = model.outputs(points.holding(values))
            top = scores.topk(2, dim=1).values
            (grad,) = torch.autograd.grad((top[:, 0] - top[:, 1]).sum(), values)
    except Exception as error:
        raise _UnfitError from error
    return _Asked(scores.detach(), grad)


def _agrees(made: Classifier, points: Batch, wanted: _Asked, signs: float, scores: float) -> bool:
    """Tell whether a copy answers as the model does, and climbs the same way."""
    found = _asked(made, points)
    if found is None or not bool(found.grad.isfinite().all()):
        return False
    size = wanted.scores.abs().amax()
    if not bool(((found.scores - wanted.scores).abs() <= scores * size).all()):
        return False
    largest = wanted.grad.flatten(1).abs().amax(dim=1).view(-1, *[1] * (wanted.grad.ndim - 1))
    counted = wanted.grad.abs() > _TINY * largest
    same = (found.grad.sign() == wanted.grad.sign())[counted]
    return bool(counted.any()) and float(same.double().mean()) >= signs
