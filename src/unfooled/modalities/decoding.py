"""Picture files to arrays: untrusted bytes in, an array or an InputError out."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any

import numpy as np
from PIL import ExifTags, Image, ImageFile, UnidentifiedImageError

from unfooled.core.errors import InputError, UnfooledError

FORMATS = ("PNG", "JPEG", "GIF", "BMP", "WEBP", "TIFF", "PPM")
"""What is read. Pillow knows more, and hands some of that to other programs (EPS to Ghostscript)."""

SUFFIXES = frozenset(
    (".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".gif", ".bmp", ".webp", ".tif", ".tiff", ".ppm", ".pgm", ".pbm", ".pnm")
)
"""File names that end so are taken for pictures, in either case."""

MOST_PIXELS = 89_478_485
"""Larger pictures are refused before they are decoded; Pillow's own limit, whatever the caller set it to."""

_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def decoded(file: IO[bytes], name: str) -> np.ndarray:
    """Decode an open file, see `pictures.read_picture`; `name` is what errors call it."""
    with _opened(file, name) as picture:
        picture.load()  # before the orientation is read: a PNG may keep it behind the pixels, a TIFF turns itself
        pixels = np.asarray(_upright(_opaque(picture), picture))
        if _wide(picture):
            pixels = pixels.astype(np.uint16)
        return np.ascontiguousarray(pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1))


def form_of(file: IO[bytes], name: str) -> tuple[int, int]:
    """Tell from an open file's header how many channels and bits `decoded` will give."""
    with _opened(file, name) as picture:
        return _channels(picture), 16 if _wide(picture) else 8


@contextmanager
def _opened(file: IO[bytes], name: str) -> Iterator[ImageFile.ImageFile]:
    """Open a picture; whatever Pillow raises while it is open becomes an InputError that names the file."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            with Image.open(file, formats=FORMATS) as picture:
                _refuse_unfaithful(picture, name)
                yield picture
        except UnfooledError:
            raise
        except UnidentifiedImageError as error:
            file.seek(0)
            known = ", ".join(FORMATS)
            raise InputError(
                f"This file is none of {known}", f"{name}, which begins with {file.read(8)!r}", "Remove or replace it."
            ) from error
        except Image.DecompressionBombError as error:
            raise _too_large(name, str(error)) from error
        except Exception as error:  # damaged files raise a dozen kinds: OSError, SyntaxError, struct.error, ...
            raise InputError(
                "This picture is damaged or cut short", f"{name}: {error}", "Replace the file or leave it out."
            ) from error


def _refuse_unfaithful(picture: ImageFile.ImageFile, name: str) -> None:
    """Refuse, from the header, what would be too large to decode or would silently lose bits."""
    if picture.width * picture.height > MOST_PIXELS:
        raise _too_large(name, f"{picture.width} x {picture.height} pixels")
    layout = " ".join(str(tile.args) for tile in picture.tile)  # Pillow's word for how the file packs its values
    if picture.mode == "F" or (picture.mode == "I" and picture.format not in ("PNG", "PPM")) or ";12" in layout:
        found = f"values of kind {layout or picture.mode}"
    elif not _wide(picture) and (";16" in layout or _deep_pnm(picture)):
        found = "more than 8 bits a channel in colour or with transparency"
    elif _wide(picture) and "transparency" in picture.info:
        found = "16-bit grey with transparency"
    else:
        return
    raise InputError(
        "Only 8-bit pictures and 16-bit grey can be read without loss",
        f"{name}: {found}",
        "Convert it to the 8 bits that a deployed model is given, as Image.open(FILE).convert('RGB') of Pillow does, "
        "or give the data as an npz file of floats in [0, 1], which loses nothing.",
    )


def _deep_pnm(picture: ImageFile.ImageFile) -> bool:
    layouts: list[tuple[str, Any]] = [(tile.codec_name, tile.args) for tile in picture.tile]
    return picture.mode == "RGB" and any(codec.startswith("ppm") and args[1] > 255 for codec, args in layouts)


def _too_large(name: str, found: str) -> InputError:
    return InputError(
        f"This picture is larger than {MOST_PIXELS:,} pixels", f"{name}: {found}", "Make it smaller or leave it out."
    )


def _wide(picture: Image.Image) -> bool:
    return picture.mode.startswith("I")


def _channels(picture: Image.Image) -> int:
    return 1 if _wide(picture) or picture.mode in ("1", "L", "LA", "La") else 3


def _opaque(picture: Image.Image) -> Image.Image:
    """Give L, RGB or 16-bit grey, with white behind what is transparent."""
    if _wide(picture):
        return picture
    kind = "L" if _channels(picture) == 1 else "RGB"
    if picture.has_transparency_data:
        white = Image.new("RGBA", picture.size, "white")
        return Image.alpha_composite(white, picture.convert("RGBA")).convert(kind)
    return picture.convert(kind)


def _upright(picture: Image.Image, source: Image.Image) -> Image.Image:
    try:
        turn = _UPRIGHT.get(int(source.getexif().get(ExifTags.Base.Orientation, 1)))
    except Exception:  # a damaged camera record says nothing, and does not spoil the pixels
        return picture
    return picture if turn is None else picture.transpose(turn)
