"""`http:`: what goes out, how answers are read, failures, budgets and credentials; servers run in threads here."""

from __future__ import annotations

import base64
import io
import json
import logging
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from PIL import Image
from served import Server, serving
from typer.testing import CliRunner

import unfooled
from unfooled.auditing.doctor import examine
from unfooled.cli import app
from unfooled.core.answer import Labels, Scores
from unfooled.core.batch import Batch
from unfooled.core.errors import AccessError, BudgetError, InputError, ModelError, UnfooledError, UnreachableError
from unfooled.core.target import Access
from unfooled.models import BlackBox, load_model, most_access
from unfooled.models.remote.ledger import Ledger

pytest.importorskip("urllib3")

RNG = np.random.default_rng(3)
WEIGHTS = RNG.normal(size=(3 * 4 * 4, 5)).astype(np.float32)
PIXELS = RNG.integers(0, 256, (9, 3, 4, 4), np.uint8)
X = torch.from_numpy(PIXELS).float() / 255


def scores(x: np.ndarray) -> np.ndarray:
    return x.reshape(len(x), -1).astype(np.float32) @ WEIGHTS


Y = torch.from_numpy(scores(X.numpy()).argmax(axis=1))


def batch(x: torch.Tensor = X) -> Batch:
    return Batch(x, torch.arange(len(x)))


def linear(body: bytes, headers: dict[str, str]) -> Any:
    return {"scores": scores(np.array(json.loads(body)["inputs"], dtype=np.float32)).tolist()}


BASIC = {"output": {"path": "scores"}, "input": {"rows": 4}, "classes": 5, "backoff": 0.001, "retries": 3}


def load(tmp_path: Path, server: Server | None, **settings: Any) -> BlackBox:
    path = tmp_path / "target.yaml"
    told = {**BASIC, **settings} if "preset" not in settings else settings
    path.write_text(yaml.safe_dump({"url": server.url if server else "http://127.0.0.1:9/x", **told}))
    model = load_model(f"http:{path}")
    assert isinstance(model, BlackBox)
    return model


def test_scores_are_the_models_own_and_requests_hold_so_many_rows(tmp_path: Path) -> None:
    with serving(linear) as server:
        model = load(tmp_path, server)
        answer = model.answer(batch())
    assert isinstance(answer, Scores)
    np.testing.assert_allclose(answer.scores.numpy(), scores(X.numpy()), rtol=1e-5)
    assert [len(json.loads(body)["inputs"]) for _, body in server.seen] == [4, 4, 1]
    assert model.sent() == {"questions": 9, "requests": 3, "repeated": 0, "ever": 9}


def test_padding_is_not_asked_about(tmp_path: Path) -> None:
    with serving(linear) as server:
        model = load(tmp_path, server)
        answer = model.answer(batch(X[:2]).padded(16))
    assert len(answer) == 16
    assert model.sent()["questions"] == 2
    assert bool((answer.scores[2:] == answer.scores[0]).all())


def png(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data))).transpose(2, 0, 1).astype(np.float32) / 255


def from_base64(body: bytes, headers: dict[str, str]) -> Any:
    content = json.loads(body)
    assert content["parameters"] == {"top_k": 5}
    (row,) = scores(png(base64.b64decode(content["inputs"]))[None])
    chances = np.exp(row - row.max()) / np.exp(row - row.max()).sum()
    return [{"label": "abcde"[i], "score": float(chances[i])} for i in np.argsort(-chances)]


def from_picture(body: bytes, headers: dict[str, str]) -> Any:
    assert headers["Content-Type"] == "image/png"
    (row,) = scores(png(body)[None])
    chances = np.exp(row - row.max()) / np.exp(row - row.max()).sum()
    return {"abcde"[i]: float(chances[i]) for i in np.argsort(-chances)}


def from_multipart(body: bytes, headers: dict[str, str]) -> Any:
    boundary = headers["Content-Type"].partition("boundary=")[2].encode()
    parts = [part.partition(b"\r\n\r\n") for part in body.split(b"--" + boundary)[1:-1]]
    assert b'name="key"' in parts[0][0]
    assert parts[0][2] == b"v\r\n"
    return {"scores": [scores(png(data)[None])[0].tolist() for _, _, data in parts[1:]]}


def from_npy(body: bytes, headers: dict[str, str]) -> Any:
    x = np.load(io.BytesIO(body))
    assert x.dtype == np.uint8
    assert x.shape[1:] == (4, 4, 3)
    return {"scores": scores(x.transpose(0, 3, 1, 2) / np.float32(255)).tolist()}


def from_kserve(body: bytes, headers: dict[str, str]) -> Any:
    size = int(headers.get("Inference-Header-Content-Length", len(body)))
    (tensor,) = json.loads(body[:size])["inputs"]
    assert tensor["datatype"] == "FP32"
    raw = np.frombuffer(body[size:], np.float32) if size < len(body) else np.array(tensor["data"], np.float32)
    found = scores(raw.reshape(tensor["shape"]))
    output = {"name": "o", "datatype": "FP32", "shape": list(found.shape), "data": found.ravel().tolist()}
    return {"model_name": "m", "outputs": [output]}


NAMES = {"classes": list("abcde")}
FORMS = {
    "huggingface": (from_base64, {"preset": "huggingface", **NAMES}),
    "torchserve": (from_picture, {"preset": "torchserve", **NAMES}),
    "kserve-v2": (from_kserve, {"preset": "kserve-v2", "input": {"rows": 4}}),
    "triton": (from_kserve, {"preset": "triton", "input": {"rows": 4}}),
    "multipart": (from_multipart, {"input": {"form": "multipart", "field": "file", "more": {"key": "v"}, "rows": 2}}),
    "npy": (from_npy, {"input": {"form": "npy", "layout": "nhwc", "dtype": "uint8", "rows": 5}}),
}


@pytest.mark.parametrize("name", FORMS)
def test_every_form_reaches_the_same_model(name: str, tmp_path: Path) -> None:
    answer, settings = FORMS[name]
    with serving(answer) as server:
        found = load(tmp_path, server, **settings).answer(batch()).scores
    wanted = torch.from_numpy(scores(X.numpy()))
    if name in ("huggingface", "torchserve"):  # probabilities come back as their logarithms
        wanted = wanted.log_softmax(dim=1)
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-4)


def test_labels_by_name_in_the_words_of_the_data(tmp_path: Path) -> None:
    def labelled(body: bytes, headers: dict[str, str]) -> Any:
        return {"label": "abcde"[scores(np.array(json.loads(body)["inputs"])[None]).argmax()]}

    with serving(labelled) as server:
        model = load(
            tmp_path, server, input={"batched": False}, output={"form": "label", "path": "label"},
            classes=dict(zip("abcde", "vwxyz", strict=True)),
        )  # fmt: skip
        answer = model.answer(batch())
    assert isinstance(answer, Labels)
    assert answer.labels.tolist() == Y.tolist()
    assert most_access(model) is Access.DECISION
    assert model.describe()["classes"] == list("vwxyz")
    with pytest.raises(AccessError, match="only be asked"):
        model.outputs(batch())


FAULTS: list[Any] = [503, "hang up", 429, (200, {}, b"<html>"), (429, {"Retry-After": "0"}, b""), 0.3]


@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_no_example_is_lost_to_a_failed_request(fault: Any, tmp_path: Path) -> None:
    with serving(linear, [None, fault]) as server:
        model = load(tmp_path, server, timeout=0.1)
        found = model.answer(batch()).scores
    np.testing.assert_allclose(found.numpy(), scores(X.numpy()), rtol=1e-5)
    assert model.sent() == {"questions": 9, "requests": 4, "repeated": 4, "ever": 13}


def test_a_target_that_is_gone_says_how_to_go_on(tmp_path: Path) -> None:
    with pytest.raises(UnreachableError, match="--resume"):
        load(tmp_path, None, retries=1).answer(batch())
    with (
        serving(linear, [(503, {"Retry-After": "7200"}, b"")]) as server,
        pytest.raises(UnreachableError, match="7,200"),
    ):
        load(tmp_path, server).answer(batch())
    assert len(server.seen) == 1


@pytest.mark.parametrize("status", [301, 400, 401, 404, 413])
def test_a_refusal_is_not_repeated(status: int, tmp_path: Path) -> None:
    with serving(linear, [status] * 9) as server, pytest.raises(ModelError, match=f"status {status}"):
        load(tmp_path, server).answer(batch(X[:1]))
    assert len(server.seen) == 1


def test_a_dribbling_answer_is_given_up(tmp_path: Path) -> None:
    from unfooled.models.remote.http_endpoint import _Endpoint

    model = load(tmp_path, None, timeout=0.02)
    endpoint = model.ask.__self__  # type: ignore[attr-defined]
    assert isinstance(endpoint, _Endpoint)
    slow = (time.sleep(0.005) or b"1" for _ in range(99))  # type: ignore[func-returns-value]
    with pytest.raises(TimeoutError):
        list(endpoint._chunks(slow))


BAD_ANSWERS = {
    "too few rows": (lambda body, headers: {"scores": [[1.0] * 5]}, "too few or too many rows"),
    "too many rows": (lambda body, headers: {"scores": [[1.0] * 5] * 7}, "too few or too many rows"),
    "other classes": (lambda body, headers: {"scores": [[1.0] * 6] * 4}, "do not fit its classes"),
    "no such part": (lambda body, headers: {"logits": [[1.0] * 5] * 4}, "no such part.*logits"),
    "texts": (lambda body, headers: {"scores": [["a"] * 5] * 4}, "cannot be read"),
    "ragged": (lambda body, headers: {"scores": [[1.0], [1.0, 2.0]]}, "cannot be read"),
}


@pytest.mark.parametrize("name", BAD_ANSWERS)
def test_answers_that_do_not_fit(name: str, tmp_path: Path) -> None:
    answer, match = BAD_ANSWERS[name]
    with serving(answer) as server, pytest.raises(ModelError, match=match):
        load(tmp_path, server).answer(batch(X[:4]))


def test_nan_scores_stop_an_audit_at_the_door(tmp_path: Path) -> None:
    nan = b'{"scores": [[NaN, 1, 1, 1, 1], [null, 1, 1, 1, 1]]}'
    with serving(lambda body, headers: nan) as server, pytest.raises(ModelError, match="not finite"):
        unfooled.audit(load(tmp_path, server), (X, Y), "linf:0.1", "square")


def test_named_scores_of_some_classes_only(tmp_path: Path) -> None:
    answer = {"a": 0.2, "c": 0.7}
    with serving(lambda body, headers: answer) as server:
        with pytest.raises(ModelError, match="2 of 5"):
            load(tmp_path, server, preset="torchserve", **NAMES).answer(batch(X[:1]))
        model = load(tmp_path, server, preset="torchserve", access="decision", **NAMES)
        assert model.answer(batch(X[:1])).labels.tolist() == [2]
        answer["cc"] = 0.8
        with pytest.raises(ModelError, match="near 'c'"):
            model.answer(batch(X[:1]))


def test_answers_do_not_hang_on_threads(tmp_path: Path) -> None:
    with serving(linear) as server:
        one = load(tmp_path, server, input={"rows": 1}).answer(batch()).scores
        server.faults = [0.03] * 9
        several = load(tmp_path, server, input={"rows": 1}, concurrency=3)
        assert torch.equal(several.answer(batch()).scores, one)
        assert server.most == 3


def test_the_rate_is_kept(tmp_path: Path) -> None:
    with serving(linear) as server:
        model = load(tmp_path, server, input={"rows": 1}, rate=100, concurrency=4)
        began = time.monotonic()
        model.answer(batch())
    assert time.monotonic() - began >= 0.08


def test_the_budget_holds_over_restarts_and_counts_retries(tmp_path: Path) -> None:
    with serving(linear, [503]) as server:
        model = load(tmp_path, server, budget=12)
        model.answer(batch(X[:4]))  # 4, and 4 again
        again = load(tmp_path, server, budget=12)
        again.answer(batch(X[:3]))
        with pytest.raises(BudgetError, match=r"11 of 12.*2 more"):
            again.answer(batch(X[:2]))
        again.answer(batch(X[:1]))
        with pytest.raises(BudgetError):  # told at once
            load(tmp_path, server, budget=12)
        load(tmp_path, server, budget=21).answer(batch())
        assert sum(len(json.loads(body)["inputs"]) for _, body in server.seen) == 21


def test_a_ledger_survives_a_line_cut_short_and_refuses_rubbish(tmp_path: Path) -> None:
    path = tmp_path / "l.queries"
    ledger, other = Ledger(path, 100), Ledger(path, 100)
    ledger.spend(30)
    with path.open("a") as file:
        file.write("\n4")  # of 40
    other.spend(5)
    assert ledger.spent == other.spent == 39
    with pytest.raises(BudgetError):
        ledger.spend(62)
    ledger.spend(61)
    assert Ledger(path).spent == 100
    path.write_text("many\n")
    with pytest.raises(InputError, match="counts questions"):
        Ledger(path).spend(1)


SECRET = "s3cr3t-t0ken/+x"


def told(tmp_path: Path) -> str:
    return "\n".join(path.read_text(errors="replace") for path in tmp_path.rglob("*") if path.is_file())


def test_credentials_are_sent_and_told_to_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("MODEL_TOKEN", SECRET)
    headers = {"Authorization": "Bearer ${MODEL_TOKEN}"}
    with serving(linear) as server:
        model = load(tmp_path, server, headers=headers)
        results = unfooled.audit(model, (X, Y), "linf:0.2", "square", budget=20, out=tmp_path / "run")
        assert server.seen[0][0]["Authorization"] == f"Bearer {SECRET}"
        errors = []
        echo = json.dumps({SECRET: SECRET}).encode()
        for fault in (403, (400, {}, f"no {SECRET}".encode()), (200, {}, echo), (200, {}, SECRET.encode())):
            server.faults = [fault] * 9
            with pytest.raises(UnfooledError) as caught:
                model.answer(batch(X[:1]))
            errors.append(f"{caught.value!r} {caught.value}")
    texts = [told(tmp_path), json.dumps(results.run), repr(model), caplog.text, *errors]
    assert len(errors) == 4
    assert not [text for text in texts if SECRET in text]
    assert "${MODEL_TOKEN}" not in json.dumps(results.run["model"])


BAD_SETTINGS = {
    "a written credential": ({"headers": {"X-Api-Key": SECRET}}, "written out"),
    "an unset variable": ({"headers": {"A": "${NOT_SET_ANYWHERE}"}}, "NOT_SET_ANYWHERE"),
    "a password in the URL": ({"url": "http://me:s3cr3t-t0ken@127.0.0.1/x"}, "holds credentials"),
    "a key in the URL": ({"url": f"http://127.0.0.1/x?api_key={SECRET}"}, "api_key"),
    "a wrong URL": ({"url": f"ftp://{SECRET}"}, "no URL of HTTP"),
    "a budget of 0": ({"budget": 0}, "budget.*greater than or equal to 1"),
    "a slip": ({"concurency": 2}, "Did you mean `concurrency`"),
    "a slip within": ({"input": {"layot": SECRET}}, "Did you mean `layout`"),
    "a wrong value": ({"timeout": SECRET}, "timeout"),
    "a wrong preset": ({"preset": "kserve"}, "kserve-v2"),
    "many rows in one picture": ({"input": {"form": "bytes", "rows": 2}}, "one example a request"),
    "classes of one name": ({"classes": ["a", "a"]}, "a name of its own"),
}


@pytest.mark.parametrize("name", BAD_SETTINGS)
def test_settings_that_are_refused_are_not_repeated(name: str, tmp_path: Path) -> None:
    settings, match = BAD_SETTINGS[name]
    path = tmp_path / "t.yaml"
    path.write_text(yaml.safe_dump({"url": "http://127.0.0.1/x", **settings}))
    with pytest.raises(InputError, match=match) as caught:
        load_model(f"http:{path}")
    assert SECRET[:8] not in f"{caught.value} {caught.value.__cause__}"


def test_attacks_that_need_more_are_left_out_and_why_is_told(tmp_path: Path) -> None:
    with serving(linear) as server:
        model = load(tmp_path, server)
        results = unfooled.audit(model, (X, Y), "linf:0.3", ["pgd", "square"], budget=100)
        assert any("pgd was left out, since the model can only be asked" in note for note in results.run["notes"])
        assert results.run["model"]["access"] == "scores"
        assert results.run["sent"]["questions"] == server_rows(server)
        assert results["linf:0.3"].broken.any()
        before = len(server.seen)
        for call in (
            lambda: unfooled.audit(model, (X, Y), "linf:0.3", "pgd"),
            lambda: unfooled.audit(model, (X, Y), "linf:0.3", "square", access=Access.GRADIENT),
            lambda: unfooled.attack(model, X, Y, "pgd", "linf:0.3"),
        ):
            with pytest.raises(AccessError):
                call()
        assert len(server.seen) <= before + 4  # at the door


def server_rows(server: Server) -> int:
    return sum(len(json.loads(body)["inputs"]) for _, body in server.seen)


def test_labels_that_change_are_told_at_the_door(tmp_path: Path) -> None:
    calls = []

    def moody(body: bytes, headers: dict[str, str]) -> Any:
        calls.append(1)
        rows = len(json.loads(body)["inputs"])
        return {"scores": np.roll([[1.0, 0, 0, 0, 0]] * rows, len(calls), axis=1).tolist()}

    with serving(moody) as server, pytest.raises(ModelError, match="in two ways"):
        unfooled.audit(load(tmp_path, server), (X, Y), "linf:0.1", "square")


def test_the_doctor_tells_what_a_target_is(tmp_path: Path) -> None:
    with serving(linear) as server:
        checks = {check.name: check for check in examine(load(tmp_path, server), (X, Y))}
        assert {check.status for check in checks.values()} == {"ok"}
        assert "can only be asked" in checks["gradients"].found
        server.answer = lambda body, headers: {"scores": RNG.random((len(json.loads(body)["inputs"]), 5)).tolist()}
        told = {check.name: check.status for check in examine(load(tmp_path, server), (X, Y))}
    assert told["determinism"] == "warn"


def test_the_command_says_how_to_go_on(tmp_path: Path) -> None:
    np.savez(tmp_path / "data.npz", x=PIXELS, y=Y.numpy())
    words = ["audit", f"http:{tmp_path / 'target.yaml'}", str(tmp_path / "data.npz"), "-t", "linf:0.3", "--suite"]
    words += ["square", "--budget", "40", "--out", str(tmp_path / "run")]
    with serving(linear) as server:
        load(tmp_path, server, retries=0)
        server.faults = [None] * 12 + [503]
        told = CliRunner().invoke(app, words)
        assert told.exit_code == 2
        assert "does not answer any more" in told.stderr
        assert "--resume" in told.stderr
        again = CliRunner().invoke(app, [*words, "--resume"])
        assert again.exit_code == 0, again.stderr
        assert "questions to the target" in again.stdout
        checked = CliRunner().invoke(app, ["verify", str(tmp_path / "run")])
        assert checked.exit_code == 0, checked.output


def test_an_audit_goes_on_where_the_budget_ended(tmp_path: Path) -> None:
    data = (X, Y)
    with serving(linear) as server:
        whole = unfooled.audit(load(tmp_path, server), data, "linf:0.05", "square", budget=30, batch=2)
        server.seen.clear()
        (tmp_path / "target.queries").unlink()
        run, limit, stops = tmp_path / "run", 100, 0
        while True:
            try:
                model = load(tmp_path, server, budget=limit)
                found = unfooled.audit(
                    model, data, "linf:0.05", "square", budget=30, batch=2, out=run, resume=stops > 0
                )
                break
            except BudgetError:
                assert server_rows(server) <= limit
                limit, stops = limit + 100, stops + 1
                assert stops < 20
        assert stops > 1
    assert found.records.equals(whole.records)


class Sealed:
    """Somebody's own adapter that says how much it tells."""

    device = torch.device("cpu")

    def __init__(self, access: str) -> None:
        self.access = access

    def answer(self, x: Batch) -> Scores:
        return Scores(self.outputs(x))

    def outputs(self, x: Batch, prompt: torch.Tensor | None = None) -> torch.Tensor:
        return torch.from_numpy(scores(x.values.detach().numpy()))

    def read(self, outputs: torch.Tensor) -> Scores:
        return Scores(outputs)

    def describe(self) -> dict[str, Any]:
        return {"name": "sealed", "sha256": "0", "classes": None, "access": self.access}


def test_adapters_of_ones_own_may_say_how_much_they_tell() -> None:
    results = unfooled.audit(Sealed("scores"), (X, Y), "linf:0.3", ["pgd", "square"], budget=100)
    assert results.run["threats"][0]["access"] == "scores"
    assert [row["attack"] for row in results.stages.to_pylist()] == ["square"]
    with pytest.raises(ModelError, match="no such access"):
        unfooled.audit(Sealed("all"), (X, Y), "linf:0.3", "square")
