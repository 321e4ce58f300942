"""What breaks the gradients of a module: operations that are known for it, and parts that are found by moving them."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor, nn

from unfooled.core.batch import Batch
from unfooled.core.rows import inner
from unfooled.core.seeds import reseeded

from .classifier import Classifier
from .through import Fault, StraightThrough

FAR, NEAR, NEARER = 1.0, 1e-2, 1e-3
"""Lengths of a move, as shares of the way between two inputs of a part."""

HALF, STRAIGHT, DEAD, JUMP, SOME = 0.5, 0.1, 0.1, 0.1, 0.1
PASSES = 8
"""What a survey costs, in forward passes of the whole: two to listen, one to watch, each part four and a gradient."""


class Part(NamedTuple):
    """A part of a module that breaks its gradients.

    Attributes:
        name: Its path, as `nn.Module.get_submodule` takes it.
        fault: How.
        slope: How much it changes by, for each unit that its input changes by.
    """

    name: str
    fault: Fault
    slope: float


class Survey(NamedTuple):
    """What was found out about a module.

    Attributes:
        operations: Names of torch's operations in it whose gradient is zero, and how that breaks its gradients.
        parts: Parts that break gradients even so, innermost first.
    """

    operations: dict[str, Fault]
    parts: tuple[Part, ...]

    @property
    def mends(self) -> bool:
        """Whether anything was found for which another can stand in."""
        return bool(self.operations or self.parts)


class _Way(NamedTuple):
    """What reached a part: where it stood, and where the moved input brought it."""

    here: Tensor
    there: Tensor


def survey(model: Classifier, x: Batch, moved: Batch, seed: int = 0) -> Survey:
    """Look for what breaks gradients.

    Only parts are asked that give a tensor of the shape they take, since another can stand in for them, and that are
    no layer of torch's own, which know their gradients. A part around one that was found is not asked.

    Args:
        model: The user's model; it is left alone.
        x: Examples, (n, ...).
        moved: The same, each moved to another place that an attacker may choose.
        seed: Of a random part: it is moved under one lot.
    """
    ways = _listened(model, x, moved, seed)
    found: list[Part] = []
    for name, way in sorted(ways.items(), key=lambda item: -item[0].count(".")):
        if any(part.name.startswith(f"{name}.") for part in found):
            continue
        try:
            part = _asked(name, partial(_run, model.module.get_submodule(name), seed), way)
        except _UnfitError:
            continue
        found += [part] if part is not None else []
    try:
        operations = _seen(model, x, seed)
    except _UnfitError:
        operations = {}
    return Survey(operations, tuple(found))


def _seen(model: Classifier, x: Batch, seed: int) -> dict[str, Fault]:
    """Watch a pass for operations whose gradient is zero; none where it fails with their gradients handed on."""
    seen: dict[str, Fault] = {}
    values = x.values.clone().requires_grad_()
    try:
        with torch.enable_grad(), reseeded(seed, values.device), StraightThrough(seen.__setitem__):
            model.outputs(x.holding(values))
    except Exception as error:
        raise _UnfitError from error
    return seen


def _listened(model: Classifier, x: Batch, moved: Batch, seed: int) -> dict[str, _Way]:
    """Write down what each part is given for x and for x moved, the first time it is asked."""
    takes: list[dict[str, Tensor]] = []

    def listen(name: str, _: nn.Module, given: tuple[object, ...]) -> None:
        if len(given) == 1 and isinstance(given[0], Tensor) and given[0].is_floating_point():
            takes[-1].setdefault(name, given[0].detach().clone())

    with ExitStack() as hooks, torch.no_grad():
        for name, part in model.module.named_modules():
            if name and not type(part).__module__.startswith("torch.nn"):
                hooks.callback(part.register_forward_pre_hook(partial(listen, name)).remove)
        for batch in (x, moved):
            takes.append({})
            with reseeded(seed, x.values.device):
                model.outputs(batch)
    first, second = takes
    kept = (name for name in first if name in second and first[name].shape == second[name].shape)
    return {name: _Way(first[name], second[name]) for name in kept}


_Run = Callable[..., Tensor]


class _UnfitError(Exception):
    """A part cannot be asked alone, or gives no tensor of the shape that it takes."""


def _run(part: nn.Module, seed: int, values: Tensor, seen: Callable[[str, Fault], None] | None = None) -> Tensor:
    try:
        with reseeded(seed, values.device), StraightThrough(seen):
            answer = part(values.clone())  # a part may write into what it is given
    except Exception as error:
        raise _UnfitError from error
    if not isinstance(answer, Tensor) or answer.shape != values.shape:
        raise _UnfitError
    return answer


def _asked(name: str, part: _Run, way: _Way) -> Part | None:
    """Hold the gradient of a part against what it does on its way; None where they agree.

    What is flat nearby and yet moves far off rounds; what is straight nearby and has another gradient was detached;
    what changes nearby nearly as much as far off jumps. Known operations jump too, and hand their gradient on here.
    """
    move = way.there - way.here
    with torch.no_grad():
        level = part(way.here)
        far, near, nearer = (part(way.here + scale * move) - level for scale in (FAR, NEAR, NEARER))
    came, slope, closer = inner(far, move), inner(near, move) / NEAR, inner(nearer, move) / NEARER
    counted = (came.abs() > 0) & came.isfinite()
    if not bool(counted.any()):
        return None
    pulled, explained = _pulled(part, way.here, move)
    promised = inner(pulled, move)
    straight = (_differ(slope, closer) <= STRAIGHT) & (slope != 0)
    faults: tuple[tuple[Fault, Tensor, float], ...] = (
        ("detachment", straight & (_differ(slope, promised) > HALF), HALF),
        ("rounding", ~straight & (promised.abs() <= DEAD * came.abs()), HALF),
        ("shattering", (_highest(near) > JUMP * _highest(far)) & (not explained), SOME),
    )
    mean = float(came[counted].sum() / inner(move, move)[counted].sum())
    for fault, rows, share in faults:
        if float(rows[counted].double().mean()) > share:
            return Part(name, fault, mean if mean > 0 else 1.0)
    return None


def _pulled(part: _Run, values: Tensor, along: Tensor) -> tuple[Tensor, bool]:
    """Give the part's vector-Jacobian product, zero where it has none, and whether known operations break it."""
    seen: dict[str, Fault] = {}
    with torch.enable_grad():
        inputs = values.clone().requires_grad_()
        answer = part(inputs, seen.__setitem__)
        if not answer.requires_grad:
            return torch.zeros_like(values), bool(seen)
        try:
            (pulled,) = torch.autograd.grad(answer, inputs, along, allow_unused=True)
        except RuntimeError as error:
            raise _UnfitError from error
    return torch.zeros_like(values) if pulled is None else pulled.nan_to_num(), bool(seen)


def _differ(one: Tensor, other: Tensor) -> Tensor:
    """Tell by what share of the larger two numbers differ, (n,); 0 where both are zero."""
    larger = torch.maximum(one.abs(), other.abs())
    return torch.where(larger > 0, (one - other).abs() / larger.clamp(min=1e-300), 0.0)


def _highest(values: Tensor) -> Tensor:
    return values.flatten(1).abs().amax(dim=1)
