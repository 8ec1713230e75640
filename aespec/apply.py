"""A model on many samples, some at a time: of an array or of a stream."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from aespec.data.streams import batches
from aespec.diagnostics import AespecError, Diagnostic
from aespec.rules import DataShape

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from aespec.backend import Model
    from aespec.data.streams import Samples

    Array = NDArray[np.floating[Any]]

__all__ = ["codes", "need_samples", "reconstructions"]


def codes(model: Model, x: Samples) -> Array:
    """The code of each sample, (n, ...); of a Gaussian one its mean."""
    return _together(model.encode, x)


def reconstructions(model: Model, x: Samples) -> Array:
    """The reconstruction of each sample, (n, ...)."""
    return _together(model.reconstruct, x)


def need_samples(x: Samples, to: str) -> None:
    """Refuse data without samples.

    Args:
        x: The samples.
        to: What was to be done with them.

    Raises:
        AespecError: There are none.
    """
    if not len(x):
        raise AespecError(
            Diagnostic(
                DataShape,
                f"there are no samples to {to}",
                wanted="one sample or more",
                got="none",
                help="give other data with `--data`",
            )
        )


def _together(function: Callable[[Array], Array], x: Samples) -> Array:
    import numpy as np

    return np.concatenate([function(batch) for batch in batches(x)] or [function(np.asarray(x))])
