"""Tape on paper: pieces where they belong, at their real size, on pages that hold them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from unfooled.core.errors import InputError
from unfooled.modalities.sign_print import pieces, read_length, write_sign_print


def sign(side: int = 100) -> tuple[np.ndarray, np.ndarray]:
    altered = np.full((4, side, side), 200, dtype=np.uint8)
    mask = np.zeros((side, side), dtype=bool)
    mask[10:20, 30:70] = True
    mask[50:55, 5:15] = True
    return altered, mask


@pytest.mark.parametrize(
    ("text", "cm"), [("75cm", 75), ("30in", 76.2), ('30"', 76.2), ("0.75 m", 75), ("600mm", 60), ("2ft", 60.96)]
)
def test_lengths_have_units(text: str, cm: float) -> None:
    assert read_length(text) == pytest.approx(cm)


@pytest.mark.parametrize("text", ["75", "", "cm", "-3cm", "0cm", "75 parsec", "1.2.3cm"])
def test_lengths_without_units_are_refused(text: str) -> None:
    with pytest.raises(InputError, match="unit"):
        read_length(text)


def test_pieces_know_their_place() -> None:
    first, second = pieces(*sign(), cm=50)
    assert (first.left, first.top, first.wide, first.high) == pytest.approx((15, 5, 20, 5))
    assert (second.left, second.top, second.wide, second.high) == pytest.approx((2.5, 25, 5, 2.5))
    assert first.colours.shape == (10, 40, 4)


def test_a_print_holds_a_plan_and_pages(tmp_path: Path) -> None:
    small = write_sign_print(tmp_path / "small.pdf", *sign(), cm=50).read_bytes()
    assert small.count(b"/Type /Page\n") + small.count(b"/Type /Page ") >= 2
    large = write_sign_print(tmp_path / "large.pdf", *sign(), cm=120).read_bytes()
    assert b"1190.5" in large or b"841.8" in large  # a piece of 48 cm needs more than A4
    again = write_sign_print(tmp_path / "again.pdf", *sign(), cm=50).read_bytes()
    assert again == small


def test_what_cannot_be_printed_is_refused(tmp_path: Path) -> None:
    altered, mask = sign()
    with pytest.raises(InputError, match="no page"):
        write_sign_print(tmp_path / "huge.pdf", altered, mask, cm=1000)
    with pytest.raises(InputError, match="pdf"):
        write_sign_print(tmp_path / "sign.png", altered, mask, cm=50)
    with pytest.raises(InputError, match="no tape"):
        write_sign_print(tmp_path / "none.pdf", altered, mask & False, cm=50)
