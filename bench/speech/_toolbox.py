"""Carlini-Wagner for speech of adversarial-robustness-toolbox on a CTC module: it ships no estimator for one."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from art.attacks.evasion import CarliniWagnerASR
from art.estimators.pytorch import PyTorchEstimator
from art.estimators.speech_recognition.speech_recognizer import SpeechRecognizerMixin

SCALE = 2**-15
"""From the library's 16-bit samples to [-1, 1], as its documentation says."""
FIRST = 0x4E00
"""Letters from here on stand for tokens: ones that no change of case changes."""


class Hearer(SpeechRecognizerMixin, PyTorchEstimator):
    """A CTC module as the library asks for it."""

    def __init__(self, module: torch.nn.Module) -> None:
        super().__init__(model=module, clip_values=(-1.0, 1.0), device_type="cpu", channels_first=None)
        self._module = module

    @property
    def input_shape(self) -> tuple[int, ...]:
        return (1,)

    def get_activations(self, *_: Any, **__: Any) -> np.ndarray:
        raise NotImplementedError

    def predict(self, x: np.ndarray, batch_size: int = 1, **_: Any) -> np.ndarray:
        with torch.no_grad():
            paths = self._module(torch.from_numpy(x.astype(np.float32))).argmax(dim=2)
        texts = ["".join(chr(FIRST + int(one)) for one in path.unique_consecutive() if one != 190) for path in paths]
        return np.array(texts)

    def loss_gradient(self, x: np.ndarray, y: np.ndarray, **_: Any) -> np.ndarray:
        values = torch.from_numpy(x.astype(np.float32)).requires_grad_()
        scores = self._module(values).log_softmax(dim=2)
        tokens = torch.tensor([[ord(letter) - FIRST for letter in y[0]]])
        sizes = torch.tensor([scores.shape[1]]), torch.tensor([tokens.shape[1]])
        loss = torch.nn.functional.ctc_loss(scores.transpose(0, 1), tokens, *sizes, blank=190, reduction="sum")
        return torch.autograd.grad(loss, values)[0].numpy()

    def fit(self, *_: Any, **__: Any) -> None:
        raise NotImplementedError


def estimator(module: torch.nn.Module, steps: int) -> CarliniWagnerASR:
    """Give the attack with its own settings, scaled."""
    return CarliniWagnerASR(Hearer(module), eps=2000 * SCALE, learning_rate=100 * SCALE, max_iter=steps, batch_size=1)
