"""Against ART's AdversarialPatchPyTorch: the same model and photographs, equal CPU seconds, its learning rate swept.

Run by this environment's Python; ART is found in the peers' environment, whose packages are put behind our own.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parents[1]))
from peers._env import HOME, make, stamp
from promise import promise
from stickers._kitchen import LITES, TOASTER, crafted, model, passes_a_second, percent, tried
from stickers._torchvision import install

from unfooled.auditing.stickers.photographs import fitted, read_photographs
from unfooled.crafting.adversarial_patch import AdversarialPatch
from unfooled.crafting.sticker import Sticker
from unfooled.scenes.outlines import Outline
from unfooled.scenes.scene import Scene

RATES = (0.01, 0.05, 0.2)
STEPS, AREA, POINTS, FASTER = 300, 0.15, 0.40, 2.5
BATCH = 8


class Whole(torch.nn.Module):
    """EfficientNet-Lite0 as a user hands it over: pictures in [0, 1] to scores."""

    def __init__(self) -> None:
        super().__init__()
        self.inner, self.preprocess = model(LITES[0]).module, model(LITES[0]).preprocess

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.inner(self.preprocess(x))


def main() -> None:
    speed = passes_a_second()
    ours = crafted(LITES[:1], 0, AdversarialPatch(steps=STEPS))
    best = tried(ours.sticker, LITES[0], AREA)
    theirs = [(rate, *art(rate, ours.cpu_seconds)) for rate in RATES]
    shares = {rate: tried(sticker, LITES[0], AREA) for rate, sticker, _ in theirs}
    most = max(shares.values(), key=lambda one: one.hit.share)
    promise(
        f"Toaster at {AREA:.0%} on EfficientNet-Lite0, against ART at the best of rates {RATES}, "
        f"{ours.cpu_seconds:.0f} CPU s each (ResNet-8: {speed:.1f} passes of 64 a second)",
        f"{percent(best)} against " + ", ".join(f"{rate:g}: {percent(one)}" for rate, one in shares.items()),
        f">= {POINTS:.0%} more", best.hit.share - most.hit.share >= POINTS,
    )  # fmt: skip
    own, other = ours.backwards / ours.cpu_seconds, max(rows for *_, rows in theirs)
    promise(
        "Pictures forwards and backwards in a CPU second, against ART on the unfolded model at 224 x 224",
        f"{own:.1f} against {other:.1f}: {own / other:.1f} times", f">= {FASTER:g} times", own >= FASTER * other,
    )  # fmt: skip


def art(rate: float, seconds: float) -> tuple[Sticker, float]:
    """Learn by ART for as many CPU seconds; gives the sticker and pictures a second."""
    install()
    if not stamp().is_file():
        make(HOME / "bin" / "python")
    sys.path.append(str(next((HOME / "lib").glob("python*/site-packages"))))
    from art.attacks.evasion import AdversarialPatchPyTorch
    from art.estimators.classification import PyTorchClassifier

    album = read_photographs("zoo:unlabelled", None, labelled=False)
    x = torch.cat([fitted(model(LITES[0]), album.batch([i]).values) for i in range(len(album))]).numpy()
    y = np.zeros((len(x), 1000), np.float32)
    y[:, TOASTER] = 1
    classifier = PyTorchClassifier(
        Whole(), loss=torch.nn.CrossEntropyLoss(), input_shape=(3, 224, 224), nb_classes=1000, clip_values=(0, 1)
    )
    np.random.seed(0)
    torch.manual_seed(0)
    attack = AdversarialPatchPyTorch(
        classifier, rotation_max=30, scale_min=0.32, scale_max=0.71, learning_rate=rate, max_iter=1,
        batch_size=BATCH, patch_shape=(3, 112, 112), verbose=False,
    )  # fmt: skip
    begin, rows = time.process_time(), 0
    while time.process_time() - begin < seconds:
        some = np.random.permutation(len(x))[:BATCH]
        attack.generate(x[some], y[some])
        rows += BATCH
    texture = attack._patch.detach().float().clamp(0, 1)
    return Sticker.of(texture, Outline(), Scene(), {}), rows / (time.process_time() - begin)


if __name__ == "__main__":
    main()
