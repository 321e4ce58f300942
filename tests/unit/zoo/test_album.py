"""Renders of signs as data."""

from __future__ import annotations

import numpy as np

from unfooled.auditing.examples import read_examples
from unfooled.zoo.signs.album import album
from unfooled.zoo.signs.artwork import CLASSES


def test_renders_are_labelled_pictures_of_all_signs_and_the_same_every_time() -> None:
    few, more = album(300), album(400)
    assert set(few.labels) == set(range(len(CLASSES)))
    assert few.load(7).shape == (3, 32, 32)
    assert few.load(7).dtype == np.uint8
    assert np.array_equal(few.load(7), more.load(7)), "a render hangs on its number alone"
    assert len({few.load(i).tobytes() for i in range(300)}) == 300
    assert len(read_examples(few, classes=CLASSES)) == 300
