"""Models that the attacker owns, at the door: each must take the data, give gradients, and mean the same classes."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from unfooled.attacks.bases import BASES
from unfooled.attacks.transfer import Transfer
from unfooled.core.errors import InputError
from unfooled.core.target import Access, Model
from unfooled.models.black_box import check_grant
from unfooled.models.classes import aligned
from unfooled.models.classifier import wrap

from .examples import Examples
from .plan import check
from .stages import Stage


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
        own = check(surrogate, examples, batch, device)
        taken.append(aligned(surrogate, names, classes, own))
    return tuple(taken)


def check_owned(stages: Sequence[Stage], surrogates: Sequence[object]) -> None:
    """Check that attacks which climb the attacker's own models are given some.

    Raises:
        InputError: They are not.
    """
    idle = [stage.name for stage in stages if isinstance(stage.attack, Transfer | BASES)]
    if idle and not surrogates:
        raise InputError(
            f"{', '.join(idle)} climb models of the attacker's own",
            "no surrogates",
            "Give some: surrogates=[model, ...], or --surrogate MODEL.",
        )
