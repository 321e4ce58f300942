"""JPEG: pictures go through the real codec before the model sees them."""

from __future__ import annotations

import io
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional

from unfooled.core.errors import InputError
from unfooled.defences.card import Card
from unfooled.defences.layers import before

_LUMINANCE = (
    (16, 11, 10, 16, 24, 40, 51, 61), (12, 12, 14, 19, 26, 58, 60, 55), (14, 13, 16, 24, 40, 57, 69, 56),
    (14, 17, 22, 29, 51, 87, 80, 62), (18, 22, 37, 56, 68, 109, 103, 77), (24, 35, 55, 64, 81, 104, 113, 92),
    (49, 64, 78, 87, 103, 121, 120, 101), (72, 92, 95, 98, 112, 100, 103, 99),
)  # fmt: skip
"""The quantisation table of ITU-T T.81, Annex K.1, for quality 50."""


@dataclass(frozen=True)
class JPEG:
    """Store pictures (n, 1 or 3, h, w) as JPEG and read them again, each by itself.

    Answers are the codec's own, rounded to 8 bits; gradients are those of a smooth codec, so that an attacker climbs
    through it.

    Attributes:
        quality: Of the codec, 1 to 95.

    Reference:
        Das, Shanbhogue, Chen, Hohman, Li, Chen, Kounavis and Chau. SHIELD: fast, practical defense and vaccination for
        deep learning using JPEG compression. KDD 2018. https://arxiv.org/abs/1802.06816, section 3.1. Its gradient:
        Shin and Song. JPEG-resistant adversarial images. NIPS 2017 workshop on machine learning and computer security.
        Differs from the papers: one quality instead of random ones by block; the gradient is the mean of that of their
        smooth rounding and that of no rounding at all, with one table for all three channels and no subsampling.
    """

    quality: int = 75
    card: ClassVar[Card] = Card(
        "input", "D", "Das et al., KDD 2018; broken by Athalye et al., ICML 2018, and Shin and Song, 2017",
        differentiable=False, adaptive=("bpda",), ignorant="transfer", mitigation="AML.M0010",
    )  # fmt: skip

    def __post_init__(self) -> None:
        if not 1 <= self.quality <= 95:
            raise InputError("A JPEG quality lies between 1 and 95", self.quality, "Give for example 75.")

    def __call__(self, module: nn.Module) -> nn.Module:
        """See `Layered`."""
        return before(partial(compressed, quality=self.quality), module)

    def seen(self, defended: nn.Module) -> nn.Module:
        """See `Layered.seen`: its gradients are honest as it is."""
        return defended


def compressed(values: Tensor, quality: int) -> Tensor:
    """Give pictures (n, c, h, w) in [0, 1] as a JPEG of this quality holds them, differentiably."""
    if values.ndim != 4 or values.shape[1] not in (1, 3):
        raise InputError("JPEG holds pictures of 1 or 3 channels", f"shape {tuple(values.shape)}", "Use bit-depth.")
    changed: Tensor = _Codec.apply(values, quality)  # type: ignore[no-untyped-call]
    return changed


class _Codec(torch.autograd.Function):
    """The real codec forward, a smooth one backward."""

    @staticmethod
    def forward(context: Any, values: Tensor, quality: int) -> Tensor:
        context.save_for_backward(values)
        context.quality = quality
        stored = (values.detach().clamp(0, 1) * 255).round().byte().permute(0, 2, 3, 1).cpu().numpy()
        read = np.stack([_through_codec(picture, quality) for picture in stored])
        return torch.from_numpy(read).to(values).permute(0, 3, 1, 2).div(255).contiguous()

    @staticmethod
    def backward(context: Any, *grads: Tensor) -> tuple[Tensor, None]:
        (values,) = context.saved_tensors
        with torch.enable_grad():
            inputs = values.detach().requires_grad_()
            smooth = _smooth(inputs, context.quality)
            (pulled,) = torch.autograd.grad(smooth, inputs, grads[0])
        return (pulled + grads[0]) / 2, None


def _through_codec(picture: np.ndarray, quality: int) -> np.ndarray:
    """Store one picture (h, w, c) of uint8 and read it again."""
    grey, buffer = picture.shape[2] == 1, io.BytesIO()
    Image.fromarray(picture[..., 0] if grey else picture).save(buffer, "JPEG", quality=quality)
    with Image.open(io.BytesIO(buffer.getvalue())) as read:
        return np.asarray(read).reshape(picture.shape)


def _smooth(values: Tensor, quality: int) -> Tensor:
    """Compress with a rounding that has a slope, in the codec's own colours."""
    scale = 5000 / quality if quality < 50 else 200 - 2 * quality
    step = ((torch.tensor(_LUMINANCE).to(values) * scale + 50) / 100).floor().clamp(1, 255)
    if values.shape[1] == 1:
        return _blockwise(values, lambda waves: _softly_rounded(waves / step) * step)
    colours = torch.tensor([[0.299, 0.587, 0.114], [-0.1687, -0.3313, 0.5], [0.5, -0.4187, -0.0813]]).to(values)
    mixed = torch.einsum("ij,njhw->nihw", colours, values)
    rounded = _blockwise(mixed, lambda waves: _softly_rounded(waves / step) * step)
    return torch.einsum("ij,njhw->nihw", torch.linalg.inv(colours), rounded)


def _softly_rounded(values: Tensor) -> Tensor:
    whole = values.detach().round()
    return whole + (values - whole) ** 3


def _blockwise(values: Tensor, change: Callable[[Tensor], Tensor]) -> Tensor:
    """Change the cosine coefficients of blocks of 8 by 8 pixels, in units of 1/255."""
    height, width = values.shape[-2:]
    wide = functional.pad(values, (0, -width % 8, 0, -height % 8), mode="replicate")
    place = torch.arange(8, dtype=values.dtype, device=values.device)
    wave = torch.cos(math.pi / 8 * (place + 0.5) * place.unsqueeze(1)) / 2
    wave = torch.cat([wave[:1] / math.sqrt(2), wave[1:]])
    blocks = wide.reshape(*wide.shape[:2], wide.shape[-2] // 8, 8, wide.shape[-1] // 8, 8).transpose(-3, -2)
    back = wave.T @ change(wave @ (255 * blocks - 128) @ wave.T) @ wave
    whole = back.transpose(-3, -2).flatten(-2).flatten(-3, -2)
    return ((whole + 128) / 255)[..., :height, :width]
