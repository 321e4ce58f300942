import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from unfooled.core.errors import InputError
from unfooled.modalities.carriers import CARRIERS, Float32, Png, carrier_named, default_carrier


@pytest.mark.parametrize("carrier", [Png(8), Png(16)])
def test_every_level_survives_unpacking_and_packing(carrier):
    stored = np.arange(carrier.levels + 1).astype(carrier.dtype).reshape(1, 1, -1)
    values = carrier.unpack(stored)
    assert values.dtype == np.float32
    assert (values.min(), values.max()) == (0, 1)
    again = carrier.pack(values)
    assert again.dtype == stored.dtype
    np.testing.assert_array_equal(again, stored)


def test_png8_values_are_the_bits_that_torch_makes():
    torch = pytest.importorskip("torch")
    stored = np.arange(256, dtype=np.uint8)
    assert np.array_equal(Png(8).unpack(stored), (torch.from_numpy(stored).float() / 255).numpy())


@pytest.mark.parametrize("carrier", [Png(8), Png(16)])
def test_packing_goes_to_the_nearest_level(carrier):
    values = np.random.default_rng(0).random(10_000, np.float32)
    error = np.abs(carrier.unpack(carrier.pack(values)).astype(np.float64) - values)
    assert error.max() <= 0.5 / carrier.levels * 1.01
    assert error.max() > 0.4 / carrier.levels


def test_packing_never_wraps_around():
    packed = Png(8).pack(np.array([-1e-3, 1 + 1e-3, -5, 300], np.float32))
    assert packed.tolist() == [0, 255, 0, 255]


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_packing_refuses_what_no_picture_holds(bad):
    with pytest.raises(InputError, match="found 1 NaN or infinite"):
        Png(8).pack(np.array([0.5, bad], np.float32))


@pytest.mark.parametrize(("carrier", "channels"), [(Png(8), 1), (Png(8), 3), (Png(16), 1)])
def test_a_written_png_reads_back_bit_for_bit(carrier, channels, tmp_path):
    stored = np.random.default_rng(1).integers(0, carrier.levels + 1, (channels, 5, 7)).astype(carrier.dtype)
    path = carrier.write(tmp_path / "linf:8.255 a", stored)
    assert path.name == "linf:8.255 a.png"
    again = carrier.read(path)
    assert again.dtype == stored.dtype
    np.testing.assert_array_equal(again, stored)
    with Image.open(path) as picture:  # an ordinary reader sees the same numbers
        assert picture.format == "PNG"
        assert picture.size == (7, 5)
        pixels = np.asarray(picture)
    np.testing.assert_array_equal(
        pixels if channels == 1 else pixels.transpose(2, 0, 1), stored[0] if channels == 1 else stored
    )


def test_a_suffix_is_not_added_twice(tmp_path):
    assert Png(8).write(tmp_path / "a.png", np.zeros((1, 2, 2), np.uint8)) == tmp_path / "a.png"


@pytest.mark.parametrize(
    ("carrier", "stored"),
    [
        (Png(8), np.zeros((4, 2, 2), np.uint8)),
        (Png(8), np.zeros((2, 2, 2), np.uint8)),
        (Png(16), np.zeros((3, 2, 2), np.uint16)),
        (Png(8), np.zeros((1, 2, 2), np.uint16)),
        (Png(8), np.zeros((3, 2, 2), np.float32)),
        (Png(8), np.zeros((2, 2), np.uint8)),
    ],
)
def test_what_a_png_has_no_room_for_is_refused(carrier, stored, tmp_path):
    with pytest.raises(InputError, match="channels"):
        carrier.write(tmp_path / "a", stored)
    assert not list(tmp_path.iterdir())


def test_a_png_of_other_depth_is_refused(tmp_path):
    path = Png(16).write(tmp_path / "a", np.zeros((1, 2, 2), np.uint16))
    with pytest.raises(InputError, match="uint16"):
        Png(8).read(path)


def test_png_has_two_depths():
    with pytest.raises(InputError, match="found 12"):
        Png(12)


@pytest.mark.parametrize("dtype", [np.float32, np.int64])
def test_float32_changes_nothing(dtype, tmp_path):
    carrier = Float32()
    stored = np.random.default_rng(2).normal(size=(3, 4), scale=100).astype(dtype)
    assert carrier.levels is None
    assert carrier.unpack(carrier.pack(stored)) is stored
    path = carrier.write(tmp_path / "wave", stored)
    assert path.name == "wave.npy"
    again = carrier.read(path)
    assert again.dtype == dtype
    np.testing.assert_array_equal(again, stored)


def test_float32_unpickles_nothing(tmp_path):
    np.save(tmp_path / "a.npy", np.array([{}], object), allow_pickle=True)
    with pytest.raises(InputError, match=r"a\.npy"):
        Float32().read(tmp_path / "a.npy")


@pytest.mark.parametrize("content", [b"", b"\x93NUMPY", b"hello", b"\x93NUMPY\x01\x00v\x00{"])
def test_damaged_numpy_files_are_refused(content, tmp_path):
    (tmp_path / "a.npy").write_bytes(content)
    with pytest.raises(InputError, match=r"a\.npy"):
        Float32().read(tmp_path / "a.npy")


def test_carriers_have_names():
    assert [str(carrier) for carrier in (Png(), Png(16), Float32())] == ["png8", "png16", "float32"]
    assert all(carrier_named(name) == carrier for name, carrier in CARRIERS.items())
    with pytest.raises(InputError, match=r"found 'png9'.*Did you mean png8\?"):
        carrier_named("png9")


@pytest.mark.parametrize(
    ("dtype", "shape", "name"),
    [
        ("uint8", (3, 2, 2), "png8"),
        ("uint8", (1, 2, 2), "png8"),
        ("uint8", (4, 2, 2), "float32"),
        ("uint8", (9,), "float32"),
        ("uint16", (1, 2, 2), "png16"),
        ("uint16", (3, 2, 2), "float32"),
        ("float32", (3, 2, 2), "float32"),
    ],
)
def test_the_default_carrier_holds_the_example_exactly(dtype, shape, name):
    assert str(default_carrier(np.dtype(dtype), shape)) == name


def test_modalities_need_no_torch():
    code = (
        "import sys; import unfooled.modalities.sources, unfooled.modalities.carriers; sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
