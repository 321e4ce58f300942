"""`unfooled.vanish`: learn a sticker beside or on which a detector no longer reports an object, and try it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import numpy as np

import unfooled
from unfooled.auditing.apart import check_apart
from unfooled.core.errors import InputError
from unfooled.core.seeds import Draws
from unfooled.core.trials import rate
from unfooled.core.vanishing import Recall, Sight, Vanishing
from unfooled.crafting.adversarial_patch import AdversarialPatch
from unfooled.crafting.sticker import Sticker
from unfooled.goals import Vanish
from unfooled.models.detector import Detector
from unfooled.scenes.camera import Camera
from unfooled.scenes.outlines import Outline
from unfooled.scenes.scene import Scene

from .baselines import noise_like
from .cast import model_of, read_area
from .learning import learn
from .objects import Beside, lesson_around, objects_in, share_around
from .photographs import read_photographs

PLACED = Scene(rotation=22.5, contrast=0.1, brightness=0.1, place=(0.5, 0.5))
"""Where stickers are laid, if nothing else is said: on the middle of the object."""

LEARNED = AdversarialPatch(loss="margin", steps=150, batch=8)
"""How they are learned, if nothing else is said."""

_SIDE, _GRAIN, _SHOWN = 128, 0.02, 4  # pixels of what is learned from; noise of the camera; photographs that are shown
_SMALLEST = 0.7  # size learned at, over the one asked for
_OTHERS = (0.5, 1.5)  # sizes that are tried too, over the one asked for


@dataclass(frozen=True)
class VanishStudy:
    """A sticker and what is known of it."""

    sticker: Sticker
    found: Vanishing


def vanish(
    model: object, learn_from: Any, try_on: Any, area: float | str = 0.25, *,
    boxes: Mapping[str, Sequence[Sequence[float]]] | None = None, outline: Outline | str = "circle",
    scene: Scene = PLACED, patch: AdversarialPatch = LEARNED, placements: int = 4, seed: int = 0,
    told: Callable[[str], None] = lambda line: None,
) -> VanishStudy:  # fmt: skip
    """Make a sticker with which a detector no longer reports the objects that it lies on or beside.

    One sticker lies by every object, in the square of twice its size around it.

    Args:
        model: What is to be fooled: a `Detector`, or the name of one.
        learn_from: Photographs to learn from: a folder, or data as `audit` takes them.
        try_on: Other photographs to try it on.
        area: Share of the square that holds the object, such as 0.25 or "25%".
        boxes: Where the objects are, by the names of the photographs' files, in pixels; None for what the detector
            reports without a sticker.
        outline: `circle`, `square`, `rectangle:1.5`, or an `Outline` of a mask.
        scene: Where in that square it may stand, how it may be turned and lit; its area is that above.
        patch: How it is learned; outline and scene are filled in.
        placements: On each photograph, 1 or more.
        seed: Of all randomness.
        told: Is told of every step.

    Raises:
        InputError: Photographs, area or settings cannot be used, the model is no detector, or it finds nothing.
    """
    detector = detector_of(model)
    album, tried = (read_photographs(one, None, labelled=False) for one in (learn_from, try_on))
    check_apart(map(album.stored, range(len(album))), tried)
    if placements < 1:
        raise InputError("A sticker is tried in at least one place", placements, "Give 1 or more placements.")
    share = read_area(area)
    form = Outline.named(outline) if isinstance(outline, str) else outline
    placed = replace(scene, area=(share_around(share),) * 2)
    placed.check(form, _SIDE, _SIDE)
    known, judged = objects_in(detector, album, boxes), objects_in(detector, tried, boxes)
    told(f"learning from {known.number} objects in {len(known.boxes)} photographs")
    crops = lesson_around(detector, known, _SIDE)
    learned = learn([detector], crops, Vanish(), _suited(patch, form, placed), thin=0, seed=seed)
    sticker = Sticker.of(learned.sticker.texture, form, placed, learned.sticker.made)
    told(f"trying on {judged.number} objects in {len(judged.boxes)} photographs, {placements} places each")
    beside = Beside(detector, judged, Camera(noise=_GRAIN), Draws.of(seed, "vanish"))
    about = _about(detector, sticker) | {
        "area": share,
        "learned_from": {"photographs": len(known.boxes), "objects": known.number},
        "tried_on": {"photographs": len(judged.boxes), "objects": judged.number, "given": boxes is not None},
        "placements": placements,
        "cost": learned.cost,
        "seed": seed,
    }
    alpha = (form.alpha(512, 512) * 255).round().byte().numpy()
    texture = (sticker.texture * 255).round().byte().numpy()
    recalls = _recalls(beside, sticker, share, placements, seed)
    return VanishStudy(sticker, Vanishing(about, recalls, _sights(beside, sticker), texture, alpha))


def detector_of(model: object) -> Detector:
    """Find a detector.

    Raises:
        InputError: It is none.
    """
    found = model if isinstance(model, Detector) else model_of(model)
    if not isinstance(found, Detector):
        do = "Give zoo:mtcnn, or unfooled.Detector(module) of a module that gives boxes and scores."
        raise InputError("Only what a detector reports can vanish", f"{type(found).__name__}", do)
    return found


def _suited(patch: AdversarialPatch, form: Outline, placed: Scene) -> AdversarialPatch:
    """Fit the way of learning to a form and a place; sizes are those up to the one that was asked for."""
    (area, _), light = placed.area, patch.scene
    spread = replace(
        placed, area=(_SMALLEST * area, area), contrast=max(placed.contrast, light.contrast),
        brightness=max(placed.brightness, light.brightness),
    )  # fmt: skip
    return replace(patch, outline=form, scene=spread)


def _recalls(beside: Beside, sticker: Sticker, share: float, placements: int, seed: int) -> tuple[Recall, ...]:
    sizes = [
        share,
        *(size for size in (factor * share for factor in _OTHERS) if _fits(sticker.sized(share_around(size)))),
    ]
    tried = [("noise", share, noise_like(sticker, seed)), *(("sticker", size, sticker) for size in sorted(sizes))]
    found = [Recall("nothing", 0.0, rate(beside.table(None, 1)))]
    return tuple(found + [Recall(what, size, rate(beside.table(thing.sized(share_around(size)), placements)))
                          for what, size, thing in tried])  # fmt: skip


def _fits(sticker: Sticker) -> bool:
    try:
        sticker.scene.check(sticker.outline, _SIDE, _SIDE)
    except InputError:
        return False
    return True


def _sights(beside: Beside, sticker: Sticker) -> tuple[Sight, ...]:
    """Look at photographs that are drawn by their contents, without and with the sticker."""
    examples = beside.known.examples
    order = sorted(range(len(examples)), key=lambda i: examples.keys[i])[:_SHOWN]
    return tuple(
        _sight(beside, i, what, thing) for i in order for what, thing in (("nothing", None), ("sticker", sticker))
    )


def _sight(beside: Beside, i: int, what: str, thing: Sticker | None) -> Sight:
    x = beside.laid(i, thing, 0)
    told, seen = beside.seen(i, x)
    picture = (x.values[0] * 255).round().byte().numpy().astype(np.uint8)
    objects, reported = (tuple(map(tuple, one.tolist())) for one in (beside.known.boxes[i], told))
    return Sight(
        picture, beside.known.examples.names[i] or f"photograph {i}", what, objects, reported, tuple(seen.tolist())
    )


def _about(detector: Detector, sticker: Sticker) -> dict[str, Any]:
    """Say in plain JSON values what was made for whom."""
    described = detector.describe()
    return {
        "unfooled": unfooled.__version__,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "goal": "vanish",
        "victim": described["name"],
        "sha256": described["sha256"],
        "thing": detector.thing,
        "aspect": sticker.outline.aspect,
        "scene": sticker.scene.describe,
        "settings": sticker.made["settings"],
    }
