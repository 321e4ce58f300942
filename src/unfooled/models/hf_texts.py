"""Text classifiers of the Hugging Face kind, from the hub or a folder; asked for scores."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import nn

from unfooled.core.errors import ModelError
from unfooled.core.target import Access

from .black_box import BlackBox
from .weights import fingerprint

_ROWS = 8
"""Texts of a pass. Passes have few shapes, so that no text's scores hang on which others are asked about."""

_UNLIMITED = 100_000  # tokenizers without a window say a huge number


def load(name: str) -> BlackBox:
    """Load a text classifier with the tokenizer and class names that it was saved with.

    Weights come from safetensors alone, and no code from the hub is run.

    Args:
        name: Name on the hub, or a folder by `save_pretrained` of model and tokenizer.

    Raises:
        ModelError: It has no safetensors weights, no tokenizer or no trained head.
    """
    from transformers import AutoModelForSequenceClassification, AutoTokenizer  # noqa: PLC0415  an extra

    try:
        module, info = AutoModelForSequenceClassification.from_pretrained(
            name, use_safetensors=True, output_loading_info=True
        )
        tokenizer = AutoTokenizer.from_pretrained(name)
    except Exception as error:  # the hub client raises many kinds; all of them mean that there is no model to audit
        raise ModelError(
            f"The text classifier {name!r} cannot be loaded from Hugging Face",
            f"{type(error).__name__}: {str(error).strip():.400}",
            "Name a folder that holds config.json, model.safetensors and the tokenizer's files.",
        ) from error
    if info["missing_keys"]:
        raise ModelError(
            f"The checkpoint {name!r} is no trained text classifier",
            f"no weights for {', '.join(sorted(info['missing_keys'])[:4])}",
            "Name a checkpoint whose classifier head was trained.",
        )
    module = module.float().eval()
    names = module.config.id2label
    fillers = (module.config.pad_token_id, tokenizer.pad_token_id, tokenizer.eos_token_id, 0)
    # Decoders read the last token that is no padding, and refuse passes of several texts unless told which that is.
    module.config.pad_token_id = next(one for one in fillers if one is not None)
    reader = _Reader(module, tokenizer, _window(module.config, tokenizer))
    written = repr(sorted(tokenizer.get_vocab().items())) + repr(tokenizer)
    return BlackBox(
        ask=reader.scores,
        access=Access.SCORES,
        name=f"hf:{name}",
        sha256=hashlib.sha256((fingerprint(module) + written).encode()).hexdigest(),
        classes=tuple(str(names[index]) for index in sorted(names)),
        about={"window": reader.window, "parameters": sum(one.numel() for one in module.parameters())},
        texts=True,
        remarks=reader.remarks,
    )


def _window(config: Any, tokenizer: Any) -> int:
    """Say how many tokens the model reads."""
    limits = (tokenizer.model_max_length, getattr(config, "max_position_embeddings", _UNLIMITED))
    return int(min(_UNLIMITED, *limits))


@dataclass(frozen=True)
class _Reader:
    """Reads texts with a module and its tokenizer.

    Attributes:
        module: The classifier.
        tokenizer: Its tokenizer.
        window: Most tokens that it reads; of longer texts it reads the beginning.
        cut: How many texts were longer, as `texts`.
    """

    module: nn.Module
    tokenizer: Any
    window: int
    cut: Counter[str] = field(default_factory=Counter)

    def scores(self, texts: np.ndarray) -> np.ndarray:
        """Score texts (r,): (r, k) float32."""
        told = self.tokenizer(texts.tolist(), truncation=True, max_length=self.window, return_overflowing_tokens=False)
        tokens = told["input_ids"]
        self.cut["texts"] += sum(
            len(one) >= self.window and len(self.tokenizer(text, verbose=False)["input_ids"]) > self.window
            for one, text in zip(tokens, texts.tolist(), strict=True)
        )
        groups: dict[int, list[int]] = defaultdict(list)
        for row, one in enumerate(tokens):
            groups[min(self.window, _padded(len(one)))].append(row)
        scores = np.zeros((len(texts), int(self.module.config.num_labels)), np.float32)  # type: ignore[union-attr,arg-type]
        for width, rows in groups.items():
            for begin in range(0, len(rows), _ROWS):
                some = rows[begin : begin + _ROWS]
                scores[some] = self._pass([tokens[row] for row in some], width)
        return scores

    def remarks(self) -> list[str]:
        """Say how many texts were cut."""
        some = self.cut["texts"]
        return [f"{some:,} questions were longer than the model's window of {self.window:,} tokens: it read their "
                "beginning alone"] if some else []  # fmt: skip

    def _pass(self, tokens: list[list[int]], width: int) -> np.ndarray:
        filled = tokens + [tokens[0]] * (_ROWS - len(tokens))
        padding: int = self.module.config.pad_token_id  # type: ignore[union-attr,assignment]
        ids = torch.tensor([one + [padding] * (width - len(one)) for one in filled])
        mask = torch.tensor([[1] * len(one) + [0] * (width - len(one)) for one in filled])
        with torch.no_grad():
            told = self.module(input_ids=ids, attention_mask=mask).logits
        scores: np.ndarray = told[: len(tokens)].float().numpy()
        return scores


def _padded(width: int) -> int:
    """Find the next multiple of 16."""
    return -(-max(1, width) // 16) * 16
