"""What makes an artefact once, for examples it never saw. A new maker is one file and one line in `CRAFTERS`."""

from __future__ import annotations

from unfooled.core.crafting import Crafter
from unfooled.sets.linf import Linf

from .adversarial_patch import AdversarialPatch
from .rp2 import Rp2
from .shadow import Shadow
from .universal import Universal

CRAFTERS: dict[str, Crafter] = {
    "universal": Universal(Linf(10 / 255)),
    "adversarial-patch": AdversarialPatch(),
    "rp2": Rp2(),
    "shadow": Shadow(),
}
"""Every crafter by the name that the tests and the docs use, with its default settings."""
