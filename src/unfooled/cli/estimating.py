"""`unfooled estimate`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import options as o
from .auditing import shared
from .terminal import on_stdout, print_json

if TYPE_CHECKING:
    from .settings import Settings


def estimate(
    model: o.Model = None,
    data: o.Data = None,
    *,
    threat: o.Threat = None,
    suite: o.Suite = None,
    surrogate: o.Surrogate = None,
    starts: o.Starts = None,
    goal: o.Goal = None,
    access: o.Access = None,
    budget: o.Budget = None,
    weights: o.Weights = None,
    mean: o.Mean = None,
    std: o.Std = None,
    size: o.Size = None,
    crop: o.Crop = None,
    classes: o.Classes = None,
    defence: o.Defence = None,
    limit: o.Limit = None,
    shard: o.Shard = None,
    batch: o.Batch = None,
    seed: o.Seed = None,
    device: o.Device = None,
    prepare: o.Prepare = None,
    diagnosis: o.Diagnosis = None,
    knowledge: o.Knowledge = None,
    threads: o.Threads = None,
    config: o.Config = None,
    json: o.Json = False,
) -> None:
    """Tell what an audit would cost at most on this machine, and how many examples a figure needs."""
    from .settings import settings_from  # noqa: PLC0415  heavy

    estimated(settings_from(locals()), json=json)


def estimated(settings: Settings, *, json: bool) -> None:
    """Print what an audit would cost."""
    from unfooled.auditing.estimate import estimate as worst_case  # noqa: PLC0415  heavy
    from unfooled.auditing.planned import planned  # noqa: PLC0415

    from . import costs  # noqa: PLC0415
    from .subject import load_subject  # noqa: PLC0415

    found = worst_case(planned(*load_subject(settings), settings.threats, settings.attacks, **shared(settings)))
    if json:
        print_json(costs.as_json(found))
    else:
        costs.write(on_stdout(), found)
