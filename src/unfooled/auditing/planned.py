"""Everything that an audit checks, without doing any work: for estimates, and before an earlier run is replaced."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from unfooled.core.attack import Attack
from unfooled.core.target import Access
from unfooled.core.threat import Ball
from unfooled.core.writing import Writer
from unfooled.models.black_box import check_grant
from unfooled.models.classifier import wrap
from unfooled.models.prepare import Preparation

from .cohorts import read_budget, read_until
from .fit import check_ranges, check_suite, check_threats, granted
from .hearing import in_words, read_heard
from .named_suites import read_suites
from .plan import Plan, check, limits
from .stages import Stage, for_all
from .starts import read_starts
from .surrogates import check_owned, read_surrogates
from .threats import Threats, by_knowledge, read_threats, seen


def planned(
    model: object,
    data: object,
    threats: Threats,
    suite: str | Sequence[str | Stage | Attack[Ball]] = "standard",
    *,
    batch: int = 16,
    seed: int = 0,
    device: str | torch.device | None = None,
    budget: int | str | None = None,
    until: str | None = None,
    access: Access | None = None,
    keep: str = "broken",
    prepare: Preparation = "on",
    diagnose: bool = True,
    surrogates: Sequence[object] = (),
    starts: str | Path | Tensor | None = None,
    knowledge: bool = False,
) -> Plan:
    """Take an audit through the door; the arguments are those of `audit`.

    Raises:
        InputError: Data, labels, threats or settings cannot be used.
        ModelError: The model cannot be audited as it is.
        AccessError: It can only be asked, and more is asked for.
    """
    adapter = wrap(model)
    place = adapter.device if device is None else torch.device(device)
    examples = read_heard(adapter, data, batch=batch, seed=seed, device=place)
    (answers, seconds), most = read_budget(budget), granted(adapter, examples)
    check_grant(adapter, access or Access.DECISION)
    asked = read_threats(threats, examples.carrier, domain=examples.domain, access=access, budget=answers)
    read = in_words(by_knowledge(asked, most) if knowledge else seen(asked, most), adapter, examples)
    name, stages = read_suites(suite, read)
    stages = for_all(stages, most)
    check_ranges([threat.within for threat in read], examples)
    classes = check(adapter, examples, batch, place, steady=any(threat.trials == 1 for threat in read))
    check_threats(read, classes, seed, keep)
    check_owned([stage.attack for stage in stages], surrogates)
    check_suite(stages, read)
    return Plan(
        adapter, classes, examples, read, name, stages, batch, seed, place, keep, prepare,
        diagnose and not isinstance(adapter, Writer), seconds,
        read_until(until, [threat.name for threat in read], limits(read)),
        surrogates=read_surrogates(surrogates, adapter, classes, examples, batch=batch, device=place),
        starts=read_starts(starts, examples),
    )  # fmt: skip
