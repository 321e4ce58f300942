"""Where a defence stands: before a module, or inside it."""

from __future__ import annotations

import copy
from collections.abc import Callable

from torch import Tensor, nn

Change = Callable[[Tensor], Tensor]


class Before(nn.Module):
    """Changes inputs (n, ...) before a module sees them."""

    def __init__(self, change: Change, module: nn.Module) -> None:
        super().__init__()
        self.change, self.module = change, module

    def forward(self, values: Tensor, *rest: Tensor) -> object:
        """Answer as the module does to changed inputs."""
        return self.module(self.change(values), *rest)


class Masking(nn.Module):
    """Gives what a function gives; its gradient is the function's, or that of another function where `honest`.

    Attributes:
        honest: Whether gradients are those of the stand-in.
    """

    def __init__(self, function: Change, stand_in: Change) -> None:
        super().__init__()
        self.function, self.stand_in, self.honest = function, stand_in, False

    def forward(self, values: Tensor) -> Tensor:
        """Give the function's values."""
        answer = self.function(values)
        if not self.honest:
            return answer
        smooth = self.stand_in(values)
        return smooth + (answer - smooth).detach()


def before(change: Change, module: nn.Module) -> nn.Module:
    """Put a change of inputs before a copy of a module."""
    return Before(change, copy.deepcopy(module)).eval()


def honest(module: nn.Module) -> nn.Module:
    """Copy a module and let all its masks give the gradients of their stand-ins."""
    copied = copy.deepcopy(module)
    for part in copied.modules():
        if isinstance(part, Masking):
            part.honest = True
    return copied
