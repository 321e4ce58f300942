"""Accuracy under corruptions: counted right, whatever the batch and the order, and shown in the report."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import unfooled
from unfooled.auditing.corrupted import corrupted, damaged
from unfooled.auditing.examples import read_examples
from unfooled.core.errors import InputError
from unfooled.core.rates import wilson
from unfooled.report.page import render


class Bright(nn.Module):
    """Class 1 where a picture is bright on average."""

    def forward(self, x: Tensor) -> Tensor:
        mean = x.flatten(1).mean(dim=1)
        return torch.stack([0.5 - mean, mean - 0.5], dim=1)


def data(n: int = 9) -> tuple[Tensor, Tensor]:
    source = torch.Generator().manual_seed(0)
    x = torch.randint(0, 256, (n, 3, 12, 10), generator=source, dtype=torch.uint8)
    x[: n // 2] //= 3
    return x, Bright()(x.float() / 255).argmax(dim=1)


def found(order: Any = slice(None), **more: Any) -> dict[str, Any]:
    x, y = data()
    return corrupted(Bright().eval(), (x[order], y[order]), ("brightness", "gauss-noise"), **more)


def test_brightness_turns_dark_pictures_bright() -> None:
    rows = found()["rows"]
    assert [row["severity"] for row in rows] == [0, 1, 2, 3, 4, 5, 1, 2, 3, 4, 5]
    assert rows[0]["right"] == 9
    x, y = data()
    examples = read_examples((x, y))
    for row in rows[1:6]:
        bright = [damaged(examples, i, "brightness", row["severity"]).mean() > 0.5 for i in range(9)]
        assert row["right"] == sum(int(one) == label for one, label in zip(bright, y.tolist(), strict=True))
        assert (row["low"], row["high"]) == wilson(row["right"], 9)
    assert rows[5]["right"] < 9


def test_neither_batch_nor_order_decides() -> None:
    assert found() == found(batch=2) == found(torch.arange(8, -1, -1))


def test_another_seed_is_another_lot() -> None:
    examples = read_examples(data())
    one, other = (damaged(examples, 0, "gauss-noise", 3, seed) for seed in (0, 1))
    assert not np.array_equal(one, other)
    assert np.array_equal(damaged(examples, 0, "fog", 0), examples.carrier.unpack(examples.stored(0)))


def test_what_is_damaged_is_what_a_file_holds() -> None:
    examples = read_examples(data())
    values = damaged(examples, 0, "gauss-noise", 3)
    assert np.array_equal(examples.carrier.unpack(examples.carrier.pack(values)), values)


def test_the_report_shows_them() -> None:
    x, y = data()
    results = unfooled.audit(Bright().eval(), (x, y), "linf:0.01", "noise")
    assert "Without an adversary" not in render(results)
    page = render(replace(results, run={**results.run, "corruptions": found()}))
    assert "Without an adversary" in page
    assert "gauss-noise" in page


def test_names_and_kinds_are_checked() -> None:
    x, y = data()
    with pytest.raises(InputError, match="no such corruption"):
        corrupted(Bright().eval(), (x, y), ("rain",))
    with pytest.raises(InputError, match="Only pictures"):
        corrupted(Bright().eval(), (torch.zeros(3, 8), torch.zeros(3, dtype=torch.int64)))
