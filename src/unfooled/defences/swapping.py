"""Parts of a module exchanged for others, where they are modules and where they are calls (torch.fx)."""

from __future__ import annotations

import copy
from collections.abc import Callable

import torch
from torch import fx, nn
from torch.nn import functional

from unfooled.core.errors import ModelError

_CALLS = (functional.relu, functional.relu_, torch.relu, torch.relu_)


def swapped(module: nn.Module, make: Callable[[], nn.Module]) -> nn.Module:
    """Copy a module with every ReLU exchanged.

    Args:
        module: Any; it is left alone. ReLUs that are calls of functions are found by tracing it.
        make: Makes what takes the place of one ReLU.

    Raises:
        ModelError: There is no ReLU, or those that are calls cannot be found, since the module cannot be traced.
    """
    copied, error = copy.deepcopy(module), None
    try:
        copied, found = _exchange_calls(copied, make)
    except ModelError as opaque:
        found, error = 0, opaque
    found += _exchange_modules(copied, make)
    if found == 0 and error is not None:
        raise error
    if found == 0:
        kinds = sorted({type(part).__name__ for part in module.modules() if not list(part.children())})
        raise ModelError(
            "This model has no ReLU that could be exchanged", f"layers {', '.join(kinds)}", "Choose another recipe."
        )
    return copied.train(module.training)


def _exchange_modules(module: nn.Module, make: Callable[[], nn.Module]) -> int:
    names = [name for name, part in module.named_modules() if isinstance(part, nn.ReLU)]
    for name in names:
        module.set_submodule(name, make())
    return len(names)


def _exchange_calls(module: nn.Module, make: Callable[[], nn.Module]) -> tuple[nn.Module, int]:
    try:
        traced = fx.symbolic_trace(module)
    except Exception as error:
        raise ModelError(
            "The activations of this model cannot be exchanged, since it cannot be traced",
            f"{type(module).__qualname__}: {error}",
            "Write its ReLUs as modules, nn.ReLU(), and try again.",
        ) from error
    nodes = [node for node in traced.graph.nodes if _is_relu(node)]
    if not nodes:
        return module, 0
    for place, node in enumerate(nodes):
        name = f"exchanged_{place}"
        traced.add_submodule(name, make())
        with traced.graph.inserting_after(node):
            put = traced.graph.call_module(name, (node.args[0],))
        node.replace_all_uses_with(put)
        traced.graph.erase_node(node)
    traced.recompile()
    return traced, len(nodes)


def _is_relu(node: fx.Node) -> bool:
    return (node.op == "call_function" and node.target in _CALLS) or (
        node.op == "call_method" and node.target in ("relu", "relu_")
    )
