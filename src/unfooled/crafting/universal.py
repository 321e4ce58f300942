"""Universal: one change that fools a model about most examples, learned from a few."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor

from unfooled.core.batch import Batch
from unfooled.core.errors import InputError
from unfooled.core.rows import unit
from unfooled.core.seeds import Draws
from unfooled.core.target import Target
from unfooled.core.threat import Goal, firmly_reached
from unfooled.losses import loss_named
from unfooled.search.transforms import chained, momentum
from unfooled.sets.box import silence_padding

from .delta import Delta, Within, centred, told


@dataclass(frozen=True)
class Universal:
    """Learn one change by stochastic ascent: each step climbs the mean loss of a few examples that all carry it.

    Needs gradients of every source; their directions count alike. What fools an example by more than `clip` adds
    nothing, so that the change is not spent on examples that have long fallen.

    Attributes:
        within: What the change may be, a ball whose radius is finite.
        epochs: How often each example is looked at, 1 or more.
        batch: Examples of one step, 1 or more.
        step: Size of the first step as a share of the radius; steps shrink to nothing over the run.
        decay: How much of earlier gradients is kept, 0 to 1.
        clip: Loss from which an example counts no more.
        loss: What to climb, by its name in `losses.LOSSES`.

    Reference:
        Shafahi, Najibi, Xu, Dickerson, Davis and Goldstein. Universal adversarial training. AAAI 2020.
        https://arxiv.org/abs/1811.11304, section 3, algorithm 2 and equation 4.
        Differs from the paper: momentum, and steps that shrink; the clipped cross-entropy is written as log-odds; any
        goal, several sources.
    """

    within: Within
    epochs: int = 10
    batch: int = 10
    step: float = 0.2
    decay: float = 0.9
    roll: float = 0.5
    clip: float = 9.0
    loss: str = "cross-entropy"

    def __call__(self, sources: Sequence[Target], train: Batch, y: Tensor, goal: Goal, draws: Draws) -> Delta:
        """See `Crafter`.

        Raises:
            InputError: There is nothing to learn from, or the radius sets no limit.
        """
        self._check(sources, train, y)
        around, nobody = centred(self.within), torch.zeros(1, dtype=torch.int64, device=train.ids.device)
        nothing = Batch(torch.zeros_like(train.values[:1]), nobody)
        here, update = nothing, chained((momentum(self.decay),), 1)
        steps = list(self._mini_batches(train.ids, draws))
        for k, (epoch, rows) in enumerate(steps):
            shown = Delta(here.values[0], self.within, {}).bring(self._varied(train.rows(rows), draws, epoch), draws)
            grad = sum((self._climb(source, shown, y, goal, rows) for source in sources), nothing.values)
            direction = around.steepest(update(grad, nobody), here, nothing)
            size = self.step * self.within.radius * (1 - k / len(steps))
            here = around.project(here.holding(here.values + size * direction), nothing)
        made = self._told(sources, train, goal, draws)
        learned = Delta(here.values[0], self.within, made)
        brought, everyone = learned.bring(train, draws), torch.arange(len(train), device=train.ids.device)
        fooled = [int(firmly_reached(goal, source.answer(brought, everyone), y).sum()) for source in sources]
        return Delta(learned.values, self.within, made | {"fooled": fooled})

    def _climb(self, source: Target, shown: Batch, y: Tensor, goal: Goal, rows: Tensor) -> Tensor:
        """Find where one source's loss climbs for these examples together, of length 1, (1, ...)."""

        def clipped(outputs: Tensor, owner: Tensor) -> Tensor:
            return goal.objective(loss_named(self.loss), outputs, y[owner]).clamp(max=self.clip)

        grad = silence_padding(source.gradient(shown, clipped, rows).grad, shown)
        return unit(torch.nan_to_num(grad, nan=0.0, posinf=0.0, neginf=0.0).sum(dim=0, keepdim=True))

    def _mini_batches(self, ids: Tensor, draws: Draws) -> Iterator[tuple[int, Tensor]]:
        """Give the rows of each step, (batch,): every epoch in an order drawn by lot, whatever order they came in."""
        for epoch in range(self.epochs):
            lots = draws.uniform((1,), ids, "order", epoch).flatten()
            yield from ((epoch, rows) for rows in torch.split(lots.argsort(stable=True), self.batch))

    def _varied(self, x: Batch, draws: Draws, epoch: int) -> Batch:
        """Mirror pictures by lot and roll them over their edges; the change stays where it is."""
        if x.values.ndim != 4 or not self.roll:
            return x
        lots = draws.uniform((3,), x.ids, "vary", epoch)
        sides = torch.tensor(x.values.shape[2:], device=lots.device)
        far = ((2 * lots[:, 1:] - 1) * self.roll * sides).round().long().tolist()
        rolled = [one.roll(by, (1, 2)) for one, by in zip(x.values, far, strict=True)]
        mirrored = [one.flip(2) if lot < 0.5 else one for one, lot in zip(rolled, lots[:, 0].tolist(), strict=True)]
        return x.holding(torch.stack(mirrored))

    def _told(self, sources: Sequence[Target], train: Batch, goal: Goal, draws: Draws) -> dict[str, Any]:
        names = " ".join(map(str, sorted(train.ids.tolist())))
        described = [source.model.describe() for source in sources]
        settings = {name: value for name, value in asdict(self).items() if name != "within"}
        return {
            "by": "universal",
            **told(self.within),
            "settings": settings,
            "goal": goal.name,
            "key": draws.key,
            "sources": [{"name": one["name"], "sha256": one["sha256"]} for one in described],
            "examples": len(train),
            "fingerprint": hashlib.sha256(names.encode()).hexdigest(),
        }

    def _check(self, sources: Sequence[Target], train: Batch, y: Tensor) -> None:
        if not sources or not len(train) or len(y) != len(train):
            found = f"{len(sources)} models, {len(train)} examples, {len(y)} labels"
            raise InputError("A change is learned from models and labelled examples", found, "Give at least one each.")
        if self.epochs < 1 or self.batch < 1:
            found = f"{self.epochs} epochs, steps of {self.batch} examples"
            raise InputError("A change is learned in steps", found, "Give 1 or more of each.")
        if not train.values.is_floating_point():
            raise InputError("A change is added to pictures or waveforms", f"{train.values.dtype}", "Give one of them.")
        if self.within.radius == float("inf"):
            raise InputError("A universal change needs a limit", str(self.within), "Give a radius: linf:10/255.")
