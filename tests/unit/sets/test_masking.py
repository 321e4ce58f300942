"""The masking threshold, against what a tone, silence and the formulas say."""

from __future__ import annotations

import math

import pytest
import torch

from unfooled.sets.masking import FRAME, HOP, bark, masking_threshold, power, quiet, share_above

RATE = 16_000
STEADY = (FRAME - HOP) // HOP + 2  # a frame that lies inside the recording


def tone(hertz: float, peak: float = 0.5, samples: int = 3 * FRAME) -> torch.Tensor:
    return peak * torch.sin(2 * math.pi * hertz / RATE * torch.arange(samples, dtype=torch.float64))


def rates() -> torch.Tensor:
    return bark(torch.linspace(0, RATE / 2, FRAME // 2 + 1, dtype=torch.float64))


def test_bark_and_quiet_at_known_points() -> None:
    hertz = torch.tensor([1_000.0, 3_300.0, 10.0, 21_000.0], dtype=torch.float64)
    assert float(bark(hertz)[0]) == pytest.approx(13 * math.atan(0.76) + 3.5 * math.atan((1 / 7.5) ** 2))
    assert float(quiet(hertz)[1]) == pytest.approx(3.64 * 3.3**-0.8 - 6.5 + 1e-3 * 3.3**4)
    assert quiet(hertz)[2:].isinf().all()


def test_power_of_a_tone_is_its_own() -> None:
    seen = power(tone(1_000))[STEADY]  # 1 kHz is bin 128: the window leaves three bins, a quarter at each side
    assert float(seen[128] / seen[127]) == pytest.approx(4, rel=1e-3)
    assert float(seen.sum()) == pytest.approx(float(seen[127:130].sum()), rel=1e-6)
    loud = power(tone(1_000, peak=1.0))[STEADY]
    assert float(loud[128] / seen[128]) == pytest.approx(4)


@pytest.mark.parametrize("peak", [0.5, 0.005])
def test_a_tone_masks_as_the_formulas_say(peak: float) -> None:
    x = tone(1_000, peak)
    top = float(power(x).max())
    found = 10 * masking_threshold(x, RATE)[STEADY].log10() + 96 - 10 * math.log10(top)
    loud, own = 96 + 10 * math.log10(1.5), float(rates()[128])
    far = rates() - own
    raised = loud - 6.025 - 0.275 * own + torch.where(far <= 0, 27 * far, (-27 + 0.37 * (loud - 40)) * far)
    least = quiet(torch.linspace(0, RATE / 2, FRAME // 2 + 1, dtype=torch.float64))
    expected = 10 * (10 ** (raised / 10) + 10 ** (least / 10)).log10()
    assert torch.allclose(found[3:], expected[3:], atol=1e-3)  # below 20 Hz nothing is heard: infinite in both
    assert found[:3].isinf().all()


def test_a_quieter_tone_close_by_masks_nothing_and_a_far_one_does() -> None:
    alone = masking_threshold(tone(1_000), RATE)[STEADY]
    near = masking_threshold(tone(1_000) + 0.01 * tone(1_031.25), RATE)[STEADY]
    far = masking_threshold(tone(1_000) + 0.01 * tone(6_000), RATE)[STEADY]
    assert torch.allclose(near[3:], alone[3:], rtol=0.1)
    assert float(far[768] / alone[768]) > 1.05
    assert float(far[768]) > float(alone[768])


def test_silence_is_masked_by_nothing() -> None:
    x = torch.cat([tone(1_000), torch.zeros(3 * FRAME, dtype=torch.float64)])
    found = masking_threshold(x, RATE)
    least = quiet(torch.linspace(0, RATE / 2, FRAME // 2 + 1, dtype=torch.float64))
    top = 10 * math.log10(float(power(x).max()))
    assert torch.allclose(10 * found[-1, 3:].log10(), least[3:] - 96 + top, atol=1e-6)


def test_share_of_energy_above() -> None:
    x, change = tone(1_000), 1e-2 * tone(3_000)
    seen = power(change)
    assert share_above(change, seen) == 0
    assert share_above(change, seen / 4) == pytest.approx(0.75)
    assert share_above(torch.zeros(10), power(torch.zeros(10))) == 0
    assert share_above(1e-3 * tone(1_031.25), masking_threshold(x, RATE)) < 0.05 < share_above(tone(6_000), seen)
