"""Weights in files and their fingerprint; nothing is ever unpickled that could run code."""

from __future__ import annotations

import hashlib
import pickle
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from unfooled.core.errors import InputError, ModelError

NESTED = ("state_dict", "model_state_dict", "model")
"""Names under which training scripts put the weights beside an optimiser and an epoch."""


def fingerprint(module: nn.Module) -> str:
    """Give the SHA-256 of a module's parameters and buffers: names, dtypes, shapes and bytes, in order of name."""
    digest = hashlib.sha256()
    for name, tensor in sorted(module.state_dict().items()):
        if isinstance(tensor, Tensor):  # a module may put plain values into its state
            digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
            digest.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def settings_of(module: nn.Module) -> str | None:
    """Give the SHA-256 of what our own parts of a module are set to, such as the quality of a codec; None without any.

    Weights do not tell them: two strengths of one defence have the same.
    """
    parts = ((name, part) for name, part in module.named_modules() if type(part).__module__.startswith(_OURS))
    told = [f"{name} {key}={plain}" for name, part in parts for key, value in sorted(vars(part).items())
            if not key.startswith("_") and key != "training" and (plain := _plain(value))]  # fmt: skip
    return hashlib.sha256("\n".join(told).encode()).hexdigest() if told else None


_OURS = ("unfooled.defences.", "unfooled.hardening.", "unfooled.models.")


def _plain(value: object) -> str:
    """Write a setting down; empty for what is none."""
    if isinstance(value, bool | int | float | str | None):
        return repr(value)
    if isinstance(value, Tensor):
        return hashlib.sha256(value.detach().cpu().contiguous().numpy().tobytes()).hexdigest()
    if isinstance(value, partial):
        return f"{_plain(value.func)}{_plain(value.args)}{_plain(tuple(sorted(value.keywords.items())))}"
    if isinstance(value, list | tuple):
        return f"({', '.join(map(_plain, value))})"
    if is_dataclass(value) and not isinstance(value, type):
        told = (f"{one.name}={_plain(getattr(value, one.name))}" for one in fields(value))
        return f"{type(value).__qualname__}({', '.join(told)})"
    return getattr(value, "__qualname__", "")


def load_weights(module: nn.Module, path: Path) -> None:
    """Put the weights of a file into a module.

    Args:
        module: Gets them, by name.
        path: A .safetensors file, or one by `torch.save` that holds tensors alone.

    Raises:
        InputError: There is no such file.
        ModelError: The file is damaged, holds pickled code, or its weights do not fit the module.
    """
    given, wanted = read_weights(path), module.state_dict()
    tensors = {name: tensor for name, tensor in wanted.items() if isinstance(tensor, Tensor)}
    missing, unexpected = sorted(wanted.keys() - given.keys()), sorted(given.keys() - wanted.keys())
    shapes = [
        f"{name} {tuple(given[name].shape)} for {tuple(tensor.shape)}"
        for name, tensor in tensors.items()
        if name in given and given[name].shape != tensor.shape
    ]
    named = {"missing": missing, "unexpected": unexpected, "of another shape": shapes}
    wrong = "; ".join(f"{len(names)} {kind} ({_some(names)})" for kind, names in named.items() if names)
    if wrong:
        prefix = " Strip the prefix 'module.' that DataParallel left." if any(
            name.startswith("module.") for name in unexpected
        ) else ""  # fmt: skip
        raise ModelError(
            f"The weights in {path.name} do not fit {type(module).__qualname__}",
            wrong,
            f"Build the module with the settings it was trained with.{prefix}",
        )
    module.load_state_dict(given)


def read_weights(path: Path) -> dict[str, Tensor]:
    """Read named tensors from a file.

    Raises:
        InputError: There is no such file.
        ModelError: The file is damaged, holds pickled code, or holds no named tensors.
    """
    if not path.is_file():
        raise InputError("No such file of weights", str(path), "Name a .safetensors, .pt or .pth file.")
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        return _named(torch.load(path, map_location="cpu", weights_only=True), path)
    except (pickle.UnpicklingError, OSError, RuntimeError, EOFError, LookupError, ValueError, SafetensorError) as error:
        if isinstance(error, pickle.UnpicklingError) and "Unsupported operand" not in str(error):  # which is rubbish
            raise _pickled(path) from error
        raise ModelError(
            "The file of weights cannot be read",
            f"{path.name}: {error}",
            "Save it again, with safetensors or torch.save(module.state_dict(), ...).",
        ) from error


def _named(stored: Any, path: Path) -> dict[str, Tensor]:
    if isinstance(stored, Mapping):
        nested = next((stored[key] for key in NESTED if isinstance(stored.get(key), Mapping)), stored)
        if nested and all(isinstance(value, Tensor) for value in nested.values()):
            return dict(nested)
    raise ModelError(
        "This file holds no named weights",
        f"{type(stored).__name__} in {path.name}",
        "Save module.state_dict() alone, with safetensors or torch.save.",
    )


def _pickled(path: Path) -> ModelError:
    return ModelError(
        "This file holds pickled code, which could do anything when it is opened",
        path.name,
        "Where you trust it, open it yourself and save the weights alone: "
        "safetensors.torch.save_file(module.state_dict(), 'weights.safetensors').",
    )


def _some(names: list[str]) -> str:
    return ", ".join(names[:4]) + (", ..." if len(names) > 4 else "")
