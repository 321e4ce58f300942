"""Look at an altered sign from all distances and angles, beside the clean one, and on a drive towards it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from unfooled.core.batch import Batch
from unfooled.core.seeds import Draws
from unfooled.core.sightings import Glance, Passing, Sighting
from unfooled.core.target import Model
from unfooled.core.threat import Goal
from unfooled.core.trials import Rate, rate
from unfooled.crafting.altered_sign import AlteredSign
from unfooled.goals import Misclassify
from unfooled.scenes.drive import Drive
from unfooled.scenes.roadside import Roadside

PIXELS, YAWS = (32, 24, 16, 12), (0, 15, 30, 45, 60)
"""The table's lines and columns: pixels across the crop, degrees."""

_BATCH = 60
_SHOWN = ((48, 0), (32, 15), (32, 45), (24, 0), (24, 30), (16, 0), (16, 45), (12, 30))


@dataclass(frozen=True)
class Seeing:
    """How signs are looked at: every one before the same backgrounds, in the same light.

    Attributes:
        goal: What counts.
        label: Class of the clean sign.
        grounds: Backgrounds, (n, 3, 64, 64).
        names: Of the classes.
        draws: Of light, exact pose and noise.
    """

    goal: Goal
    label: int
    grounds: Batch
    names: Sequence[str]
    draws: Draws

    def table(self, sign: AlteredSign, model: Model) -> list[Sighting]:
        """Look from every distance and side."""
        name = model.describe()["name"]
        return [
            Sighting(name, pixels, yaw, *self._rates(sign, model, sign.roadside.at(pixels, yaw)))
            for pixels in PIXELS
            for yaw in YAWS
        ]

    def mean(self, sign: AlteredSign, model: Model) -> tuple[Rate, Rate, Rate]:
        """Look from anywhere that the sign's roadside allows: goal reached, sign lost, clean sign read."""
        return self._rates(sign, model, sign.roadside)

    def drive(self, sign: AlteredSign, model: Model, drive: Drive) -> list[Passing]:
        """Drive towards it before every background: light and weather stay as they are during a drive."""
        found = []
        for frame in drive.seen(sign.roadside):
            hit, _, clean = self._rates(sign, model, frame.roadside)
            found.append(Passing(frame.metres, frame.pixels, frame.yaw, hit.share, clean.share))
        return found

    def glances(self, sign: AlteredSign, model: Model) -> list[Glance]:
        """Show some views, each before a background of its own."""
        found = []
        for place, (pixels, yaw) in enumerate(_SHOWN):
            x = self.grounds.rows(slice(place, place + 1))
            view = replace(sign, roadside=sign.roadside.at(pixels, yaw)).bring(x, self.draws)
            view = view.holding(_filed(view.values))
            answer = model.answer(Batch(view.values.to(model.device), view.ids.to(model.device)))
            label = int(answer.labels[0])
            hit = bool(self.goal.reached(answer, torch.tensor([self.label], device=answer.labels.device))[0])
            picture = (view.values[0] * 255).round().byte().cpu().numpy()
            found.append(Glance(picture, f"{pixels} pixels, {yaw} degrees", self.called(label), hit))
        return found

    def called(self, label: int) -> str:
        """Name a class."""
        return self.names[label] if 0 <= label < len(self.names) else f"class {label}"

    def _rates(self, sign: AlteredSign, model: Model, roadside: Roadside) -> tuple[Rate, Rate, Rate]:
        at = replace(sign, roadside=roadside)
        parts = []
        for start in range(0, len(self.grounds), _BATCH):
            x = self.grounds.rows(slice(start, start + _BATCH))
            hit, lost = self._asked(model, at.bring(x, self.draws))
            parts.append(torch.stack([hit, lost, ~self._asked(model, at.clean(x, self.draws))[1]]))
        first, second, third = (rate(one.unsqueeze(1).numpy()) for one in torch.cat(parts, dim=1))
        return first, second, third

    def _asked(self, model: Model, views: Batch) -> tuple[Tensor, Tensor]:
        """Ask about views in a pass of one shape: whether the goal is reached, and the sign lost, (n,) bool each."""
        padded = views.holding(_filed(views.values)).padded(_BATCH)
        answer = model.answer(Batch(padded.values.to(model.device), padded.ids.to(model.device)))
        answer = answer.rows(slice(len(views)))
        y = torch.full((len(views),), self.label, device=answer.labels.device)
        return self.goal.reached(answer, y).cpu(), Misclassify().reached(answer, y).cpu()


def _filed(values: Tensor) -> Tensor:
    """Round pictures to 8 bits, as a file would."""
    return (values * 255).round().clamp(0, 255) / 255
