"""The door: everything is checked here, once, before any work is done."""

from __future__ import annotations

import platform
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor

import unfooled
from unfooled.core.errors import InputError
from unfooled.core.target import Access, Model
from unfooled.core.threat import Ball, Scaled, ThreatModel
from unfooled.models.black_box import BlackBox, most_access
from unfooled.models.prepare import Preparation, Prepared, prepare
from unfooled.models.ready import check_ready, check_steady
from unfooled.models.speech import SpeechModel, check_hears
from unfooled.sets.masked import Masked
from unfooled.sets.motion import Motion
from unfooled.sets.sticker import Disc
from unfooled.sets.wordnet import installed
from unfooled.sets.words import Words

from .cohorts import FIRST, LARGEST, Until
from .examples import Examples, check_labels
from .fit import granted
from .keys import digest
from .stages import Stage
from .suites import unlimited

_WAVE_VALUES = 2**27
"""Most input values that one wave of examples may hold: half a gigabyte of float32 for each tensor of a search."""


@dataclass(frozen=True)
class Plan:
    """An audit that has passed the door.

    Attributes:
        model: The adapter of the user's model.
        classes: How many classes it knows.
        examples: What it is asked about.
        threats: In the user's order, with carriers filled in.
        suite: Name of the suite.
        stages: Its attacks, in order.
        batch: Rows of every pass.
        seed: Of all randomness.
        device: Where the passes run.
        keep: Which examples the run keeps: `none`, `broken` or `all`.
        preparation: In which form attacks search it; the referee asks the model itself.
        diagnosed: Whether probes measure what a diagnosis needs, and remedies that it names are carried out.
        seconds: Time after which nothing new begins; None for no limit.
        until: What it may stop at before all examples are examined; None for nothing.
        adapted: The model as attacks meet it where remedies are carried out; None where none is.
        remedies: What is carried out, such as `bpda` and `eot`.
        surrogates: Models that the attacker owns.
        starts: Pictures that the attacker owns, (p, c, h, w).
    """

    model: Model
    classes: int
    examples: Examples
    threats: tuple[ThreatModel, ...]
    suite: str
    stages: tuple[Stage, ...]
    batch: int
    seed: int
    device: torch.device
    keep: str
    preparation: Preparation
    diagnosed: bool = True
    seconds: float | None = None
    until: Until | None = None
    adapted: Prepared | None = None
    remedies: tuple[str, ...] = ()
    surrogates: tuple[Model, ...] = ()
    starts: Tensor | None = None

    @cached_property
    def owned(self) -> tuple[Prepared, ...]:
        """The surrogates as attacks meet them."""
        return tuple(prepare(model, self.examples.shapes[0], self.preparation) for model in self.surrogates)

    @cached_property
    def searched(self) -> Prepared:
        """The model as attacks meet it."""
        if self.adapted is not None:
            return self.adapted
        made = prepare(self.model, self.examples.shapes[0], self.preparation)
        return replace(made, lenient=self.diagnosed)

    @cached_property
    def settings(self) -> dict[str, Any]:
        """All that decides the result, as plain JSON values: two runs with equal settings agree bit for bit.

        Where an audit may end early, they agree on the examples that both examined.
        """
        return {
            "unfooled": unfooled.__version__,
            "model": {**self.model.describe(), "k": self.classes},
            "data": {"n": len(self.examples), "fingerprint": self.examples.fingerprint},
            "threats": [describe_threat(threat) for threat in self.threats],
            "suite": self._suite,
            "seed": self.seed,
            "batch": self.batch,
            "keep": self.keep,
            "prepared": self.searched.steps,
            "diagnosed": self.diagnosed,
            "device": str(self.device),
            "threads": torch.get_num_threads(),
            "versions": {
                "python": sys.version.split()[0],
                "torch": torch.__version__,
                "numpy": np.__version__,
                "platform": platform.platform(),
                **self._files,
            },
            **({"cohorts": [FIRST, LARGEST]} if self.may_end else {}),
            **({"surrogates": [model.describe() for model in self.surrogates]} if self.surrogates else {}),
            **({} if self.starts is None else {"starts": digest(self.starts.numpy(), len(self.starts))}),
        }

    @property
    def _files(self) -> dict[str, str]:
        """Versions of the files that sets read: other ones may allow other changes."""
        words = any(isinstance(threat.within, Words) for threat in self.threats)
        return {"wordnet": installed().version or "unknown"} if words else {}

    @cached_property
    def most(self) -> Access:
        """The most that the model tells."""
        return granted(self.model, self.examples)

    @property
    def may_end(self) -> bool:
        """Whether it may end before all examples are examined."""
        return self.seconds is not None or self.until is not None

    @property
    def limited(self) -> list[str]:
        """Names of the threats that set a limit."""
        return limits(self.threats)

    @property
    def _suite(self) -> dict[str, Any]:
        nearest = [stage.name for stage in self.stages if stage.attack.nearest]
        named = {"name": self.suite, "attacks": [str(stage) for stage in self.stages]}
        return {**named, "nearest": nearest} if nearest else named

    def waves(self, index: np.ndarray) -> list[np.ndarray]:
        """Split examples into units of work: one shape each, and few enough for memory."""
        waves = []
        for group in self.examples.groups(index.tolist()):
            values = int(np.prod(self.examples.shapes[group[0]]))
            room = max(1, _WAVE_VALUES // max(1, values) // self.batch)
            # A wave that is cut off is asked again: where questions cost money, let it be small.
            size = self.batch * (1 if self.most < Access.GRADIENT else min(8, room))
            waves += [np.array(group[start : start + size]) for start in range(0, len(group), size)]
        return waves


def limits(threats: Sequence[ThreatModel]) -> list[str]:
    """Name the threats that set a limit, for how far an attacker may go."""
    return [threat.name for threat in threats if not unlimited(threat.within)]


def describe_threat(threat: ThreatModel) -> dict[str, Any]:
    """Write a threat in plain JSON values, from which `verify` can build it again."""
    within = threat.within
    drawn = within.drawn if isinstance(within, Masked) else None
    return {
        "name": threat.name,
        "goal": threat.goal.name,
        "within": str(within) if drawn is None else str(within).partition("@")[0],
        "region": None if drawn is None else drawn.to_text(),
        "domain": [within.low, within.high] if isinstance(within, Ball | Disc) else None,
        "radius": within.radius if isinstance(within, Scaled | Disc | Motion) and not unlimited(within) else None,
        "access": threat.access.name.lower(),
        "budget": threat.budget,
        "carrier": str(threat.carrier),
        "trials": threat.trials,
        "quorum": threat.quorum,
    }


def check(model: Model, examples: Examples, batch: int, device: torch.device, *, steady: bool = False) -> int:
    """Check that model and data fit together; gives the number of classes.

    With `steady`, a model that can only be asked must also answer the same question alike.

    Raises:
        InputError: The batch size is none, the model reads texts and these are none, or a label is not one of its
            classes.
        ModelError: The model cannot be audited as it is.
    """
    if batch < 1:
        raise InputError("A pass needs at least one row", f"batch={batch}", "Give batch=1 or more.")
    if isinstance(model, BlackBox) and model.texts and not examples.are_texts:
        do = "Give a list of texts, or a table with the columns text and label."
        raise InputError("This model reads texts", f"examples of shape {examples.shapes[0]}", do)
    x = examples.first_few(batch, device)
    if isinstance(model, SpeechModel):
        return check_hears(model, x)
    classes = check_ready(model, x)
    check_labels(examples.y, classes)
    if steady and most_access(model) < Access.GRADIENT:
        check_steady(model, x)
    return classes
