"""A classifier that is a program: inputs go to its standard input, answers come from its standard output."""

from __future__ import annotations

import atexit
import io
import json
import shlex
import subprocess
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as LateError
from dataclasses import replace
from pathlib import Path
from typing import IO

import numpy as np

from unfooled.core.errors import InputError, ModelError, UnreachableError
from unfooled.core.target import Access
from unfooled.models.black_box import BlackBox

from .encoding import laid_out, npy
from .reading import Reader, picked
from .settings import Program, digest, naming, read_settings

_LONGEST = 2**30
"""Bytes of an answer; a longer one is no answer, but a program that prints something else."""


def load(name: str) -> BlackBox:
    """Load a target from its YAML file (`settings.Program`) or from a command; it starts with the first question.

    Raises:
        InputError: The file cannot be used.
    """
    path = Path(name)
    described = path.suffix in (".yaml", ".yml")
    settings = read_settings(Program, path) if described else Program(command=name)
    folder = path.parent if described else Path()
    named = naming(settings.classes, folder)
    access = Access[settings.access.upper()] if settings.output.form != "label" else Access.DECISION
    words = shlex.split(settings.command) if isinstance(settings.command, str) else list(settings.command)
    if not words:
        raise InputError("The program has no name", "an empty command", "Write `command: python my_model.py`.")
    running = Running(settings, words, Reader(settings.output, named, access))
    about = {"command": words, "k": named.k}
    return BlackBox(
        running.ask, access, f"exec:{name}", digest(settings, *map(str, named)), named.k, named.ours,
        about=about, sent=running.sent,
    )  # fmt: skip


class Running:
    """One process that answers all questions; it is started again if it ends or hangs.

    Args:
        settings: How it is asked.
        command: Its words.
        reader: How its answers are read.
    """

    def __init__(self, settings: Program, command: list[str], reader: Reader) -> None:
        self.settings, self.reader = settings, reader
        self._command = command
        self._process: subprocess.Popen[bytes] | None = None
        self._errors: IO[bytes] | None = None
        self._counts = {"questions": 0, "repeated": 0, "starts": 0}
        atexit.register(self.close)

    def sent(self) -> dict[str, int]:
        """Count questions, those asked again, and starts of the program."""
        return dict(self._counts)

    def ask(self, values: np.ndarray) -> np.ndarray:
        """Ask about inputs (r, ...)."""
        size = self.settings.input.rows
        return np.concatenate([self._one(values[start : start + size]) for start in range(0, len(values), size)])

    def close(self) -> None:
        """End the program."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            for pipe in (self._process.stdin, self._process.stdout, self._errors):
                _close(pipe)
        self._process = self._errors = None

    def _one(self, values: np.ndarray) -> np.ndarray:
        """Ask until there is an answer.

        Raises:
            UnreachableError: There was none, however often it was started.
        """
        exchange: Callable[[subprocess.Popen[bytes], np.ndarray], np.ndarray]
        exchange = _by_lines(self.reader) if self.settings.protocol == "json" else _by_arrays(self.reader)
        inputs, why = laid_out(values, self.settings.input), ""
        for attempt in range(1 + self.settings.retries):
            self._counts["repeated" if attempt else "questions"] += len(values)
            process = self._started()
            with ThreadPoolExecutor(1) as thread:  # pipes know no timeout: a kill ends what hangs
                answer = thread.submit(exchange, process, inputs)
                try:
                    return answer.result(self.settings.timeout)
                except LateError:
                    why = f"no answer within {self.settings.timeout:g} s"
                except (OSError, EOFError, ValueError) as error:
                    why = f"{type(error).__name__}: {error}"
                finally:
                    if why:
                        process.kill()
            why += self._last_words()
            self.close()
        raise UnreachableError(
            "The program does not answer",
            f"{why} ({shlex.join(self._command)})",
            "Try it by hand; what is finished is kept: once it answers again, go on with --resume.",
        )

    def _started(self) -> subprocess.Popen[bytes]:
        if self._process is not None and self._process.poll() is None:
            return self._process
        self.close()
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115  it lives as long as the process
        try:
            self._process = subprocess.Popen(  # noqa: S603  the user names the program
                self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._errors
            )
        except OSError as error:
            _close(self._errors)
            found = f"{error.strerror}: {self._command[0]}"
            raise InputError("The program cannot be started", found, "Check the command.") from error
        self._counts["starts"] += 1
        return self._process

    def _last_words(self) -> str:
        """Give the end of what the program wrote to its standard error."""
        if self._process is None or self._errors is None:
            return ""
        self._process.wait()
        self._errors.seek(max(0, self._errors.seek(0, io.SEEK_END) - 400))
        said = " ".join(self._errors.read().decode(errors="replace").split())
        return f"; it said: {said[-300:]}" if said else ""


def _by_lines(reader: Reader) -> Callable[[subprocess.Popen[bytes], np.ndarray], np.ndarray]:
    """Exchange JSON lines, one example after the other: `{"input": [...]}` goes out, scores or a label come back."""
    path, reader = reader.how.path, replace(reader, how=reader.how.model_copy(update={"path": ""}))

    def exchange(process: subprocess.Popen[bytes], inputs: np.ndarray) -> np.ndarray:
        to, back = _pipes(process)
        found = []
        for row in inputs:
            to.write(json.dumps({"input": row.tolist()}).encode() + b"\n")
            to.flush()
            line = back.readline(_LONGEST)
            if not line.endswith(b"\n"):
                raise EOFError("it ended before it answered")
            found.append(json.loads(line))
        return reader([picked(one, path) for one in found])

    return exchange


def _by_arrays(reader: Reader) -> Callable[[subprocess.Popen[bytes], np.ndarray], np.ndarray]:
    """Exchange .npy files, each after its length as 4 bytes, the lowest first."""

    def exchange(process: subprocess.Popen[bytes], inputs: np.ndarray) -> np.ndarray:
        to, back = _pipes(process)
        data = npy(inputs)
        to.write(len(data).to_bytes(4, "little") + data)
        to.flush()
        size = int.from_bytes(_exactly(back, 4), "little")
        if size > _LONGEST:
            raise ModelError("The program's answer is too long", f"{size} bytes", "Does it print something else too?")
        answer = np.load(io.BytesIO(_exactly(back, size)), allow_pickle=False)
        return reader.of_array(answer)

    return exchange


def _pipes(process: subprocess.Popen[bytes]) -> tuple[IO[bytes], IO[bytes]]:
    if process.stdin is None or process.stdout is None:
        raise EOFError("it has no pipes")
    return process.stdin, process.stdout


def _exactly(pipe: IO[bytes], size: int) -> bytes:
    data = pipe.read(size)
    if len(data) < size:
        raise EOFError("it ended before it answered")
    return data


def _close(pipe: IO[bytes] | None) -> None:
    if pipe is None:
        return
    try:
        pipe.close()
    except OSError:  # what was not yet flushed has nobody to go to
        return
