"""Threats as people write them, at the door of an audit."""

from __future__ import annotations

import pytest

from unfooled.auditing.fit import check_sizes
from unfooled.auditing.threats import read_threats
from unfooled.core.errors import InputError
from unfooled.modalities.carriers import Float32
from unfooled.modalities.wav import Wav16


@pytest.mark.parametrize("text", ["linf:0", "l2:0/255", "l0:1,0", "chars:0", "words:0.0", "patch:0"])
def test_a_radius_that_allows_nothing_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="radius of 0"):
        check_sizes(read_threats(text, Float32()))


@pytest.mark.parametrize("text", ["snr:0", "db:0", "inaudible:0"])
def test_in_decibels_nought_is_a_limit_as_any_other(text: str) -> None:
    (threat,) = read_threats(text, Wav16(16_000), domain=(-1.0, 1.0))
    check_sizes([threat])
    assert threat.name == text
