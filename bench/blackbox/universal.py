"""One change for all photographs, learned on ai-benchmark's and judged on foolbox's; noise of its size beside it."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

sys.path.insert(0, str(Path(__file__).parents[1]))
from peers._env import enter
from promise import promise

SIZE, RADIUS, GOAL, FEWER, LOTS = 224, 10 / 255, 0.5, (10, 30), 5


def others() -> Tensor:
    """The hundred photographs of the package ai-benchmark, (100, 3, SIZE, SIZE); nobody has labelled them."""
    from blackbox._nets import folder, square

    paths = sorted((folder("ai_benchmark") / "data" / "classification").glob("*.jpg"))
    shown = [np.asarray(square(Image.open(path).convert("RGB"), SIZE)) for path in paths]
    return torch.from_numpy(np.stack(shown)).permute(0, 3, 1, 2).float() / 255


def learned(net: nn.Module, x: Tensor):
    """Learn a change that makes the network answer otherwise than it does."""
    from unfooled.core.batch import Batch
    from unfooled.core.seeds import Draws
    from unfooled.core.target import Access, Target
    from unfooled.crafting.universal import Universal
    from unfooled.goals import Misclassify
    from unfooled.models.classifier import wrap
    from unfooled.sets.linf import Linf

    y = torch.cat([net(part).argmax(dim=1) for part in x.split(10)])
    target = Target(wrap(net), Access.GRADIENT, len(x), batch=10)
    batch = Batch(x, torch.arange(len(x)))
    return Universal(Linf(RADIUS))([target], batch, y, Misclassify(), Draws.of(0, "bench"))


def fooled(net: nn.Module, delta, x: Tensor, y: Tensor) -> int:
    """Count photographs, of those that the network reads right, that it misreads with the change."""
    from unfooled.core.batch import Batch
    from unfooled.core.seeds import Draws

    brought = delta.bring(Batch(x, torch.arange(len(x))), Draws.of(0, "bench")).values
    assert (brought - x).abs().max() <= RADIUS + 1e-6
    return int((net(brought).argmax(dim=1) != y).sum())


def main() -> None:
    enter()
    from blackbox._nets import photographs

    from unfooled.core.seeds import Draws
    from unfooled.crafting.delta import corner

    torch.set_num_threads(1)
    net, x, y = photographs(SIZE)
    train = others()
    delta = learned(net, train)
    counts = {count: fooled(net, learned(net, train[:count]), x, y) for count in FEWER}
    noise = [fooled(net, corner(delta, Draws.of(seed, "noise")), x, y) for seed in range(LOTS)]
    hit = fooled(net, delta, x, y)
    told = delta.made["fooled"][0]
    promise(
        f"One change at 10/255, learned on {len(train)} photos: of foolbox's, read right by EfficientNet-Lite0, fooled",
        f"{hit} of {len(x)}, {hit / len(x):.0%} (of those learned from {told}); noise of the same size "
        f"{min(noise)} to {max(noise)} over {LOTS} seeds; from fewer photos: "
        + ", ".join(f"{count}: {hits}" for count, hits in counts.items()),
        f">= {GOAL:.0%}, and more than twice the noise",
        hit >= GOAL * len(x) and hit > 2 * max(noise),
    )


if __name__ == "__main__":
    main()
