"""Draw `signs.png`: stop signs that `zoo:signs` reads as something else, and what it was given of each.

Run: python docs/pictures/signs.py
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch
from matplotlib.figure import Figure

from unfooled.core.seeds import Draws
from unfooled.core.target import Access, Target
from unfooled.crafting.rp2 import BLACK_WHITE, Rp2
from unfooled.crafting.shadow import Shadow
from unfooled.goals import Become, Misclassify
from unfooled.models.load import load_model
from unfooled.zoo.signs.artwork import CLASSES
from unfooled.zoo.signs.grounds import for_judging, for_learning, grounds

KINDS = {
    "tape, found": (Rp2(mask="found", steps=400), "yield"),
    "tape, found ": (Rp2(mask="found", steps=400), "speed limit 45"),
    "black and white, found": (Rp2(mask="found", palette=BLACK_WHITE, steps=400), "yield"),
    "two bars": (Rp2(mask="bars", steps=400), "yield"),
    "graffiti": (Rp2(mask="graffiti", steps=400), None),
    "poster": (Rp2(mask="poster", palette=(), faint=0.1), "yield"),
    "shadow": (Shadow(), None),
}


def main() -> None:
    """Alter the sign in every way, look at it, and draw both."""
    torch.set_num_threads(1)
    model, behind = load_model("zoo:signs"), grounds(400, 11, for_learning())
    judged = grounds(200, 12, for_judging())
    figure = Figure(figsize=(2 * len(KINDS), 4.6), layout="constrained")
    axes = figure.subplots(2, len(KINDS))
    for column, (name, (crafter, target)) in enumerate(KINDS.items()):
        goal = Misclassify() if target is None else Become(CLASSES.index(target))
        y = torch.zeros(len(behind), dtype=torch.int64)
        made = crafter([Target(model, Access.GRADIENT, len(behind))], behind, y, goal, Draws.of(0, "bench"))
        answer = model.answer(made.bring(judged, Draws.of(0, "judged")))
        hit = float(goal.reached(answer, y[: len(judged)]).float().mean())
        near = replace(made, roadside=made.roadside.at(28, 15)).bring(judged.rows(slice(1, 2)), Draws.of(0, "look"))
        read = CLASSES[int(model.answer(near).labels[0])]
        face = made.painted(256)
        shown = face[:3] * face[3:] + (1 - face[3:])
        for row, picture, words in (
            (0, shown, f"{name}\n{hit:.0%} {target or 'not stop'}"), (1, near.values[0], f"read: {read}"),
        ):  # fmt: skip
            axes[row, column].imshow(picture.clamp(0, 1).permute(1, 2, 0).numpy())
            axes[row, column].set_title(words, fontsize=9)
            axes[row, column].set_axis_off()
    figure.savefig(Path(__file__).with_name("signs.png"), dpi=80)


if __name__ == "__main__":
    main()
