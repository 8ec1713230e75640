"""Where values stop being finite in a model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aespec.backend import Model

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.floating[Any]]

__all__ = ["fault"]


def fault(model: Model, x: Array) -> str:
    """Where values that are not finite first appear when a model looks at samples, in words."""
    import numpy as np

    for name, value in model.weights().items():
        if not np.isfinite(value).all():
            return f"first in the weights `{name}`"
    values = model.trace(x)
    for node in model.graph:
        if not np.isfinite(values[node.name]).all():
            return f"first in the output of `{node.name}`"
    return "its layers all have finite values, so the loss itself overflows"
