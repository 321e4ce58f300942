"""The sticker's crafter: it finds the best texture where that is known, and leaves everything else alone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from unfooled.core.batch import Batch
from unfooled.core.errors import InputError, RunError
from unfooled.core.seeds import Draws
from unfooled.core.target import Access, Target
from unfooled.crafting import CRAFTERS
from unfooled.crafting.adversarial_patch import PRINTABLE, AdversarialPatch
from unfooled.crafting.keeping import keep, read
from unfooled.crafting.printing import save_print
from unfooled.crafting.sticker import Sticker
from unfooled.goals import Become, Misclassify
from unfooled.models.classifier import wrap
from unfooled.models.weights import fingerprint
from unfooled.scenes.outlines import Outline
from unfooled.scenes.scene import Scene

DRAWS = Draws.of(0, "crafting")
QUICK = AdversarialPatch(steps=30, batch=4, side=12, coarse=1.0)


def colours() -> nn.Module:
    """Read the mean colour: class 0 is red, 1 green, 2 blue."""
    layer = nn.Linear(3, 3, bias=False)
    with torch.no_grad():
        layer.weight.copy_(torch.eye(3) * 10)
    return nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), layer).eval()


def photographs(n: int = 10) -> tuple[Batch, torch.Tensor]:
    values = torch.rand(n, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    return Batch(values, torch.arange(100, 100 + n)), torch.zeros(n, dtype=torch.int64)


def craft(patch: AdversarialPatch = QUICK, goal: object = None, module: nn.Module | None = None) -> Sticker:
    x, y = photographs()
    target = Target(wrap(module or colours()), Access.GRADIENT, len(x))
    return patch([target], x, y, goal or Become(2), DRAWS)  # type: ignore[arg-type]


def inside(sticker: Sticker) -> torch.Tensor:
    """Give the texels well inside the outline, (c, m)."""
    return sticker.texture[:, sticker.outline.alpha(*sticker.texture.shape[1:]) > 0][:, ::3]


def test_it_becomes_the_colour_that_the_class_asks_for() -> None:
    red, green, blue = inside(craft()).mean(dim=1)
    assert blue > 0.95
    assert red < 0.05
    assert green < 0.05


def test_untargeted_it_leaves_the_label() -> None:
    red, green, blue = inside(craft(goal=Misclassify())).mean(dim=1)
    assert red < 0.05
    assert max(green, blue) > 0.95


def test_a_weight_of_zero_is_no_source() -> None:
    x, y = photographs()
    flipped = colours()
    with torch.no_grad():
        flipped[2].weight.mul_(-1)
    targets = [Target(wrap(module), Access.GRADIENT, len(x)) for module in (colours(), flipped)]
    both = replace(QUICK, weights=(1.0, 0.0))(targets, x, y, Become(2), DRAWS)
    assert torch.equal(both.texture, craft().texture)


def test_the_victim_is_left_alone_and_every_row_counted() -> None:
    module, (x, y) = colours(), photographs()
    before, state = fingerprint(module), torch.get_rng_state()
    target = Target(wrap(module), Access.GRADIENT, len(x))
    clean = x.values.clone()
    QUICK([target], x, y, Become(2), DRAWS)
    assert fingerprint(module) == before
    assert all(parameter.grad is None for parameter in module.parameters())
    assert torch.equal(state, torch.get_rng_state())
    assert torch.equal(x.values, clean)
    assert int(target.spent.backwards.sum()) == QUICK.steps * QUICK.batch
    assert int(target.spent.backwards.max()) - int(target.spent.backwards.min()) <= 1


def test_same_seed_same_bits_in_any_order() -> None:
    x, y = photographs()
    order = torch.tensor([3, 0, 9, 1, 2, 8, 7, 4, 6, 5])
    target = Target(wrap(colours()), Access.GRADIENT, len(x))
    shuffled = QUICK([target], x.rows(order), y[order], Become(2), DRAWS)
    assert torch.equal(shuffled.texture, craft().texture)
    other = QUICK([target], x, y, Become(2), Draws.of(1, "crafting"))
    assert not torch.equal(other.texture, craft().texture)


def test_smoothing_and_palette() -> None:
    def roughness(texture: torch.Tensor) -> float:
        return float((texture[:, 1:] - texture[:, :-1]).square().mean())

    noisy = AdversarialPatch(steps=10, batch=4, side=12, coarse=1.0, step=0.02)
    assert roughness(craft(replace(noisy, smoothing=1e4)).texture) < roughness(craft(noisy).texture) / 2
    kept = inside(craft(replace(QUICK, steps=60, palette=PRINTABLE, keeping=1e3)))
    away = (kept[:, None] - torch.tensor(PRINTABLE).T[:, :, None]).square().sum(dim=0).sqrt().amin(dim=0)
    assert away.mean() < 0.05


def test_it_is_brought_at_its_size_and_kept_by_hash(tmp_path: Path) -> None:
    made = craft().sized(0.2)
    x, _ = photographs()
    folder = keep(made, tmp_path / "sticker")
    again = read(folder)
    assert torch.equal(again.bring(x, DRAWS).values, made.bring(x, DRAWS).values)
    assert again.made["goal"] == "become:2"
    assert (folder / "sticker.png").is_file()
    damaged = folder / "artefact.safetensors"
    damaged.write_bytes(damaged.read_bytes()[:-1] + b"x")
    with pytest.raises(RunError, match="not as it was written"):
        read(folder)


def test_paste_puts_it_where_it_is_told() -> None:
    sticker = Sticker.of(torch.ones(3, 8, 8), Outline(), Scene(), {})
    photo = torch.zeros(3, 100, 200)
    laid = sticker.paste(photo, area=0.05, centre=(0.25, 0.5), angle=30)
    down, across = laid[0].nonzero().double().mean(dim=0)
    assert float(across) == pytest.approx(49.5, abs=0.5)
    assert float(down) == pytest.approx(49.5, abs=0.5)
    assert float(laid[0].mean()) == pytest.approx(0.05, abs=0.005)
    with pytest.raises(InputError, match="larger than the picture"):
        sticker.paste(photo, area=0.6)


def test_bad_settings() -> None:
    x, y = photographs()
    target = Target(wrap(colours()), Access.GRADIENT, len(x))
    for patch in (replace(QUICK, weights=(1, 2)), replace(QUICK, sizes=((8, 8),) * 2), replace(QUICK, steps=0)):
        with pytest.raises(InputError):
            patch([target], x, y, Become(2), DRAWS)
    with pytest.raises(InputError, match="at least one each"):
        QUICK([], x, y, Become(2), DRAWS)


def test_prints(tmp_path: Path) -> None:
    sticker = Sticker.of(torch.rand(3, 8, 8), Outline(), Scene(), {})
    with pytest.raises(InputError, match="resolution"):
        save_print(sticker, tmp_path / "a.png", cm=5)
    with pytest.raises(InputError, match="fits on no page"):
        save_print(sticker, tmp_path / "a.pdf", cm=500)
    with pytest.raises(InputError, match="width in centimetres"):
        save_print(sticker, tmp_path / "a.pdf", cm=0)
    with pytest.raises(InputError, match=r"\.pdf or a \.png"):
        save_print(sticker, tmp_path / "a.jpg", cm=5)
    from PIL import Image

    with Image.open(save_print(sticker, tmp_path / "a.png", cm=2.54, dpi=300)) as shown:
        assert shown.size == (300, 300)
        assert shown.info["dpi"] == pytest.approx((300, 300), abs=0.1)


def test_every_crafter_has_a_name() -> None:
    assert "adversarial-patch" in CRAFTERS
