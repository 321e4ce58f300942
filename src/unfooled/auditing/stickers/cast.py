"""Who takes part in a sticker's story: the model to be fooled, the attacker's own, others; and the goal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from unfooled.auditing.examples import Examples
from unfooled.core.errors import InputError
from unfooled.core.numerals import read_number
from unfooled.core.target import Access, Model
from unfooled.core.threat import Goal
from unfooled.goals import Become, Misclassify
from unfooled.models.black_box import check_grant
from unfooled.models.classifier import wrap
from unfooled.models.detector import Detector
from unfooled.models.load import load_model
from unfooled.zoo.catalogue import origin

from .learning import check_alike, class_named


@dataclass(frozen=True)
class Cast:
    """The models and the goal.

    Attributes:
        victim: What is to be fooled.
        sources: What the attacker has.
        models: All, the victim first, each once.
        classes: How many classes they know.
        names: Of the classes; None where they are not known.
        goal: What the sticker is for.
    """

    victim: Model
    sources: tuple[Model, ...]
    models: tuple[Model, ...]
    classes: int
    names: tuple[str, ...] | None
    goal: Goal

    @property
    def target(self) -> int | None:
        """The class that it is to be; None under an untargeted goal."""
        return self.goal.classes[0] if self.goal.classes else None

    @property
    def wanted(self) -> str:
        """The goal in words: `toaster`, or empty for anything but the right answer."""
        if self.target is None:
            return ""
        return self.names[self.target] if self.names else f"class {self.target}"

    def describe(self) -> list[dict[str, Any]]:
        """Say who they are, with family and training data, in plain JSON values."""
        learned = {name_of(one) for one in self.sources}
        told = []
        for one in self.models:
            known = one.describe()
            family, data = origin(known["name"], known.get("class"))
            note = {"name": known["name"], "family": family, "data": data, "sha256": known["sha256"]}
            told.append({**note, "source": known["name"] in learned})
        return told


def cast_of(
    model: object, sources: Sequence[object], others: Sequence[object], target: str | int | None, album: Examples
) -> Cast:
    """Gather models, given as `load_model` or `wrap` take them, and check that they go together.

    Raises:
        InputError: Their classes differ, two bear one name, there is no such target, or the first is a detector.
        AccessError: A source can only be asked.
        ModelError: One of them cannot be used as it is.
    """
    victim = model_of(model)
    if isinstance(victim, Detector):
        raise InputError("A detector knows no classes to be fooled about", name_of(victim), "Say --goal vanish.")
    makers = tuple(model_of(one) for one in sources) or (victim,)
    for one in makers:
        check_grant(one, Access.GRADIENT)
    everyone = (victim, *makers, *map(model_of, others))
    classes = check_alike(everyone, album.batch([0]))
    names = victim.describe()["classes"]
    goal: Goal = Misclassify() if target is None else Become(class_named(target, names, classes))
    kept = None if names is None else tuple(names)
    return Cast(victim, makers, _each_once(everyone), classes, kept, goal)


def _each_once(models: Sequence[Model]) -> tuple[Model, ...]:
    """Keep the first of those that are one and the same; reports tell models apart by their names.

    Raises:
        InputError: Two models bear one name.
    """
    known: dict[str, Model] = {}
    for one in models:
        told = one.describe()
        first = known.setdefault(told["name"], one)
        if first.describe()["sha256"] != told["sha256"]:
            do = 'Name them apart: unfooled.wrap(net, name="mine").'
            raise InputError("Two different models bear one name", repr(told["name"]), do)
    return tuple(known.values())


def model_of(given: object) -> Model:
    """Load a model by its name, or wrap a module."""
    return load_model(given) if isinstance(given, str) else wrap(given)


def name_of(model: Model) -> str:
    """Give the name by which reports call a model."""
    name: str = model.describe()["name"]
    return name


def read_area(area: float | str) -> float:
    """Read a share of the picture: 0.15, `15%` or `15 %`.

    Raises:
        InputError: It is none, or not above 0 and up to 100 %.
    """
    try:
        text = str(area).strip()
        share = read_number(text[:-1]) / 100 if text.endswith("%") else read_number(text)
    except (ValueError, ZeroDivisionError) as error:
        raise InputError("An area is a share of the picture", repr(area), "Write 15% or 0.15.") from error
    if not 0 < share <= 1:
        raise InputError("An area is a share of the picture, above 0 to 100%", repr(area), "Write 15% or 0.15.")
    return share
