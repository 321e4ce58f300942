from dataclasses import replace

import numpy as np
import pytest
import torch

from unfooled.auditing.engine import audit
from unfooled.auditing.export import export
from unfooled.auditing.verify import threat_from, verify
from unfooled.core.errors import InputError, RunError
from unfooled.core.results import Results
from unfooled.hardening.deployed import defended
from unfooled.models.classifier import wrap
from unfooled.models.preprocess import Preprocess
from unfooled.zoo.small import linear, wave_net

RNG = np.random.default_rng(2)
MODEL = linear(torch.from_numpy(RNG.normal(size=(3, 1, 4, 4))))
BYTES = RNG.integers(0, 256, (8, 1, 4, 4), np.uint8)
Y = MODEL(torch.from_numpy(BYTES).float() / 255).argmax(dim=1)


@pytest.fixture(scope="module")
def results() -> Results:
    return audit(MODEL, (BYTES, Y), ["linf:0.2", "become:1 l2:1"], ["fgsm"])


def with_tensor(results: Results, kind: str, change) -> Results:
    name = next(name for name in results.tensors if name.startswith(kind))
    return replace(results, tensors={**results.tensors, name: change(results.tensors[name])})


def test_everything_is_confirmed(results):
    checked = verify(results, MODEL)
    assert len(checked) == int(sum(results[threat].broken.sum() for threat in results.threats)) > 8
    assert all(one.confirmed and not one.why for one in checked)
    assert checked[0].name.startswith("example ")


def test_a_pixel_outside_the_radius_is_found(results):
    def flip(stored: np.ndarray) -> np.ndarray:
        changed = stored.copy()
        changed.flat[0] ^= 0x80
        return changed

    tampered = with_tensor(results, "x_adv/linf:0.2", flip)
    doubtful = [one for one in verify(tampered, MODEL) if not one.confirmed]
    assert len(doubtful) == 1
    assert "outside linf:0.2" in doubtful[0].why
    assert doubtful[0].distance > 0.3


def test_an_example_that_no_longer_fools_is_found(results):
    name = next(name for name in results.tensors if name.startswith("x_adv/linf"))
    clean = results.tensors[f"x/{name.rpartition('/')[2]}"]
    tampered = replace(results, tensors={**results.tensors, name: clean})
    (doubtful,) = [one for one in verify(tampered, MODEL) if not one.confirmed]
    assert doubtful.why == f"the model answers {doubtful.label}"
    assert doubtful.distance == 0


@pytest.mark.parametrize(
    ("change", "why"),
    [(lambda stored: stored[:, :2], "shape"), (lambda stored: stored.astype(np.float32) * np.nan, "outside")],
)
def test_spoilt_arrays_are_found(results, change, why):
    tampered = with_tensor(results, "x_adv/", change)
    (doubtful,) = [one for one in verify(tampered, MODEL) if not one.confirmed]
    assert why in doubtful.why


@pytest.mark.parametrize("kind", ["x/", "x_adv/linf"])
def test_a_missing_array_is_found(results, kind):
    name = next(name for name in results.tensors if name.startswith(kind))
    tensors = {other: array for other, array in results.tensors.items() if other != name}
    doubtful = [one for one in verify(replace(results, tensors=tensors), MODEL) if not one.confirmed]
    assert doubtful
    assert all(name in one.why and one.label == -1 for one in doubtful)


def test_threats_that_were_merged_in_are_checked_too(results):
    more = audit(MODEL, (BYTES, Y), "linf:0.3", ["fgsm"])
    joined = results.merge(more)
    checked = verify(joined, MODEL)
    assert {one.threat for one in checked} == {"linf:0.2", "become:1 l2:1", "linf:0.3"}
    assert all(one.confirmed for one in checked)


def test_another_model_is_refused(results):
    with pytest.raises(RunError, match="another model"):
        verify(results, linear(torch.ones(3, 1, 4, 4)))


def test_another_strength_of_a_defence_is_another_model(tmp_path):
    """The weights of a rounding model do not tell how it rounds."""
    weak, strong = (defended(MODEL, f"bit-depth:bits={bits}") for bits in (4, 5))
    assert weak.describe()["sha256"] == strong.describe()["sha256"]
    made = audit(weak, (BYTES, Y), "linf:0.2", ["fgsm"])
    assert len(verify(made, weak)) > 0
    with pytest.raises(RunError, match="settings"):
        verify(made, strong)
    with pytest.raises(InputError, match="settings"):
        made.merge(audit(strong, (BYTES, Y), "linf:0.1", ["fgsm"]))
    with pytest.raises(RunError, match="preprocessing"):
        verify(audit(wrap(MODEL, Preprocess(0.1)), (BYTES, Y), "linf:0.2", ["fgsm"]), wrap(MODEL, Preprocess(0.2)))


def test_a_run_of_a_release_that_told_no_settings_is_still_confirmed(results):
    older = {name: value for name, value in results.run["model"].items() if name != "settings"}
    assert len(verify(replace(results, run={**results.run, "model": older}), MODEL)) > 8


def test_a_run_without_examples_is_refused():
    with pytest.raises(RunError, match="kept no examples"):
        verify(audit(MODEL, (BYTES, Y), "linf:0.2", ["fgsm"], keep="none"), MODEL)


@pytest.mark.parametrize(
    "damage",
    [
        {"goal": "win"},
        {"within": "linf:"},
        {"carrier": "gif"},
        {"access": "none"},
        {"domain": None},
        {"trials": "many"},
    ],
)
def test_a_damaged_threat_is_refused(results, damage):
    entry = results.run["threats"][0] | damage
    with pytest.raises(RunError, match="cannot be read"):
        threat_from(entry)


def test_exported_files_are_confirmed_and_their_faults_found(results, tmp_path):
    export(results, tmp_path)
    assert all(one.confirmed for one in verify(results, MODEL, files=tmp_path))
    swapped, cut, gone, *_ = sorted(tmp_path.glob("linf*/*_adv.png"))
    swapped.with_name(swapped.name.replace("_adv", "_clean")).write_bytes(gone.read_bytes())
    cut.write_bytes(cut.read_bytes()[:60])
    gone.unlink()
    doubtful = [one.why for one in verify(results, MODEL, files=tmp_path) if not one.confirmed]
    assert len(doubtful) == 3
    for why, words in zip(doubtful, ("is not the example", "cut short", "cannot be opened"), strict=True):
        assert words in why


def test_an_example_that_the_manifest_does_not_list_is_not_confirmed(results, tmp_path):
    export(results, tmp_path)
    manifest = tmp_path / "manifest.csv"
    manifest.write_text("".join(manifest.read_text().splitlines(keepends=True)[:-1]))
    (doubtful,) = [one for one in verify(results, MODEL, files=tmp_path) if not one.confirmed]
    assert "manifest" in doubtful.why


@pytest.mark.parametrize("kind", ["waves", "grey 16 bits"])
def test_other_kinds_of_data_are_confirmed(kind):
    if kind == "waves":
        model = wave_net()
        x = [RNG.uniform(-1, 1, t).astype(np.float32) for t in (40, 57, 64)]
        data, threat = (x, [int(model(torch.from_numpy(one)[None]).argmax()) for one in x]), "linf:0.9"
        from unfooled.models.classifier import wrap

        model = wrap(model, takes_lengths=True)
    else:
        model, x = MODEL, RNG.integers(0, 65536, (5, 1, 4, 4)).astype(np.uint16)
        data, threat = (x, model(torch.from_numpy(x / np.float32(65535))).argmax(dim=1)), "linf:0.3"
    run = audit(model, data, threat, ["fgsm"])
    checked = verify(run, model)
    assert checked
    assert all(one.confirmed for one in checked)
