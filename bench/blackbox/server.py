"""MLServer through KServe v2, audited with Square and RayS: budgets hold over kills, failures cost no example."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parent)]

from _served import Proxy, mlserver, proxied, trained  # noqa: E402
from promise import promise  # noqa: E402

import unfooled  # noqa: E402
from unfooled.attacks import attack_named  # noqa: E402
from unfooled.core.errors import BudgetError  # noqa: E402
from unfooled.core.results import Results  # noqa: E402
from unfooled.models import load_model  # noqa: E402
from unfooled.models.remote.ledger import Ledger  # noqa: E402

THREAT = "linf:0.2"
SUITE = [attack_named("square", queries=60), attack_named("rays", queries=120)]
TARGET = {"preset": "kserve-v2", "classes": 10, "timeout": 0.5, "retries": 8, "backoff": 0.01, "concurrency": 4,
          "input": {"rows": 2}}  # fmt: skip
KILLS = 3


def written(folder: Path, url: str, **more: object) -> Path:
    """Write the target's file: JSON is YAML too."""
    path = folder / "target.yaml"
    path.write_text(json.dumps({**TARGET, "url": url, **more}))
    return path


def audited(target: Path, folder: Path, out: Path | None = None, *, resume: bool = False) -> Results:
    """Audit the served net."""
    held = np.load(folder / "data.npz")
    data = torch.from_numpy(held["x"]), torch.from_numpy(held["y"])
    return unfooled.audit(load_model(f"http:{target}"), data, THREAT, SUITE, out=out, resume=resume, batch=4)


def restarted(folder: Path, url: str, proxy: Proxy, whole: int) -> tuple[bool, str, Results]:
    """Audit under a budget that is raised until it suffices, and kill the process now and then."""
    kept, run, budget, stops, kills = True, folder / "run", whole // 3, 0, 0
    before = proxy.rows
    while True:
        target = written(folder, url, budget=budget)
        if kills < KILLS:
            child = subprocess.Popen(
                [sys.executable, __file__, str(target), str(folder), str(run)], stderr=subprocess.DEVNULL
            )
            time.sleep(5)
            child.kill()
            child.wait()
            kills += 1
        try:
            results = audited(target, folder, run, resume=(run / "plan.json").exists())
        except BudgetError:
            kept &= proxy.rows - before <= budget
            budget, stops = budget + whole // 3, stops + 1
            continue
        asked, counted = proxy.rows - before, Ledger(target.with_suffix(".queries")).spent
        kept &= asked <= counted <= budget
        figure = f"{asked:,} asked, {counted:,} counted, {budget:,} allowed; {stops} stops, {kills} kills"
        return kept, figure, results


def main() -> None:
    net, x, y = trained()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        np.savez(folder / "data.npz", x=x.numpy(), y=y.numpy())
        with mlserver(net, folder) as port, proxied(port) as (proxy, url):
            direct = audited(written(folder, url), folder)
            whole = proxy.rows
            (folder / "target.queries").unlink()
            proxy.failing, proxy.stalling = True, 2.0
            began = proxy.requests, proxy.rows
            poor = audited(written(folder, url), folder)
            failed, stalled = proxy.failed / (proxy.requests - began[0]), proxy.stalled / (proxy.requests - began[0])
            proxy.failing = False
            (folder / "target.queries").unlink()
            kept, figure, later = restarted(folder, url, proxy, whole)
        local = unfooled.audit(net, (x, y), THREAT, SUITE, access=unfooled.Access.SCORES, batch=4)
    columns = ["clean_label", "broken", "attack", "queries"]
    same = local.records.select(columns).equals(direct.records.select(columns))
    promise(
        f"Square and RayS against MLServer (KServe v2), {len(x)} examples: what the same net says in this process",
        f"{direct[THREAT].broken.sum()} broken, {whole:,} questions, {'equal' if same else 'another'} outcome",
        "equal", same,
    )  # fmt: skip
    equal = poor.records.equals(direct.records)
    lost = len(x) - len(poor.records) if not equal else 0
    promise(
        "A server that fails 10 % of the requests and stalls 1 %: examples lost",
        f"{lost}; {failed:.1%} failed, {stalled:.1%} stalled, {poor.run['sent']['repeated']:,} questions asked again, "
        f"records {'equal bit for bit' if equal else 'differ'}",
        "0, equal bit for bit", equal and failed > 0.08 and stalled > 0.005,
    )  # fmt: skip
    promise(
        "A budget of questions over restarts and kills: never exceeded, and the same result in the end",
        f"{figure}; records {'equal bit for bit' if later.records.equals(direct.records) else 'differ'}",
        "asked <= counted <= allowed, equal bit for bit", kept and later.records.equals(direct.records),
    )  # fmt: skip


if __name__ == "__main__":
    if len(sys.argv) > 1:
        where, place, there = map(Path, sys.argv[1:])
        audited(where, place, there, resume=(there / "plan.json").exists())
    else:
        main()
