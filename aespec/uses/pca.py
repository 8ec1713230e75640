"""A linear autoencoder beside exact PCA: the error of each, and the angles between the planes that they found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any

from aespec.data.streams import batches
from aespec.diagnostics import AespecError, Diagnostic, missing
from aespec.graph import Graph, Node
from aespec.registry import find_backend
from aespec.rules import DataShape, UnsupportedKind
from aespec.shapes import counted

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from aespec.backend import Model
    from aespec.data.streams import Samples

    Array = NDArray[np.floating[Any]]

__all__ = ["Comparison", "compare", "nonlinear"]

SCALES = (1.0, 1e2, 1e4)
"""How far around the data's mean layers are tried, in the data's standard deviations."""

PAIRS = 32
"""How many pairs of points are tried at each scale."""

ROUNDING = 1e-9
"""How far off a value may be, beside the largest, that is right but for rounding: ten million times float64's."""

WIDEST = 5_000
"""Numbers in a sample, at most: PCA takes their square in memory and their cube in time."""

VARIANCE = 1e-12
"""A direction with less of the data's variance than this has none but rounding's."""


@dataclass(frozen=True)
class Comparison:
    """What a linear autoencoder and PCA with as many components make of the same samples, in float64."""

    samples: int
    features: int
    """Numbers in a sample."""
    components: int
    """Numbers in the code, and components of PCA."""
    rank: int
    """Directions in which the samples vary at all: fewer than `features` where, as at the edge of digits, a pixel is
    always the same. PCA has no more components."""
    error: float
    """The autoencoder's mean squared error, for each number of a sample."""
    pca_error: float
    """That of PCA, than which no linear model's is smaller."""
    angles: tuple[float, ...]
    """The principal angles, in degrees, the largest first, from PCA's directions to those that the decoder spans; one
    that the decoder has none for counts as 90."""
    gap: float
    """By what part the variance along PCA's last direction is larger than along the next: near zero either would do,
    and the angle means nothing. 1 where there is no variance along the next."""
    centred: bool
    """Whether the decoder can add a mean to what it restores, or the samples' mean is zero: PCA takes it away."""

    @property
    def excess(self) -> float:
        """How much larger the autoencoder's error is than PCA's."""
        return self.error - self.pca_error

    @property
    def relative_excess(self) -> float | None:
        """The same as a part of PCA's error; None where that is nothing but rounding."""
        return self.excess / self.pca_error if self.pca_error > 0 else None


def compare(graph: Graph, weights: Mapping[str, Array], x: Samples) -> Comparison:
    """Compare a trained linear autoencoder with PCA of the samples that it was trained on.

    Squared error is smallest where the reconstructions lie in the plane of PCA, through the mean (Baldi and Hornik,
    1989), so that PCA's error is the least that training can come to. Any basis of that plane will do for the decoder:
    what is compared is what it spans. The encoder's plane is not pinned by the error.

    Everything is computed in float64 by the reference, whatever trained the weights. What noise adds in training is
    not in the errors.

    Args:
        graph: The model.
        weights: Its trained weights, by name.
        x: The samples that it was trained on, (n, ...).

    Raises:
        AespecError: A layer is not linear, or the reference has no lowering for it; the samples do not vary, or are too
            large; scipy is missing.
    """
    import numpy as np

    if (size := prod(x.shape[1:])) > WIDEST:
        raise _too_wide(size)
    model = find_backend("numpy").build(graph, dtype="float64")
    model.load_weights(weights)
    first = next(batches(x)).astype(np.float64)
    if name := nonlinear(model, first):
        raise _not_linear(graph[name], graph)
    offset, decoder = _affine(model, first[:1])
    mean, variances, directions = _principal(x)
    rank = int((variances > VARIANCE * variances[0]).sum()) if variances[0] > 0 else 0
    if not rank:
        raise _no_variance(len(x))
    components = min(decoder.shape[1], rank)
    basis = directions[:, :components]

    error = pca_error = largest = 0.0
    for batch in batches(x):
        error += float(((model.reconstruct(batch) - batch) ** 2).sum())
        centred = _flat(batch) - mean
        pca_error += float(((centred - centred @ basis @ basis.T) ** 2).sum())
        largest = max(largest, float(np.abs(batch).max()))
    size = len(x) * len(mean)
    following = variances[components] if components < rank else 0.0
    return Comparison(
        samples=len(x),
        features=len(mean),
        components=decoder.shape[1],
        rank=rank,
        error=error / size,
        pca_error=pca_error / size if components < rank else 0.0,
        angles=_angles(basis, decoder),
        gap=float(1 - following / variances[components - 1]),
        centred=bool(offset.any() or np.abs(mean).max() <= ROUNDING * largest),
    )


def nonlinear(model: Model, x: Array) -> str | None:
    """The first node whose value is not a linear function of the input, plus a constant; None where all are.

    Of such a function the value midway between two points is midway between theirs. Pairs of points are drawn around
    the samples, near and far, and the nodes are looked at in the order of computation: no list of kinds is needed.

    Args:
        model: One that computes in float64.
        x: Some samples, (n, ...).
    """
    import numpy as np

    random, n = np.random.default_rng(0), PAIRS * len(SCALES)
    scales = np.repeat(SCALES, PAIRS).reshape(n, *[1] * (x.ndim - 1)) * (x.std() or 1.0)
    one, other = (x.mean(axis=0) + scales * random.standard_normal((n, *x.shape[1:])) for _ in range(2))
    inputs = np.concatenate((one, other, (one + other) / 2))
    with np.errstate(all="ignore"):
        values = model.trace(inputs)
        for node in model.graph:
            value = _flat(values[node.name])
            first, second, middle = np.split(value, 3)
            off = np.abs((first + second) / 2 - middle).max(axis=1)
            largest = np.abs(np.hstack((_flat(inputs), value))).max(axis=1).reshape(3, n).max(axis=0)
            if not (off <= ROUNDING * largest).all():  # nor where it is not finite
                return node.name
    return None


def _flat(x: Array) -> Array:
    return x.reshape(len(x), -1)


def _affine(model: Model, sample: Array) -> tuple[Array, Array]:
    """What a linear decoder makes of a code of zeros, (d,), and what each number of the code adds, (d, k)."""
    import numpy as np

    shape = model.encode(sample).shape[1:]
    size = int(np.prod(shape))
    found = _flat(model.decode(np.vstack((np.zeros(size), np.eye(size))).reshape(-1, *shape)))
    return found[0], (found[1:] - found[0]).T


def _principal(x: Samples) -> tuple[Array, Array, Array]:
    """The mean of samples, (d,), the variances along their principal axes, (d,), falling, and the axes, (d, d)."""
    import numpy as np

    mean = sum(_flat(batch).sum(axis=0, dtype=np.float64) for batch in batches(x)) / len(x)
    scatter = np.zeros((len(mean), len(mean)))
    for batch in batches(x):
        centred = _flat(batch) - mean
        scatter += centred.T @ centred
    variances, axes = np.linalg.eigh(scatter / len(x))
    return mean, variances[::-1], axes[:, ::-1]


def _angles(basis: Array, decoder: Array) -> tuple[float, ...]:
    import numpy as np

    try:
        from scipy.linalg import subspace_angles
    except ImportError:
        raise missing("scipy", "data", "to measure the angles between planes") from None
    spanned = int(np.linalg.matrix_rank(decoder))
    lacking = max(basis.shape[1] - spanned, 0)
    found = np.degrees(subspace_angles(basis, decoder)).tolist() if spanned else []
    return (*[90.0] * lacking, *found)


def _not_linear(node: Node, graph: Graph) -> AespecError:
    activation = getattr(node.layer, "activation", None)
    bent = f", with the activation `{activation.kind}`" if activation and activation.kind != "linear" else ""
    return AespecError(
        Diagnostic(
            UnsupportedKind,
            f"{graph.name} is not linear, and PCA is: at `{node.name}`",
            wanted="layers whose value is a linear function of their input, up to a constant",
            got=f"`{node.layer.kind}`{bent}",
            help="train a linear one, such as specs/pca.yaml, with `loss: mse`; `aespec summary` shows a run's layers",
        )
    )


def _too_wide(size: int) -> AespecError:
    return AespecError(
        Diagnostic(
            DataShape,
            f"samples of {size:,} numbers are too large for exact PCA, which needs the covariance of each two",
            wanted=f"{WIDEST:,} numbers or fewer in a sample",
            got=f"{size:,}",
            help="train a linear model of smaller samples",
        )
    )


def _no_variance(samples: int) -> AespecError:
    return AespecError(
        Diagnostic(
            DataShape,
            "the samples do not vary, so that PCA has no directions to find",
            wanted="two samples or more that are not the same",
            got="one sample" if samples == 1 else f"{counted(samples)}, all the same",
            help="train on more data",
        )
    )
