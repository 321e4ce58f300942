"""Models of speech of the Hugging Face kind, from the hub or a folder: CTC heads, and decoders that dictate."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from unfooled.core.errors import InputError, ModelError
from unfooled.core.transcripts import as_sentence
from unfooled.zoo.speech.log_mel import LogMel

from .ctc import CTC
from .dictation import Dictation
from .speech import SpeechModel

_CLOSE = 1e-4
"""How far the features may be from those of the library's own extractor."""


def hears(architectures: Sequence[str]) -> bool:
    """Tell a model of speech by its classes."""
    from transformers.models.auto import modeling_auto as known  # noqa: PLC0415  an extra

    hearing = {*known.MODEL_FOR_CTC_MAPPING_NAMES.values(), *known.MODEL_FOR_SPEECH_SEQ_2_SEQ_MAPPING_NAMES.values()}
    return not hearing.isdisjoint(architectures)


def load(name: str, architectures: Sequence[str]) -> SpeechModel:
    """Load a model of speech with the front end, the tokenizer and the decoder's settings that it was saved with.

    Weights come from safetensors alone, and no code from the hub is run. Decoding is greedy. Models of several
    languages hear the one that their generation_config.json names, or else English.

    Args:
        name: Name on the hub, or a folder by `save_pretrained` of model, tokenizer and feature extractor.
        architectures: Its classes, as config.json names them.

    Raises:
        ModelError: It has no safetensors weights or no tokenizer, or its front end passes no gradients here.
    """
    import transformers  # noqa: PLC0415  an extra

    frames = any(one.endswith("ForCTC") for one in architectures)
    extractors: Any = transformers.AutoFeatureExtractor
    try:
        extractor = extractors.from_pretrained(name)
        kind = transformers.AutoModelForCTC if frames else transformers.AutoModelForSpeechSeq2Seq
        net, info = kind.from_pretrained(name, use_safetensors=True, output_loading_info=True)
        tokenizer = transformers.AutoTokenizer.from_pretrained(name)
    except Exception as error:  # the hub client raises many kinds; all of them mean that there is no model to audit
        raise ModelError(
            f"The model of speech {name!r} cannot be loaded from Hugging Face",
            f"{type(error).__name__}: {str(error).strip():.400}",
            "Name a folder that holds config.json, model.safetensors and what its tokenizer and its feature extractor "
            "saved.",
        ) from error
    if info["missing_keys"]:
        raise ModelError(
            f"The checkpoint {name!r} is no trained model of speech",
            f"no weights for {', '.join(sorted(info['missing_keys'])[:4])}",
            "Name a checkpoint that was trained to transcribe.",
        )
    net = net.float().eval().requires_grad_(False)
    front, rate = _front(name, extractor), int(extractor.sampling_rate)
    if frames:
        return SpeechModel(Framed(front, net), _alphabet(net, tokenizer), rate, f"hf:{name}")
    module = Dictated(front, net, _prompt(net, tokenizer))
    writing = Dictation(lambda phrase: _spelled(tokenizer, module, phrase), lambda tokens: _told(tokenizer, tokens))
    return SpeechModel(module, writing, rate, f"hf:{name}")


class Waveform(nn.Module):
    """The front end of models that take samples: nothing, or each recording at mean 0 and variance 1."""

    argument = "input_values"

    def __init__(self, *, normalised: bool) -> None:
        super().__init__()
        self.normalised = normalised

    def forward(self, values: Tensor) -> Tensor:
        """Give samples (b, t) as the model takes them."""
        if not self.normalised:
            return values
        variance, mean = torch.var_mean(values, dim=1, correction=0, keepdim=True)
        return (values - mean) / (variance + 1e-7).sqrt()


class PaddedMel(nn.Module):
    """Whisper's front end: silence up to its context, then the logarithm of mel power."""

    argument = "input_features"

    def __init__(self, mels: int, samples: int) -> None:
        super().__init__()
        self.mels, self.samples = LogMel(mels), samples

    def forward(self, values: Tensor) -> Tensor:
        """Give features (b, mels, frames) of samples (b, t).

        Raises:
            InputError: The recordings are longer than the context.
        """
        if values.shape[1] > self.samples:
            raise InputError(
                "The clip is longer than the model hears at once",
                f"{values.shape[1]} samples",
                f"Cut it to {self.samples}.",
            )
        features: Tensor = self.mels(functional.pad(values, (0, self.samples - values.shape[1])))
        return features


class Framed(nn.Module):
    """A front end and a CTC head: samples (1, t) to scores (1, f, k)."""

    def __init__(self, front: nn.Module, net: nn.Module) -> None:
        super().__init__()
        self.front, self.net = front, net

    def forward(self, values: Tensor) -> Tensor:
        """Give the scores."""
        scores: Tensor = self.net(self.front(values)).logits
        return scores


class Dictated(nn.Module):
    """A front end, an encoder and a decoder that is fed what it wrote; see `dictation.Dictating`.

    Args:
        front: From samples to what the encoder takes.
        net: The model.
        prompt: Tokens that the decoder starts from.
    """

    net: Any

    def __init__(self, front: Waveform | PaddedMel, net: Any, prompt: list[int]) -> None:
        super().__init__()
        self.front, self.net, self.prompt = front, net, prompt
        known = net.generation_config
        ends = known.eos_token_id
        self.end = int(ends[0] if isinstance(ends, list) else ends)
        self.suppressed = list(getattr(known, "suppress_tokens", None) or ())
        self.suppressed_first = list(getattr(known, "begin_suppress_tokens", None) or ())

    def forward(self, values: Tensor, lengths: Tensor | None, tokens: Tensor) -> Tensor:
        """Score tokens (b, m), padded with -1: scores (b, m, k) at i decide what follows tokens[:, :i]."""
        prompt = tokens.new_tensor(self.prompt).expand(len(tokens), -1)
        given = torch.cat([prompt, tokens.clamp(min=0)[:, :-1]], dim=1)
        given_scores = self.net(**{self.front.argument: self.front(values)}, decoder_input_ids=given).logits
        scores: Tensor = given_scores[:, len(self.prompt) - 1 :].clone()
        scores[..., self.suppressed] = -torch.inf
        scores[:, 0, self.suppressed_first] = -torch.inf
        return scores

    @torch.no_grad()
    def transcribe(self, values: Tensor, lengths: Tensor | None) -> list[list[int]]:
        """Decode as the library does, greedily."""
        languages = {"language": _language(self.net), "task": "transcribe"} if _multilingual(self.net) else {}
        given = {self.front.argument: self.front(values)}
        written: Tensor = self.net.generate(**given, num_beams=1, do_sample=False, **languages)
        return [list(map(int, row)) for row in written]


def _front(name: str, extractor: Any) -> Waveform | PaddedMel:
    """Give the front end that a model was saved with, in torch."""
    kind = type(extractor).__name__
    if kind == "Wav2Vec2FeatureExtractor":
        return Waveform(normalised=bool(extractor.do_normalize))
    if kind != "WhisperFeatureExtractor":
        raise _not_reproduced(f"{kind} of {name!r}")
    ours = PaddedMel(extractor.feature_size, extractor.n_samples)
    rate = extractor.sampling_rate
    noise = np.random.default_rng(0).normal(0, 0.1, rate).astype(np.float32)
    expected = torch.from_numpy(np.asarray(extractor(noise, sampling_rate=rate).input_features[0]))
    features = ours(torch.from_numpy(noise)[None])[0]
    if features.shape != expected.shape or not torch.allclose(features, expected, rtol=0, atol=_CLOSE):
        raise _not_reproduced(f"other features than those of {name!r}")
    return ours


def _not_reproduced(found: str) -> ModelError:
    return ModelError(
        "This front end cannot be reproduced so that gradients pass",
        found,
        "Load the module yourself and give it to unfooled.speech_model(module, writing, sample_rate).",
    )


def _alphabet(net: Any, tokenizer: Any) -> CTC:
    """Read what each token of a CTC head writes; the library's own tokenizer decodes."""
    gap = getattr(tokenizer, "word_delimiter_token", None)
    silent = set(tokenizer.all_special_tokens) - {gap}
    texts = {number: text for text, number in tokenizer.get_vocab().items() if text not in silent}
    alphabet = tuple(texts.get(number, "").replace(gap or " ", " ") for number in range(net.config.vocab_size))

    def greedy(scores: Tensor) -> str:
        text: str = tokenizer.decode(scores.argmax(dim=1).tolist())
        return text

    return CTC(alphabet, blank=net.config.pad_token_id, decode=greedy)


def _prompt(net: Any, tokenizer: Any) -> list[int]:
    """Give the tokens that a decoder starts from."""
    if hasattr(tokenizer, "set_prefix_tokens"):
        if _multilingual(net):
            tokenizer.set_prefix_tokens(language=_language(net), task="transcribe", predict_timestamps=False)
        return list(tokenizer.prefix_tokens)
    known = net.generation_config.decoder_start_token_id
    return [int(net.config.decoder_start_token_id if known is None else known)]


def _spelled(tokenizer: Any, module: Dictated, phrase: str) -> list[int]:
    """Give the tokens that the decoder has to write, the end's last."""
    begins = " " if hasattr(tokenizer, "set_prefix_tokens") else ""
    tokens = [*tokenizer.encode(begins + as_sentence(phrase), add_special_tokens=False), module.end]
    wrong = [
        token
        for at, token in enumerate(tokens)
        if token in module.suppressed or (not at and token in module.suppressed_first)
    ]
    if wrong:
        raise InputError("The model never writes this", f"{tokenizer.decode(wrong)!r} in {phrase!r}", "Leave it out.")
    return tokens


def _told(tokenizer: Any, tokens: list[int]) -> str:
    """Give the text of tokens; those that steer the decoder write nothing."""
    return str(tokenizer.decode(tokens, skip_special_tokens=True))


def _multilingual(net: Any) -> bool:
    return bool(getattr(net.generation_config, "is_multilingual", False))


def _language(net: Any) -> str:
    return str(getattr(net.generation_config, "language", None) or "en")
