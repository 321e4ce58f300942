"""Which examples are learnt from, which choose among checkpoints, and which are audited."""

from __future__ import annotations

import hashlib
from typing import NamedTuple

import torch

from unfooled.auditing.examples import Examples
from unfooled.core.errors import InputError
from unfooled.defences.training.schedule import Pupils

AUDITED, HELD, MOST_HELD = 0.2, 0.1, 500
"""Shares of the examples that are kept for audits and for validation, and how many of the latter there are at most."""


class Parts(NamedTuple):
    """Examples in three parts, none of which shares a picture with another.

    Attributes:
        train: What is learnt from.
        held: What chooses among checkpoints.
        audited: What is audited.
    """

    train: Pupils
    held: Pupils
    audited: Examples


def parted(examples: Examples, seed: int, most: int, device: torch.device) -> Parts:
    """Part examples by the seed and their contents: the same ones in any order, and repeats into one part.

    Args:
        examples: Pictures of one shape.
        seed: Of the parting.
        most: How many are audited at most.
        device: Where training will run.

    Raises:
        InputError: Pictures have several shapes, or there are too few to part.
    """
    if len(set(examples.shapes)) > 1 or len(examples.shapes[0]) != 3:
        shapes = ", ".join(map(str, sorted(set(examples.shapes))[:4]))
        raise InputError("Training takes pictures of one shape", shapes, "Resize them, or leave the odd ones out.")
    lots = [_lot(seed, number) for number in examples.ids.tolist()]
    order = sorted(range(len(lots)), key=lots.__getitem__)
    audited = [i for i in order if lots[i] < AUDITED][:most]
    beyond = [i for i in range(len(lots)) if lots[i] >= AUDITED]
    held = [i for i in order if AUDITED <= lots[i] < AUDITED + HELD][:MOST_HELD]
    kept = set(held)
    train = [i for i in beyond if i not in kept]
    if not (audited and held and train):
        raise InputError("There are too few examples to train and to audit", len(examples), "Bring a hundred or more.")
    return Parts(_pupils(examples, train, device), _pupils(examples, held, device), examples.subset(sorted(audited)))


def _lot(seed: int, number: int) -> float:
    """Draw from [0, 1) by contents."""
    digest = hashlib.sha256(f"{seed} parted {number}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64


def _pupils(examples: Examples, index: list[int], device: torch.device) -> Pupils:
    return Pupils(examples.batch(index, device), examples.y[index].to(device))
