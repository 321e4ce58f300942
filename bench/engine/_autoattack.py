"""What official AutoAttack (pyautoattack 0.2.0, version standard) leaves of a net, and what it pays: run once, kept.

From a script elsewhere in `bench/`: `from engine._autoattack import reference`. By hand, in the peers' environment:
`python bench/engine/_autoattack.py mnist_at linf 0.3 300`. The answers lie in `bench/data/autoattack/`.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import logging
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

sys.path.insert(0, str(Path(__file__).parents[1]))
from distances._models import HOME
from engine._nets import net, points
from peers._env import enter
from peers._measure import Counted, looked_at

BATCH = 500
NORMS = {"linf": "Linf", "l2": "L2", "l1": "L1"}


@dataclass(frozen=True)
class Reference:
    """What one run of AutoAttack found.

    Attributes:
        net: Its name; `weights` the hash of its weights.
        radius: Of the ball in `norm`.
        clean: One digit an example: 1 where the net is right, and `robust` likewise where AutoAttack leaves it right.
        forwards: Rows asked in all, and `backwards` likewise.
        seconds: CPU seconds in all, on one thread.
        stages: What was paid, and which share was still right, after each of its attacks.
        warnings: What AutoAttack itself says against its answer.
    """

    net: str
    weights: str
    norm: str
    radius: float
    seed: int
    first: int
    clean: str
    robust: str
    forwards: int
    backwards: int
    seconds: float
    stages: list[dict[str, Any]]
    warnings: list[str]

    @property
    def flags(self) -> Tensor:
        """Which examples AutoAttack leaves right, (n,) bool."""
        return torch.tensor([digit == "1" for digit in self.robust])

    @property
    def passes(self) -> float:
        """Rows forward and backward an example, those that the net misreads included."""
        return (self.forwards + self.backwards) / len(self.robust)


def reference(name: str, norm: str, radius: float, n: int, *, first: int = 0, seed: int = 0) -> Reference:
    """Look up, or find out, what AutoAttack leaves of a net on its test pictures first, ..., first + n - 1."""
    judged = net(name)
    path = HOME / "autoattack" / f"{name}-{norm}-{radius:g}-{first}-{n}-{seed}.json"
    if path.is_file():
        kept = Reference(**json.loads(path.read_text(encoding="utf-8")))
        if kept.weights == digest(judged):
            return kept
    x, y = points(name, first + n)
    outcome = measured(judged, x[first:], y[first:], norm, radius, seed=seed)
    found = Reference(name, digest(judged), norm, radius, seed, first, **outcome)
    path.parent.mkdir(exist_ok=True)
    path.with_suffix(".new").write_text(json.dumps(asdict(found), indent=1) + "\n", encoding="utf-8")
    path.with_suffix(".new").rename(path)
    return found


def digest(net: nn.Module) -> str:
    """Name the weights of a net by their hash."""
    values = b"".join(value.numpy().tobytes() for value in net.state_dict().values())
    return hashlib.sha256(values).hexdigest()[:16]


def measured(net: nn.Module, x: Tensor, y: Tensor, norm: str, radius: float, *, seed: int) -> dict[str, Any]:
    """Run AutoAttack once, counting; what it breaks is asked again, in one batch and alone."""
    from pyautoattack import AutoAttack  # in the peers' environment alone

    counted = Counted(net)
    diary = Diary(counted)
    log = logging.getLogger("auto-attack")
    log.addHandler(diary)
    log.setLevel(logging.DEBUG)
    attack = AutoAttack(counted, norm=NORMS[norm], eps=radius, seed=seed, version="standard", device="cpu")
    began = time.process_time()
    x_adv, _ = attack.run_standard_evaluation(x, y, batch_size=BATCH)
    seconds = time.process_time() - began
    log.removeHandler(diary)
    with torch.no_grad():
        clean = net(x).argmax(dim=1) == y
    _, distance = looked_at(net, x, y, x_adv, norm)
    return {
        "clean": digits(clean),
        "robust": digits(distance > radius * (1 + 1e-5)),
        "forwards": counted.forwards,
        "backwards": counted.backwards,
        "seconds": seconds,
        "stages": diary.stages,
        "warnings": diary.warnings,
    }


def digits(flags: Tensor) -> str:
    """Write flags (n,) as digits."""
    return "".join(str(int(flag)) for flag in flags)


class Diary(logging.Handler):
    """Keeps what AutoAttack logs: its warnings, and after each of its attacks the bill so far."""

    def __init__(self, counted: Counted) -> None:
        super().__init__()
        self.counted, self.began = counted, time.process_time()
        self.stages: list[dict[str, Any]] = []
        self.warnings: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage()
        if record.levelno >= logging.WARNING:
            self.warnings.append(text)
        elif text.startswith("robust accuracy after"):
            paid = {"forwards": self.counted.forwards, "backwards": self.counted.backwards}
            seconds = time.process_time() - self.began
            self.stages.append({"after": text.removeprefix("robust accuracy after "), "seconds": seconds, **paid})
            print(f"  {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    enter()
    torch.set_num_threads(1)
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for argument, kind in (("net", str), ("norm", str), ("radius", float), ("n", int)):
        parser.add_argument(argument, type=kind)
    for option in ("--first", "--seed"):
        parser.add_argument(option, type=int, default=0)
    asked = parser.parse_args()
    told = reference(asked.net, asked.norm, asked.radius, asked.n, first=asked.first, seed=asked.seed)
    print(
        f"{told.net} {told.norm} {told.radius:g}, {len(told.robust)} points from {told.first}: "
        f"clean {told.clean.count('1') / len(told.clean):.2%}, robust {told.flags.float().mean():.2%}, "
        f"{told.passes:.0f} passes an example ({told.backwards / len(told.robust):.0f} of them backwards), "
        f"{told.seconds:.0f} CPU s",
        *told.warnings,
        sep="\n  ",
        flush=True,
    )
