"""The environment of the peers: `bench/.venv`, made on the first call and again when its requirements change."""

import hashlib
import os
import subprocess
import sys
import venv
from pathlib import Path

BENCH = Path(__file__).parents[1]
HOME = BENCH / ".venv"
WANTED = ("base.txt", "build.txt", "peers.txt", "zoo.txt")


def enter() -> None:
    """Go on in the peers' environment, on one thread: the running script starts again there, if it is elsewhere."""
    if Path(sys.prefix).resolve() == HOME.resolve():
        return
    python = HOME / "bin" / "python"
    if not stamp().is_file():
        make(python)
    # What peers import and do not use in what is compared here (torchvision, visdom) is stood in for by stubs/.
    os.environ |= {"PYTHONPATH": str(BENCH / "stubs"), "OMP_NUM_THREADS": "1"}
    os.execv(python, [str(python), *sys.argv])


def make(python: Path) -> None:
    """Install torch, the peers and unfooled itself."""
    print(f"Installing the peers into {HOME}: some minutes the first time", file=sys.stderr, flush=True)
    venv.create(HOME, clear=True, with_pip=True)
    pip = [str(python), "-m", "pip", "install", "-qq", "--disable-pip-version-check"]
    base, build, peers, zoo = WANTED
    apart = ["--no-deps", "-r", peers], ["--no-deps", "--require-hashes", "-r", zoo]
    for wanted in (["-r", base, "-r", build], *apart):
        subprocess.run([*pip, *wanted], cwd=BENCH.parent / "requirements", check=True)
    subprocess.run([*pip, "--no-deps", "--no-build-isolation", "-e", str(BENCH.parent)], check=True)
    stamp().touch()


def stamp() -> Path:
    """Name the file that says that all is installed as the requirements want it now."""
    texts = [(BENCH.parent / "requirements" / name).read_bytes() for name in WANTED]
    return HOME / f".made-{hashlib.sha256(b''.join(texts)).hexdigest()[:12]}"


if __name__ == "__main__":
    enter()
