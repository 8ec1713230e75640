"""Maps: codes as points in the plane, and how far their neighbourhoods can be trusted."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any, Literal, NoReturn, get_args

from aespec.apply import codes
from aespec.data.streams import chosen, take
from aespec.diagnostics import AespecError, Diagnostic, missing
from aespec.initializers import parameter_stream
from aespec.quiet import quiet_tensorflow
from aespec.rules import DataShape, LossNotFinite
from aespec.shapes import counted

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from aespec.backend import Model
    from aespec.data.streams import Samples

    Array = NDArray[np.floating[Any]]

__all__ = [
    "METHODS",
    "NEIGHBORS",
    "SAMPLES",
    "SUBSAMPLE",
    "Map",
    "Method",
    "Planar",
    "planar",
    "project",
    "trustworthiness",
]

Method = Literal["code", "pca", "tsne", "umap"]
METHODS: tuple[Method, ...] = get_args(Method)
"""How codes become points: as they are where they are two numbers, or by one of three methods."""

TITLES = {"code": "code", "pca": "PCA", "tsne": "t-SNE", "umap": "UMAP"}

PERPLEXITY = 30
"""About how many neighbours a point of t-SNE has, where there are three times as many samples."""

NEIGHBORS = 5
"""How many neighbours in the map trustworthiness looks at: the usual number, of scikit-learn too."""

SAMPLES = 2000
"""So many samples are put on a map, unless another number is wanted."""

SUBSAMPLE = 2000
"""Of how many samples at most trustworthiness is computed: it takes the distances of all pairs."""


@dataclass(frozen=True, eq=False)
class Planar:
    """Codes as points in the plane."""

    points: Array
    """(n, 2), in the order of the codes."""
    axes: tuple[str, str]
    """What the two coordinates are called."""
    method: Method
    """How they were found."""
    explained: tuple[float, float] | None = None
    """The part of the codes' variance that lies along each axis, 0 to 1: of PCA, where they vary at all."""

    @property
    def title(self) -> str:
        """The method's name, as it is written: ``t-SNE``."""
        return TITLES[self.method]


@dataclass(frozen=True, eq=False)
class Map:
    """Samples in the places of their codes, and how far these can be trusted."""

    places: NDArray[np.int64]
    """Which of the samples are on the map, counted from 0."""
    inputs: Array
    """Those samples, (n, ...)."""
    labels: NDArray[Any] | None
    """What each of them shows, (n,), where that is known."""
    width: int
    """Numbers in a code."""
    planar: Planar
    """Where each lies."""
    trustworthiness: float | None
    """See `trustworthiness`."""
    seed: int
    """What decided which samples are on it, and what t-SNE and UMAP drew."""


def project(
    model: Model,
    x: Samples,
    labels: NDArray[Any] | None = None,
    *,
    method: Method | None = None,
    count: int = SAMPLES,
    seed: int = 0,
    name: str = "the data",
) -> Map:
    """Put samples on a map by their codes.

    Args:
        model: The model.
        x: The samples, (n, ...).
        labels: What each shows, one for each.
        method: How codes become points: see `planar`.
        count: How many samples are put on the map, drawn at random where there are more.
        seed: Decides which, and what t-SNE and UMAP draw.
        name: What messages call the data.

    Raises:
        AespecError: There are several labels for each sample, or their codes have no map: see `planar`.
    """
    import numpy as np

    known = None if labels is None else _single(np.asarray(labels), name)
    places = chosen(x, count, parameter_stream(seed, "map"))
    inputs = take(x, places)
    flat = _flat(codes(model, inputs))
    found = planar(flat, method=method, seed=seed)
    trust = trustworthiness(flat, found.points, seed=seed)
    return Map(places, inputs, None if known is None else known[places], flat.shape[1], found, trust, seed)


def planar(codes: Array, *, method: Method | None = None, seed: int = 0) -> Planar:
    """Lay codes out in the plane.

    A code of one or two numbers is its own place. PCA is linear: it shows the two directions along which codes vary
    most. t-SNE (van der Maaten and Hinton, 2008; scikit-learn's) and UMAP (McInnes et al., 2018;
    umap-learn's) keep neighbours together; distances between far points, and the sizes of clusters, mean little there.

    Args:
        codes: (n, ...); a code of several axes is flattened.
        method: By default `code` where a code is one or two numbers, else `tsne`; of fewer samples than t-SNE
            takes, `pca`.
        seed: Decides what t-SNE and UMAP draw at random.

    Raises:
        AespecError: The package of the method is missing, there are too few samples for it, a code is not finite, or
            ``code`` is asked for codes of more than two numbers.
    """
    import numpy as np

    flat = _flat(codes)
    if not np.isfinite(flat).all():
        _refuse_values(flat)
    n, width = flat.shape
    if method is None:
        method = "code" if width <= 2 else "tsne" if n >= _LEAST["tsne"] else "pca"
    if n < _LEAST[method]:
        _refuse_samples(n, method)
    if method == "code":
        if width > 2:
            _refuse_width(width)
        return Planar(_filled(flat), ("code 1", "code 2" if width == 2 else ""), method)
    axes = (f"{TITLES[method]} 1", f"{TITLES[method]} 2")
    if (flat == flat[0]).all():  # no direction is one of variance, and no sample a neighbour before others
        return Planar(np.zeros((n, 2)), axes, method)
    if method == "pca":
        points, explained = _by_pca(flat)
        return Planar(points, axes, method, explained)
    return Planar(_by_tsne(flat, seed) if method == "tsne" else _by_umap(flat, seed), axes, method)


def trustworthiness(codes: Array, points: Array, *, seed: int = 0) -> float | None:
    """How far neighbours in a map are neighbours among the codes: 1 where all are, near 0.5 where points lie at random.

    As Venna and Kaski (2001) define it, with 5 neighbours, by scikit-learn. Of more than 2,000 samples, so many are
    drawn at random: the neighbours are then those within the draw.

    Args:
        codes: (n, ...)
        points: Their places in the plane, (n, 2).
        seed: Decides which are drawn.

    Returns:
        None where there are too few samples, or all codes are the same: nothing is a neighbour then.

    Raises:
        AespecError: scikit-learn is missing.
    """
    import numpy as np

    flat = _flat(codes)
    if len(flat) <= 2 * NEIGHBORS or (flat == flat[0]).all():
        return None
    try:
        from sklearn.manifold import trustworthiness as measure
    except ImportError:
        raise missing("scikit-learn", "data", "to measure a map") from None
    if len(flat) > SUBSAMPLE:
        chosen = np.random.default_rng(seed).choice(len(flat), SUBSAMPLE, replace=False)
        flat, points = flat[chosen], points[chosen]
    return float(measure(flat, points, n_neighbors=NEIGHBORS))


_LEAST: dict[Method, int] = {"code": 1, "pca": 1, "tsne": 5, "umap": 5}
"""Fewer samples have no neighbourhoods."""


def _single(labels: NDArray[Any], name: str) -> NDArray[Any]:
    """One label for each sample, (n,).

    Raises:
        AespecError: There are several for each.
    """
    if labels.size != len(labels):
        raise AespecError(
            Diagnostic(
                DataShape,
                f"{name} has several labels for each sample",
                wanted=f"one label for each, an array of shape ({len(labels)},)",
                got=f"an array of shape {labels.shape}",
                help="of a column for each class save `labels.argmax(axis=1)`, else the labels to color the map by",
            )
        )
    labels = labels.reshape(len(labels))
    return labels.astype(str) if labels.dtype == object else labels


def _flat(codes: Array) -> Array:
    import numpy as np

    return np.asarray(codes, np.float64).reshape(len(codes), prod(codes.shape[1:]))


def _by_pca(flat: Array) -> tuple[Array, tuple[float, float]]:
    import numpy as np

    centered = flat - flat.mean(axis=0)
    tall = len(flat) >= flat.shape[1]
    squares, found = np.linalg.eigh(centered.T @ centered if tall else centered @ centered.T)
    sizes, found = squares[:-3:-1].clip(0), found[:, :-3:-1]  # the last are the largest
    points = centered @ found if tall else found * np.sqrt(sizes)
    furthest = points[np.abs(points).argmax(axis=0), range(points.shape[1])]
    points *= np.where(furthest < 0, -1, 1)  # either direction of an axis would do; the furthest point is positive
    first, second = (*map(float, sizes / squares.clip(0).sum()), 0.0)[:2]
    return _filled(points), (first, second)


def _by_tsne(flat: Array, seed: int) -> Array:
    import numpy as np

    try:
        from sklearn.manifold import TSNE
    except ImportError:
        raise missing("scikit-learn", "data", "to compute t-SNE") from None
    perplexity = min(PERPLEXITY, (len(flat) - 1) / 3)
    start = "pca" if flat.shape[1] > 1 else "random"
    points: Array = TSNE(perplexity=perplexity, init=start, random_state=seed).fit_transform(flat)
    return points.astype(np.float64)


def _by_umap(flat: Array, seed: int) -> Array:
    import numpy as np

    try:
        with quiet_tensorflow():  # which umap imports where there is one
            from umap import UMAP
    except ImportError:
        raise missing("umap-learn", "umap", "to compute UMAP") from None
    points: Array = UMAP(n_neighbors=min(15, len(flat) - 1), random_state=seed, n_jobs=1).fit_transform(flat)
    return points.astype(np.float64)


def _filled(points: Array) -> Array:
    """Points of one coordinate lie on a line of the plane."""
    import numpy as np

    return points if points.shape[1] == 2 else np.hstack((points, np.zeros_like(points)))


def _refuse_values(flat: Array) -> NoReturn:
    import numpy as np

    wrong = ~np.isfinite(flat).all(axis=1)
    raise AespecError(
        Diagnostic(
            LossNotFinite,
            f"the codes of {wrong.sum():,} of {counted(len(flat), 'sample')} are not finite",
            wanted="codes without NaN or infinity",
            got=f"{flat[wrong.argmax()][~np.isfinite(flat[wrong.argmax()])][0]}, first in sample {wrong.argmax()}",
            help="look at the run's weights and at the range of the data; train it again with a lower learning rate",
        )
    )


def _refuse_samples(n: int, method: Method) -> NoReturn:
    raise AespecError(
        Diagnostic(
            DataShape,
            f"{counted(n, 'sample')} are too few for {TITLES[method]}",
            wanted=f"{counted(_LEAST[method], 'sample')} or more",
            got=counted(n, "sample"),
            help="give more data" + (", or `--method pca`" if n else ""),
        )
    )


def _refuse_width(width: int) -> NoReturn:
    raise AespecError(
        Diagnostic(
            DataShape,
            "the code does not lie in a plane as it is",
            wanted="a code of one or two numbers",
            got=f"a code of {counted(width, 'number')}",
            help="choose another `--method`: pca, tsne or umap",
        )
    )
