"""What is known of models: the family of their architecture, and the data that they were trained on."""

from __future__ import annotations

from typing import NamedTuple

UNKNOWN = "not stated"


class Origin(NamedTuple):
    """Where a model comes from.

    Attributes:
        family: Of its architecture.
        data: That it was trained on.
    """

    family: str
    data: str


_IMAGENET, _RENDERS = "ImageNet-1k", "renders of 17 road signs"
ORIGINS = {
    **{
        f"zoo:efficientnet-lite{version}": Origin("EfficientNet-Lite (inverted residuals)", _IMAGENET)
        for version in range(3)
    },
    "zoo:hama": Origin("Conformer with CTC", UNKNOWN),
    "zoo:whisper": Origin("Whisper tiny.en (transformer, sequence to sequence)", UNKNOWN),
    "zoo:mobilenet-v2": Origin("MobileNetV2 (inverted residuals)", _IMAGENET),
    "zoo:mtcnn": Origin("MTCNN (a cascade of three small nets)", "WIDER FACE and CelebA"),
    "zoo:guard": Origin("NanoGuard (transformer)", "prompts and injections, by its package"),
    "zoo:signs": Origin("strided convolutions and dense layers", _RENDERS),
    "zoo:signs-pooled": Origin("3 x 3 convolutions and max-pooling", _RENDERS),
    "zoo:signs-residual": Origin("residual blocks", _RENDERS),
    "zoo:signs-separable": Origin("separable convolutions", _RENDERS),
}


def origin(name: str, kind: str | None) -> Origin:
    """Say where a model comes from; of one that is not in the zoo only its class is known."""
    return ORIGINS.get(name, Origin(kind or UNKNOWN, UNKNOWN))
