"""Adversarial examples made elsewhere, judged like our own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from unfooled.core.attack import Bill, Found, Problem
from unfooled.core.batch import Batch
from unfooled.core.errors import InputError
from unfooled.core.results import Results
from unfooled.core.target import Access
from unfooled.core.threat import Ball

from .engine import audit
from .examples import read_examples
from .stages import Stage
from .threats import Threats


@dataclass(frozen=True)
class Given:
    """Proposes what it was given.

    Attributes:
        source: Where the proposals come from.
        proposals: By the number of the example, its proposal as an array of the example's shape.
    """

    source: str
    proposals: Mapping[int, np.ndarray] = field(repr=False)
    needs: ClassVar[Access] = Access.DECISION
    nearest: ClassVar[bool] = True  # what was made elsewhere is the same at every radius

    def bill(self, classes: int) -> Bill:
        """See `Attack.bill`: nothing is asked."""
        return Bill(0, 0, 0)

    def __call__(self, problem: Problem[Ball]) -> Found:
        """See `Attack`."""
        x = problem.x
        values = x.values.clone()
        for row, example in enumerate(x.ids.tolist()):
            proposal = torch.from_numpy(self.proposals[example]).to(values)
            values[row, ..., : proposal.shape[-1]] = proposal
        unknown = torch.full((len(x),), torch.nan, device=values.device)
        return Found(Batch(values, x.ids, x.lengths), torch.ones_like(unknown, dtype=torch.bool), unknown)


def judge(
    model: object,
    data: Any,
    x_adv: Tensor | np.ndarray | Sequence[np.ndarray],
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
        x_adv: One proposal an example, in the same order, (n, ...) in [0, 1].
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
    examples = read_examples(data)
    if examples.are_texts:
        do = "Audit the model itself, or add the texts to the data."
        raise InputError("Proposals are judged for pictures and waveforms alone", "texts", do)
    proposals = [np.asarray(one, dtype=np.float32) for one in x_adv]
    if len(proposals) != len(examples):
        raise InputError(
            "Each example needs one proposal", f"{len(proposals)} for {len(examples)} examples", "Give x where none is."
        )
    for i, proposal in enumerate(proposals):
        if proposal.shape != examples.shapes[i]:
            raise InputError(
                "A proposal has its example's shape",
                f"{proposal.shape} for example {i} of shape {examples.shapes[i]}",
                "Give (n, ...) in the order of the data.",
            )
        if not np.isfinite(proposal).all():
            raise InputError("Proposals are finite", f"NaN or infinity in proposal {i}", "Give x where there is none.")
    examples = replace(examples, ids=torch.arange(len(examples)))  # repeats may have different proposals
    given = Given(source, dict(enumerate(proposals)))
    suite = [Stage(source, given)]
    return audit(model, examples, threats, suite, batch=batch, device=device, out=out, keep=keep, note=note)
