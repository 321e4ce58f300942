"""Adversarial examples made elsewhere, judged like our own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar, cast

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import pad

from unfooled.core.attack import Attack, Bill, Found, Problem
from unfooled.core.batch import Batch
from unfooled.core.errors import InputError
from unfooled.core.results import Results
from unfooled.core.target import Access
from unfooled.core.threat import Ball, Scaled
from unfooled.modalities.texts import check_text, code_points
from unfooled.models.classifier import wrap

from .engine import audit
from .examples import Examples
from .hearing import read_heard
from .stages import Stage
from .threats import Threats


@dataclass(frozen=True)
class Given:
    """Proposes what it was given.

    Attributes:
        source: Where the proposals come from.
        proposals: By the number of the example, its proposal: an array of the example's shape, or the code points of a
            text of any length.
    """

    source: str
    proposals: Mapping[int, np.ndarray] = field(repr=False)
    needs: ClassVar[Access] = Access.DECISION
    nearest: ClassVar[bool] = True  # what was made elsewhere is the same at every radius

    def bill(self, classes: int) -> Bill:
        """See `Attack.bill`: nothing is asked."""
        return Bill(0, 0, 0)

    def __call__(self, problem: Problem[Scaled]) -> Found:
        """See `Attack`."""
        x = problem.x
        given = [torch.from_numpy(self.proposals[example]).to(x.values) for example in x.ids.tolist()]
        width = x.values.shape[-1]
        values = pad(torch.zeros_like(x.values), (0, max(0, max(one.shape[-1] for one in given) - width)))
        for row, one in zip(values, given, strict=True):
            row[..., : one.shape[-1]] = one
        lengths = None if x.lengths is None else torch.tensor([one.shape[-1] for one in given]).to(x.lengths)
        unknown = torch.full((len(x),), torch.nan, device=values.device)
        return Found(Batch(values, x.ids, lengths), torch.ones_like(unknown, dtype=torch.bool), unknown)


def judge(
    model: object,
    data: Any,
    x_adv: Tensor | np.ndarray | Sequence[np.ndarray] | Sequence[str],
    threats: Threats,
    *,
    source: str = "given",
    batch: int = 16,
    device: str | torch.device | None = None,
    out: str | Path | None = None,
    keep: str = "broken",
    note: dict[str, Any] | None = None,
) -> Results:
    """Judge adversarial examples made elsewhere: by foolbox, by ART, by hand.

    Nothing is believed: each is moved to the nearest point that the data's carrier can hold, must lie in the
    threat's set, and must fool the model in a fresh pass. `Results.merge` joins the answer with an audit.

    Args:
        model: As in `audit`.
        data: The clean examples with labels, as in `audit`.
        x_adv: One proposal an example, in the same order, (n, ...) in [0, 1]; for texts a list of texts.
        threats: As in `audit`.
        source: Whose they are; reports show it as the attack's name.
        batch: As in `audit`.
        device: As in `audit`.
        out: As in `audit`.
        keep: As in `audit`.
        note: As in `audit`.

    Raises:
        InputError: There is not one proposal of the right shape for each example.
    """
    adapter = wrap(model)
    place = adapter.device if device is None else torch.device(device)
    examples = read_heard(adapter, data, batch=batch, seed=0, device=place)
    proposals = _texts(x_adv) if examples.are_texts else [np.asarray(one, dtype=np.float32) for one in x_adv]
    if len(proposals) != len(examples):
        raise InputError(
            "Each example needs one proposal", f"{len(proposals)} for {len(examples)} examples", "Give x where none is."
        )
    if not examples.are_texts:
        _check(proposals, examples)
    examples = replace(examples, ids=torch.arange(len(examples)))  # repeats may have different proposals
    given = Given(source, dict(enumerate(proposals)))
    suite = [Stage(source, cast(Attack[Ball], given))]  # whatever the set, the referee decides
    return audit(adapter, examples, threats, suite, batch=batch, device=place, out=out, keep=keep, note=note)


def _texts(given: Any) -> list[np.ndarray]:
    """Read proposals for texts: code points, (t,) each."""
    for i, one in enumerate(given):
        if not isinstance(one, str):
            raise InputError("Proposals for texts are texts", f"{type(one).__name__} as proposal {i}", "Give strings.")
        check_text(one, f"proposal {i}")
    return [code_points(one) for one in given]


def _check(proposals: Sequence[np.ndarray], examples: Examples) -> None:
    for i, proposal in enumerate(proposals):
        if proposal.shape != examples.shapes[i]:
            raise InputError(
                "A proposal has its example's shape",
                f"{proposal.shape} for example {i} of shape {examples.shapes[i]}",
                "Give (n, ...) in the order of the data.",
            )
        if not np.isfinite(proposal).all():
            raise InputError("Proposals are finite", f"NaN or infinity in proposal {i}", "Give x where there is none.")
