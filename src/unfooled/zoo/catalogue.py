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


_IMAGENET = "ImageNet-1k"
ORIGINS = {
    **{
        f"zoo:efficientnet-lite{version}": Origin("EfficientNet-Lite (inverted residuals)", _IMAGENET)
        for version in range(3)
    },
    "zoo:mobilenet-v2": Origin("MobileNetV2 (inverted residuals)", _IMAGENET),
}


def origin(name: str, kind: str | None) -> Origin:
    """Say where a model comes from; of one that is not in the zoo only its class is known."""
    return ORIGINS.get(name, Origin(kind or UNKNOWN, UNKNOWN))
