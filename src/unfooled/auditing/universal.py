"""Learn one change from some pictures or recordings, and judge it on others by an ordinary audit."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any, cast

import numpy as np
import torch

from unfooled.attacks.apply import Apply
from unfooled.core.attack import Attack
from unfooled.core.batch import Batch
from unfooled.core.errors import InputError
from unfooled.core.names import BY
from unfooled.core.results import Results
from unfooled.core.seeds import Draws
from unfooled.core.target import Access, Model, Target
from unfooled.core.threat import Ball, Goal, ThreatModel
from unfooled.core.writing import aimed
from unfooled.crafting.delta import Delta, Within, corner
from unfooled.crafting.keeping import shown
from unfooled.crafting.universal import Universal
from unfooled.modalities.carriers import Png
from unfooled.modalities.wav import LEVELS, Wav16
from unfooled.models.black_box import check_grant
from unfooled.models.classifier import wrap
from unfooled.sets.masked import Masked
from unfooled.sets.stretches import First

from .apart import check_apart
from .engine import audit
from .examples import Examples, read_examples
from .hearing import ears_of, in_words
from .keys import digest
from .stages import Stage
from .threats import read_threats


def universal(
    model: object,
    data: Any,
    learn: Sequence[np.ndarray],
    threat: str | ThreatModel,
    *,
    fewer: Sequence[int] = (),
    batch: int = 16,
    seed: int = 0,
    device: str | torch.device | None = None,
    keep: str = "broken",
    note: dict[str, Any] | None = None,
    **settings: Any,
) -> tuple[Results, Delta]:
    """Learn one change that leads a model to the threat's goal, and find out about whom else it fools.

    What to learn from needs no labels: what the model answers to it is what it shall no longer answer.

    Args:
        model: As in `audit`; gradients are needed.
        data: As in `audit`: the change is judged here.
        learn: Pictures (c, h, w) uint8 of one shape, or recordings (t,) in [-1, 1] at the model's rate.
        threat: A ball of Linf or L2 with a radius, such as `linf:10/255`, or `mute linf:0.02@first:0.64s` for a prefix.
        fewer: Numbers of pictures or recordings from which to learn and be judged as well.
        batch: As in `audit`, for judging; `Universal.batch` is the one for learning.
        seed: Of all randomness.
        device: As in `audit`.
        keep: As in `audit`.
        note: As in `audit`.
        settings: Fields of `Universal` to change.

    Returns:
        The audit, with what was learned under `run["crafted"]`, and the change; one of recordings is what a file of
        16 bits holds.

    Raises:
        InputError: The threat holds no delta, or the pictures cannot be learned from, or are judged on too.
        AccessError: The model gives no gradients.
    """
    adapter = wrap(model)
    check_grant(adapter, Access.GRADIENT)
    examples = read_examples(data, classes=adapter.describe()["classes"], ears=ears_of(adapter))
    one, within = _held(threat, examples, adapter)
    _check_fewer(fewer, len(learn))
    place = adapter.device if device is None else torch.device(device)
    train = _learned_from(learn, examples, place)
    told: dict[str, Any] = {"batch": batch, "seed": seed, "device": place, "diagnose": False}

    def judged(name: str, delta: Delta, **more: Any) -> Results:
        return audit(adapter, examples, one, [Stage(name, cast(Attack[Ball], Apply(delta)))], **told, **more)

    # First, since an audit checks model, data and goal before hours go into learning.
    noise = _fallen(judged("noise", _by_lot(train, within, seed), keep="none"))
    make = partial(_crafted, Universal(within, **settings), adapter, one.goal, seed, examples=examples)
    delta = make(train)
    learned: dict[str, Any] = {
        "kind": delta.kind,
        "made": dict(delta.made),
        "picture": _picture(delta),
        "sound": _sound(delta, examples),
        "noise": noise,
        "fewer": [[few, _fallen(judged("universal", make(train.rows(slice(few))), keep="none"))] for few in fewer],
    }
    results = judged("universal", delta, keep=keep, note=note)
    return replace(results, run={**results.run, "crafted": {**learned, "fallen": _fallen(results)}}), delta


def _check_fewer(fewer: Sequence[int], given: int) -> None:
    if any(not 0 < count < given for count in fewer):
        raise InputError(f"Fewer than all {given} pictures are asked for", list(fewer), "Give 1 or more of them.")


def _by_lot(train: Batch, within: Within, seed: int) -> Delta:
    return corner(Delta(torch.zeros_like(train.values[0]), within, {}), Draws.of(seed, "noise"))


def _held(threat: str | ThreatModel, examples: Examples, model: Model) -> tuple[ThreatModel, Within]:
    """Read the one threat and the ball that is to hold the change."""
    (one, *more) = read_threats(threat, examples.carrier, domain=examples.domain)
    if more or not isinstance(one.within, Within):
        raise InputError("One change is held by one ball of linf or l2", str(threat), "Write linf:10/255 or l2:8.")
    if one.within.radius == float("inf"):
        raise InputError("A universal change needs a limit", str(threat), "Give a radius: linf:10/255.")
    if one.access < Access.GRADIENT:
        do = f"Leave `{BY.strip()}` out, or bring a change that was learned elsewhere: --suite apply:FOLDER."
        raise InputError("The change is learned by gradients, of which this attacker sees none", str(threat), do)
    (worded,) = in_words((one,), model, examples)
    return worded, one.within


def _learned_from(learn: Sequence[np.ndarray], examples: Examples, place: torch.device) -> Batch:
    if isinstance(examples.carrier, Wav16):
        return _recordings(learn, examples, place)
    check_apart(learn, examples)
    values = np.stack(learn)
    if values.dtype != np.uint8 or values.ndim != 4:
        raise InputError("Pictures of 8 bits are learned from", f"{values.dtype} {values.shape}", "Give (n, c, h, w).")
    if not isinstance(examples.carrier, Png):
        raise InputError(
            "One change is judged on pictures of integers", f"data in {examples.carrier}", "Give them as uint8."
        )
    ids = torch.tensor([int(digest(one, 0), 16) >> 1 for one in values], device=place)
    return Batch(torch.from_numpy(values).to(place).float() / 255, ids)


def _recordings(learn: Sequence[np.ndarray], examples: Examples, place: torch.device) -> Batch:
    """Stand recordings over one another, padded with silence."""
    held = read_examples((list(learn), np.zeros(len(learn), np.int64)), carrier=examples.carrier)
    stored = [held.stored(i) for i in range(len(held))]
    check_apart(stored, examples)
    lengths = torch.tensor([len(one) for one in stored], device=place)
    values = torch.zeros(len(stored), int(lengths.max()))
    for row, one in zip(values, stored, strict=True):
        row[: len(one)] = torch.from_numpy(examples.carrier.unpack(one))
    return Batch(values.to(place), held.ids.to(place), lengths)


def _crafted(crafter: Universal, model: Model, goal: Goal, seed: int, train: Batch, *, examples: Examples) -> Delta:
    """Learn to lead the model away from what it answers now, or to the goal's class or phrase."""
    asked: dict[str, Any] = {"n": len(train), "batch": crafter.batch, "seed": seed, "device": train.ids.device}
    y = Target(model, Access.DECISION, **asked).answer(train, torch.arange(len(train), device=train.ids.device)).labels
    own, led = aimed(goal, model, train, y)
    target = Target(model if led is None else led, Access.GRADIENT, **asked)
    delta = crafter([target], train, y, own, Draws.of(seed, "universal", repr(crafter), goal.name))
    return _in_a_file(delta, examples)


def _in_a_file(delta: Delta, examples: Examples) -> Delta:
    """Round a change of recordings to what a file of 16 bits holds, towards zero, and cut a prefix to its length."""
    carrier = examples.carrier
    if not isinstance(carrier, Wav16):
        return delta
    held, within = delta.values, delta.within
    if isinstance(within, Masked) and isinstance(within.region, First):
        held = held[: within.region.samples]
    return Delta((held * LEVELS).trunc() / LEVELS, within, {**delta.made, "rate": carrier.rate})


def _fallen(results: Results) -> list[int]:
    """Count those read rightly that fell, and all that were read rightly."""
    (threat,) = results.threats
    found = results[threat]
    right = found.column("clean_correct")
    return [int((right & found.broken).sum()), int(right.sum())]


def _picture(delta: Delta) -> str | None:
    png = shown(delta.values)
    return None if png is None else base64.b64encode(png).decode("ascii")


def _sound(delta: Delta, examples: Examples) -> dict[str, Any] | None:
    carrier = examples.carrier
    if not isinstance(carrier, Wav16):
        return None
    stored = carrier.pack(delta.values.cpu().numpy()).astype("<i2")
    return {"rate": carrier.rate, "samples": base64.b64encode(stored.tobytes()).decode("ascii")}
