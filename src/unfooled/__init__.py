"""unfooled: find out what fools your model, fix it, prove it."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from unfooled.attacks import ATTACKS, SPEECH_ATTACKS, TEXT_ATTACKS, attack_named
    from unfooled.auditing.engine import audit
    from unfooled.auditing.given import judge
    from unfooled.auditing.matrix import transfer
    from unfooled.auditing.signs.study import sign
    from unfooled.auditing.single import attack
    from unfooled.auditing.stickers.study import sticker
    from unfooled.auditing.stickers.vanish import vanish
    from unfooled.auditing.verify import verify
    from unfooled.core.errors import UnfooledError
    from unfooled.core.folder import load, save
    from unfooled.core.region import Region
    from unfooled.core.results import Results
    from unfooled.core.target import Access
    from unfooled.core.threat import ThreatModel
    from unfooled.defences import DEFENCES, defence_named
    from unfooled.defences.normalising import normalised
    from unfooled.goals import Become, Enter, Evade, Leave, Misclassify, Misheard, Transcribe, Vanish, Without
    from unfooled.hardening.deployed import defended
    from unfooled.hardening.harden import harden
    from unfooled.models.classes import Reordered
    from unfooled.models.classifier import wrap
    from unfooled.models.ctc import CTC
    from unfooled.models.detector import Detector
    from unfooled.models.dictation import Dictation
    from unfooled.models.distilled import distil
    from unfooled.models.load import load_model
    from unfooled.models.preprocess import Preprocess
    from unfooled.models.speech import speech_model
    from unfooled.models.text_models import text_model
    from unfooled.report import write_report
    from unfooled.sets.l0 import L0
    from unfooled.sets.l0 import L0 as l0
    from unfooled.sets.l1 import L1
    from unfooled.sets.l1 import L1 as l1
    from unfooled.sets.l2 import L2
    from unfooled.sets.l2 import L2 as l2
    from unfooled.sets.linf import Linf
    from unfooled.sets.linf import Linf as linf
    from unfooled.sets.masked import Masked

__version__ = "0.1.0"

_HOMES = {
    "ATTACKS": "unfooled.attacks",
    "CTC": "unfooled.models.ctc",
    "TEXT_ATTACKS": "unfooled.attacks",
    "Access": "unfooled.core.target",
    "Become": "unfooled.goals",
    "DEFENCES": "unfooled.defences",
    "Detector": "unfooled.models.detector",
    "Dictation": "unfooled.models.dictation",
    "Enter": "unfooled.goals",
    "Evade": "unfooled.goals",
    "L0": "unfooled.sets.l0",
    "L1": "unfooled.sets.l1",
    "L2": "unfooled.sets.l2",
    "Leave": "unfooled.goals",
    "Linf": "unfooled.sets.linf",
    "Masked": "unfooled.sets.masked",
    "Misclassify": "unfooled.goals",
    "Misheard": "unfooled.goals",
    "Preprocess": "unfooled.models.preprocess",
    "Region": "unfooled.core.region",
    "Reordered": "unfooled.models.classes",
    "Results": "unfooled.core.results",
    "SPEECH_ATTACKS": "unfooled.attacks",
    "ThreatModel": "unfooled.core.threat",
    "Transcribe": "unfooled.goals",
    "UnfooledError": "unfooled.core.errors",
    "Vanish": "unfooled.goals",
    "Without": "unfooled.goals",
    "attack": "unfooled.auditing.single",
    "attack_named": "unfooled.attacks",
    "audit": "unfooled.auditing.engine",
    "defence_named": "unfooled.defences",
    "defended": "unfooled.hardening.deployed",
    "distil": "unfooled.models.distilled",
    "harden": "unfooled.hardening.harden",
    "judge": "unfooled.auditing.given",
    "load": "unfooled.core.folder",
    "load_model": "unfooled.models.load",
    "normalised": "unfooled.defences.normalising",
    "save": "unfooled.core.folder",
    "sign": "unfooled.auditing.signs.study",
    "speech_model": "unfooled.models.speech",
    "sticker": "unfooled.auditing.stickers.study",
    "text_model": "unfooled.models.text_models",
    "transfer": "unfooled.auditing.matrix",
    "vanish": "unfooled.auditing.stickers.vanish",
    "verify": "unfooled.auditing.verify",
    "wrap": "unfooled.models.classifier",
    "write_report": "unfooled.report",
}
_SHORT = {kind: (f"unfooled.sets.{kind}", kind.capitalize()) for kind in ("linf", "l2", "l1", "l0")}

__all__ = [
    "ATTACKS",
    "CTC",
    "DEFENCES",
    "L0",
    "L1",
    "L2",
    "SPEECH_ATTACKS",
    "TEXT_ATTACKS",
    "Access",
    "Become",
    "Detector",
    "Dictation",
    "Enter",
    "Evade",
    "Leave",
    "Linf",
    "Masked",
    "Misclassify",
    "Misheard",
    "Preprocess",
    "Region",
    "Reordered",
    "Results",
    "ThreatModel",
    "Transcribe",
    "UnfooledError",
    "Vanish",
    "Without",
    "__version__",
    "attack",
    "attack_named",
    "audit",
    "defence_named",
    "defended",
    "distil",
    "harden",
    "judge",
    "l0",
    "l1",
    "l2",
    "linf",
    "load",
    "load_model",
    "normalised",
    "save",
    "sign",
    "speech_model",
    "sticker",
    "text_model",
    "transfer",
    "vanish",
    "verify",
    "wrap",
    "write_report",
]


def __getattr__(name: str) -> Any:
    """Import a name when it is first used, so that reading a run needs no torch (PEP 562)."""
    home, attribute = _SHORT.get(name, (_HOMES.get(name), name))
    if home is None:
        raise AttributeError(f"module 'unfooled' has no attribute {name!r}")
    value = getattr(import_module(home), attribute)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return list(__all__)
