"""Renders of signs with their classes: what the nets learn from, and what they are judged on."""

from __future__ import annotations

from functools import cache

import torch
from torch import Tensor

from unfooled.core.batch import Batch
from unfooled.core.seeds import Draws
from unfooled.scenes.camera import Camera
from unfooled.scenes.roadside import Roadside
from unfooled.scenes.weather import Weather

from .artwork import CLASSES, USUAL, Style, artwork
from .canvas import FONTS

SIDE = 64
"""Of a sign's artwork in renders, in pixels."""

WIDE = Roadside(
    pixels=(12, 48), yaw=(0, 55), pitch=15.0, roll=10.0, near=(4, 40), loose=(0.72, 2.0), shift=0.11, blur=0.7,
    weather=Weather(
        light=(0.45, 1.4), offset=0.08, tint=0.15, slope=0.3, shadow=0.25, fading=0.5, dirt=0.35, glare=0.1, haze=0.2,
        hidden=0.1,
    ),
    camera=Camera(noise=0.025, jpeg=50),
)  # fmt: skip
"""How the nets meet signs while they learn: worse than they will ever be asked about."""

_STYLES = 12


@cache
def faces(styles: int = _STYLES) -> Tensor:
    """Draw every sign in several styles, the first the usual one: (classes, styles, 4, 64, 64) in [0, 1]."""
    drawn = [torch.stack([_drawn(name, style, SIDE) for style in _styles(styles)]) for name in CLASSES]
    return torch.stack(drawn)


def face(name: str, side: int = SIDE) -> Tensor:
    """Draw one sign in the usual style, (4, side, side) in [0, 1]."""
    return _drawn(name, USUAL, side)


def renders(x: Batch, draws: Draws, roadside: Roadside = WIDE, *, styles: int = _STYLES) -> tuple[Tensor, Tensor]:
    """Put a sign drawn by lot before each background.

    Args:
        x: Backgrounds, (n, 3, 64, 64).
        draws: Of everything.
        roadside: How signs are seen.
        styles: In how many ways each sign is drawn; 1 for the usual one alone.

    Returns:
        Views (n, 3, 32, 32) in [0, 1] and classes (n,).
    """
    lots = draws.uniform((2,), x.ids, "sign")
    y = (lots[:, 0] * len(CLASSES)).long()
    shown = faces(styles)[y, (lots[:, 1] * styles).long()]
    return roadside.shown(shown, x, draws), y


def _drawn(name: str, style: Style, side: int) -> Tensor:
    return torch.from_numpy(artwork(name, side, style)).float() / 255


def _styles(many: int) -> list[Style]:
    """Draw styles by lot; the first is the usual one."""
    lots = Draws.of(0, "styles").uniform((8,), torch.arange(many), "style").tolist()
    return [USUAL, *(_style(one) for one in lots[1:])]


def _style(lots: list[float]) -> Style:
    face, bold, border, scale, red, yellow, white, black = lots
    bright = round(50 * white)
    return Style(
        face=int(face * FONTS),
        bold=0.35 * bold - 0.1,
        border=0.035 + 0.05 * border,
        scale=0.88 + 0.2 * scale,
        red=(round(140 + 90 * red), round(10 + 50 * white), round(15 + 50 * black)),
        yellow=(round(220 + 35 * white), round(160 + 70 * yellow), round(10 + 60 * red)),
        white=(205 + bright, 205 + bright, round(195 + 55 * white * black)),
        black=(round(10 + 40 * black),) * 3,
    )
