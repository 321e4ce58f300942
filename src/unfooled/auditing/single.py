"""One attack on one batch: the call for researchers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from torch import Tensor

from unfooled.attacks import attack_named
from unfooled.core.attack import Attack, Found, Problem
from unfooled.core.errors import InputError
from unfooled.core.seeds import Draws
from unfooled.core.target import Target
from unfooled.core.threat import Ball, ThreatModel
from unfooled.modalities.carriers import Float32
from unfooled.models.black_box import check_grant
from unfooled.models.classifier import wrap
from unfooled.models.prepare import Preparation
from unfooled.models.prepare import prepare as prepared

from .examples import read_examples
from .fit import check_fit, check_ranges, check_threats
from .hearing import ears_of, in_words, posed
from .plan import check
from .stages import Stage
from .surrogates import check_owned, opened, read_surrogates
from .threats import read_threats


def attack(
    model: object,
    x: Tensor,
    y: Tensor | Sequence[str],
    attack: str | Attack[Ball],
    threat: str | Ball | ThreatModel,
    *,
    start: Tensor | None = None,
    seed: int = 0,
    batch: int | None = None,
    prepare: Preparation = "on",
    surrogates: Sequence[object] = (),
    **settings: Any,
) -> Found:
    """Run one attack on one batch and hand back what it proposes, unjudged and in float32.

    Args:
        model: A torch module in eval mode from inputs to class scores, or an adapter.
        x: Clean examples, (n, ...).
        y: Their labels, (n,); texts where the model writes.
        attack: An attack by name, such as `"pgd"`, or as a value.
        threat: What the attacker may do, such as `"linf:8/255"` or `unfooled.l2(3)`.
        start: Where attacks without a random start begin, (n, ...); None for x.
        seed: Of all randomness.
        batch: Rows of a pass; None for passes of just the rows that are asked about.
        prepare: What to search with: "on" for a private copy of the model that is cheaper and answers alike, "bf16" for
            one in bfloat16, "compiled" for one run through torch.compile, "off" for the model itself.
        surrogates: Models that the attacker owns and climbs freely.
        settings: Fields of the attack to change, such as `steps=10`.

    Raises:
        InputError: Data, threat or settings cannot be used.
        ModelError: The model cannot be attacked as it is.
        AccessError: It can only be asked, and the attack wants more.

    Example:
        >>> found = unfooled.attack(model, x, y, "pgd", "linf:8/255", steps=10)
        >>> found.x_adv.values[found.reached]
    """
    _check_tensor(x)
    adapter, device = wrap(model), x.device
    examples = read_examples((x, y), carrier=Float32(), ears=ears_of(adapter))
    classes = check(adapter, examples, batch or len(examples), device)
    (one, *more) = read_threats(threat, Float32(), domain=examples.domain)
    if more:
        raise InputError("One attack takes one threat", repr(threat), "Use unfooled.audit for several radii.")
    (one,) = in_words((one,), adapter, examples)
    check_threats((one,), classes, seed, "none")
    check_ranges([one.within], examples)
    chosen = attack_named(attack, **settings) if isinstance(attack, str) else replace(attack, **settings)  # type: ignore[type-var]
    check_fit([Stage(type(chosen).__name__, chosen)], one)
    check_owned([chosen], surrogates)
    check_grant(adapter, needs := max(chosen.needs, one.goal.needs))
    clean = examples.batch(range(len(examples)), device)
    owned = read_surrogates(surrogates, adapter, classes, examples, batch=batch or len(examples), device=device)
    searched, *copies = (prepared(each, examples.shapes[0], prepare) for each in (adapter, *owned))
    goal, searched = posed(one.goal, searched, clean, examples.y)
    target = Target(searched, needs, len(clean), budget=one.budget, batch=batch, seed=seed, device=device)
    draws = Draws.of(seed, one.question, repr(chosen))
    begin = None if start is None else clean.holding(start.to(clean.values))
    problem = Problem(
        target, clean, examples.y.to(device), goal, one.within, draws, start=begin, confirm=not searched.exact,
        surrogates=opened(copies, len(clean), batch=batch, seed=seed, device=device),
    )  # fmt: skip
    return chosen(problem)  # type: ignore[arg-type]  # the contract tests pair attacks with sets


def _check_tensor(x: object) -> None:
    if isinstance(x, list | tuple):
        raise InputError("One attack takes one tensor", f"a {type(x).__name__}", "Use unfooled.audit, for texts too.")
