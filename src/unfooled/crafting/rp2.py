"""Rp2: learn tape or paint for a road sign that leads models to the goal from wherever it is seen."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, interpolate

from unfooled.core.batch import Batch
from unfooled.core.errors import InputError
from unfooled.core.seeds import Draws
from unfooled.core.target import Target
from unfooled.core.threat import Goal
from unfooled.scenes.pasting import straight
from unfooled.scenes.roadside import Roadside
from unfooled.zoo.signs.renders import SIDE, face

from .adversarial_patch import PRINTABLE, Palette, Wanted
from .altered_sign import AlteredSign, laid, sized
from .descent import Descent
from .masks import SIDE as FINE
from .masks import found_mask, mask_named
from .subtlety import Budget

BLACK_WHITE: Palette = ((0.06, 0.06, 0.06), (0.93, 0.93, 0.93))
"""Tape in two colours."""

FOUND = "found"
"""The mask that a first stage finds."""

_ROADSIDE = Roadside(pixels=(14, 36), yaw=(0, 50))
_TRIED = Roadside()
_ANY = Budget()


@dataclass(frozen=True)
class Rp2:
    """Learn by Adam on the mean loss of views of the sign: other distances, angles, light and backgrounds each time.

    Needs gradients of every source.

    Attributes:
        sign: That is altered, see `zoo.signs.artwork.CLASSES`.
        mask: `bars`, `rectangles`, `graffiti`, `poster`, `found` by a first stage, or a picture whose white it is.
        area: Share of the sign that it covers; of `poster` and of a picture it has no say.
        palette: Colours that it is made of; empty for any.
        keeping: Weight of the mean distance to the nearest colour of the palette (the non-printability score).
        faint: Most that a colour may differ from the clean sign's, 0 to 1; None for any. Needs an empty palette.
        budget: Most that the whole sign may differ. Needs an empty palette.
        roadside: How the sign is seen meanwhile.
        tried: How it is seen by those who are to be fooled.
        grid: Cells along the sign's side, each of one colour: 16, 32 or 64.
        steps: How many, 1 or more.
        batch: Views of one step.
        step: Size of the first step; the last one is a tenth of it.
        loss: What to climb, by its name in `losses.LOSSES`.
        sparsity: Of the stage that finds a mask: weight of the L1 norm of all change.
        weights: What each source counts; empty for all alike.

    Reference:
        Eykholt, Evtimov, Fernandes, Li, Rahmati, Xiao, Prakash, Kohno and Song. Robust physical-world attacks on deep
        learning visual classification. CVPR 2018. https://arxiv.org/abs/1707.08945, section 3, equations 2 and 3.
        Differs from the paper: views are rendered and not photographed; colours end as those of the palette exactly;
        the mask may be `found` as the cells of largest change under an L1 penalty, as there, without a hand's help.
    """

    sign: str = "stop"
    mask: str = "bars"
    area: float = 0.13
    palette: Palette = PRINTABLE
    keeping: float = 0.1
    faint: float | None = None
    budget: Budget = _ANY
    roadside: Roadside = _ROADSIDE
    tried: Roadside = _TRIED
    grid: int = 32
    steps: int = 300
    batch: int = 24
    step: float = 0.15
    loss: str = "cross-entropy"
    sparsity: float = 1.0
    weights: tuple[float, ...] = ()

    def __call__(self, sources: Sequence[Target], train: Batch, y: Tensor, goal: Goal, draws: Draws) -> AlteredSign:
        """See `Crafter`; `train` are backgrounds (n, 3, 64, 64), `y` the class of the sign, (n,).

        Raises:
            InputError: The settings fit neither one another nor the sign, or there is nothing to learn from.
        """
        weights = self._checked(sources, train, y)
        order = train.ids.argsort(stable=True)
        wanted = Wanted(goal, y[order], self.loss, draws)
        work = Descent(
            tuple(sources), weights, train.rows(order), wanted, self.roadside, self.steps, self.batch, self.step
        )  # fmt: skip
        form = face(self.sign, FINE)[3]
        mask = self._found(work, form) if self.mask == FOUND else mask_named(self.mask, self.area, form)
        clear = mask.to(train.values.device)
        start = torch.zeros(3, self.grid, self.grid, device=train.values.device)
        free = work.descended(start, lambda one, late: self._laid(one, clear, late=late), "paint")
        colours = self._colours(free, late=True)
        opacity = self._opacity(colours, clear)
        told = self._told(sources, train, goal, draws)
        return AlteredSign.of(self.sign, colours.cpu(), mask * opacity, self.tried, told)

    def _colours(self, free: Tensor, *, late: bool) -> Tensor:
        """Read colours in [0, 1] off free numbers (3, g, g); late ones are the palette's."""
        colours = torch.sigmoid(free)
        if self.faint is not None:
            own = interpolate(face(self.sign)[None, :3].to(free), free.shape[1:], mode="area")[0]
            return (own + self.faint * (2 * colours - 1)).clamp(0, 1)
        if not (late and self.palette):
            return colours
        apart = self._apart(colours)
        nearest = colours.new_tensor(self.palette)[apart.argmin(dim=0)].permute(2, 0, 1)
        return straight(nearest, colours)

    def _laid(self, free: Tensor, mask: Tensor, *, late: bool) -> tuple[Tensor, Tensor]:
        """Give the altered sign (4, 64, 64), and what it costs to be hard to print."""
        colours = self._colours(free, late=late)
        cost = self._apart(torch.sigmoid(free)).amin(dim=0).mean() if self.palette else 0 * free.sum()
        with torch.no_grad():
            opacity = self._opacity(colours.detach(), mask)
        return laid(face(self.sign).to(free), colours, mask * opacity), self.keeping * cost

    def _opacity(self, colours: Tensor, mask: Tensor) -> float:
        clean = face(self.sign).to(colours)
        return self.budget.opacity(clean, laid(clean, colours, mask), sized(mask, SIDE))

    def _apart(self, colours: Tensor) -> Tensor:
        """Measure how far colours are from each of the palette, (k, g, g)."""
        palette = colours.new_tensor(self.palette).view(-1, 3, 1, 1)
        return (colours - palette).square().sum(dim=1).add(1e-8).sqrt()

    def _found(self, work: Descent, form: Tensor) -> Tensor:
        """Change the whole sign at a price for each cell, and keep the cells that were worth it."""
        clean = face(self.sign).to(work.train.values)
        cells = avg_pool2d(clean[3][None, None], SIDE // 16)[0, 0]

        def laid_on(free: Tensor, _late: bool) -> tuple[Tensor, Tensor]:
            spread = interpolate(free[None], (SIDE, SIDE), mode="nearest-exact")[0]
            price = self.sparsity * ((free.square().sum(dim=0) + 1e-8).sqrt() * cells).mean()
            return torch.cat([(clean[:3] + spread).clamp(0, 1), clean[3:]]), price

        start = torch.zeros(3, 16, 16, device=clean.device)
        free = replace(work, steps=max(1, self.steps // 3)).descended(start, laid_on, "where")
        return found_mask(free.square().sum(dim=0).sqrt().cpu(), self.area, form)

    def _checked(self, sources: Sequence[Target], train: Batch, y: Tensor) -> tuple[float, ...]:
        if not sources or not len(train) or len(y) != len(train) or train.values.shape[1:] != (3, SIDE, SIDE):
            found = f"{len(sources)} models, {tuple(train.values.shape)} backgrounds, {len(y)} labels"
            raise InputError(
                f"A sign is altered from models and backgrounds (n, 3, {SIDE}, {SIDE})", found, "Give one."
            )
        thinned = self.faint is not None or self.budget != _ANY
        if self.palette and thinned:
            raise InputError("Thin paint is not of a palette's colours", f"{self.mask}", "Leave one of them out.")
        if self.weights and len(self.weights) != len(sources):
            found = f"{len(sources)} models, {len(self.weights)} weights"
            raise InputError("Each model has one weight", found, "Give as many, or none.")
        given = self.weights or (1.0,) * len(sources)
        if min(self.steps, self.batch) < 1 or self.grid not in (16, 32, 64) or min(given) < 0 or sum(given) <= 0:
            raise InputError("A setting of the sticker is out of range", self, "Steps from 1; grid 16, 32 or 64.")
        return tuple(one / sum(given) for one in given)

    def _told(self, sources: Sequence[Target], train: Batch, goal: Goal, draws: Draws) -> dict[str, Any]:
        described = [source.model.describe() for source in sources]
        return {
            "by": "rp2",
            "settings": asdict(self),
            "goal": goal.name,
            "key": draws.key,
            "sources": [{"name": one["name"], "sha256": one["sha256"]} for one in described],
            "examples": len(train),
            "fingerprint": hashlib.sha256(" ".join(map(str, sorted(train.ids.tolist()))).encode()).hexdigest(),
        }
