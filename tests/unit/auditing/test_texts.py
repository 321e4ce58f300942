"""Texts from the table on disk to the report: what is read, refused, attacked, kept, shown and checked again."""

from __future__ import annotations

import json
import re

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

import unfooled
from unfooled.auditing.examples import read_examples
from unfooled.auditing.export import export
from unfooled.auditing.reduction import reduced
from unfooled.core.errors import AccessError, InputError, ModelError, RunError, UnfooledError
from unfooled.core.target import Access
from unfooled.modalities.carriers import Utf8
from unfooled.modalities.sources import open_source
from unfooled.sets.wordnet import installed

GOOD, BAD = ("wonderful", "good", "moving"), ("awful", "dull", "boring")
TEXTS = [
    "A wonderful film",
    "good and moving",
    "Dull, boring & awful \u202eplot <script>alert(1)</script>",
    "the awful truth",
    "music",
]
Y = [1, 1, 0, 0, 1]


def scores(texts: list[str]) -> np.ndarray:
    words = [re.findall(r"[a-z]+", text.lower()) for text in texts]
    worth = [0.25 + sum((word in GOOD) - (word in BAD) for word in one) for one in words]
    return np.array([[-one, one] for one in worth], dtype=np.float32)


def audited(threats="chars:2", texts=TEXTS, y=Y, model=scores, **more):
    return unfooled.audit(unfooled.text_model(model, ["bad", "good"]), (texts, y), threats, **more)


def csv_file(folder, text):
    path = folder / "texts.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


# --- reading -----------------------------------------------------------------------------------------------------


def tables(folder):
    rows = [{"text": text, "label": ["bad", "good"][label]} for text, label in zip(TEXTS, Y, strict=True)]
    lines = "".join(f'"{row["text"]}",{row["label"]}\n' for row in rows)
    (folder / "t.csv").write_text("text,label\n" + lines, encoding="utf-8")
    (folder / "t.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    pq.write_table(pa.Table.from_pylist(rows), folder / "t.parquet")
    return [folder / name for name in ("t.csv", "t.jsonl", "t.parquet")]


def test_all_tables_give_the_same_examples_as_lists(tmp_path) -> None:
    wanted = read_examples((TEXTS, Y))
    assert wanted.carrier == Utf8()
    assert wanted.are_texts
    for path in tables(tmp_path):
        read = read_examples(path, classes=["bad", "good"])
        assert read.keys == wanted.keys, path
        assert read.stored(2).tobytes().decode() == TEXTS[2]
    assert read_examples(list(zip(TEXTS, Y, strict=True))).keys == wanted.keys


def test_what_stands_around_a_text_belongs_to_it(tmp_path) -> None:
    source = open_source(csv_file(tmp_path, 'id,text,y\n7,"  two\nlines ", 1 \n'))
    assert Utf8().pack(source.load(0)).tobytes() == b"  two\nlines "
    assert source.names == ["line 3"]


@pytest.mark.parametrize(
    ("text", "match"),
    [
        (b"text,label\n\xff\xfe,1\n", "UTF-8"),
        ("text,label\n  ,1\n", "line 2"),
        ("text,label\nfine,\n", "line 2"),
        ("text\nfine\n", "one column named label"),
        ("text,sentence,label\na,b,1\n", "one column named text"),
        ("text,label\n", "no lines"),
        ("text,label\nfine,great\n", "no class of the model"),
    ],
)
def test_bad_tables_are_refused(tmp_path, text, match) -> None:
    with pytest.raises(InputError, match=match):
        read_examples(csv_file(tmp_path, text), classes=["bad", "good"])


@pytest.mark.parametrize(
    ("line", "match"),
    [
        ("[1]", "one JSON object"),
        ("{", "one JSON object"),
        ('{"text": 3, "label": 1}', "needs a text"),
        ('{"text": "a", "label": 1.5}', "whole number"),
        ('{"text": "a", "label": true}', "whole number"),
        ('{"text": "a"}', "one column named label"),
        ('{"text": "\\ud800", "label": 1}', "UTF-8"),
        ('{"text": " ", "label": 1}', "not empty"),
        ("", "no lines"),
    ],
)
def test_bad_lines_are_refused(tmp_path, line, match) -> None:
    path = tmp_path / "t.jsonl"
    path.write_text(line, encoding="utf-8")
    with pytest.raises(InputError, match=match):
        read_examples(path)


def test_a_damaged_parquet_file_is_refused(tmp_path) -> None:
    (tmp_path / "t.parquet").write_bytes(b"PAR1nonsense")
    with pytest.raises(InputError, match="Parquet"):
        read_examples(tmp_path / "t.parquet")


@pytest.mark.parametrize("texts", [["a", " "], ["a", "\ud800"]])
def test_bad_texts_in_a_list_are_refused(texts) -> None:
    with pytest.raises(InputError, match="example 1"):
        read_examples((texts, [0, 0]))


@pytest.mark.parametrize(("threat", "data"), [("linf:0.1", (TEXTS, Y)), ("chars:2", (np.zeros((2, 1, 4, 4)), [0, 1]))])
def test_threats_are_for_their_kind_of_data(threat, data) -> None:
    model = unfooled.text_model(scores) if threat.startswith("linf") else _Flat().eval()
    with pytest.raises(InputError, match="is not for such data"):
        unfooled.audit(model, data, threat)


class _Flat(torch.nn.Module):
    def forward(self, x):
        return x.flatten(1)[:, :2]


# --- models ------------------------------------------------------------------------------------------------------


class Pipeline:
    """What scikit-learn's classifiers look like from outside."""

    classes_ = np.array(["bad", "good"])

    def predict_proba(self, texts: list[str]) -> np.ndarray:
        assert type(texts) is list
        return np.exp(scores(texts)) / np.exp(scores(texts)).sum(axis=1, keepdims=True)


class Decider(Pipeline):
    predict_proba = None

    def decision_function(self, texts: list[str]) -> np.ndarray:
        return scores(texts)[:, 1]


@pytest.mark.parametrize("model", [Pipeline(), Decider()], ids=lambda one: type(one).__name__)
def test_what_scikit_learn_makes_is_audited_alike(model) -> None:
    found = unfooled.audit(unfooled.text_model(model), (TEXTS, Y), "chars:2")["chars:2"]
    assert found.broken.tolist() == audited()["chars:2"].broken.tolist()


@pytest.mark.parametrize(
    ("model", "match"),
    [
        (lambda texts: scores(texts).argmax(axis=1), "labels in place of scores"),
        (lambda texts: scores(texts)[:-1], "do not fit"),
        (lambda texts: [["a", "b"]] * len(texts), "return floats"),
        (3, "no classifier of texts"),
    ],
)
def test_models_that_give_something_else_are_refused(model, match) -> None:
    with pytest.raises(ModelError, match=match):
        audited(model=model)


def test_who_sees_labels_only_finds_what_scores_would_show() -> None:
    model = unfooled.text_model(lambda texts: scores(texts).argmax(axis=1), ["bad", "good"], labels=True)
    found = unfooled.audit(model, (TEXTS, Y), "chars:3")["chars:3"]
    assert found.broken.tolist() == audited("chars:3")["chars:3"].broken.tolist()
    assert set(found.column("attack")) <= {"random-edits", "reverted-edits", None}


def test_a_model_is_known_by_its_answers() -> None:
    one, same, other = (unfooled.text_model(model).sha256 for model in (scores, scores, lambda texts: -scores(texts)))
    assert one == same != other


# --- audits ------------------------------------------------------------------------------------------------------


def test_an_audit_finds_exactly_what_falls_at_each_radius() -> None:
    results = audited("chars:1,2,3")
    broken = [results[f"chars:{radius}"].broken.tolist() for radius in (1, 2, 3)]
    one, three = [False, False, False, True, False], [False, False, True, True, False]
    assert broken == [one, one, three]  # as many as there are words that speak for the answer


@pytest.mark.parametrize("batch", [1, 3, 64])
def test_neither_batch_nor_order_decides(batch) -> None:
    wanted = audited("invisible:2")["invisible:2"].table.drop_columns(["example"]).to_pylist()
    order = [3, 0, 4, 2, 1]
    shuffled = audited("invisible:2", [TEXTS[i] for i in order], [Y[i] for i in order], batch=batch)
    found = shuffled["invisible:2"].table.drop_columns(["example"]).to_pylist()
    assert found == [wanted[i] for i in order]


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    return audited(["chars:3", "invisible:3", "homoglyphs:3"], out=folder / "run"), folder


def test_every_stored_text_is_confirmed_from_disk_and_from_files(finished) -> None:
    _, folder = finished
    results, model = unfooled.load(folder / "run"), unfooled.text_model(scores, ["bad", "good"])
    assert int(sum(results[threat].broken.sum() for threat in results.threats)) > 3
    assert all(one.confirmed for one in unfooled.verify(results, model))
    pairs = export(results, folder / "files")
    checked = unfooled.verify(results, model, files=folder / "files")
    assert len(checked) == pairs
    assert all(one.confirmed for one in checked)
    path = next((folder / "files").glob("chars_3_by_scores/*_adv.txt"))
    path.write_text("something else", encoding="utf-8")
    assert sum(not one.confirmed for one in unfooled.verify(results, model, files=folder / "files")) == 1


def test_a_run_of_another_model_is_refused(finished) -> None:
    with pytest.raises(RunError, match="another model"):
        unfooled.verify(unfooled.load(finished[1] / "run"), unfooled.text_model(lambda texts: -scores(texts)))


def test_nothing_of_a_text_acts_in_the_page(finished) -> None:
    results, folder = finished
    page = unfooled.write_report(results, folder / "report.html").read_text(encoding="utf-8")
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    unseen = set("\u200b\u200c\u200d\u2060\u202d\u202e\u2066\u2069\ufeff") & set(page)
    assert not unseen, "an invisible or reordering character reached the page"
    assert '<b class="box">U+' in page
    assert "typos in the text" in page


@pytest.mark.parametrize("threat", ["chars:2", "invisible:2", "become:0 chars:3"])
def test_texts_of_every_script_can_be_audited(threat) -> None:
    texts = [
        "\u4f60\u597d \u4e16\u754c",
        "\U0001f600 \U0001f600",
        "e\u0301te\u0301",
        "\u0627\u0644\u0633\u0644\u0627\u0645",
        "a" * 700,
    ]
    try:
        results = audited(threat, texts, [1, 1, 1, 1, 1])
    except UnfooledError as error:
        pytest.fail(str(error))
    assert not results.union().broken.any()  # none has a word that the model knows


def test_labels_grant_no_more_than_the_attacker_is_told() -> None:
    found = audited("chars:2", access=Access.DECISION)["chars:2"]
    assert set(found.column("attack")) <= {"random-edits", "reverted-edits", None}


def test_texts_made_elsewhere_are_judged_like_our_own() -> None:
    model = unfooled.text_model(scores, ["bad", "good"])
    given = ["A w0nderful film", "good and mxving", TEXTS[2], "the awful truth, " + "so " * 300, "music"]
    found = unfooled.judge(model, (TEXTS, Y), given, "chars:1", source="by hand")["chars:1"]
    # the first and the second are allowed, and one fools; the fourth fools too, and is much too far away
    assert found.broken.tolist() == [bool(scores([given[0]]).argmax() != 1), False, False, False, False]
    assert not found.broken[0], "0.25 still speaks for it"
    fooling = unfooled.judge(model, (TEXTS, Y), [*TEXTS[:3], "the awfl truth", "music"], "chars:1")["chars:1"]
    assert fooling.broken.tolist() == [False, False, False, True, False]


@pytest.mark.parametrize(
    ("given", "match"),
    [(TEXTS[:2], "2 for 5"), ([*TEXTS[:4], 3], "int as proposal 4"), ([*TEXTS[:4], "\ud800"], "proposal 4")],
)
def test_what_cannot_be_judged_is_refused(given, match) -> None:
    with pytest.raises(InputError, match=match):
        unfooled.judge(unfooled.text_model(scores, ["bad", "good"]), (TEXTS, Y), given, "chars:2")


# --- where texts meet what is made for pictures ----------------------------------------------------------------------


def test_a_model_of_texts_is_not_asked_about_pictures() -> None:
    with pytest.raises(InputError, match="reads texts"):
        audited("linf:8/255", torch.rand(2, 1, 4, 4), torch.tensor([0, 1]))


@pytest.mark.parametrize("kind", [np.array, lambda texts: np.array(texts, dtype=object)])
def test_arrays_of_texts_are_texts(kind) -> None:
    assert read_examples((kind(TEXTS), Y)).keys == read_examples((TEXTS, Y)).keys


def test_what_stands_among_texts_and_is_none_is_named() -> None:
    with pytest.raises(InputError, match="example 1"):
        audited(texts=["a dull film", None], y=[0, 0])


def test_one_attack_refuses_a_list() -> None:
    model = unfooled.text_model(scores, ["bad", "good"])
    with pytest.raises(InputError, match=r"unfooled\.audit"):
        unfooled.attack(model, TEXTS, Y, "text-beam", "chars:2")


def test_a_missing_wordnet_is_told_before_anything_is_asked(monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("UNFOOLED_WORDNET", str(tmp_path))
    installed.cache_clear()
    asked = []

    def model(texts: list[str]) -> np.ndarray:
        asked.extend(texts)
        return scores(texts)

    made = unfooled.text_model(model, ["bad", "good"])
    asked.clear()
    with pytest.raises(InputError, match="wordnet-base"):
        unfooled.audit(made, (TEXTS, Y), ["chars:2", "words:0.5"])
    installed.cache_clear()
    assert not any("dul" in text and "dull" not in text.lower() for text in asked)
    assert set(asked) <= set(TEXTS), "no edited text was asked about"


def test_a_model_that_fails_on_a_text_is_told_that_texts_hold_anything() -> None:
    def fragile(texts: list[str]) -> np.ndarray:
        if any(len(text) > 40 for text in texts):
            raise ValueError("too long")
        return scores(texts)

    with pytest.raises(ModelError, match="texts hold anything"):
        audited(model=fragile)


# --- input reduction ---------------------------------------------------------------------------------------------


def test_a_text_is_reduced_to_what_the_answer_hangs_on() -> None:
    model = unfooled.text_model(scores, ["bad", "good"])
    one, other = reduced(model, ["A wonderful, dull film", "The music."])
    assert (one.left, one.label, one.words) == ("wonderful, ", 1, (4, 1))
    assert one.confidence > 0.9  # surer than of the whole text
    assert one.queries == 1 + 4 + 3 + 2
    assert other.words == (2, 1)  # any word will do
    assert reduced(model, ["12!"])[0].left == ""


def test_a_word_stays_where_the_answer_would_change() -> None:
    model = unfooled.text_model(scores, ["bad", "good"])
    (found,) = reduced(model, ["the dull film"])
    assert found.left == "dull "
    with pytest.raises(AccessError):
        reduced(unfooled.text_model(lambda texts: scores(texts).argmax(axis=1), labels=True), ["a"])
