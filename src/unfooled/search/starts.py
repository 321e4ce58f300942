"""Where a climb begins: random points whose neighbouring values move together."""

from __future__ import annotations

import torch
from torch import Tensor

from unfooled.core.batch import Batch
from unfooled.core.seeds import Draws
from unfooled.core.threat import Ball


def blocks(x: Batch, within: Ball, draws: Draws, side: float, draw: int = 0) -> Batch:
    """Begin on the set's rim in a direction that is one sign a block, drawn for each example and channel.

    Low frequencies reach where single values do not: it is in them that gradients of nets trained on few steps mislead.

    Args:
        x: Clean examples: pictures (n, c, h, w), or ragged (n, t).
        within: The set.
        draws: Randomness of the examples.
        side: Side of a block as a share of the longer side of the input, above 0; 1 is one to four blocks.
        draw: Number of the draw.
    """
    sizes = x.values.shape[2:] if x.values.ndim > 2 else x.values.shape[1:]
    lead = tuple(x.values.shape[1 : -len(sizes)])  # channels, if there are any
    block = max(1, round(side * max(sizes)))
    cells = [-(-size // block) + 1 for size in sizes]
    signs = draws.signs((*lead, *cells), x.ids, f"blocks-{block}", draw)
    offsets = (draws.uniform((len(sizes),), x.ids, f"offsets-{block}", draw) * block).long()
    for axis, size in enumerate(sizes):
        signs = _stretched(signs, len(lead) + 1 + axis, size, block, offsets[:, axis])
    climb = within.steepest(signs, x, x)
    reach = within.radius * climb
    return within.project(x.holding(x.values + reach), x)


def _stretched(signs: Tensor, axis: int, size: int, block: int, offset: Tensor) -> Tensor:
    """Repeat each cell of one axis `block` times, beginning at an offset of each example."""
    cell = (torch.arange(size, device=signs.device) + offset.unsqueeze(1)) // block  # (n, size)
    shape = [len(signs), *[1] * (signs.ndim - 1)]
    shape[axis] = size
    wanted = [*signs.shape]
    wanted[axis] = size
    return signs.gather(axis, cell.view(shape).expand(wanted))
