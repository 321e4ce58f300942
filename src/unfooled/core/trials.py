"""What trials of a sticker found: plain values, read without torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from .rates import Interval, clopper_pearson

_RESAMPLES = 2000


@dataclass(frozen=True)
class Rate:
    """A share of placements and how far it can be trusted.

    Attributes:
        share: 0 to 1.
        interval: 95 %, over the choice of photographs.
    """

    share: float
    interval: Interval


@dataclass(frozen=True)
class Trial:
    """What one thing did to one model at one size.

    Attributes:
        what: `sticker`, `noise` or `picture`.
        learned: Names of the models that it was learned on; empty for what was not learned.
        model: Name of the model that was asked.
        area: Share of the picture that it covers.
        hit: How often the goal was reached.
        top5: How often the target was among the five highest scores, or under an untargeted goal the label was not;
            None where the model gives labels only.
        changed: How often the answer was another than without it.
    """

    what: str
    learned: tuple[str, ...]
    model: str
    area: float
    hit: Rate
    top5: Rate | None
    changed: Rate


@dataclass(frozen=True)
class Shot:
    """A picture that was taken, and what a model saw in it.

    Attributes:
        picture: (c, h, w) uint8.
        name: Of the photograph.
        before: What the model answers without the sticker.
        after: What it answers with it.
        sure: Its confidence in that, 0 to 1; None where it gives labels only.
        hit: Whether the goal was reached.
        area: Share of the picture that the sticker covers.
        model: Name of the model.
    """

    picture: np.ndarray = field(repr=False)
    name: str
    before: str
    after: str
    sure: float | None
    hit: bool
    area: float
    model: str


@dataclass(frozen=True)
class Film:
    """A moving view.

    Attributes:
        areas: Share of the picture that the sticker covers in each frame.
        hit: Share of the photographs on which each frame reached the goal.
        photographs: How many there were.
        shots: Some frames of one photograph.
    """

    areas: tuple[float, ...]
    hit: tuple[float, ...]
    photographs: int
    shots: tuple[Shot, ...]


@dataclass(frozen=True)
class Found:
    """All that is known of a sticker.

    Attributes:
        about: Plain JSON values: the goal in words, the models with families and training data, photographs, settings,
            cost, notes.
        trials: Every trial.
        shots: Photographs with the sticker in them.
        film: A moving view; None where none was made.
        texture: The sticker, (c, s, t) uint8.
        alpha: Its form, (s, t) uint8.
    """

    about: Mapping[str, Any]
    trials: tuple[Trial, ...]
    shots: tuple[Shot, ...]
    film: Film | None
    texture: np.ndarray = field(repr=False)
    alpha: np.ndarray = field(repr=False)

    def of(self, what: str, model: str, learned: Sequence[str] = ()) -> list[Trial]:
        """Pick the trials of one thing on one model, smallest first."""
        picked = [t for t in self.trials if (t.what, t.model, t.learned) == (what, model, tuple(learned))]
        return sorted(picked, key=lambda trial: trial.area)

    def as_json(self) -> dict[str, Any]:
        """Give everything but the pictures in plain JSON values."""
        film = None if self.film is None else {"areas": list(self.film.areas), "hit": list(self.film.hit)}
        return {**self.about, "trials": [asdict(trial) for trial in self.trials], "film": film}


def rate(hits: np.ndarray) -> Rate:
    """Average hits (photographs, placements) bool, with an interval over photographs.

    Photographs are drawn again with replacement, with all their placements: placements of one photograph are no
    independent trials. Where all photographs agree, and the bootstrap would see no doubt, the interval is the exact one
    for as many photographs.

    Reference:
        Efron. Bootstrap methods: another look at the jackknife. The Annals of Statistics 7(1), 1979.
        https://doi.org/10.1214/aos/1176344552, section 3; the percentile interval.
        Differs from the paper: where all photographs agree, see above.
    """
    each = hits.mean(axis=1)
    n, share = len(each), float(each.mean())
    if np.ptp(each) == 0 and share in (0.0, 1.0):
        return Rate(share, clopper_pearson(round(share * n), n))
    lots = np.random.Generator(np.random.Philox(key=n)).random((_RESAMPLES, n))
    means = each[(lots * n).astype(np.int64)].mean(axis=1)
    low, high = np.quantile(means, (0.025, 0.975))
    return Rate(share, Interval(float(low), float(high)))
