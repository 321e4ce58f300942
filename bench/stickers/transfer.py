"""Toasters on models that they were not learned on: the mean of three seeds.

All four models are built of inverted residuals and learned from ImageNet-1k: another family by name and by who trained
it, and a near relative by its building block.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))
from peers._env import enter
from promise import promise
from stickers._kitchen import LITES, MOBILE, PATCH, TOGETHER, crafted, passes_a_second, tried

from unfooled.auditing.stickers.baselines import noise_like
from unfooled.crafting.adversarial_patch import AdversarialPatch

SEEDS = (0, 1, 2)
SECONDS = 100

Case = tuple[tuple[str, ...], str, dict[float, float], AdversarialPatch]
CASES: tuple[Case, ...] = (
    (LITES[:1], MOBILE, {0.15: 0.50, 0.20: 0.70, 0.30: 0.88}, PATCH),
    ((MOBILE,), LITES[0], {0.20: 0.50}, PATCH),
    (LITES, MOBILE, {0.20: 0.75}, TOGETHER),
    ((LITES[0], LITES[2]), LITES[1], {0.20: 0.50}, TOGETHER),
)


def main() -> None:
    speed = passes_a_second()
    for sources, judge, goals, patch in CASES:
        learned = [crafted(sources, seed, patch) for seed in SEEDS]
        names = ", ".join(shorter(one) for one in sources)
        for area, goal in goals.items():
            shares = [tried(one.sticker, judge, area).hit.share for one in learned]
            noise = tried(noise_like(learned[0].sticker, 0), judge, area).hit.share
            promise(
                f"Toaster learned on {names}, judged on {shorter(judge)} at {area:.0%}, three seeds",
                f"{told(shares)}; noise {noise:.0%}", f">= {goal:.0%}", float(np.mean(shares)) >= goal,
            )  # fmt: skip
        seconds = max(one.cpu_seconds for one in learned)
        promise(
            f"It is learned on {names} in CPU seconds of one thread, the slowest of three",
            f"{seconds:.0f} s, where ResNet-8 makes {speed:.1f} passes of 64 a second",
            f"<= {SECONDS} s", seconds <= SECONDS,
        )  # fmt: skip


def told(shares: Sequence[float]) -> str:
    return f"{np.mean(shares):.0%} ({', '.join(f'{one:.0%}' for one in shares)})"


def shorter(name: str) -> str:
    return name.removeprefix("zoo:").removeprefix("efficient")


if __name__ == "__main__":
    enter()
    main()
