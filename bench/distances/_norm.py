"""What the scripts of the four norms share: ours at a given number of gradient steps, every peer at its defaults."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, NamedTuple

import torch
from distances._models import data, models
from promise import promise

if TYPE_CHECKING:
    from peers._measure import Outcome

ROWS = 100


class Bar(NamedTuple):
    """One promise: an attack of ours with settings, its most gradient steps, and the peers that it must match."""

    attack: str
    settings: dict[str, object]
    steps: int
    peers: tuple[str, ...] = ()  # none: the best of all
    slack: float = 0.0


def compared(norm: str, nets: tuple[str, ...], bars: list[Bar]) -> None:
    """Run all on each net, on examples that it reads right, and say how each bar was met."""
    from peers._libraries import ours, peers
    from peers._measure import measured, right

    torch.set_num_threads(1)
    for name, net in models(*nets).items():
        x, y = right(net, *data(1024), ROWS)
        theirs: dict[str, Outcome] = {}
        for peer, run in peers(norm).items():
            if any(not bar.peers or peer in bar.peers for bar in bars):
                theirs[peer] = measured(run, net, x, y, norm)
                print(name, told(peer, theirs[peer]), file=sys.stderr, flush=True)
        for bar in bars:
            mine = measured(ours(bar.attack, norm, **bar.settings), net, x, y, norm)
            against = {peer: theirs[peer] for peer in bar.peers or theirs}
            say(norm, name, bar, mine, against)


def say(norm: str, net: str, bar: Bar, mine: Outcome, theirs: dict[str, Outcome]) -> None:
    """Say how ours stands beside the best of theirs, and whether all our successes hold."""
    best = min(outcome.median for outcome in theirs.values())
    listed = sorted(theirs.items(), key=lambda pair: pair[1].median)
    goal = f"<= {100 * (1 + bar.slack):.0f} % of " + (" and ".join(bar.peers) if bar.peers else "the best peer's")
    promise(
        f"{norm} on {net}, {ROWS} examples: median of {bar.attack} at {mine.backwards:.0f} gradient steps an example",
        "; ".join([told("ours", mine), *(told(peer, outcome) for peer, outcome in listed)]),
        f"{goal}, at <= {bar.steps} gradient steps",
        mine.median <= best * (1 + bar.slack) and mine.backwards <= bar.steps,
    )
    promise(
        f"{norm} on {net}: successes of {bar.attack} that hold, asked again in one batch and alone",
        f"{int(mine.held.sum())} of {ROWS}",
        "all",
        bool(mine.held.all()),
    )


def told(name: str, outcome: Outcome) -> str:
    """Put an outcome into words."""
    return f"{name} {outcome.median:.4g} ({outcome.held.float().mean():.0%} held, {outcome.backwards:.0f} steps)"
