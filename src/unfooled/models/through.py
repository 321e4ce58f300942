"""Watchers of torch's operations: some get another gradient, some are counted; what they answer stays as it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

Fault = Literal["rounding", "detachment", "shattering"]
"""How a gradient is broken: what is flat and jumps, what is smooth with another gradient, what jumps all the same."""

_NAMES: dict[str, Fault] = {
    **dict.fromkeys(("round", "floor", "ceil", "trunc", "fix", "sign", "sgn"), "rounding"),
    "detach": "detachment",
}
FLAT = {getattr(home, name): fault for name, fault in _NAMES.items() for home in (torch, Tensor)}


class StraightThrough(TorchFunctionMode):
    """Within it, what rounds, takes signs or cuts the graph hands its gradient on unchanged; answers stay.

    Args:
        seen: Told the name of each such operation that met something that hangs on the input.

    Reference:
        Bengio, Léonard and Courville. Estimating or propagating gradients through stochastic neurons for conditional
        computation. 2013. https://arxiv.org/abs/1308.3432, section 4.
        Differs from the paper: the output is also that of operations other than a threshold.
    """

    def __init__(self, seen: Callable[[str, Fault], None] | None = None) -> None:
        super().__init__()
        self._seen = seen

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Call an operation of torch."""
        if func is Tensor.numpy:  # what was detached for it hangs on the input here
            args = (args[0].detach(), *args[1:])
        answer = func(*args, **(kwargs or {}))
        fault = FLAT.get(func)
        if fault is None or not (torch.is_grad_enabled() and args[0].requires_grad):
            return answer
        if self._seen is not None:
            self._seen(func.__name__, fault)
        return answer.detach() + (args[0] - args[0].detach())


class OwnGradients(TorchFunctionMode):
    """Counts the gradients that are taken within it and that nobody can differentiate again."""

    def __init__(self) -> None:
        super().__init__()
        self.taken = 0

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Call an operation of torch."""
        self.taken += func in (torch.autograd.grad, Tensor.backward) and not (kwargs or {}).get("create_graph")
        return func(*args, **(kwargs or {}))
