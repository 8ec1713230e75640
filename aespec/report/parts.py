"""Parts of the data as a report sees them: some samples of each, and what a model makes of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aespec.apply import codes, reconstructions
from aespec.data.labels import label_text, unlabelled
from aespec.data.streams import chosen, take
from aespec.shapes import counted
from aespec.tables import number
from aespec.uses.anomaly import squared_errors

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from aespec.backend import Model
    from aespec.data.streams import Samples

    Array = NDArray[np.floating[Any]]

__all__ = ["Part", "look"]

SAMPLES = 500
"""So many samples of a part are looked at; of large ones fewer: see `aespec.data.streams.NUMBERS`."""


@dataclass(frozen=True, eq=False)
class Part:
    """Samples of one part of the data, and what a model makes of them."""

    what: str
    """What each is: a ``test sample``."""
    size: int
    """How many the part has."""
    places: NDArray[np.int64]
    """Which of them these are, counted from 0."""
    inputs: Array
    labels: NDArray[Any] | None
    codes: Array
    restored: Array
    errors: Array
    """The mean squared error of each."""
    source: str = ""
    """The data that they are of, where it is not that of the run."""
    note: str = ""
    """What is to be said of all, to follow their name."""
    columns: tuple[str, ...] | None = None
    """What the features are called."""

    def worst(self, count: int) -> NDArray[np.int64]:
        """Those that were restored worst, the worst first."""
        import numpy as np

        return np.argsort(-np.nan_to_num(self.errors, nan=np.inf), kind="stable")[:count]

    @property
    def named(self) -> str:
        """What they all are: ``test samples``."""
        return f"{self.what}s{self._of}"

    @property
    def told(self) -> str:
        """How many of which samples these are: ``500 of 10,000 test samples``."""
        whole = counted(self.size, self.what)
        return (whole if len(self.places) == self.size else f"{number(len(self.places))} of {whole}") + self._of

    @property
    def _of(self) -> str:
        return f" of {self.source}" if self.source else ""

    def about(self, i: int) -> str:
        """What is said of one of the samples."""
        label = ""
        if self.labels is not None and not unlabelled(self.labels[i]):
            label = f"label {label_text(self.labels[i])}\n"
        return f"{label}error {self.errors[i]:.3g}"


def look(
    model: Model,
    inputs: Samples,
    labels: NDArray[Any] | None,
    what: str,
    *,
    source: str = "",
    note: str = "",
    columns: tuple[str, ...] | None = None,
    seed: int = 0,
) -> Part:
    """Let a model see samples of a part, drawn at random: at most 500, fewer of large ones.

    Args:
        model: A trained model.
        inputs: All samples of the part.
        labels: What each shows.
        what: What each is called: a ``test sample``.
        source: The data that they are of, where it is not that of the run.
        note: What is to be said of all, to follow their name.
        columns: What the features are called.
        seed: Decides which are drawn.
    """
    import numpy as np

    places = chosen(inputs, SAMPLES, np.random.default_rng(seed))
    samples = take(inputs, places)
    restored = reconstructions(model, samples)
    errors = squared_errors(samples, restored)
    classes = labels is not None and labels.size == len(inputs)  # what is several numbers each is no class
    shown = labels.reshape(-1)[places] if labels is not None and classes else None
    found = codes(model, samples), restored, errors
    return Part(what, len(inputs), places, samples, shown, *found, source, note, columns)
