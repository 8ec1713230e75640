"""Where values stop being finite in a model."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import isfinite
from typing import TYPE_CHECKING, Any

from aespec.backend import Model

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.floating[Any]]

__all__ = ["fault"]


def fault(model: Model, batches: Iterable[Array], losses: Mapping[str, float], *, training: bool) -> str:
    """Where values that are not finite first appear when a model looks at samples, in words.

    Args:
        model: The model.
        batches: The samples, some at a time.
        losses: Each term of the loss and ``total``, as they were found.
        training: Whether they were found in training: with noise, and by the moments of the batch.
    """
    import numpy as np

    for name, value in model.weights().items():
        if not np.isfinite(value).all():
            return f"first in the weights `{name}`"
    for batch in batches:
        values = model.trace(batch, training=training)
        for node in model.graph:
            if not np.isfinite(values[node.name]).all():
                return f"first in the output of `{node.name}`"
    terms = [f"`{name}`" for name, value in losses.items() if name != "total" and not isfinite(value)]
    what = " and ".join(terms) or "the sum of the terms of the loss"
    taken = [loss.kind for loss in model.graph.losses if loss.logits_of and not isfinite(losses[loss.kind])]
    if taken and model.graph.logits:
        before = f"what `{model.graph.logits}` has before its activation"
        return f"its layers all have finite values, but {before}, from which `{taken[0]}` is computed, is too large"
    return f"its layers all have finite values, so what overflows is {what}"
