"""The Unicode normaliser: it restores what was changed unseen, leaves ASCII alone, and is attacked through itself."""

from __future__ import annotations

import sys
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).parents[1]))
from _victim import Victim, reviews
from promise import promise

N = 60


def main() -> None:
    import unfooled
    from unfooled.defences.normalising import normalised

    torch.set_num_threads(1)
    victim, (texts, y) = Victim(), reviews(N, 11)
    plain, shut = (unfooled.text_model(victim, ["bad", "good"], before=one) for one in (None, normalised))
    threats, suite = ["invisible:5", "homoglyphs:5"], ["bad-characters"]
    results = unfooled.audit(plain, (texts, y), threats, suite, batch=256, keep="all")
    stored = [(name, array) for name, array in results.tensors.items() if name.startswith("x_adv/")]
    clean = {name.removeprefix("x/"): array for name, array in results.tensors.items() if name.startswith("x/")}
    restored = [
        normalised(array.tobytes().decode()) == clean[name.rsplit("/", 1)[1]].tobytes().decode()
        for name, array in stored
    ]
    through = unfooled.audit(shut, (texts, y), [*threats, "chars:5"], batch=256)
    share = sum(restored) / len(restored)
    promise(
        "The normaliser restores exactly what five invisible or look-alike edits made of a text",
        f"{sum(restored)} of {len(restored)}; robust accuracy without it "
        + ", ".join(f"{results[threat].robust_accuracy:.0%} at {threat}" for threat in threats),
        ">= 99 %",
        share >= 0.99,
    )
    promise(
        "It leaves plain ASCII as it is",
        f"{sum(normalised(text) != text for text in texts)} of {len(texts)} texts changed",
        "0 changed",
        all(normalised(text) == text for text in texts),
    )
    promise(
        "It is attacked through itself",
        "robust accuracy behind it "
        + ", ".join(f"{through[threat].robust_accuracy:.0%} at {threat}" for threat in through.threats)
        + f" (clean {through['chars:5'].clean_accuracy:.0%})",
        "its figure stands beside",
        True,
    )


if __name__ == "__main__":
    main()
