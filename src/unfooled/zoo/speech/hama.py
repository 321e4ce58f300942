"""hama's recogniser of phonemes: a Conformer with CTC, weights from a registry package, known by hash."""

from __future__ import annotations

import json
from functools import cache

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812  its usual name

from unfooled.zoo.pinned import pinned

from .hamapk import read_hamapk

SAMPLE_RATE = 16_000
TEMPERATURE, BLANK_BIAS = 0.95, -0.1
"""What hama's own decoder does to log-probabilities before it takes the largest."""

WEIGHTS_SHA256 = "a9fcfe73e179ca48e399cd76a90a6b3e1887bf5037ecc52b778d13a149563328"
VOCABULARY_SHA256 = "520d19e4e6ae58658eed53594e0feab8ea8e1b4b04a7746e25e50c16c29b91bf"

_INSTALL = "pip install --no-deps hama==1.7.0"
_BLOCKS, _HEADS, _FFT, _HOP, _FLOOR = 4, 4, 400, 160, 1e-10
_MODEL = "acoustic_model.model"


def hama() -> nn.Module:
    """Build hama's recogniser in evaluation mode: waveforms (b, t) in [-1, 1] at 16 kHz to scores (b, f, 191).

    A frame is 20 ms. The scores are those that hama's decoder decides by: log-probabilities divided by its
    temperature, with its bias on the blank. All clips of a batch are as long as they are: nothing is padded.

    Reference:
        Gulati et al. Conformer: convolution-augmented transformer for speech recognition. Interspeech 2020.
        https://arxiv.org/abs/2005.08100.
        Graves, Fernandez, Gomez and Schmidhuber. Connectionist temporal classification. ICML 2006.
        Differs from the paper: no relative positions; batch norm is folded into the convolutions; as hama has it.

    Raises:
        MissingExtraError: The package hama is not installed.
        InputError: Its weights are not the ones that are known.
    """
    weights = read_hamapk(pinned("hama", "assets/asr_waveform.hama", WEIGHTS_SHA256, _INSTALL).read_bytes())
    with torch.random.fork_rng(devices=[]):  # building it draws weights that are thrown away
        module = _Hama()
    module.load_state_dict(_renamed(weights))
    return module.eval().requires_grad_(requires_grad=False)


@cache
def alphabet() -> tuple[str, ...]:
    """Give what each token writes: phonemes, a space between words, and for the blank, the last one, nothing.

    Raises:
        MissingExtraError: The package hama is not installed.
        InputError: Its vocabulary is not the one that is known.
    """
    path = pinned("hama", "assets/g2p_vocab.json", VOCABULARY_SHA256, _INSTALL)
    phonemes = json.loads(path.read_text(encoding="utf-8"))["decoder"]
    return (*phonemes, " ", "")


class _Hama(nn.Module):
    kernels: Tensor
    mel: Tensor

    def __init__(self) -> None:
        super().__init__()
        width, tokens, mels, bins = 144, 191, 80, _FFT // 2 + 1
        self.register_buffer("kernels", torch.empty(_FFT, 2 * bins))
        self.register_buffer("mel", torch.empty(bins, mels))
        self.enter = nn.Conv1d(mels, width, 3, stride=2, padding=1)
        self.blocks = nn.Sequential(*(_Block(width) for _ in range(_BLOCKS)))
        self.tell = nn.Linear(width, tokens)

    def forward(self, x: Tensor) -> Tensor:
        y = F.gelu(self.enter(self._log_mel(x).mT)).mT
        log_probabilities: Tensor = self.tell(self.blocks(y)).log_softmax(dim=-1)
        bias = log_probabilities.new_zeros(log_probabilities.shape[-1])
        bias[-1] = BLANK_BIAS
        return log_probabilities / TEMPERATURE + bias

    def _log_mel(self, x: Tensor) -> Tensor:
        """Give the logarithm of mel power (b, 1 + t // 160, 80)."""
        centred = F.pad(x[:, None], (_FFT // 2, _FFT // 2), mode="reflect")[:, 0]
        real, imaginary = (centred.unfold(1, _FFT, _HOP) @ self.kernels).chunk(2, dim=-1)
        return ((real.square() + imaginary.square()) @ self.mel).clamp(min=_FLOOR).log()


class _Block(nn.Module):
    """Half a feed-forward, attention, convolution, half a feed-forward."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.before, self.after = _feed_forward(width), _feed_forward(width)
        self.attention = _Attention(width)
        self.convolution = _Convolution(width)
        self.norm = nn.LayerNorm(width)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.before(x) / 2
        x = x + self.attention(x)
        x = x + self.convolution(x)
        x = x + self.after(x) / 2
        y: Tensor = self.norm(x)
        return y


def _feed_forward(width: int) -> nn.Sequential:
    return nn.Sequential(nn.LayerNorm(width), nn.Linear(width, 4 * width), nn.SiLU(), nn.Linear(4 * width, width))


class _Attention(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm, self.enter, self.leave = nn.LayerNorm(width), nn.Linear(width, 3 * width), nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        query, key, value = (
            part.unflatten(-1, (_HEADS, -1)).transpose(1, 2) for part in self.enter(self.norm(x)).chunk(3, dim=-1)
        )
        heads = F.scaled_dot_product_attention(query, key, value)
        y: Tensor = self.leave(heads.transpose(1, 2).flatten(2))
        return y


class _Convolution(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm, self.enter, self.leave = nn.LayerNorm(width), nn.Linear(width, 2 * width), nn.Linear(width, width)
        self.along = nn.Conv1d(width, width, 31, padding=15, groups=width)

    def forward(self, x: Tensor) -> Tensor:
        gated = F.glu(self.enter(self.norm(x)), dim=-1)
        y: Tensor = self.leave(F.silu(self.along(gated.mT)).mT)
        return y


def _renamed(stored: dict[str, Tensor]) -> dict[str, Tensor]:
    """Name hama's tensors as `_Hama` does; what its export left nameless is told by its number."""
    kernels = (stored[f"stft_{part}_kernel"][:, 0] for part in ("real", "imag"))
    given = {
        "kernels": torch.cat(tuple(kernels)).T.contiguous(),
        "mel": stored["mel_fb"],
        "enter.weight": stored["onnx::Conv_801"],
        "enter.bias": stored["onnx::Conv_802"],
        "tell.weight": stored[f"{_MODEL}.proj.weight"][:, :, 0],
        "tell.bias": stored[f"{_MODEL}.proj.bias"],
    }
    for block in range(_BLOCKS):
        given |= {f"blocks.{block}.{name}": tensor for name, tensor in _block(stored, block).items()}
    return given


def _block(stored: dict[str, Tensor], block: int) -> dict[str, Tensor]:
    home, conv, matrix = f"{_MODEL}.blocks.{block}", 804 + 3 * block, 829 + 9 * block
    given = {
        "attention.enter.weight": stored[f"onnx::MatMul_{matrix + 2}"].T,
        "attention.enter.bias": stored[f"{home}.attn.in_proj_bias"],
        "attention.leave.weight": stored[f"onnx::MatMul_{matrix + 6}"].T,
        "attention.leave.bias": stored[f"{home}.attn.out_proj.bias"],
        "convolution.along.weight": stored[f"onnx::Conv_{conv}"],
        "convolution.along.bias": stored[f"onnx::Conv_{conv + 1}"],
    }
    for ours, theirs, first in (("before", "ffn1", matrix), ("after", "ffn2", matrix + 7)):
        for layer, name in ((1, "fc1"), (3, "fc2")):
            given[f"{ours}.{layer}.weight"] = stored[f"onnx::MatMul_{first + layer // 2}"].T
            given[f"{ours}.{layer}.bias"] = stored[f"{home}.{theirs}.{name}.bias"]
    for ours, name in (("enter", "pointwise1"), ("leave", "pointwise2")):
        given[f"convolution.{ours}.weight"] = stored[f"{home}.conv.{name}.weight"][:, :, 0]
        given[f"convolution.{ours}.bias"] = stored[f"{home}.conv.{name}.bias"]
    norms = {"before.0": "ffn1.norm", "attention.norm": "attn_norm", "convolution.norm": "conv.norm"}
    for ours, theirs in {**norms, "after.0": "ffn2.norm", "norm": "norm"}.items():
        given |= {f"{ours}.{part}": stored[f"{home}.{theirs}.{part}"] for part in ("weight", "bias")}
    return given
