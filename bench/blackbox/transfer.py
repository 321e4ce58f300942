"""Transfer between EfficientNet-Lite0 and MobileNetV2 on photos, and between two halves of Fashion-MNIST.

`python bench/blackbox/transfer.py N` takes N photos for a first look; without N all 120.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor, nn

sys.path.insert(0, str(Path(__file__).parents[1]))
from distances._models import data, fit, kept
from peers._env import enter
from promise import promise

from unfooled import transfer
from unfooled.attacks.fia import FIA
from unfooled.attacks.transfer import Transfer
from unfooled.auditing.stages import Stage
from unfooled.core.batch import Batch
from unfooled.core.matrix import Matrix
from unfooled.core.target import Model
from unfooled.models.load import load_model
from unfooled.zoo.photos import photos
from unfooled.zoo.small import small_cnn
from unfooled.zoo.unlabelled import unlabelled

NETS = {"EfficientNet-Lite0": "zoo:efficientnet-lite0", "MobileNetV2": "zoo:mobilenet-v2"}
BESIDE = {"EfficientNet-Lite1": "zoo:efficientnet-lite1"}
SIDE, STEPS, THREAT, TWICE, MOST = 224, 6, "linf:16/255", 2.0, 0.9
CHAINS = {
    "I-FGSM": Transfer(steps=STEPS, decay=0.0),
    "MI": Transfer(steps=STEPS),
    "DI-TI-MI": Transfer(steps=STEPS, diversity=0.5, kernel=5),
    "VMI": Transfer(steps=STEPS, neighbours=3),
    "block shuffle": Transfer(steps=STEPS, blocks=2, copies=3),
    "features": FIA(steps=STEPS, copies=6, diversity=0.5),
}
ENSEMBLE, FEW = "DI-TI-MI", 40
HALF, EPOCHS, CLOTHES, CLOTHES_THREAT = 30_000, 3, 500, "linf:0.1"


def main(n: int | None = None) -> None:
    torch.set_num_threads(1)
    on_photos(n)
    on_ensembles(n)
    on_halves()


def on_photos(n: int | None) -> None:
    """Say what carries over from one architecture to another that was trained on the same data."""
    nets = {name: load_model(spec) for name, spec in NETS.items()}
    x, y = labelled(nets)
    began = time.process_time()
    matrix = climbed(nets, x[:n], y[:n], THREAT)
    plain, (best, carried) = matrix.carried("I-FGSM"), strongest(matrix)
    promise(
        f"{THREAT}, {len(x[:n])} photos, {STEPS} steps, EfficientNet-Lite0 and MobileNetV2, each climbed and judged on "
        "the other; both learned from ImageNet",
        f"{figures(matrix)}; {time.process_time() - began:.0f} CPU s",
        f"best chain at least {TWICE:g} times I-FGSM's mean, or >= {MOST:.0%}",
        carried >= min(TWICE * plain, MOST) and best != "I-FGSM",
    )


def on_ensembles(n: int | None) -> None:
    """Say what two sources together carry over that one alone does not."""
    nets = {name: load_model(spec) for name, spec in (NETS | BESIDE).items()}
    x, y = labelled(nets)
    x, y = x[: n or FEW], y[: n or FEW]
    matrix = transfer(nets, (x, y), THREAT, [Stage(ENSEMBLE, CHAINS[ENSEMBLE])], batch=16)
    cells = [cell for cell in matrix.of(ENSEMBLE) if not cell.own]
    alone, together = ([cell for cell in cells if (len(cell.sources) > 1) is many] for many in (False, True))
    best = {one.target: max(cell.share for cell in alone if cell.target == one.target) for one in together}
    promise(
        f"{THREAT}, {len(x)} photos, {STEPS} steps of {ENSEMBLE}, two nets climbed together and judged on the third",
        "; ".join(
            f"{' + '.join(one.sources)} to {one.target} {one.fooled} of {one.n}, the better of them alone "
            f"{best[one.target]:.0%}"
            for one in together
        ),
        "the figure",
        bool(together),
    )


def on_halves() -> None:
    """Say what carries over between two nets of one architecture that share no training picture."""
    nets = {f"half {part}": trained(part) for part in (1, 2)}
    x, y = data(CLOTHES, name="fashion-mnist")
    matrix = climbed(nets, x, y, CLOTHES_THREAT)
    promise(
        f"{CLOTHES_THREAT}, {CLOTHES} pictures, two small CNNs trained on disjoint halves of Fashion-MNIST",
        figures(matrix),
        "the best chain carries over to more than half of them",
        strongest(matrix)[1] > 0.5,
    )


def climbed(nets: dict[str, Model] | dict[str, nn.Module], x: Tensor, y: Tensor, threat: str) -> Matrix:
    return transfer(nets, (x, y), threat, [Stage(name, attack) for name, attack in CHAINS.items()], batch=16)


def strongest(matrix: Matrix) -> tuple[str, float]:
    best = max(matrix.attacks, key=matrix.carried)
    return best, matrix.carried(best)


def figures(matrix: Matrix) -> str:
    """Write down all cells where the target was not climbed itself, and the white-box ones of the last attack."""
    told = []
    for attack in matrix.attacks:
        cells = [cell for cell in matrix.of(attack) if not cell.own]
        pairs = ", ".join(f"{cell.sources[0]} to {cell.target} {cell.fooled} of {cell.n}" for cell in cells)
        told.append(f"{attack} {matrix.carried(attack):.0%} ({pairs})")
    return "; ".join(told)


def labelled(nets: dict[str, Model]) -> tuple[Tensor, Tensor]:
    """Twenty photos with labels, and those of a hundred without on whose class both nets agree."""
    known, plain = photos(), shown(unlabelled())
    said = [net.answer(Batch(plain, torch.arange(len(plain)))).labels for net in nets.values()]
    agreed = said[0] == said[1]
    return torch.cat([shown(known.pictures), plain[agreed]]), torch.cat(
        [torch.from_numpy(known.labels), said[0][agreed]]
    )


def shown(pictures: list[np.ndarray]) -> Tensor:
    squares = [
        np.asarray(ImageOps.fit(Image.fromarray(one.transpose(1, 2, 0)), (SIDE, SIDE), Image.Resampling.BICUBIC))
        for one in pictures
    ]
    return torch.from_numpy(np.stack(squares)).permute(0, 3, 1, 2).float() / 255


def trained(part: int) -> nn.Module:
    def train(net: nn.Module) -> None:
        x, y = data(name="fashion-mnist", part="train")
        rows = slice((part - 1) * HALF, part * HALF)
        fit(net, x[rows], y[rows], EPOCHS, None)

    return kept(f"fashion_half_{part}", small_cnn(part), train)


if __name__ == "__main__":
    enter()
    main(int(sys.argv[1]) if len(sys.argv) > 1 else None)
