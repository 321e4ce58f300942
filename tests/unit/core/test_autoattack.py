import pytest

from unfooled.core.autoattack import autoattack_passes


def test_one_example_that_never_falls():
    found = autoattack_passes(1, [1, 1, 1, 1, 1], 10)
    assert found.backwards == 101 + 9 * 101 + 9 * 100
    assert found.forwards == 1 + 103 + (9 * 102 + 2) + (9 * 203 + 2) + 5004


def test_what_falls_is_left_alone():
    assert autoattack_passes(3, [0, 0, 0, 0, 0], 10) == (3, 0)
    assert autoattack_passes(3, [2, 0, 0, 0, 0], 10) == (3 + 206, 202)
    assert autoattack_passes(1, [1, 1, 0, 0, 0], 10) == (1 + 103 + 104, 202)


def test_few_classes_are_fewer_targets():
    four, ten = (autoattack_passes(1, [1] * 5, classes).backwards for classes in (4, 10))
    assert ten - four == 6 * 201
    assert autoattack_passes(1, [1] * 5, 1000).backwards == ten


def test_a_recorded_run_of_the_authors_code():
    """1,000 points of Fashion-MNIST: how many stood after each attack, and what was asked in all."""
    forwards, backwards = autoattack_passes(1000, [820, 676, 663, 662, 661], 10)
    assert forwards == pytest.approx(5_225_128, rel=0.002)
    assert backwards == pytest.approx(1_283_911, rel=0.001)
    least = sum(autoattack_passes(1000, [820, 661, 661, 661, 661], 10))
    assert 0.99 * (5_225_128 + 1_283_911) < least < forwards + backwards
