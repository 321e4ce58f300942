"""What corruptions do to pictures: more damage at higher severity, the same by the same lot, nothing out of range."""

from __future__ import annotations

import numpy as np
import pytest

from unfooled.modalities.corruptions import (
    CORRUPTIONS,
    SEVERITIES,
    defocus_blur,
    gauss_blur,
    motion_blur,
    pixelate,
    shot_noise,
    zoom_blur,
)


def scene(colours: int = 3, sides: tuple[int, int] = (48, 64)) -> np.ndarray:
    """A picture with a bright disk, edges and fine stripes, not square."""
    rows, columns = np.mgrid[: sides[0], : sides[1]]
    disk = np.hypot(rows - 20, columns - 30) < 12
    shades = [0.2 + 0.5 * disk + 0.2 * (columns % (3 + colour) == 0) for colour in range(colours)]
    return np.stack(shades).astype(np.float32)


def lot(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


@pytest.mark.parametrize("colours", [1, 3])
@pytest.mark.parametrize("name", CORRUPTIONS)
def test_severity_grows_and_range_holds(name: str, colours: int) -> None:
    x = scene(colours)
    before = x.copy()
    changed = [CORRUPTIONS[name](x, severity, lot()) for severity in SEVERITIES]
    for one in changed:
        assert one.shape == x.shape
        assert one.dtype == np.float32
        assert one.min() >= 0
        assert one.max() <= 1
    far = [float(np.square(one - x).mean()) for one in changed]
    assert far[0] > 0
    assert far[4] > 1.3 * far[0]
    assert np.array_equal(x, before)


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_one_lot_gives_one_picture(name: str) -> None:
    one, other = (CORRUPTIONS[name](scene(), 3, lot(4)) for _ in range(2))
    assert np.array_equal(one, other)


@pytest.mark.parametrize("name", CORRUPTIONS)
@pytest.mark.parametrize("sides", [(1, 1), (2, 7), (300, 40)])
def test_pictures_of_any_size_can_be_damaged(name: str, sides: tuple[int, int]) -> None:
    x = np.full((3, *sides), 0.4, np.float32)
    for severity in (1, 5):
        changed = CORRUPTIONS[name](x, severity, lot())
        assert changed.shape == x.shape
        assert np.isfinite(changed).all()


@pytest.mark.parametrize("blur", [gauss_blur, defocus_blur, motion_blur, zoom_blur])
def test_blurs_leave_a_flat_picture_and_keep_its_mean(blur: object) -> None:
    flat = np.full((3, 60, 60), 0.3)
    assert np.allclose(blur(flat, 3.0, lot()), 0.3, atol=1e-9)  # type: ignore[operator]


def test_noise_has_the_mean_and_the_size_it_says() -> None:
    flat = np.full((3, 100, 100), 0.5)
    counted = shot_noise(flat, 50, lot())
    assert counted.mean() == pytest.approx(0.5, abs=0.005)
    assert counted.std() == pytest.approx((0.5 / 50) ** 0.5, rel=0.05)
    added = CORRUPTIONS["gauss-noise"](flat, 1, lot())
    assert added.std() == pytest.approx(0.06, rel=0.05)
    hit = CORRUPTIONS["impulse-noise"](flat, 5, lot()) != 0.5
    assert hit.mean() == pytest.approx(0.26, abs=0.01)


def test_pixels_become_blocks() -> None:
    x = scene(sides=(40, 40)).astype(float)
    blocks = pixelate(x, 0.25, lot())
    assert np.array_equal(blocks, blocks[:, ::4, ::4].repeat(4, axis=1).repeat(4, axis=2))


def test_a_defocused_point_is_a_disk() -> None:
    x = np.zeros((1, 224, 224))
    x[0, 112, 112] = 1
    seen = defocus_blur(x, 5, lot())[0] > 1e-6
    rows, columns = np.mgrid[:224, :224]
    assert np.array_equal(seen, np.hypot(rows - 112, columns - 112) < 6)
