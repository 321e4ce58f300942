"""What an import costs, and an audit where nothing is installed but torch and the hard dependencies."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from promise import promise

ROOT = Path(__file__).parents[2]
ROUNDS = 7
AUDIT = """
import json, sys
from importlib.metadata import distributions
import torch, unfooled
from unfooled.zoo.small import small_cnn
x = torch.rand(8, 1, 28, 28, generator=torch.Generator().manual_seed(0))
net = small_cnn(0)
results = unfooled.audit(net, (x, net(x).argmax(dim=1)), "linf:0.1,0.2", "quick", out=sys.argv[1])
unfooled.write_report(results, sys.argv[1] + "/report.html")
installed = sorted(found.name.lower().replace("_", "-") for found in distributions())
print(json.dumps({"installed": installed, "robust": results["linf:0.1"].robust_accuracy}))
"""


def seconds(statement: str) -> float:
    """Take the least CPU seconds of a fresh process that does this and ends."""
    taken = []
    for _ in range(ROUNDS):
        process = subprocess.Popen([sys.executable, "-c", statement], cwd=tempfile.gettempdir())
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise SystemExit(f"{statement} ended with {process.returncode}")
        taken.append(usage.ru_utime + usage.ru_stime)
    return min(taken)


def wanted() -> set[str]:
    """Name what `requirements/base.txt` lists, and what installs unfooled itself."""
    lines = "".join((ROOT / "requirements" / name).read_text(encoding="utf-8") for name in ("base.txt", "build.txt"))
    return {name.lower().replace("_", "-") for name in re.findall(r"^([\w.-]+)==", lines, flags=re.MULTILINE)}


def alone(home: Path) -> tuple[str, bool]:
    """Install into an empty environment, audit there, and tell what came of it."""
    import json

    venv.create(home, with_pip=True)
    pip = [str(home / "bin" / "python"), "-m", "pip", "install", "-qq", "--disable-pip-version-check"]
    requirements = ROOT / "requirements"
    subprocess.run([*pip, "--no-deps", "-r", requirements / "base.txt", "-r", requirements / "build.txt"], check=True)
    subprocess.run([*pip, "--no-deps", "--no-build-isolation", ROOT], check=True)
    run = [str(home / "bin" / "python"), "-W", "error", "-c", AUDIT, str(home / "run")]
    done = subprocess.run(run, capture_output=True, text=True, check=False, cwd=home)
    if done.returncode:
        return done.stderr.strip().splitlines()[-1], False
    found = json.loads(done.stdout.splitlines()[-1])
    more = set(found["installed"]) - wanted() - {"unfooled", "pip", "setuptools"}
    return f"audit and report written; beyond the requirements: {', '.join(sorted(more)) or 'nothing'}", not more


def main() -> None:
    base = seconds("import torch")
    for what, statement in (
        ("`import unfooled`", "import unfooled"),
        ("All that an audit loads", "import unfooled; unfooled.audit; unfooled.attack"),
    ):
        taken = seconds(statement) / base
        told = f"{what} over `import torch`, least CPU of {ROUNDS} fresh processes"
        promise(told, f"{taken:.2f}", "<= 1.20", taken <= 1.2)
    with tempfile.TemporaryDirectory() as folder:
        figure, met = alone(Path(folder))
    promise("Audit and report in an environment of torch and the hard dependencies alone", figure, "both work", met)


if __name__ == "__main__":
    main()
