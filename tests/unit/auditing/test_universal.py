"""One change learned from some pictures and judged on others, with noise beside it, in the table and on the page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from unfooled.auditing.universal import universal
from unfooled.auditing.verify import verify
from unfooled.core.errors import AccessError, InputError, ModelError
from unfooled.core.target import Access
from unfooled.modalities.gathering import gather
from unfooled.models.black_box import BlackBox
from unfooled.report.page import render


def brittle() -> nn.Module:
    """Three classes told apart by fine patterns."""
    source = torch.Generator().manual_seed(1)
    layer = nn.Linear(3 * 8 * 8, 3, bias=False)
    layer.weight.data = torch.randn(layer.weight.shape, generator=source)
    return nn.Sequential(nn.Flatten(), layer).eval()


def pictures(n: int, seed: int) -> torch.Tensor:
    source = torch.Generator().manual_seed(seed)
    return torch.randint(60, 196, (n, 3, 8, 8), generator=source, dtype=torch.uint8)


def judged(**more: Any) -> Any:
    net, x = brittle(), pictures(20, 0)
    y = net(x.float() / 255).argmax(dim=1)
    given = {"threat": "linf:24/255", "learn": list(pictures(30, 7).numpy()), "epochs": 4, "fewer": (3, 10), **more}
    return universal(net, (x, y), given.pop("learn"), given.pop("threat"), **given)


def test_the_table_holds_what_the_change_does() -> None:
    results, delta = judged()
    net, x = brittle(), pictures(20, 0)
    y = net(x.float() / 255).argmax(dim=1)
    brought = ((x.float() / 255 + delta.values).clamp(0, 1) * 255).round() / 255
    fallen = int((net(brought).argmax(dim=1) != y).sum())
    crafted = results.run["crafted"]
    assert crafted["fallen"] == [fallen, 20]
    assert crafted["fallen"][0] > crafted["noise"][0]
    assert [count for count, _ in crafted["fewer"]] == [3, 10]
    assert (results["linf:24/255"].column("forwards") == 0).all() or results["linf:24/255"].queries.max() <= 2
    assert all(one.confirmed for one in verify(results, brittle()))


def test_the_page_shows_the_change_its_curve_and_noise() -> None:
    page = render(judged()[0])
    assert "One change for all" in page
    assert "learned from 30 other pictures" in page
    assert "Noise of the same size" in page
    assert page.count("data:image/png;base64") >= 1


def test_a_goal_is_learned_for() -> None:
    results, _ = judged(threat="become:1 linf:40/255", fewer=())
    table = results["become:1 linf:40/255"]
    assert set(table.column("adv_label")[table.broken]) == {1}


@pytest.mark.parametrize(
    ("more", "wrong"),
    [
        ({"threat": "l0:3"}, "one ball"),
        ({"threat": "linf:1/255,2/255"}, "one ball"),
        ({"threat": "linf"}, "limit"),
        ({"fewer": (30,)}, "Fewer"),
        ({"learn": [np.zeros((3, 8, 8), np.float32)] * 30}, "8 bits"),
        ({"learn": list(pictures(20, 0).numpy())}, "20 of 20 are among both"),
        ({"threat": "linf:24/255 by labels"}, "by gradients"),
        ({"threat": "become:3 linf:24/255"}, "names a class that the model does not know"),
        ({"epochs": 0}, "0 epochs"),
    ],
)
def test_what_cannot_be_learned_is_refused(more: dict[str, Any], wrong: str) -> None:
    with pytest.raises(InputError, match=wrong):
        judged(**more)


def test_nothing_is_learned_of_a_model_that_answers_no_numbers() -> None:
    net = nn.Sequential(nn.Flatten(), nn.Linear(192, 3)).eval()
    nn.init.constant_(net[1].weight, float("nan"))
    with pytest.raises(ModelError, match="not finite"):
        universal(net, (pictures(3, 0), torch.arange(3)), list(pictures(3, 1).numpy()), "linf:8/255")


def test_pictures_to_judge_are_of_integers() -> None:
    with pytest.raises(InputError, match="data in float32"):
        universal(brittle(), (torch.rand(3, 3, 8, 8), torch.arange(3)), list(pictures(3, 1).numpy()), "linf:8/255")


def test_a_model_that_reads_none_rightly_is_fooled_about_none() -> None:
    x = pictures(8, 0)
    wrong = 2 - brittle()(x.float() / 255).argmax(dim=1)
    wrong[wrong == 1] = 0
    results, _ = universal(brittle(), (x, wrong), list(pictures(3, 1).numpy()), "linf:8/255", epochs=1, fewer=(2,))
    page = render(results)
    assert "nothing to try it on" in page
    assert "of 0 " not in page


def test_pictures_of_a_folder_come_in_one_shape_and_each_once(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    shades = np.random.default_rng(0).integers(0, 256, (4, 9, 7, 3), dtype=np.uint8)
    for i, one in enumerate(shades):
        Image.fromarray(one).save(tmp_path / f"{i}.png")
    Image.fromarray(shades[0]).save(tmp_path / "deep" / "again.png")
    Image.fromarray(shades[0, :, :, 0]).resize((30, 20)).save(tmp_path / "deep" / "grey.png")
    (tmp_path / "note.txt").write_text("no picture")
    found = gather(tmp_path, 100)
    assert [one.shape for one in found] == [(3, 9, 7)] * 5
    assert {one.tobytes() for one in found} >= {one.transpose(2, 0, 1).tobytes() for one in shades}
    assert [one.tobytes() for one in gather(tmp_path, 2)] == [one.tobytes() for one in found[:2]]


def test_a_folder_without_pictures_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no pictures"):
        gather(tmp_path, 10)
    with pytest.raises(InputError, match="no such folder"):
        gather(tmp_path / "none", 10)


def test_a_model_without_gradients_is_refused() -> None:
    asked = BlackBox(lambda values: np.eye(3, dtype=np.float32)[: len(values)], Access.SCORES, "asked", "0" * 64, 3)
    with pytest.raises(AccessError):
        universal(asked, (pictures(3, 0), torch.arange(3)), list(pictures(3, 1).numpy()), "linf:8/255")
