"""Objects in photographs: where they are, what a detector reports of them, and stickers laid by them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import interpolate

from unfooled.auditing.examples import Examples
from unfooled.core.answer import SOMETHING
from unfooled.core.batch import Batch
from unfooled.core.errors import InputError
from unfooled.core.seeds import Draws
from unfooled.crafting.sticker import Sticker
from unfooled.models.detector import Detector
from unfooled.scenes.camera import Camera
from unfooled.scenes.surroundings import REACH, Surroundings
from unfooled.zoo.boxes import overlaps

from .photographs import Lesson

FOUND = 0.5
"""Overlap, as intersection over union, from which a report counts as one of an object."""

_NEXT = -7046029254386353131  # 2^64 over the golden ratio, as a signed number: tells the objects of a photograph apart


class Objects(NamedTuple):
    """Photographs and their objects.

    Attributes:
        examples: The photographs.
        boxes: Where the objects of each are, (k, 4).
    """

    examples: Examples
    boxes: tuple[Tensor, ...]

    @property
    def number(self) -> int:
        """How many objects there are."""
        return sum(map(len, self.boxes))


def objects_in(
    detector: Detector, examples: Examples, given: Mapping[str, Sequence[Sequence[float]]] | None
) -> Objects:
    """Find the objects of photographs: as they are given by file name, or what the detector reports.

    Raises:
        InputError: There is none, a photograph is not among those given, or what is given are no boxes.
    """
    boxes = []
    for i in range(len(examples)):
        if given is None:
            boxes.append(detector.answer(examples.batch([i], detector.device)).reported(0).cpu())
        elif examples.names[i] in given:
            boxes.append(_boxes(given[examples.names[i]], examples.names[i]))
        else:
            do = "Give its boxes, or an empty list where it holds none."
            raise InputError("Nobody says where this photograph's objects are", examples.names[i], do)
    keep = [i for i, found in enumerate(boxes) if len(found)]
    if not keep:
        do = "Give photographs in which it finds something, or a lower threshold."
        raise InputError(f"The detector finds no {detector.thing} in these photographs", f"{len(examples)} of them", do)
    return Objects(examples.subset(keep), tuple(boxes[i] for i in keep))


def _boxes(given: Sequence[Sequence[float]], name: str) -> Tensor:
    for box in given:
        if len(box) != 4 or not (box[0] < box[2] and box[1] < box[3]):
            do = "Give left, upper, right and lower edge in pixels."
            raise InputError("This is not the box of an object", f"{list(box)} in {name}", do)
    return torch.tensor(given, dtype=torch.float32).view(-1, 4)


def lesson_around(detector: Detector, known: Objects, side: int) -> Lesson:
    """Cut out the surroundings of every object, and keep those in which the detector still finds something.

    Raises:
        InputError: It finds nothing in any.
    """
    crops, ids = [], []
    for i, boxes in enumerate(known.boxes):
        x = known.examples.batch([i])
        for k, box in enumerate(boxes):
            crop = Surroundings.of(box).cut(x.values[0]).unsqueeze(0)
            small = interpolate(crop, (side, side), mode="bilinear", align_corners=False, antialias=True)
            crops.append(small.clamp(0, 1))
            ids.append(_named(x.ids, k))
    x = Batch(torch.cat(crops), torch.cat(ids))
    each = (x.rows(slice(k, k + 1)) for k in range(len(x)))
    answers = torch.cat([detector.answer(Batch(one.values.to(detector.device), one.ids)).labels.cpu() for one in each])
    found = (answers == SOMETHING).nonzero().flatten()
    if not len(found):
        do = f"Learn from larger pictures than {side} x {side}."
        raise InputError(f"The detector finds no {detector.thing} in what it is to learn from", f"{len(x)} crops", do)
    return Lesson(x.rows(found), answers[found], ((side, side),))


@dataclass(frozen=True)
class Beside:
    """How stickers are laid by objects and looked at.

    Attributes:
        detector: Who looks.
        known: The photographs and their objects.
        camera: What the camera does to each picture.
        draws: Of places, angles and light.
    """

    detector: Detector
    known: Objects
    camera: Camera
    draws: Draws

    def laid(self, i: int, sticker: Sticker | None, placement: int) -> Batch:
        """Lay a sticker by every object of a photograph, as a file of 8 bits holds it; None leaves it as it is."""
        x = self.known.examples.batch([i])
        if sticker is None:
            return x
        photo = x.values[0]
        for k, box in enumerate(self.known.boxes[i]):
            place = Surroundings.of(box)
            crop = Batch(place.cut(photo).unsqueeze(0), _named(x.ids, k))
            photo = place.put(sticker.bring(crop, self.draws, placement).values[0], photo)
        shown = self.camera.shot(x.holding(photo.unsqueeze(0)), self.draws, placement)
        return x.holding((shown * 255).round().clamp(0, 255) / 255)

    def reported(self, x: Batch) -> Tensor:
        """Give the boxes that the detector reports in one picture, (k, 4)."""
        return self.detector.answer(Batch(x.values.to(self.detector.device), x.ids)).reported(0).cpu()

    def seen(self, i: int, x: Batch) -> tuple[Tensor, Tensor]:
        """Tell what is reported in a picture of photograph i, and which of its objects are among that, (k,) bool."""
        told, boxes = self.reported(x), self.known.boxes[i]
        near = overlaps(boxes, told) >= FOUND
        return told, near.any(dim=1)

    def table(self, sticker: Sticker | None, placements: int) -> np.ndarray:
        """Tell for each object and placement whether it is reported, (objects, placements) bool."""
        rows = [
            torch.stack([self.seen(i, self.laid(i, sticker, k))[1] for k in range(placements)], dim=1)
            for i in range(len(self.known.boxes))
        ]
        table: np.ndarray = torch.cat(rows).numpy()
        return table


def _named(ids: Tensor, k: int) -> Tensor:
    """Name the k-th object of a photograph by the photograph's name (1,): sums of whole numbers wrap around."""
    return ids + _NEXT * torch.tensor([k])


def share_around(area: float) -> float:
    """Turn a share of the square that holds an object into one of its surroundings."""
    return area / REACH**2
