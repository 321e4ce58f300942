"""Ensembles: what they answer, who learns at which step, and what diversity is."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from unfooled.core.batch import Batch
from unfooled.core.errors import InputError
from unfooled.core.seeds import Draws
from unfooled.defences import RECIPES, STANDARD
from unfooled.defences.chain import read_defence
from unfooled.defences.ensembles import Diverse, Several, Voting
from unfooled.defences.training.lesson import Lesson
from unfooled.sets.linf import Linf


class Says(nn.Module):
    """Gives the same probabilities to everything, by their logarithms."""

    def __init__(self, *chances: float) -> None:
        super().__init__()
        self.logs = nn.Parameter(torch.tensor(chances).log())

    def forward(self, values: Tensor) -> Tensor:
        return self.logs.expand(len(values), -1)


def lesson(net: nn.Module, n: int = 4) -> Lesson:
    x = Batch(torch.rand(n, 3, generator=torch.Generator().manual_seed(0)), torch.arange(n))
    return Lesson(net, x, torch.zeros(n, dtype=torch.int64), Linf(0.1), Draws.of(0, "test"), 0)


def test_an_ensemble_gives_the_mean_probability_whatever_the_scale_of_scores() -> None:
    one, other = Says(0.5, 0.3, 0.2), Says(0.1, 0.8, 0.1)
    other.logs.data += 7.0  # scores are known up to a constant
    found = Voting([one, other])(torch.zeros(2, 3)).exp()
    assert torch.allclose(found, torch.tensor([0.3, 0.55, 0.15]).expand(2, -1))


def test_the_first_member_is_the_model_and_the_others_are_not() -> None:
    net = nn.Linear(3, 3)
    made = read_defence("ensemble:members=4").layered(net)
    assert isinstance(made, Voting)
    weights = [member.weight for member in made.members]
    assert torch.equal(weights[0], net.weight)
    assert weights[0] is not net.weight
    assert len({tuple(weight.flatten().tolist()) for weight in weights}) == 4
    assert not made.training
    with pytest.raises(InputError, match="2 members"):
        read_defence("ensemble:members=1")


def test_members_learn_apart() -> None:
    net = Several(3)(nn.Linear(3, 3))
    assert isinstance(net, Voting)
    recipe = RECIPES["ensemble"]
    for place, loss in enumerate(recipe.losses(lesson(net))):
        net.zero_grad(set_to_none=True)
        loss.backward()
        assert [member.weight.grad is not None for member in net.members] == [one == place for one in range(3)]
        (alone,) = STANDARD.losses(lesson(net.members[place]))
        assert torch.equal(loss, alone)
    assert place == 2
    assert recipe.passes == 3 * STANDARD.passes


def test_diversity_is_the_volume_of_what_goes_to_the_wrong_classes() -> None:
    def loss(*members: nn.Module, entropy: float = 0.0, diversity: float = 0.0) -> Tensor:
        return Diverse(entropy, diversity)(lesson(Voting(members)), torch.zeros(4, 3))

    apart, same = Says(0.6, 0.4 - 1e-7, 1e-7), Says(0.6, 1e-7, 0.4 - 1e-7)
    blame = -2 * torch.tensor(0.6).log()
    assert loss(apart, same).item() == pytest.approx(float(blame), rel=1e-5)
    square, flat = (loss(apart, other, diversity=1.0) for other in (same, apart))
    assert square.item() == pytest.approx(float(blame), abs=1e-4), "at right angles the volume is 1"
    assert flat.item() > square.item() + 10
    mean = torch.tensor([0.6, 0.2, 0.2])
    entropy = -(mean * mean.log()).sum()
    assert loss(apart, same, entropy=1.0).item() == pytest.approx(float(blame - entropy), abs=1e-4)
