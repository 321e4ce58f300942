"""Searches by scores for recordings: pairs of points, bursts, breeding, and what they climb."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import unfooled
from unfooled.core.attack import Problem
from unfooled.core.batch import Batch
from unfooled.core.seeds import Draws
from unfooled.core.target import Access, Target
from unfooled.core.threat import Ball
from unfooled.core.transcripts import label_of
from unfooled.core.writing import aimed, leads_of, pressed
from unfooled.goals import Misclassify, Transcribe
from unfooled.losses import margin
from unfooled.models.classifier import wrap
from unfooled.models.speech_zoo import read_tones
from unfooled.search.bursts import _burst, _Open, _opened, _selected
from unfooled.search.keeper import Keeper
from unfooled.search.pairs import _WAIT, Pairs, _differences, _slowed, climb_pairs
from unfooled.search.pairs import _Open as _Climbing
from unfooled.search.windows import Window
from unfooled.sets.l2 import L2
from unfooled.sets.linf import Linf
from unfooled.zoo import tones

SLOPE = torch.linspace(-1, 1, 40)


def problem(within: Ball, sees: list[Tensor] | None = None) -> Problem[Ball]:
    """Two classes, told apart by a sum with weights; each point asked about is noted."""

    class Line(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            if sees is not None:
                sees.append(x.clone())
            return torch.stack([torch.full((len(x),), 1e2), x @ SLOPE], dim=1)

    x = Batch(torch.zeros(1, 40), torch.tensor([3]))
    y = torch.zeros(1, dtype=torch.int64)
    return Problem(Target(wrap(Line().eval()), Access.SCORES, 1), x, y, Misclassify(), within, Draws.of(0))


def test_pairs_stand_on_opposite_sides_and_lead_uphill() -> None:
    sees: list[Tensor] = []
    posed = problem(L2(1.0, -1, 1), sees)
    keeper = Keeper(posed)
    climb_pairs(keeper, posed.objective(margin), 2001, Pairs(samples=80, probe=0.01, step=0.2, inertia=0.5))
    first, around = sees[0], sees[1]
    one, other = around.chunk(2)
    assert torch.allclose(one - first, first - other, atol=1e-6)
    assert torch.allclose((one - first).norm(dim=1), torch.tensor(0.01 * 2 * math.sqrt(40)), rtol=1e-3)
    best = keeper.found().x_adv.values[0]
    assert best @ SLOPE >= 0.97 * SLOPE.norm(), "nearly the best point of the ball"
    assert int(posed.target.spent.queries) == 2001


def test_a_pair_of_which_one_side_is_unknown_tells_nothing() -> None:
    told = torch.tensor([[3.0, 5.0, -math.inf, 1.0, -math.inf, -math.inf]])
    assert _differences(told).tolist() == [[2.0, 0.0, 0.0]]


def test_the_pace_is_halved_where_the_loss_does_not_grow() -> None:
    rising, falling = torch.arange(_WAIT).float(), -torch.arange(_WAIT).float()
    early = torch.cat([torch.full((_WAIT - 1,), -math.inf), torch.tensor([-9.0])])
    levels = torch.stack([rising, falling, early])
    blank = torch.zeros(3)
    slowed = _slowed(_Climbing(blank.long(), blank, blank, blank.long(), torch.ones(3).double(), levels))
    assert slowed.pace.tolist() == [1.0, 0.5, 1.0]
    assert slowed.levels[1, :-1].isinf().all(), "it waits before it slows down again"


def test_a_burst_has_one_frequency_and_stays_in_its_place() -> None:
    may = torch.ones(1, 800, dtype=torch.bool)
    may[:, :100] = False
    around = Window(torch.tensor([[100]]), torch.tensor([[700]]))
    blank = torch.zeros(1, 1, 800)
    rows = _Open(torch.zeros(1).long(), blank, blank[:, :, 0], torch.ones(1).double(), may, around)
    lots = torch.tensor(
        [[[0.5, 1 / 3, 0.25, 0.0, 0.0, 0.0]]]
    ).double()  # in the middle, a quarter long, an eighth of the rate
    made = _burst(rows, lots, blank)[0, 0]
    assert made.abs().max() == pytest.approx(1.0, abs=1e-3)
    heard = made.nonzero().flatten()
    assert 450 - 88 <= int(heard.min()) <= int(heard.max()) <= 450 + 88
    assert int(torch.fft.rfft(made).abs().argmax()) == 800 // 8
    early = _burst(rows, torch.tensor([[[0.0, 0.0, 0.25, 0.0, 0.0, 0.0]]]).double(), blank)[0, 0]
    assert not early[:100].any()
    assert early[100:].any()


def test_the_fittest_of_old_and_young_stay_alive() -> None:
    keeper = Keeper(problem(Linf(0.1, -1, 1)))
    rows = _opened(keeper, 2)
    rows = rows._replace(
        alive=torch.tensor([1.0, 2.0]).view(1, 2, 1).expand(1, 2, 40), fitness=torch.tensor([[5.0, 1.0]])
    )
    young = torch.tensor([3.0, 4.0]).view(1, 2, 1).expand(1, 2, 40)
    kept = _selected(rows._replace(chance=torch.tensor([0.1]).double()), young, torch.tensor([[-math.inf, 2.0]]))
    assert kept.alive[0, :, 0].tolist() == [1.0, 4.0]
    assert kept.fitness.tolist() == [[5.0, 2.0]]
    assert float(kept.chance) == 1.0, "nothing was gained: all mutate"
    better = _selected(rows._replace(chance=torch.tensor([0.1]).double()), young, torch.tensor([[105.0, 2.0]]))
    assert float(better.chance) < 0.1


def test_what_is_climbed_is_the_likelihood_and_what_each_frame_lacks() -> None:
    model = read_tones()
    wave = torch.from_numpy(tones.spoken("stop", 5))[None]
    x, y = Batch(wave, torch.tensor([4])), torch.tensor([label_of("stop")])
    goal, led = aimed(Transcribe("stop"), model, x, y)
    assert led is not None
    posed = Problem(Target(led, Access.SCORES, 1), x, y, goal, Linf(0.1, -1, 1), Draws.of(0))
    owner, outputs = torch.zeros(1, dtype=torch.int64), led.outputs(x)
    leads = leads_of(posed, margin)(outputs, owner)
    wanted = posed.objective(margin)(outputs, owner) + leads.clamp(max=0.5).sum(dim=1)
    assert torch.allclose(pressed(posed, margin)(outputs, owner), wanted)
    assert (leads > 0).all(), "it hears the phrase already, so no frame lacks anything"
    classes = problem(Linf(0.1, -1, 1))
    seen = torch.tensor([[2.0, 1.0], [1.0, 4.0]])
    assert pressed(classes, margin)(seen, torch.zeros(2).long()).tolist() == [-2.0, 3.5]


@pytest.mark.parametrize("name", ["genetic-audio", "nes"])
@pytest.mark.parametrize("within", ["linf:0.01", "snr:25", "linf:0.1@first:0.3s", "snr:15@300-3400Hz"])
def test_recordings_are_misheard_and_every_answer_counted(name: str, within: str) -> None:
    wave = tones.spoken("go", 7)
    results = unfooled.audit(
        read_tones(),
        ([wave], ["go"]),
        f"misheard {within} by scores",
        [unfooled.attack_named(name, queries=600)],
        batch=1,
    )
    found = results[results.threats[0]]
    assert found.broken.all()
    assert 0 < found.column("asked")[0] <= 600
    assert np.array_equal(found.column("queries") > 0, [True])


def test_who_sees_scores_or_labels_has_a_suite_of_their_own() -> None:
    wave = tones.spoken("go", 7)
    for access, wanted in (("scores", "genetic-audio"), ("labels", "rays")):
        results = unfooled.audit(read_tones(), ([wave], ["go"]), f"misheard linf:0.1 by {access}", batch=1)
        assert set(results.stages["attack"].to_pylist()) == {wanted}
