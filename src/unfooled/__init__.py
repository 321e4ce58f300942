"""unfooled: find out what fools your model, fix it, prove it."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from unfooled.attacks import ATTACKS, attack_named
    from unfooled.auditing.engine import audit
    from unfooled.auditing.given import judge
    from unfooled.auditing.signs.study import sign
    from unfooled.auditing.single import attack
    from unfooled.auditing.stickers.study import sticker
    from unfooled.auditing.verify import verify
    from unfooled.core.errors import UnfooledError
    from unfooled.core.folder import load, save
    from unfooled.core.region import Region
    from unfooled.core.results import Results
    from unfooled.core.target import Access
    from unfooled.core.threat import ThreatModel
    from unfooled.goals import Become, Enter, Leave, Misclassify
    from unfooled.models.classifier import wrap
    from unfooled.models.load import load_model
    from unfooled.models.preprocess import Preprocess
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
    "Access": "unfooled.core.target",
    "Become": "unfooled.goals",
    "Enter": "unfooled.goals",
    "L0": "unfooled.sets.l0",
    "L1": "unfooled.sets.l1",
    "L2": "unfooled.sets.l2",
    "Leave": "unfooled.goals",
    "Linf": "unfooled.sets.linf",
    "Masked": "unfooled.sets.masked",
    "Misclassify": "unfooled.goals",
    "Preprocess": "unfooled.models.preprocess",
    "Region": "unfooled.core.region",
    "Results": "unfooled.core.results",
    "ThreatModel": "unfooled.core.threat",
    "UnfooledError": "unfooled.core.errors",
    "attack": "unfooled.auditing.single",
    "attack_named": "unfooled.attacks",
    "audit": "unfooled.auditing.engine",
    "judge": "unfooled.auditing.given",
    "load": "unfooled.core.folder",
    "load_model": "unfooled.models.load",
    "save": "unfooled.core.folder",
    "sign": "unfooled.auditing.signs.study",
    "sticker": "unfooled.auditing.stickers.study",
    "verify": "unfooled.auditing.verify",
    "wrap": "unfooled.models.classifier",
    "write_report": "unfooled.report",
}
_SHORT = {kind: (f"unfooled.sets.{kind}", kind.capitalize()) for kind in ("linf", "l2", "l1", "l0")}

__all__ = [
    "ATTACKS",
    "L0",
    "L1",
    "L2",
    "Access",
    "Become",
    "Enter",
    "Leave",
    "Linf",
    "Masked",
    "Misclassify",
    "Preprocess",
    "Region",
    "Results",
    "ThreatModel",
    "UnfooledError",
    "__version__",
    "attack",
    "attack_named",
    "audit",
    "judge",
    "l0",
    "l1",
    "l2",
    "linf",
    "load",
    "load_model",
    "save",
    "sign",
    "sticker",
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
