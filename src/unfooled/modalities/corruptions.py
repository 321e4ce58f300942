"""What weather, lenses, sensors and files do to pictures: the baseline that no adversary is needed for."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

SEVERITIES = (1, 2, 3, 4, 5)
_SIDE = 224  # pixels of the picture for which sizes below are given; they grow with the shorter side

Picture = npt.NDArray[np.float64]
"""A picture (c, h, w) in [0, 1]."""

Change = Callable[[Picture, float, np.random.Generator], Picture]
"""A picture (c, h, w) float64 in [0, 1], a strength, randomness -> a picture, clipped afterwards."""


@dataclass(frozen=True)
class Corruption:
    """One kind of damage in five severities.

    Attributes:
        family: `noise`, `blur`, `weather` or `digital`.
        strengths: What `change` is told at severities 1 to 5.
        change: Does the damage.

    Reference:
        Hendrycks and Dietterich. Benchmarking neural network robustness to common corruptions and perturbations.
        ICLR 2019. https://arxiv.org/abs/1903.12261, section 3 and appendix.
        Differs from the paper: code and strengths of our own, so figures cannot be compared with its tables; sizes grow
        with the picture; frost and snow are drawn, not photographed; a Gaussian blur stands for the one through glass.
    """

    family: str
    strengths: tuple[float, float, float, float, float]
    change: Change

    def __call__(self, picture: npt.NDArray[Any], severity: int, rng: np.random.Generator) -> npt.NDArray[np.float32]:
        """Damage a picture (c, h, w) in [0, 1] at a severity from 1 to 5, (c, h, w) float32 in [0, 1]."""
        changed = self.change(picture.astype(np.float64), self.strengths[severity - 1], rng)
        return np.clip(changed, 0, 1).astype(np.float32)


def gauss_noise(x: Picture, deviation: float, rng: np.random.Generator) -> Picture:
    """Add Gaussian noise, as a warm sensor does."""
    return x + rng.normal(0, deviation, x.shape)


def shot_noise(x: Picture, photons: float, rng: np.random.Generator) -> Picture:
    """Count few photons: white is so many of them."""
    return rng.poisson(x * photons) / photons


def impulse_noise(x: Picture, share: float, rng: np.random.Generator) -> Picture:
    """Replace a share of values by black or full colour."""
    return np.where(rng.random(x.shape) < share, rng.integers(0, 2, x.shape), x)


def gauss_blur(x: Picture, deviation: float, rng: np.random.Generator) -> Picture:
    """Blur with a Gaussian window."""
    from scipy.ndimage import gaussian_filter  # noqa: PLC0415  # a sixth of a second that an audit need not wait for

    size = deviation * _scale(x)
    return np.asarray(gaussian_filter(x, (0, size, size)))


def defocus_blur(x: Picture, radius: float, rng: np.random.Generator) -> Picture:
    """Blur with a disk, as a lens that is out of focus does."""
    reach = int(np.ceil(radius * _scale(x)))
    beside = np.arange(-reach, reach + 1)
    far = np.hypot(beside[:, None], beside)
    return _convolved(x, np.clip(radius * _scale(x) + 1 - far, 0, 1))  # a soft edge: small pictures have small disks


def motion_blur(x: Picture, length: float, rng: np.random.Generator) -> Picture:
    """Blur along a line whose direction is drawn, as a camera that moves does."""
    angle, reach = rng.uniform(0, np.pi), length * _scale(x) / 2
    beside = np.arange(-np.ceil(reach), np.ceil(reach) + 1)
    along = np.linspace(-reach, reach, 4 * len(beside) + 1)[:, None]
    rows, columns = (np.clip(1 - np.abs(beside - along * way), 0, 1) for way in (np.sin(angle), np.cos(angle)))
    return _convolved(x, rows.T @ columns)


def zoom_blur(x: Picture, most: float, rng: np.random.Generator) -> Picture:
    """Average over zooms from 1 to the most, as a camera that moves ahead does."""
    from scipy.ndimage import affine_transform  # noqa: PLC0415

    centre = (np.array(x.shape[1:]) - 1) / 2
    shown = [
        np.stack(
            [affine_transform(one, np.eye(2) / zoom, centre * (1 - 1 / zoom), order=1, mode="mirror") for one in x]
        )
        for zoom in np.linspace(1, most, 10)
    ]
    return np.asarray(np.mean(shown, axis=0))


def fog(x: Picture, density: float, rng: np.random.Generator) -> Picture:
    """Lay clouds of grey over the picture and lower its contrast."""
    clouds = 0.6 + 0.4 * _clouds(x.shape[1:], rng)
    return np.asarray(x * (1 - density) + density * clouds)


def frost(x: Picture, density: float, rng: np.random.Generator) -> Picture:
    """Let bright crystals grow in from the border: ridges between clouds."""
    ridges = 1 - np.abs(2 * _clouds(x.shape[1:], rng, roughness=0.75) - 1)
    rows, columns = (np.abs(np.linspace(-1, 1, side)) for side in x.shape[1:])
    ice = np.clip(ridges**3 * (0.5 + np.maximum(rows[:, None], columns)), 0, 1) * density
    return np.asarray(x * (1 - ice) + 0.95 * ice)


def snow(x: Picture, share: float, rng: np.random.Generator) -> Picture:
    """Let streaks of white flakes fall, and pale what is behind them."""
    flakes = (rng.random((1, *x.shape[1:])) < share / 6).astype(np.float64)
    fallen = np.clip(motion_blur(gauss_blur(flakes, 0.7, rng), 6, rng) * 6, 0, 1)
    pale = x * (1 - share * 2) + share * 2 * (0.5 + 0.5 * x.mean(axis=0, keepdims=True))
    return np.asarray(pale + (1 - pale) * fallen)


def brightness(x: Picture, more: float, rng: np.random.Generator) -> Picture:
    """Brighten each pixel's strongest colour by so much, the others in proportion."""
    strongest = x.max(axis=0, keepdims=True)
    brighter = np.minimum(strongest + more, 1)
    return np.asarray(np.where(strongest > 0, x / np.maximum(strongest, 1e-9) * brighter, brighter))


def contrast(x: Picture, left: float, rng: np.random.Generator) -> Picture:
    """Leave a share of the contrast."""
    mean = x.mean(axis=(1, 2), keepdims=True)
    return np.asarray(mean + left * (x - mean))


def pixelate(x: Picture, left: float, rng: np.random.Generator) -> Picture:
    """Leave a share of the pixels along each side, enlarged with hard edges."""
    picture = _picture(x)
    small = picture.resize([max(1, round(side * left)) for side in picture.size], Image.Resampling.BOX)
    return _values(small.resize(picture.size, Image.Resampling.NEAREST))


def jpeg(x: Picture, quality: float, rng: np.random.Generator) -> Picture:
    """Write and read the picture as JPEG."""
    file = io.BytesIO()
    _picture(x).save(file, "JPEG", quality=int(quality))
    with Image.open(file) as picture:
        return _values(picture)


def elastic(x: Picture, far: float, rng: np.random.Generator) -> Picture:
    """Pull pixels along smooth random ways, so far on average."""
    from scipy.ndimage import gaussian_filter, map_coordinates  # noqa: PLC0415

    pulls = gaussian_filter(rng.normal(size=(2, *x.shape[1:])), (0, 6 * _scale(x), 6 * _scale(x)))
    pulls *= far * _scale(x) / max(float(np.abs(pulls).mean()), 1e-9)
    at = np.mgrid[: x.shape[1], : x.shape[2]] + pulls
    return np.stack([map_coordinates(colour, at, order=1, mode="mirror") for colour in x])


CORRUPTIONS: dict[str, Corruption] = {
    "gauss-noise": Corruption("noise", (0.06, 0.1, 0.16, 0.24, 0.36), gauss_noise),
    "shot-noise": Corruption("noise", (80, 35, 15, 7, 4), shot_noise),
    "impulse-noise": Corruption("noise", (0.02, 0.05, 0.09, 0.16, 0.26), impulse_noise),
    "gauss-blur": Corruption("blur", (1, 1.7, 2.5, 3.5, 5), gauss_blur),
    "defocus-blur": Corruption("blur", (2, 3, 4.5, 6.5, 9), defocus_blur),
    "motion-blur": Corruption("blur", (6, 10, 15, 21, 28), motion_blur),
    "zoom-blur": Corruption("blur", (1.08, 1.14, 1.2, 1.27, 1.36), zoom_blur),
    "fog": Corruption("weather", (0.3, 0.42, 0.54, 0.66, 0.78), fog),
    "frost": Corruption("weather", (0.35, 0.5, 0.65, 0.8, 0.95), frost),
    "snow": Corruption("weather", (0.05, 0.09, 0.13, 0.18, 0.24), snow),
    "brightness": Corruption("weather", (0.1, 0.2, 0.3, 0.4, 0.5), brightness),
    "contrast": Corruption("digital", (0.5, 0.35, 0.22, 0.13, 0.07), contrast),
    "pixelate": Corruption("digital", (0.55, 0.42, 0.32, 0.24, 0.17), pixelate),
    "jpeg": Corruption("digital", (30, 20, 14, 9, 5), jpeg),
    "elastic": Corruption("digital", (0.8, 1.4, 2.2, 3.2, 4.5), elastic),
}
"""Every corruption by the name that tables use."""


def _scale(x: Picture) -> float:
    return float(min(x.shape[1:]) / _SIDE)


def _convolved(x: Picture, kernel: Picture) -> Picture:
    """Average over a window (odd, odd) of weights; edges are mirrored."""
    from scipy.signal import oaconvolve  # noqa: PLC0415

    reach = [(side // 2, side // 2) for side in kernel.shape]
    padded = np.pad(x, [(0, 0), *reach], mode="symmetric")
    return np.asarray(oaconvolve(padded, (kernel / kernel.sum())[None], mode="valid", axes=(1, 2)))


def _clouds(shape: tuple[int, ...], rng: np.random.Generator, roughness: float = 0.55) -> Picture:
    """Draw clouds (h, w) from 0 to 1: noise of doubling fineness, each layer weaker by the roughness."""
    sky, weight, cells = np.zeros(shape), 1.0, 2
    while cells < 2 * max(shape):
        layer = Image.fromarray(rng.random((cells + 1, cells + 1)).astype(np.float32))
        sky += weight * np.asarray(layer.resize((shape[1], shape[0]), Image.Resampling.BICUBIC))
        weight, cells = weight * roughness, cells * 2
    return np.asarray((sky - sky.min()) / max(float(np.ptp(sky)), 1e-9))


def _picture(x: Picture) -> Image.Image:
    pixels = np.rint(x * 255).astype(np.uint8)
    return Image.fromarray(np.ascontiguousarray(pixels[0] if len(pixels) == 1 else pixels.transpose(1, 2, 0)))


def _values(picture: Image.Image) -> Picture:
    pixels = np.asarray(picture, dtype=np.float64) / 255
    return pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)
