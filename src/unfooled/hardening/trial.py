"""One defence tried: made, written down, attacked and billed."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file
from torch import nn

from unfooled import __version__
from unfooled.auditing.journal import clear
from unfooled.core import folder as folders
from unfooled.core.errors import ModelError, RunError
from unfooled.core.folder import write_atomically
from unfooled.core.hardened import Hardened, changed
from unfooled.core.identity import difference
from unfooled.core.results import Results, ThreatResults
from unfooled.core.threat import Ball
from unfooled.defences.card import IGNORANT
from unfooled.defences.chain import Chain
from unfooled.defences.detectors.guard import Guarded
from unfooled.defences.training.lesson import Recipe
from unfooled.defences.training.recipes import untrained
from unfooled.defences.training.task import Task
from unfooled.defences.training.trainer import Trained, train
from unfooled.diagnose import diagnose
from unfooled.models.classifier import Classifier
from unfooled.models.weights import fingerprint

from .attackers import Range, missing
from .parting import Parts
from .pricing import Made, billed
from .settings import Settings

WEIGHTS, CONFIG = "model.safetensors", "config.json"
Tell = Callable[[str, dict[str, Any]], None]


@dataclass(frozen=True)
class Trial:
    """Where defences of one model are tried.

    Attributes:
        base: The model without a defence.
        classes: How many it knows.
        parts: What is learnt from, and what is audited.
        within: What attackers may change.
        grounds: Where attackers attack.
        before: What they found without a defence.
        settings: How.
        tell: Is told of each check of a training.
    """

    base: Classifier
    classes: int
    parts: Parts
    within: Ball
    grounds: Range
    before: Results
    settings: Settings
    tell: Tell

    def run(self, chain: Chain, home: Path, *, resume: bool) -> Hardened:
        """Make a hardened model, write it into its folder, attack and bill it."""
        made = self._made(chain, home, resume=resume)
        rejects = isinstance(made.deployed, Guarded)
        self._check_classes(chain, made.deployed, self.classes + rejects)
        self._write(chain, made, home)
        names = self.base.classes if self.base.classes is None or not rejects else (*self.base.classes, "rejected")
        deployed = replace(self.base, module=made.deployed, name=f"{self.base.name} with {chain.name}", classes=names)
        seen = replace(deployed, module=chain.seen(made.deployed))
        grounds = self.grounds.evading(self.classes) if rejects else self.grounds
        earlier = grounds.ignorant(chain.card.ignorant, deployed, self.before)
        found = remembered(
            home / "after", resume, deployed, grounds, lambda: grounds.knowing(deployed, seen, self.before, earlier)
        )
        return self._row(chain, made, earlier, found)

    def _made(self, chain: Chain, home: Path, *, resume: bool) -> Made:
        module = chain.layered(self.base.module)
        if isinstance(module, Guarded):
            module.fit(self.parts.train, self.parts.held)
        if chain.recipe is None:
            return Made(module, None, None)
        begin = untrained(module, self.settings.schedule.seed) if self.settings.fresh else module
        task = Task(chain.recipe, self.parts.train, self.parts.held, self.within, self.settings.schedule)
        if chain.recipe.helper is not None:
            task = self._halved(task, begin, chain.recipe.helper, home, resume=resume)
        trained = self._trained(begin, task, home, resume=resume)
        return Made(trained.module, task, trained)

    def _halved(self, task: Task, begin: nn.Module, helper: Recipe, home: Path, *, resume: bool) -> Task:
        """Train the helper first; of a budget each gets half."""
        seconds = task.schedule.seconds
        half = replace(task.schedule, seconds=None if seconds is None else seconds / 2)
        first = self._trained(begin, task._replace(recipe=helper, schedule=half), home / "helper", resume=resume)
        return task._replace(schedule=half, helper=first.module)

    def _trained(self, begin: nn.Module, task: Task, home: Path, *, resume: bool) -> Trained:
        return train(begin, task, folder=home, resume=resume, told=lambda row: self.tell("", row))

    def _check_classes(self, chain: Chain, deployed: nn.Module, wanted: int) -> None:
        with torch.no_grad():
            scores = deployed(self.parts.held.x.values[:2])
        if scores.ndim != 2 or scores.shape[1] != wanted:
            raise ModelError(
                "A defence must keep the number of classes",
                f"{tuple(scores.shape)} with {chain.name} for 2 examples of {self.classes} classes",
                "Mend its forward pass.",
            )

    def _write(self, chain: Chain, made: Made, home: Path) -> None:
        """Write weights and settings down."""
        home.mkdir(parents=True, exist_ok=True)
        tensors = {name: value.contiguous().clone() for name, value in made.deployed.state_dict().items()}
        save_file(tensors, home / f"{WEIGHTS}.new")
        (home / f"{WEIGHTS}.new").replace(home / WEIGHTS)
        config = {
            "defence": chain.name, "layers": [repr(layer) for layer in chain.layers], "recipe": repr(chain.recipe),
            "threat": self.grounds.threat, "settings": asdict(self.settings), "unfooled": __version__,
            "base": self.base.describe(), "sha256": fingerprint(made.deployed),
            "log": [] if made.trained is None else list(made.trained.log),
        }  # fmt: skip
        write_atomically(home / CONFIG, json.dumps(config, indent=2) + "\n")

    def _row(self, chain: Chain, made: Made, earlier: Results, found: Results) -> Hardened:
        card, absent = chain.card, missing(chain.card, found)
        before, ignorant, knowing = (results[results.threats[0]] for results in (self.before, earlier, found))
        right, read = before.column("clean_correct"), _aligned(knowing, before, knowing.column("clean_correct"))
        stood, stands = before.robust, _aligned(knowing, before, knowing.robust)
        prices, held = self.settings.prices, self.parts.held
        return Hardened(
            name=chain.name, kind=card.kind, grade=card.grade, source=card.source, mitigation=card.mitigation,
            threat=self.grounds.threat, n=len(before), clean_before=int(right.sum()), robust_before=int(stood.sum()),
            clean=int(read.sum()), ignorant=int(ignorant.robust.sum()), ignorant_by=IGNORANT[card.ignorant],
            knowing=None if absent else int(stands.sum()), missing=absent, clean_change=changed(right, read),
            robust_change=None if absent else changed(stood, stands), verdict=diagnose(found).verdict.value,
            bill=billed(self.base.module, made, held, prices),
            collapses=0 if made.trained is None else made.trained.collapses, traffic=self.settings.traffic,
            alarms=self._alarms(made.deployed, knowing),
        )  # fmt: skip

    def _alarms(self, deployed: nn.Module, found: ThreatResults) -> int | None:
        """Count the clean examples that are rejected; None where nothing can be."""
        return int((found.column("clean_label") == self.classes).sum()) if isinstance(deployed, Guarded) else None


def remembered(home: Path, resume: bool, model: Classifier, grounds: Range, run: Callable[[], Results]) -> Results:
    """Give a finished run of a folder if that is wanted, or make it anew and write it there.

    Raises:
        RunError: The folder holds a run of another model, on other data, or under another threat.
    """
    if resume and (home / folders.RUN).is_file():
        held = folders.load(home)
        other = difference(held.run["model"], model.describe())
        found = (held.run["data"]["fingerprint"], held.threats)
        wanted = (grounds.examples.fingerprint, [grounds.threat])
        if other or found != wanted:
            raise RunError(
                "This folder holds an audit of something else",
                f"{home}: {other or f'{found}, not {wanted}'}",
                "Name another folder.",
            )
        return held
    results = run()
    clear(home)
    folders.save(results, home)
    return results


def _aligned(found: ThreatResults, order: ThreatResults, values: np.ndarray) -> np.ndarray:
    """Put values of rows into the order of other rows on the same examples."""
    by_key = dict(zip(found.column("key"), values.tolist(), strict=True))
    return np.array([by_key[key] for key in order.column("key")])
