"""Image classifiers of timm by name; needs timm, and with it torchvision."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from unfooled.core.errors import MissingExtraError, ModelError
from unfooled.zoo.imagenet_names import imagenet_names

from .classifier import Classifier
from .preprocess import Preprocess
from .weights import load_weights


def load(name: str, weights: Path | None = None) -> Classifier:
    """Load an image classifier of timm with its own normalisation, size and crop.

    Args:
        name: As `timm.list_models()` has it.
        weights: A file of yours; without one timm fetches its own.

    Raises:
        MissingExtraError: timm, or the torchvision that it needs, is missing or does not load.
        ModelError: There is no such model, its weights cannot be had, or its preprocessing is unknown.
    """
    try:
        import timm  # noqa: PLC0415  an extra
        from timm.data import resolve_model_data_config  # noqa: PLC0415
    except (ImportError, RuntimeError, OSError) as error:
        raise MissingExtraError(
            "`timm:` needs timm and a torchvision that fits this torch",
            f"{type(error).__name__}: {error}",
            'Run: pip install "unfooled[timm]", and take torch and torchvision from the same index. Without '
            "torchvision, build the module in a factory of your own.",
        ) from error
    try:
        module = timm.create_model(name, pretrained=weights is None)
    except Exception as error:  # the hub client raises many kinds
        raise ModelError(
            f"timm cannot make {name!r}",
            f"{type(error).__name__}: {str(error).strip():.400}",
            "Check the name with timm.list_models() and the network, or give weights of your own.",
        ) from error
    if weights is not None:
        load_weights(module, weights)
    preprocess = preprocess_of(resolve_model_data_config(module))
    classes = imagenet_names() if module.num_classes == 1000 and weights is None else None
    return Classifier(module.eval(), preprocess, classes, f"timm:{name}")


def preprocess_of(settings: Mapping[str, Any]) -> Preprocess:
    """Read the preprocessing out of timm's data configuration.

    Raises:
        ModelError: It does something that Preprocess cannot reproduce.
    """
    _, height, width = settings["input_size"]
    mode, interpolation = settings["crop_mode"], settings["interpolation"]
    wide, tall = (math.floor(side / settings["crop_pct"]) for side in (width, height))
    squash = mode == "squash"
    if interpolation not in ("bilinear", "bicubic") or not (squash or (mode == "center" and height == width)):
        raise ModelError(
            "This preprocessing cannot be reproduced so that gradients pass",
            f"{interpolation} to {height} x {width}, crop mode {mode!r}",
            "Give the module to wrap(model, Preprocess(mean, std, size, crop)) yourself.",
        )
    size = (tall, wide) if squash else tall
    return Preprocess(tuple(settings["mean"]), tuple(settings["std"]), size, (height, width), interpolation)
