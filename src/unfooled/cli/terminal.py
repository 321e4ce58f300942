"""What all commands share: consoles, how errors are told, and the option --debug."""

from __future__ import annotations

import functools
import inspect
import io
import json
import sys
from collections.abc import Callable
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from unfooled.core.errors import RunError, UnfooledError

FAILED, WRONG, UNRELIABLE, INTERRUPTED = 1, 2, 3, 130
"""Exit codes: a check that fails; something that the user can mend; figures not to be believed; Ctrl-C."""

PIPE_WIDTH = 200


def on_stdout(quiet: bool = False) -> Console:
    """Give the console for results."""
    return _console(quiet, stderr=False)


def on_stderr(quiet: bool = False) -> Console:
    """Give the console for progress and errors."""
    return _console(quiet, stderr=True)


def _console(quiet: bool, *, stderr: bool) -> Console:
    """Print what people wrote as it is: no markup, no emoji; and break no line in a pipe."""
    console = Console(stderr=stderr, quiet=quiet, highlight=False, markup=False, emoji=False)
    if not console.is_terminal:
        console.width, console.soft_wrap = PIPE_WIDTH, True
    return console


def columns(**sides: str) -> Table:
    """Make a plain table; each column by its title and side, `left` or `right`."""
    table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0), header_style="dim")
    for title, side in sides.items():
        table.add_column(title.replace("_", " "), justify="right" if side == "right" else "left", no_wrap=True)
    return table


def print_json(found: object) -> None:
    """Write one JSON object on standard output."""
    typer.echo(json.dumps(found, indent=2, allow_nan=False))


def command(function: Callable[..., None]) -> Callable[..., None]:
    """Let a command tell errors as people read them, and give it the option --debug."""

    @functools.wraps(function)
    def told(*args: Any, debug: bool, **kwargs: Any) -> None:
        try:
            function(*args, **kwargs)
        except UnfooledError as error:
            if debug:
                raise
            tell(error)
            raise typer.Exit(WRONG) from error
        except OSError as error:
            if debug:
                raise
            tell(RunError("A file cannot be read or written", error, "Free space or mend rights; then --resume."))
            raise typer.Exit(WRONG) from error
        except KeyboardInterrupt as error:
            on_stderr().print("\nStopped.")
            raise typer.Exit(INTERRUPTED) from error

    kind = Annotated[bool, typer.Option("--debug", help="Show where an error comes from.")]
    own = inspect.signature(function, eval_str=True)
    debug = inspect.Parameter("debug", inspect.Parameter.KEYWORD_ONLY, default=False, annotation=kind)
    signature = own.replace(parameters=[*own.parameters.values(), debug])
    told.__signature__ = signature  # type: ignore[attr-defined]
    return told


def tell(error: UnfooledError) -> None:
    """Say on standard error what was wrong, what was found and what to do."""
    console = on_stderr()
    console.print(f"Error: {error.wrong}", style="bold red")
    console.print(f"Found: {error.found}", style="red")
    console.print(f"Do:    {error.do}")


def forgiving_streams() -> None:
    """Let signs that an old terminal cannot show become escapes, rather than end the command."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
