"""Published attacks, one a file. A new one is one file and one line in one of the tables below."""

from __future__ import annotations

from dataclasses import fields, replace
from importlib.metadata import entry_points
from typing import Any

from unfooled.core.attack import Attack
from unfooled.core.errors import InputError
from unfooled.core.threat import Ball, Edits
from unfooled.sets.motion import Motion

from .a2t import A2T
from .alma import ALMA
from .apgd import APGD
from .apgd_l1 import APGDL1
from .apgd_nearest import APGDNearest
from .apgd_targeted import APGDTargeted
from .bad_characters import BadCharacters
from .bases import BASES
from .block_pgd import BlockPGD
from .boundary_walk import BoundaryWalk
from .carlini_wagner import CarliniWagner
from .carlini_wagner_audio import CarliniWagnerAudio
from .corner_noise import CornerNoise
from .ddn import DDN
from .deep_word_bug import DeepWordBug
from .ead import EAD
from .fab_targeted import FABTargeted
from .fgsm import FGSM
from .fia import FIA
from .fmn import FMN
from .gbda import GBDA
from .genetic_audio import GeneticAudio
from .geoda import GeoDA
from .grid import Grid
from .hop_skip_jump import HopSkipJump
from .hotflip import HotFlip
from .imperceptible import Imperceptible
from .momentum_pgd import MomentumPGD
from .nes import NES
from .one_pixel import OnePixel
from .p_rgf import PRGF
from .patch_rs import PatchRS
from .pgd import PGD
from .pixel_corners import PixelCorners
from .pwws import PWWS
from .random_edits import RandomEdits
from .rays import RayS
from .reverted_edits import RevertedEdits
from .sigma_zero import SigmaZero
from .simba import SimBA
from .sparse_rs import SparseRS
from .spatial_pgd import SpatialPGD
from .square import Square
from .square_pgd import SquarePGD
from .superdeepfool import SuperDeepFool
from .surfree import SurFree
from .text_beam import TextBeam
from .text_genetic import TextGenetic
from .textfooler import TextFooler
from .transfer import Transfer
from .uniform_noise import UniformNoise

ATTACKS: dict[str, Attack[Ball]] = {
    "uniform-noise": UniformNoise(),
    "corner-noise": CornerNoise(),
    "fgsm": FGSM(),
    "pgd": PGD(),
    "momentum-pgd": MomentumPGD(),
    "apgd-ce": APGD(loss="cross-entropy"),
    "apgd-dlr": APGD(loss="dlr"),
    "apgd-t": APGDTargeted(),
    "apgd-l1": APGDL1(),
    "block-pgd": BlockPGD(),
    "ddn": DDN(),
    "fmn": FMN(),
    "apgd-nearest": APGDNearest(),
    "alma": ALMA(),
    "boundary-walk": BoundaryWalk(),
    "sigma-zero": SigmaZero(),
    "superdeepfool": SuperDeepFool(),
    "carlini-wagner": CarliniWagner(),
    "ead": EAD(),
    "fab-t": FABTargeted(),
    "square": Square(),
    "square-pgd": SquarePGD(),
    "rays": RayS(),
    "hop-skip-jump": HopSkipJump(),
    "surfree": SurFree(),
    "geoda": GeoDA(),
    "sparse-rs": SparseRS(),
    "patch-rs": PatchRS(),
    "pixel-corners": PixelCorners(),
    "pixel-gradient": PixelCorners(queries=1000, shortlist=128),
    "one-pixel": OnePixel(),
    "simba": SimBA(),
    "simba-dct": SimBA(waves=0.25),
    "p-rgf": PRGF(),
    "nes": NES(),
    "mi-fgsm": Transfer(),
    "di-ti-mi": Transfer(diversity=0.5, kernel=5),
    "si-ni": Transfer(nesterov=True, scales=5),
    "vmi": Transfer(neighbours=10),
    "bsr": Transfer(blocks=2, copies=10),
    "fia": FIA(),
    "bases": BASES(),
}
"""Every attack by the name that the command line, the tests and the docs use, with its default settings."""

SPATIAL: dict[str, Attack[Motion]] = {"spatial-pgd": SpatialPGD(), "grid": Grid()}
"""Those that turn and shift pictures, likewise."""
TEXT_ATTACKS: dict[str, Attack[Edits]] = {
    "random-edits": RandomEdits(),
    "reverted-edits": RevertedEdits(),
    "deep-word-bug": DeepWordBug(),
    "textfooler": TextFooler(),
    "pwws": PWWS(),
    "text-beam": TextBeam(),
    "text-genetic": TextGenetic(),
    "bad-characters": BadCharacters(),
    "hotflip": HotFlip(),
    "a2t": A2T(),
    "gbda": GBDA(),
}
"""The same for attacks that edit texts."""

SPEECH_ATTACKS: dict[str, Attack[Ball]] = {
    "carlini-wagner-audio": CarliniWagnerAudio(),
    "imperceptible": Imperceptible(),
    "genetic-audio": GeneticAudio(),
}
"""The same for attacks that are made for recordings; those of `ATTACKS` work on them too."""

EVERY: dict[str, Attack[Any]] = {**ATTACKS, **SPATIAL, **TEXT_ATTACKS, **SPEECH_ATTACKS}
"""All of them."""


def attack_named(name: str, **settings: Any) -> Attack[Any]:
    """Find an attack by name, here or among installed plug-ins, and change its settings.

    Raises:
        InputError: There is no such attack, or it has no such setting.
    """
    attack: Attack[Any] = EVERY.get(name) or _plugged_in(name)
    known = [field.name for field in fields(attack)]  # type: ignore[arg-type]
    unknown = sorted(set(settings) - set(known))
    if unknown:
        raise InputError(f"{name} has no such setting", ", ".join(unknown), f"Its settings are {', '.join(known)}.")
    changed: Attack[Any] = replace(attack, **settings)  # type: ignore[type-var]
    return changed


def _plugged_in(name: str) -> Attack[Any]:
    found = entry_points(group="unfooled.attacks", name=name)
    if not found:
        raise InputError("There is no such attack", repr(name), f"Choose one of {', '.join(EVERY)}.")
    attack: Attack[Any] = next(iter(found)).load()
    return attack
