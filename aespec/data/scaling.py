"""Scaling: each feature to a common scale, as it was found on the samples that a model is trained on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from math import prod
from typing import TYPE_CHECKING, Any, Self

from pydantic import BaseModel

from aespec.data.streams import Stream, batches
from aespec.data.tables import listed
from aespec.diagnostics import AespecError, Diagnostic
from aespec.rules import DataShape
from aespec.shapes import counted
from aespec.spec import Way

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from aespec.data import Dataset
    from aespec.data.streams import Samples

    Array = NDArray[np.floating[Any]]

__all__ = ["Scaling"]


class Scaling(BaseModel):
    """``(x - center) / scale`` for each feature, which is an index of the last axis."""

    way: Way
    center: list[float]
    scale: list[float]
    constant: list[int] = []
    """The features that do not vary."""

    @classmethod
    def fit(cls, x: Samples, way: Way, target: tuple[float, float] = (0.0, 1.0), name: str = "the data") -> Self:
        """Find it: ``standard`` for a mean of 0 and a deviation of 1, ``minmax`` for the target's ends.

        A feature that is constant is only moved. Deviations are those of a population, as scikit-learn's
        `StandardScaler` has them.

        Raises:
            AespecError: All features are constant.
        """
        import numpy as np

        def over_all(function: Callable[[Array], Array], reduce: Any) -> Array:
            found = [function(batch.reshape(-1, x.shape[-1]).astype("float64")) for batch in batches(x)]
            result: Array = reduce(found, axis=0)
            return result

        if way == "standard":
            rows = prod(x.shape[:-1])
            center = over_all(lambda part: part.sum(axis=0), np.sum) / rows
            scale = np.sqrt(over_all(lambda part: ((part - center) ** 2).sum(axis=0), np.sum) / rows)
            rounding = rows * np.finfo("float64").eps * np.abs(center)  # of the mean, all that a constant deviates by
            scale = np.where(scale > rounding, scale, 0.0)
        else:
            low, high = over_all(lambda part: part.min(axis=0), np.min), over_all(lambda part: part.max(axis=0), np.max)
            scale = (high - low) / (target[1] - target[0])
            center = low - target[0] * np.where(scale > 0, scale, 1.0)
        constant = np.flatnonzero(scale <= 0).tolist()
        if len(constant) == len(scale):
            raise AespecError(
                Diagnostic(
                    DataShape,
                    f"there is nothing to scale, or to learn, in {name}",
                    wanted="one feature or more that varies over the training samples",
                    got=counted(len(x)) + (", alike in every feature" if len(x) > 1 else ""),
                    help="give samples that differ, or leave `scaling` out of the spec's `input`",
                )
            )
        scale = np.where(scale > 0, scale, 1.0)
        return cls(way=way, center=center.tolist(), scale=scale.tolist(), constant=constant)

    def apply(self, x: Samples, dtype: str, name: str = "the data") -> Samples:
        """Scaled samples, of that type; of a stream a stream.

        Raises:
            AespecError: They have another number of features.
        """
        if x.shape[-1] != len(self.center):
            raise AespecError(
                Diagnostic(
                    DataShape,
                    f"{name} has not the features that the scaling was found on",
                    wanted=f"{len(self.center)} along the last axis",
                    got=f"{x.shape[-1]}",
                    help="give data of the same features, in the same order",
                )
            )
        if isinstance(x, Stream):
            return replace(x.map(lambda part: self._scaled(part, dtype), x.shape[1:]), dtype=dtype)
        return self._scaled(x, dtype)

    def scaled(self, data: Dataset, dtype: str) -> Dataset:
        """Data with its samples scaled.

        Raises:
            AespecError: It has another number of features.
        """
        inputs = self.apply(data.inputs, dtype, data.name)
        return replace(data, inputs=inputs, scaling=self, notes=(*data.notes, self.note(data.columns)))

    def undo(self, x: Array) -> Array:
        """Samples in the units of the data again."""
        import numpy as np

        back: Array = (x * np.asarray(self.scale) + np.asarray(self.center)).astype(x.dtype)
        return back

    def note(self, columns: Sequence[str] | None) -> str:
        """What is done to features that are called so, for the user to read."""
        ends = "mean 0 and deviation 1" if self.way == "standard" else "the same least and largest value"
        note = f"scaled each of {counted(len(self.center), 'feature')} to {ends}, as found on the training samples"
        if not self.constant:
            return note
        constant = listed([columns[i] if columns else str(i) for i in self.constant])
        return f"{note}, where {len(self.constant)} did not vary: {constant}"

    def _scaled(self, x: Array, dtype: str) -> Array:
        import numpy as np

        scaled: Array = np.ascontiguousarray((x - np.asarray(self.center)) / np.asarray(self.scale), dtype)
        return scaled
