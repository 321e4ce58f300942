"""Weights of the nets that read signs: made once on this machine, kept in the user's cache, known by hash."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import nn

from unfooled.core.errors import InputError, RunError
from unfooled.core.folder import write_atomically

from .artwork import CLASSES, artwork
from .grounds import for_learning
from .learning import Lessons, learned
from .nets import NETS, untrained
from .renders import SIDE, WIDE

LESSONS = Lessons()
"""How the zoo's nets learn."""


def cache() -> Path:
    """Give the folder where weights are kept: `unfooled` in the user's cache folder."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "unfooled"


def place_of(name: str, lessons: Lessons = LESSONS) -> Path:
    """Give the file of a net's weights; another way of learning, or other photographs, make another file."""
    recipe = repr((name, str(untrained(name)), lessons, WIDE, len(for_learning()))).encode()
    drawn = b"".join(artwork(one, SIDE).tobytes() for one in CLASSES)
    return cache() / f"{name}-{hashlib.sha256(recipe + drawn).hexdigest()[:12]}.safetensors"


def trained(name: str, lessons: Lessons = LESSONS, told: Callable[[str], None] = lambda line: None) -> nn.Module:
    """Read a net, or train it where nobody did yet: about two minutes of one core.

    Args:
        name: `signs`, or another of `nets.NETS`.
        lessons: How it learns.
        told: Is told how it goes.

    Raises:
        InputError: There is no such net, or its file is not as it was written.
        RunError: Its weights cannot be written.
    """
    if name not in NETS:
        raise InputError("There is no such reader of signs", repr(name), f"Choose one of {', '.join(NETS)}.")
    place = place_of(name, lessons)
    note = place.with_suffix(".json")
    if not note.exists():
        told(f"training {name}, once: its weights are kept in {place.parent}")
        _keep(learned(name, lessons, told), place, note)
    net = untrained(name)
    try:
        content = place.read_bytes()
        if hashlib.sha256(content).hexdigest() != json.loads(note.read_text(encoding="utf-8"))["sha256"]:
            raise ValueError("its hash is another one")
        net.load_state_dict(load(content))
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, SafetensorError) as error:
        raise InputError(
            "These weights are not as they were written", f"{place}: {error}", f"Delete {note.name} beside it."
        ) from error
    return net.eval().requires_grad_(False)


def _keep(net: nn.Module, place: Path, note: Path) -> None:
    """Write weights; the note comes last, so that a file that was cut off is never read."""
    content = save({name: tensor.contiguous() for name, tensor in net.state_dict().items()})
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
        write_atomically(note, json.dumps({"sha256": hashlib.sha256(content).hexdigest()}))
    except OSError as error:
        raise RunError(
            "Weights cannot be kept",
            f"{place}: {error.strerror}",
            "Set XDG_CACHE_HOME to a folder that can be written.",
        ) from error
