"""The door: can this model be audited as it stands?"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.dropout import _DropoutNd

from unfooled.core.batch import Batch
from unfooled.core.errors import ModelError, UnfooledError, advice_on
from unfooled.core.seeds import reseeded
from unfooled.core.target import Access, Model

from .black_box import most_access, scores_or_labels
from .classifier import Classifier
from .weights import fingerprint


def check_ready(model: Model, x: Batch) -> int:
    """Check with one forward pass that a model can be audited; its weights, modes and buffers are left alone.

    Args:
        model: A classifier; of another adapter only the scores are checked.
        x: A few clean examples.

    Returns:
        The number of classes k.

    Raises:
        ModelError: It is in training mode, its answers would depend on their batch, it lies on another device, its
            forward pass fails or changes it, or its scores are not (n, k) finite numbers of two classes or more.
    """
    if not isinstance(model, Classifier):
        scores = _attempted(model, x)
        unreadable = most_access(model) is Access.DECISION and bool(scores.isnan().any())
        if unreadable:
            raise ModelError("Clean examples get no label", f"{scores.isnan().any(dim=1).sum()} of {len(x)}", _READ)
        return _classes_in(scores, x)
    _check_devices(model.module, x)
    _check_modes(model.module)
    before = fingerprint(model.module)
    scores = _attempted(model, x)
    if fingerprint(model.module) != before:
        raise ModelError(
            "The model changes its own weights or buffers when it is asked",
            f"another state of {type(model.module).__qualname__} after one forward pass",
            "Call model.eval(), and keep running averages and counters out of its forward pass.",
        )
    classes = _classes_in(scores, x)
    if model.classes is not None and len(model.classes) != classes:
        raise ModelError(
            "The class names do not fit the scores",
            f"{len(model.classes)} names, {classes} scores",
            "Give one name a class, in the order of the scores.",
        )
    return classes


def check_steady(model: Model, x: Batch) -> None:
    """Ask a model that can only be asked the same question twice: nobody can reseed it.

    Raises:
        ModelError: The label of a clean example changes.
    """
    first, second = (scores_or_labels(model, x).argmax(dim=1) for _ in range(2))
    moved = int((first != second).sum())
    if moved:
        raise ModelError(
            "The target answers the same question in two ways",
            f"another label for {moved} of {len(x)} examples, asked twice",
            "Judge it by fresh draws: unfooled.ThreatModel(..., trials=20, quorum=0.5), or make it deterministic.",
        )


_READ = "Check what part of the target's answer is read: `output`."


def _check_devices(module: nn.Module, x: Batch) -> None:
    home = x.values.device
    named = [*module.named_parameters(), *module.named_buffers()]
    away = [f"{name} on {tensor.device}" for name, tensor in named if tensor.device != home]
    if away:
        raise ModelError(
            "The model and the data lie on different devices",
            f"data on {home}, {_some(away)}",
            f"Call model.to('{home}'), or move the data.",
        )


def _check_modes(module: nn.Module) -> None:
    parts = [(name or "the whole model", part) for name, part in module.named_modules()]
    training = [(name, part) for name, part in parts if part.training]
    # Those that answer differently in training mode are the ones to name.
    telling = [(name, part) for name, part in training if isinstance(part, _BatchNorm | _DropoutNd)] or training
    if telling:
        raise ModelError(
            "The model is in training mode",
            _some([f"{name} ({type(part).__name__})" for name, part in telling]),
            "Call model.eval() first. Randomness meant as a defence belongs into forward, not into the mode.",
        )
    batchwise = [name for name, part in parts if isinstance(part, _BatchNorm) and part.running_mean is None]
    if batchwise:
        raise ModelError(
            "Batch norm without running statistics makes an answer depend on the rest of its batch",
            _some(batchwise),
            "Train with track_running_stats=True, or use group norm.",
        )


def _attempted(model: Model, x: Batch) -> Tensor:
    """Try one forward pass; the caller's random state is left alone."""
    try:
        with torch.no_grad(), reseeded(0, x.values.device):
            return model.forward(x) if isinstance(model, Classifier) else scores_or_labels(model, x)
    except UnfooledError:
        raise
    except Exception as error:
        data = f"data of shape {tuple(x.values.shape)}, {x.values.dtype}"
        raise ModelError(
            "The model's forward pass failed",
            f"{type(error).__name__}: {str(error).strip():.400} (on {data})",
            advice_on(error, " ".join(_hints(model, x))),
        ) from error


def _hints(model: Model, x: Batch) -> list[str]:
    hints = []
    if x.values.ndim == 4:
        hints.append(f"Does the model take {x.values.shape[1]} channels?")
        hints.append("If it takes one size only, set Preprocess(size=...), on the command line --size.")
    if isinstance(model, Classifier):
        if x.lengths is not None and not model.takes_lengths:
            hints.append("If its forward takes (values, lengths), set takes_lengths=True.")
        dtypes = {parameter.dtype for parameter in model.module.parameters()} - {x.values.dtype}
        if x.values.is_floating_point() and dtypes:
            hints.append(f"Its weights are {', '.join(sorted(map(str, dtypes)))}: call model.float().")
    return hints or ["Try the model on this data outside unfooled first."]


def _classes_in(scores: Tensor, x: Batch) -> int:
    n, shape = len(x), tuple(scores.shape)
    if scores.ndim != 2 or shape[0] != n:
        raise ModelError(
            "The scores have the wrong shape",
            f"{shape} for {n} examples, wanted ({n}, k)",
            _shape_hint(shape, n),
        )
    if shape[1] < 2:
        raise ModelError("The model gives fewer than two scores an example", str(shape), TWO_CLASSES)
    if not scores.is_floating_point():
        raise ModelError(
            "The scores are not floating-point numbers", str(scores.dtype), "Return scores, not decided labels."
        )
    broken = (~scores.isfinite().all(dim=1)).nonzero().flatten().tolist()
    if broken:
        raise ModelError(
            "The scores of clean examples are not finite",
            f"NaN or infinity for {len(broken)} of {n}, the first at position {broken[0]}",
            "Check the weights, the preprocessing, and for log(0) or overflow in half precision.",
        )
    return shape[1]


TWO_CLASSES = (
    "Give one score for each of two classes: in a module around it, return torch.cat([-s, s], 1) for a logit s (n, 1), "
    "or torch.cat([1 - p, p], 1) for a probability p (n, 1)."
)


def _shape_hint(shape: tuple[int, ...], n: int) -> str:
    if shape == (n,):
        return TWO_CLASSES if n > 1 else "Keep the axis of the batch: it may be lost in a squeeze()."
    if len(shape) == 1:
        return "Keep the axis of the batch: it may be lost in a squeeze() or a mean()."
    if len(shape) > 2 and shape[0] == n and all(side == 1 for side in shape[2:]):
        return "End the model with flatten(1)."
    if len(shape) == 2:
        return "Return one row of scores an example, the batch first."
    return "Return one score a class and example, pooled over space and time."


def _some(names: list[str]) -> str:
    return ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")
