"""What is known to be true: planted boundaries, models that nobody can audit by gradients, and intervals."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

sys.path.insert(0, str(Path(__file__).parents[1]))
from engine._nets import NETS, net, points
from promise import promise

import unfooled
from unfooled.core.evidence import gathered
from unfooled.core.rates import clopper_pearson, mcnemar, most_missed
from unfooled.diagnose import diagnose

HONEST = ("fm_at", "fm_trades", "mlp_at", "mnist_at", "signs_at")
MARGIN = 3.0
"""From this gap between its two highest scores on, the detector takes an input."""


class Purifying(nn.Module):
    """Moves each picture by steps of its own towards what the net is sure of, and passes back one step alone."""

    def __init__(self, judged: nn.Module) -> None:
        super().__init__()
        self.judged = judged

    def forward(self, x: Tensor) -> Tensor:
        moved = x.detach().clone()
        for _ in range(5):
            with torch.enable_grad():
                here = moved.requires_grad_()
                unsure = -functional.log_softmax(self.judged(here), dim=1).amax(dim=1)
                (grad,) = torch.autograd.grad(unsure.sum(), here)
            moved = (moved - 0.03 * grad.sign()).clamp(0, 1).detach()
        return self.judged(x + (moved - x).detach())


class Detecting(nn.Module):
    """Gives no numbers for pictures of which the net is not sure."""

    def __init__(self, judged: nn.Module) -> None:
        super().__init__()
        self.judged = judged

    def forward(self, x: Tensor) -> Tensor:
        scores = self.judged(x)
        top = scores.topk(2, dim=1).values
        return torch.where((top[:, 0] - top[:, 1] < MARGIN).unsqueeze(1), torch.nan, scores)


def audited(judged: nn.Module, name: str, n: int) -> unfooled.Results:
    """Run the suite `standard` on the first n points that are rightly and surely read."""
    x, y = points(name, 4 * n)
    with torch.no_grad():
        scores = judged(x)
    taken = (scores.argmax(dim=1) == y) & scores.isfinite().all(dim=1)
    x, y = x[taken][:n], y[taken][:n]
    threat = f"{NETS[name].norm}:{NETS[name].radius!r}"
    return unfooled.audit(judged, (x, y), threat, "standard", batch=32, keep="none")


def boundaries() -> None:
    """Say how many planted boundaries the audit's attacks find on honest nets."""
    found = posed = noise = 0
    each = []
    for name in HONEST:
        (evidence,) = gathered(audited(net(name), name, 40).run)
        rows = {row.name: row for row in evidence.rows}
        one, chance = rows["planted boundaries that the attacks found"], rows["planted boundaries that noise found"]
        each.append(f"{name} {one.value:g} of {one.n}")
        found, posed, noise = found + one.value, posed + one.n, noise + chance.value
    promise(
        f"Planted boundaries that the suite standard finds, {len(HONEST)} honest nets",
        f"{found / posed:.1%} ({', '.join(each)}); noise {noise / posed:.1%}",
        ">= 95 %", found >= 0.95 * posed,
    )  # fmt: skip


def unknowable() -> None:
    """Say how the diagnosis ends where a model's gradients are not those of its answers."""
    judged = net("mnist_at")
    for what, model in (("a purification loop", Purifying(judged)), ("a detector that gives NaN", Detecting(judged))):
        verdict = diagnose(audited(model.eval(), "mnist_at", 40))
        named = ", ".join(finding.check for finding in verdict.findings) or ", ".join(verdict.gaps)
        promise(
            f"Diagnosis of mnist_at in {what}",
            f"{verdict.verdict}: {named}",
            "cannot say", verdict.verdict == "cannot say",
        )  # fmt: skip


def chances(n: int, p: float) -> Iterator[float]:
    """Give the chance of each number of hits out of n, exactly."""
    hits = torch.arange(n + 1, dtype=torch.float64)
    log = torch.distributions.Binomial(n, torch.tensor(p, dtype=torch.float64)).log_prob(hits)
    yield from log.exp().tolist()


def intervals() -> None:
    """Say how often intervals and tests keep their word, summed over all that can happen instead of drawn."""
    rates = [step / 50 for step in range(1, 50)]
    covered, held, alarms = 1.0, 1.0, 0.0
    for n in (10, 50, 200):
        intervals = [clopper_pearson(hits, n) for hits in range(n + 1)]
        bounds = [most_missed(n, hits) for hits in range(n + 1)]
        for p in rates:
            odds = list(chances(n, p))
            covered = min(
                covered, sum(odd for odd, (low, high) in zip(odds, intervals, strict=True) if low <= p <= high)
            )
            held = min(held, sum(odd for odd, bound in zip(odds, bounds, strict=True) if p <= bound))
    for n in range(1, 200):
        tests = (mcnemar(hits, n - hits) for hits in range(n + 1))
        alarms = max(alarms, sum(odd for odd, chance in zip(chances(n, 0.5), tests, strict=True) if chance <= 0.05))
    promise("Least coverage of the 95 % Clopper-Pearson interval", f"{covered:.2%}", ">= 95 %", covered >= 0.95)
    promise("Least coverage of the 95 % bound on what was missed", f"{held:.2%}", ">= 95 %", held >= 0.95)
    promise("False alarms of McNemar's test at 5 %, at most", f"{alarms:.2%}", "<= 5 %", alarms <= 0.05)


def main() -> None:
    torch.set_num_threads(1)
    intervals()
    boundaries()
    unknowable()


if __name__ == "__main__":
    main()
