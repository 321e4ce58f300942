"""A classifier behind an HTTP endpoint, described in a small YAML file."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from unfooled.core.errors import InputError, MissingExtraError, ModelError, UnreachableError
from unfooled.core.mappings import read_mapping
from unfooled.core.target import Access
from unfooled.models.black_box import BlackBox

from .encoding import encoded
from .ledger import Ledger
from .pace import Pace, delay, retry_after
from .presets import with_preset
from .reading import Reader
from .secrets import Headers, check_url, filled
from .settings import Endpoint, checked, digest, naming

RETRIED = (408, 425, 429, 500, 502, 503, 504)
"""Statuses after which the same request may do better."""

LARGEST_ANSWER = 2**26
"""Bytes of an answer; a longer one is no list of scores."""


def load(name: str) -> BlackBox:
    """Load a target from its YAML file (`settings.Endpoint`); nothing is sent yet.

    Raises:
        InputError: The file cannot be used, or a credential is missing or written out.
        MissingExtraError: urllib3 is not installed.
    """
    if name.startswith("//"):
        do = "Write the URL into a file, as `url: ...`, and name it: http:FILE.yaml."
        raise InputError("A target is described in a YAML file", "a URL", do)
    try:
        import urllib3  # noqa: PLC0415  an extra
    except ImportError as error:
        raise MissingExtraError("`http:` needs urllib3", str(error), 'Run: pip install "unfooled[http]"') from error
    path = Path(name)
    settings = checked(Endpoint, with_preset(read_mapping(path)), str(path))
    check_url(settings.url)
    named = naming(settings.classes, path.parent)
    if settings.input.rows > 1 and (settings.input.form == "bytes" or not settings.input.batched):
        raise InputError("This form carries one example a request", f"rows: {settings.input.rows}", "Say rows: 1.")
    access = Access[settings.access.upper()] if settings.output.form != "label" else Access.DECISION
    kept = Path(settings.ledger) if settings.ledger else path.with_suffix(".queries")
    endpoint = _Endpoint(
        settings,
        Reader(settings.output, named, access, settings.input.batched),
        filled(settings.headers),
        urllib3.PoolManager(maxsize=settings.concurrency, retries=False),
        Pace(settings.rate),
        Ledger(path.parent / kept if settings.ledger else kept, settings.budget),
    )
    if settings.budget is not None and endpoint.ledger.spent >= settings.budget:
        endpoint.ledger.spend(1)
    about = {"url": settings.url, "k": named.k}
    sha256 = digest(settings, *map(str, named))
    return BlackBox(
        endpoint.ask, access, f"http:{name}", sha256, named.k, named.ours, about=about, sent=endpoint.sent
    )  # fmt: skip


class _Reply(NamedTuple):
    """What came back: rows, or why there are none and when the target wants to be asked again."""

    rows: np.ndarray | None
    why: str = ""
    after: float | None = None


@dataclass(frozen=True)
class _Endpoint:
    settings: Endpoint
    reader: Reader
    headers: Headers
    pool: Any
    pace: Pace
    ledger: Ledger
    counts: Counter[str] = field(default_factory=Counter)
    turn: threading.Lock = field(default_factory=threading.Lock)

    def ask(self, values: np.ndarray) -> np.ndarray:
        """Ask about inputs (r, ...), several requests at once if that was allowed."""
        size = self.settings.input.rows
        parts = [values[start : start + size] for start in range(0, len(values), size)]
        if self.settings.concurrency == 1 or len(parts) == 1:
            return np.concatenate([self._one(part) for part in parts])
        with ThreadPoolExecutor(min(self.settings.concurrency, len(parts))) as threads:
            return np.concatenate(list(threads.map(self._one, parts)))

    def sent(self) -> dict[str, int]:
        """Count questions and requests of this process, and questions of all runs."""
        with self.turn:
            names = ("questions", "requests", "repeated")
            return {**{name: self.counts[name] for name in names}, "ever": self.ledger.spent}

    def _one(self, values: np.ndarray) -> np.ndarray:
        """Send one request until it is answered.

        Raises:
            UnreachableError: It was not, however often it was sent.
            BudgetError: There are no questions left.
            ModelError: The target refuses, or its answer cannot be read.
        """
        body = encoded(values, self.settings.input)
        headers = {**body.headers, "Accept": "application/json", **self.headers.filled}
        why = ""
        for attempt in range(1 + self.settings.retries):
            self.ledger.spend(len(values))
            self.pace.wait()
            self._count(len(values), again=attempt > 0)
            reply = self._sent(body.data, headers)
            if reply.rows is not None:
                return self._fitting(reply.rows, len(values))
            why, wait = reply.why, delay(attempt + 1, self.settings.backoff, reply.after)
            if wait > self.settings.patience:
                why += f", and asks to wait {wait:,.0f} s"
                break
            if attempt < self.settings.retries:
                self.pace.rest(wait, everybody=reply.after is not None)
        raise UnreachableError(
            "The target does not answer any more",
            f"{self.headers.scrubbed(why)} at {self.settings.url}",
            "What is finished is kept: once it answers again, go on with --resume.",
        )

    def _sent(self, data: bytes, headers: dict[str, str]) -> _Reply:
        """Send it once."""
        from urllib3 import Timeout  # noqa: PLC0415  an extra
        from urllib3.exceptions import HTTPError  # noqa: PLC0415

        try:
            answer = self.pool.request(
                self.settings.method, self.settings.url, body=data, headers=headers, redirect=False,
                preload_content=False, timeout=Timeout(self.settings.timeout),
            )  # fmt: skip
            try:
                text = b"".join(self._chunks(answer.stream(2**16)))
            finally:
                answer.close()  # where it was read to its end, its connection is kept already
        except (HTTPError, OSError) as error:
            return _Reply(None, type(error).__name__)
        status, after = int(answer.status), retry_after(answer.headers.get("Retry-After"))
        if status in RETRIED:
            return _Reply(None, f"status {status}", after)
        if status != 200:
            raise self._refused(status, text)
        try:
            content = json.loads(text)
        except ValueError:
            return _Reply(None, f"an answer that is no JSON: {self._shown(text)}")
        return _Reply(self._read(content))

    def _chunks(self, stream: Iterator[bytes]) -> Iterator[bytes]:
        """Pass on what arrives, until it is too late or too much: sockets wait for each piece anew."""
        end, size = time.monotonic() + self.settings.timeout, 0
        for chunk in stream:
            size += len(chunk)
            if time.monotonic() > end:
                raise TimeoutError
            if size > LARGEST_ANSWER:
                raise ModelError("The target's answer is too long", f"{size} bytes", "Check the URL.")
            yield chunk

    def _read(self, content: object) -> np.ndarray:
        try:
            return self.reader(content)
        except ModelError as error:  # which quotes an answer that may repeat a credential
            clean = self.headers.scrubbed_json(content)
            if clean == content:
                raise
            self.reader(clean)
            raise ModelError(error.wrong, "an answer that repeats a credential", error.do) from None

    def _fitting(self, rows: np.ndarray, wanted: int) -> np.ndarray:
        if len(rows) != wanted:
            raise ModelError(
                "The target answers with too few or too many rows",
                f"{len(rows)} for {wanted} questions",
                "Check `output.path`, and how many inputs it takes at once (`input.rows`).",
            )
        return rows

    def _refused(self, status: int, text: bytes) -> ModelError:
        do = {
            401: "Check the environment variable that holds the credential.",
            403: "Check the environment variable that holds the credential.",
            404: "Check the path of the URL and the model's name.",
            413: "Send fewer inputs at once: lower `input.rows`.",
        }.get(status, "Check `url`, `input` and the server's log.")
        if 300 <= status < 400:
            do = "Write the address to which it leads: credentials are not carried on to other places."
        return ModelError("The target refuses a request", f"status {status}: {self._shown(text)}", do)

    def _shown(self, text: bytes) -> str:
        return " ".join(self.headers.scrubbed(text.decode(errors="replace")).split())[:200]

    def _count(self, rows: int, *, again: bool) -> None:
        with self.turn:
            self.counts["repeated" if again else "questions"] += rows
            self.counts["requests"] += 1
