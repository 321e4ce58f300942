"""Pictures: files to arrays and back, likeness, and differences made visible."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import numpy as np
from PIL import Image

from unfooled.core.errors import InputError

from .decoding import decoded, form_of


def read_picture(path: str | Path) -> np.ndarray:
    """Read a picture as its file stores it.

    Grey and black-and-white files give one channel; RGB, palette and CMYK files give three. What is transparent is
    laid on white. The camera's orientation (EXIF) is applied. Of an animation or a file of several pages the first
    picture is taken, as image pipelines do.

    Args:
        path: A PNG, JPEG, GIF, BMP, WebP, TIFF or PNM file.

    Returns:
        (c, h, w), uint8; or (1, h, w), uint16, for 16-bit grey.

    Raises:
        InputError: The file is missing, empty, damaged, cut short, of another kind, larger than
            `decoding.MOST_PIXELS`, or holds what 8-bit colour or 16-bit grey cannot (16-bit colour, floats).
    """
    with _file(path) as file:
        return decoded(file, str(path))


def picture_form(path: str | Path) -> tuple[int, int]:
    """Read only a picture's header: how many channels and bits `read_picture` will give.

    Raises:
        InputError: As `read_picture`, as far as the header tells.
    """
    with _file(path) as file:
        return form_of(file, str(path))


def png_bytes(picture: np.ndarray) -> bytes:
    """Encode a picture as PNG.

    Args:
        picture: (c, h, w) of 1 or 3 channels: uint8, uint16 (1 channel), or floats in [0, 1], rounded to 8 bits.

    Raises:
        InputError: Another shape or type.
    """
    if np.issubdtype(picture.dtype, np.floating):
        picture = np.rint(np.clip(np.nan_to_num(picture), 0, 1) * 255).astype(np.uint8)
    held = {np.dtype(np.uint8): (1, 3), np.dtype(np.uint16): (1,)}.get(picture.dtype, ())
    if picture.ndim != 3 or picture.shape[0] not in held or 0 in picture.shape:
        raise InputError(
            "A PNG needs a picture (c, h, w) of 1 or 3 channels (1 for uint16)",
            f"{picture.dtype} {picture.shape}",
            "Give one picture as uint8, uint16 or floats in [0, 1].",
        )
    pixels = picture[0] if picture.shape[0] == 1 else picture.transpose(1, 2, 0)
    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(buffer, "PNG")
    return buffer.getvalue()


def ssim(x: np.ndarray, x_adv: np.ndarray) -> float:
    """Measure how alike two pictures look: mean structural similarity, 1 for equal pictures.

    A Gaussian window 11 pixels wide (sigma 1.5), each channel by itself, over the pixels whose whole window lies in
    the picture; over all pixels, with mirrored edges, where a side is shorter than 11.

    Args:
        x: (c, h, w) in [0, 1].
        x_adv: The same shape.

    Raises:
        InputError: The shapes differ, or are not (c, h, w).

    Reference:
        Wang, Bovik, Sheikh, Simoncelli: Image quality assessment: from error visibility to structural similarity,
        IEEE Transactions on Image Processing 13(4), 2004, section III.
    """
    _same_shape(x, x_adv)
    a, b = x.astype(np.float64), x_adv.astype(np.float64)
    mean_a, mean_b = _smooth(a), _smooth(b)
    var_a, var_b = _smooth(a * a) - mean_a**2, _smooth(b * b) - mean_b**2
    covariance = _smooth(a * b) - mean_a * mean_b
    c1, c2 = 0.01**2, 0.03**2
    above = (2 * mean_a * mean_b + c1) * (2 * covariance + c2)
    below = (mean_a**2 + mean_b**2 + c1) * (var_a + var_b + c2)
    edge = 5 if min(x.shape[1:]) >= 11 else 0
    whole = (..., slice(edge, x.shape[1] - edge), slice(edge, x.shape[2] - edge))
    return float((above / below)[whole].mean())


def magnified(x: np.ndarray, x_adv: np.ndarray) -> tuple[np.ndarray, float]:
    """Show a difference around mid-grey, scaled so that the largest reaches black or white.

    Args:
        x: (c, h, w) in [0, 1].
        x_adv: The same shape.

    Returns:
        The picture (c, h, w) float32 in [0, 1], and the factor that the difference was multiplied by (1 if there
        is no difference).

    Raises:
        InputError: The shapes differ, or are not (c, h, w).
    """
    _same_shape(x, x_adv)
    change = x_adv.astype(np.float64) - x.astype(np.float64)
    largest = float(np.abs(change).max())
    factor = 0.5 / largest if largest > 0 else 1.0
    return np.clip(0.5 + change * factor, 0, 1).astype(np.float32), factor


@contextmanager
def _file(path: str | Path) -> Iterator[IO[bytes]]:
    try:
        with Path(path).open("rb") as file:
            yield file
    except (OSError, ValueError) as error:  # ValueError: a path that holds a NUL
        reason = getattr(error, "strerror", None) or error
        raise InputError(
            "A picture cannot be opened", f"{path}: {reason}", "Check its path and your rights."
        ) from error


def _smooth(x: np.ndarray) -> np.ndarray:
    from scipy.ndimage import gaussian_filter  # noqa: PLC0415  # a sixth of a second that an audit need not wait for

    return np.asarray(gaussian_filter(x, sigma=(0, 1.5, 1.5), truncate=3.5))  # 3.5 sigma: 11 pixels wide


def _same_shape(x: np.ndarray, x_adv: np.ndarray) -> None:
    if x.shape != x_adv.shape or x.ndim != 3:
        raise InputError(
            "Two pictures of one shape (c, h, w) are needed", f"{x.shape} and {x_adv.shape}", "Give x and x_adv alike."
        )
