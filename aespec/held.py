"""What a run saw of its data and what it did not, wherever that is asked: one answer for all uses."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from os import fspath
from typing import TYPE_CHECKING, Any

from aespec.data import load_for
from aespec.diagnostics import AespecError, Diagnostic
from aespec.rules import DataNotFound, DataShape
from aespec.training import fits

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from aespec.data import Dataset, Windows
    from aespec.data.files import Split
    from aespec.data.streams import Samples
    from aespec.files import StrPath
    from aespec.run import Run

__all__ = ["HELD", "SAMPLE", "TEST", "TRAINING", "VALIDATION", "RunData", "Shown"]

TRAINING, TEST = "training sample", "test sample"

HELD = "held-out sample"
"""One of the last of a run's data, which it was not trained on: it measured its loss on it, or was not given it."""

VALIDATION = "validation sample"
"""One of the data that a run only measured its loss on."""

SAMPLE = "sample"
"""One that the run may have seen or not."""


@dataclass(frozen=True, eq=False)
class Shown:
    """Samples of some data, one behind the other, and what they are to a run."""

    data: Dataset
    what: str
    """What each is: a ``test sample``."""
    first: int = 0
    """Where the first of them stands in the data."""
    end: int | None = None
    """Where the first behind them stands, if any does."""
    note: str = ""
    """What is to be said of all, to follow their name."""
    warnings: tuple[str, ...] = ()
    """What is wrong with them."""

    @property
    def name(self) -> str:
        """What the data is called."""
        return self.data.name

    @cached_property
    def inputs(self) -> Samples:
        """The samples."""
        return self.data.inputs[self.first : self.end]

    @property
    def labels(self) -> NDArray[Any] | None:
        """What each shows, where that is known."""
        return None if self.data.labels is None else self.data.labels[self.first : self.end]

    @property
    def names(self) -> tuple[str, ...] | None:
        """What each is called, where that is known: the file of a picture."""
        return self.data.names and self.data.names[self.first : self.end]

    @property
    def windows(self) -> Windows | None:
        """Where they lie in the series that they were cut from, if they were."""
        windows = self.data.windows
        return windows and replace(windows, starts=windows.starts[self.first : self.end])

    @property
    def held_out(self) -> bool:
        """Whether they are of the run's own data, and it was not trained on them."""
        return self.what in (HELD, VALIDATION)


class RunData:
    """The data of a run, and other data if any, by what the run saw of it. Each part is loaded once."""

    def __init__(self, run: Run, other: StrPath | None = None, *, loaded: Sequence[Dataset] = ()) -> None:
        """Take a run.

        Args:
            run: The run.
            other: The name, the file or the folder of data to look at instead of the run's own.
            loaded: What the run was trained on, and validated on, where that is at hand.
        """
        self.run, self.other = run, None if other is None else fspath(other)
        self._parts: dict[tuple[str, Split], Dataset] = {}
        records = (run.record["data"], run.record["validation"])
        for record, data in zip(records, loaded, strict=False):
            self._keep(record["path"] or record["name"], "train", data)

    def part(self, split: Split) -> Dataset:
        """The training or the test part of the other data, else of the run's own.

        Raises:
            AespecError: It is not there, or does not fit the model.
        """
        return self._recorded("data", split) if self.other is None else self._load(self.other, self.other, split)

    @cached_property
    def own(self) -> Dataset:
        """The data that the run was trained on: the other data where that is the same, elsewhere now.

        Raises:
            AespecError: It is not there any more.
        """
        other = self._other_training
        return other if other is not None and self.run.trained_on(other) else self._recorded("data", "train")

    @cached_property
    def training(self) -> Shown:
        """The samples that the run was trained on; of data that has changed all that is there now.

        Raises:
            AespecError: They are not there any more.
        """
        return self._changed or Shown(self.own, TRAINING, end=len(self.run.seen(self.own.inputs)))

    @cached_property
    def held(self) -> Shown | None:
        """The run's own samples that it was not trained on, where there are any.

        They are those that it measured its loss on, and those of its data that it was not given; of data that has
        changed it is all that is there now.

        Raises:
            AespecError: They are not there any more.
        """
        record = self.run.record["validation"]
        if record is None:
            found = self._changed or Shown(self.own, HELD, len(self.run.seen(self.own.inputs)), note=self._beyond)
            return found if len(found.inputs) else None
        data = self._recorded("validation", "train")
        same = data.fingerprint == record["fingerprint"]
        changed = f"{record['name']} has changed since the run was validated on it"
        return Shown(data, VALIDATION if same else SAMPLE, warnings=() if same else (changed,))

    @cached_property
    def unseen(self) -> Shown:
        """Samples that the run was not trained on, where there are any: of a test set, else those held out.

        Raises:
            AespecError: They are not there, or do not fit the model.
        """
        test, validation = self.part("test"), self.run.record["validation"]
        if not test.whole:
            changed = self._changed if self.other is None and test.path else None
            return Shown(test, TEST, warnings=changed.warnings if changed else ())
        if self.other is not None and validation is not None and test.fingerprint == validation["fingerprint"]:
            return Shown(test, VALIDATION)
        if self.other is not None and not self.run.trained_on(test):
            return Shown(test, SAMPLE)
        return self.held or replace(self.training, note=" (nothing was held out)")

    @property
    def _other_training(self) -> Dataset | None:
        """The training part of the other data; None where there is none, or a test part alone."""
        if self.other is None:
            return None
        try:
            return self.part("train")
        except AespecError as error:
            if error.diagnostics[0].rule is not DataNotFound:
                raise
            self.part("test")  # where there is no such data at all, this says so
            return None

    @property
    def _beyond(self) -> str:
        """What is to be said of held-out samples where the run was given only the first of its data."""
        x, given = self.own.inputs, self.run.record["data"]["samples"]
        held, beyond = given - len(self.run.seen(x)), len(x) - given
        measured = f"{held:,} held out for validation, {beyond:,}" if held else "all"
        return f" ({measured} beyond the {given:,} that the run was given)" if beyond else ""

    @cached_property
    def _changed(self) -> Shown | None:
        """All of the data, where it is no longer what the run was trained on: none is known to be seen or unseen."""
        changed = f"{self.run.record['data']['name']} has changed since the run was trained on it"
        return None if self.run.trained_on(self.own) else Shown(self.own, SAMPLE, warnings=(changed,))

    @cached_property
    def gone(self) -> bool:
        """Whether the run's own data is not there any more."""
        try:
            return not (self.held or self.training)
        except AespecError as error:
            return error.diagnostics[0].rule is DataNotFound

    def cut(self, shown: Shown, stride: int) -> Shown:
        """The same part of a series in windows that lie so many steps apart, instead of as many as in training.

        Raises:
            AespecError: The data is not there any more, or it is no series.
        """
        import numpy as np

        if shown.windows is None:
            raise AespecError(
                Diagnostic(
                    DataShape,
                    f"{shown.name} was not cut into windows",
                    wanted="a run whose spec cuts a long series, by a `stride` in its `input`",
                    got="samples that are scored as they are",
                    help="leave `--stride` out",
                )
            )
        place, split = next(key for key, data in self._parts.items() if data is shown.data)
        data, ends = self._read(place, shown.name, split, stride), shown.windows.starts[[0, -1]]
        assert data.windows is not None  # as the same data had before
        first, end = np.searchsorted(data.windows.starts, [ends[0], ends[1] + 1]).tolist()
        return replace(shown, data=data, first=first, end=end)

    @contextmanager
    def needed(self, what: str, instead: str) -> Iterator[None]:
        """Where the run's own data is gone, say what needs it.

        Args:
            what: What is made of the data.
            instead: What to do without.
        """
        try:
            yield
        except AespecError as error:
            (gone,) = error.diagnostics
            if gone.rule is not DataNotFound:
                raise
            raise AespecError(
                replace(
                    gone,
                    message=f"{what} needs the run's own data, which is gone",
                    wanted=f"{self.run.record['data']['name']}, where it was in training",
                    got=gone.message,
                    help=f"put it back, or {instead}",
                )
            ) from None

    def _recorded(self, which: str, split: Split) -> Dataset:
        record = self.run.record[which]
        return self._load(record["path"] or record["name"], record["name"], split)

    def _load(self, place: str, name: str, split: Split) -> Dataset:
        if (place, split) not in self._parts:
            self._keep(place, split, self._read(place, name, split))
        return self._parts[place, split]

    def _read(self, place: str, name: str, split: Split, stride: int | None = None) -> Dataset:
        run, given = self.run, self.run.record["data"]
        found = load_for(run.spec, run.graph, place, split, run.record["dtype"], given["columns"], run.scaling, stride)
        fits(run.graph, found.inputs, name)
        columns = found.columns or (given["columns"] and tuple(given["columns"]))  # of bare arrays, by position
        return replace(found, name=name, columns=columns)

    def _keep(self, place: str, split: Split, data: Dataset) -> None:
        """Remember a part; what has no parts is both."""
        splits: tuple[Split, ...] = ("train", "test") if data.whole else (split,)
        self._parts |= {(place, each): data for each in splits}
