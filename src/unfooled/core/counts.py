"""The bill of an attack, example by example."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass
class Counts:
    """Rows spent for each example, (n,) int64: black-box questions apart from white-box passes."""

    queries: Tensor
    forwards: Tensor
    backwards: Tensor

    @staticmethod
    def zeros(n: int, device: torch.device | str = "cpu") -> Counts:
        """Start a bill for n examples."""
        return Counts(*(torch.zeros(n, dtype=torch.int64, device=device) for _ in range(3)))

    def answers(self) -> Tensor:
        """All answers given, whichever way they were asked for, (n,)."""
        return self.queries + self.forwards
