"""PGD-40 against the bare loop of 40 forwards and input-only backwards, and what it leaves behind in the model."""

import json
import statistics
import time
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

import unfooled
from unfooled.zoo.small import small_cnn

ROUNDS, STEPS, ROWS, RADIUS = 21, 40, 256, 0.3


def bare_loop(model: nn.Module, x: Tensor, y: Tensor) -> Tensor:
    """Give the least that 40 steps can cost: forward, gradient for the input alone, sign, clamp."""
    x_t = x.clone()
    low, high = (x - RADIUS).clamp(min=0), (x + RADIUS).clamp(max=1)
    for _ in range(STEPS):
        x_t = x_t.detach().requires_grad_()
        loss = functional.cross_entropy(model(x_t), y, reduction="sum")
        (grad,) = torch.autograd.grad(loss, x_t)
        x_t = torch.clamp(x_t + 0.01 * grad.sign(), low, high)
    return x_t.detach()


def ours(model: nn.Module, x: Tensor, y: Tensor) -> Tensor:
    found = unfooled.attack(model, x, y, "pgd", f"linf:{RADIUS}", steps=STEPS, step=0.01 / RADIUS, random_start=False)
    return found.x_adv.values


def seconds(run: Callable[[], object]) -> float:
    began = time.process_time()
    run()
    return time.process_time() - began


def state(model: nn.Module) -> tuple[object, ...]:
    tensors = [tensor.clone() for tensor in model.state_dict().values()]
    flags = [(module.training) for module in model.modules()]
    wants = [(parameter.requires_grad, parameter.grad) for parameter in model.parameters()]
    return tensors, flags, wants, torch.get_rng_state()


def same(before: tuple[object, ...], after: tuple[object, ...]) -> bool:
    tensors = all(torch.equal(one, other) for one, other in zip(before[0], after[0], strict=True))
    return tensors and before[1:3] == after[1:3] and torch.equal(before[3], after[3])


def main() -> None:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    model = small_cnn(0).eval()
    x = torch.rand(ROWS, 1, 28, 28)
    # A head that leans to one class: no step can leave it, so every row takes all 40 steps in both loops.
    with torch.no_grad():
        head = [module for module in model.modules() if isinstance(module, nn.Linear)][-1]
        head.bias[0] += 8.0
    y = torch.zeros(ROWS, dtype=torch.int64)
    before = state(model)
    taken: dict[str, list[float]] = {"bare": [], "ours": []}
    for round_ in range(ROUNDS):
        runs = {"bare": lambda: bare_loop(model, x, y), "ours": lambda: ours(model, x, y)}
        order = list(runs)[:: 1 if round_ % 2 else -1]
        for name in order:
            taken[name].append(seconds(runs[name]))
    # The least of many rounds: neighbours on the machine can only add to what a loop costs by itself.
    ratio = min(taken["ours"]) / min(taken["bare"])
    median = statistics.median(a / b for a, b in zip(taken["ours"], taken["bare"], strict=True))
    untouched = same(before, state(model))
    stands = bool((model(ours(model, x, y)).argmax(dim=1) == y).all())
    print(
        json.dumps(
            {
                "line": f"PGD-{STEPS} on a small CNN, one batch of {ROWS}, over the bare loop "
                f"(least CPU seconds of {ROUNDS} interleaved rounds each, one thread)",
                "figure": f"{ratio:.3f} (median of the rounds' ratios {median:.3f})",
                "goal": "<= 1.10",
                "met": ratio <= 1.10 and stands,
            }
        )
    )
    print(
        json.dumps(
            {
                "line": "The user's model and the global random state afterwards",
                "figure": "byte-identical" if untouched else "changed",
                "goal": "byte-identical",
                "met": untouched,
            }
        )
    )


if __name__ == "__main__":
    main()
