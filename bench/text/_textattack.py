"""DeepWordBug of TextAttack on the reviews, in its own environment: prints one JSON object."""

from __future__ import annotations

import json
import random
import sys
import time

import numpy as np
import textattack
import torch
from _victim import Victim, reviews
from textattack.attack_recipes import DeepWordBugGao2018
from textattack.attack_results import SuccessfulAttackResult
from textattack.models.wrappers import ModelWrapper


class Wrapped(ModelWrapper):
    """The victim as TextAttack meets it."""

    def __init__(self, victim: Victim) -> None:
        self.model, self.victim = victim.net, victim

    def __call__(self, texts: list[str]) -> np.ndarray:
        return self.victim(texts)


def main() -> None:
    torch.set_num_threads(1)
    n, seeds = int(sys.argv[1]), int(sys.argv[2])
    victim = Victim()
    texts, y = reviews(n, 7)
    right = victim(texts).argmax(axis=1) == y
    rows = []
    for seed in range(seeds):
        random.seed(seed), np.random.seed(seed), torch.manual_seed(seed)
        attack = DeepWordBugGao2018.build(Wrapped(victim))
        began, fooled, queries = time.perf_counter(), [], 0
        for text, label, fine in zip(texts, y, right, strict=True):
            if fine:
                result = attack.attack(text, label)
                fooled.append(isinstance(result, SuccessfulAttackResult))
                queries += result.num_queries
        rows.append({"fooled": sum(fooled), "of": len(fooled), "queries": queries,
                     "seconds": time.perf_counter() - began})  # fmt: skip
    print(json.dumps({"rows": rows, "version": getattr(textattack, "__version__", "0.3.11")}))


if __name__ == "__main__":
    main()
