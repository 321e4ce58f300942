"""What success is, told from labels or scores, and how each goal turns a loss the right way round."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from unfooled.core.answer import UNREADABLE, Labels, Scores
from unfooled.core.errors import AccessError, InputError
from unfooled.core.target import Access
from unfooled.core.threat import ThreatModel
from unfooled.goals import Become, Enter, Evade, Leave, Misclassify, parse_goal
from unfooled.losses import LOSSES, cross_entropy, margin
from unfooled.sets.linf import Linf

SCORES = torch.tensor(
    [[5.0, 4.0, 3.0, 2.0, 1.0], [1.0, 2.0, 3.0, 4.0, 5.0], [0.0, 9.0, 8.0, 7.0, 7.5], [3.0, 3.0, 1.0, 0.0, 0.0]]
)
Y = torch.tensor([0, 0, 0, 1])
GOALS: dict[Any, list[bool]] = {
    Misclassify(): [False, True, True, True],  # the last is a tie, which argmax gives to class 0
    Misclassify(top=2): [False, True, True, False],
    Misclassify(top=5): [False, False, False, False],
    Become(1): [False, False, True, False],
    Become(0): [True, False, False, True],
    Enter((1, 4)): [False, True, True, False],
    Leave((0, 1)): [False, True, False, False],
    Leave((0,)): [False, True, True, False],
    Evade(4): [False, False, True, True],
}


@pytest.mark.parametrize("goal", GOALS, ids=lambda goal: goal.name)
def test_reached(goal: Any) -> None:
    assert goal.reached(Scores(SCORES), Y).tolist() == GOALS[goal]
    if goal.needs is Access.DECISION:
        assert goal.reached(Labels(SCORES.argmax(dim=1)), Y).tolist() == GOALS[goal]
        assert goal.margin(Labels(SCORES.argmax(dim=1)), Y).isnan().all()


@pytest.mark.parametrize("goal", GOALS, ids=lambda goal: goal.name)
def test_a_margin_is_above_zero_where_the_goal_is_reached(goal: Any) -> None:
    source = torch.Generator().manual_seed(0)
    scores, y = torch.randn(500, 5, generator=source), torch.randint(5, (500,), generator=source)
    reached = goal.reached(Scores(scores), y)
    beyond = goal.margin(Scores(scores), y)
    assert torch.equal(beyond > 0, reached)
    assert beyond.isfinite().all() or goal == Misclassify(top=5)
    assert torch.equal(goal.objective(margin, scores, y), beyond)


def test_top_k_counts_ranks_and_ties_for_the_model() -> None:
    scores = torch.tensor([[3.0, 2.0, 1.0, 0.0], [3.0, 2.0, 2.0, 0.0], [3.0, 2.0, 2.0, 0.0]])
    y = torch.tensor([2, 1, 2])
    assert Misclassify(top=2).reached(Scores(scores), y).tolist() == [True, False, False]
    assert Misclassify(top=3).reached(Scores(scores), y).tolist() == [False, False, False]
    assert Misclassify(top=2).margin(Scores(scores), y).tolist() == [1.0, 0.0, 0.0]
    with pytest.raises(AccessError, match="ranks"):
        Misclassify(top=2).reached(Labels(torch.tensor([0, 0, 0])), y)
    assert Misclassify(top=2).needs is Access.SCORES


def test_the_next_to_pass_is_the_one_that_counts() -> None:
    """Under top-3 the two highest others may stay above: the third of them is pushed."""
    scores = torch.tensor([[4.0, 9.0, 8.0, 1.0, 0.0]], requires_grad=True)
    value = Misclassify(top=3).objective(margin, scores, torch.tensor([0]))
    assert value.item() == -3.0
    (grad,) = torch.autograd.grad(value.sum(), scores)
    assert grad.tolist() == [[-1.0, 0.0, 0.0, 1.0, 0.0]]


@pytest.mark.parametrize("goal", GOALS, ids=lambda goal: goal.name)
@pytest.mark.parametrize("name", LOSSES)
def test_climbing_any_loss_leads_to_the_goal(goal: Any, name: str) -> None:
    """Gradient ascent on free scores: no attack has to ask whether it is targeted."""
    if goal == Misclassify(top=5):
        pytest.skip("five classes hold any label")
    if name == "dlr" and goal not in (Misclassify(), Leave((0,))):
        pytest.skip("a ratio made for leaving the label; towards a class it may shrink by its spread alone")
    scores = SCORES.clone() + torch.linspace(0, 0.1, 5)
    for _ in range(400):
        leaf = scores.clone().requires_grad_()
        (grad,) = torch.autograd.grad(goal.objective(LOSSES[name], leaf, Y).sum(), leaf)
        scores = scores + 0.1 * torch.nn.functional.normalize(grad)
    assert goal.reached(Scores(scores), Y).all()


def test_toward_narrows_untargeted_goals_alone() -> None:
    toward = torch.tensor([3, 3, 3, 3])

    def classes(scores: Tensor, held: Tensor, wanted: Tensor) -> Any:
        return [
            (h.nonzero().flatten().tolist(), w.nonzero().flatten().tolist()) for h, w in zip(held, wanted, strict=True)
        ]

    def told(goal: Any) -> Any:
        return goal.objective(classes, SCORES, Y, toward)

    assert told(Misclassify())[0] == ([0], [3])
    assert told(Misclassify())[3] == ([1], [3])
    assert told(Misclassify(top=2))[0] == ([0], [3])
    assert told(Become(2))[0] == ([0, 1, 3, 4], [2])
    assert told(Enter((1, 2)))[0] == ([0, 3, 4], [1, 2])
    assert told(Leave((0, 1)))[0] == ([0, 1], [3])
    assert told(Leave((0, 3)))[0] == ([0, 3], [1, 2, 4]), "a class inside the group is no way out"
    assert told(Evade(1))[0] == ([0, 1], [3])
    assert told(Evade(3))[0] == ([0, 3], [1, 2, 4]), "a rejection is no way out"
    assert Misclassify().objective(classes, SCORES, Y)[0] == ([0], [1, 2, 3, 4])


@pytest.mark.parametrize("goal", GOALS, ids=lambda goal: goal.name)
def test_unreadable_scores_reach_nothing(goal: Any) -> None:
    bad = SCORES.clone()
    bad[torch.arange(4), torch.tensor([0, 1, 2, 3])] = torch.tensor(
        [float("nan"), float("inf"), -float("inf"), float("nan")]
    )
    assert not goal.reached(Scores(bad), Y).any()
    if goal.needs is Access.DECISION:
        assert not goal.reached(Labels(torch.full((4,), UNREADABLE)), Y).any()


@pytest.mark.parametrize("goal", GOALS, ids=lambda goal: goal.name)
def test_names_are_read_back(goal: Any) -> None:
    assert parse_goal(goal.name) == goal
    assert hash(parse_goal(goal.name)) == hash(goal)
    threat = ThreatModel(goal, Linf(8 / 255))
    assert threat.name == ("linf:8/255" if goal == Misclassify() else f"{goal.name} linf:8/255")


def test_classes_named() -> None:
    assert (Evade(7).classes, Become(3).classes, Enter((1, 2)).classes, Leave((4,)).classes) == (
        (7,), (3,), (1, 2), (4,),
    )  # fmt: skip


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Misclassify",
        "top",
        "top-",
        "top-0",
        "top--1",
        "become",
        "become:",
        "become:1,2",
        "become:x",
        "enter:",
        "leave:1,",
        "leave:1;2",
        "misclassify:1",
        "become:1.5",
    ],
)
def test_what_is_no_goal_is_refused(text: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_goal(text)
    assert caught.value.do


def test_cross_entropy_towards_a_class_matches_by_hand() -> None:
    value = Become(1).objective(cross_entropy, SCORES[:1], Y[:1])
    others = SCORES[0, [0, 2, 3, 4]].logsumexp(dim=0)
    assert value.item() == pytest.approx(float(SCORES[0, 1] - others))
