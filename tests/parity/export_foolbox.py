"""Write down what foolbox's PGD and AutoAttack's APGD find on our problem, with their versions.

pip install --no-deps --target /tmp/peers foolbox==3.3.4 eagerpy==0.30.0 GitPython gitdb smmap pyautoattack==0.2.0 \
        requests urllib3 idna certifi charset-normalizer
PYTHONPATH=tests:/tmp/peers OMP_NUM_THREADS=1 python tests/parity/export_foolbox.py
"""

from __future__ import annotations

import json
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import foolbox
import torch
from parity_cases import RADII, SHARE, STEPS, posed
from pyautoattack.autopgd_base import APGDAttack, APGDAttack_targeted
from torch import Tensor

HERE = Path(__file__).parent


def log_odds(scores: Tensor, y: Tensor) -> Tensor:
    others = scores.scatter(1, y.unsqueeze(1), -torch.inf).logsumexp(dim=1)
    return others - scores.gather(1, y.unsqueeze(1)).squeeze(1)


def told(x_adv: Tensor, module: Any, y: Tensor) -> dict[str, Any]:
    with torch.no_grad():
        scores = module(x_adv)
    fooled = (scores.argmax(dim=1) != y).tolist()
    return {
        "robust": "".join("01"[not one] for one in fooled),
        "loss": [round(one, 5) for one in log_odds(scores, y).tolist()],
    }


def of_foolbox() -> dict[str, Any]:
    module, x, y = posed()
    model = foolbox.PyTorchModel(module, bounds=(0, 1), device="cpu")
    kinds = {"linf": foolbox.attacks.LinfPGD, "l2": foolbox.attacks.L2PGD}
    found = {}
    for kind, radii in RADII.items():
        for radius in radii:
            attack = kinds[kind](abs_stepsize=SHARE * radius, steps=STEPS, random_start=False)
            _, clipped, _ = attack(model, x, y, epsilons=radius)
            found[f"{kind}:{radius!r}"] = told(clipped, module, y)
    return found


def of_autoattack() -> dict[str, Any]:
    module, x, y = posed()
    found = {}
    for kind, norm in (("linf", "Linf"), ("l2", "L2")):
        for radius in RADII[kind]:
            ce = APGDAttack(module, n_iter=STEPS, norm=norm, eps=radius, seed=0, loss="ce", device="cpu")
            aimed = APGDAttack_targeted(
                module, n_iter=STEPS, norm=norm, eps=radius, seed=0, n_target_classes=3, device="cpu"
            )
            for name, attack in (("apgd-ce", ce), ("apgd-t", aimed)):
                found[f"{name} {kind}:{radius!r}"] = told(attack.perturb(x.clone(), y.clone()), module, y)
    return found


def main() -> None:
    versions = {"python": sys.version.split()[0], "torch": torch.__version__}
    for name, peer, found in (
        ("foolbox_pgd.json", "foolbox", of_foolbox()),
        ("pyautoattack_apgd.json", "pyautoattack", of_autoattack()),
    ):
        content = {"versions": {peer: version(peer), **versions}, "steps": STEPS, "share": SHARE, "found": found}
        text = json.dumps(content, indent=1).replace("\n    ", " ").replace("\n   ]", "]")
        (HERE / name).write_text(text + "\n")
        print(name, {key: one["robust"].count("1") for key, one in found.items()})


if __name__ == "__main__":
    main()
