"""Pictures of the attacker's own, where searches by labels begin."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

import unfooled
from unfooled.core.errors import InputError

AIM = torch.full((3, 4, 4), 0.0)


class Rare(nn.Module):
    """Three classes of pictures (n, 3, 4, 4); the third around black alone, which no noise comes near."""

    def forward(self, x: Tensor) -> Tensor:
        near = 1 - (x - AIM).flatten(1).norm(dim=1)
        return torch.stack([torch.full((len(x),), -1.0), torch.zeros(len(x)), near], dim=1)


def data() -> tuple[Tensor, Tensor]:
    x = 0.2 + 0.1 * torch.rand(3, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    return x, torch.ones(3, dtype=torch.int64)


def broken(starts: object) -> int:
    threat = "become:2 l2:3 by labels"
    found = unfooled.audit(
        Rare().eval(),
        data(),
        threat,
        ["surfree"],
        budget=300,
        starts=starts,
        diagnose=False,  # type: ignore[arg-type]
    )
    return int(found[threat].column("broken").sum())


def test_a_wanted_class_is_reached_from_a_folder_and_from_a_tensor(tmp_path: Path) -> None:
    for name, shade in (("black.png", 0), ("white.png", 255)):
        Image.fromarray(np.full((9, 7), shade, np.uint8)).save(tmp_path / name)  # grey, and of another size
    assert broken(None) == 0
    assert broken(tmp_path) == 3
    assert broken(torch.stack([AIM, AIM + 1])) == 3


def test_starts_decide_the_result_and_are_part_of_the_run(tmp_path: Path) -> None:
    one = unfooled.audit(Rare().eval(), data(), "l2:1 by labels", ["surfree"], budget=20, starts=AIM[None])
    two = unfooled.audit(Rare().eval(), data(), "l2:1 by labels", ["surfree"], budget=20, starts=AIM[None] + 1)
    assert one.run["starts"] != two.run["starts"]


@pytest.mark.parametrize("starts", [torch.zeros(2, 1, 4, 4), torch.zeros(0, 3, 4, 4), "nowhere"])
def test_starts_that_do_not_fit_are_refused(starts: object) -> None:
    with pytest.raises(InputError, match=r"Starts have the examples' shape|no such folder"):
        broken(starts)
