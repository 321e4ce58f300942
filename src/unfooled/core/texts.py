"""Batches of code points as strings, and back."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from .batch import Batch


def strings(x: Batch) -> list[str]:
    """Give the texts of a batch of code points (n, t), without their padding."""
    points = x.values.cpu().numpy().astype("<u4")
    lengths = [points.shape[1]] * len(x) if x.lengths is None else x.lengths.tolist()
    return [
        row[:length].tobytes().decode("utf-32-le", "surrogatepass") for row, length in zip(points, lengths, strict=True)
    ]


def batch_of(texts: Sequence[str], ids: Tensor, width: int) -> Batch:
    """Make a batch of code points (n, width) of n texts, none of them longer; padding is 0."""
    points = np.zeros((len(texts), width), np.int64)
    for row, text in zip(points, texts, strict=True):
        row[: len(text)] = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), "<u4")
    lengths = torch.tensor([len(text) for text in texts], dtype=torch.int64, device=ids.device)
    return Batch(torch.from_numpy(points).to(ids.device), ids, lengths)
