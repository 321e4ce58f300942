"""Models that the zoo's packages carry, by the names that follow `zoo:`."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from torch import nn

from unfooled.core.errors import InputError
from unfooled.core.target import Model
from unfooled.scenes.lens import SEEN
from unfooled.zoo import efficientnet, mobilenet, mtcnn
from unfooled.zoo.imagenet_names import imagenet_names
from unfooled.zoo.signs import nets
from unfooled.zoo.signs import weights as sign_weights
from unfooled.zoo.signs.artwork import CLASSES

from .classifier import wrap
from .detector import Detector
from .preprocess import Preprocess
from .speech_zoo import SPEECH
from .token_models import guard_model

_PICTURES: dict[str, tuple[Callable[[], nn.Module], Preprocess]] = {
    **{
        f"efficientnet-lite{version}": (
            partial(efficientnet.efficientnet_lite, version),
            Preprocess(efficientnet.MEAN, efficientnet.STD, size=size),
        )
        for version, size in enumerate(efficientnet.SIZES)
    },
    "mobilenet-v2": (mobilenet.mobilenet_v2, Preprocess(mobilenet.MEAN, mobilenet.STD, size=mobilenet.SIZE)),
    **{name: (partial(sign_weights.trained, name), Preprocess(nets.MEAN, nets.STD, size=SEEN)) for name in nets.NETS},
}


def load(name: str) -> Model:
    """Load a model of the zoo.

    Raises:
        InputError: There is no such model.
        MissingExtraError: The package that carries it is not installed.
    """
    if name in _OTHERS:
        return _OTHERS[name]()
    if name not in _PICTURES:
        known = ", ".join(f"`zoo:{one}`" for one in (*_PICTURES, *_OTHERS))
        raise InputError("No such model in the zoo", repr(name), f"The zoo has {known}.")
    build, preprocess = _PICTURES[name]
    classes = CLASSES if name in nets.NETS else imagenet_names()
    return wrap(build(), preprocess, classes, name=f"zoo:{name}")


def _faces() -> Model:
    return Detector(mtcnn.mtcnn(), 0.0, odds=True, name="zoo:mtcnn", thing="face")


_OTHERS: dict[str, Callable[[], Model]] = {"mtcnn": _faces, "guard": guard_model, **SPEECH}
"""Those that read or answer something else than pictures and classes."""
