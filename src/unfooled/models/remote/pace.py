"""How fast a target is asked, and how long to wait after it failed."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

LONGEST = 60.0
"""Most seconds between two tries that the target did not ask for."""


class Pace:
    """Lets requests of all threads leave at a given rate, evenly spaced.

    Args:
        rate: Requests a second; None for no limit.
        clock: Seconds that only grow.
        sleep: Waits so many seconds.
    """

    def __init__(
        self,
        rate: float | None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._interval = 0.0 if rate is None else 1 / rate
        self._clock, self._sleep = clock, sleep
        self._next, self._turn = clock(), threading.Lock()

    def wait(self) -> None:
        """Wait for the next turn."""
        with self._turn:
            now = self._clock()
            turn = max(now, self._next)
            self._next = turn + self._interval
        if turn > now:
            self._sleep(turn - now)

    def rest(self, seconds: float, *, everybody: bool) -> None:
        """Wait after a failure; where the target asked for it, so does everybody else."""
        if everybody:
            with self._turn:
                self._next = max(self._next, self._clock() + seconds)
        else:
            self._sleep(seconds)


def delay(attempt: int, backoff: float, asked: float | None) -> float:
    """Say how many seconds to wait before try number `attempt`, 1 or more: as asked, or ever longer."""
    return min(LONGEST, backoff * 2 ** (attempt - 1)) if asked is None else asked


def retry_after(header: str | None) -> float | None:
    """Read the header Retry-After: seconds, or a date; None where it says nothing."""
    if header is None:
        return None
    if header.strip().isdecimal():
        return float(header)
    try:
        when = parsedate_to_datetime(header)
    except ValueError:
        return None
    return max(0.0, (when.replace(tzinfo=when.tzinfo or UTC) - datetime.now(UTC)).total_seconds())
