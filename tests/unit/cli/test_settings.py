from pathlib import Path

import pytest
import yaml
from fuzz import TEN_THOUSAND, damaged, noise, outcome
from hypothesis import given

from unfooled.cli.settings import Settings, settings_from
from unfooled.core.errors import InputError
from unfooled.core.mappings import LARGEST_FILE, read_mapping

WHOLE = b"""\
model: package.module:factory
data: pictures/
threat: [linf:4/255, "l2:1,2,3", become:859 linf:8/255]
suite: fgsm,pgd
mean: [0.485, 0.456, 0.406]
std: 127/255
size: 224
batch: 8
seed: 3
keep: none
limit: 100
"""


SHORT = b"model: a\ndata: b\nthreat: [linf:4/255, 'l2:1']\nsize: 8\nkeep: all\n"


def written(tmp_path: Path, text: str | bytes) -> Path:
    path = tmp_path / "audit.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_a_file_gives_every_setting(tmp_path):
    settings = settings_from({"config": written(tmp_path, WHOLE)})
    assert settings.threats == ["linf:4/255", "l2:1,2,3", "become:859 linf:8/255"]
    assert settings.attacks == ["fgsm", "pgd"]
    assert settings.mean == (0.485, 0.456, 0.406)
    assert settings.std == (127 / 255,)
    assert settings.size == (224,)
    assert (settings.batch, settings.seed, settings.keep, settings.limit) == (8, 3, "none", 100)


def test_the_command_line_wins(tmp_path):
    told = {"config": written(tmp_path, WHOLE), "batch": 32, "seed": None, "threat": ["l2:3"], "out": Path("runs/x")}
    settings = settings_from(told)
    assert (settings.batch, settings.seed, settings.threats, settings.out) == (32, 3, ["l2:3"], "runs/x")


def test_one_threat_may_stand_alone(tmp_path):
    settings = settings_from({"config": written(tmp_path, "model: a:b\ndata: c\nthreat: linf:4/255\n")})
    assert settings.threats == ["linf:4/255"]


def test_a_goal_is_given_to_threats_that_name_none():
    told = {"model": "a:b", "data": "c", "threat": ["linf:4/255", "leave:3 l2:1"], "goal": "become:5"}
    assert settings_from(told).threats == ["become:5 linf:4/255", "leave:3 l2:1"]


def test_the_command_says_the_same_again(tmp_path):
    settings = settings_from({"config": written(tmp_path, WHOLE), "resume": True, "overwrite": False})
    words = settings.command
    assert words[:4] == ["unfooled", "audit", "package.module:factory", "pictures/"]
    assert words[4:8] == ["--threat", "linf:4/255", "--threat", "l2:1,2,3"]
    assert "--resume" not in words
    told: dict[str, object] = {"model": words[2], "data": words[3], "threat": []}
    for option, value in zip(words[4::2], words[5::2], strict=True):
        name = option.removeprefix("--")
        told[name] = [*told["threat"], value] if name == "threat" else value
    assert settings_from(told) == settings.model_copy(update={"resume": False})


def test_the_command_names_each_surrogate():
    settings = settings_from({"model": "a:b", "data": "c", "surrogate": ["zoo:mobilenet-v2", "d.py:e"]})
    assert settings.command[4:] == ["--surrogate", "zoo:mobilenet-v2", "--surrogate", "d.py:e"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("model: a\ndata: b\nthreats: linf:1", r"`threats`.*Did you mean `threat`\?"),
        ("model: a\ndata: b\nxyz: 3", "`xyz`.*Known are model"),
        ("data: b", "`model` is missing"),
        ("modle: a\ndata: b", "Did you mean `model`"),
        ("model: a\ndata: b\nbatch: many", "`batch`.*'many'"),
        ("model: a\ndata: b\nbatch: [1]", "`batch`.*a list"),
        ("model: a\ndata: b\nkeep: some", "`keep`.*'some'.*'none', 'broken' or 'all'"),
        ("model: a\ndata: b\nmean: dark", "`mean`.*'dark'"),
        ("model: a\ndata: b\nsize: 22.5", "`size`"),
        ("model: a\ndata: b\nthreat: {linf: 3}", "`threat`.*a dict"),
        ("model: a\ndata: b\naccess: all", "`access`"),
        ("- model", "a list"),
        ("", "NoneType"),
        ("3: 4", "a dict"),
        ("model: [", "no YAML"),
        ("model: !!python/object/apply:os.system [ls]", "no YAML"),
        ("a: " + "[" * 5000, "no YAML"),
        ("a: 2001-99-99", "no YAML"),
        ("#" * (LARGEST_FILE + 1), "too long"),
    ],
)
def test_mistakes_name_the_key(tmp_path, text, words):
    with pytest.raises(InputError, match=words):
        settings_from({"config": written(tmp_path, text)})


def test_a_missing_file_is_told(tmp_path):
    with pytest.raises(InputError, match="No such file"):
        settings_from({"config": tmp_path / "none.yaml"})


def test_aliases_do_not_grow(tmp_path):
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 12)]
    with pytest.raises(InputError, match="no such setting"):
        settings_from({"config": written(tmp_path, "\n".join(lines))})
    text = "\n".join([*lines, "model: a", "data: b", "threat: *a11"])
    with pytest.raises(InputError):
        settings_from({"config": written(tmp_path, text)})


def test_hostile_files_are_refused_or_read(tmp_path_factory):
    path = tmp_path_factory.mktemp("yaml") / "audit.yaml"

    @TEN_THOUSAND
    @given(
        damaged([WHOLE, yaml.safe_dump({"model": "a", "data": "b", "threat": ["l2:3"] * 3}).encode()]) | noise([b"a: "])
    )
    def hold(data: bytes) -> None:
        path.write_bytes(data)
        found = outcome(lambda: settings_from({"config": path}))
        assert found is None or isinstance(found, Settings)

    hold()


def test_reading_gives_plain_names(tmp_path):
    assert read_mapping(written(tmp_path, "batch: 16")) == {"batch": 16}
