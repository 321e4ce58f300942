"""Files of settings: YAML that maps names to values."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from .errors import InputError

LARGEST_FILE = 64_000
"""Bytes of a settings file; a longer one is no settings file."""


def read_mapping(path: str | Path) -> dict[str, Any]:
    """Read settings from a YAML file; nothing in it is run.

    Raises:
        InputError: There is no such file, or it is no YAML mapping of names to values.
    """
    do = "Write one setting a line, such as `batch: 16`."
    try:
        data = Path(path).read_bytes()
        if len(data) > LARGEST_FILE:
            raise InputError("This is too long for a settings file", f"{len(data)} bytes in {path}", do)
        found = yaml.safe_load(data)
    except OSError as error:
        raise InputError("The settings file cannot be read", f"{path}: {error.strerror}", "Check its path.") from error
    except (yaml.YAMLError, ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
        raise InputError("This is no YAML", f"{path}: {' '.join(str(error).split())[:300]}", do) from error
    if not isinstance(found, dict) or not all(isinstance(name, str) for name in found):
        raise InputError("A settings file maps names to values", f"a {type(found).__name__} in {path}", do)
    return found
