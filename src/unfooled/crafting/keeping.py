"""An artefact on disk: its tensors, a picture or recording of each, and how it came to be; nothing is unpickled."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from unfooled.core.crafting import Artefact
from unfooled.core.errors import InputError, RunError
from unfooled.core.folder import write_atomically
from unfooled.modalities.pictures import magnified, png_bytes
from unfooled.modalities.wav import Wav16, wav_bytes

from .altered_sign import AlteredSign
from .delta import Delta
from .sticker import Sticker

TENSORS, NOTE = "artefact.safetensors", "artefact.json"

KINDS: dict[str, Callable[[Mapping[str, Tensor], Mapping[str, Any]], Artefact]] = {
    AlteredSign.kind: AlteredSign.read,
    Delta.kind: Delta.read,
    Sticker.kind: Sticker.read,
}
"""How each kind of artefact is made again from its tensors and from what is known of its making."""


def keep(artefact: Artefact, folder: str | Path) -> Path:
    """Write an artefact into a folder and return it; `artefact.json` comes last and holds the hashes of all files.

    Raises:
        RunError: The folder holds another artefact, or cannot be written.
    """
    folder = Path(folder)
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in artefact.tensors().items()}
    files = {TENSORS: save(tensors)} | {f"{name}.png": png for name, one in tensors.items() if (png := shown(one))}
    files |= {f"{name}.wav": _heard(one, artefact.made["rate"]) for name, one in tensors.items() if one.ndim == 1}
    note = {"kind": artefact.kind, "made": dict(artefact.made)}
    note["sha256"] = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    sealed = json.dumps(note | {"seal": _seal(note)}, indent=2, allow_nan=False)
    if (folder / NOTE).exists() and (folder / NOTE).read_text(encoding="utf-8") != sealed:
        raise RunError("This folder holds another artefact", folder, "Name another folder.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            (folder / name).write_bytes(content)
        write_atomically(folder / NOTE, sealed)
    except OSError as error:
        raise RunError(
            "The artefact cannot be written", f"{folder}: {error.strerror}", "Name another place."
        ) from error
    return folder


def read(folder: str | Path) -> Artefact:
    """Read an artefact back.

    Raises:
        RunError: There is none, a file is missing or is not as it was written, or its kind is unknown.
    """
    folder = Path(folder)
    if not (folder / NOTE).is_file():
        inside = sorted(str(path.parent) for path in folder.glob(f"*/{NOTE}"))
        do = f"Name {' or '.join(inside)}." if inside else "Name a folder that `unfooled sticker` or `universal` made."
        raise RunError("There is no artefact in this folder", f"no {NOTE} in {folder}", do)
    try:
        note = json.loads((folder / NOTE).read_text(encoding="utf-8"))
        if note.pop("seal") != _seal(note):
            raise ValueError(f"{NOTE} is not as it was written")
        files = {name: (folder / name).read_bytes() for name in note["sha256"]}
        changed = [name for name, one in files.items() if hashlib.sha256(one).hexdigest() != note["sha256"][name]]
        if changed:
            raise ValueError(f"{changed[0]} is not as it was written")
        return KINDS[note["kind"]](load(files[TENSORS]), note["made"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError, SafetensorError, InputError) as error:
        raise RunError("This is no whole artefact", f"{folder}: {error!r}", "Craft it again.") from error


def shown(tensor: Tensor) -> bytes | None:
    """Draw a tensor as PNG: one with values below 0 magnified around mid-grey; None where it is no picture."""
    values = tensor.detach().cpu().numpy().astype(np.float32)
    if values.ndim != 3 or values.shape[0] not in (1, 3):
        return None
    if values.min() >= 0 and values.max() <= 1:
        return png_bytes(values)
    return png_bytes(magnified(np.zeros_like(values), values)[0])


def _heard(tensor: Tensor, rate: int | None) -> bytes:
    """Write a change of recordings as WAV of 16 bits."""
    carrier = Wav16() if rate is None else Wav16(rate)
    return wav_bytes(carrier.pack(tensor.numpy()), carrier.rate)


def _seal(note: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(note, sort_keys=True).encode()).hexdigest()
