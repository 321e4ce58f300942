"""Credentials: read from the environment, sent in headers, told to nobody."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlsplit

from unfooled.core.errors import InputError

_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_CREDENTIAL = re.compile(
    r"auth|token|secret|passw|cookie|credential|signature|(^|[-_])(key|sig)|api-?key", re.IGNORECASE
)
_ENVIRONMENT = "Write ${NAME} in a header, and set the environment variable NAME."


@dataclass(frozen=True)
class Headers:
    """Headers of every request.

    Attributes:
        filled: With the values of environment variables.
        secret: Those values, longest first.
    """

    filled: Mapping[str, str] = field(repr=False)
    secret: tuple[str, ...] = field(repr=False)

    def scrubbed(self, text: str) -> str:
        """Take secrets out of a text, such as an answer that repeats them."""
        for value in self.secret:
            text = text.replace(value, "***")
        return text

    def scrubbed_json(self, content: object) -> object:
        """Take secrets out of all texts of a JSON value."""
        if isinstance(content, str):
            return self.scrubbed(content)
        if isinstance(content, list):
            return [self.scrubbed_json(one) for one in content]
        if isinstance(content, dict):
            return {self.scrubbed(name): self.scrubbed_json(one) for name, one in content.items()}
        return content


def filled(headers: Mapping[str, str]) -> Headers:
    """Put environment variables into headers.

    Raises:
        InputError: A variable is not set or holds what no header may, or a credential is written out.
    """
    secret: set[str] = set()

    def value(match: re.Match[str]) -> str:
        found = os.environ.get(match[1], "")
        if not (found.isascii() and found.isprintable() and found):
            wrong = "is not set" if not found else "holds what no header may hold"
            raise InputError(f"An environment variable that a target needs {wrong}", match[1], f"export {match[1]}=...")
        secret.add(found)
        return found

    for name, written in headers.items():
        if _CREDENTIAL.search(name) and not _VARIABLE.search(written):
            raise InputError("A credential is written out in the target's settings", f"header {name}", _ENVIRONMENT)
    texts = {name: _VARIABLE.sub(value, written) for name, written in headers.items()}
    return Headers(texts, tuple(sorted(secret, key=len, reverse=True)))


def check_url(url: str) -> None:
    """Check that a URL is one of HTTP and holds no credentials: it stands in reports.

    Raises:
        InputError: It is not, or does.
    """
    try:
        parts = urlsplit(url)
        fit = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError as error:
        raise InputError("This is no URL", "one that cannot be read", "Write http://HOST:PORT/PATH.") from error
    if not fit:
        raise InputError("This is no URL of HTTP", parts.scheme or "no scheme", "Write http://HOST:PORT/PATH.")
    named = [name for name, _ in parse_qsl(parts.query, keep_blank_values=True) if _CREDENTIAL.search(name)]
    if parts.username or parts.password or named or "${" in url:
        found = f"`{named[0]}` in its query" if named else "a name, a password or ${...}"
        raise InputError("The target's URL holds credentials", found, _ENVIRONMENT)
