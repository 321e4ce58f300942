"""Reading a run needs no torch, and `import unfooled` loads none."""

import subprocess
import sys
from pathlib import Path

import pytest

import unfooled

SOURCE = Path(unfooled.__file__).parent
BLOCKED = "import sys; sys.modules['torch'] = None\n"


def modules(folder: str) -> list[str]:
    """Name all modules of a folder of the package, as many as there are."""
    paths = sorted((SOURCE / folder).rglob("*.py"))
    parts = [("unfooled", *path.relative_to(SOURCE).with_suffix("").parts) for path in paths]
    return [".".join(part).removesuffix(".__init__") for part in parts]


TORCH_FREE = [
    "unfooled",
    "unfooled.core.errors",
    "unfooled.core.folder",
    "unfooled.core.results",
    *modules("report"),
    *modules("diagnose"),
    *modules("modalities"),
]


def run(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)


def test_the_face_loads_no_torch() -> None:
    loaded = run("import unfooled, sys; sys.exit('torch' in sys.modules)")
    assert loaded.returncode == 0, loaded.stderr


def test_the_block_blocks() -> None:
    assert run(BLOCKED + "import unfooled.core.batch").returncode != 0


def test_readers_need_no_torch() -> None:
    loaded = run(BLOCKED + "\n".join(f"import {module}" for module in TORCH_FREE))
    assert loaded.returncode == 0, loaded.stderr


@pytest.mark.parametrize("name", [name for name in getattr(unfooled, "__all__", []) if name != "__version__"])
def test_every_name_of_the_face_resolves(name: str) -> None:
    assert getattr(unfooled, name) is not None
    assert name in dir(unfooled)


def test_a_misspelt_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="adit"):
        unfooled.adit  # noqa: B018
