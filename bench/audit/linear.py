"""Linear model, float32: broken at 1.01 times the closed-form radius, standing at 0.99 times it."""

import json

import torch
from torch import Tensor

import unfooled
from unfooled.attacks import ATTACKS
from unfooled.zoo.small import linear

EXAMPLES, SHAPE, CLASSES = 40, (3, 8, 8), 7
SEARCHES = ("pgd", "momentum-pgd", "apgd-ce", "apgd-dlr", "apgd-t")


def closed_form(weights: Tensor, scores: Tensor, y: Tensor, dual: float) -> Tensor:
    """Give the distance of each example to the nearest boundary, (n,): the gap over the dual norm of its slope."""
    gap = scores.gather(1, y[:, None]) - scores
    slope = torch.linalg.vector_norm(weights[y][:, None] - weights[None], ord=dual, dim=2)
    return (gap / slope.clamp(min=1e-12)).scatter(1, y[:, None], torch.inf).amin(dim=1)


def main() -> None:
    torch.manual_seed(0)
    weights = torch.randn(CLASSES, 192)
    model = linear(weights).eval()
    x = 0.45 + 0.1 * torch.rand(EXAMPLES, *SHAPE)  # far from 0 and 1: the range of pictures stops nothing
    with torch.no_grad():
        scores = model(x)
    y = scores.argmax(dim=1)
    for kind, dual in (("linf", 1.0), ("l2", 2.0)):
        radii = closed_form(weights, scores, y, dual).tolist()
        for factor, wanted in ((1.01, 1.0), (0.99, 0.0)):
            share = dict.fromkeys((*SEARCHES, "suite standard"), 0)
            for i, radius in enumerate(radii):
                one, threat = (x[i : i + 1], y[i : i + 1]), f"{kind}:{radius * factor}"
                for name in SEARCHES:
                    found = unfooled.attack(model, *one, ATTACKS[name], threat)
                    share[name] += int(model(found.x_adv.values).argmax(dim=1) != one[1])
                share["suite standard"] += int(unfooled.audit(model, one, threat, diagnose=False)[threat].broken.sum())
            rates = {name: hits / EXAMPLES for name, hits in share.items()}
            print(json.dumps({
                "line": f"Linear model, {kind}, broken at {factor} times the closed-form radius ({EXAMPLES} examples)",
                "figure": ", ".join(f"{name} {rate:.0%}" for name, rate in rates.items()),
                "goal": f"{wanted:.0%}",
                "met": all(rate == wanted for rate in rates.values()),
            }))  # fmt: skip


if __name__ == "__main__":
    main()
