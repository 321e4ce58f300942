"""PGD-40 by us and by the peers in one process: CPU over the bare loop, and what is left in the user's model.

Runs itself again in an environment that holds the peers (`bench/.venv`, made on the first call).
"""

import json
import os
import statistics
import subprocess
import sys
import time
import types
import venv
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parents[2]
HOME = ROOT / "bench" / ".venv"
ROUNDS, STEPS, ROWS, RADIUS, STEP = 7, 40, 256, 0.3, 0.01


def enter() -> None:
    """Go on in the peers' environment."""
    python = HOME / "bin" / "python"
    if not (HOME / ".made").exists():
        venv.create(HOME, clear=True, with_pip=True)
        pip = [str(python), "-m", "pip", "install", "-qq", "--disable-pip-version-check"]
        for wanted in (["-r", "base.txt", "-r", "build.txt"], ["--no-deps", "-r", "peers.txt"]):
            subprocess.run([*pip, *wanted], cwd=ROOT / "requirements", check=True)
        subprocess.run([*pip, "--no-deps", "--no-build-isolation", "-e", str(ROOT)], check=True)
        (HOME / ".made").touch()
    os.execv(python, [str(python), __file__])


if Path(sys.prefix).resolve() != HOME.resolve():
    enter()

sys.modules["torchvision"] = types.ModuleType("torchvision")  # torchattacks imports it and does not use it here

import foolbox  # noqa: E402
import numpy as np  # noqa: E402
import torch  # noqa: E402
import torchattacks  # noqa: E402
from art.attacks.evasion import ProjectedGradientDescent  # noqa: E402
from art.estimators.classification import PyTorchClassifier  # noqa: E402
from torch import Tensor, nn  # noqa: E402
from torch.nn import functional  # noqa: E402

import unfooled  # noqa: E402
from unfooled.zoo.small import resnet8, small_cnn  # noqa: E402

Run = Callable[[nn.Module, Tensor, Tensor], object]


def bare(model: nn.Module, x: Tensor, y: Tensor) -> None:
    x_t, low, high = x.clone(), (x - RADIUS).clamp(min=0), (x + RADIUS).clamp(max=1)
    for _ in range(STEPS):
        x_t = x_t.detach().requires_grad_()
        (grad,) = torch.autograd.grad(functional.cross_entropy(model(x_t), y, reduction="sum"), x_t)
        x_t = torch.clamp(x_t + STEP * grad.sign(), low, high)


def ours(model: nn.Module, x: Tensor, y: Tensor) -> None:
    unfooled.attack(model, x, y, "pgd", f"linf:{RADIUS}", steps=STEPS, step=STEP / RADIUS, random_start=False)


def by_foolbox(model: nn.Module, x: Tensor, y: Tensor) -> None:
    pgd = foolbox.attacks.LinfPGD(abs_stepsize=STEP, steps=STEPS, random_start=False)
    pgd(foolbox.PyTorchModel(model, bounds=(0, 1)), x, y, epsilons=RADIUS)


def by_torchattacks(model: nn.Module, x: Tensor, y: Tensor) -> None:
    torchattacks.PGD(model, eps=RADIUS, alpha=STEP, steps=STEPS, random_start=False)(x, y)


def by_art(model: nn.Module, x: Tensor, y: Tensor) -> None:
    shape = tuple(x.shape[1:])
    classifier = PyTorchClassifier(model, nn.CrossEntropyLoss(), shape, 10, clip_values=(0, 1))
    pgd = ProjectedGradientDescent(
        classifier, eps=RADIUS, eps_step=STEP, max_iter=STEPS, num_random_init=0, batch_size=ROWS, verbose=False
    )
    pgd.generate(x.numpy(), np.eye(10)[y.numpy()])


RUNS: dict[str, Run] = {
    "unfooled": ours,
    "torchattacks 3.5.1": by_torchattacks,
    "foolbox 3.3.4": by_foolbox,
    "ART 1.20.1": by_art,
}


def seconds(run: Run, model: nn.Module, x: Tensor, y: Tensor) -> float:
    began = time.process_time()
    run(model, x, y)
    return time.process_time() - began


def compared(name: str, model: nn.Module, x: Tensor) -> None:
    """Time all on a model that leans so far to one class that nothing falls: equal passes for everybody."""
    with torch.no_grad():
        head = [module for module in model.modules() if isinstance(module, nn.Linear)][-1]
        head.bias[0] += 8.0
    y, ratios, left = torch.zeros(len(x), dtype=torch.int64), {run: [] for run in RUNS}, {}
    for number in range(ROUNDS):
        order = list(RUNS)[number % len(RUNS) :] + list(RUNS)[: number % len(RUNS)]
        floor = seconds(bare, model, x, y)
        for run in order:
            model.zero_grad(set_to_none=True)
            ratios[run].append(seconds(RUNS[run], model, x, y) / floor)
            left[run] = any(parameter.grad is not None for parameter in model.parameters())
    figures = {run: statistics.median(found) for run, found in ratios.items()}
    peers = [figures[run] for run in figures if run != "unfooled"]
    print(json.dumps({
        "line": f"PGD-{STEPS}, {name}, {ROWS} pictures: CPU over the bare loop (median of {ROUNDS} rotated rounds)",
        "figure": ", ".join(f"{run} {figure:.2f}" for run, figure in figures.items()),
        "goal": "ours within 5 % of the best peer's",
        "met": figures["unfooled"] <= 1.05 * min(peers),
    }))  # fmt: skip
    print(json.dumps({
        "line": f"PGD-{STEPS}, {name}: gradients left in the user's weights",
        "figure": ", ".join(f"{run} {'yes' if dirty else 'no'}" for run, dirty in left.items()),
        "goal": "none of ours",
        "met": not left["unfooled"],
    }))  # fmt: skip


def main() -> None:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    compared("small CNN", small_cnn(0).eval(), torch.rand(ROWS, 1, 28, 28))
    compared("ResNet-8 with batch norm", resnet8(0).eval(), torch.rand(ROWS, 3, 32, 32))


if __name__ == "__main__":
    main()
