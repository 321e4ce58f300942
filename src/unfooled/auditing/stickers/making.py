"""Learn a sticker from every group of sources that is asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from unfooled.core.target import Model
from unfooled.crafting.adversarial_patch import AdversarialPatch
from unfooled.scenes.outlines import Outline
from unfooled.scenes.scene import Scene

from .cast import Cast, name_of
from .learning import Learned, learn
from .photographs import Photographs, lesson

_LEAST, _MOST = 0.08, 0.40  # areas that stickers are learned at


@dataclass(frozen=True)
class Made:
    """A sticker of one group of sources.

    Attributes:
        sources: Their names.
        learned: The sticker and its cost.
    """

    sources: tuple[str, ...]
    learned: Learned


@dataclass(frozen=True)
class Makers:
    """Those who learn stickers, and what from.

    Attributes:
        cast: The models.
        photographs: What they learn from.
        thin: Chance of each residual branch to fall away.
        seed: Of all randomness.
        told: Is told of every step.
    """

    cast: Cast
    photographs: Photographs
    thin: float
    seed: int
    told: Callable[[str], None]

    def all(self, patch: AdversarialPatch, weights: tuple[float, ...], matrix: bool) -> list[Made]:
        """Learn from all sources together; for a matrix from each alone and from all but each, too."""
        sources = self.cast.sources
        groups = [sources]
        if matrix and len(sources) > 1:
            groups += [(one,) for one in sources]
        if matrix and len(sources) > 2:
            groups += [tuple(one for one in sources if one is not left) for left in sources]
        return [self.one(group, replace(patch, weights=weights if group is sources else ())) for group in groups]

    def one(self, group: Sequence[Model], patch: AdversarialPatch) -> Made:
        """Learn one sticker."""
        names = tuple(name_of(one) for one in group)
        self.told(f"learning from {len(self.photographs.examples)} photographs on {', '.join(names)}")
        lessons = lesson(group, self.photographs)
        return Made(
            names, learn(group, lessons, self.cast.goal, patch, thin=self.thin, seed=self.seed)
        )  # fmt: skip


def loss_for(target: str | int | None) -> str:
    """Choose what to climb: the score of a target, or under an untargeted goal the odds against the label.

    Towards the best other class, photographs of several classes would each pull their own way.
    """
    return "cross-entropy" if target is None else "logit"


def suited(patch: AdversarialPatch, form: Outline, placed: Scene) -> AdversarialPatch:
    """Fit the way of learning to a form, and to a place that is fixed or limited."""
    low, high = min(_LEAST, placed.area[0] / 2), max(_MOST, min(1.5 * placed.area[1], 0.5))
    scene = replace(
        patch.scene, area=(low, high * (1 if form.form == "circle" else 0.75)), place=placed.place,
        allowed=placed.allowed, rotation=max(patch.scene.rotation, placed.rotation), tilt=placed.tilt,
    )  # fmt: skip
    return replace(patch, outline=form, scene=scene)
