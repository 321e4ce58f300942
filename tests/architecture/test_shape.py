"""Every file of the package keeps the house rules of shape, and every rule is proved to bite."""

from pathlib import Path, PurePath

import pytest
from architecture import rules

SOURCE = Path(__file__).parents[2] / "src" / "unfooled"
FILES = sorted(SOURCE.rglob("*.py"))
PAGES = sorted(path for kind in ("html", "j2", "css", "js") for path in SOURCE.rglob(f"*.{kind}"))

LONG_FUNCTION = "def f():\n" + "    x = 1\n" * 40
LONG_BUT_DOCUMENTED = 'def f():\n    """Say.\n' + "\n    much\n" * 20 + '    """\n' + "    x = 1\n" * 30

FAULTY = {
    "a long file": (rules.short_file, "auditing/engine.py", "x = 1\n" * 251),
    "a long attack": (rules.short_file, "attacks/pgd.py", "x = 1\n" * 81),
    "a long function": (rules.short_function, "auditing/engine.py", LONG_FUNCTION),
    "a long method": (rules.short_function, "auditing/engine.py", "class A:\n  " + LONG_FUNCTION.replace("\n", "\n  ")),
    "isinstance": (rules.no_type_test, "attacks/pgd.py", "isinstance(x, int)"),
    "hasattr": (rules.no_type_test, "search/ascent.py", "def f(x):\n    return hasattr(x, 'project')"),
    "getattr": (rules.no_type_test, "search/ascent.py", "getattr(x, 'project', None)"),
    "match": (rules.no_type_test, "search/ascent.py", "match x:\n    case int():\n        pass"),
    "a bare except": (rules.narrow_except, "cli.py", "try:\n    f()\nexcept:\n    pass"),
    "except Exception": (rules.narrow_except, "cli.py", "def f():\n try:\n  f()\n except Exception:\n  pass"),
    "one of several": (rules.narrow_except, "cli.py", "try:\n    f()\nexcept (OSError, BaseException):\n    pass"),
    "a silent module": (rules.documented, "goals.py", "x = 1"),
    "a silent function": (rules.documented, "goals.py", '"""Say."""\ndef f(): ...'),
    "a silent class": (rules.documented, "goals.py", '"""Say."""\nclass A: ...'),
    "a silent method": (rules.documented, "goals.py", '"""Say."""\nclass A:\n    """Say."""\n    def f(self): ...'),
    "a vague file": (rules.telling_name, "auditing/utils.py", ""),
    "a vague folder": (rules.telling_name, "common/linf.py", ""),
    "a note to oneself": (rules.nothing_left_to_do, "goals.py", "x = 1  # TO" "DO: think"),
    "a thawed dataclass": (rules.abstract_or_final, "goals.py", "@dataclass\nclass A: ..."),
    "frozen=False": (rules.abstract_or_final, "goals.py", "@dataclass(frozen=False)\nclass A: ..."),
    "a plain class": (rules.abstract_or_final, "goals.py", "class A: ..."),
    "a network in an attack": (rules.abstract_or_final, "attacks/pgd.py", "class A(nn.Module): ..."),
}  # fmt: skip

SOUND = {
    "a documented function": (rules.short_function, "auditing/engine.py", LONG_BUT_DOCUMENTED),
    "isinstance in an adapter": (rules.no_type_test, "models/prepare.py", "isinstance(x, int)"),
    "a narrow except": (rules.narrow_except, "cli.py", "try:\n    f()\nexcept (OSError, ValueError):\n    pass"),
    "an error translated": (
        rules.narrow_except,
        "cli.py",
        "try:\n f()\nexcept Exception as e:\n raise InputError from e",
    ),
    "a private function": (rules.documented, "goals.py", '"""Say."""\ndef _f(): ...'),
    "values": (
        rules.abstract_or_final,
        "core/threat.py",
        "class A(Protocol[S]): ...\nclass B(IntEnum): ...\nclass C(NamedTuple): ...\nclass D(UnfooledError): ...\n"
        "@dataclass(frozen=True)\nclass E(Generic[S]): ...\n@dataclasses.dataclass(frozen=True)\nclass F: ...",
    ),
    "a network in the zoo": (rules.abstract_or_final, "zoo/small.py", "class A(nn.Module): ..."),
}


@pytest.mark.parametrize("rule", rules.RULES, ids=lambda rule: rule.__name__)
def test_every_file_keeps_the_rule(rule: rules.Rule) -> None:
    assert FILES
    read = [(path.relative_to(SOURCE), path.read_text(encoding="utf-8")) for path in FILES]
    found = [fault for path, text in read for fault in rules.faults(rule, path, text)]
    assert not found, f"{rule.__doc__} See tests/architecture/rules.py."


@pytest.mark.parametrize("name", FAULTY)
def test_rules_bite(name: str) -> None:
    rule, path, text = FAULTY[name]
    assert rules.faults(rule, PurePath(path), text)


@pytest.mark.parametrize("name", SOUND)
def test_rules_spare_what_is_sound(name: str) -> None:
    rule, path, text = SOUND[name]
    assert not rules.faults(rule, PurePath(path), text)


def test_nothing_implemented_is_overridden() -> None:
    known: dict[str, tuple[set[str], bool]] = {}
    for path in FILES:
        known |= rules.bases_of(path.read_text(encoding="utf-8"))
    derived = [
        f"{name} derives from {base}"
        for name, (bases, _) in known.items()
        for base in bases
        if base in known and not known[base][1]
    ]
    assert not derived, "Only protocols and errors have descendants."


def test_pages_are_short() -> None:
    """Templates, styles and scripts of the report keep the same limit as code."""
    lengths = {path.relative_to(SOURCE): len(path.read_text(encoding="utf-8").splitlines()) for path in PAGES}
    assert {path: lines for path, lines in lengths.items() if lines > rules.LONGEST_FILE} == {}


def test_exceptions_to_the_rules_are_still_needed() -> None:
    text = "\n".join(path.read_text(encoding="utf-8") for path in FILES)
    written = [name for name in rules.STATEFUL if f"class {name}" in text]
    assert {"Target", "Counts", "StoredTensors"} <= set(written), "Take classes that are gone off STATEFUL."
    for place in rules.SWALLOWS:
        file, _, function = place.partition(":")
        assert any(path.name == file and f"def {function}(" in path.read_text(encoding="utf-8") for path in FILES)
