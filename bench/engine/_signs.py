"""Coloured road signs, drawn: 24 classes, one for each outline, colour and glyph; equal in every run."""

from __future__ import annotations

import torch
from torch import Tensor

CLASSES, SIDE, SHEET = 24, 32, 1000
SEEDS = {"train": 10**6, "t10k": 0}
COLOURS = torch.tensor([[0.75, 0.12, 0.12], [0.12, 0.25, 0.70], [0.80, 0.65, 0.10]])


def signs(n: int, part: str) -> tuple[Tensor, Tensor]:
    """Draw the first n signs (n, 3, 32, 32) in [0, 1] and their classes (n,); `part` is `train` or `t10k`."""
    sheets = [sheet(SEEDS[part] + number) for number in range(0, n, SHEET)]
    x, y = (torch.cat(parts)[:n] for parts in zip(*sheets, strict=True))
    return x, y


def sheet(seed: int) -> tuple[Tensor, Tensor]:
    """Draw a sheet of signs."""
    chance, n = torch.Generator().manual_seed(seed), SHEET

    def uniform(low: float, high: float, *shape: int) -> Tensor:
        return low + (high - low) * torch.rand(n, *shape, generator=chance)

    y = torch.randint(CLASSES, (n,), generator=chance)
    outline, colour, glyph = y // 6, y // 2 % 3, y % 2
    u, v = placed(uniform(-0.2, 0.2, 2), uniform(0.75, 1.0), uniform(-0.25, 0.25))
    plate, mark = inside(outlines(u, v), outline), inside(glyphs(u, v), glyph)
    ground = uniform(0.1, 0.7, 3, 1, 1)
    paint = (COLOURS[colour] + uniform(-0.1, 0.1, 3)).view(n, 3, 1, 1)
    x = ground + plate * (paint - ground)
    x = x + plate * mark * (uniform(0.7, 1.0, 1, 1, 1) - x)
    slope = uniform(-0.2, 0.2, 1, 1, 1) * u.unsqueeze(1) + uniform(0.4, 1.1, 1, 1, 1)  # light, from one side
    noise = 0.04 * torch.randn(x.shape, generator=chance)
    return (x * slope + noise).clamp(0, 1), y


def placed(shift: Tensor, size: Tensor, turn: Tensor) -> tuple[Tensor, Tensor]:
    """Give every pixel's place on the sign: across and down, (n, 32, 32) each, the sign from -1 to 1."""
    line = (torch.arange(SIDE) + 0.5) / SIDE * 2 - 1
    down, across = torch.meshgrid(line, line, indexing="ij")
    across = (across - shift[:, 0].view(-1, 1, 1)) / size.view(-1, 1, 1)
    down = (down - shift[:, 1].view(-1, 1, 1)) / size.view(-1, 1, 1)
    sine, cosine = turn.sin().view(-1, 1, 1), turn.cos().view(-1, 1, 1)
    return cosine * across + sine * down, cosine * down - sine * across


def outlines(u: Tensor, v: Tensor) -> Tensor:
    """Say how far inside each outline a place is: disc, triangle, square, diamond; (n, 4, 32, 32)."""
    disc = 0.8 - (u.square() + v.square()).sqrt()
    triangle = torch.minimum(0.65 - v, 0.45 + 0.5 * v - 0.9 * u.abs())
    square = 0.7 - torch.maximum(u.abs(), v.abs())
    diamond = (0.95 - u.abs() - v.abs()) / 2**0.5
    return torch.stack([disc, triangle, square, diamond], dim=1)


def glyphs(u: Tensor, v: Tensor) -> Tensor:
    """Say how far inside each glyph a place is: a lying bar, an upright bar; (n, 2, 32, 32)."""
    long, wide = 0.38, 0.14
    lying = torch.minimum(long - u.abs(), wide - (v - 0.1).abs())
    upright = torch.minimum(long - (v - 0.1).abs(), wide - u.abs())
    return torch.stack([lying, upright], dim=1)


def inside(depths: Tensor, which: Tensor) -> Tensor:
    """Pick each row's figure, its edge one pixel soft: shares (n, 1, 32, 32) in [0, 1]."""
    depth = depths[torch.arange(len(which)), which].unsqueeze(1)
    return (depth * SIDE / 2 + 0.5).clamp(0, 1)
