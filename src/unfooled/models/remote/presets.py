"""Protocols that many servers speak, as the settings that they take."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from unfooled.core.errors import InputError

PRESETS: dict[str, dict[str, Any]] = {
    "kserve-v2": {"input": {"form": "kserve", "field": "input-0"}, "output": {"form": "kserve"}},
    "triton": {"input": {"form": "kserve-binary", "field": "input"}, "output": {"form": "kserve"}},
    "torchserve": {
        "input": {"form": "bytes", "batched": False},
        "output": {"form": "named", "kind": "probabilities"},
    },
    "huggingface": {
        "input": {"form": "base64", "field": "inputs", "batched": False},
        "output": {"form": "named", "kind": "probabilities"},
    },
}
"""The KServe v2 (Open Inference) protocol in JSON; the same as Triton's binary extension has it; pictures to
TorchServe's `/predictions/NAME`; image classification as Hugging Face's inference servers have it."""


def with_preset(told: Mapping[str, Any]) -> dict[str, Any]:
    """Put settings as told over those of the preset that they name.

    Raises:
        InputError: There is no such preset.
    """
    name = told.get("preset")
    if name is None:
        return dict(told)
    if name not in PRESETS:
        raise InputError("There is no such preset", repr(name), f"Choose one of {', '.join(PRESETS)}.")
    merged = dict(told)
    for part, settings in PRESETS[name].items():
        given = told.get(part, {})
        merged[part] = {**settings, **given} if isinstance(given, Mapping) else given
    if name == "huggingface" and isinstance(merged["input"], dict):
        # these servers tell the five likeliest classes unless asked for more
        merged["input"].setdefault("more", {"parameters": {"top_k": _count(told.get("classes"))}})
    return merged


def _count(classes: object) -> int:
    return len(classes) if isinstance(classes, list | dict) else classes if isinstance(classes, int) else 1000
