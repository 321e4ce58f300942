"""Detectors as attacks meet them: boxes, the two classes that they come down to, and gradients of all boxes."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from detectors import CELL, Bright, scenes
from oracles import state_of
from torch import Tensor, nn

import unfooled
from unfooled.core.answer import ABSENT, NOTHING, SOMETHING, UNREADABLE, Boxes, Scores
from unfooled.core.batch import Batch
from unfooled.core.errors import InputError, ModelError
from unfooled.goals import Vanish, parse_goal
from unfooled.losses import LOSSES
from unfooled.models.detector import Detector
from unfooled.models.load import load_model


def batch(x: Tensor) -> Batch:
    return Batch(x, torch.arange(len(x)))


def test_what_is_above_the_threshold_is_reported() -> None:
    x = scenes(5, 1)
    answer = Detector(Bright().eval(), 0.5).answer(batch(x))
    assert (answer.labels == SOMETHING).all()
    for row in range(5):
        boxes = answer.reported(row)
        assert len(boxes) == 2
        for left, upper, right, lower in boxes.long().tolist():
            assert (right - left, lower - upper) == (CELL, CELL)
            assert float(x[row, :, upper:lower, left:right].mean()) > 0.5
    dark = Detector(Bright().eval(), 0.95).answer(batch(x))
    assert (dark.labels == NOTHING).all()
    assert len(dark.reported(0)) == 0


def test_strength_is_in_log_odds_over_the_threshold() -> None:
    x = torch.full((1, 1, CELL, CELL), 0.8)
    (strength,) = Detector(Bright().eval(), 0.6, most=3).answer(batch(x)).strength.tolist()
    assert strength[0] == pytest.approx(math.log(0.8 / 0.2) - math.log(0.6 / 0.4), abs=1e-5)
    assert strength[1:] == [ABSENT, ABSENT]
    (odds,) = Detector(Bright().eval(), 0.6, odds=True, most=1).answer(batch(x)).strength.tolist()
    assert odds[0] == pytest.approx(0.2, abs=1e-6)


def test_outputs_say_what_the_answer_says_and_climb_all_boxes() -> None:
    detector, x = Detector(Bright().eval()), scenes(3, 2)
    values = x.clone().requires_grad_()
    outputs = detector.outputs(batch(values))
    answer = detector.answer(batch(x))
    assert torch.equal(outputs.detach(), answer.scores)
    assert torch.equal(detector.read(outputs).labels, answer.labels)
    outputs[:, SOMETHING].sum().backward()
    assert values.grad is not None
    for row in range(3):
        for left, upper, right, lower in answer.reported(row).long().tolist():
            assert (values.grad[row, :, upper:lower, left:right] > 0).all()


class Shy(nn.Module):
    """Reports what is bright, and nothing else."""

    def __init__(self, shape: Callable[[Tensor, Tensor], object]) -> None:
        super().__init__()
        self.shape = shape

    def forward(self, values: Tensor) -> list[object]:
        boxes, scores = Bright()(values)
        kept = [one > 0.5 for one in scores]
        return [self.shape(b[k], s[k]) for b, s, k in zip(boxes, scores, kept, strict=True)]


def test_what_detectors_return_is_read_in_every_shape() -> None:
    x = torch.cat([scenes(2, 3), torch.zeros(1, 3, 40, 40)])
    wanted = Detector(Bright().eval()).answer(batch(x))
    for shape in (lambda b, s: (b, s), lambda b, s: {"boxes": b, "scores": s, "labels": s}):
        values = x.clone().requires_grad_()
        found = Detector(Shy(shape).eval())
        answer = found.answer(batch(x))
        assert torch.equal(answer.labels, torch.tensor([SOMETHING, SOMETHING, NOTHING]))
        assert all(torch.equal(answer.reported(row), wanted.reported(row)) for row in range(3))
        found.outputs(batch(values)).sum().backward()
        assert values.grad is not None
        assert (values.grad[2] == 0).all()  # nothing to be climbed, and no error


@pytest.mark.parametrize(
    "given", [torch.zeros(2, 3), (torch.zeros(2, 4, 4), torch.zeros(2, 3)), [], [{"boxes": 1}] * 2]
)
def test_no_boxes_are_named(given: object) -> None:
    class Odd(nn.Module):
        def forward(self, values: Tensor) -> object:
            return given

    with pytest.raises(ModelError, match="no boxes with scores"):
        Detector(Odd().eval()).answer(batch(scenes(2, 1)))


def test_a_threshold_is_a_probability() -> None:
    with pytest.raises(InputError, match="between 0 and 1"):
        Detector(Bright(), 1.5)
    assert Detector(Bright(), 1.5, odds=True).threshold == 1.5


def test_boxes_are_picked_and_joined() -> None:
    answer = Detector(Bright().eval()).answer(batch(scenes(4, 4)))
    joined = Boxes.joined([answer.rows(slice(0, 1)), answer.rows(torch.tensor([1, 2, 3]))])
    assert torch.equal(joined.boxes, answer.boxes)
    assert torch.equal(joined.strength, answer.strength)
    assert len(joined) == 4
    broken = Boxes(answer.boxes, answer.strength.index_fill(1, torch.tensor([3]), torch.nan))
    assert (broken.labels == UNREADABLE).all()


def test_vanish_is_reached_where_nothing_is_reported() -> None:
    goal, y = parse_goal("vanish"), torch.ones(2, dtype=torch.int64)
    assert goal == Vanish()
    said = Scores(torch.tensor([[0.0, 2.0], [0.0, -1.0]]))
    assert goal.reached(said, y).tolist() == [False, True]
    assert goal.margin(said, y).tolist() == [-2.0, 1.0]
    for name in ("margin", "logit", "cross-entropy"):
        assert goal.objective(LOSSES[name], said.scores, y).tolist() == pytest.approx([-2.0, 1.0])
    assert goal.possible(2)
    assert not goal.possible(10)


def test_an_audit_makes_all_objects_vanish() -> None:
    module = Bright().eval()
    detector, before = Detector(module, name="bright"), state_of(module)
    x = (scenes(4, 5) * 255).round() / 255
    y = torch.ones(4, dtype=torch.int64)
    found = unfooled.audit(detector, (x, y), ["vanish linf:0.1", "vanish linf:0.4"], "quick", diagnose=False)
    assert float(found["vanish linf:0.1"].robust_accuracy) == 1  # 0.2 to 0.3 above the threshold
    assert float(found["vanish linf:0.4"].robust_accuracy) == 0
    assert state_of(module) == before


def test_two_boxes_fall_to_one_step() -> None:
    x = scenes(3, 6)
    y = torch.ones(3, dtype=torch.int64)
    found = unfooled.attack(Detector(Bright().eval()), x, y, "fgsm", "vanish linf:0.4")
    assert found.reached.all()


def test_the_zoo_names_its_detector() -> None:
    with pytest.raises(InputError, match="zoo:mtcnn"):
        load_model("zoo:mtcn")
