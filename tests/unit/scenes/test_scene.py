"""Stickers in scenes: wholly inside, of the area that was asked for, nothing else changed, no row hangs on another."""

import math

import pytest
import torch

from unfooled.core.batch import Batch
from unfooled.core.errors import InputError
from unfooled.core.region import Region
from unfooled.core.seeds import Draws
from unfooled.scenes.approach import Approach
from unfooled.scenes.camera import Camera
from unfooled.scenes.outlines import Outline
from unfooled.scenes.pasting import pyramid
from unfooled.scenes.scene import Scene

DRAWS = Draws.of(0, "test")
RING = Outline.of(torch.tensor([[1, 1, 1], [1, 0, 1], [1, 1, 1]]))


def grey(n: int = 12, height: int = 90, width: int = 120) -> Batch:
    return Batch(torch.full((n, 3, height, width), 0.5), torch.arange(n))


@pytest.mark.parametrize("outline", [Outline(), Outline.named("square"), Outline.named("rectangle:2"), RING])
def test_the_area_is_the_one_asked_for(outline: Outline) -> None:
    x = grey()
    laid = Scene((0.15, 0.15), rotation=40).pasted(torch.ones(3, 32, 32), outline, x, DRAWS)
    covered = 2 * (laid - x.values)[:, 0].flatten(1).sum(dim=1)
    edge = covered.sqrt() * 2.2 if outline is not RING else covered.sqrt() * 5  # soft by a pixel, inside
    assert (covered <= 0.15 * 90 * 120 + 1).all()
    assert (covered >= 0.15 * 90 * 120 - edge).all()


def test_a_disc_is_soft_over_one_pixel_inside_its_rim() -> None:
    x = grey(1, 200, 200)
    laid = Scene((0.2, 0.2), place=(0.5, 0.5)).pasted(torch.ones(3, 8, 8), Outline(), x, DRAWS)
    radius = math.sqrt(0.2 * 200 * 200 / math.pi)
    away = (torch.arange(200) + 0.5 - 100).square()
    away = (away[:, None] + away[None]).sqrt()
    torch.testing.assert_close(2 * (laid[0, 0] - 0.5), (radius - away).clamp(0, 1), atol=2e-3, rtol=0)


def test_outside_nothing_changes_bit_for_bit() -> None:
    x = Batch(torch.rand(8, 3, 64, 64), torch.arange(8))
    scene = Scene((0.1, 0.3), rotation=180, tilt=0.5, contrast=0.2, brightness=0.2)
    drawn = scene.drawn(Outline(), x, DRAWS)
    laid = scene.pasted(torch.rand(3, 40, 40), Outline(), x, DRAWS)
    places = torch.stack(torch.meshgrid(torch.arange(64) + 0.5, torch.arange(64) + 0.5, indexing="xy"), dim=2)
    for one, other, centre, half in zip(x.values, laid, drawn.planes.centre, drawn.planes.half, strict=True):
        beyond = (places - centre).norm(dim=2) > half[0]
        assert torch.equal(one[:, beyond], other[:, beyond])
        assert not torch.equal(one, other)


@pytest.mark.parametrize("outline", [Outline(), Outline.named("rectangle:1.5"), RING])
def test_no_row_hangs_on_its_neighbours(outline: Outline) -> None:
    x = Batch(torch.rand(9, 3, 48, 70), torch.arange(9))
    scene = Scene((0.05, 0.3), rotation=30, tilt=0.3, contrast=0.1, brightness=0.1)
    camera = Camera(blur=1.5, noise=0.05, jpeg=60)
    texture = torch.rand(3, 56, 56)

    def shot(rows: Batch) -> torch.Tensor:
        return camera.shot(rows.holding(scene.pasted(texture, outline, rows, DRAWS)), DRAWS)

    together, order = shot(x), torch.tensor([4, 0, 8, 2])
    assert torch.equal(shot(x.rows(order)), together[order])
    assert torch.equal(shot(x.rows(torch.tensor([5]))), together[5:6])


def test_shrinking_leaves_no_moire() -> None:
    checks = ((torch.arange(112)[:, None] + torch.arange(112)[None]) % 2).float().expand(3, -1, -1)
    x = grey(4, 64, 64)
    laid = Scene((0.08, 0.08)).pasted(checks, Outline(), x, DRAWS)
    assert (laid - 0.5).abs().max() < 0.12


def test_a_pyramid_keeps_the_mean() -> None:
    texture = torch.rand(3, 64, 64)
    means = pyramid(texture).mean(dim=(2, 3))
    assert (means - texture.mean(dim=(1, 2))).abs().max() < 0.02


def test_gradients_reach_every_texel_that_shows() -> None:
    texture = torch.rand(3, 16, 16, requires_grad=True)
    laid = Scene((0.3, 0.3)).pasted(texture, Outline.named("square"), grey(2), DRAWS)
    (grad,) = torch.autograd.grad(laid.sum(), texture)
    assert (grad > 0).all()


def test_a_fixed_place_and_allowed_places() -> None:
    fixed = Scene((0.1, 0.1), place=(0, 0)).drawn(Outline(), grey(), DRAWS)
    torch.testing.assert_close(fixed.planes.centre, fixed.planes.half)
    left = torch.zeros(6, 8)
    left[:, :4] = 1
    drawn = Scene((0.05, 0.05), allowed=Region.of(left)).drawn(Outline(), grey(50), DRAWS)
    assert (drawn.planes.centre[:, 0] < 60).all()
    assert len(drawn.planes.centre[:, 1].unique()) > 1
    corner = torch.zeros(6, 8)
    corner[0, 0] = 1
    with pytest.raises(InputError, match="no allowed place"):
        Scene((0.05, 0.05), allowed=Region.of(corner)).drawn(Outline(), grey(), DRAWS)


@pytest.mark.parametrize(
    ("area", "outline", "rotation"), [(0.8, Outline(), 0), (0.5, Outline.named("rectangle:3"), 0), (0.6, RING, 45)]
)
def test_what_is_larger_than_the_picture_is_refused(area: float, outline: Outline, rotation: float) -> None:
    with pytest.raises(InputError, match="larger than the picture"):
        Scene((area, area), rotation=rotation).drawn(outline, grey(), DRAWS)


def test_bad_settings() -> None:
    for wrong in ({"area": (0.0, 0.1)}, {"area": (0.2, 0.1)}, {"tilt": 1.0}, {"rotation": -1}, {"place": (2, 0)}):
        with pytest.raises(InputError):
            Scene(**wrong)  # type: ignore[arg-type]
    for text in ("hexagon", "circle:2", "rectangle:x", "rectangle:-1"):
        with pytest.raises(InputError):
            Outline.named(text)
    with pytest.raises(InputError, match=r"\(h, w\)"):
        Outline.of(torch.ones(3, 4, 4))
    with pytest.raises(InputError, match="empty mask"):
        Outline.of(torch.zeros(4, 4))
    for camera in ({"blur": -1}, {"noise": -0.1}, {"jpeg": 99}):
        with pytest.raises(InputError):
            Camera(**camera)


def test_scenes_and_outlines_are_read_back() -> None:
    scene = Scene((0.1, 0.2), 5, 0.1, 0.2, 0.3, (0.5, 0.25), Region.of(torch.ones(2, 3)))
    assert Scene.read(scene.describe) == scene
    assert Outline.read(RING.describe) == RING


def test_a_camera_blurs_and_adds_noise_of_its_size() -> None:
    x = grey(4, 64, 64)
    grain = Camera(noise=0.05).shot(x, DRAWS) - x.values
    assert grain.std() == pytest.approx(0.05, rel=0.02)
    point = torch.zeros(1, 3, 21, 21)
    point[..., 10, 10] = 1
    spread = Camera(blur=2.0).shot(Batch(point, torch.tensor([3])), DRAWS)
    torch.testing.assert_close(spread.sum(dim=(2, 3)), torch.ones(1, 3))
    assert spread.max() < 0.9


def test_jpeg_hands_its_gradient_through() -> None:
    x = torch.rand(2, 3, 16, 16, requires_grad=True)
    shown = Camera(jpeg=50).shot(Batch(x, torch.arange(2)), DRAWS)
    (grad,) = torch.autograd.grad(shown.sum(), x)
    assert torch.equal(grad, torch.ones_like(x))
    assert torch.equal(shown, (shown * 255).round() / 255) or (shown * 255 - (shown * 255).round()).abs().max() < 1e-4


def test_an_approach_grows_evenly_and_ends_face_on() -> None:
    film, x = Approach(frames=9, area=(0.04, 0.25)), grey(1)
    frames = film.shown(torch.ones(3, 8, 8), Outline(), x, DRAWS)
    covered = 2 * (frames - 0.5)[:, 0].flatten(1).sum(dim=1) / (90 * 120)
    assert (covered.diff() > 0).all()
    assert covered[-1] == pytest.approx(0.25, rel=0.05)
    assert film.areas()[0] == pytest.approx(0.04)
