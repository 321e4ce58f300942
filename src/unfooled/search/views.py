"""Other looks at the same picture: smaller, paler, in pieces; differentiable, each example by its own draws."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from unfooled.core.batch import Batch
from unfooled.core.seeds import Draws

View = Callable[[Batch, int], Tensor]
"""Points (r, ...) and the number of the draw -> what they look like, (r, ...), differentiable in the points."""

Grid = Callable[[Batch, int], Tensor]
"""Pictures (r, c, h, w) and the number of the draw -> where each pixel is taken from, (r, h, w, 2), as x and y from
-1 to 1 across the picture."""


def paled(copies: int) -> View:
    """Halve all values as often as the number of the draw says, modulo `copies`.

    Reference:
        Lin et al., as `slopes.foreseen`, section 3.2.
        Differs from the paper: nothing.
    """
    return lambda x_t, draw: x_t.values / 2 ** (draw % copies)


def resized(draws: Draws, chance: float, least: float) -> View:
    """Shrink pictures with some chance, to at least a share `least` of their side, and put them anywhere on black.

    Inputs other than pictures stay as they are.

    Reference:
        Xie, Zhang, Zhou, Bai, Wang, Ren and Yuille. Improving transferability of adversarial examples with input
        diversity. CVPR 2019. https://arxiv.org/abs/1803.06978, section 3.3.
        Differs from the paper: one bilinear resampling, to the size that the picture had.
    """

    def grid(x_t: Batch, draw: int) -> Tensor:
        lot, size, across, down = draws.uniform((4,), x_t.ids, "resized", draw).unbind(dim=1)
        side = torch.where(lot < chance, least + (1 - least) * size, torch.ones_like(size))
        room = 1 - side
        y, x = _places(x_t.values)
        columns = (x - (room * (2 * across - 1)).view(-1, 1, 1)) / side.view(-1, 1, 1)
        rows = (y - (room * (2 * down - 1)).view(-1, 1, 1)) / side.view(-1, 1, 1)
        shape = (len(lot), y.shape[1], x.shape[2])
        return torch.stack([columns.expand(shape), rows.expand(shape)], dim=-1)

    return _sampled(grid)


def shuffled(draws: Draws, blocks: int, degrees: float) -> View:
    """Cut pictures into blocks x blocks pieces of any size, change their places, and turn each a little.

    Inputs other than pictures stay as they are.

    Reference:
        Wang, Zhang, Gao and He. Boosting adversarial transferability by block shuffle and rotation. CVPR 2024.
        https://arxiv.org/abs/2308.10299, section 3.3.
        Differs from the paper: each piece turns by an angle of its own, uniform within `degrees`, and what comes in at
        its edges is what lay beside it, not black.
    """

    def grid(x_t: Batch, draw: int) -> Tensor:
        y, x = _places(x_t.values)
        lots = draws.uniform((4 * blocks + blocks**2,), x_t.ids, "shuffled", draw)
        down, across, turns = torch.split(lots, [2 * blocks, 2 * blocks, blocks**2], dim=1)
        rows, middles, bands = _exchanged(y[0, :, 0], down.view(-1, 2, blocks))
        columns, centres, posts = _exchanged(x[0, 0], across.view(-1, 2, blocks))
        piece = (bands.unsqueeze(2) * blocks + posts.unsqueeze(1)).flatten(1)
        angle = math.radians(degrees) * (2 * turns.gather(1, piece) - 1).view(-1, y.shape[1], x.shape[2])
        up, right = (rows - middles).unsqueeze(2), (columns - centres).unsqueeze(1)
        cosine, sine = angle.cos(), angle.sin()
        return torch.stack(
            [
                centres.unsqueeze(1) + cosine * right - sine * up,
                middles.unsqueeze(2) + sine * right + cosine * up,
            ],
            dim=-1,
        )

    return _sampled(grid)


def _exchanged(places: Tensor, lots: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Cut an axis into parts and change their order: gives for each place where it comes from.

    Args:
        places: Along the axis, from -1 to 1, (s,).
        lots: For each example the parts' sizes and their order, (r, 2, blocks) in [0, 1).

    Returns:
        Where the places come from, the middles of the parts that they come from, and the parts' numbers, (r, s) each.
    """
    sizes = lots[:, 0] + 0.25  # none vanishes
    sizes = 2 * sizes / sizes.cumsum(dim=1)[:, -1:]
    order = lots[:, 1].argsort(dim=1, stable=True)
    begins = sizes.cumsum(dim=1) - sizes - 1
    moved = sizes.gather(1, order)
    ends = moved.cumsum(dim=1) - 1
    slot = (places.view(1, -1, 1) >= ends[:, None, :-1]).sum(dim=2)
    part = order.gather(1, slot)
    source = places - (ends - moved).gather(1, slot) + begins.gather(1, part)
    return source, begins.gather(1, part) + sizes.gather(1, part) / 2, part


def _places(pictures: Tensor) -> tuple[Tensor, Tensor]:
    """Give the middles of the pixels of pictures (r, c, h, w) from -1 to 1: y (1, h, 1) and x (1, 1, w)."""
    height, width = pictures.shape[2:]
    y = (2 * torch.arange(height, device=pictures.device) + 1) / height - 1
    x = (2 * torch.arange(width, device=pictures.device) + 1) / width - 1
    return y.view(1, -1, 1), x.view(1, 1, -1)


def _sampled(grid: Grid) -> View:
    """Take pixels from where a grid says, black outside; inputs other than pictures stay as they are."""

    def view(x_t: Batch, draw: int) -> Tensor:
        if x_t.values.ndim != 4:
            return x_t.values.clone()
        where = grid(x_t, draw).to(x_t.values.dtype)
        return functional.grid_sample(x_t.values, where, mode="bilinear", padding_mode="zeros", align_corners=False)

    return view
