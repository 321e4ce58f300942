"""Files out of registry packages: found without running the package's code, and known by hash."""

from __future__ import annotations

import hashlib
import importlib.util
from pathlib import Path

from unfooled.core.errors import InputError, MissingExtraError


def pinned(package: str, file: str, sha256: str, install: str) -> Path:
    """Find a file of an installed package, and check that it is the known one.

    Args:
        package: As it is imported; it is not imported here.
        file: Its path inside the package.
        sha256: Of the file.
        install: The command that brings the package.

    Raises:
        MissingExtraError: The package is not installed.
        InputError: The file is missing, or another one.
    """
    found = importlib.util.find_spec(package)
    if found is None or found.origin is None:
        raise MissingExtraError(f"{Path(file).name} comes with a package", f"no package {package}", f"Run: {install}")
    path = Path(found.origin).parent / file
    digest = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "no file"
    if digest != sha256:
        raise InputError(
            f"{path.name} of {package} is not the known one", f"SHA-256 {digest}", f"Install it again: {install}"
        )
    return path
