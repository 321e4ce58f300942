"""Batches of code points as strings, and back."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from .batch import Batch


def strings(x: Batch) -> list[str]:
    """Give the texts of a batch of code points (n, t), without their padding."""
    points = x.values.cpu().numpy()
    lengths = np.full(len(x), points.shape[1]) if x.lengths is None else x.lengths.cpu().numpy()
    together = points[_inside(lengths, points.shape[1])].astype("<u4").tobytes().decode("utf-32-le", "surrogatepass")
    ends = lengths.cumsum().tolist()
    return [together[begin:end] for begin, end in zip([0, *ends], ends, strict=False)]


def batch_of(texts: Sequence[str], ids: Tensor, width: int) -> Batch:
    """Make a batch of code points (n, width) of n texts, none of them longer; padding is 0."""
    lengths = np.array([len(text) for text in texts], np.int64)
    points = np.zeros((len(texts), width), np.int64)
    points[_inside(lengths, width)] = np.frombuffer("".join(texts).encode("utf-32-le", "surrogatepass"), "<u4")
    return Batch(torch.from_numpy(points).to(ids.device), ids, torch.from_numpy(lengths).to(ids.device))


def _inside(lengths: np.ndarray, width: int) -> np.ndarray:
    """Tell what is text and what padding, (n, width)."""
    inside: np.ndarray = np.arange(width) < lengths[:, None]
    return inside
