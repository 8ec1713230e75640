"""The argument RUN of a command, and the data that the run is used on."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cached_property, partial, wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from aespec.cli.options import backend_option
from aespec.cli.output import made

if TYPE_CHECKING:
    from aespec.backend import Model
    from aespec.data.files import Split
    from aespec.held import RunData, Shown
    from aespec.run import Run

__all__ = ["Trained", "takes_run"]


@dataclass(frozen=True)
class Trained:
    """A run that a command was given, and other data than the run's, if any."""

    folder: Path
    other: str | None
    backend: str | None
    _said: set[str] = field(default_factory=set)
    """The warnings that have been printed."""

    @cached_property
    def run(self) -> Run:
        """The run.

        Raises:
            AespecError: It is none, or it is damaged or unfinished.
        """
        from aespec.run import open_run

        return open_run(self.folder)

    @cached_property
    def model(self) -> Model:
        """The trained model, on the backend that trained it or the one that was asked for."""
        return self.run.model(self.backend)

    @property
    def name(self) -> str:
        """What the data is called."""
        name: str = self.other or self.run.record["data"]["name"]
        return name

    @cached_property
    def data(self) -> RunData:
        """The run's data and the other, by what the run saw of it."""
        return self.run.data(self.other)

    @cached_property
    def training(self) -> Shown:
        """The samples that the run was trained on."""
        return self.tell_of(self.data.training)

    @cached_property
    def held(self) -> Shown | None:
        """The run's own samples that it held out, where there are any."""
        return self.data.held and self.tell_of(self.data.held)

    @cached_property
    def unseen(self) -> Shown:
        """Samples that the run was not trained on, where there are any: of a test set, else those held out."""
        return self.tell_of(self.data.unseen)

    def part(self, split: Split) -> Shown:
        """All of a part of the data, whatever the run saw of it; where it saw some, each is just a sample."""
        from aespec.held import SAMPLE, TEST, TRAINING, Shown

        data = self.data.part(split)
        if split == "test" and not data.whole:
            return Shown(data, TEST)
        saw_all = self.run.trained_on(data) and len(self.run.seen(data.inputs)) == len(data.inputs)
        return Shown(data, TRAINING if saw_all else SAMPLE)

    def keep_from(self, path: Path) -> None:
        """Refuse to write over what is read: the data, or what makes the run.

        Raises:
            AespecError: The path is a file of these.
        """
        from aespec.diagnostics import AespecError, Diagnostic
        from aespec.rules import RunExists
        from aespec.run import HISTORY, RECORD, SPEC, WEIGHTS

        made_of = {self.folder / name: "a part of the run" for name in (SPEC, WEIGHTS, HISTORY, RECORD)}
        own = self.run.record["data"]["path"] or self.name
        for kept, what in {Path(self.other or own): "the data that is read", **made_of}.items():
            if path.exists() and kept.exists() and path.samefile(kept):
                raise AespecError(
                    Diagnostic(
                        RunExists,
                        f"{path} would be lost",
                        wanted="the name of another file",
                        got=what,
                        help="give another with the option that names it",
                    )
                )

    def about(
        self, shown: Shown | None, samples: int, *, files: Iterable[Path | None] = (), notes: Iterable[str] = ()
    ) -> dict[str, Any]:
        """What the JSON of a command begins with.

        Args:
            shown: What was looked at; None for nothing.
            samples: How many of them.
            files: What was written; None for what was not.
            notes: Remarks.
        """
        said = [f"{shown.what}s{shown.note}"] if shown is not None and shown.note else []
        return {
            "run": str(self.folder),
            "backend": self.backend or self.run.record["backend"],
            "data": self.name if shown is None else shown.name,
            "part": None if shown is None else shown.what,
            "samples": samples,
            **made(files, [*said, *notes]),
        }

    def tell_of(self, shown: Shown) -> Shown:
        """The samples; what is wrong with them is said on stderr, once."""
        for warning in shown.warnings:
            if warning not in self._said:
                click.echo(f"warning: {warning}", err=True)
        self._said.update(shown.warnings)
        return shown


def takes_run(command: Callable[..., Any] | None = None, *, backend: bool = True) -> Callable[..., Any]:
    """Give a command the argument RUN, ``--data`` and, unless it is not wanted, ``--backend``, as ``trained``."""
    if command is None:
        return partial(takes_run, backend=backend)

    @wraps(command)
    def run(run: Path, data: str | None, backend: str | None = None, **others: Any) -> Any:
        trained = Trained(run, data, backend)
        for path in others.values():
            if isinstance(path, Path):  # a file to be written: those to be read have other types
                trained.keep_from(path)
        return command(trained=trained, **others)

    options = [
        click.argument("run", type=click.Path(path_type=Path)),
        click.option("--data", metavar="NAME|FILE", help="Other data than that of the run."),
    ]
    if backend:
        options.append(backend_option(help="Compute with another backend than that of the run."))
    decorated: Callable[..., Any] = run
    for option in reversed(options):
        decorated = option(decorated)
    return decorated
