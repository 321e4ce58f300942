"""Beside the peers, in one process and on one thread: `make bench` writes `bench/results/peers.md` and `peers.json`.

Every attack runs once with a counter on the net, and in rotated rounds without; every success of every library is
asked again by us, in one batch and alone.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from distances import l0, l1, l2, linf
from distances._models import data, models
from distances.pgd import RADIUS, STEP, STEPS, bare, leaning
from peers._env import enter
from show import machine
from torch import Tensor, nn

if TYPE_CHECKING:
    from peers._measure import Run

RESULTS = Path(__file__).parent / "results"
ROUNDS, LONG = 3, 30.0  # an attack that takes longer, in seconds, runs once
NORMS = {
    "l2": (l2, ("mnist_clean", "mnist_l2")),
    "linf": (linf, ("mnist_clean", "mnist_at")),
    "l1": (l1, ("mnist_clean", "mnist_l2")),
    "l0": (l0, ("mnist_clean", "mnist_l2")),
}


class Section(NamedTuple):
    """One table: the same question to everybody."""

    title: str
    norm: str
    net: nn.Module
    x: Tensor
    y: Tensor
    runs: dict[str, Run]
    radius: float | None = None  # None asks for the median distance


def sections() -> Iterator[Section]:
    """Pose the questions."""
    from peers._libraries import ours, peers, pgd
    from peers._measure import right

    loops = {"the bare loop": bare, **pgd(RADIUS, STEP, STEPS)}
    wide, y = leaning(models("resnet8")["resnet8"]), torch.zeros(256, dtype=torch.int64)
    noise = torch.rand(256, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    yield Section(f"PGD-{STEPS} on ResNet-8, where nothing falls", "linf", wide, noise, y, loops, RADIUS)
    for name in ("mnist_clean", "mnist_at"):
        net = models(name)[name]
        yield Section(f"PGD-{STEPS} on {name}", "linf", net, *right(net, *data(1024), 256), loops, RADIUS)
    for norm, (script, names) in NORMS.items():
        for name in names:
            net = models(name)[name]
            x, y = right(net, *data(1024), 100)
            mine = {f"unfooled {bar.attack} {bar.steps}": ours(bar.attack, norm, **bar.settings) for bar in script.BARS}
            yield Section(f"Smallest change in {norm} on {name}", norm, net, x, y, {**mine, **peers(norm, slow=True)})


def rows(section: Section) -> list[dict[str, Any]]:
    """Measure one section."""
    from peers._measure import measured, rounds

    _, norm, net, x, y, runs, radius = section
    found = {}
    for name, run in runs.items():
        found[name] = measured(run, net, x, y, norm)
        print(f"  {name}: {found[name].seconds * len(x):.1f} s", file=sys.stderr, flush=True)
    quick = {name: run for name, run in runs.items() if found[name].seconds * len(x) < LONG}
    taken = rounds(quick, net, x, y, ROUNDS)
    return [
        {
            "attack": name,
            "cpu_ms": 1000 * min(taken.get(name, [outcome.seconds])),
            "forwards": outcome.forwards,
            "backwards": outcome.backwards,
            "fooled": float(outcome.fooled.double().mean()),
            "held": float(outcome.held.double().mean()),
            "median": outcome.median if outcome.median < torch.inf else None,
            "litter": outcome.litter,
            "accuracy": None if radius is None else float((outcome.distance > radius + 1e-6).double().mean()),
        }
        for name, outcome in found.items()
    ]


def table(title: str, found: list[dict[str, Any]]) -> str:
    """Lay a section out in Markdown."""
    last = "median" if found[0]["accuracy"] is None else "accuracy"
    lines = [
        f"## {title}",
        "",
        f"| attack | CPU ms | forwards | backwards | litter | fooled | held | {last} |",
        "|---|---:|---:|---:|---|---:|---:|---:|",
    ]
    for row in sorted(found, key=lambda row: row[last] if row[last] is not None else torch.inf):
        figure = "-" if row[last] is None else f"{row[last]:.4g}" if last == "median" else f"{row[last]:.1%}"
        lines.append(
            f"| {row['attack']} | {row['cpu_ms']:.1f} | {row['forwards']:.0f} | {row['backwards']:.0f} "
            f"| {'yes' if row['litter'] else 'no'} | {row['fooled']:.0%} | {row['held']:.0%} | {figure} |"
        )
    return "\n".join(lines)


def main() -> None:
    enter()
    torch.set_num_threads(1)
    found = {}
    for section in sections():
        print(section.title, file=sys.stderr, flush=True)
        found[section.title] = rows(section)
    date = datetime.now(UTC).isoformat(timespec="seconds")
    kept = {"command": "make bench", "date": date, "machine": machine(), "sections": found}
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "peers.json").write_text(json.dumps(kept, indent=2) + "\n", encoding="utf-8")
    head = (
        f"# Beside the peers\n\n`make bench`, {date}, {machine()['cpu']}, one thread. An example's share of each: CPU "
        "milliseconds, rows asked\nforwards and backwards; litter: gradients left in the user's weights; the share "
        "fooled in one batch, and held in one\nbatch and alone. Settings are defaults unless a name says more.\n\n"
    )
    text = head + "\n\n".join(table(title, rows) for title, rows in found.items()) + "\n"
    (RESULTS / "peers.md").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
