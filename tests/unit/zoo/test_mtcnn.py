"""Boxes by hand, and the zoo's face detector where its package is installed."""

from __future__ import annotations

import importlib.util

import pytest
import torch

from unfooled.core.batch import Batch
from unfooled.core.errors import MissingExtraError
from unfooled.models.load import load_model
from unfooled.zoo.boxes import apart, moved, overlaps, squared
from unfooled.zoo.mtcnn import Mtcnn, mtcnn

INSTALLED = importlib.util.find_spec("facenet_pytorch") is not None


def test_overlaps_by_hand() -> None:
    one = torch.tensor([[0.0, 0, 4, 4], [0, 0, 2, 2]])
    other = torch.tensor([[2.0, 0, 6, 4], [9, 9, 10, 10]])
    assert overlaps(one, other).tolist() == [[pytest.approx(8 / 24), 0], [0, 0]]
    assert overlaps(one, one, of_smaller=True)[0, 1] == 1
    assert overlaps(one, one, rim=1.0)[0, 1] == pytest.approx(9 / 25)


def test_boxes_are_squared_about_their_middle_and_moved_by_shares() -> None:
    box = torch.tensor([[2.0, 4, 6, 14]])
    assert squared(box).tolist() == [[-1, 4, 9, 14]]
    assert moved(box, torch.tensor([[0.5, 0, -0.5, 0.1]])).tolist() == [[4, 4, 4, 15]]
    assert moved(box, torch.tensor([[0.5, 0, 0, 0]]), rim=1)[0, 0] == 4.5


def test_of_boxes_that_overlap_the_highest_stays() -> None:
    boxes = torch.tensor([[0.0, 0, 4, 4], [1, 0, 5, 4], [2, 0, 6, 4], [20, 20, 24, 24]])
    rank = torch.tensor([1.0, 3.0, 2.0, 0.0])
    assert apart(boxes, rank, 0.5).tolist() == [1, 3]
    assert apart(boxes, rank, 0.7).tolist() == [1, 2, 0, 3]
    assert apart(boxes[:0], rank[:0], 0.5).tolist() == []


def test_a_cascade_of_any_weights_tells_as_many_boxes() -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net = Mtcnn().eval()
    x = torch.rand(2, 3, 40, 50, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        boxes, odds = net(x)
        tiny = net(torch.rand(1, 3, 8, 8))
    assert boxes.shape == (2, 64, 4)
    assert odds.shape == (2, 64)
    assert (tiny[1] == -100).all()


@pytest.mark.skipif(INSTALLED, reason="the package is there")
def test_no_package_is_named() -> None:
    with pytest.raises(MissingExtraError, match="facenet-pytorch"):
        mtcnn()


def face(side: int = 120) -> torch.Tensor:
    """Draw a face: skin, brows, eyes, nose and mouth, blurred; (1, 3, side, side)."""
    down, across = torch.meshgrid(torch.linspace(-1.4, 1.4, side), torch.linspace(-1.4, 1.4, side), indexing="ij")
    x = torch.tensor([0.25, 0.3, 0.4]).view(3, 1, 1).expand(3, side, side).clone()

    def blob(x0: float, y0: float, a: float, b: float, colour: tuple[float, float, float]) -> None:
        weight = torch.sigmoid(12 * (1 - ((across - x0) / a) ** 2 - ((down - y0) / b) ** 2))
        x.mul_(1 - weight).add_(weight * torch.tensor(colour).view(3, 1, 1))

    blob(0, -0.35, 0.85, 0.9, (0.15, 0.1, 0.08))
    blob(0, 0, 0.7, 0.95, (0.85, 0.65, 0.55))
    for side_ in (-1, 1):
        blob(side_ * 0.3, -0.33, 0.18, 0.05, (0.2, 0.12, 0.1))
        blob(side_ * 0.3, -0.17, 0.14, 0.08, (0.95, 0.95, 0.95))
        blob(side_ * 0.3, -0.17, 0.07, 0.08, (0.1, 0.08, 0.08))
    blob(0, 0.18, 0.09, 0.16, (0.72, 0.5, 0.42))
    blob(0, 0.5, 0.3, 0.09, (0.65, 0.2, 0.22))
    return x.clamp(0, 1).unsqueeze(0)


@pytest.mark.skipif(not INSTALLED, reason="facenet-pytorch is not installed")
def test_mtcnn_finds_a_drawn_face_wherever_it_stands() -> None:
    detector = load_model("zoo:mtcnn")
    x = torch.full((3, 3, 160, 200), 0.3)
    x[0, :, 20:140, 10:130], x[1, :, 30:150, 70:190] = face()[0], face()[0]
    ids = torch.arange(3)
    found = detector.answer(Batch(x, ids))
    assert found.labels.tolist() == [1, 1, 0]
    (one,), (other,) = found.reported(0), found.reported(1)
    assert torch.allclose(other - one, torch.tensor([60.0, 10, 60, 10]), atol=8)
    middle = (one[:2] + one[2:]) / 2
    assert torch.allclose(middle, torch.tensor([70.0, 80]), atol=10)
    alone = detector.answer(Batch(x[1:2], ids[1:2]))
    assert torch.equal(alone.boxes[0], found.boxes[1])
    values = x.clone().requires_grad_()
    outputs = detector.outputs(Batch(values, ids))
    assert torch.allclose(outputs.detach()[:2], found.scores[:2], atol=1e-4)
    outputs[:, 1].sum().backward()
    assert values.grad is not None
    assert values.grad.isfinite().all()
    assert (values.grad[:2].flatten(1).abs().amax(dim=1) > 0).all()
