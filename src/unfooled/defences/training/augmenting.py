"""Adversarial training of classifiers of texts: fit, attack the training texts, fit again on both."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch

from unfooled.core.attack import Attack, Problem
from unfooled.core.seeds import Draws
from unfooled.core.target import Model, Target
from unfooled.core.texts import batch_of, strings
from unfooled.core.threat import Edits
from unfooled.goals import Misclassify

Fit = Callable[[list[str], list[int]], Model]
"""Texts and labels -> a model that learned them, as attacks meet it."""


def augmented(
    fit: Fit,
    texts: Sequence[str],
    y: Sequence[int],
    *,
    attack: Attack[Edits],
    within: Edits,
    rounds: int = 2,
    batch: int = 64,
    seed: int = 0,
) -> Model:
    """Train a model of texts on what fools it: whatever can be fitted, networks and pipelines alike.

    Each round attacks the latest model on all clean texts, and fits a new one on these and on all texts that fooled
    one so far.

    Args:
        fit: Fits a model to texts with labels; it begins anew each time.
        texts: Clean training texts, (n,).
        y: Their labels, (n,).
        attack: What is to be withstood.
        within: What the attacker may change.
        rounds: Attacks, 1 or more.
        batch: Texts of a pass.
        seed: Of the attack's randomness.

    Reference:
        Yoo and Qi. Towards improving adversarial training of NLP models. Findings of EMNLP 2021.
        https://arxiv.org/abs/2109.00544, algorithm 1.
        Differs from the paper: a model is fitted anew each round, where theirs goes on; all clean texts are attacked.
    """
    taught, labels = list(texts), torch.tensor(list(y))
    x = batch_of(taught, torch.arange(len(taught)), max(map(len, taught)))
    model, known = fit(taught, labels.tolist()), labels.tolist()
    for turn in range(rounds):
        target = Target(model, attack.needs, len(x), batch=batch, seed=seed)
        found = attack(Problem(target, x, labels, Misclassify(), within, Draws.of(seed, f"round {turn}")))
        taught = taught + strings(found.x_adv.rows(found.reached))
        known = known + labels[found.reached].tolist()
        model = fit(taught, known)
    return model
