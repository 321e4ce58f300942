"""Try a sticker on photographs that it was not learned from: by size, by model, and in a moving view."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from unfooled.auditing.referee import confidence
from unfooled.core.answer import Answer
from unfooled.core.batch import Batch
from unfooled.core.seeds import Draws
from unfooled.core.target import Model
from unfooled.core.threat import Goal
from unfooled.core.trials import Film, Shot, Trial, rate
from unfooled.crafting.sticker import Sticker
from unfooled.goals import Misclassify
from unfooled.scenes.approach import Approach
from unfooled.scenes.camera import Camera

from .photographs import Photographs

_TOP = 5
_SHOWN = 6  # frames of a film that are shown


@dataclass(frozen=True)
class Trying:
    """How stickers are tried: every one, at every size, in the same places.

    Attributes:
        goal: What counts.
        photographs: Where it is laid.
        names: Of the classes; None where they are not known.
        placements: On each photograph.
        camera: What the camera does to each picture.
        batch: Rows of a pass.
        draws: Of places, angles and light.
    """

    goal: Goal
    photographs: Photographs
    names: tuple[str, ...] | None
    placements: int
    camera: Camera
    batch: int
    draws: Draws

    def trial(self, sticker: Sticker, what: str, learned: Sequence[str], model: Model, seen: Photographs) -> Trial:
        """Try one thing at its size; `seen` is what this model says of the photographs without it."""
        n, parts = len(seen.examples), []
        for rows, placement in self._passes():
            answer = _asked(model, self._laid(sticker, rows, placement), self.batch)
            parts.append((rows, placement, *self._read(answer, self.photographs.y[rows], seen.answers[rows])))
        tables = [np.zeros((n, self.placements), dtype=bool) for _ in range(3)]
        ranked = True
        for rows, placement, hit, near, changed in parts:
            ranked &= near is not None
            for table, column in zip(tables, (hit, near if near is not None else hit, changed), strict=True):
                table[rows, placement] = column.numpy()
        rates = [rate(table) for table in tables]
        name, top5 = model.describe()["name"], rates[1] if ranked else None
        return Trial(what, tuple(learned), name, sticker.scene.area[1], rates[0], top5, rates[2])

    def shots(self, sticker: Sticker, model: Model, most: int) -> tuple[Shot, ...]:
        """Show the first placement on photographs that are drawn by their contents."""
        order = sorted(range(len(self.photographs.examples)), key=lambda i: self.photographs.examples.keys[i])[:most]
        return tuple(self._shot(model, self._laid(sticker, [i], 0), i, sticker.scene.area[1]) for i in order)

    def film(self, sticker: Sticker, model: Model, approach: Approach, most: int) -> Film:
        """Let a camera approach the sticker on photographs that are drawn by their contents."""
        order = sorted(range(len(self.photographs.examples)), key=lambda i: self.photographs.examples.keys[i])[:most]
        hits, areas = [], approach.areas()
        shots: list[Shot] = []
        for i in order:
            x = self.photographs.examples.batch([i], model.device)
            frames = self._frames(sticker, approach, x)
            answer = _asked(model, frames, self.batch)
            hits.append(self.goal.reached(answer, self.photographs.y[[i]].expand(len(frames))).float())
            if not shots:
                for k in np.linspace(0, len(frames) - 1, _SHOWN).round().astype(int).tolist():
                    shots.append(self._shot(model, frames.rows(slice(k, k + 1)), i, areas[k]))
        share = torch.stack(hits).mean(dim=0).tolist()
        return Film(tuple(areas), tuple(share), len(order), tuple(shots))

    def _passes(self) -> list[tuple[list[int], int]]:
        groups = self.photographs.examples.groups(range(len(self.photographs.examples)))
        return [
            (group[start : start + self.batch], placement)
            for group in groups
            for placement in range(self.placements)
            for start in range(0, len(group), self.batch)
        ]

    def _laid(self, sticker: Sticker, rows: list[int], placement: int) -> Batch:
        x = self.photographs.examples.batch(rows)
        laid = sticker.bring(x, self.draws, placement)
        return _filed(laid.holding(self.camera.shot(laid, self.draws, placement)))

    def _frames(self, sticker: Sticker, approach: Approach, x: Batch) -> Batch:
        shown = approach.shown(sticker.texture, sticker.outline, x, self.draws)
        frames = Batch(shown, x.ids + torch.arange(len(shown)))  # every frame has noise of its own
        return _filed(frames.holding(self.camera.shot(frames, self.draws)))

    def _read(self, answer: Answer, y: Tensor, before: Tensor) -> tuple[Tensor, Tensor | None, Tensor]:
        hit, changed = self.goal.reached(answer, y), answer.labels != before
        if answer.scores is None:
            return hit, None, changed
        top = answer.scores.topk(min(_TOP, answer.scores.shape[1]), dim=1).indices
        if self.goal.classes:
            return hit, torch.isin(top, torch.tensor(self.goal.classes)).any(dim=1), changed
        return hit, Misclassify(top.shape[1]).reached(answer, y), changed

    def _shot(self, model: Model, x: Batch, i: int, area: float) -> Shot:
        answer = _asked(model, x, self.batch)
        before, after = (self._named(int(one)) for one in (self.photographs.answers[i], answer.labels[0]))
        sure = float(confidence(answer)[0])
        picture = (x.values[0] * 255).round().to(torch.uint8).numpy()
        hit = bool(self.goal.reached(answer, self.photographs.y[[i]])[0])
        name = self.photographs.examples.names[i] or f"photograph {i}"
        return Shot(picture, name, before, after, None if np.isnan(sure) else sure, hit, area, model.describe()["name"])

    def _named(self, label: int) -> str:
        return self.names[label] if self.names and 0 <= label < len(self.names) else f"class {label}"


def _asked(model: Model, x: Batch, batch: int) -> Answer:
    """Ask in passes of one shape; a row's answer hangs on no other."""
    said = []
    for start in range(0, len(x), batch):
        rows = x.rows(slice(start, start + batch))
        padded = rows.padded(batch)
        answer = model.answer(Batch(padded.values.to(model.device), padded.ids.to(model.device)))
        said.append(answer.rows(slice(len(rows))))
    joined: Answer = type(said[0]).joined(said) if len(said) > 1 else said[0]
    return joined


def _filed(x: Batch) -> Batch:
    """Round pictures to 8 bits, as a file would."""
    return x.holding((x.values * 255).round().clamp(0, 255) / 255)
