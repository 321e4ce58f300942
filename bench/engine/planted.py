"""Thirteen defences that hide gradients, planted in sound nets: named with the right cause, and undone by the audit.

The causes were written down in `_causes.py` before any diagnosis ran. Thresholds were set by looking at seven families
in one net, with the first of their two settings; the other six, and all thirteen in another net with their second
settings, judge them. A defence is undone if the robust accuracy found is at most three points above that of the net
without it. To see some alone, in `bench/`: `python engine/planted.py mnist_at quantisation jpeg`.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import NamedTuple

import torch

sys.path.insert(0, str(Path(__file__).parents[1]))
from engine._causes import CAUSES
from engine._nets import NETS, examples, net, points
from engine._planted import PLANTS, planted, twin
from promise import promise
from torch import Tensor, nn

import unfooled
from unfooled.diagnose import Diagnosis, diagnose

CALIBRATED = ("quantisation", "dropout", "k-wta", "temperature", "detached", "batch-norm", "ensemble")
RADIUS = {"mnist_at": 0.27, "fm_at": 0.1, "signs_at": 8 / 255}
POINTS, CLOSE = 200, 0.03


class Trial(NamedTuple):
    """What came of one family.

    Attributes:
        family: Its name.
        verdict: Of the diagnosis, and the causes that it named.
        right: Whether the right cause is among them.
        found: Robust accuracy as the suite alone left it, and after the remedies.
        above: By how much the latter is above that of the net without the defence.
        sound: Whether the twin raised no hard alarm.
    """

    family: str
    verdict: str
    right: bool
    found: tuple[float, float]
    above: float
    sound: bool


def judged(model: nn.Module, x: Tensor, y: Tensor, threat: str) -> tuple[float, float, Diagnosis]:
    """Audit a model: its robust accuracy before and after remedies, and what the diagnosis says."""
    results = unfooled.audit(model, (x, y), threat, "fast", batch=32, keep="none")
    found = diagnose(results)
    (name,) = results.threats
    remedies = {row["cure"]: row["fell"] for row in results.run["measurements"].get("remedies", ())}
    after = results[name].robust_accuracy
    return after + sum(remedies.values()) / len(x), after, found


def trials(name: str, families: tuple[str, ...], which: int) -> list[Trial]:
    """Plant families in a net, with one of their two settings."""
    base, threat = net(name), f"linf:{RADIUS[name]!r}"
    x_train, (x, y) = examples(NETS[name].source, "train", 1000)[0], points(name, POINTS)
    _, robust, _ = judged(base, x, y, threat)
    done = []
    for family in families:
        began, setting = time.perf_counter(), PLANTS[family].settings[which]
        before, after, found = judged(planted(family, base, x_train, setting), x, y, threat)
        _, _, of_twin = judged(twin(family, base, x_train, setting), x, y, threat)
        named = sorted({finding.cause for finding in found.findings} - {""})
        hard = [finding.check for finding in of_twin.findings if finding.severity in ("hard", "open")]
        trial = Trial(
            family, f"{found.verdict}: {', '.join(named)}", CAUSES[family] in named, (before, after), after - robust,
            not hard,
        )  # fmt: skip
        seconds = time.perf_counter() - began
        print(f"{name} {robust:.1%} {trial} {hard or ''} {seconds:.0f} s", file=sys.stderr, flush=True)
        done.append(trial)
    return done


def promised(line: str, done: list[Trial], right: int, undone: int) -> None:
    """Print what came of some families."""
    wrong = [trial.family for trial in done if not trial.right]
    open_ = [f"{trial.family} {100 * trial.above:+.1f}" for trial in done if trial.above > CLOSE]
    alarms = [trial.family for trial in done if not trial.sound]
    figure = (
        f"{len(done) - len(wrong)} named rightly{f' (not {chr(44).join(wrong)})' if wrong else ''}; "
        f"{len(done) - len(open_)} undone{f' (not {chr(44).join(open_)})' if open_ else ''}; "
        f"{len(alarms)} hard alarms on twins{f' ({chr(44).join(alarms)})' if alarms else ''}"
    )
    goal = f">= {right} named with the right cause, >= {undone} within 3 points of the undefended net, no hard alarm"
    met = len(done) - len(wrong) >= right and len(done) - len(open_) >= undone and not alarms
    promise(f"Planted defences, {line}, {POINTS} points", figure, goal, met)


def main() -> None:
    torch.set_num_threads(1)
    if len(sys.argv) > 2:
        trials(sys.argv[1], tuple(sys.argv[2:]), 0)
        return
    held_out = tuple(family for family in PLANTS if family not in CALIBRATED)
    promised("7 families that thresholds were set by, mnist_at", trials("mnist_at", CALIBRATED, 0), 6, 5)
    promised("the other 6, mnist_at", trials("mnist_at", held_out, 0), 5, 4)
    promised("all 13 in another net with other settings, fm_at", trials("fm_at", tuple(PLANTS), 1), 11, 8)


if __name__ == "__main__":
    main()
