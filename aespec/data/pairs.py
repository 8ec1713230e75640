"""Pairs: samples, each with a target of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.floating[Any]]

__all__ = ["Pairs"]


@dataclass(frozen=True, eq=False)
class Pairs:
    """Samples, and what a model's output for each is compared with. Like an array they have a length and can be cut."""

    inputs: Array
    targets: Array

    def __len__(self) -> int:
        return len(self.inputs)

    def __getitem__(self, rows: slice) -> Pairs:
        return Pairs(self.inputs[rows], self.targets[rows])
