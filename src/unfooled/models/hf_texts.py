"""Text classifiers of the Hugging Face kind, from the hub or a folder; they may be climbed at their embeddings."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import partial
from typing import Any

from unfooled.core.errors import ModelError
from unfooled.core.tokens import Tokens

from .black_box import BlackBox
from .token_models import TokenReader, token_model
from .weights import fingerprint

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
    reader = TokenReader(
        module.requires_grad_(False),
        lambda tokens, real: module(input_ids=tokens, attention_mask=real.long()).logits,
        module.get_input_embeddings(),
        partial(_cut, tokenizer, window := _window(module.config, tokenizer)),
        window,
        module.config.pad_token_id,
    )
    written = repr(sorted(tokenizer.get_vocab().items())) + repr(tokenizer)
    sha256 = hashlib.sha256((fingerprint(module) + written).encode()).hexdigest()
    classes = tuple(str(names[index]) for index in sorted(names))
    return token_model(reader, f"hf:{name}", sha256, classes, legible=tokenizer.is_fast)


def _window(config: Any, tokenizer: Any) -> int:
    """Say how many tokens the model reads."""
    limits = (tokenizer.model_max_length, getattr(config, "max_position_embeddings", _UNLIMITED))
    return int(min(_UNLIMITED, *limits))


def _cut(tokenizer: Any, window: int, texts: Sequence[str]) -> tuple[list[Tokens], int]:
    """Cut texts into tokens, a window full at most, and count those that are longer."""
    told = tokenizer(list(texts), truncation=True, max_length=window, return_offsets_mapping=tokenizer.is_fast)
    numbers = told["input_ids"]
    spans = told["offset_mapping"] if tokenizer.is_fast else [[(0, 0)] * len(one) for one in numbers]
    longer = sum(
        len(one) >= window and len(tokenizer(text, verbose=False)["input_ids"]) > window
        for one, text in zip(numbers, texts, strict=True)
    )
    return [
        Tokens(list(one), [tuple(span) for span in where]) for one, where in zip(numbers, spans, strict=True)
    ], longer
