"""Models of speech of the Hugging Face kind, made small on the spot: as the library itself hears, reads and writes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from unfooled.core.batch import Batch
from unfooled.core.errors import InputError, ModelError
from unfooled.core.transcripts import normalised as plain
from unfooled.models import load_model
from unfooled.models.hf_speech import PaddedMel, Waveform
from unfooled.models.speech import SpeechModel

transformers = pytest.importorskip("transformers")

LETTERS = [*"abcdefghijklmnopqrstuvwxyz'"]
CTC_VOCABULARY = {text: place for place, text in enumerate(["<pad>", "<s>", "</s>", "<unk>", "|", *LETTERS])}
HEARD = Batch(torch.randn(2, 4000, generator=torch.Generator().manual_seed(0)) / 10, torch.arange(2))


def ctc(folder: Path, **settings: Any) -> str:
    torch.manual_seed(0)
    config = transformers.Wav2Vec2Config(
        vocab_size=len(CTC_VOCABULARY), hidden_size=16, num_hidden_layers=1, num_attention_heads=2,
        intermediate_size=16, conv_dim=(8, 8), conv_kernel=(10, 4), conv_stride=(5, 4), num_feat_extract_layers=2,
        pad_token_id=0, num_conv_pos_embeddings=4, num_conv_pos_embedding_groups=2,
    )  # fmt: skip
    transformers.Wav2Vec2ForCTC(config).save_pretrained(folder)
    (folder / "vocab.json").write_text(json.dumps(CTC_VOCABULARY))
    transformers.Wav2Vec2CTCTokenizer(str(folder / "vocab.json")).save_pretrained(folder)
    transformers.Wav2Vec2FeatureExtractor(**settings).save_pretrained(folder)
    return f"hf:{folder}"


def whisper(folder: Path, *, multilingual: bool = False) -> str:
    torch.manual_seed(0)
    from transformers.convert_slow_tokenizer import bytes_to_unicode
    from transformers.models.whisper.tokenization_whisper import LANGUAGES

    words = [*bytes_to_unicode().values(), "<|endoftext|>", "<|startoftranscript|>"]
    words += [f"<|{one}|>" for one in LANGUAGES]  # their places tell the library which is which
    words += ["<|translate|>", "<|transcribe|>", "<|notimestamps|>"]
    numbers = {text: place for place, text in enumerate(words)}
    start, end = numbers["<|startoftranscript|>"], numbers["<|endoftext|>"]
    tokenizer = transformers.WhisperTokenizer(vocab=numbers, merges=[])
    tokenizer.add_special_tokens({"additional_special_tokens": words[256:]})
    config = transformers.WhisperConfig(
        vocab_size=len(words), num_mel_bins=8, encoder_layers=1, decoder_layers=1, encoder_attention_heads=2,
        decoder_attention_heads=2, encoder_ffn_dim=16, decoder_ffn_dim=16, d_model=16, max_source_positions=50,
        max_target_positions=32, pad_token_id=end, bos_token_id=end, eos_token_id=end, decoder_start_token_id=start,
    )  # fmt: skip
    model = transformers.WhisperForConditionalGeneration(config)
    known = {"suppress_tokens": [numbers["#"]], "begin_suppress_tokens": [end]}
    if multilingual:
        known |= {"is_multilingual": True, "lang_to_id": {"<|en|>": numbers["<|en|>"], "<|fr|>": numbers["<|fr|>"]}}
        known |= {"task_to_id": {"transcribe": numbers["<|transcribe|>"], "translate": numbers["<|translate|>"]}}
        known |= {"language": "fr"}
    else:
        known |= {"is_multilingual": False}
    model.generation_config = transformers.GenerationConfig(
        pad_token_id=end, bos_token_id=end, eos_token_id=end, decoder_start_token_id=start, max_length=20,
        no_timestamps_token_id=numbers["<|notimestamps|>"], return_timestamps=False, **known,
    )  # fmt: skip
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    transformers.WhisperFeatureExtractor(feature_size=8, chunk_length=1).save_pretrained(folder)
    return f"hf:{folder}"


def loaded(name: str) -> SpeechModel:
    model = load_model(name)
    assert isinstance(model, SpeechModel)
    return model


@pytest.mark.parametrize("normalised", [True, False])
def test_a_ctc_head_hears_what_the_library_hears(tmp_path: Path, normalised: bool) -> None:
    model = loaded(ctc(tmp_path, do_normalize=normalised))
    net = transformers.Wav2Vec2ForCTC.from_pretrained(tmp_path).eval()
    front = transformers.Wav2Vec2FeatureExtractor.from_pretrained(tmp_path)
    words = transformers.Wav2Vec2CTCTokenizer.from_pretrained(tmp_path)
    for row in range(2):
        given = front(HEARD.values[row].numpy(), sampling_rate=16_000, return_tensors="pt").input_values
        with torch.no_grad():
            theirs = net(given).logits
        ours = model.outputs(HEARD.rows(torch.tensor([row])))
        assert torch.allclose(ours, theirs.log_softmax(dim=2), atol=1e-4)
        expected = plain(words.decode(theirs.argmax(dim=2)[0]))
        assert model.answer(HEARD.rows(torch.tensor([row]))).texts == [expected]
    assert model.writing.spelled("It's on") == [CTC_VOCABULARY[one] for one in "it's|on"]
    assert model.sample_rate == 16_000


@pytest.mark.parametrize("multilingual", [True, False])
def test_whisper_hears_what_the_library_hears(tmp_path: Path, multilingual: bool) -> None:
    model = loaded(whisper(tmp_path, multilingual=multilingual))
    net = transformers.WhisperForConditionalGeneration.from_pretrained(tmp_path).eval()
    front = transformers.WhisperFeatureExtractor.from_pretrained(tmp_path)
    features = front(HEARD.values[0].numpy(), sampling_rate=16_000, return_tensors="pt").input_features
    told = {"language": "fr", "task": "transcribe"} if multilingual else {}
    written = net.generate(features, num_beams=1, do_sample=False, **told)[0].tolist()
    assert model.module.transcribe(HEARD.values[:1], None)[0] == written
    # what it writes, fed back, leads at every token: teacher forcing and decoding agree
    tokens = [one for one in written if one < model.module.end]
    scores = model.module(HEARD.values[:1], None, torch.tensor([[*tokens, model.module.end]]))
    assert scores[0].argmax(dim=1).tolist()[: len(tokens)] == tokens


def test_a_phrase_is_spelled_as_a_sentence_and_what_is_suppressed_is_refused(tmp_path: Path) -> None:
    model = loaded(whisper(tmp_path))
    words = transformers.AutoTokenizer.from_pretrained(tmp_path)
    tokens = model.writing.spelled("open it")
    assert tokens[-1] == model.module.end
    assert words.decode(tokens[:-1]) == " Open it."
    with pytest.raises(InputError, match="never writes"):
        model.writing.spelled("a # b")


@pytest.mark.parametrize("make", [ctc, whisper])
def test_slopes_reach_the_samples_and_lead_to_the_phrase(tmp_path: Path, make: Callable[[Path], str]) -> None:
    model = loaded(make(tmp_path)).toward(dict.fromkeys((0, 1), "go on"))
    x = HEARD.values.clone().requires_grad_()
    before = model.likelihood(model.outputs(HEARD.holding(x)))
    (grad,) = torch.autograd.grad(before.sum(), x)
    assert (grad != 0).float().mean() > 0.9
    step = 0.3 * grad / grad.norm(dim=1, keepdim=True)
    after = model.likelihood(model.outputs(HEARD.holding(HEARD.values + step)))
    assert (after > before).all()


def test_front_ends_are_the_librarys() -> None:
    theirs = transformers.WhisperFeatureExtractor(feature_size=80)
    x = np.random.default_rng(1).normal(0, 0.1, 30_000).astype(np.float32)
    expected = torch.tensor(theirs(x, sampling_rate=16_000).input_features[0])
    assert torch.allclose(PaddedMel(80, theirs.n_samples)(torch.from_numpy(x)[None])[0], expected, atol=1e-4)
    with pytest.raises(InputError, match="longer than the model hears"):
        PaddedMel(80, 1000)(torch.zeros(1, 1001))
    assert torch.equal(Waveform(normalised=False)(HEARD.values), HEARD.values)


def test_an_extractor_that_does_not_name_itself_is_told_by_the_model(tmp_path: Path) -> None:
    """As older checkpoints were saved."""
    name, settings = ctc(tmp_path), tmp_path / "preprocessor_config.json"
    told = json.loads(settings.read_text())
    del told["feature_extractor_type"]
    settings.write_text(json.dumps(told))
    assert loaded(name).module.front.normalised


def test_what_cannot_be_loaded_says_why(tmp_path: Path) -> None:
    name = ctc(tmp_path)
    (tmp_path / "preprocessor_config.json").write_text(
        json.dumps({"feature_extractor_type": "Speech2TextFeatureExtractor"})
    )
    with pytest.raises(ModelError, match="cannot be reproduced"):
        load_model(name)
    (tmp_path / "preprocessor_config.json").unlink()
    with pytest.raises(ModelError, match="cannot be loaded"):
        load_model(name)
