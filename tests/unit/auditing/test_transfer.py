"""Surrogates in an audit, and tables of who fools whom."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import unfooled
from unfooled.core.errors import AccessError, InputError
from unfooled.core.matrix import Cell, Matrix, Party
from unfooled.models.black_box import BlackBox
from unfooled.report.transfer import render_transfer, sentences, share, write_transfer
from unfooled.report.wording import percent
from unfooled.zoo.small import linear, small_cnn

X = torch.rand(12, 1, 28, 28, generator=torch.Generator().manual_seed(0)).mul(255).round() / 255


def read_by(net: Any) -> Tensor:
    with torch.no_grad():
        labels: Tensor = net(X).argmax(dim=1)
    return labels


def test_an_audit_by_somebody_who_owns_a_twin() -> None:
    net = small_cnn(0)
    results = unfooled.audit(
        net, (X, read_by(net)), "linf:64/255", "transfer", surrogates=[small_cnn(0)], access=unfooled.Access.DECISION
    )
    rows = results.records.to_pylist()
    assert any(row["broken"] for row in rows)
    assert max(row["queries"] for row in rows) <= 8, "one for each of four attacks, one more for a success's rounding"
    assert len(results.run["surrogates"]) == 1
    assert any("models of the attacker's own" in note for note in results.run["notes"])
    assert any("bases" in note for note in results.run["notes"]), "which needs scores"


def test_surrogates_are_checked_at_the_door() -> None:
    net, data = small_cnn(0), (X, read_by(small_cnn(0)))
    with pytest.raises(InputError, match="no surrogates"):
        unfooled.audit(net, data, "linf:8/255", "transfer")
    with pytest.raises(InputError, match="4 classes, the target 10"):
        unfooled.audit(net, data, "linf:8/255", "transfer", surrogates=[linear(torch.ones(4, 1, 28, 28))])
    asked = BlackBox(lambda x: x.reshape(len(x), -1)[:, :10], unfooled.Access.SCORES, name="asked", sha256="0")
    with pytest.raises(AccessError, match="can only be asked"):
        unfooled.audit(net, data, "linf:8/255", "transfer", surrogates=[asked])


def test_one_batch_by_surrogates() -> None:
    net = small_cnn(0)
    found = unfooled.attack(net, X, read_by(net), "mi-fgsm", "linf:64/255", surrogates=[net])
    assert found.reached.any()
    with pytest.raises(InputError, match="no surrogates"):
        unfooled.attack(net, X, read_by(net), "mi-fgsm", "linf:64/255")


def table() -> Any:
    nets = {"one": small_cnn(0), "two": small_cnn(0), "three": small_cnn(5)}
    about = {"families": {"one": "CNN"}, "learned": {"one": "nothing"}}
    return unfooled.transfer(nets, (X, read_by(nets["one"])), "linf:64/255", ["mi-fgsm"], **about)


def test_a_table_of_who_fools_whom() -> None:
    matrix = table()
    cells = {(cell.sources, cell.target): cell for cell in matrix.cells}
    assert len(cells) == 3 * 3 + 3
    assert cells[("one",), "two"] == Cell("mi-fgsm", ("one",), "two", cells[("one",), "one"].fooled, 12), "twins"
    assert cells[("one",), "one"].own
    assert not cells[("two", "three"), "one"].own
    assert cells[("one",), "one"].fooled > 0
    foreign = [cell.share for cell in matrix.cells if not cell.own and len(cell.sources) == 1 and cell.n]
    assert matrix.carried("mi-fgsm") == pytest.approx(sum(foreign) / len(foreign))
    assert matrix.as_json()["models"][0] == {"name": "one", "family": "CNN", "learned": "nothing"}
    json.dumps(matrix.as_json(), allow_nan=False)


def test_a_table_has_a_page(tmp_path: Path) -> None:
    matrix = table()
    page = write_transfer(matrix, tmp_path / "deep" / "transfer.html").read_text(encoding="utf-8")
    assert page == render_transfer(matrix)
    assert "<svg" in page
    assert "http://" not in page.replace("http://www.w3.org", "")
    assert "CNN, trained on nothing" in page
    assert len(sentences(matrix)) == 3
    assert sentences(matrix)[1].startswith("Somebody who owns one")


def test_what_makes_no_table() -> None:
    net, data = small_cnn(0), (X, read_by(small_cnn(0)))
    with pytest.raises(InputError, match="two models"):
        unfooled.transfer({"one": net}, data)
    with pytest.raises(InputError, match="one threat"):
        unfooled.transfer({"one": net, "two": net}, data, "linf:1/255,2/255")
    with pytest.raises(InputError, match="once"):
        unfooled.transfer({"one": net, "two": net}, data, attacks=["bases"])
    with pytest.raises(InputError, match="No limit"):
        unfooled.transfer({"one": net, "two": net}, data, "linf")
    with pytest.raises(InputError, match="searches in a Ball"):
        unfooled.transfer({"one": net, "two": net}, data, "rotate:30")
    with pytest.raises(InputError, match="does not know"):
        unfooled.transfer({"one": net, "two": net}, data, "become:10 linf:8/255")


def test_a_target_that_reads_nothing_has_no_share() -> None:
    right, none = Cell("mi-fgsm", ("one",), "two", 1, 2), Cell("mi-fgsm", ("two",), "one", 0, 0)
    matrix = Matrix("linf:8/255", (Party("one", ""), Party("two", "")), (right, none))
    assert matrix.carried("mi-fgsm") == 0.5, "the average of what there is"
    assert [share(cell) for cell in matrix.cells] == [percent(0.5), "\u2013"]
    assert "<td>\u2013</td><td>\u2013</td>" in render_transfer(matrix)
