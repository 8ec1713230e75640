"""How good a model of some samples is: what it restores and, where it is variational, what it makes of its code."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aespec.data.streams import batches
from aespec.uses.anomaly import errors
from aespec.uses.posterior import Bound, Estimate, Units, bound, estimate, latent, moments, units

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from aespec.backend import Model
    from aespec.losses import Loss

    Floats = NDArray[np.floating[Any]]

__all__ = ["Quality", "quality"]


@dataclass(frozen=True, eq=False)
class Quality:
    """What a model comes to on some samples."""

    samples: int
    reconstruction: Mapping[Loss, float]
    """Each loss between samples and their reconstructions, times its weight; codes are means."""
    squared_error: Estimate
    """The mean squared error of the same reconstructions."""
    units: Units | None
    """What each unit carries; None of a model that is not variational."""
    bound: Bound | None
    """The evidence lower bound; None too where the losses are that of no distribution."""


def quality(model: Model, x: Floats, *, seed: int = 0) -> Quality:
    """Measure a model on samples, (n, ...), best on such as it was not trained on.

    Args:
        model: The model.
        x: The samples, two or more.
        seed: Decides the codes that are drawn for the evidence lower bound.

    Raises:
        AespecError: There are fewer than two samples, or a reconstruction is not finite.
    """
    import numpy as np

    squared_error = estimate(errors(model, x))
    terms = [model.losses(batch) for batch in batches(x)]
    sizes = [len(batch) for batch in batches(x)]
    posterior = None if latent(model.graph) is None else moments(model, x)
    return Quality(
        samples=len(x),
        reconstruction={
            loss: float(np.average([found[loss.kind] for found in terms], weights=sizes)) for loss in model.graph.losses
        },
        squared_error=squared_error,
        units=posterior and units(*posterior, x),
        bound=posterior and bound(model, x, *posterior, seed=seed),
    )
