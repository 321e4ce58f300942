"""`unfooled.sticker`: learn a sticker, and try it beside its baselines, on its own models and on others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import unfooled
from unfooled.auditing.apart import check_apart
from unfooled.auditing.examples import Examples
from unfooled.core.errors import InputError
from unfooled.core.seeds import Draws
from unfooled.core.trials import Found, Shot, Trial
from unfooled.crafting.adversarial_patch import AdversarialPatch
from unfooled.crafting.sticker import Sticker
from unfooled.modalities.pictures import read_picture
from unfooled.scenes.approach import Approach
from unfooled.scenes.camera import Camera
from unfooled.scenes.outlines import Outline
from unfooled.scenes.scene import Scene

from .baselines import noise_like, picture_like
from .cast import Cast, cast_of, model_of, name_of, read_area
from .making import Made, Makers, loss_for, suited
from .photographs import Photographs, read_photographs, seen_by
from .trying import Trying

AREAS = (0.05, 0.10, 0.15, 0.20, 0.30)
"""Sizes at which stickers are tried, as shares of the picture."""

TRIED = Scene(rotation=22.5, contrast=0.1, brightness=0.1)
"""Where stickers are tried, if nothing else is said: anywhere, turned by up to 22.5 degrees."""

_SHOTS, _SHOTS_ELSEWHERE, _FILMED = 8, 2, 4
_GRAIN = 0.02  # of the camera in trials


@dataclass(frozen=True)
class Study:
    """A sticker and what is known of it.

    Attributes:
        sticker: At the size that was asked for.
        found: What trials found.
    """

    sticker: Sticker
    found: Found


def sticker(
    model: object, learn_from: Any, try_on: Any, target: str | int | None = None, area: float | str = 0.15, *,
    sources: Sequence[object] = (), weights: Sequence[float] = (), others: Sequence[object] = (),
    outline: Outline | str = "circle", scene: Scene = TRIED, patch: AdversarialPatch | None = None, thin: float = 0.1,
    placements: int = 4, picture: str | Path | None = None, matrix: bool = False, batch: int = 8, seed: int = 0,
    told: Callable[[str], None] = lambda line: None,
) -> Study:  # fmt: skip
    """Make a sticker that leads models to a class wherever it lies, and try it on photographs that it never saw.

    Args:
        model: What is to be fooled: a torch module, an adapter, or a name as `load_model` takes it.
        learn_from: Photographs to learn from; labels are not needed. A folder, `zoo:unlabelled`, or data as `audit`
            takes them.
        try_on: Photographs to try it on; where they are labelled, what the model reads right is counted too.
        target: The class that it is to be, by name or number; None for anything but the right answer.
        area: Share of the picture that it covers, such as 0.15 or "15%".
        sources: Models that the attacker has; empty for the model itself.
        weights: What each source counts; empty for all alike.
        others: More models to try it on.
        outline: `circle`, `square`, `rectangle:1.5`, or an `Outline` of a mask.
        scene: Where it may stand, how it may be turned and lit; its area is that above.
        patch: How it is learned; None for the default, see `loss_for`. Outline and scene are filled in.
        thin: Chance of each residual branch of a source to fall away while it is learned, 0 to below 1.
        placements: On each photograph, 1 or more.
        picture: A picture of the target, whose effect is to be shown beside.
        matrix: Whether to learn one from each source alone and, of three or more, from all but one, too.
        batch: Rows of a pass.
        seed: Of all randomness.
        told: Is told of every step.

    Raises:
        InputError: Photographs, class, area or settings cannot be used, or photographs are to serve for both.
        ModelError: A model cannot be used as it is.
        AccessError: A source can only be asked.
    """
    victim = model_of(model)
    album = read_photographs(learn_from, None, labelled=False, model=victim)
    cast = cast_of(victim, sources, others, target, album)
    tried = read_photographs(try_on, cast.names, labelled=True, model=victim)
    check_apart(map(album.stored, range(len(album))), tried)
    if placements < 1:
        raise InputError("A sticker is tried in at least one place", placements, "Give 1 or more placements.")
    shown = None if picture is None else read_picture(Path(picture))
    share = read_area(area)
    form = Outline.named(outline) if isinstance(outline, str) else outline
    placed = replace(scene, area=(share, share))
    for shape in set(tried.shapes):
        placed.check(form, *shape[1:])
    seen = _seen(cast, tried, batch)
    makers = Makers(cast, seen_by(cast.sources[0], album, cast.target, cast.classes, batch), thin, seed, told)
    made = makers.all(suited(patch or AdversarialPatch(loss=loss_for(target)), form, placed), tuple(weights), matrix)
    main = _placed(made[0].learned.sticker, placed)
    trying = Trying(
        cast.goal, seen[0], cast.names, placements, Camera(noise=_GRAIN), batch, Draws.of(seed, "trial")
    )  # fmt: skip
    told(f"trying on {len(seen[0].examples)} photographs, {placements} places on each")
    things = [("sticker", main), ("noise", noise_like(main, seed))]
    things += [("picture", picture_like(main, shown))] if shown is not None else []
    trials = [*_curves(trying, cast, seen, things, made[0]), *_matrix(trying, cast, seen, made[1:], placed)]
    film = trying.film(main, cast.victim, _approach(form, placed, tried), _FILMED)
    about = _about(cast, makers.photographs, trying, main, made) | {
        "seed": seed,
        "from": {"learn": _named(learn_from), "try": _named(try_on)},
    }
    return Study(main, Found(about, tuple(trials), _shots(trying, cast, main), film, *_drawn(main)))


def _seen(cast: Cast, tried: Examples, batch: int) -> list[Photographs]:
    """Ask every model about the photographs without a sticker; the victim decides which are left out."""
    first = seen_by(cast.victim, tried, cast.target, cast.classes, batch)
    rest = [seen_by(one, first.examples, None, cast.classes, batch) for one in cast.models[1:]]
    return [first, *rest]


def _placed(sticker: Sticker, placed: Scene) -> Sticker:
    return Sticker.of(sticker.texture, sticker.outline, placed, sticker.made)


def _curves(
    trying: Trying, cast: Cast, seen: Sequence[Photographs], things: Sequence[tuple[str, Sticker]], made: Made
) -> list[Trial]:
    """Try everything at every size on the model, and at the size that was asked for on the others."""
    share = things[0][1].scene.area[1]
    trials = []
    for what, thing in things:
        learned = made.sources if what == "sticker" else ()
        for place, model in enumerate(cast.models):
            for area in sorted({*AREAS, share}) if model is cast.victim else [share]:
                trials.append(trying.trial(thing.sized(area), what, learned, model, seen[place]))
    return trials


def _matrix(
    trying: Trying, cast: Cast, seen: Sequence[Photographs], made: Sequence[Made], placed: Scene
) -> list[Trial]:
    return [
        trying.trial(_placed(one.learned.sticker, placed), "sticker", one.sources, model, known)
        for one in made
        for model, known in zip(cast.models, seen, strict=True)
    ]


def _shots(trying: Trying, cast: Cast, main: Sticker) -> tuple[Shot, ...]:
    """Show it on more photographs to the model that is to be fooled than to the others."""
    most = {name_of(one): _SHOTS if one is cast.victim else _SHOTS_ELSEWHERE for one in cast.models}
    return tuple(shot for one in cast.models for shot in trying.shots(main, one, most[name_of(one)]))


def _approach(form: Outline, placed: Scene, tried: Examples) -> Approach:
    """Choose a film whose last frame still holds the whole sticker."""
    last = replace(Approach(), area=(0.02, min(2 * placed.area[1], 0.35 * form.filled / 0.7854)))
    for shape in set(tried.shapes):
        replace(placed, area=last.area, rotation=last.sway).check(form, *shape[1:])
    return last


def _drawn(sticker: Sticker) -> tuple[Any, Any]:
    """Give a sticker's colours (c, s, t) and form (s, t) as bytes."""
    alpha = sticker.outline.alpha(512, 512)
    return ((sticker.texture * 255).round().byte().numpy(), (alpha * 255).round().byte().numpy())


def _about(cast: Cast, album: Photographs, trying: Trying, main: Sticker, made: Sequence[Made]) -> dict[str, Any]:
    """Say in plain JSON values what was done."""
    tried = trying.photographs
    return {
        "unfooled": unfooled.__version__,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "goal": cast.goal.name,
        "wanted": cast.wanted,
        "area": main.scene.area[1],
        "aspect": main.outline.aspect,
        "victim": name_of(cast.victim),
        "learned": list(made[0].sources),
        "models": cast.describe(),
        "learned_from": {"n": len(album.examples), "left_out": album.left_out},
        "tried_on": {"n": len(tried.examples), "left_out": tried.left_out, "right": tried.right},
        "placements": trying.placements,
        "scene": main.scene.describe,
        "settings": main.made["settings"],
        "cost": [{"sources": list(one.sources), **one.learned.cost} for one in made],
    }


def _named(data: Any) -> str:
    return str(data) if isinstance(data, str | Path) else type(data).__name__
