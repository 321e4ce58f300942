"""Pictures of the attacker's own, where searches by labels may begin."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from unfooled.core.errors import InputError
from unfooled.modalities.gathering import gather

from .examples import Examples

_MOST = 1000


def read_starts(given: str | Path | Tensor | None, examples: Examples) -> Tensor | None:
    """Read pictures to begin at, (p, ...) float32, of the examples' shape; a folder's are resized to it.

    Raises:
        InputError: There are none, they have another shape, or the examples are of several shapes.
    """
    if given is None:
        return None
    shape = examples.shapes[0]
    if any(other != shape for other in examples.shapes) or len(shape) != 3:
        do = "Bring them to one shape first, or leave the starts out."
        raise InputError("Searches begin at pictures of one shape", "examples of other shapes or kinds", do)
    if isinstance(given, Tensor):
        starts = given.detach().float().cpu()
    else:
        pictures = gather(given, _MOST, (shape[0], shape[1], shape[2]))
        starts = torch.from_numpy(np.stack(pictures).astype(np.float32) / 255)
    if starts.shape[1:] != shape or not len(starts):
        do = "Give pictures (p, c, h, w) in [0, 1], or a folder of them."
        raise InputError(f"Starts have the examples' shape {shape}", tuple(starts.shape), do)
    return starts
