"""Hugging Face classifiers, made small on the spot; needs no torchvision and no network."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import unfooled
from unfooled.auditing.export import export
from unfooled.core.batch import Batch
from unfooled.core.errors import ModelError
from unfooled.core.target import Access, Target
from unfooled.core.texts import batch_of
from unfooled.core.tokens import slopes
from unfooled.models import BlackBox, Classifier, Preprocess, check_ready, load_model
from unfooled.models.hugging_face import preprocess_of

transformers = pytest.importorskip("transformers")

NAMES = {0: "cat", 1: "dog", 2: "toaster"}
PLAIN = {
    "do_resize": True,
    "size": {"height": 32, "width": 32},
    "do_rescale": True,
    "rescale_factor": 1 / 255,
    "do_normalize": True,
    "image_mean": [0.5, 0.4, 0.3],
    "image_std": [0.25, 0.5, 0.5],
    "resample": 3,
    "image_processor_type": "ViTImageProcessor",
}


def saved(folder: Path, kind: str) -> str:
    torch.manual_seed(0)
    if kind == "vit":
        config = transformers.ViTConfig(
            hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16, image_size=32,
            patch_size=8, id2label=NAMES, label2id={name: index for index, name in NAMES.items()},
        )  # fmt: skip
        module = transformers.ViTForImageClassification(config)
    else:
        config = transformers.ResNetConfig(
            embedding_size=8, hidden_sizes=[8, 16], depths=[1, 1], layer_type="basic", id2label=NAMES,
            label2id={name: index for index, name in NAMES.items()},
        )  # fmt: skip
        module = transformers.ResNetForImageClassification(config)
    module.save_pretrained(folder)
    (folder / "preprocessor_config.json").write_text(json.dumps(PLAIN))
    return str(folder)


@pytest.mark.parametrize("kind", ["vit", "resnet"])
def test_a_saved_classifier(tmp_path: Path, kind: str) -> None:
    model = load_model(f"hf:{saved(tmp_path, kind)}")
    assert isinstance(model, Classifier)
    assert model.preprocess == Preprocess((0.5, 0.4, 0.3), (0.25, 0.5, 0.5), (32, 32), None, "bicubic")
    assert model.classes == ("cat", "dog", "toaster")
    assert model.name == f"hf:{tmp_path}"
    x = Batch(torch.rand(2, 3, 40, 48, requires_grad=True), torch.arange(2))
    assert check_ready(model, x) == 3
    scores = model.outputs(x)
    assert torch.equal(scores, model.module(pixel_values=model.preprocess(x.values)).logits)
    grad = torch.autograd.grad(scores[:, 1].sum(), x.values)[0]
    assert (grad != 0).float().mean() > 0.9
    assert "torchvision" not in sys.modules


def test_no_such_model(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="nowhere"):
        load_model(f"hf:{tmp_path}/nowhere")


def test_offline(monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(*given: Any, **named: Any) -> None:
        raise OSError("We couldn't connect")

    monkeypatch.setattr(transformers.AutoConfig, "from_pretrained", unreachable)
    with pytest.raises(ModelError, match="couldn't connect"):
        load_model("hf:some/model")


def test_pickled_weights_are_not_opened(tmp_path: Path) -> None:
    name = saved(tmp_path, "resnet")
    (tmp_path / "model.safetensors").unlink()
    torch.save({}, tmp_path / "pytorch_model.bin")
    with pytest.raises(ModelError, match=r"model\.safetensors"):
        load_model(f"hf:{name}")


def test_no_preprocessing_beside_it(tmp_path: Path) -> None:
    name = saved(tmp_path, "resnet")
    (tmp_path / "preprocessor_config.json").unlink()
    with pytest.raises(ModelError, match=r"preprocessor_config\.json"):
        load_model(f"hf:{name}")


def test_a_head_that_was_never_trained(tmp_path: Path) -> None:
    name = saved(tmp_path, "resnet")
    transformers.AutoModelForImageClassification.from_pretrained(name).resnet.save_pretrained(tmp_path)
    with pytest.raises(ModelError, match=r"classifier\.1"):
        load_model(f"hf:{name}")


HALF = {"image_mean": [0.5] * 3, "image_std": [0.5] * 3}


@pytest.mark.parametrize(
    ("settings", "wanted"),
    [
        (PLAIN, Preprocess((0.5, 0.4, 0.3), (0.25, 0.5, 0.5), (32, 32), None, "bicubic")),
        ({**HALF, "size": 224}, Preprocess((0.5,) * 3, (0.5,) * 3, 224)),
        (
            {
                **HALF,
                "size": {"shortest_edge": 256},
                "do_center_crop": True,
                "crop_size": {"height": 224, "width": 200},
            },
            Preprocess((0.5,) * 3, (0.5,) * 3, 256, (224, 200)),
        ),
        ({**HALF, "size": 256, "do_center_crop": True, "crop_size": 224}, Preprocess((0.5,) * 3, (0.5,) * 3, 256, 224)),
        ({**HALF, "size": {"shortest_edge": 224}, "crop_pct": 0.875}, Preprocess((0.5,) * 3, (0.5,) * 3, 256, 224)),
        (
            {**HALF, "size": {"shortest_edge": 384}, "crop_pct": 0.875},
            Preprocess((0.5,) * 3, (0.5,) * 3, (384, 384)),
        ),
        ({"do_normalize": False, "do_resize": False}, Preprocess()),
        (
            {"image_mean": [127.5] * 3, "image_std": [63.75] * 3, "do_rescale": False, "do_resize": False},
            Preprocess((0.5,) * 3, (0.25,) * 3),
        ),
        ({"do_normalize": False, "do_rescale": False, "do_resize": False}, Preprocess(0.0, 1 / 255)),
    ],
)
def test_settings_of_many_releases(settings: dict[str, Any], wanted: Preprocess) -> None:
    assert preprocess_of(settings) == wanted


@pytest.mark.parametrize(
    ("settings", "quoted"),
    [
        ({**PLAIN, "do_flip_channel_order": True}, "do_flip_channel_order = True"),
        ({**PLAIN, "do_pad": True}, "do_pad"),
        ({**PLAIN, "resample": 1}, "resample = 1"),
        ({**PLAIN, "size": {"shortest_edge": 224}}, "shortest_edge"),
        ({**PLAIN, "size": {"longest_edge": 224}}, "longest_edge"),
        ({**PLAIN, "do_center_crop": True}, "crop_size = None"),
        ({"do_resize": False}, "image_mean"),
    ],
)
def test_settings_that_cannot_be_reproduced(settings: dict[str, Any], quoted: str) -> None:
    with pytest.raises(ModelError, match=quoted):
        preprocess_of(settings)


# --- texts -------------------------------------------------------------------------------------------------------

WORDS = ["[PAD]", "[UNK]", "good", "fine", "bad", "dull", "film", "a"]


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A small BERT that was trained on nothing, with a tokenizer of eight words and a window of 24 tokens."""
    from tokenizers import Tokenizer, models, pre_tokenizers

    folder = tmp_path_factory.mktemp("reader")
    torch.manual_seed(0)
    config = transformers.BertConfig(
        vocab_size=len(WORDS), hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=16,
        max_position_embeddings=24, id2label={0: "bad", 1: "good"}, label2id={"bad": 0, "good": 1},
            initializer_range=1.0,
    )  # fmt: skip
    transformers.BertForSequenceClassification(config).save_pretrained(folder)
    tokens = Tokenizer(models.WordLevel({word: i for i, word in enumerate(WORDS)}, unk_token="[UNK]"))
    tokens.pre_tokenizer = pre_tokenizers.Whitespace()
    transformers.PreTrainedTokenizerFast(tokenizer_object=tokens, pad_token="[PAD]", unk_token="[UNK]").save_pretrained(
        folder
    )
    return str(folder)


TEXTS = ["a good film", "a dull film", "fine fine", "bad " * 20, "good film " * 8]


def test_a_text_classifier_is_read_off_its_folder(reader: str) -> None:
    model = load_model(f"hf:{reader}")
    assert isinstance(model, BlackBox)
    assert model.classes == ("bad", "good")
    assert model.access is Access.GRADIENT
    assert model.describe()["window"] == 24
    scores = model.answer(batch_of(TEXTS, torch.arange(5), 99)).scores
    module = transformers.AutoModelForSequenceClassification.from_pretrained(reader).eval()
    ids = torch.tensor([[WORDS.index(word) for word in TEXTS[0].split()]])
    assert torch.allclose(scores[:1], module(input_ids=ids).logits, atol=1e-5)


def test_scores_of_a_text_do_not_hang_on_its_company(reader: str) -> None:
    model = load_model(f"hf:{reader}")
    together = model.ask(np.array(TEXTS * 3, dtype=object))
    for row, text in enumerate(TEXTS * 3):
        assert np.array_equal(model.ask(np.array([text], dtype=object))[0], together[row])


def test_texts_beyond_the_window_are_said_and_not_cut_in_silence(reader: str) -> None:
    model = load_model(f"hf:{reader}")
    y = model.answer(batch_of([*TEXTS, "good " * 30], torch.arange(6), 200)).labels
    results = unfooled.audit(model, ([*TEXTS, "good " * 30], y), "chars:1", ["deep-word-bug"])
    assert any("window of 24 tokens" in note for note in results.run["notes"])
    short = unfooled.audit(load_model(f"hf:{reader}"), (TEXTS, y[:5]), "chars:1", ["deep-word-bug"])
    assert not any("window" in note for note in short.run["notes"])
    assert all(one.confirmed for one in unfooled.verify(results, load_model(f"hf:{reader}")))


def test_a_decoder_without_a_padding_token_reads_its_last_token(reader: str, tmp_path) -> None:
    config = transformers.GPT2Config(
        vocab_size=len(WORDS), n_embd=16, n_layer=1, n_head=2, n_positions=24, bos_token_id=0, eos_token_id=0
    )
    module = transformers.GPT2ForSequenceClassification(config).eval()
    module.save_pretrained(tmp_path)
    transformers.AutoTokenizer.from_pretrained(reader).save_pretrained(tmp_path)
    scores = load_model(f"hf:{tmp_path}").ask(np.array(TEXTS[:3], dtype=object))
    for text, found in zip(TEXTS[:3], scores, strict=True):
        ids = torch.tensor([[WORDS.index(word) for word in text.split()]])
        assert torch.allclose(torch.from_numpy(found), module(input_ids=ids).logits[0], atol=1e-5)


@pytest.mark.parametrize("kind", ["bert", "gpt2"])
def test_the_inside_answers_as_the_text_does_and_its_slope_is_the_true_one(kind: str, reader: str, tmp_path) -> None:
    folder = reader
    if kind == "gpt2":  # it looks where padding begins, so tokens must stand there too
        config = transformers.GPT2Config(
            vocab_size=len(WORDS), n_embd=16, n_layer=1, n_head=2, n_positions=24, bos_token_id=0, eos_token_id=0
        )
        transformers.GPT2ForSequenceClassification(config).eval().save_pretrained(tmp_path)
        transformers.AutoTokenizer.from_pretrained(reader).save_pretrained(tmp_path)
        folder = str(tmp_path)
    model = load_model(f"hf:{folder}")
    assert isinstance(model, BlackBox)
    texts, owner = TEXTS[:3], torch.arange(3)
    target = Target(model, Access.GRADIENT, 3)
    seen, found = slopes(target, texts, lambda scores, _: scores[:, 1] - scores[:, 0], owner, owner)
    told = torch.from_numpy(model.ask(np.array(texts, dtype=object)))
    assert torch.equal(seen.answer.scores, told)
    assert target.spent.forwards.tolist() == target.spent.backwards.tolist() == [1, 1, 1]
    module = transformers.AutoModelForSequenceClassification.from_pretrained(folder).eval()
    for text, slope in zip(texts, found, strict=True):
        ids = torch.tensor([[WORDS.index(word) for word in text.split()]])
        e = module.get_input_embeddings()(ids).detach().requires_grad_()
        scores = module(inputs_embeds=e).logits[0]
        (wanted,) = torch.autograd.grad(scores[1] - scores[0], e)
        assert torch.allclose(slope.grad, wanted[0], atol=1e-5)
        assert [text[begin:end] for begin, end in slope.tokens.spans] == text.split()


def test_a_tokenizer_that_knows_no_places_leaves_a_model_that_can_only_be_asked(reader: str, monkeypatch) -> None:
    monkeypatch.setattr(transformers.PreTrainedTokenizerFast, "is_fast", False)
    model = load_model(f"hf:{reader}")
    assert isinstance(model, BlackBox)
    assert model.access is Access.SCORES
    assert model.inside is None
    assert model.ask(np.array(TEXTS, dtype=object)).shape == (5, 2)


def test_hotflip_fools_a_classifier_made_on_the_spot_from_its_stored_files(reader: str, tmp_path) -> None:
    model = load_model(f"hf:{reader}")
    y = model.answer(batch_of(TEXTS, torch.arange(5), 99)).labels
    results = unfooled.audit(model, (TEXTS, y), "chars:2", ["hotflip"], out=tmp_path / "run")
    assert results["chars:2"].broken.any()
    export(results, tmp_path / "files")
    checked = unfooled.verify(results, load_model(f"hf:{reader}"), files=tmp_path / "files")
    assert checked
    assert all(one.confirmed for one in checked)


@pytest.mark.parametrize("attack", ["hotflip", "gbda"])
def test_what_gradients_find_in_a_text_does_not_hang_on_its_company(attack: str, reader: str) -> None:
    model = load_model(f"hf:{reader}")
    y = model.answer(batch_of(TEXTS, torch.arange(5), 99)).labels.tolist()

    def found(order: list[int], batch: int) -> list[dict[str, Any]]:
        data = [TEXTS[i] for i in order], [y[i] for i in order]
        results = unfooled.audit(model, data, "chars:2", [attack], batch=batch, keep="all")
        rows = results["chars:2"].table.drop_columns(["example"]).to_pylist()
        kept = {name: array.tobytes() for name, array in results.tensors.items()}
        return [row | {"kept": [kept[name] for name in sorted(kept) if row["key"] in name]} for row in rows]

    together, order = found([0, 1, 2, 3, 4], 16), [3, 0, 4, 2, 1]
    assert found(order, 2) == [together[i] for i in order]
