"""The argument SPEC of a command, and the options that say how specs are to be read."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property, wraps
from pathlib import Path
from typing import Any, Self, TypeVar

import click

from aespec.cli.output import as_json, echo_json
from aespec.diagnostics import AespecError, Diagnostic
from aespec.graph import Graph
from aespec.passes import Limits, read
from aespec.rules import FileUnreadable
from aespec.source.file import read_stream
from aespec.source.override import Override, added
from aespec.spec import Spec

__all__ = ["STDIN", "Compiled", "Piped", "Problems", "Specs", "spec_file", "takes_specs"]

F = TypeVar("F", bound=Callable[..., Any])

DEFAULTS = Limits()

STDIN = "<stdin>"
"""What messages call a spec that is piped in, which is ``-`` on the command line."""


@dataclass(frozen=True)
class Compiled:
    """A spec that was read and compiled."""

    path: str
    spec: Spec
    graph: Graph

    @property
    def pair(self) -> tuple[Spec, Graph]:
        """The spec and its graph."""
        return self.spec, self.graph


class Problems:
    """What is wrong with some of the specs, to be told when the others are done."""

    def __init__(self) -> None:
        self.errors: dict[str, AespecError] = {}

    @contextmanager
    def of(self, path: str) -> Iterator[None]:
        """Keep what goes wrong with a spec until the end."""
        try:
            yield
        except AespecError as error:
            self.errors[path] = error

    def tell(self, records: Sequence[Any], form: str) -> None:
        """End a command: print what it found out of the specs that are right, if as JSON, and tell the problems."""
        if form == "json":
            wrong = [{"file": path, "diagnostics": as_json(error.diagnostics)} for path, error in self.errors.items()]
            echo_json([*records, *wrong])
            if wrong:
                raise click.exceptions.Exit(1)
        elif self.errors:
            raise AespecError(*(problem for error in self.errors.values() for problem in error.diagnostics))


class Piped:
    """What is piped in. It is read when it is first asked for, and once."""

    @cached_property
    def text(self) -> str:
        """The whole of it.

        Raises:
            AespecError: It cannot be read, is too large or no UTF-8.
        """
        try:
            return read_stream(sys.stdin.buffer, STDIN)
        except (AttributeError, OSError):  # AttributeError: a closed one is None
            what, help = "standard input cannot be read", "pipe a spec in, or name a file"
            raise AespecError(Diagnostic(FileUnreadable, what, wanted="a spec that is piped in", help=help)) from None

    def of(self, path: str) -> str | None:
        """The text that a path stands for; None where it is a file that has it."""
        return self.text if path == STDIN else None


@dataclass(frozen=True)
class Specs:
    """The specs that a command was given, and how they are to be read."""

    paths: tuple[str, ...]
    overrides: tuple[Override, ...]
    limits: Limits
    piped: Piped = field(default_factory=Piped)

    def setting(self, *assignments: Override) -> Self:
        """The same with these assignments, which are made last, but before what is set below them.

        Raises:
            AespecError: Not all that one of them says would be left.
        """
        return replace(self, overrides=(*added(self.overrides, assignments),))

    def read(self) -> Iterator[tuple[str, Compiled | AespecError]]:
        """Each path with what it holds, or with what is wrong with it."""
        for path in self.paths:
            try:
                yield path, self.compile(path)
            except AespecError as error:
                yield path, error

    def compiled(self, problems: Problems) -> Iterator[Compiled]:
        """Those that nothing is wrong with; what is wrong with the others is added to the problems."""
        for path in self.paths:
            with problems.of(path):
                yield self.compile(path)

    def only(self) -> Compiled:
        """The one spec of a command that takes one.

        Raises:
            AespecError: Something is wrong with it.
        """
        return self.compile(self.paths[0])

    def compile(self, path: str) -> Compiled:
        """One of the specs.

        Raises:
            AespecError: Something is wrong with it.
        """
        return Compiled(path, *read(path, self.overrides, self.limits, text=self.piped.of(path)))


def takes_specs(*, several: bool = True, required: bool = True) -> Callable[[F], Callable[..., Any]]:
    """Give a command the argument SPEC and the options that go with it, as one parameter ``specs``.

    The folder of a run or of a built model stands for the spec in it, and ``-`` for what is piped in.
    """

    def decorate(command: F) -> Callable[..., Any]:
        @wraps(command)
        def run(
            spec: str | tuple[str, ...],
            overrides: tuple[str, ...],
            max_parameters: int,
            max_activations: int,
            **others: Any,
        ) -> Any:
            paths = (spec,) if isinstance(spec, str) else spec or ()
            limits = Limits(max_parameters, max_activations)
            return command(specs=Specs(tuple(map(spec_file, paths)), overrides, limits), **others)

        options = (
            click.argument("spec", nargs=-1 if several else 1, required=required),
            click.option(
                "--set",
                "overrides",
                metavar="PATH=VALUE",
                multiple=True,
                help="Set a value of the spec, as in encoder.1.dense.units=50. Can be repeated.",
            ),
            _limit("parameters", DEFAULTS.parameters),
            _limit("activations", DEFAULTS.activations),
        )
        decorated: Callable[..., Any] = run
        for option in reversed(options):
            decorated = option(decorated)
        return decorated

    return decorate


def spec_file(path: str) -> str:
    """The file of a spec that is named by itself, or by the folder of a run or of a built model that it is in."""
    if path == "-":
        return STDIN
    if not Path(path).is_dir():
        return path
    from aespec.run import SPEC

    within = Path(path) / SPEC
    return str(within) if within.is_file() else path


def _limit(what: str, default: int) -> Callable[[F], F]:
    return click.option(
        f"--max-{what}",
        type=click.IntRange(1),
        default=default,
        metavar="N",
        help=f"Refuse a model with more {what} than {default:,}, or than this.",
    )
