"""Paste: one flat thing into many pictures at once, each its own way, by one `grid_sample`."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import grid_sample, interpolate

from unfooled.core.rows import wide

from .outlines import Outline
from .planes import Seen, seen

_COARSEST = 8  # texels: a texture is never shrunk below this


def paste(x: Tensor, texture: Tensor, outline: Outline, backward: Tensor, light: tuple[Tensor, Tensor]) -> Tensor:
    """Lay a texture over pictures; differentiable with respect to the texture. Nothing outside the outline changes.

    Args:
        x: Pictures in [0, 1], (n, c, h, w).
        texture: Colours in [0, 1], (c, s, t), that fill the square [-1, 1]^2.
        outline: What of the square there is.
        backward: Homographies from pixels to the square, (n, 3, 3).
        light: Contrast and brightness of each: colours become 0.5 + (1 + contrast) (colour - 0.5) + brightness, (n,)
            each, cut off at 0 and 1.
    """
    view = seen(backward, x.shape[2], x.shape[3])
    coverage = outline.coverage(view).unsqueeze(1)
    layer = outline.layer((texture.shape[1], texture.shape[2]))
    layers = texture if layer is None else torch.cat([texture, layer.to(texture).unsqueeze(0)])
    found = _sampled(layers, view, coverage)
    if layer is not None:
        found, coverage = found[:, :-1], coverage * found[:, -1:]
    contrast, brightness = (wide(one.float(), found) for one in light)
    colours = found + (found - 0.5) * contrast + brightness
    return x + coverage * (straight(colours.clamp(0, 1), colours) - x)


def straight(exact: Tensor, smooth: Tensor) -> Tensor:
    """Give one value with the gradient of another, so that what was cut off can still move."""
    return smooth + (exact - smooth).detach()


def _sampled(layers: Tensor, view: Seen, coverage: Tensor) -> Tensor:
    """Look texels up, each row from a texture as coarse as its pixels are, so that shrinking leaves no moire."""
    steps = pyramid(layers)
    row = _coarseness(view, coverage, layers.shape[1:]).clamp(max=len(steps) - 1)
    grid = torch.stack([view.u, view.v], dim=3).clamp(-2, 2)
    found: Tensor = grid_sample(steps[row], grid, mode="bilinear", padding_mode="border", align_corners=False)
    return found


def pyramid(layers: Tensor) -> Tensor:
    """Shrink a texture by powers of the square root of 2 and bring it back to its size, (steps, c, s, t)."""
    size, steps = (layers.shape[1], layers.shape[2]), [layers]
    side = min(size) / 2**0.5
    while side >= _COARSEST:
        small = [round(one * side / min(size)) for one in size]
        shrunk = interpolate(layers.unsqueeze(0), small, mode="bilinear", align_corners=False, antialias=True)
        steps.append(interpolate(shrunk, size, mode="bilinear", align_corners=False)[0])
        side /= 2**0.5
    return torch.stack(steps)


def _coarseness(view: Seen, coverage: Tensor, size: torch.Size) -> Tensor:
    """Count how many steps down the pyramid a row's pixels are worth where it shows the thing, (n,) int64."""
    u_x, u_y, v_x, v_y = view.slopes
    texels = (u_x * v_y - u_y * v_x).abs() * (size[0] * size[1] / 4)  # of one pixel
    inside = coverage[:, 0] > 0
    largest = torch.where(inside, texels.expand_as(inside), 0.0).flatten(1).amax(dim=1)
    return largest.clamp(min=1).log2().round().long()  # a step down halves the texels
