"""A fresh clone: `make demo` and `make test`, with the times they print, and the demo's evidence checked again."""

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import unfooled

HERE = Path(__file__).parent
PAGE = """
import sys
from playwright.sync_api import sync_playwright
seen = []
with sync_playwright() as playwright:
    browser = playwright.chromium.launch(executable_path=sys.argv[2], args=["--no-sandbox", "--disable-gpu"])
    page = browser.new_page()
    page.on("console", lambda message: seen.append(message.text))
    page.on("pageerror", lambda error: seen.append(str(error)))
    page.on("request", lambda request: request.url.startswith(("file:", "data:")) or seen.append(request.url))
    page.goto("file://" + sys.argv[1])
    page.wait_for_load_state("networkidle")
    title = page.title()
    browser.close()
print(f"{len(seen)} console lines, errors or requests: {title}", seen)
sys.exit(bool(seen))
"""


def run(command: list[str], where: Path) -> tuple[int, str]:
    done = subprocess.run(command, cwd=where, capture_output=True, text=True, check=False, timeout=1700)
    return done.returncode, done.stdout + done.stderr


def times(output: str) -> tuple[int, int]:
    found = re.findall(r"installation: (\d+) s; run: (\d+) s", output)
    return (int(found[-1][0]), int(found[-1][1])) if found else (-1, 10**6)


def promise(line: str, figure: str, goal: str, *, met: bool) -> None:
    print(json.dumps({"line": line, "figure": figure, "goal": goal, "met": met}))


def demo(clone: Path) -> list[tuple[str, str, str, bool]]:
    status, output = run(["make", "demo"], clone)
    installed, ran = times(output)
    rows = unfooled.load(clone / "runs/demo")
    lines = [("Fresh clone: `make demo` after the installation", f"{ran} s (installation {installed} s)", "<= 300 s",
              status == 0 and ran <= 300)]  # fmt: skip
    under = rows["linf:4/255"]
    right, stand = int(under.column("clean_correct").sum()), int(under.robust.sum())
    lines.append(("Demo: photos read rightly", f"{right}/20", ">= 16/20", right >= 16))
    lines.append(("Demo: photos that stand under linf:4/255", f"{stand}/20", "<= 1/20", stand <= 1))
    tool = str(clone / ".venv/bin/unfooled")
    status, output = run([tool, "verify", "runs/demo"], clone)
    said = output.strip().splitlines()[-1]
    lines.append(("Demo: `unfooled verify runs/demo`", said, "all confirmed", status == 0))
    run([tool, "export", "runs/demo", "--out", "runs/files"], clone)
    checker = [str(clone / ".venv/bin/python"), str(HERE / "_check_files.py"), "runs/files"]
    status, output = run(checker, clone)
    said = output.strip().splitlines()[-1]
    broken = sum(int(rows[threat].broken.sum()) for threat in rows.threats)
    whole = status == 0 and said == f"{broken} of {broken}"
    lines.append(("Demo: exported PNG files, read and asked without unfooled", said, "all confirmed", whole))
    return lines


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        clone = Path(folder) / "unfooled"
        subprocess.run(["git", "clone", "-q", str(HERE.parents[1]), str(clone)], check=True)
        lines = demo(clone)
        status, output = run(["make", "test"], clone)
        installed, ran = times(output)
        summary = next((line for line in reversed(output.splitlines()) if "passed" in line), "no summary")
        chromium = subprocess.run(["which", "chromium"], capture_output=True, text=True, check=False).stdout.strip()
        page = [str(clone / ".venv/bin/python"), "-c", PAGE, str(clone / "runs/demo/report.html"), chromium]
        opened, said = run(page, clone)
        lines.append(("Demo: report.html in Chromium", said.strip().splitlines()[-1], "no errors, no requests",
                      opened == 0))  # fmt: skip
        lines.append(("Fresh clone: `make test` after the installation",
                      f"{ran} s (installation {installed} s): {summary.strip('= ')}", "green, <= 600 s",
                      status == 0 and ran <= 600))  # fmt: skip
    for line, figure, goal, met in lines:
        promise(line, figure, goal, met=met)


if __name__ == "__main__":
    sys.exit(main())
