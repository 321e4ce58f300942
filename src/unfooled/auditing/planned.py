"""Everything that an audit checks, without doing any work: for estimates, and before an earlier run is replaced."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch

from unfooled.core.attack import Attack
from unfooled.core.target import Access
from unfooled.core.threat import Ball
from unfooled.models.black_box import check_grant, most_access
from unfooled.models.classifier import wrap
from unfooled.models.prepare import Preparation

from .cohorts import read_budget, read_until
from .examples import read_examples
from .fit import check_access, check_fit
from .plan import Plan, check, check_range, check_threats, limits
from .stages import Stage, for_all
from .suites import read_suite, suited
from .threats import Threats, read_threats


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
) -> Plan:
    """Take an audit through the door; the arguments are those of `audit`.

    Raises:
        InputError: Data, labels, threats or settings cannot be used.
        ModelError: The model cannot be audited as it is.
        AccessError: It can only be asked, and more is asked for.
    """
    adapter = wrap(model)
    examples = read_examples(data, classes=adapter.describe()["classes"])
    place = adapter.device if device is None else torch.device(device)
    answers, seconds = read_budget(budget)
    read = read_threats(threats, examples.carrier, domain=examples.domain, access=access, budget=answers)
    most = most_access(adapter)
    if access is not None:
        check_grant(adapter, access)
    read = tuple(replace(threat, access=min(threat.access, most)) for threat in read)
    name, stages = read_suite(suited(suite, max(threat.access for threat in read), texts=examples.are_texts))
    if most < Access.GRADIENT:
        stages = for_all(stages, most)
    for threat in read:
        check_range(threat.within, examples)
    classes = check(adapter, examples, batch, place, steady=any(threat.trials == 1 for threat in read))
    check_threats(read, classes, seed, keep)
    for threat in read:
        check_fit(stages, threat.within)
        check_access(stages, threat)
    return Plan(
        adapter, classes, examples, read, name, stages, batch, seed, place, keep, prepare, diagnose,
        seconds, read_until(until, [threat.name for threat in read], limits(read)),
    )  # fmt: skip
