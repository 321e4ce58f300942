"""Names of files."""

from __future__ import annotations

from pathlib import Path


def ending(path: Path, suffix: str) -> Path:
    """Give a path that ends in a suffix; a path of another ending gets it added."""
    # not with_suffix: names such as "linf:0.03" would lose what follows the dot
    return path if path.suffix == suffix else path.with_name(path.name + suffix)
