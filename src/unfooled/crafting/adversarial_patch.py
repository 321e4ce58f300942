"""AdversarialPatch: learn one sticker that leads models to the goal wherever it lies."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from unfooled.core.batch import Batch
from unfooled.core.errors import InputError
from unfooled.core.seeds import Draws
from unfooled.core.target import Target
from unfooled.core.threat import Goal
from unfooled.losses import loss_named
from unfooled.scenes.camera import Camera
from unfooled.scenes.outlines import Outline
from unfooled.scenes.scene import Scene

from .sticker import Sticker

_FADING, _FADING_SQUARES = 0.9, 0.99  # of Adam
_ODD = -7046029254386353131  # 2^64 over the golden ratio, as a signed number: consecutive multiples lie far apart
_OUTLINE = Outline()
_SCENE = Scene(area=(0.08, 0.40), rotation=30.0, contrast=0.15, brightness=0.15)
_CAMERA = Camera(noise=0.02)
Palette = tuple[tuple[float, float, float], ...]
PRINTABLE: Palette = tuple((r, g, b) for r in (0.1, 0.5, 0.9) for g in (0.1, 0.5, 0.9) for b in (0.1, 0.5, 0.9))
"""Colours, red, green and blue, that office printers reach."""


@dataclass(frozen=True)
class AdversarialPatch:
    """Learn a sticker by Adam on the mean loss of photographs that it lies in, each time elsewhere and otherwise.

    Needs gradients of every source. Most steps are made on small pictures, which cost a third, the last ones at every
    source's own size.

    Attributes:
        outline: Its form.
        scene: Where and how it may lie while it is learned.
        camera: What the camera does meanwhile.
        side: Texels along its width and height.
        steps: How many, 1 or more.
        batch: Photographs of one step, 1 or more.
        step: Size of the first step; the last one is a tenth of it.
        loss: What to climb, by its name in `losses.LOSSES`.
        weights: What each source counts; empty for all alike.
        sizes: Height and width of the pictures that each source takes; empty for those of the photographs.
        coarse: Height and width of the small pictures, as a share of the sources' own sizes, above 0 to 1.
        early: Share of the steps that is made on small pictures, 0 to 1.
        smoothing: Weight of the mean squared difference between neighbouring texels.
        palette: Colours to keep to; empty for any.
        keeping: Weight of the mean distance to the nearest colour of the palette.

    Reference:
        Brown, Mané, Roy, Abadi and Gilmer. Adversarial patch. NIPS 2017 workshop. https://arxiv.org/abs/1712.09665,
        section 2, equation 1.
        Differs from the paper: the loss is the target's score and not its log-likelihood; Adam; coarse pictures first;
        sources are thinned by stochastic depth where the caller hands in such copies.
    """

    outline: Outline = _OUTLINE
    scene: Scene = _SCENE
    camera: Camera = _CAMERA
    side: int = 112
    steps: int = 300
    batch: int = 8
    step: float = 0.1
    loss: str = "logit"
    weights: tuple[float, ...] = ()
    sizes: tuple[tuple[int, int], ...] = ()
    coarse: float = 4 / 7
    early: float = 0.7
    smoothing: float = 0.0
    palette: Palette = ()
    keeping: float = 1.0

    def __call__(self, sources: Sequence[Target], train: Batch, y: Tensor, goal: Goal, draws: Draws) -> Sticker:
        """See `Crafter`; `train` are photographs (n, c, h, w) in [0, 1], at least as large as the largest source's.

        Raises:
            InputError: There is nothing to learn from, or the settings do not fit the sources.
        """
        weights = self._checked(sources, train, y)
        order = train.ids.argsort(stable=True)
        train, y = train.rows(order), y[order]
        nobody = torch.zeros(1, dtype=torch.int64, device=train.ids.device)
        noise = draws.normal((train.values.shape[1], self.side, self.side), nobody, "start")[0]
        texture = (0.5 + 0.02 * noise).clamp(0, 1)
        mean, square = torch.zeros_like(texture), torch.zeros_like(texture)
        photos = self._photographs(sources, train)
        wanted = Wanted(goal, y, self.loss, draws)
        for k, rows in enumerate(self._mini_batches(train.ids, draws)):
            grad = self._penalty(texture)
            views = train.ids[rows] + _ODD * (k * self.batch + 1 + torch.arange(len(rows), device=rows.device))
            for source, weight, sizes in zip(sources, weights, photos, strict=True):
                values = sizes[0 if k < self.early * self.steps else 1][rows]
                climbed = self._climb(source, texture, Batch(values, views), wanted, rows)
                grad = grad - weight * climbed
            mean = _FADING * mean + (1 - _FADING) * grad
            square = _FADING_SQUARES * square + (1 - _FADING_SQUARES) * grad.square()
            unbiased = (1 - _FADING_SQUARES ** (k + 1)) ** 0.5 / (1 - _FADING ** (k + 1))
            size = self.step * (1 - 0.9 * k / self.steps)
            texture = (texture - size * unbiased * mean / (square.sqrt() + 1e-8)).clamp(0, 1)
        return Sticker.of(texture, self.outline, self.scene, self._told(sources, train, goal, draws))

    def _climb(self, source: Target, texture: Tensor, views: Batch, wanted: Wanted, rows: Tensor) -> Tensor:
        """Find where one source's mean loss climbs with the texture, (c, s, t)."""
        free = texture.detach().requires_grad_()
        with torch.enable_grad():
            laid = views.holding(self.scene.pasted(free, self.outline, views, wanted.draws))
            shown = self.camera.shot(laid, wanted.draws)
        told = source.gradient(views.holding(shown.detach()), wanted, rows)
        (grad,) = torch.autograd.grad(shown, free, told.grad / len(rows))
        return torch.nan_to_num(grad, nan=0.0, posinf=0.0, neginf=0.0)

    def _penalty(self, texture: Tensor) -> Tensor:
        """Give the gradient of what a texture costs for being rough or hard to print."""
        if not self.smoothing and not self.palette:
            return torch.zeros_like(texture)
        free = texture.detach().requires_grad_()
        with torch.enable_grad():
            down, across = free[:, 1:] - free[:, :-1], free[:, :, 1:] - free[:, :, :-1]
            cost = self.smoothing * (down.square().mean() + across.square().mean())
            if self.palette:
                colours = free.new_tensor(self.palette).view(-1, 3, 1, 1)
                cost = cost + self.keeping * (free - colours).square().sum(dim=1).add(1e-8).sqrt().amin(dim=0).mean()
        (grad,) = torch.autograd.grad(cost, free)
        return grad

    def _photographs(self, sources: Sequence[Target], train: Batch) -> list[tuple[Tensor, Tensor]]:
        """Bring the photographs to the small and to the own size of each source."""
        own = self.sizes or ((train.values.shape[2], train.values.shape[3]),) * len(sources)
        small = [(round(height * self.coarse), round(width * self.coarse)) for height, width in own]
        kept = {size: _resized(train.values, size) for size in {*own, *small}}
        return [(kept[one], kept[other]) for one, other in zip(small, own, strict=True)]

    def _mini_batches(self, ids: Tensor, draws: Draws) -> list[Tensor]:
        """Give the rows of each step, (batch,): through all photographs, then again in another order."""
        needed = self.steps * self.batch
        orders = [
            draws.uniform((1,), ids, "order", epoch).flatten().argsort(stable=True)
            for epoch in range(-(-needed // len(ids)))
        ]
        chosen = torch.cat(orders)[:needed]
        return [chosen[start : start + self.batch] for start in range(0, needed, self.batch)]

    def _checked(self, sources: Sequence[Target], train: Batch, y: Tensor) -> tuple[float, ...]:
        """Check all settings; gives each source's share of the direction."""
        if not sources or not len(train) or len(y) != len(train) or train.values.ndim != 4:
            found = f"{len(sources)} models, {tuple(train.values.shape)} photographs, {len(y)} labels"
            raise InputError("A sticker is learned from models and photographs", found, "Give at least one each.")
        if self.palette and train.values.shape[1] != 3:
            raise InputError("A palette is for colour pictures", f"{train.values.shape[1]} channels", "Leave it out.")
        if any(one and len(one) != len(sources) for one in (self.weights, self.sizes)):
            found = f"{len(sources)} models, {len(self.weights)} weights, {len(self.sizes)} sizes"
            raise InputError("Each model has one weight and one size", found, "Give as many, or none.")
        given = self.weights or (1.0,) * len(sources)
        if min(given) < 0 or sum(given) <= 0 or min(self.steps, self.batch, self.side) < 1:
            found = f"weights {given}, {self.steps} steps of {self.batch}, side {self.side}"
            raise InputError("A setting of the sticker is out of range", found, "Weights from 0, the others from 1.")
        return tuple(one / sum(given) for one in given)

    def _told(self, sources: Sequence[Target], train: Batch, goal: Goal, draws: Draws) -> dict[str, Any]:
        described = [source.model.describe() for source in sources]
        plain = asdict(self) | {"outline": self.outline.describe, "scene": self.scene.describe}
        return {
            "by": "adversarial-patch",
            "settings": plain,
            "goal": goal.name,
            "key": draws.key,
            "sources": [{"name": one["name"], "sha256": one["sha256"]} for one in described],
            "examples": len(train),
            "fingerprint": hashlib.sha256(" ".join(map(str, train.ids.tolist())).encode()).hexdigest(),
        }


@dataclass(frozen=True)
class Wanted:
    """What a sticker is climbed for, as a target asks it.

    Attributes:
        goal: What the sticker is for.
        y: Labels of the photographs, (n,).
        loss: By its name.
        draws: Of places, light and noise.
    """

    goal: Goal
    y: Tensor
    loss: str
    draws: Draws

    def __call__(self, outputs: Tensor, owner: Tensor) -> Tensor:
        """Give what is to be maximised, (r,)."""
        return self.goal.objective(loss_named(self.loss), outputs, self.y[owner])


def _resized(values: Tensor, size: tuple[int, int]) -> Tensor:
    if tuple(values.shape[2:]) == size:
        return values
    resized: Tensor = interpolate(values, size, mode="bilinear", align_corners=False, antialias=True)
    return resized
