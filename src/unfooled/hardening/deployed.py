"""A model behind defences that need no training, as it would be deployed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from torch import Tensor, nn

from unfooled.core.errors import InputError, ModelError
from unfooled.core.target import Model
from unfooled.defences import DETECTORS, SOUNDS
from unfooled.defences.chain import Chain, read_defence
from unfooled.models.classifier import Classifier, wrap
from unfooled.models.doubting import Doubting
from unfooled.models.preprocess import Preprocess
from unfooled.models.speech import SpeechModel


class Whole(nn.Module):
    """A module and the preprocessing that its adapter did, so that defences see pictures in [0, 1]."""

    def __init__(self, preprocess: Preprocess, module: nn.Module) -> None:
        super().__init__()
        self.preprocess, self.module = preprocess, module

    def forward(self, values: Tensor) -> Any:
        """Give what the module gives."""
        return self.module(self.preprocess(values))


def whole(model: Classifier) -> Classifier:
    """Give a classifier whose module does its own preprocessing."""
    if model.preprocess is None:
        return model
    return replace(model, module=Whole(model.preprocess, model.module).eval(), preprocess=None)


def defended(model: object, defence: str) -> Model:
    """Put defences before a model that is left alone: a classifier, or a model of speech.

    Args:
        model: As `unfooled.audit` takes it.
        defence: As `read_defence` reads it: `jpeg:quality=50`, `mp3:kbps=48+running-median`. Of a model of speech they
            know its sample rate.

    Raises:
        InputError: There is no such defence, it has to be trained, or it is not for such a model.
        ModelError: The model can only be asked, or has no place where a defence could stand.
    """
    adapter = wrap(model)
    if isinstance(adapter, SpeechModel):
        chain = read_defence(defence, adapter.sample_rate)
        _check_hears(adapter, chain)
        base: SpeechModel | Classifier = adapter
    elif isinstance(adapter, Classifier):
        chain, base = read_defence(defence), whole(adapter)
    else:
        do = "Give a torch module, or unfooled.speech_model(...)."
        raise ModelError("A defence stands before a torch module", f"a {type(adapter).__name__}", do)
    _check_trained(chain)
    return replace(base, module=chain.layered(base.module), name=f"{base.name} with {chain.name}")


def _check_trained(chain: Chain) -> None:
    learning = tuple(type(one) for one in DETECTORS.values())
    if chain.recipe is not None or isinstance(chain.layers[-1], learning):
        do = "Try it with `unfooled harden`, and audit the model that it writes."
        raise InputError("This defence has to learn from examples first", repr(chain.name), do)


def _check_hears(model: SpeechModel, chain: Chain) -> None:
    if not all(isinstance(layer, tuple(type(one) for one in SOUNDS.values())) for layer in chain.layers):
        raise InputError(
            "This defence is not one of recordings", repr(chain.name), f"Choose among {', '.join(SOUNDS)}."
        )
    if isinstance(model.writing, Doubting):
        do = "Put the defence before its model, and the detector over both."
        raise InputError("A detector stands before this model already", model.name, do)
