"""The report in a real browser: nothing is loaded, nothing complains, and the headline fits every screen."""

import os
import shutil

import numpy as np
import pyarrow as pa
import pytest

from unfooled.core.results import Results
from unfooled.core.schema import RECORDS, STAGES
from unfooled.report import write_report

playwright = pytest.importorskip("playwright.sync_api")
pytestmark = pytest.mark.browser

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
NAMES = ("linf:1/255", "linf:4/255", "l2:3")
LONG = "Staffordshire_bullterrier_or_some_other_class_whose_name_does_not_end"


def results() -> Results:
    """Make results of three threats with long names and small pictures."""
    rng, rows, stages, tensors = np.random.default_rng(0), [], [], {}
    for name, radius, broken in zip(NAMES, (1 / 255, 4 / 255, 3.0), (3, 9, 6), strict=True):
        for place in range(12):
            key = f"{place:016x}"
            x = rng.integers(8, 248, (3, 64, 48)).astype(np.uint8)
            tensors[f"x/{key}"], tensors[f"x_adv/{name}/{key}"] = x, (x + 4).astype(np.uint8)
            rows.append(
                {
                    "threat": name, "radius": radius, "example": place, "key": key,
                    "name": f"{LONG}/{place}.png", "y": 0, "clean_label": 0, "clean_confidence": 0.93,
                    "clean_correct": place < 10, "broken": place < broken, "broken_float32": place < broken + 1,
                    "attack": "apgd", "adv_label": 1, "adv_confidence": 0.871, "distance": radius, "margin": 1.0,
                    "queries": 0, "forwards": 101, "backwards": 100,
                }
            )  # fmt: skip
        stages.append(
            {
                "threat": name, "attack": "apgd", "settings": "APGD(steps=100)", "tried": 10, "proposed": broken,
                "broken": broken, "queries": 0, "forwards": 1010, "backwards": 1000, "seconds": 12.5,
            }
        )  # fmt: skip
    asked = [
        {
            "name": name, "goal": "misclassify", "within": name, "radius": radius, "access": "GRADIENT",
            "budget": None, "carrier": "png8", "trials": 1, "quorum": 1.0,
        }
        for name, radius in zip(NAMES, (1 / 255, 4 / 255, 3.0), strict=True)
    ]  # fmt: skip
    run = {
        "unfooled": "0.1.0", "schema": 1, "created": "2026-10-01T14:03:22+00:00", "seconds": 61.0,
        "command": "unfooled audit model --data " + "photos/" * 30,
        "model": {
            "name": "tiny", "class": "a.module." * 12 + "Tiny", "parameters": 12, "sha256": "ab" * 32,
            "preprocess": None, "classes": [LONG, LONG[::-1]], "k": 2,
        },
        "data": {"source": "photos", "n": 12, "fingerprint": "cd" * 32, "notes": []},
        "threats": asked, "suite": {"name": "standard", "attacks": ["APGD(steps=100)"]},
        "seed": 0, "batch": 32, "keep": "broken", "device": "cpu", "threads": 2,
        "versions": {"python": "3.11", "torch": "2", "numpy": "2", "platform": "test"}, "notes": [],
    }  # fmt: skip
    return Results(pa.Table.from_pylist(rows, RECORDS), pa.Table.from_pylist(stages, STAGES), run, tensors)


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    return write_report(results(), tmp_path_factory.mktemp("report") / "report.html").as_uri()


@pytest.fixture(scope="module")
def chromium():
    with playwright.sync_playwright() as engine:
        browser = engine.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_page_in_a_browser(chromium, address, width, scheme) -> None:
    page = chromium.new_page(viewport={"width": width, "height": 844}, color_scheme=scheme)
    complaints, requests = [], []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: requests.append(request.url))
    page.goto(address)

    assert complaints == []
    assert {url for url in requests if not url.startswith("data:")} == {address}
    headline = page.locator("h1")
    assert "fools it on 9 of these 10." in headline.inner_text()
    box = headline.bounding_box()
    assert box["y"] >= 0
    assert box["y"] + box["height"] <= 844
    assert box["x"] + box["width"] <= width
    assert page.locator(".before-after img").first.bounding_box()["y"] < 844
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate("[...document.images].every(picture => picture.complete && picture.naturalWidth > 0)")
    assert page.evaluate("[...document.querySelectorAll('svg.chart')].every(chart => chart.clientHeight > 40)")
    page.close()


def test_text_has_enough_contrast_in_both_themes(chromium, address) -> None:
    for scheme in ("light", "dark"):
        page = chromium.new_page(color_scheme=scheme)
        page.goto(address)
        colours = page.evaluate(
            "(names => { const style = getComputedStyle(document.documentElement);"
            " return names.map(name => style.getPropertyValue('--' + name).trim()); })"
            "(['paper', 'ink', 'muted', 'stands', 'fooled'])"
        )
        paper, *inks = (luminance(colour) for colour in colours)
        for ink in inks:
            lighter, darker = max(ink, paper), min(ink, paper)
            assert (lighter + 0.05) / (darker + 0.05) >= 4.5
        page.close()


def luminance(colour: str) -> float:
    """Relative luminance of #rrggbb, as WCAG defines it."""
    values = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in values]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
