import io
import struct
import warnings
import zlib

import numpy as np
import pytest
from fuzz import TEN_THOUSAND, THOUSAND, damaged, noise, outcome
from hypothesis import given
from PIL import Image, ImageOps

from unfooled.core.errors import InputError
from unfooled.modalities.decoding import MOST_PIXELS, decoded, form_of
from unfooled.modalities.pictures import magnified, picture_form, png_bytes, read_picture, ssim

RNG = np.random.default_rng(0)
COLOUR = RNG.integers(0, 256, (6, 9, 3), np.uint8)
GREY = RNG.integers(0, 256, (6, 9), np.uint8)


def encoded(picture: Image.Image, kind: str, **options) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


def chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def png(width: int, height: int, depth: int, colour: int, rows: bytes, *extra: bytes) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    body = chunk(b"IDAT", zlib.compress(rows))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + b"".join(extra) + body + chunk(b"IEND", b"")


def read(data: bytes) -> np.ndarray:
    return decoded(io.BytesIO(data), "a.png")


def refused(data: bytes, match: str) -> None:
    with pytest.raises(InputError, match=match) as caught:
        read(data)
    assert "a.png" in str(caught.value)


@pytest.mark.parametrize(
    ("kind", "options"), [("PNG", {}), ("BMP", {}), ("TIFF", {}), ("PPM", {}), ("WEBP", {"lossless": True})]
)
def test_colour_is_read_as_stored(kind, options):
    picture = read(encoded(Image.fromarray(COLOUR), kind, **options))
    assert picture.dtype == np.uint8
    assert picture.flags.c_contiguous
    np.testing.assert_array_equal(picture, COLOUR.transpose(2, 0, 1))


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF", "PPM", "GIF"])
def test_grey_is_read_as_one_channel(kind):
    picture = read(encoded(Image.fromarray(GREY), kind))
    assert picture.shape in ((1, 6, 9), (3, 6, 9))
    assert picture.shape[0] == 1 or kind == "GIF"
    np.testing.assert_array_equal(picture[0], GREY)


def test_jpeg_is_read_as_pillow_decodes_it(tmp_path):
    for pixels in (COLOUR, GREY):
        data = encoded(Image.fromarray(pixels), "JPEG")
        with Image.open(io.BytesIO(data)) as picture:
            expected = np.asarray(picture)
        np.testing.assert_array_equal(read(data), expected.transpose(2, 0, 1) if expected.ndim == 3 else expected[None])


def test_palette_black_and_white_and_cmyk():
    palette = Image.fromarray(COLOUR).quantize(16)
    np.testing.assert_array_equal(read(encoded(palette, "PNG")), np.asarray(palette.convert("RGB")).transpose(2, 0, 1))
    two = Image.fromarray(GREY > 127)
    np.testing.assert_array_equal(read(encoded(two, "PNG"))[0], (GREY > 127) * 255)
    cmyk = encoded(Image.new("CMYK", (4, 2), (0, 255, 0, 0)), "TIFF")
    assert read(cmyk)[:, 0, 0].tolist() == [255, 0, 255]


@pytest.mark.parametrize("kind", ["PBM", "PNG"])
def test_one_bit_files(kind, tmp_path):
    data = b"P1\n3 1\n1 0 1\n" if kind == "PBM" else png(3, 1, 1, 0, b"\x00\x40")
    assert read(data).tolist() == [[[0, 255, 0]]]


def test_transparency_is_laid_on_white():
    rgba = np.array([[[10, 20, 30, 255], [10, 20, 30, 0], [0, 0, 0, 51]]], np.uint8)
    assert read(encoded(Image.fromarray(rgba), "PNG")).transpose(1, 2, 0).tolist() == [
        [[10, 20, 30], [255, 255, 255], [204, 204, 204]]
    ]
    la = Image.merge("LA", [Image.fromarray(np.array([band], np.uint8)) for band in ((10, 10, 0), (255, 0, 51))])
    assert read(encoded(la, "PNG")).tolist() == [[[10, 255, 204]]]


def test_a_transparent_colour_is_laid_on_white():
    keyed = png(2, 1, 8, 2, b"\x00\x01\x02\x03\x04\x05\x06", chunk(b"tRNS", b"\x00\x01\x00\x02\x00\x03"))
    assert read(keyed).transpose(1, 2, 0).tolist() == [[[255, 255, 255], [4, 5, 6]]]
    grey = png(2, 1, 8, 0, b"\x00\x07\x08", chunk(b"tRNS", b"\x00\x07"))
    assert read(grey).tolist() == [[[255, 8]]]
    palette = png(2, 1, 8, 3, b"\x00\x00\x01", chunk(b"PLTE", b"\x01\x02\x03\x04\x05\x06"), chunk(b"tRNS", b"\x00\xff"))
    assert read(palette).transpose(1, 2, 0).tolist() == [[[255, 255, 255], [4, 5, 6]]]


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "PPM"])
def test_sixteen_bit_grey_keeps_its_bits(kind):
    values = RNG.integers(0, 65536, (6, 9)).astype(np.uint16)
    picture = read(encoded(Image.fromarray(values), kind))
    assert picture.dtype == np.uint16
    np.testing.assert_array_equal(picture, values[None])


def tiff(samples: int, bits: int) -> bytes:
    """Write a 1 x 1 TIFF of deep samples by hand: Pillow writes none in colour, and none of 12 bits."""
    bits_at, data_at = 8 + 2 + 8 * 12 + 4, 8 + 2 + 8 * 12 + 4 + 2 * samples
    tags = [(256, 3, 1, 1), (257, 3, 1, 1), (258, 3, samples, bits_at if samples > 1 else bits), (259, 3, 1, 1)]
    tags += [(262, 3, 1, 2 if samples > 1 else 1), (273, 4, 1, data_at), (277, 3, 1, samples), (279, 4, 1, 2 * samples)]
    body = b"".join(struct.pack("<HHII", *tag) for tag in tags)
    tail = struct.pack(f"<{samples}H", *[bits] * samples) + b"\x12\x34" * samples
    return b"II*\x00" + struct.pack("<IH", 8, len(tags)) + body + bytes(4) + tail


@pytest.mark.parametrize(
    "data",
    [
        png(1, 1, 16, 2, b"\x00" + b"\x12\x34" * 3),
        png(1, 1, 16, 6, b"\x00" + b"\x12\x34" * 4),
        png(1, 1, 16, 4, b"\x00" + b"\x12\x34" * 2),
        png(1, 1, 16, 0, b"\x00\x12\x34", chunk(b"tRNS", b"\x12\x34")),
        b"P6\n1 1\n65535\n" + b"\x12\x34" * 3,
        b"P6\n1 1\n1023\n" + b"\x02\x34" * 3,
        b"P3\n1 1\n1023\n1 2 3\n",
        tiff(3, 16),
        tiff(1, 12),
    ],
)
def test_depths_that_would_lose_bits_or_scale_are_refused(data):
    refused(data, "16-bit grey can be read without loss")


@pytest.mark.parametrize("mode", ["F", "I"])
def test_floats_and_32_bit_integers_are_refused(mode):
    refused(encoded(Image.new(mode, (3, 3)), "TIFF"), "without loss")


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_the_cameras_orientation_is_applied(kind, orientation):
    exif = Image.Exif()
    exif[274] = orientation
    data = encoded(Image.fromarray(COLOUR), kind, exif=exif)
    with Image.open(io.BytesIO(data)) as picture:
        expected = np.asarray(ImageOps.exif_transpose(picture))
    np.testing.assert_array_equal(read(data), expected.transpose(2, 0, 1))
    assert read(data).shape == ((3, 9, 6) if orientation > 4 else (3, 6, 9))


def test_sixteen_bit_grey_is_turned_too():
    exif = Image.Exif()
    exif[274] = 6
    values = np.arange(6, dtype=np.uint16).reshape(2, 3) * 9_999
    np.testing.assert_array_equal(read(encoded(Image.fromarray(values), "PNG", exif=exif))[0], np.rot90(values, -1))


def test_the_hand_made_tiff_is_sound():
    assert read(tiff(1, 16)).tolist() == [[[0x3412]]]


def test_a_damaged_camera_record_does_not_spoil_the_picture():
    data = encoded(Image.fromarray(GREY), "PNG")
    broken = data[:33] + chunk(b"eXIf", b"MM\x00*\xff\xff\xff\xff") + data[33:]
    np.testing.assert_array_equal(read(broken)[0], GREY)


@pytest.mark.parametrize("kind", ["GIF", "TIFF", "WEBP", "PNG"])
def test_the_first_picture_of_several_is_taken(kind):
    pages = [Image.new("RGB", (4, 4), colour) for colour in ("black", "white")]
    options = {"lossless": True} if kind == "WEBP" else {}
    data = encoded(pages[0], kind, save_all=True, append_images=pages[1:], **options)
    with Image.open(io.BytesIO(data)) as picture:
        assert picture.n_frames == 2
    assert read(data).max() == 0


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "BMP", "WEBP", "TIFF"])
@pytest.mark.parametrize("share", [0.2, 0.5, 0.9])
def test_truncated_pictures_are_refused(kind, share):
    noisy = Image.fromarray(RNG.integers(0, 256, (64, 64, 3), np.uint8))
    data = encoded(noisy, kind)
    refused(data[: int(len(data) * share)], "a.png")


def test_empty_and_foreign_files_are_refused():
    refused(b"", r"begins with b''")
    refused(b"%PDF-1.7 and so on", r"begins with b'%PDF-1.7'")
    refused(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n", "none of PNG")


def test_damaged_pixels_are_refused():
    data = bytearray(encoded(Image.fromarray(GREY), "PNG"))
    data[data.index(b"IDAT") + 8] ^= 0xFF
    refused(bytes(data), "damaged")


@pytest.mark.parametrize(
    "data",
    [
        png(100_000, 100_000, 8, 2, b""),
        png(MOST_PIXELS + 1, 1, 8, 0, b""),
        b"P6\n50000 50000\n255\n",
        b"GIF89a" + struct.pack("<HHBBB", 65535, 65535, 0, 0, 0) + b",\0\0\0\0\1\0\1\0\0\2\2D\1\0;",
        b"BM" + struct.pack("<IHHIIiiHHIIiiII", 54, 0, 0, 54, 40, 60_000, 60_000, 1, 24, 0, 0, 1, 1, 0, 0),
    ],
)
def test_small_files_that_declare_giant_pictures_are_refused(data, monkeypatch):
    refused(data, "larger than")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)  # the caller may have lifted Pillow's limit
    refused(data, "larger than")


def test_nothing_is_decoded_before_the_limit_is_checked(monkeypatch):
    def decode(*_):
        raise AssertionError("decoded")

    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", decode)
    refused(png(10_000, 10_000, 8, 0, b""), "larger than")


def test_the_limit_leaves_no_warning_and_no_setting_behind():
    limit, filters = Image.MAX_IMAGE_PIXELS, list(warnings.filters)
    refused(png(10_000, 10_000, 8, 0, b""), "larger than")  # between Pillow's warning and its error
    assert limit == Image.MAX_IMAGE_PIXELS
    assert warnings.filters == filters


def test_paths_that_cannot_be_opened(tmp_path):
    for path in (tmp_path / "none.png", tmp_path, "a\0b.png", tmp_path / ("x" * 300)):
        for reader in (read_picture, picture_form):
            with pytest.raises(InputError, match="cannot be opened"):
                reader(path)


def test_reading_from_a_path(tmp_path):
    path = tmp_path / "ä b.png"
    path.write_bytes(encoded(Image.fromarray(COLOUR), "PNG"))
    np.testing.assert_array_equal(read_picture(path), read_picture(str(path)))
    assert read_picture(path).shape == (3, 6, 9)


EXIF = b"Exif\x00\x00MM\x00*\x00\x00\x00\x08" + bytes(6)
SOUND = [
    encoded(Image.fromarray(pixels[:4, :4]), kind, **options)
    for pixels in (COLOUR, GREY)
    for kind, options in (("PNG", {}), ("JPEG", {}), ("GIF", {}), ("BMP", {}), ("WEBP", {}), ("TIFF", {}), ("PPM", {}))
] + [
    encoded(Image.fromarray(COLOUR[:4, :4]).quantize(4), "PNG"),
    encoded(Image.fromarray(COLOUR[:4, :4]).convert("RGBA"), "PNG"),
    encoded(Image.fromarray(COLOUR[:4, :4]), "TIFF", compression="tiff_lzw"),
    encoded(Image.fromarray(COLOUR[:4, :4]), "JPEG", progressive=True, exif=EXIF),
    encoded(Image.fromarray(GREY[:4, :4].astype(np.uint16)), "PNG"),
    b"P3\n1 1\n1023\n1 2 3\n",
    b"P1\n3 1\n1 0 1\n",
]  # fmt: skip


def test_a_header_tells_what_decoding_gives(tmp_path):
    for data in SOUND[:-2]:
        (tmp_path / "a").write_bytes(data)
        picture = read_picture(tmp_path / "a")
        assert picture_form(tmp_path / "a") == (picture.shape[0], picture.dtype.itemsize * 8)


def check_read(data: bytes) -> None:
    picture = outcome(lambda: read(data))
    if picture is not None:
        assert picture.ndim == 3
        assert picture.shape[0] in (1, 3)
        assert picture.dtype in (np.uint8, np.uint16)
        assert 0 < picture.size <= 3 * MOST_PIXELS
        assert form_of(io.BytesIO(data), "a.png") == (picture.shape[0], picture.dtype.itemsize * 8)


@THOUSAND
@given(noise([data[:size] for data in SOUND for size in (4, 12, 40)]))
def test_noise_is_refused_in_our_words(data):
    check_read(data)


@TEN_THOUSAND
@given(damaged(SOUND))
def test_damaged_pictures_are_read_or_refused_in_our_words(data):
    check_read(data)


def test_png_bytes_hold_the_picture():
    stored = COLOUR.transpose(2, 0, 1)
    np.testing.assert_array_equal(read(png_bytes(stored)), stored)
    np.testing.assert_array_equal(read(png_bytes(stored / np.float32(255))), stored)
    wide = np.array([[[0, 1, 65535]]], np.uint16)
    np.testing.assert_array_equal(read(png_bytes(wide)), wide)


@pytest.mark.parametrize(
    "picture",
    [
        np.zeros((2, 4, 4), np.uint8),
        np.zeros((3, 4, 4), np.uint16),
        np.zeros((4, 4), np.uint8),
        np.zeros((1, 4, 4), np.int64),
        np.zeros((1, 0, 4), np.uint8),
    ],
)
def test_png_bytes_refuse_what_is_no_picture(picture):
    with pytest.raises(InputError, match="1 or 3 channels"):
        png_bytes(picture)


def slow_ssim(x, x_adv):
    """Wang et al., pixel by pixel."""
    offsets = np.arange(-5, 6)
    line = np.exp(-(offsets**2) / (2 * 1.5**2))
    window = np.outer(line, line) / np.outer(line, line).sum()
    scores = []
    for a, b in zip(x, x_adv, strict=True):
        for i in range(5, a.shape[0] - 5):
            for j in range(5, a.shape[1] - 5):
                p, q = (c[i - 5 : i + 6, j - 5 : j + 6] for c in (a, b))
                mp, mq = (window * p).sum(), (window * q).sum()
                vp, vq, cov = (
                    (window * (u - mu) * (v - mv)).sum()
                    for u, mu, v, mv in ((p, mp, p, mp), (q, mq, q, mq), (p, mp, q, mq))
                )
                scores.append((2 * mp * mq + 1e-4) * (2 * cov + 9e-4) / ((mp**2 + mq**2 + 1e-4) * (vp + vq + 9e-4)))
    return np.mean(scores)


def test_ssim_is_that_of_the_paper():
    x = RNG.random((3, 17, 14))
    x_adv = np.clip(x + RNG.normal(size=x.shape) * 0.1, 0, 1)
    assert ssim(x, x_adv) == pytest.approx(slow_ssim(x, x_adv), abs=1e-9)


@pytest.mark.parametrize("shape", [(3, 32, 32), (1, 5, 40), (1, 1, 1)])
def test_ssim_is_one_for_equals_and_falls_with_noise(shape):
    x = RNG.random(shape).astype(np.float32)
    assert ssim(x, x) == pytest.approx(1)
    scores = [ssim(x, np.clip(x + size * np.where(x > 0.5, -1, 1), 0, 1)) for size in (0.02, 0.1, 0.4)]
    assert 1 > scores[0] > scores[1] > scores[2]


def test_a_magnified_difference_reaches_black_or_white():
    x = np.full((3, 2, 2), 0.5, np.float32)
    x_adv = x.copy()
    x_adv[0, 0, 0] += 2 / 255
    x_adv[1, 1, 1] -= 1 / 255
    picture, factor = magnified(x, x_adv)
    assert factor == pytest.approx(255 / 4, rel=1e-5)
    assert picture.dtype == np.float32
    assert picture[0, 0, 0] == pytest.approx(1)
    assert picture[1, 1, 1] == pytest.approx(0.25, abs=1e-5)
    assert picture[2, 0, 1] == 0.5


def test_no_difference_is_grey():
    picture, factor = magnified(np.ones((1, 2, 2)), np.ones((1, 2, 2)))
    assert factor == 1
    assert (picture == 0.5).all()


@pytest.mark.parametrize("compare", [ssim, magnified])
def test_pictures_of_two_shapes_are_not_compared(compare):
    with pytest.raises(InputError, match=r"\(3, 4, 4\) and \(1, 4, 4\)"):
        compare(np.zeros((3, 4, 4)), np.zeros((1, 4, 4)))
