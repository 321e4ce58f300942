"""Models that the attacker owns, at the door: each must take the data, give gradients, and mean the same classes."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from unfooled.attacks.bases import BASES
from unfooled.attacks.transfer import Transfer
from unfooled.core.attack import Attack
from unfooled.core.errors import InputError
from unfooled.core.target import Access, Model, Target
from unfooled.core.threat import Ball
from unfooled.models.black_box import check_grant
from unfooled.models.classes import aligned
from unfooled.models.classifier import wrap
from unfooled.models.ready import check_ready

from .examples import Examples


def read_surrogates(
    given: Sequence[object], model: Model, classes: int, examples: Examples, *, batch: int, device: torch.device
) -> tuple[Model, ...]:
    """Read models that stand in for one of so many classes.

    Raises:
        InputError: One has other classes.
        ModelError: One cannot be asked about these examples.
        AccessError: One gives no gradients.
    """
    names, taken = model.describe()["classes"], []
    for one in given:
        surrogate = wrap(one)
        check_grant(surrogate, Access.GRADIENT)
        own = check_ready(surrogate, examples.first_few(batch, device))
        taken.append(aligned(surrogate, names, classes, own))
    return tuple(taken)


def opened(
    models: Sequence[Model], count: int, *, batch: int | None, seed: int, device: torch.device
) -> tuple[Target, ...]:
    """Open the attacker's own models to attacks on so many examples; what they are asked is no query to the target."""
    return tuple(Target(one, Access.GRADIENT, count, batch=batch, seed=seed, device=device) for one in models)


def check_owned(attacks: Sequence[Attack[Ball]], surrogates: Sequence[object]) -> None:
    """Check that attacks which climb the attacker's own models are given some.

    Raises:
        InputError: They are not.
    """
    idle = [type(attack).__name__ for attack in attacks if isinstance(attack, Transfer | BASES)]
    if idle and not surrogates:
        raise InputError(
            f"The attack {idle[0]} climbs models of the attacker's own",
            "no surrogates",
            "Give some: surrogates=[model, ...], or --surrogate MODEL.",
        )
