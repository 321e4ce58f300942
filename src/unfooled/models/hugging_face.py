"""Models of the Hugging Face kind, from the hub or a folder; needs transformers, not torchvision."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from unfooled.core.errors import MissingExtraError, ModelError, UnfooledError

from . import hf_speech, hf_texts
from .black_box import BlackBox
from .classifier import Classifier
from .preprocess import Interpolation, Preprocess
from .speech import SpeechModel

RESAMPLING: dict[int, Interpolation] = {0: "nearest", 2: "bilinear", 3: "bicubic"}
"""PIL's numbers, as preprocessor_config.json writes them."""

NOT_REPRODUCED = ("do_pad", "rescale_offset", "include_top", "do_flip_channel_order", "do_convert_grayscale")
"""Steps of some image processors that Preprocess does not have."""

WARPED_FROM = 384
"""From this size on, processors with a `crop_pct` warp to a square instead of cropping."""


def load(name: str) -> Classifier | BlackBox | SpeechModel:
    """Load a classifier of pictures with the preprocessing and class names that it was saved with, or another's model.

    Classifiers of texts and models that transcribe are told by their configuration.

    Weights come from safetensors alone, and no code from the hub is run.

    Args:
        name: Name on the hub, or a folder by `save_pretrained` with its preprocessor_config.json.

    Raises:
        MissingExtraError: transformers is not installed.
        ModelError: There is no such model, it has no safetensors weights or no trained head, or its
            preprocessing is unknown.
    """
    try:
        from transformers import AutoConfig, AutoModelForImageClassification  # noqa: PLC0415  an extra
        from transformers.image_processing_base import ImageProcessingMixin  # noqa: PLC0415
    except (ImportError, RuntimeError) as error:
        raise MissingExtraError(
            "`hf:` needs transformers", f"{type(error).__name__}: {error}", 'Run: pip install "unfooled[hf]"'
        ) from error
    try:
        architectures = AutoConfig.from_pretrained(name).architectures or ()
        if any(one.endswith("ForSequenceClassification") for one in architectures):
            return hf_texts.load(name)
        if hf_speech.hears(architectures):
            return hf_speech.load(name, architectures)
        module, info = AutoModelForImageClassification.from_pretrained(
            name, use_safetensors=True, output_loading_info=True
        )
        settings, _ = ImageProcessingMixin.get_image_processor_dict(name)
    except UnfooledError:
        raise
    except Exception as error:  # the hub client raises many kinds; all of them mean that there is no model to audit
        raise ModelError(
            f"The model {name!r} cannot be loaded from Hugging Face",
            f"{type(error).__name__}: {str(error).strip():.400}",
            "Check the name and the network, or name a folder that holds config.json, model.safetensors and "
            "preprocessor_config.json; unsafe .bin weights are not opened.",
        ) from error
    if info["missing_keys"]:
        raise ModelError(
            f"The checkpoint {name!r} is no trained image classifier",
            f"no weights for {', '.join(sorted(info['missing_keys'])[:4])}",
            "Name a checkpoint whose classifier head was trained.",
        )
    names = module.config.id2label
    classes = tuple(str(names[index]) for index in sorted(names))
    # Half-precision weights would refuse float32 pictures, and their gradients are coarse.
    return Classifier(module.float().eval(), preprocess_of(settings), classes, f"hf:{name}")


def preprocess_of(settings: Mapping[str, Any]) -> Preprocess:
    """Read the preprocessing out of an image processor's settings.

    Resizing here gives exact numbers, where a picture library rounds them to 8 bits: scores differ a little.

    Args:
        settings: Contents of preprocessor_config.json; settings of older releases are understood too.

    Raises:
        ModelError: The processor does something that Preprocess cannot reproduce.
    """
    for key in NOT_REPRODUCED:
        if settings.get(key):
            raise _not_reproduced(key, settings[key])
    # A network that is fed 0 to 255 has its mean and std in those units; ours are in units of [0, 1].
    white = 255 * settings.get("rescale_factor", 1 / 255) if settings.get("do_rescale", True) else 255
    mean: Any = 0.0
    std: Any = 1.0
    if settings.get("do_normalize", True):
        mean, std = settings.get("image_mean"), settings.get("image_std")
        if mean is None or std is None:
            raise _not_reproduced("image_mean, image_std", (mean, std))
    size, crop = _sides(settings)
    resample = settings.get("resample", 2)
    if size is not None and resample not in RESAMPLING:
        raise _not_reproduced("resample", resample)
    return Preprocess(_per(white, mean), _per(white, std), size, crop, RESAMPLING.get(resample, "bilinear"))


def _per(white: float, value: float | list[float]) -> float | tuple[float, ...]:
    return tuple(part / white for part in value) if isinstance(value, list | tuple) else value / white


Side = int | tuple[int, int] | None


def _sides(settings: Mapping[str, Any]) -> tuple[Side, Side]:
    """Give what Preprocess calls size and crop."""
    crop = _side("crop_size", settings.get("crop_size")) if settings.get("do_center_crop") else None
    if not settings.get("do_resize", True):
        return None, crop
    size = settings.get("size")
    edge = size.get("shortest_edge") if isinstance(size, Mapping) else size
    if settings.get("crop_pct") and isinstance(edge, int):  # the family of ConvNeXt and ResNet
        return ((edge, edge), None) if edge >= WARPED_FROM else (int(edge / settings["crop_pct"]), edge)
    if isinstance(size, Mapping) and set(size) == {"shortest_edge"}:
        if crop is None:
            raise _not_reproduced("size", size)
        return int(size["shortest_edge"]), crop
    return _side("size", size), crop


def _side(key: str, value: Any) -> Side:
    if isinstance(value, int):
        return value
    if isinstance(value, Mapping) and {"height", "width"} <= set(value):
        return int(value["height"]), int(value["width"])
    raise _not_reproduced(key, value)


def _not_reproduced(key: str, value: object) -> ModelError:
    return ModelError(
        "This preprocessing cannot be reproduced so that gradients pass",
        f"{key} = {value!r} in preprocessor_config.json",
        "Load the module yourself and give it to wrap(model, Preprocess(mean, std, size, crop)).",
    )
