"""The gate's judgements as JUnit XML, which every build server reads."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from unfooled.core.errors import RunError
from unfooled.core.folder import write_atomically

from .gate import Gate, Outcome

TAGS = {Outcome.FAILED: "failure", Outcome.UNRELIABLE: "error"}
_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit(gate: Gate) -> str:
    """Write one testcase a requirement and threat; what is not reliable is an error, with the doubts in its text."""
    outcomes = [judgement.outcome for judgement in gate.judgements]
    suite = Element("testsuite", name="unfooled gate", tests=str(len(outcomes)))
    for outcome, tag in TAGS.items():
        suite.set(f"{tag}s", str(outcomes.count(outcome)))
    for judgement in gate.judgements:
        name = f"{judgement.required} under {judgement.threat}"
        case = SubElement(suite, "testcase", classname="unfooled.gate", name=_printable(name))
        if judgement.outcome in TAGS:
            lines = [judgement.why, *(f"Doubt: {doubt}." for doubt in gate.doubts)]
            fault = SubElement(case, TAGS[judgement.outcome], message=_printable(judgement.why))
            fault.text = _printable("\n".join(lines))
    suites = Element("testsuites")
    suites.append(suite)
    indent(suites)
    return f"<?xml version='1.0' encoding='utf-8'?>\n{tostring(suites, encoding='unicode')}\n"


def write_junit(gate: Gate, path: Path) -> None:
    """Write the file.

    Raises:
        RunError: It cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, junit(gate))
    except OSError as error:
        raise RunError(
            "The JUnit file cannot be written", f"{path}: {error.strerror}", "Name a file, such as gate.xml."
        ) from error


def _printable(text: str) -> str:
    """Replace what XML cannot hold: names of attacks may come from elsewhere."""
    return _FORBIDDEN.sub("\ufffd", text)
