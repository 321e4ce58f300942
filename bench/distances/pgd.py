"""PGD-40, batch 256, from the picture itself: over the bare loop without preparation, over the peers with it."""

from __future__ import annotations

import sys
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

sys.path.insert(0, str(Path(__file__).parents[1]))
from distances._models import data, models
from peers._env import enter
from promise import promise

import unfooled
from unfooled.attacks.pgd import PGD
from unfooled.zoo.small import small_cnn

STEPS, ROWS, RADIUS, STEP = 40, 256, 0.3, 0.01
SETTINGS = {"steps": STEPS, "step": STEP / RADIUS, "random_start": False}


def bare(net: nn.Module, x: Tensor, y: Tensor) -> Tensor:
    """Take 40 steps at the least that they can cost: forward, gradient for the input alone, sign, clamp."""
    x_t, low, high = x, (x - RADIUS).clamp(min=0), (x + RADIUS).clamp(max=1)
    for _ in range(STEPS):
        x_t = x_t.detach().requires_grad_()
        (grad,) = torch.autograd.grad(functional.cross_entropy(net(x_t), y, reduction="sum"), x_t)
        x_t = torch.clamp(x_t + STEP * grad.sign(), low, high)
    return x_t


def bare_audit(net: nn.Module, x: Tensor, y: Tensor) -> Tensor:
    """Look at the pictures, take 40 steps, look at where they led: what a robust accuracy costs at the least."""
    with torch.no_grad():
        right = net(x).argmax(dim=1) == y
        x_adv = x.clone()
        with torch.enable_grad():
            x_adv[right] = bare(net, x[right], y[right])
        right &= net(x_adv).argmax(dim=1) == y
    return x_adv


class Counting:
    """The least that shows progress."""

    def __init__(self) -> None:
        self.rows = 0

    def begin(self, threat: str, attack: str, total: int) -> None:
        self.rows = 0

    def advance(self, done: int, broken: int) -> None:
        self.rows += done

    def passed(self, rows: int) -> None:
        self.rows += rows


def audit(net: nn.Module, x: Tensor, y: Tensor) -> Tensor:
    """Audit with every record, the table and progress."""
    threat, suite = f"linf:{RADIUS}", [PGD(**SETTINGS)]
    unfooled.audit(
        net, (x, y), threat, suite, batch=ROWS, keep="all", progress=Counting(), prepare="off", diagnose=False
    )
    return x


def leaning(net: nn.Module) -> nn.Module:
    """Let a net lean so far to one class that nothing falls: equal passes for everybody."""
    with torch.no_grad():
        [part for part in net.modules() if isinstance(part, nn.Linear)][-1].bias[0] += 8.0
    return net


def least(found: dict[str, list[float]], over: str) -> dict[str, float]:
    """Compare the least of each one's rounds: neighbours on the machine can only add to what a loop costs."""
    return {name: min(taken) / min(found[over]) for name, taken in found.items() if name != over}


def halves() -> bool:
    """Tell whether the processor computes in bfloat16."""
    info = Path("/proc/cpuinfo")
    return info.is_file() and any(flag in info.read_text(encoding="utf-8") for flag in ("avx512_bf16", "amx_bf16"))


def main() -> None:
    enter()
    from peers._libraries import ours, pgd
    from peers._measure import looked_at, right, rounds

    torch.set_num_threads(1)
    torch.manual_seed(0)
    wide, small = leaning(models("resnet8")["resnet8"]), leaning(small_cnn(0).eval())
    y = torch.zeros(ROWS, dtype=torch.int64)
    off = {"attack": ours("pgd", f"linf:{RADIUS}", **SETTINGS, prepare="off"), "audit": audit}
    for name, net, x, many, most in (
        ("ResNet-8 with batch norm", wide, torch.rand(ROWS, 3, 32, 32), 7, 1.03),  # a round takes most of a minute
        ("a small CNN", small, torch.rand(ROWS, 1, 28, 28), 15, 1.10),
    ):
        taken = rounds({"loop": bare, "whole": bare_audit, **off}, net, x, y, many)
        alone, whole = least(taken, "loop")["attack"], least(taken, "whole")["audit"]
        about = f"PGD-{STEPS} on {name}, {ROWS} at once, not prepared, least CPU of {many} rounds"
        promise(f"{about}: attack with its trace over the bare loop", f"{alone:.3f}", f"<= {most:.2f}", alone <= most)
        promise(
            f"{about}: audit with records, table and progress over the bare loop with a look before and after",
            f"{whole:.3f}", f"<= {most:.2f}", whole <= most,
        )  # fmt: skip

    theirs = {name: run for name, run in pgd(RADIUS, STEP, STEPS).items() if name in ("foolbox", "ART")}
    on = {name: ours("pgd", f"linf:{RADIUS}", **SETTINGS, prepare=name) for name in ("on", "bf16")}
    taken = rounds({**theirs, **on}, wide, torch.rand(ROWS, 3, 32, 32), y, 7)
    for name, most in (("on", 0.55), ("bf16", 0.35)):
        ratios = {peer: least(taken, peer)[name] for peer in theirs}
        if name == "on" or halves():
            promise(
                f"PGD-{STEPS} on ResNet-8, {ROWS} at once, prepare={name!r}, over foolbox and ART",
                ", ".join(f"{ratio:.2f} of {peer}" for peer, ratio in ratios.items()),
                f"<= {most:.2f} of each", max(ratios.values()) <= most,
            )  # fmt: skip

    for name, net in models("mnist_clean", "mnist_at").items():
        x, y = right(net, *data(1024), 512)
        accuracy = {
            lib: float((looked_at(net, x, y, run(net, x, y).detach(), "linf")[1] > RADIUS + 1e-6).float().mean())
            for lib, run in {**pgd(RADIUS, STEP, STEPS), "unfooled bf16": on["bf16"]}.items()
        }
        peers = [figure for lib, figure in accuracy.items() if not lib.startswith("unfooled")]
        mine = [figure for lib, figure in accuracy.items() if lib.startswith("unfooled")]
        promise(
            f"PGD-{STEPS}, {name}, {len(x)} examples: adversarial accuracy, every success asked again alone",
            ", ".join(f"{lib} {figure:.1%}" for lib, figure in accuracy.items()),
            "ours never above a peer's", max(mine) <= min(peers),
        )  # fmt: skip


if __name__ == "__main__":
    main()
