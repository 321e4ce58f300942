"""Poses, lens, weather and drive: closed forms, and no view that hangs on its neighbours."""

from __future__ import annotations

import math

import pytest
import torch

from unfooled.core.batch import Batch
from unfooled.core.errors import InputError
from unfooled.core.seeds import Draws
from unfooled.scenes.camera import Camera
from unfooled.scenes.drive import Drive
from unfooled.scenes.lens import FINE, LEAST, SEEN, through
from unfooled.scenes.poses import Poses, homography, inverse
from unfooled.scenes.roadside import Roadside
from unfooled.scenes.weather import Weather

CORNERS = torch.tensor([[-1.0, -1], [1, -1], [1, 1], [-1, 1]], dtype=torch.float64)
DRAWS = Draws.of(0, "roadside")
STILL = Weather(light=(1, 1), offset=0, tint=0, slope=0)
PLAIN = Roadside(
    pixels=(64, 64), yaw=(0, 0), pitch=0, roll=0, loose=(1, 1), stretch=0, shift=0, blur=0, weather=STILL,
    camera=Camera(),
)  # fmt: skip


def poses(**told: float) -> Poses:
    usual = {"yaw": 0.0, "pitch": 0.0, "roll": 0.0, "distance": 10.0, "loose": 1.0, "stretch": 0.0} | told
    return Poses(*(torch.tensor([one]) for one in usual.values()), torch.zeros(1, 2))


def seen(maps: torch.Tensor, points: torch.Tensor = CORNERS) -> torch.Tensor:
    found = torch.cat([points, torch.ones(len(points), 1, dtype=torch.float64)], dim=1) @ maps[0].T
    return found[:, :2] / found[:, 2:]


def grounds(n: int = 7) -> Batch:
    values = torch.rand(n, 3, FINE, FINE, generator=torch.Generator().manual_seed(1))
    return Batch(values, torch.arange(n) + 40)


def sign(colour: float = 0.5) -> torch.Tensor:
    return torch.cat([torch.full((3, 16, 16), colour), torch.ones(1, 16, 16)])


def test_face_on_the_sign_fills_the_crop() -> None:
    assert torch.allclose(seen(poses().forward(64)), (CORNERS + 1) * 32)
    assert torch.allclose(seen(poses(loose=2.0).forward(64)), 16 + (CORNERS + 1) * 16)


@pytest.mark.parametrize("yaw", [20.0, 45.0, 60.0])
def test_a_turned_sign_is_as_narrow_as_its_cosine(yaw: float) -> None:
    corners = seen(poses(yaw=yaw, distance=1e6).forward(64))
    wide, high = (corners.amax(dim=0) - corners.amin(dim=0)).tolist()
    assert wide == pytest.approx(64 * math.cos(math.radians(yaw)), abs=1e-3)
    assert high == pytest.approx(64, abs=1e-3)
    stretched = seen(poses(yaw=yaw, distance=1e6, stretch=1.0).forward(64))
    assert torch.allclose(stretched, (CORNERS + 1) * 32, atol=1e-2)


def test_the_far_side_of_a_turned_sign_is_smaller() -> None:
    upper_left, upper_right, lower_right, lower_left = seen(poses(yaw=40.0, distance=5.0).forward(64))
    assert (lower_right - upper_right)[1] < (lower_left - upper_left)[1]


def test_backward_undoes_forward() -> None:
    lots = torch.rand(9, 9, generator=torch.Generator().manual_seed(2))
    drawn = Roadside(yaw=(10, 70), pitch=30, roll=40).poses(lots)
    identity = drawn.backward(64) @ drawn.forward(64)
    assert torch.allclose(identity / identity[:, 2:, 2:], torch.eye(3, dtype=torch.float64).expand(9, 3, 3), atol=1e-9)


def test_a_homography_leads_corners_to_corners() -> None:
    wanted = torch.tensor([[3.0, 5], [40, 9], [37, 60], [1, 44]], dtype=torch.float64)
    maps = homography(wanted[None])
    assert torch.allclose(seen(maps), wanted)
    assert torch.allclose(seen(inverse(maps), wanted), CORNERS)


def test_the_lens_leaves_brightness_and_averages_detail() -> None:
    even = torch.full((2, 3, FINE, FINE), 0.3)
    sizes, blur = torch.tensor([LEAST, 40.0]), torch.tensor([[0.5, 1.5], [0.0, 0.0]])
    assert torch.allclose(through(even, sizes, blur), torch.full((2, 3, SEEN, SEEN), 0.3), atol=1e-6)
    noise = torch.rand(1, 3, FINE, FINE, generator=torch.Generator().manual_seed(3))
    still = torch.zeros(1, 2)
    spreads = [float(through(noise, torch.tensor([one]), still).std()) for one in (64.0, 32.0, 16.0, 8.0)]
    assert spreads == sorted(spreads, reverse=True)


def test_a_plain_look_shows_the_sign_as_it_is() -> None:
    shown = PLAIN.shown(sign(0.25), grounds(), DRAWS)
    assert torch.allclose(shown, torch.full_like(shown, 0.25), atol=1e-6)


def test_light_is_a_factor() -> None:
    dark = Roadside(**{**vars(PLAIN), "weather": Weather(light=(0.5, 0.5), offset=0, tint=0, slope=0)})
    shown = dark.shown(sign(0.8), grounds(), DRAWS)
    assert torch.allclose(shown, torch.full_like(shown, 0.4), atol=1e-6)


def test_no_view_hangs_on_its_neighbours() -> None:
    wild = Roadside(
        weather=Weather(shadow=0.5, fading=0.5, dirt=0.5, glare=0.5, haze=0.5, hidden=0.5), camera=Camera(0.5, 0.02, 60)
    )
    x, signs = grounds(), torch.rand(7, 4, 16, 16, generator=torch.Generator().manual_seed(4))
    together = wild.shown(signs, x, DRAWS)
    order = torch.tensor([5, 2])
    assert torch.equal(wild.shown(signs[order], x.rows(order), DRAWS), together[order])
    assert not torch.equal(wild.shown(signs, x, DRAWS, 1), together)
    assert 0 <= float(together.min()) <= float(together.max()) <= 1


def test_gradients_reach_the_sign() -> None:
    free = sign().requires_grad_()
    Roadside().shown(free, grounds(), DRAWS).sum().backward()
    assert free.grad is not None
    assert bool((free.grad[:3] > 0).any())


@pytest.mark.parametrize(
    "told", [{"pixels": (4, 32)}, {"pixels": (32, 16)}, {"yaw": (0, 85)}, {"yaw": (-5, 5)}, {"near": (1, 3)}]
)
def test_chances_out_of_range_are_refused(told: dict[str, tuple[float, float]]) -> None:
    with pytest.raises(InputError):
        Roadside(**told)  # type: ignore[arg-type]


def test_weather_out_of_range_is_refused() -> None:
    with pytest.raises(InputError, match="weather"):
        Weather(dirt=1.5)


def test_a_drive_sees_what_geometry_says() -> None:
    drive = Drive(frames=5, way=(50, 10), aside=4, above=0, focal=1000, sign=0.6)
    frames = drive.seen(Roadside(loose=(1, 1)))
    assert [one.metres for one in frames] == [50, 40, 30, 20, 10]
    for one in frames:
        assert one.yaw == pytest.approx(math.degrees(math.atan(4 / one.metres)))
        assert one.pixels == pytest.approx(600 / math.hypot(one.metres, 4))
        assert one.roadside.pixels == (one.pixels, one.pixels)
    with pytest.raises(InputError, match="far to near"):
        Drive(way=(5, 50))
