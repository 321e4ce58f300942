"""DeepWordBug or PWWS of TextAttack on the reviews, in its own environment: prints one JSON object.

Called as `_textattack.py N SEED`, or, for PWWS, `_textattack.py N SEED TABLE.json`: what may replace each word.
"""

from __future__ import annotations

import json
import random
import sys
import time
from pathlib import Path

import numpy as np
import torch
from _victim import Victim, reviews
from textattack import Attack
from textattack.attack_recipes import DeepWordBugGao2018
from textattack.attack_results import SuccessfulAttackResult
from textattack.constraints.pre_transformation import RepeatModification
from textattack.goal_functions import UntargetedClassification
from textattack.models.wrappers import ModelWrapper
from textattack.search_methods import GreedyWordSwapWIR
from textattack.transformations import WordSwap


class Wrapped(ModelWrapper):
    """The victim as TextAttack meets it."""

    def __init__(self, victim: Victim) -> None:
        self.model, self.victim = victim.net, victim

    def __call__(self, texts: list[str]) -> np.ndarray:
        return self.victim(texts)


class Listed(WordSwap):
    """Replaces words by what a table lists: the same candidates as the other library's."""

    def __init__(self, table: dict[str, list[str]]) -> None:
        super().__init__()
        self.table = table

    def _get_replacement_words(self, word: str) -> list[str]:
        return self.table.get(word, [])


def built(victim: Victim, table: dict[str, list[str]] | None) -> Attack:
    if table is None:
        return DeepWordBugGao2018.build(Wrapped(victim))
    search = GreedyWordSwapWIR("weighted-saliency")
    return Attack(UntargetedClassification(Wrapped(victim)), [RepeatModification()], Listed(table), search)


def main() -> None:
    torch.set_num_threads(1)
    n, seed = int(sys.argv[1]), int(sys.argv[2])
    table = json.loads(Path(sys.argv[3]).read_text()) if len(sys.argv) > 3 else None
    victim = Victim()
    texts, y = reviews(n, 7)
    right = victim(texts).argmax(axis=1) == y
    random.seed(seed), np.random.seed(seed), torch.manual_seed(seed)
    attack = built(victim, table)
    began, fooled, queries = time.process_time(), [], 0
    for text, label, fine in zip(texts, y, right, strict=True):
        if fine:
            result = attack.attack(text, label)
            fooled.append(isinstance(result, SuccessfulAttackResult))
            queries += result.num_queries
    seconds = time.process_time() - began
    print(json.dumps({"fooled": sum(fooled), "of": len(fooled), "queries": queries, "seconds": seconds}))


if __name__ == "__main__":
    main()
