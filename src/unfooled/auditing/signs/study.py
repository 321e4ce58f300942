"""`unfooled.sign`: alter a road sign, and look at it from everywhere, with the model and with others."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

import torch

import unfooled
from unfooled.auditing.stickers.cast import name_of
from unfooled.auditing.stickers.learning import check_alike, class_named
from unfooled.core.batch import Batch
from unfooled.core.crafting import Crafter
from unfooled.core.errors import InputError
from unfooled.core.seeds import Draws
from unfooled.core.sightings import SignFound
from unfooled.core.target import Access, Model, Target
from unfooled.core.threat import Goal
from unfooled.crafting.altered_sign import AlteredSign
from unfooled.crafting.rp2 import Rp2
from unfooled.goals import Become, Misclassify
from unfooled.models.black_box import check_grant
from unfooled.models.classifier import wrap
from unfooled.models.load import load_model
from unfooled.models.used import used_only
from unfooled.scenes.drive import Drive
from unfooled.scenes.roadside import Roadside
from unfooled.zoo.catalogue import origin
from unfooled.zoo.signs import nets
from unfooled.zoo.signs.artwork import CLASSES
from unfooled.zoo.signs.grounds import for_judging, for_learning, grounds
from unfooled.zoo.signs.renders import face
from unfooled.zoo.signs.weights import trained

from .seeing import Seeing

_LEARNED = 400  # backgrounds
_FEWEST = 8  # that are shown one by one
_LEAST = 0.5  # share of clean signs that a model must read
_SHOWN = 384  # pixels of a drawn sign
_TRIED = Rp2(mask="found", steps=400)
_DRIVE = Drive()


@dataclass(frozen=True)
class SignStudy:
    """An altered sign and what is known of it."""

    sign: AlteredSign
    found: SignFound


def sign(
    model: object,
    target: str | int | None = None,
    *,
    crafter: Crafter = _TRIED,
    label: str | int | None = None,
    unused: Sequence[str | int] = (),
    sources: Sequence[object] = (),
    others: Sequence[object] = (),
    drive: Drive = _DRIVE,
    places: int = 120,
    seed: int = 0,
    told: Callable[[str], None] = lambda line: None,
) -> SignStudy:
    """Alter a road sign so that models read it as another, and look at it from distances and angles.

    Args:
        model: What is to be fooled: a torch module, an adapter, or a name as `load_model` takes it. It takes crops
            (n, 3, 32, 32) in [0, 1], or resizes them itself.
        target: The class that it is to be read as, by name or number; None for any but the sign's.
        crafter: What alters it, with its settings: `Rp2` or `Shadow`.
        label: The sign's class; None for the one of its name.
        unused: Classes that are never answered: outputs of a net that stand for nothing.
        sources: Models that the attacker has; empty for the model itself.
        others: More models to look with.
        drive: How a car comes near.
        places: Views of each distance and angle, each before a background of its own; 8 or more.
        seed: Of all randomness.
        told: Is told of every step.

    Raises:
        InputError: Sign, classes or settings cannot be used, or the model does not read the clean sign.
        ModelError: A model cannot be used as it is.
        AccessError: A source can only be asked.
    """
    if places < _FEWEST:
        raise InputError("Too few views to tell of", places, f"Give {_FEWEST} or more.")
    readers = _readers(model, sources, others, unused, told)
    goal, own, names = _goal(readers, _sign_of(crafter), label, target)
    seeing = Seeing(goal, own, grounds(places, seed + 12, for_judging()), names, Draws.of(seed, "look"))
    _refuse_unread(readers, seeing, _sign_of(crafter))
    told(f"altering the sign on {', '.join(map(name_of, readers.makers))}")
    made, cost = _crafted(readers, seeing, crafter, seed)
    told(f"looking from {places} places, at every distance and angle")
    about = _about(made, readers, seeing, seed) | {
        "cost": cost,
        "backgrounds": {"learned": _LEARNED, "judged": places},
        "drive_setting": asdict(drive),
    }
    tables = tuple(cell for one in readers.models for cell in seeing.table(made, one))
    way, glances = seeing.drive(made, readers.victim, drive), seeing.glances(made, readers.victim)
    shown = [(one * 255).round().byte().numpy() for one in (face(made.sign, _SHOWN), made.painted(_SHOWN))]
    return SignStudy(made, SignFound(about, tables, tuple(way), tuple(glances), *shown))


@dataclass(frozen=True)
class Readers:
    """Who reads the sign.

    Attributes:
        victim: What is to be fooled.
        makers: What the attacker has.
        models: All, the victim first, each once.
    """

    victim: Model
    makers: tuple[Model, ...]
    models: tuple[Model, ...]


def _readers(
    model: object, sources: Sequence[object], others: Sequence[object], unused: Sequence[str | int],
    told: Callable[[str], None],
) -> Readers:  # fmt: skip
    victim, *rest = (used_only(_model(one, told), unused) for one in (model, *sources, *others))
    makers = tuple(rest[: len(sources)]) or (victim,)
    everyone = {name_of(one): one for one in (victim, *rest)}
    return Readers(victim, makers, tuple(everyone.values()))


def _refuse_unread(readers: Readers, seeing: Seeing, name: str) -> None:
    """Refuse models that do not read the clean sign: they would be fooled by anything."""
    clean = AlteredSign.of(name, torch.zeros(3, 1, 1), torch.zeros(1, 1), Roadside(), {})
    for one in readers.models:
        recall = seeing.mean(clean, one)[2].share
        if recall < _LEAST:
            found = f"{name_of(one)} reads {recall:.0%} of the clean views right"
            do = "Check its classes, --label and preprocessing."
            raise InputError("The model does not read the clean sign", found, do)


def _crafted(readers: Readers, seeing: Seeing, crafter: Crafter, seed: int) -> tuple[AlteredSign, dict[str, Any]]:
    """Alter the sign; with what it cost."""
    learn, device = grounds(_LEARNED, seed + 11, for_learning()), readers.makers[0].device
    x, y = Batch(learn.values.to(device), learn.ids.to(device)), torch.full((len(learn),), seeing.label, device=device)
    targets = [Target(one, Access.GRADIENT, len(x), seed=seed, device=device) for one in readers.makers]
    begin = time.process_time()
    made = crafter(targets, x, y, seeing.goal, Draws.of(seed, "sign", seeing.goal.name))
    if not isinstance(made, AlteredSign):
        raise InputError("This makes no altered sign", made.kind, "Use Rp2 or Shadow.")
    views = sum(int(one.spent.answers().sum()) for one in targets)
    return made, {"cpu_seconds": round(time.process_time() - begin, 1), "views": views}


def _sign_of(crafter: Crafter) -> str:
    """Name the sign that a crafter alters."""
    name: str = getattr(crafter, "sign", "")
    if name not in CLASSES:
        raise InputError("There is no such sign", repr(name), f"Choose one of {', '.join(CLASSES)}.")
    return name


def _model(given: object, told: Callable[[str], None]) -> Model:
    if isinstance(given, str):
        if given.startswith("zoo:") and given.removeprefix("zoo:") in nets.NETS:
            trained(given.removeprefix("zoo:"), told=told)
        return load_model(given)
    return wrap(given)


def _goal(
    readers: Readers, sign: str, label: str | int | None, target: str | int | None
) -> tuple[Goal, int, tuple[str, ...]]:
    """Find the sign's class, the goal, and the names of the classes."""
    probe = grounds(1, 0)
    probe = probe.holding(probe.values[:, :, ::2, ::2])
    classes = check_alike(readers.models, probe)
    for one in readers.makers:
        check_grant(one, Access.GRADIENT)
    names = readers.victim.describe()["classes"]
    own = class_named(sign if label is None else label, names, classes)
    if target is None:
        return Misclassify(), own, tuple(names or ())
    wanted = class_named(target, names, classes)
    if wanted == own:
        raise InputError("The target is the sign itself", repr(target), "Name another class, or none for any.")
    return Become(wanted), own, tuple(names or ())


def _about(made: AlteredSign, readers: Readers, seeing: Seeing, seed: int) -> dict[str, Any]:
    learned = [name_of(one) for one in readers.makers]
    told = []
    for one in readers.models:
        known = one.describe()
        family, data = origin(known["name"], known.get("class"))
        told.append({"name": known["name"], "family": family, "data": data, "source": known["name"] in learned})
    called = [seeing.called(one) for one in (*seeing.goal.classes, seeing.label)]
    return {
        "unfooled": unfooled.__version__,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "sign": made.sign,
        "label": called[-1],
        "goal": seeing.goal.name,
        "wanted": called[0] if seeing.goal.classes else "",
        "victim": name_of(readers.victim),
        "learned": learned,
        "models": told,
        "by": made.made["by"],
        "settings": made.made["settings"],
        "roadside": asdict(made.roadside),
        "difference": made.difference._asdict(),
        "seed": seed,
    }
