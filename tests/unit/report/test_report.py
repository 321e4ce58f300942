"""The page says what the table says, loads nothing, and looks right in every corner case."""

import re
import subprocess
import sys
from html.parser import HTMLParser

import numpy as np
import pyarrow as pa
import pytest

from unfooled.core import folder
from unfooled.core.autoattack import autoattack_passes
from unfooled.core.errors import RunError
from unfooled.core.results import Results
from unfooled.core.schema import RECORDS, STAGES
from unfooled.report import render, tables, write_report
from unfooled.report.bills import bills
from unfooled.report.comparing import compared
from unfooled.report.wording import Threat

FOUR = "linf:4/255"


def threat(name: str = FOUR, **changes: object) -> dict[str, object]:
    goal, _, within = name.rpartition(" ")
    size = within.partition("@")[0].partition(":")[2]
    over, _, under = size.partition("/")
    return {
        "name": name,
        "goal": goal or "misclassify",
        "within": within,
        "radius": float(over) / float(under or 1) if size else None,
        "access": "gradient",
        "budget": None,
        "carrier": "png8",
        "trials": 1,
        "quorum": 1.0,
        **changes,
    }


def run(threats: list[dict[str, object]], n: int, classes: list[str] | None) -> dict[str, object]:
    return {
        "unfooled": "0.1.0",
        "created": "2026-10-01T14:03:22Z",
        "seconds": 412.3,
        "model": {
            "name": "tiny", "class": "Tiny", "parameters": 12, "sha256": "ab12",
            "preprocess": {"size": 224, "mean": [0.5]}, "classes": classes, "k": 10,
        },
        "data": {"n": n, "fingerprint": "cd34", "notes": []},
        "threats": threats,
        "suite": {"name": "standard", "attacks": ["apgd: APGD(steps=100)"]},
        "seed": 0, "batch": 32, "keep": "broken", "device": "cpu", "threads": 2,
        "versions": {"python": "3.11", "torch": "2", "numpy": "2", "platform": "test"},
    }  # fmt: skip


def make(
    n: int = 10,
    wrong: int = 2,
    fooled: int = 5,
    *,
    threats: list[dict[str, object]] | None = None,
    shape: tuple[int, ...] = (3, 16, 16),
    name: str = "photo{}.png",
    classes: list[str] | None = None,
    confident: bool = True,
    keep: bool = True,
    floats: int = 0,
) -> Results:
    """Make results of which the first `wrong` examples are misread and the next `fooled` broken under each threat."""
    asked = threats if threats is not None else [threat()]
    rng, rows, stages, tensors = np.random.default_rng(0), [], [], {}
    for entry in asked:
        for place in range(n):
            key, correct, broken = f"{place:016x}", place >= wrong, wrong <= place < wrong + fooled
            if keep and broken:
                x = rng.integers(8, 248, shape).astype(np.uint8)
                tensors[f"x/{key}"], tensors[f"x_adv/{entry['name']}/{key}"] = x, (x + 4).astype(np.uint8)
            rows.append(
                {
                    "threat": entry["name"], "radius": entry["radius"], "example": place, "key": key,
                    "name": name.format(place), "y": place % 3, "clean_label": place % 3 if correct else 9,
                    "clean_confidence": 0.9 if confident else None, "clean_correct": correct, "broken": broken,
                    "broken_float32": wrong <= place < wrong + fooled + floats,
                    "attack": "apgd" if broken else None, "adv_label": place % 3 + 4 if broken else None,
                    "adv_confidence": 0.8 if confident and broken else None,
                    "distance": 4 / 255 if broken else None, "margin": float("nan"),
                    "queries": 0, "forwards": 11, "backwards": 10,
                }
            )  # fmt: skip
        stages.append(
            {
                "threat": entry["name"], "attack": "apgd", "settings": "APGD(steps=100)", "tried": n - wrong,
                "proposed": fooled + 1, "broken": fooled, "queries": 1234, "forwards": 5678, "backwards": 4321,
                "seconds": 1.5,
            }
        )  # fmt: skip
    records, table = pa.Table.from_pylist(rows, RECORDS), pa.Table.from_pylist(stages, STAGES)
    return Results(records, table, run(asked, n, classes), tensors)


def text(page: str) -> str:
    """Strip the tags, so that what is left is what people read."""
    bare = re.sub(r"<style>.*?</style>|<[^>]*>", " ", page, flags=re.DOTALL)
    return " ".join(bare.replace("&nbsp;", " ").replace("\u202f", " ").replace("&#39;", "'").split())


class Elements(HTMLParser):
    """Every element of a page; checks that each is closed in the right order."""

    VOID = frozenset(("meta", "img", "br", "link"))

    def __init__(self, page: str) -> None:
        super().__init__()
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def nearest(*names: str, distances: tuple[float, ...] = (0.11, 0.22, 0.33, 0.44, 0.55), **more: object) -> Results:
    """Make results of an attack that found these distances, at the first of which the model falls to it."""
    whole = make(threats=[threat(name) for name in names], **more)  # type: ignore[arg-type]
    rows = whole.records.to_pylist()
    for row in rows:
        if row["broken"]:
            row["distance"] = distances[(row["example"] - 2) % len(distances)]
            radius = np.inf if row["radius"] is None else row["radius"]
            row["broken"] = row["broken_float32"] = row["distance"] <= radius
    whole.run["suite"]["nearest"] = ["apgd"]
    return Results(pa.Table.from_pylist(rows, RECORDS), whole.stages, whole.run, whole.tensors)


CASES = {
    "some broken": make(),
    "nothing broken": make(fooled=0),
    "all misread": make(wrong=10, fooled=0),
    "one example, broken": make(1, 0, 1),
    "one example, standing": make(1, 0, 0),
    "one example, misread": make(1, 1, 0),
    "six radii": make(threats=[threat(f"linf:{radius}/255") for radius in (1, 2, 3, 4, 8, 16)]),
    "two families and goals": make(threats=[threat(), threat("l2:3"), threat("become:3 l2:3")]),
    "labels only": make(confident=False, threats=[threat(access="decision", budget=1000)]),
    "pictures not kept": make(keep=False),
    "waveforms": make(shape=(400,), threats=[threat(carrier="float32")]),
    "no radius": make(threats=[threat() | {"radius": None, "within": "anything", "name": "anything"}]),
    "repeated trials": make(threats=[threat(trials=20, quorum=0.5)]),
    "names without files": make(name=""),
    "two thousand": make(2000, 100, 1500, shape=(1, 8, 8)),
    "no limit": nearest("l2"),
    "no limit, nothing broken": nearest("l2", fooled=0),
    "no limit, all misread": nearest("linf", wrong=10, fooled=0),
    "no limit, one example": nearest("l0", n=1, wrong=0, fooled=1),
    "no limit, waveforms": nearest("linf", shape=(400,)),
    "limits and none": nearest("l1:1/4", "l1:2/4", "l1", "linf:1/255", "linf", "become:3 l2"),
    "a wide picture": make(3, 0, 1, shape=(3, 300, 900)),
}


@pytest.mark.parametrize("results", CASES.values(), ids=CASES.keys())
def test_page_is_whole_and_loads_nothing(results: Results) -> None:
    page = render(results)
    elements = Elements(page).seen
    assert page.startswith("<!doctype html>")
    assert "http://" not in page
    assert "https://" not in page
    assert "nan" not in text(page).lower().split()
    assert "None" not in text(page).split()
    assert not {"script", "link", "iframe", "object"} & {tag for tag, _ in elements}
    ids = [attributes["id"] for _, attributes in elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    for tag, attributes in elements:
        for word in ("href", "xlink:href", "src"):
            target = attributes.get(word) or "#"
            assert target.startswith("data:image/png;base64,") or target == "#" or target[1:] in ids, (tag, target)
    assert all(attributes.get("alt") for tag, attributes in elements if tag == "img")
    assert all(attributes.get("scope") for tag, attributes in elements if tag == "th")
    assert [tag for tag, _ in elements].count("h1") == 1
    assert len(page) < 8_000_000


def test_page_gives_the_numbers_of_the_table() -> None:
    results = make(n=20, wrong=3, fooled=15)
    seen = text(render(results))
    found = results[FOUR]
    assert found.robust_accuracy == 0.1
    assert "10 % 2.8 % to 30.1 %" in seen
    assert (round(found.interval.low, 3), round(found.interval.high, 3)) == (0.028, 0.301)
    assert "85 % 64 % to 94.8 %" in seen
    assert "15 of 17" in seen
    assert "apgd 17 16 15 5,678 4,321 1,234 749 1.5 s" in seen


def test_headline_says_it_in_plain_words() -> None:
    before = "Of 20 pictures, the model reads 17 rightly. "
    who = (
        "omebody who has a copy of the model and may change every pixel by at most 4/255 of full brightness "
        "\u2013 little enough to be overlooked \u2013"
    )
    assert f"{before}S{who} fools it on all of these 17." in text(render(make(20, 3, 17)))
    assert f"{before}S{who} fools it on 5 of these 17." in text(render(make(20, 3, 5)))
    assert f"{before}For s{who} no attack tried here worked on any of these 17." in text(render(make(20, 3, 0)))
    assert "the model reads none rightly, attack or none. Check the labels" in text(render(make(20, 20, 0)))
    assert "The model reads the one picture of this audit rightly." in text(render(make(1, 0, 1)))
    target = make(threats=[threat("become:3 l2:3")], classes=[f"class number {label}" for label in range(10)])
    assert "makes it answer \u201cclass number 3\u201d on 5 of these 8." in text(render(target))


def test_headline_is_of_the_smallest_radius_that_does_most() -> None:
    rows = make(threats=[threat("linf:8/255"), threat("linf:2/255"), threat("linf:4/255")])
    assert "at most 2/255 of full brightness \u2013 too" in text(render(rows))


def test_without_a_limit_the_headline_says_how_far() -> None:
    seen = text(render(nearest("l2", n=20, wrong=2, fooled=18, distances=tuple(k / 10 for k in range(1, 19)))))
    who = "Somebody who has a copy of the model and may change the picture in any way"
    far = "fools it on all of these 18, and on 9 of them with a change of 0.9 or less (Euclidean length of the change)"
    assert f"reads 18 rightly. {who} {far}." in seen
    assert "still read rightly under attack" not in seen
    assert "change the picture in any way l2 18 of 18 no limit" in seen
    assert "For half of the 18 pictures read rightly, a change of 0.9 is enough (Euclidean length" in seen
    few = text(render(nearest("l2", n=20, wrong=2, fooled=5)))
    assert "fools it on 5 of these 18. " in few
    assert "Fewer than half of the 18 pictures read rightly fall to a change of any size" in few


def test_the_headline_prefers_a_limit() -> None:
    seen = text(render(nearest("l2", "l2:0.25", "l2:0.35")))
    assert "at most 0.35 in all (Euclidean length of the change) fools it on 3 of these 8." in seen
    assert "any of these that has a limit 3 of 8" in seen
    assert "Fewer than" not in seen
    assert "For half of the 8 pictures read rightly, a change of 0.44 is enough" in seen


def test_a_curve_between_the_radii_is_drawn_where_it_is_known() -> None:
    """Many points of what one attack found, or a line from dot to dot."""
    names = ("l2:0.25", "l2:0.5")
    close, coarse = nearest(*names), nearest(*names)
    del coarse.run["suite"]["nearest"]
    lines = []
    for results in (close, coarse):
        page = render(results)
        figure = page[page.index('id="radius"') : page.index('id="attacks"')]
        lines.append(max(path.count("L ") for path in re.findall(r' d="([^"]*)"', figure)))
        assert "0: 80 %; 0.25: 60 %; 0.5: 40 %" in figure.replace("\u202f", " ")
        assert ("half fall within 0.44" in figure) == (results is close)
    assert lines[0] > 120
    assert lines[1] < 20


def test_several_threats_are_joined() -> None:
    one, two = make(n=10, wrong=0, fooled=3), make(n=10, wrong=3, fooled=4, threats=[threat("l2:3")])
    joined = one.merge(two)
    seen = text(render(joined))
    assert joined.union().robust_accuracy == 0.3
    assert "This report joins 2 runs" in seen
    assert "any of these 7 of 10 30 % 10.8 % to 60.3 %" in seen


def test_counts_before_saving_are_shown_where_they_differ() -> None:
    assert "Before saving" not in text(render(make()))
    seen = text(render(make(floats=2)))
    assert "Before saving as a file" in seen
    assert "5 of 8 30 % 10.8 % to 60.3 % 10 %" in seen


def test_the_bill_stands_beside_autoattacks() -> None:
    results = make(n=10, wrong=2, fooled=5)
    least = sum(autoattack_passes(10, [8, 3, 3, 3, 3], 10))
    (bill,) = bills(results, tables.threats(results))
    asked = results.stages.to_pydict()
    assert (bill.kind, bill.theirs) == ("linf", least)
    assert bill.ours == sum(sum(asked[kind]) for kind in ("queries", "forwards", "backwards"))
    assert f"at least {least:,}" in text(render(results))
    for other in (threat(access="scores"), threat("become:3 linf:4/255"), threat("l1:4"), threat("linf:4/255@mask-1a")):
        changed = make(threats=[other])
        assert not bills(changed, tables.threats(changed))


def test_names_from_the_run_are_escaped() -> None:
    bad = "<script>alert(1)</script>{}\"'&$x$"
    results = make(
        name=bad,
        classes=[f"<script>class{label}</script>" for label in range(10)],
        threats=[threat() | {"name": "<script>t</script>"}],
    )
    results.run["model"]["name"] = results.run["command"] = results.run["notes"] = bad
    results.run["notes"] = [bad]
    stages = results.stages.to_pylist()
    stages[0]["attack"] = stages[0]["settings"] = bad
    page = render(Results(results.records, pa.Table.from_pylist(stages, STAGES), results.run, results.tensors))
    assert "<script" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "&lt;script&gt;class1&lt;/script&gt;" in page
    Elements(page)


def test_classes_are_shown_by_name_or_number() -> None:
    assert "class 6" in text(render(make()))
    seen = text(render(make(classes=["cat", "dog", "cow", "d", "e", "fox", "gnu", "h", "i", "j"])))
    assert "gnu" in seen
    assert "class 6" not in seen


def test_page_tells_how_to_run_it_again() -> None:
    results = make()
    assert "unfooled.audit(model, data, ['linf:4/255'], suite='standard', seed=0" in text(render(results))
    assert "size 224, mean [0.5]" in text(render(results))
    results.run["suite"]["name"] = "custom"
    assert "suite=[APGD(steps=100)], seed=0" in text(render(results))
    results.run["command"] = "unfooled audit tiny photos"
    assert "unfooled audit tiny photos" in text(render(results))
    results.run["model"]["classes"] = 10  # a count, where the names are not known
    assert "class 6" in text(render(results))


def test_long_radii_are_rounded() -> None:
    half = threat("linf:0.00196078431372549")
    seen = text(render(make(threats=[half, threat("l2:0.123456789", radius=0.123456789)])))
    assert "every pixel by at most 0.5/255 of full" in seen
    assert "the picture by at most 0.123 in all" in seen


def test_notes_of_the_run_are_told() -> None:
    results = make()
    results.run["data"]["notes"], results.run["notes"] = ["labels are numbers"], ["Two files were left out."]
    assert "Notes. Labels are numbers. Two files were left out." in text(render(results))


def test_a_region_is_told() -> None:
    entry = threat() | {"name": "linf:4/255@mask-1a2b", "within": "linf:4/255"}
    seen = text(render(make(threats=[entry])))
    assert "at most 4/255 of full brightness inside a marked region \u2013 little enough" in seen
    assert "Robust accuracy, linf inside mask-1a2b" in seen


def test_classes_are_compared_only_where_there_are_enough_examples() -> None:
    assert "Which classes fall" not in render(make(n=10))
    seen = text(render(make(n=16, wrong=0, fooled=8)))
    assert "Which classes fall" in seen
    assert "class 0 6 6 3 50 % class 4" in seen


def test_gallery_tells_what_it_lacks() -> None:
    assert "8 fooled, but the pictures were not kept" in text(render(make(fooled=8, keep=False)))
    assert "none fooled, so there is nothing to show" in text(render(make(fooled=0)))
    assert "every fourth pixel of the file, unsmoothed" in text(render(make(3, 0, 1, shape=(3, 300, 900))))
    assert "unfooled export RUN writes all that were kept" in text(render(make(40, 0, 40)))
    seen = text(render(make(shape=(400,), threats=[threat(carrier="float32")])))
    assert "90 % sure became class 6 80 % sure" in seen


def test_large_pictures_do_not_make_a_large_page() -> None:
    threats = [threat(f"linf:{radius}/255") for radius in (1, 2, 4)]
    assert len(render(make(8, 0, 8, threats=threats, shape=(3, 512, 512)))) < 8_000_000


def test_same_results_give_the_same_bytes() -> None:
    assert render(make()) == render(make())


def test_write_report_gives_a_file_also_from_a_run_on_disk(tmp_path) -> None:
    results = make()
    folder.save(results, tmp_path / "run")
    place = write_report(folder.load(tmp_path / "run"), tmp_path / "new" / "report.html")
    assert place.read_text(encoding="utf-8") == render(results)


def test_what_cannot_be_written_is_told(tmp_path) -> None:
    with pytest.raises(RunError, match="cannot be written"):
        write_report(make(), tmp_path)
    with pytest.raises(RunError, match="nothing to report"):
        render(Results(RECORDS.empty_table(), STAGES.empty_table(), run([], 0, None)))


def test_report_needs_no_torch() -> None:
    code = "import sys; sys.modules['torch'] = None; import unfooled.report; assert unfooled.report.render"
    subprocess.run([sys.executable, "-c", code], check=True)


def worded(within: str, radius: float, *, pictures: bool = True) -> str:
    return Threat(threat("l2:1", within=within, radius=radius), None, pictures).change.replace("\u202f", " ")


def test_one_of_a_thing_is_not_several() -> None:
    assert worded("chars:1", 1, pictures=False) == "make up to 1 typo in the text"
    assert worded("chars:11", 11, pictures=False) == "make up to 11 typos in the text"
    assert worded("l0:1", 1) == "change at most 1 pixel of the picture, each as much as they like"
    assert worded("rotate:1,shift:1", 1) == "turn the picture by up to 1 degree and shift the picture by up to 1 pixel"
    assert worded("shift:1%", 1) == "shift the picture by up to 1% of its sides"
    assert (
        worded("words:0.2", 0.2, pictures=False) == "replace up to 20 % of the words of the text by what means the same"
    )


def test_other_words_are_compared_whole() -> None:
    told = compared("An awful film", "An fearful film", whole=True)
    assert [(part.kind, part.parts) for part in told] == [
        ("same", (("An ", False),)), ("removed", (("awful", False),)), ("added", (("fearful", False),)),
        ("same", ((" film", False),)),
    ]  # fmt: skip
