"""Attack some models and judge what was found on all others: who must fear whom."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from unfooled.core.attack import Attack, Problem
from unfooled.core.batch import Batch
from unfooled.core.errors import InputError
from unfooled.core.matrix import Cell, Matrix, Party
from unfooled.core.seeds import Draws
from unfooled.core.target import Access, Model, Target
from unfooled.core.threat import Ball, ThreatModel
from unfooled.models.classifier import wrap
from unfooled.models.prepare import Prepared, prepare
from unfooled.sets.grid import settle

from .examples import Examples, read_examples
from .fit import check_fit, check_ranges, check_threats
from .judging import levels_of
from .named_suites import read_suite
from .plan import check
from .referee import judge
from .stages import Stage
from .surrogates import read_surrogates
from .threats import read_threats

CHAINS = ("mi-fgsm", "di-ti-mi", "vmi", "bsr")
"""Attacks of a table where none are named."""


def transfer(
    models: Mapping[str, object],
    data: object,
    threat: str | ThreatModel = "linf:16/255",
    attacks: Sequence[str | Attack[Ball]] = CHAINS,
    *,
    families: Mapping[str, str] | None = None,
    learned: Mapping[str, str] | None = None,
    together: bool = True,
    batch: int = 16,
    seed: int = 0,
) -> Matrix:
    """Climb each model, and judge on every model what was found: a table of sources and targets.

    Args:
        models: At least two models by name, each given as for `audit`; each must give gradients.
        data: As in `audit`; examples count for a target that it reads rightly.
        threat: What the attacker may change.
        attacks: Attacks that climb surrogates, by name or as values.
        families: Of the models' architectures, by name; the name of the module's class where none is given.
        learned: What the models were trained on, by name.
        together: With three models or more, also climb all but the target together.
        batch: Rows of every pass.
        seed: Of all randomness.

    Raises:
        InputError: Models, data or threat cannot be used, or an attack asks its target more than once.
        ModelError: A model cannot be audited as it is.
    """
    if len(models) < 2:
        raise InputError("A table of transfer needs two models or more", f"{len(models)}", "Give another one.")
    names = list(models)
    read = [wrap(model) for model in models.values()]
    examples = read_examples(data, classes=read[0].describe()["classes"])
    classes = check(read[0], examples, batch, read[0].device)
    ready = read_surrogates(read, read[0], classes, examples, batch=batch, device=read[0].device)
    (one, *more) = read_threats(threat, examples.carrier, domain=examples.domain)
    if more:
        raise InputError("A table of transfer has one threat", repr(threat), "Make a table for each radius.")
    check_threats((one,), classes, seed, "none")
    check_ranges([one.within], examples)
    _, stages = read_suite([*attacks])
    check_fit(stages, one)
    parties = tuple(
        Party(name, (families or {}).get(name, str(model.describe().get("class", ""))), (learned or {}).get(name, ""))
        for name, model in zip(names, read, strict=True)
    )
    table = _Table(examples, one, dict(zip(names, ready, strict=True)), batch, seed)
    cells = [cell for stage in stages for sources, targets in _pairs(names, together=together)
             for cell in table.cells(stage, sources, targets)]  # fmt: skip
    return Matrix(one.name, parties, tuple(cells))


def _pairs(names: list[str], *, together: bool) -> Iterator[tuple[tuple[str, ...], tuple[str, ...]]]:
    """List which models are climbed, and on which what was found is judged."""
    for name in names:
        yield (name,), tuple(names)
    if together and len(names) > 2:
        for target in names:
            yield tuple(name for name in names if name != target), (target,)


@dataclass(frozen=True)
class _Table:
    """What all cells share."""

    examples: Examples
    threat: ThreatModel
    models: dict[str, Model]
    batch: int
    seed: int

    @cached_property
    def searched(self) -> dict[str, Prepared]:
        """The models as attacks meet them."""
        return {name: prepare(model, self.examples.shapes[0]) for name, model in self.models.items()}

    @cached_property
    def right(self) -> dict[str, list[Tensor]]:
        """Which examples each model reads rightly, batch by batch."""
        everyone = [(x, y, torch.arange(len(x), device=x.values.device)) for x, y in self._batches()]
        return {
            name: [self._door(name, Access.DECISION, len(x)).answer(x, owner).labels == y for x, y, owner in everyone]
            for name in self.models
        }

    def cells(self, stage: Stage, sources: tuple[str, ...], targets: tuple[str, ...]) -> list[Cell]:
        """Let one attack climb some models and judge it on others."""
        fooled, n = dict.fromkeys(targets, 0), dict.fromkeys(targets, 0)
        for place, (x, y) in enumerate(self._batches()):
            x_adv = self._climbed(stage, sources, targets[0], x, y)
            for target in targets:
                model = self.models[target]
                right = self.right[target][place]
                verdict = judge(model, self.threat, x_adv, x, y, batch=self.batch, seed=self.seed)
                fooled[target] += int((verdict.broken & right).sum())
                n[target] += int(right.sum())
        return [Cell(stage.name, sources, target, fooled[target], n[target]) for target in targets]

    def _climbed(self, stage: Stage, sources: tuple[str, ...], target: str, x: Batch, y: Tensor) -> Batch:
        """Climb the sources, and round to what the carrier can hold; the target's own answer changes nothing."""
        one = stage.attack
        owned = tuple(self._door(name, Access.GRADIENT, len(x)) for name in sources)
        draws = Draws.of(self.seed, self.threat.name, repr(one))
        door = self._door(target, max(one.needs, self.threat.goal.needs), len(x))
        if one.needs > Access.DECISION or one.bill(2).queries > 1:
            raise InputError(
                "A table of transfer needs attacks that ask the target once",
                stage.name,
                "Choose some of mi-fgsm, di-ti-mi, si-ni, vmi, bsr, fia.",
            )
        problem: Problem[Any] = Problem(
            door, x.copied(), y, self.threat.goal, self.threat.within, draws, surrogates=owned
        )
        return settle(one(problem).x_adv, x, self.threat.within, levels_of(self.threat))

    def _door(self, name: str, access: Access, count: int) -> Target:
        return Target(
            self.searched[name], access, count, batch=self.batch, seed=self.seed, device=self.searched[name].device
        )

    def _batches(self) -> Iterator[tuple[Batch, Tensor]]:
        device = next(iter(self.models.values())).device
        for group in self.examples.groups(range(len(self.examples))):
            for start in range(0, len(group), 8 * self.batch):
                rows = group[start : start + 8 * self.batch]
                yield self.examples.batch(rows, device), self.examples.y[rows].to(device)
