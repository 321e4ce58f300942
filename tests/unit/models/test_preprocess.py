"""Preprocess: the arithmetic, the sizes, independence of the batch, and what it refuses."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from PIL import Image

from unfooled.core.errors import InputError, ModelError
from unfooled.models import Preprocess


def pictures(n: int, c: int, h: int, w: int) -> torch.Tensor:
    return torch.rand(n, c, h, w, generator=torch.Generator().manual_seed(0))


def test_nothing_is_done_by_default() -> None:
    x = pictures(2, 3, 5, 4)
    assert torch.equal(Preprocess()(x), x)


@pytest.mark.parametrize(
    ("mean", "std"), [(0.5, 0.25), ((0.5, 0.5, 0.5), (0.25, 0.25, 0.25)), ([0.5] * 3, np.full(3, 0.25))]
)
def test_normalises_with_one_number_or_one_a_channel(mean: object, std: object) -> None:
    x = pictures(2, 3, 5, 4)
    assert torch.equal(Preprocess(mean, std)(x), (x - 0.5) / 0.25)


def test_lists_become_plain_hashable_values() -> None:
    made = Preprocess([0.1, 0.2, 0.3], [0.5, 0.5, 0.5], [8, 6])
    assert made == Preprocess((0.1, 0.2, 0.3), (0.5, 0.5, 0.5), (8, 6))
    assert hash(made) == hash(Preprocess((0.1, 0.2, 0.3), (0.5, 0.5, 0.5), (8, 6)))
    assert json.loads(json.dumps(made.describe())) == made.describe()


@pytest.mark.parametrize(
    ("size", "crop", "shape"),
    [
        (8, None, (8, 8)),
        ((8, 6), None, (8, 6)),
        (8, 8, (8, 8)),
        (8, (8, 10), (8, 10)),
        ((9, 7), (3, 5), (3, 5)),
        (None, 4, (4, 4)),
        (None, None, (12, 20)),
    ],
)
def test_sizes(size: object, crop: object, shape: tuple[int, int]) -> None:
    assert Preprocess(size=size, crop=crop)(pictures(2, 3, 12, 20)).shape == (2, 3, *shape)


def test_with_a_crop_the_shape_of_things_is_kept() -> None:
    x = pictures(1, 1, 12, 24)
    whole = Preprocess(size=(6, 12))(x)
    assert torch.equal(Preprocess(size=6, crop=6)(x), whole[:, :, :, 3:9])


def test_a_picture_of_the_right_size_is_left_exact() -> None:
    x = pictures(2, 3, 8, 8)
    assert torch.equal(Preprocess(size=8)(x), x)


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic", "nearest"])
def test_values_do_not_depend_on_the_batch(interpolation: str, layout: torch.memory_format) -> None:
    preprocess = Preprocess((0.4, 0.5, 0.6), 0.25, size=10, crop=9, interpolation=interpolation)
    x = pictures(7, 3, 31, 23).to(memory_format=layout)
    together = preprocess(x)
    for row in range(7):
        assert torch.equal(preprocess(x[row : row + 1]), together[row : row + 1])
        assert torch.equal(preprocess(x[row : row + 3])[:1], together[row : row + 1])


@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
def test_shrinks_as_pil_does(interpolation: str) -> None:
    stored = (pictures(1, 3, 40, 60) * 255).round()
    picture = Image.fromarray(stored[0].permute(1, 2, 0).numpy().astype(np.uint8))
    wanted = np.asarray(picture.resize((20, 16), getattr(Image.Resampling, interpolation.upper())))
    made = Preprocess(size=(16, 20), interpolation=interpolation)(stored / 255)[0].permute(1, 2, 0) * 255
    assert np.abs(made.numpy() - wanted).max() < 1.01  # PIL rounds to 8 bits after each direction


def test_the_gradient_reaches_every_pixel() -> None:
    x = pictures(2, 3, 20, 20).double().requires_grad_()
    preprocess = Preprocess(0.5, 0.25, size=8, crop=8)
    assert torch.autograd.gradcheck(preprocess, x[:1, :1])
    grad = torch.autograd.grad(preprocess(x).sum(), x)[0]
    assert bool((grad != 0).all())


@pytest.mark.parametrize(
    ("settings", "quoted"),
    [
        ({"mean": 127}, "Did you mean 127/255"),
        ({"mean": (123.675, 116.28, 103.53)}, "Did you mean 123.675/255"),
        ({"std": 58.4}, "Did you mean 58.4/255"),
        ({"std": 0}, "std = 0"),
        ({"mean": -1}, "mean = -1"),
        ({"mean": float("nan")}, "mean = nan"),
        ({"std": float("inf")}, "std = inf"),
        ({"size": 0}, "No such size"),
        ({"size": (3, 224, 224)}, "No such size"),
        ({"crop": (-1, 3)}, "No such crop"),
        ({"size": 200, "crop": 224}, "size 200, crop 224"),
        ({"interpolation": "lanczos"}, "'lanczos'"),
    ],
)
def test_settings_out_of_range(settings: dict[str, object], quoted: str) -> None:
    with pytest.raises(InputError, match=quoted):
        Preprocess(**settings)


def test_another_number_of_channels_is_no_broadcast() -> None:
    with pytest.raises(ModelError, match=r"\(2, 1, 5, 5\)"):
        Preprocess((0.5, 0.5, 0.5), 0.5)(pictures(2, 1, 5, 5))


def test_data_that_are_no_pictures() -> None:
    with pytest.raises(ModelError, match=r"\(2, 9\)"):
        Preprocess(0.5, 0.5)(torch.rand(2, 9))


def test_a_picture_smaller_than_the_crop() -> None:
    with pytest.raises(ModelError, match="5 x 5, crop 8 x 8"):
        Preprocess(crop=8)(pictures(1, 3, 5, 5))
