"""How people write a set."""

import pytest

from unfooled.core.errors import InputError
from unfooled.sets.grammar import parse_sets


@pytest.mark.parametrize("text", ["linf:0", "l2:0/255", "l0:1,0", "chars:0", "words:0.0", "patch:0", "sticker:0%"])
def test_a_radius_that_allows_nothing_is_refused(text: str) -> None:
    with pytest.raises(InputError):
        parse_sets(text)


@pytest.mark.parametrize("text", ["snr:0", "db:0", "inaudible:0"])
def test_in_decibels_nought_is_a_limit_as_any_other(text: str) -> None:
    (within,) = parse_sets(text, -1.0, 1.0, rate=16_000)
    assert str(within) == text
