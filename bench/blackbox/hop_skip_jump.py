"""HopSkipJump: median distance at equal queries and number of model calls, beside foolbox's and ART's.

SurFree's and GeoDA's at as many queries are printed too.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).parents[1]))
from distances._models import data, models
from peers._env import enter
from promise import promise

if TYPE_CHECKING:
    from torch import Tensor, nn

ROWS = 64
STEPS = 15


def called(run: Any, net: nn.Module, x: Tensor, y: Tensor, norm: str) -> tuple[Any, int]:
    """Run an attack: what it is worth, and how many passes of any size it made."""
    from peers._measure import measured

    calls = 0

    def count(*_: object) -> None:
        nonlocal calls
        calls += 1

    hook = net.register_forward_hook(count)
    outcome = measured(run, net, x, y, norm)
    hook.remove()
    return outcome, calls - len(x) - 1  # measured() itself asks once in one batch and once alone


def compared(norm: str) -> None:
    """Run the peers as they come, then ours with the queries of the one that came nearest."""
    from art.attacks.evasion import HopSkipJump
    from foolbox.attacks import HopSkipJumpAttack
    from peers._libraries import by_art, by_foolbox, ours
    from peers._measure import right

    net = models("mnist_clean")["mnist_clean"]
    x, y = right(net, *data(1024), ROWS)
    order = {"l2": 2, "linf": "inf"}[norm]
    peers = {
        "ART": as_float32(by_art(HopSkipJump, norm=order, max_iter=STEPS, max_eval=10_000)),
        "foolbox": by_foolbox(HopSkipJumpAttack(steps=STEPS, constraint=norm)),
    }
    theirs = {}
    for name, run in peers.items():
        theirs[name] = called(run, net, x, y, norm)
        print(norm, name, told(theirs[name]), file=sys.stderr, flush=True)
    best = min(theirs, key=lambda name: theirs[name][0].median)
    peer, calls = theirs[best]
    mine = called(ours("hop-skip-jump", norm, queries=int(peer.forwards)), net, x, y, norm)
    promise(
        f"HopSkipJump in {norm} on mnist_clean, {ROWS} examples: median distance at no more queries than the best peer",
        "; ".join([f"ours {told(mine)}", *(f"{name} {told(one)}" for name, one in theirs.items())]),
        f"<= {best}'s, in <= 1/20 of its model calls, every success held",
        mine[0].median <= peer.median and 20 * mine[1] <= calls and bool(mine[0].held.all()),
    )
    for name in ("surfree", "geoda"):
        also = called(ours(name, norm, queries=int(peer.forwards)), net, x, y, norm)
        print(norm, name, told(also), file=sys.stderr, flush=True)


def as_float32(run: Any) -> Any:
    """Let ART ask in float32: with NumPy 2 it sends the model float64."""
    import torch

    def mended(net: nn.Module, x: Tensor, y: Tensor) -> Tensor:
        class Narrow(torch.nn.Module):
            def forward(self, x: Tensor) -> Tensor:
                scores: Tensor = net(x.float())
                return scores

        found: Tensor = run(Narrow().eval(), x, y)
        return found.float()

    return mended


def told(found: tuple[Any, int]) -> str:
    """Put into words what was found and what it cost."""
    outcome, calls = found
    held = f"{outcome.held.float().mean():.0%} held"
    return f"{outcome.median:.4g} ({held}, {outcome.forwards:.0f} queries an example, {calls} calls)"


if __name__ == "__main__":
    enter()
    import torch

    torch.set_num_threads(1)
    for norm in sys.argv[1:] or ("l2", "linf"):
        compared(norm)
