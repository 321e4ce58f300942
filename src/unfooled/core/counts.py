"""The bill of an attack, example by example."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass
class Counts:
    """Rows spent for each example, (n,) int64: black-box questions apart from white-box passes.

    Attributes:
        queries: Answers to a black box.
        forwards: Forward rows of a white box.
        backwards: Backward rows of a white box.
        dead: Those of them whose gradient was zero or no number, and so pointed nowhere.
    """

    queries: Tensor
    forwards: Tensor
    backwards: Tensor
    dead: Tensor

    @staticmethod
    def zeros(n: int, device: torch.device | str = "cpu") -> Counts:
        """Start a bill for n examples."""
        return Counts(*(torch.zeros(n, dtype=torch.int64, device=device) for _ in range(4)))

    def answers(self) -> Tensor:
        """All answers given, whichever way they were asked for, (n,)."""
        return self.queries + self.forwards
