"""Shadow: find a triangular shadow on a road sign that leads models to the goal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor

from unfooled.core.batch import Batch
from unfooled.core.errors import InputError
from unfooled.core.rows import total
from unfooled.core.seeds import Draws
from unfooled.core.target import Target
from unfooled.core.threat import Goal
from unfooled.scenes.roadside import Roadside
from unfooled.zoo.signs.renders import SIDE, face

from .adversarial_patch import Wanted
from .altered_sign import AlteredSign, laid
from .masks import SIDE as FINE

_TRIED = Roadside()
_INERTIA, _OWN, _BEST = 0.7, 1.5, 1.5  # of particle swarms
_ODD = -7046029254386353131  # see `descent`


@dataclass(frozen=True)
class Shadow:
    """Search the corners of a triangle by a particle swarm; asks for scores alone.

    Attributes:
        sign: On which the shadow falls, see `zoo.signs.artwork.CLASSES`.
        dark: What is left of the light in the shadow, above 0 to below 1.
        roadside: How the sign is seen meanwhile, and by those who are to be fooled.
        particles: How many triangles are tried at once.
        steps: How often they move.
        views: Of each triangle at each step, the same for all triangles.
        loss: What to climb, by its name in `losses.LOSSES`.

    Reference:
        Zhong, Liu, Zhai, Jiang and Ji. Shadows can be dangerous: stealthy and effective physical-world adversarial
        attack by natural phenomenon. CVPR 2022. https://arxiv.org/abs/2203.03818, section 3.
        Differs from the paper: the light is scaled in RGB, not the lightness of CIELAB; views are rendered; one swarm.
    """

    sign: str = "stop"
    dark: float = 0.43
    roadside: Roadside = _TRIED
    particles: int = 24
    steps: int = 24
    views: int = 16
    loss: str = "margin"

    def __call__(self, sources: Sequence[Target], train: Batch, y: Tensor, goal: Goal, draws: Draws) -> AlteredSign:
        """See `Crafter`; `train` are backgrounds (n, 3, 64, 64), `y` the class of the sign, (n,).

        Raises:
            InputError: A setting is out of range, or there is nothing to learn from.
        """
        if not 0 < self.dark < 1 or min(self.particles, self.steps, self.views) < 1 or not sources or not len(train):
            raise InputError(
                "A setting of the shadow is out of range", self, "Darkness between 0 and 1, counts from 1."
            )
        order = train.ids.argsort(stable=True)
        train, wanted = train.rows(order), Wanted(goal, y[order], self.loss, draws)
        swarm = torch.arange(self.particles)
        places = 2.4 * draws.uniform((6,), swarm, "triangle") - 1.2
        speed = 0.4 * (draws.uniform((6,), swarm, "speed") - 0.5)
        own, worth = places.clone(), torch.full((self.particles,), -torch.inf, dtype=torch.float64)
        for k in range(self.steps):
            now = self._worth(places, sources, train, wanted)
            better = now > worth
            own, worth = torch.where(better.unsqueeze(1), places, own), torch.where(better, now, worth)
            lots = draws.uniform((2, 6), swarm, "swarm", k)
            speed = _INERTIA * speed + _OWN * lots[:, 0] * (own - places)
            speed = speed + _BEST * lots[:, 1] * (own[worth.argmax()] - places)
            places = (places + speed).clamp(-1.5, 1.5)
        made = self._told(sources, train, goal, draws)
        mask = self._opacity(own[worth.argmax()], FINE) * (face(self.sign, FINE)[3] > 0.5)
        return AlteredSign.of(self.sign, torch.zeros(3, 1, 1), mask, self.roadside, made)

    def _worth(self, places: Tensor, sources: Sequence[Target], train: Batch, wanted: Wanted) -> Tensor:
        """Look at every triangle in the same views; the mean loss of each, (particles,)."""
        views = torch.arange(self.views)
        rows = (wanted.draws.uniform((1,), views, "rows").flatten() * len(train)).long()
        x = Batch(train.values[rows], train.ids[rows] + _ODD * (views + 1))
        clean, found = face(self.sign), []
        for corners in places:
            sign = laid(clean, torch.zeros(3, 1, 1), self._opacity(corners, SIDE))
            seen = x.holding(self.roadside.shown(sign, x, wanted.draws))
            lost = sum(total(source.losses(seen, wanted, rows).loss.unsqueeze(0)) for source in sources)
            found.append(torch.as_tensor(lost).reshape(()) / self.views)
        return torch.stack(found)

    def _opacity(self, corners: Tensor, side: int) -> Tensor:
        """Draw the shadow of a triangle (6,) as black of this opacity, (side, side)."""
        a, b, c = corners.view(3, 2)
        line = (torch.arange(side) + 0.5) * (2 / side) - 1
        inside = torch.stack([
            (q[0] - p[0]) * (line.view(-1, 1) - p[1]) - (q[1] - p[1]) * (line.view(1, -1) - p[0])
            for p, q in ((a, b), (b, c), (c, a))
        ])  # fmt: skip
        covered = (inside >= 0).all(dim=0) | (inside <= 0).all(dim=0)
        return (1 - self.dark) * covered.float()

    def _told(self, sources: Sequence[Target], train: Batch, goal: Goal, draws: Draws) -> dict[str, Any]:
        described = [source.model.describe() for source in sources]
        return {
            "by": "shadow",
            "settings": asdict(self),
            "goal": goal.name,
            "key": draws.key,
            "sources": [{"name": one["name"], "sha256": one["sha256"]} for one in described],
            "examples": len(train),
        }
