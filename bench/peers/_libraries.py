"""The attacks of the peers, and ours, under one call; settings are each library's defaults unless a name says more."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import adv_lib.attacks as adv_lib
import art.attacks.evasion as art
import foolbox
import numpy as np
import torch
import torchattacks
from adv_lib.attacks.auto_pgd import minimal_apgd
from art.estimators.classification import PyTorchClassifier
from torch import Tensor, nn

import unfooled

from ._measure import Counted, Run


def by_foolbox(attack: Any, radius: float | None = None) -> Run:
    def run(net: nn.Module, x: Tensor, y: Tensor) -> Tensor:
        _, x_adv, _ = attack(foolbox.PyTorchModel(net, bounds=(0, 1)), x, y, epsilons=radius)
        return x_adv

    return run


def by_art(make: Callable[..., Any], *, targeted: bool = False, **settings: Any) -> Run:
    """Wrap an attack of ART; one that is `targeted` alone draws classes to aim at by itself."""

    def run(net: nn.Module, x: Tensor, y: Tensor) -> Tensor:
        classifier = PyTorchClassifier(net, nn.CrossEntropyLoss(), tuple(x.shape[1:]), 10, clip_values=(0, 1))
        attack = make(classifier, batch_size=len(x), verbose=False, **settings)
        labels = None if targeted else np.eye(10, dtype=np.float32)[y.numpy()]
        return torch.from_numpy(attack.generate(x.numpy(), labels))

    return run


def by_torchattacks(make: Callable[..., Any], **settings: Any) -> Run:
    return lambda net, x, y: make(net, **settings)(x, y)


def by_adv_lib(attack: Callable[..., Tensor], **settings: Any) -> Run:
    return partial(attack, **settings)


def ours(attack: Any, threat: str, **settings: Any) -> Run:
    def run(net: nn.Module, x: Tensor, y: Tensor) -> Tensor:
        whole = {"prepare": "off"} if isinstance(net, Counted) else {}  # a prepared copy would not count
        return unfooled.attack(net, x, y, attack, threat, **{**settings, **whole}).x_adv.values

    return run


def pgd(radius: float, step: float, steps: int) -> dict[str, Run]:
    """PGD from the picture itself, by everybody."""
    return {
        "unfooled": ours("pgd", f"linf:{radius}", steps=steps, step=step / radius, random_start=False),
        "foolbox": by_foolbox(foolbox.attacks.LinfPGD(abs_stepsize=step, steps=steps, random_start=False), radius),
        "torchattacks": by_torchattacks(torchattacks.PGD, eps=radius, alpha=step, steps=steps, random_start=False),
        "ART": by_art(art.ProjectedGradientDescent, eps=radius, eps_step=step, max_iter=steps, num_random_init=0),
        "adv-lib": by_adv_lib(
            adv_lib.pgd_linf, ε=radius, absolute_step_size=step, steps=steps, random_init=False
        ),
    }  # fmt: skip


def peers(norm: str, *, slow: bool = False) -> dict[str, Run]:
    """The peers' minimum-norm attacks in one norm; `slow` adds those of thousands of steps, which are never the best.

    Left out are foolbox's Brendel-Bethge attacks, which need numba: on 16 examples of mnist_clean, at their 1000
    steps, they stayed at 0.092 in Linf, 7.6 in L1 and 9 in L0, where the best peers stand at 0.071, 4.6 and 5.
    """
    return {**QUICK[norm], **(SLOW[norm] if slow else {})}


QUICK: dict[str, dict[str, Run]] = {
    "l2": {
        "adv-lib DDN 100": by_adv_lib(adv_lib.ddn),
        "adv-lib ALMA 1000": by_adv_lib(adv_lib.alma),
        "adv-lib SuperDeepFool": by_adv_lib(adv_lib.sdf),
        "adv-lib DeepFool": by_adv_lib(adv_lib.df),
        "adv-lib FMN 10": by_adv_lib(adv_lib.fmn, norm=2),
        "adv-lib PDGD 500": by_adv_lib(adv_lib.pdgd),
        "adv-lib FAB 100": by_adv_lib(adv_lib.fab, norm=2),
        "foolbox DDN 100": by_foolbox(foolbox.attacks.DDNAttack()),
        "foolbox FMN 100": by_foolbox(foolbox.attacks.L2FMNAttack()),
        "foolbox DeepFool": by_foolbox(foolbox.attacks.L2DeepFoolAttack()),
        "torchattacks C&W 50": by_torchattacks(torchattacks.CW),
    },
    "linf": {
        "adv-lib APGD 20x100": by_adv_lib(minimal_apgd, norm=torch.inf, max_eps=1),
        "adv-lib PDPGD 500": by_adv_lib(adv_lib.pdpgd, norm=torch.inf),
        "adv-lib FMN 10": by_adv_lib(adv_lib.fmn, norm=torch.inf),
        "adv-lib FAB 100": by_adv_lib(adv_lib.fab, norm=torch.inf),
        "adv-lib TR 100": by_adv_lib(adv_lib.tr, p=torch.inf),
        "adv-lib DeepFool": by_adv_lib(adv_lib.df, norm=torch.inf),
        "foolbox FMN 100": by_foolbox(foolbox.attacks.LInfFMNAttack()),
        "foolbox DeepFool": by_foolbox(foolbox.attacks.LinfDeepFoolAttack()),
    },
    "l1": {
        "adv-lib APGD 20x100": by_adv_lib(minimal_apgd, norm=1, max_eps=100),
        "adv-lib PDPGD 500": by_adv_lib(adv_lib.pdpgd, norm=1),
        "adv-lib ALMA 1000": by_adv_lib(adv_lib.alma, distance="l1"),
        "adv-lib FMN 10": by_adv_lib(adv_lib.fmn, norm=1),
        "adv-lib FAB 100": by_adv_lib(adv_lib.fab, norm=1),
        "foolbox FMN 100": by_foolbox(foolbox.attacks.L1FMNAttack()),
        "torchattacks EAD 9x100": by_torchattacks(torchattacks.EADL1),
    },
    "l0": {
        "adv-lib sigma-zero 1000": by_adv_lib(adv_lib.sigma_zero),
        "adv-lib PDPGD 500": by_adv_lib(adv_lib.pdpgd, norm=0),
        "adv-lib FMN 10": by_adv_lib(adv_lib.fmn, norm=0),
        "adv-lib VFGA": by_adv_lib(adv_lib.vfga, targeted=False),
        "foolbox FMN 100": by_foolbox(foolbox.attacks.L0FMNAttack()),
        "torchattacks SparseFool": by_torchattacks(torchattacks.SparseFool),
    },
}

SLOW: dict[str, dict[str, Run]] = {
    "l2": {
        "adv-lib C&W 9x10000": by_adv_lib(adv_lib.carlini_wagner_l2),
        "foolbox C&W 9x10000": by_foolbox(foolbox.attacks.L2CarliniWagnerAttack()),
        "ART C&W 10x10": by_art(art.CarliniL2Method),
        "ART DeepFool": by_art(art.DeepFool),
        "torchattacks DeepFool": by_torchattacks(torchattacks.DeepFool),
    },
    "linf": {"adv-lib C&W 1000": by_adv_lib(adv_lib.carlini_wagner_linf)},
    "l1": {
        "foolbox EAD 9x10000": by_foolbox(foolbox.attacks.EADAttack()),
        "ART EAD 9x100": by_art(art.ElasticNet),
    },
    "l0": {"ART JSMA": by_art(art.SaliencyMapMethod, targeted=True)},
}
