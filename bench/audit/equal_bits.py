"""Order, sharding, resume: equal bits, on a real network. Batch 1, 7, 64: equal flags but for tiny margins."""

import json
import tempfile
from pathlib import Path

import numpy as np
import torch

import unfooled
from unfooled.core.results import Results
from unfooled.zoo.photos import photos
from unfooled.zoo.small import small_cnn

SUITE = ("uniform-noise", "fgsm", "pgd", "apgd-t")
THREATS = ["linf:0.5/255", "l2:0.3"]


class StopError(Exception):
    """Ends an audit half-way, as a kill would."""


class StopAfter:
    """Progress that raises after a number of finished units."""

    def __init__(self, units: int) -> None:
        self.left = units

    def begin(self, threat: str, attack: str, total: int) -> None:
        pass

    def passed(self, rows: int) -> None:
        pass

    def advance(self, done: int, broken: int) -> None:
        self.left -= 1
        if self.left < 0:
            raise StopError


def table(results: Results) -> dict[tuple[str, str], dict[str, object]]:
    """Give the rows by threat and example; where an example stands in the data is no part of its answer."""
    rows = results.records.to_pylist()
    return {(row["threat"], row["key"]): {**row, "example": None} for row in rows}


def equal(one: Results, other: Results) -> bool:
    tensors = one.tensors.keys() == other.tensors.keys() and all(
        np.array_equal(one.tensors[name], other.tensors[name]) for name in one.tensors
    )
    return repr(table(one)) == repr({key: table(other)[key] for key in table(one)}) and tensors


def main() -> None:
    model = unfooled.load_model("zoo:efficientnet-lite0")
    album = photos()
    x, y = list(album.pictures[6:12]), album.labels[6:12]  # one of them is of another size
    few = {"uniform-noise": {"draws": 2}, "pgd": {"steps": 3}, "apgd-t": {"steps": 3, "targets": 2}}
    attacks = [unfooled.attack_named(name, **few.get(name, {})) for name in SUITE]
    settings = {"suite": attacks, "batch": 4, "keep": "all"}
    n = len(x)

    def audited(index: range | list[int], **more: object) -> Results:
        picked = list(index)
        return unfooled.audit(model, ([x[i] for i in picked], y[picked]), THREATS, **settings, **more)

    whole = audited(range(n))
    figures = {"order": equal(whole, audited(list(range(n))[::-1]))}
    figures["2 shards"] = equal(whole, audited(range(0, n, 2)).merge(audited(range(1, n, 2))))
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "run"
        for units in (1, 4, 7):
            try:
                audited(range(n), out=out, resume=True, progress=StopAfter(units))
            except StopError:
                continue
        figures["killed 3 times and resumed"] = equal(whole, audited(range(n), out=out, resume=True))
    broken = {threat: int(whole[threat].broken.sum()) for threat in whole.threats}
    print(json.dumps({
        "line": f"EfficientNet-Lite0, {n} photos of two sizes, {broken} broken: table and stored examples, bit for bit",
        "figure": ", ".join(f"{name} {'equal' if same else 'DIFFERENT'}" for name, same in figures.items()),
        "goal": "equal",
        "met": all(figures.values()),
    }))  # fmt: skip
    batches()


def batches() -> None:
    torch.manual_seed(0)
    small = small_cnn(0).eval()
    x = torch.rand(300, 1, 28, 28)
    y = small(x).argmax(dim=1)
    runs = {size: unfooled.audit(small, (x, y), "linf:0.03", batch=size) for size in (1, 7, 64)}
    rows = {size: run["linf:0.03"] for size, run in runs.items()}
    differ = np.zeros(300, dtype=bool)
    tiny = np.zeros(300, dtype=bool)
    for row in rows.values():
        differ |= row.broken != rows[64].broken
        tiny |= np.abs(row.column("margin").astype(float)) < 1e-4
    print(json.dumps({
        "line": f"Batch 1, 7, 64 on 300 examples ({int(rows[64].broken.sum())} broken): flags that differ, of which "
        "margins below 1e-4",
        "figure": f"{int(differ.sum())}, of which {int((differ & tiny).sum())}",
        "goal": "all that differ",
        "met": bool((~differ | tiny).all()),
    }))  # fmt: skip


if __name__ == "__main__":
    main()
