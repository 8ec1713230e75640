"""New samples: from codes that are drawn, that lie between two others, or that differ from one in a single unit.

Codes are rows here, (n, units): a code of several axes is flattened.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from aespec.apply import codes
from aespec.data.streams import batches
from aespec.diagnostics import AespecError, Diagnostic, missing
from aespec.rules import DataShape, LossNotFinite
from aespec.shapes import counted
from aespec.uses.posterior import draw, latent, moments

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from aespec.backend import Model
    from aespec.data.streams import Samples

    Array = NDArray[np.float64]
    Floats = NDArray[np.floating[Any]]

__all__ = [
    "Distribution",
    "Route",
    "decoded",
    "drawn_codes",
    "fitted_mixture",
    "fitted_normal",
    "interpolated",
    "standard_normal",
    "traversed",
]

Route = Literal["linear", "spherical"]
"""How one code becomes another."""


@dataclass(frozen=True, eq=False)
class Distribution:
    """Normal distributions of codes, mixed: each code is of one of them."""

    name: str
    """``standard normal``"""
    weights: Array
    """How often codes are of each, (components,); they sum to 1."""
    means: Array
    """(components, units)"""
    factors: Array
    """What noise is multiplied by, (components, units, units): ``factor @ factor.T`` is the covariance."""
    samples: int = 0
    """To the codes of how many samples it was fitted; none where it is a prior."""

    def draw(self, n: int, random: np.random.Generator) -> Array:
        """So many codes, (n, units)."""
        noise = random.standard_normal((n, self.means.shape[1]))
        component = random.choice(len(self.weights), n, p=self.weights)
        for k, (mean, factor) in enumerate(zip(self.means, self.factors, strict=True)):
            noise[component == k] = mean + noise[component == k] @ factor.T
        return noise


def standard_normal(units: int) -> Distribution:
    """The prior of a variational model: each unit of mean 0 and variance 1, independent of the others."""
    import numpy as np

    return Distribution("standard normal", np.ones(1), np.zeros((1, units)), np.eye(units)[np.newaxis])


def fitted_normal(x: Array) -> Distribution:
    """The normal distribution of the mean and the covariance of some codes, (n, units).

    Raises:
        AespecError: There are fewer than two codes.
    """
    import numpy as np

    _need(x, 2, "a normal distribution")
    centered = x - x.mean(axis=0)
    covariance = centered.T @ centered / (len(x) - 1)
    return Distribution("fitted normal", np.ones(1), x.mean(axis=0)[np.newaxis], _roots(covariance[np.newaxis]), len(x))


def fitted_mixture(x: Array, components: int, *, seed: int = 0) -> Distribution:
    """A mixture of so many normals of full covariance, fitted to codes, (n, units), by expectation-maximization.

    It is scikit-learn's `GaussianMixture`. To sample an autoencoder from a mixture fitted to its codes after training
    is the proposal of Ghosh et al. (2020), https://arxiv.org/abs/1903.12436.

    Raises:
        AespecError: There are fewer codes than components, or than two, no such mixture fits them, or scikit-learn is
            missing.
    """
    _need(x, max(components, 2), f"a mixture of {components}")
    try:
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.mixture import GaussianMixture
    except ImportError:
        raise missing("scikit-learn", "data", "to fit a mixture", instead="`--prior gaussian`") from None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # a mixture that is nearly fitted can be drawn from
        try:
            found = GaussianMixture(components, random_state=seed).fit(x)
        except ValueError as error:
            raise AespecError(
                Diagnostic(
                    DataShape,
                    f"no mixture of {components} fits these codes",
                    wanted="finite codes that fill every direction of each component",
                    got=" ".join(str(error).split()).partition(". ")[0],
                    help="fit fewer components, or `--prior gaussian`",
                )
            ) from None
    weights = found.weights_ / found.weights_.sum()
    name, roots = f"fitted mixture of {counted(components, 'normal')}", _roots(found.covariances_)
    return Distribution(name, weights, found.means_, roots, len(x))


def drawn_codes(model: Model, x: Samples, random: np.random.Generator) -> Array:
    """The code of each sample, (n, units): of a variational model one drawn from the sample's posterior.

    What is fitted to them is fitted to the codes that the decoder was trained on.
    """
    import numpy as np

    found = codes(model, x).astype(np.float64) if latent(model.graph) is None else draw(*moments(model, x), random)
    return found.reshape(len(found), -1)


def decoded(model: Model, rows: Array, shape: tuple[int, ...]) -> Floats:
    """What the model makes of codes, (n, ...).

    Args:
        model: The model.
        rows: Codes, (n, units).
        shape: That of one code.

    Raises:
        AespecError: A sample is not finite.
    """
    import numpy as np

    found: Floats = np.concatenate([model.decode(batch) for batch in batches(rows.reshape(-1, *shape))])
    wrong = ~np.isfinite(found.reshape(len(found), -1)).all(axis=1)
    if wrong.any():
        raise AespecError(
            Diagnostic(
                LossNotFinite,
                f"the model makes no finite sample of {counted(int(wrong.sum()), 'code')}",
                wanted="codes that are not far from those of samples",
                got=f"numbers up to {np.abs(rows[wrong]).max():.4g}",
                help="give a smaller `--reach`, or codes that are nearer to zero",
            )
        )
    return found


def interpolated(begin: Array, end: Array, steps: int, *, path: Route = "linear") -> Array:
    """Codes on the way from one to another, both included, (steps, units).

    The spherical path turns the one into the other at a constant speed (Shoemake, 1985; White, 2016,
    https://arxiv.org/abs/1609.04468). Codes drawn from a standard normal of many units are all about as far from zero,
    and so are the codes on this path; halfway on the straight line they are nearer to it by a factor of 1.4, where the
    prior has next to nothing. Where there is no such turn, of codes of one direction or of opposite ones, the path is
    the straight line.

    Args:
        begin: A code, (units,).
        end: Another.
        steps: How many codes.
        path: The straight line, or the spherical path.
    """
    import numpy as np

    share = np.linspace(0, 1, steps)[:, np.newaxis]
    if path == "spherical" and (norms := np.linalg.norm(begin) * np.linalg.norm(end)) > 0:
        angle = np.arccos(np.clip(begin @ end / norms, -1, 1))
        if np.sin(angle) > 1e-6:
            found: Array = (np.sin((1 - share) * angle) * begin + np.sin(share * angle) * end) / np.sin(angle)
            return found
    return (1 - share) * begin + share * end


def traversed(center: Array, axes: NDArray[np.integer[Any]], spread: Array, reach: float, steps: int) -> Array:
    """Codes that differ from one in a single unit, (axes, steps, units).

    Args:
        center: The code in the middle, (units,).
        axes: Which units are swept, each in a row.
        spread: One standard deviation of each unit, (units,).
        reach: How many of them to go to either side.
        steps: How many codes for each unit; the center is among them where it is odd.
    """
    import numpy as np

    found = np.tile(center, (len(axes), steps, 1))
    for row, axis in zip(found, axes, strict=True):
        row[:, axis] += np.linspace(-reach, reach, steps) * spread[axis]
    return found


def _need(x: Array, least: int, what: str) -> None:
    if len(x) < least:
        raise AespecError(
            Diagnostic(
                DataShape,
                f"too few codes to fit {what} to",
                wanted=f"{counted(least, 'sample')} or more that the run was trained on",
                got=counted(len(x), "sample"),
                help="train on more samples, or fit fewer components",
            )
        )


def _roots(covariances: Array) -> Array:
    """A square root of each covariance, singular ones included."""
    import numpy as np

    values, vectors = np.linalg.eigh(covariances)
    roots: Array = vectors * np.sqrt(values.clip(0))[:, np.newaxis, :]
    return roots
