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
from unfooled.auditing.stickers.learning import check_ensemble, class_named
from unfooled.core.crafting import Crafter
from unfooled.core.errors import InputError
from unfooled.core.seeds import Draws
from unfooled.core.sightings import SignFound
from unfooled.core.target import Access, Model, Target
from unfooled.core.threat import Goal
from unfooled.crafting.altered_sign import AlteredSign
from unfooled.crafting.rp2 import Rp2
from unfooled.goals import Become, Misclassify
from unfooled.models.classifier import wrap
from unfooled.models.load import load_model
from unfooled.models.ready import check_ready
from unfooled.models.used import used_only
from unfooled.scenes.drive import Drive
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
    victim = used_only(_model(model, told), unused)
    makers = tuple(used_only(_model(one, told), unused) for one in sources) or (victim,)
    everyone = {
        name_of(one): one for one in (victim, *makers, *(used_only(_model(one, told), unused) for one in others))
    }
    models = tuple(everyone.values())
    if places < _FEWEST:
        raise InputError("Too few views to tell of", places, f"Give {_FEWEST} or more.")
    learn, judge = grounds(_LEARNED, seed + 11, for_learning()), grounds(places, seed + 12, for_judging())
    goal, own, names = _goal(victim, models, crafter, label, target)
    seeing = Seeing(goal, own, judge, names, Draws.of(seed, "look"))
    blank = torch.zeros(1, 1)
    clean = AlteredSign.of(_sign_of(crafter), torch.zeros(3, 1, 1), blank, Rp2().tried, {})
    for one in models:
        recall = seeing.clean(clean, one).share
        if recall < _LEAST:
            found = f"{name_of(one)} reads {recall:.0%} of the clean views right"
            raise InputError(
                "The model does not read the clean sign", found, "Check its classes, --label and preprocessing."
            )
    told(f"altering the sign on {', '.join(map(name_of, makers))}")
    begin = time.process_time()
    targets = [Target(one, Access.GRADIENT, len(learn), seed=seed) for one in makers]
    y = torch.full((len(learn),), own)
    made = crafter(targets, learn, y, goal, Draws.of(seed, "sign", goal.name))
    if not isinstance(made, AlteredSign):
        raise InputError("This makes no altered sign", made.kind, "Use Rp2 or Shadow.")
    seconds = time.process_time() - begin
    told(f"looking from {len(judge)} places, at every distance and angle")
    tables = [cell for one in models for cell in seeing.table(made, one)]
    about = _about(made, models, makers, seeing, seed) | {
        "cost": {"cpu_seconds": round(seconds, 1), "views": sum(int(one.spent.answers().sum()) for one in targets)},
        "backgrounds": {"learned": len(learn), "judged": len(judge)},
        "drive_setting": asdict(drive),
    }
    shown = [(one * 255).round().byte().numpy() for one in (face(made.sign, _SHOWN), made.painted(_SHOWN))]
    told_of = SignFound(
        about, tuple(tables), tuple(seeing.drive(made, victim, drive)), tuple(seeing.glances(made, victim)), *shown
    )
    return SignStudy(made, told_of)


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
    victim: Model, models: Sequence[Model], crafter: Crafter, label: str | int | None, target: str | int | None
) -> tuple[Goal, int, tuple[str, ...]]:
    """Find the sign's class, the goal, and the names of the classes."""
    probe = grounds(1, 0)
    probe = probe.holding(probe.values[:, :, ::2, ::2])
    for one in models:
        check_ready(one, probe.holding(probe.values.to(one.device)))
    classes = check_ensemble(models, probe)
    names = victim.describe()["classes"]
    own = class_named(_sign_of(crafter) if label is None else label, names, classes)
    if target is None:
        return Misclassify(), own, tuple(names or ())
    wanted = class_named(target, names, classes)
    if wanted == own:
        raise InputError("The target is the sign itself", repr(target), "Name another class, or none for any.")
    return Become(wanted), own, tuple(names or ())


def _about(
    made: AlteredSign, models: Sequence[Model], makers: Sequence[Model], seeing: Seeing, seed: int
) -> dict[str, Any]:  # fmt: skip
    learned = [name_of(one) for one in makers]
    told = []
    for one in models:
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
        "victim": name_of(models[0]),
        "learned": learned,
        "models": told,
        "by": made.made["by"],
        "settings": made.made["settings"],
        "roadside": asdict(made.roadside),
        "difference": made.difference._asdict(),
        "seed": seed,
    }
