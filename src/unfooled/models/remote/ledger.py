"""Questions that a target was ever asked, counted where a crash cannot forget them."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from unfooled.core.errors import BudgetError, InputError

try:
    import fcntl
except ImportError:  # not on this system: then one process at a time keeps the budget
    fcntl = None  # type: ignore[assignment]


@dataclass(frozen=True)
class Ledger:
    """A file with one line a request: how many questions it carries. It only ever grows.

    A line is on the disk before its request leaves, so that a killed run counts too many rather than too few. All that
    use a file at once share its budget.

    Attributes:
        path: The file; it is made when the first question is counted.
        budget: Most questions ever; None counts without a limit.
    """

    path: Path
    budget: int | None = None
    _turn: threading.Lock = field(default_factory=threading.Lock, repr=False, compare=False)
    _read: dict[str, int] = field(default_factory=lambda: {"bytes": 0, "questions": 0}, repr=False, compare=False)

    @property
    def spent(self) -> int:
        """Questions counted so far.

        Raises:
            InputError: The file holds something else.
        """
        with self._turn:
            return self._counted()

    def spend(self, questions: int) -> None:
        """Count questions that are about to leave.

        Raises:
            BudgetError: They are more than the budget has left; then none is counted.
        """
        with self._turn, self._locked() as file:
            spent = self._counted()
            if self.budget is not None and spent + questions > self.budget:
                raise BudgetError(
                    "The target's budget of questions is spent",
                    f"{spent:,} of {self.budget:,} in {self.path}, {questions:,} more wanted",
                    "What is finished is kept: raise `budget` in the target's settings, then go on with --resume.",
                )
            # a line that a crash cut short keeps its digits: it must not run into the next one
            os.write(file, f"\n{questions}\n".encode())
            os.fsync(file)

    def _counted(self) -> int:
        """Count what was added since the last look: the file may be long."""
        try:
            data = self.path.read_bytes() if self._read["bytes"] == 0 else self._tail()
        except FileNotFoundError:
            data = b""
            self._read.update(bytes=0, questions=0)
        except OSError as error:
            raise self._damaged(error.strerror or "an error") from error
        whole = data[: data.rfind(b"\n") + 1]
        if not all(line.isdigit() for line in whole.split()):
            raise self._damaged("a line that is no number")
        self._read["bytes"] += len(whole)
        self._read["questions"] += sum(map(int, whole.split()))
        return self._read["questions"]

    def _tail(self) -> bytes:
        with self.path.open("rb") as file:
            if file.seek(0, os.SEEK_END) < self._read["bytes"]:  # somebody began it anew
                self._read.update(bytes=0, questions=0)
            file.seek(self._read["bytes"])
            return file.read()

    @contextmanager
    def _locked(self) -> Iterator[int]:
        try:
            file = os.open(self.path, os.O_APPEND | os.O_CREAT | os.O_WRONLY, 0o644)
        except OSError as error:
            raise self._damaged(error.strerror or "an error") from error
        try:
            if fcntl is not None:
                fcntl.flock(file, fcntl.LOCK_EX)
            yield file
        finally:
            os.close(file)

    def _damaged(self, why: str) -> InputError:
        do = "Mend or remove it, or name another under `ledger`."
        return InputError("The file that counts questions cannot be used", f"{self.path}: {why}", do)
