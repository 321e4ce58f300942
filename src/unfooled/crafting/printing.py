"""Stickers for the printer."""

from __future__ import annotations

from pathlib import Path

from unfooled.modalities.printing import write_print
from unfooled.modalities.sign_print import write_sign_print

from .altered_sign import AlteredSign
from .sticker import Sticker

_DOTS = 1024


def save_print(sticker: Sticker, path: str | Path, *, cm: float, dpi: int | None = None, title: str = "") -> Path:
    """Write a sticker at its real size, with a line to cut along and a strip of colours: see `write_print`.

    Raises:
        InputError: The size fits on no page, a PNG has no resolution, or the path names neither PDF nor PNG.
    """
    outline = sticker.outline
    texture = (sticker.texture * 255).round().byte().cpu().numpy()
    alpha = (outline.alpha(_DOTS, _DOTS) * 255).round().byte().numpy()
    oval = outline.form == "circle"
    return write_print(path, texture, alpha, cm, aspect=outline.aspect, oval=oval, title=title, dpi=dpi)


def print_sign(sign: AlteredSign, path: str | Path, *, cm: float) -> Path:
    """Write the tape of an altered sign at its real size, with a plan of where each piece goes: `write_sign_print`.

    Args:
        sign: The sign.
        path: A `.pdf`.
        cm: Side of the real sign, above 0.

    Raises:
        InputError: A piece fits on no page, or the path is no PDF.
    """
    side = sign.mask.shape[-1]
    altered = (sign.painted(side) * 255).round().byte().cpu().numpy()
    return write_sign_print(path, altered, sign.mask.cpu().numpy() > 0, cm, f"A {sign.sign} sign")
