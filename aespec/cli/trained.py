"""The argument RUN of a command, and the data that the run is used on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from aespec.cli.options import backend_option

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from aespec.backend import Model
    from aespec.data import Dataset, Scaling
    from aespec.data.streams import Samples
    from aespec.graph import Graph
    from aespec.run import Run
    from aespec.spec import Spec

__all__ = ["Shown", "Trained", "load_data", "takes_run"]


@dataclass(frozen=True)
class Shown:
    """Samples that a command looks at."""

    inputs: Samples
    labels: NDArray[Any] | None
    """What each shows, where that is known."""
    what: str
    """What each is: a ``test sample``."""
    note: str = ""
    """What is to be said of all, to follow their name."""


@dataclass(frozen=True)
class Trained:
    """A run that a command was given, and other data than the run's, if any."""

    folder: Path
    other: str | None
    backend: str | None

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

    def part(self, split: Any, *, own: bool = False) -> Dataset:
        """The part ``train`` or ``test`` of the data that was given, else (or where wanted) of the run's own.

        Raises:
            AespecError: It is not there, or does not fit the model.
        """
        from aespec.training import fits

        given = self.run.record["data"]
        name = (None if own else self.other) or given["path"] or given["name"]
        columns, scaling = self.run.record["data"]["columns"], self.run.scaling
        found = load_data(name, self.run.graph, self.run.spec, split, self.run.record["dtype"], columns, scaling)
        fits(self.run.graph, found.inputs, self.name)
        return found

    @cached_property
    def training(self) -> Shown:
        """The samples that the run was trained on.

        Raises:
            AespecError: They are not there any more.
        """
        data = self.part("train", own=True)
        self.warn_of(data)
        inputs = self.run.seen(data.inputs)
        labels = None if data.labels is None else data.labels[: len(inputs)]
        return Shown(inputs, labels, "training sample")

    @cached_property
    def unseen(self) -> Shown:
        """Samples that the run was not trained on, where there are any: of a test set, else those held out."""
        test = self.part("test")
        changed = False
        if self.other is None and test.path:
            changed = self.warn_of(test if test.whole else self.part("train"))
        if not test.whole:
            return Shown(test.inputs, test.labels, "test sample")
        if changed or (self.other is not None and not self.run.trained_on(test)):
            return Shown(test.inputs, test.labels, "sample")
        unseen = self.run.unseen(test.inputs)
        if len(unseen):
            labels = None if test.labels is None else test.labels[-len(unseen) :]
            return Shown(unseen, labels, "held-out sample")
        return Shown(test.inputs, test.labels, "training sample", " (nothing was held out)")

    def warn_of(self, data: Dataset) -> bool:
        """Whether data is no longer what the run was trained on, which is said."""
        if self.run.trained_on(data):
            return False
        click.echo(f"warning: {self.run.record['data']['name']} has changed since the run was trained on it", err=True)
        return True


def takes_run(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the argument RUN, ``--data`` and ``--backend``, as one parameter ``trained``."""

    @wraps(command)
    def run(run: Path, data: str | None, backend: str | None, **others: Any) -> Any:
        return command(trained=Trained(run, data, backend), **others)

    options = (
        click.argument("run", type=click.Path(path_type=Path)),
        click.option("--data", metavar="NAME|FILE", help="Other data than that of the run."),
        backend_option(help="Compute with another backend than that of the run."),
    )
    decorated: Callable[..., Any] = run
    for option in reversed(options):
        decorated = option(decorated)
    return decorated


def load_data(
    name: str,
    graph: Graph,
    spec: Spec,
    split: Any,
    dtype: str,
    columns: Sequence[str] | None = None,
    scaling: Scaling | None = None,
) -> Dataset:
    """A part of some data, fitted to a spec's input.

    Args:
        name: A named set, a file or a folder.
        graph: The spec's graph.
        spec: The spec.
        split: ``train`` or ``test``.
        dtype: ``float32`` or ``float64``.
        columns: The features of a run's table, where the spec does not name them.
        scaling: How a run's features were scaled. Without it they are not, and are of float64 if they are to be.
    """
    from aespec import data

    given, scaled = spec.input, spec.input.scaling is not None
    found = data.load(
        name,
        shape=graph.sample_shape,
        range=None if scaled else given.range,
        split=split,
        dtype="float64" if scaled else dtype,
        within_unit=graph.loss.within_unit and not scaled,
        window=spec.training.window,
        columns=given.columns or columns,
        label=given.label,
        stride=given.stride,
    )
    return found if scaling is None else scaling.scaled(found, dtype)
