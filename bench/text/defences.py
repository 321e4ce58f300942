"""Defences of a classifier of texts, each attacked through itself."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parents[1]))
from _beside import bring_wordnet
from _victim import Victim, reviews
from promise import promise

N, CLASSES = 60, ["bad", "good"]
TAUGHT = reviews(2000, 1000)


def stands(model: object, texts: list[str], y: list[int], threat: str, suite: object = "standard") -> float:
    import unfooled

    return float(unfooled.audit(model, (texts, y), threat, suite, batch=256)[threat].robust_accuracy)


def spelling(texts: list[str], y: list[int]) -> None:
    import unfooled
    from unfooled.defences.spelling import Spelling

    victim, mends = Victim(), Spelling.learned(TAUGHT[0])
    plain, shut = (unfooled.text_model(victim, CLASSES, before=one) for one in (None, mends))
    told = {threat: [stands(model, texts, y, threat) for model in (plain, shut)] for threat in ("chars:1", "chars:4")}
    promise(
        "Spelling correction, attacked through itself",
        "; ".join(f"{threat} robust accuracy {a:.0%} without it, {b:.0%} behind it" for threat, (a, b) in told.items()),
        "more than without it at chars:1",
        told["chars:1"][1] > told["chars:1"][0],
    )


def masks(texts: list[str], y: list[int]) -> None:
    import unfooled
    from unfooled.defences.random_masks import RandomMasks

    shown = RandomMasks(lambda some: np.zeros((len(some), 2)), shown=0.4)
    many = [(shown.masked(TAUGHT[0], draw), TAUGHT[1]) for draw in range(4)]
    victim = Victim(taught=([text for some, _ in many for text in some], [one for _, of in many for one in of]))
    voted = RandomMasks(victim, shown=0.4)
    model = unfooled.text_model(voted, CLASSES, name="votes over masks")
    proven = voted.certify(texts, votes=2000)
    right = [one.words if one.label == label else -1 for one, label in zip(proven, y, strict=True)]
    shares = ", ".join(f"{sum(words >= d for words in right) / len(y):.0%} at {d}" for d in (0, 1, 2, 3))
    found = unfooled.audit(model, (texts, y), "words:0.1", ["random-edits", "textfooler"], batch=256)["words:0.1"]
    changes = [int(0.1 * len(text.split()) + 1e-9) for text in texts]
    fallen = sum(bool(b) and words >= d for b, words, d in zip(found.broken, right, changes, strict=True))
    promise(
        "Votes over masks: certified accuracy by words replaced, and robust accuracy attacked through the votes",
        f"certified {shares}; {found.robust_accuracy:.0%} stands at words:0.1 (clean {found.clean_accuracy:.0%}); "
        f"{fallen} fell that were certified for as many words",
        "some certified for 1 word, none of them falls",
        fallen == 0 and any(words >= 1 for words in right),
    )


def training(texts: list[str], y: list[int]) -> None:
    import unfooled
    from unfooled.defences.training.augmenting import augmented
    from unfooled.sets.words import Words

    def fit(some: list[str], labels: list[int]) -> object:
        return unfooled.text_model(Victim(taught=(some, labels)), CLASSES)

    few = (TAUGHT[0][:400], TAUGHT[1][:400])
    plain = fit(*few)
    hard = augmented(fit, *few, attack=unfooled.attack_named("textfooler"), within=Words(0.2), rounds=2, batch=256)
    before, after = (stands(model, texts, y, "words:0.2") for model in (plain, hard))
    promise(
        "Adversarial training on substituted words, attacked anew by the suite",
        f"robust accuracy {before:.0%} before, {after:.0%} after at words:0.2",
        "its figure stands beside: words that the network did not know said nothing, and now say something",
        True,
    )


def main() -> None:
    torch.set_num_threads(1)
    bring_wordnet()
    texts, y = reviews(N, 31)
    for measure in (spelling, masks, training):
        measure(texts, y)


if __name__ == "__main__":
    main()
