"""The distributions that a variational model gives samples: their moments, and what they say about the model.

A sample x is given the posterior q(z|x), a normal of independent units whose mean and log-variance are those of
`gaussian_latent`; the prior p(z) is the standard normal. (Kingma and Welling, 2014, https://arxiv.org/abs/1312.6114)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod, sqrt
from typing import TYPE_CHECKING, Any

from aespec.data.streams import batches
from aespec.diagnostics import AespecError, Diagnostic
from aespec.graph import INPUT, Graph, Node
from aespec.layers.latent import GaussianLatent
from aespec.losses import BinaryCrossentropy, CategoricalCrossentropy, Loss, MeanAbsoluteError, MeanSquaredError
from aespec.regularizers import GaussianKL
from aespec.rules import DataShape, NotVariational
from aespec.shapes import counted

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from aespec.backend import Model
    from aespec.data.streams import Samples

    Array = NDArray[np.float64]
    Floats = NDArray[np.floating[Any]]

__all__ = [
    "ACTIVE",
    "COLLAPSED",
    "Bound",
    "Estimate",
    "Likelihood",
    "Units",
    "bound",
    "draw",
    "latent",
    "likelihood",
    "moments",
    "need_latent",
    "need_two",
    "units",
]

ACTIVE = 0.01
"""An active unit is one whose posterior mean varies more than that over the samples (Burda et al., 2016)."""

COLLAPSED = 0.1
"""The divergence, in nats a sample, below which codes tell next to nothing about their samples."""


def latent(graph: Graph) -> Node | None:
    """The node that gives each sample a normal distribution as its code; None where the code is a point."""
    node = graph[graph.code]
    return node if isinstance(node.layer, GaussianLatent) else None


def moments(model: Model, x: Samples) -> tuple[Array, Array]:
    """The mean and the log-variance of the posterior of each sample, in float64.

    They are computed from the value that the model has before its code, and the weights of the code's two dense
    layers. As in training, nothing limits them.

    Args:
        model: A variational model.
        x: Samples, (n, ...).

    Returns:
        Two arrays of the shape of the codes, (n, ..., units).

    Raises:
        AespecError: The code is a point.
    """
    import numpy as np

    node = need_latent(model.graph)
    weights = model.weights()
    found = []
    for batch in batches(x) if len(x) else [np.asarray(x)]:
        before = batch if node.inputs[0] == INPUT else model.trace(batch)[node.inputs[0]]
        found.append([_affine(before, weights, node, name) for name in ("mean", "log_var")])
    mean, log_var = (np.concatenate(parts) for parts in zip(*found, strict=True))
    return mean, log_var


def draw(mean: Array, log_var: Array, random: np.random.Generator) -> Array:
    """A code drawn from each posterior: ``mean + exp(log_var / 2) * noise``."""
    import numpy as np

    return mean + np.exp(log_var / 2) * random.standard_normal(mean.shape)


@dataclass(frozen=True, eq=False)
class Units:
    """What each unit of a code tells of some samples; the units of a code of several axes in one row."""

    shape: tuple[int, ...]
    """Of a sample's code."""
    divergence: Array
    """The mean over the samples of the Kullback-Leibler divergence of each unit from the prior, in nats, (units,)."""
    variance: Array
    """The variance over the samples of each unit's posterior mean, (units,)."""
    vary: bool = True
    """Whether the samples vary: of such as are all the same no unit can be active."""

    @property
    def active(self) -> NDArray[np.bool_]:
        """Which units are active: their posterior mean varies by more than 0.01 (Burda et al., 2016)."""
        return self.variance > ACTIVE

    @property
    def collapsed(self) -> bool:
        """Whether the posteriors are the prior, or as good as: the codes say nothing about the samples."""
        return self.vary and (not self.active.any() or float(self.divergence.sum()) < COLLAPSED)


def units(mean: Array, log_var: Array, x: Samples | None = None) -> Units:
    """What each unit of a code tells of the samples whose posteriors have these moments, (n, ..., units).

    Active units are those of Burda, Grosse and Salakhutdinov (2016), https://arxiv.org/abs/1509.00519.

    Args:
        mean: Of the posteriors, from `moments`.
        log_var: Likewise.
        x: The samples, where they may be all the same.

    Raises:
        AespecError: There are fewer than two samples, over which nothing varies.
    """
    need_two(mean, "activity of units")
    flat = mean.reshape(len(mean), -1)
    vary = x is None or any(bool((batch != x[:1]).any()) for batch in batches(x))
    return Units(mean.shape[1:], _divergences(mean, log_var).mean(axis=0), flat.var(axis=0, ddof=1), vary)


@dataclass(frozen=True)
class Estimate:
    """A mean over samples."""

    value: float
    error: float
    """Its standard error, which is how far it would be off by the choice of the samples and the draws."""


def estimate(values: Array) -> Estimate:
    """The mean of values of independent samples, (n,).

    Raises:
        AespecError: There are fewer than two.
    """
    need_two(values, "standard error")
    return Estimate(float(values.mean()), float(values.std(ddof=1) / sqrt(len(values))))


@dataclass(frozen=True)
class Bound:
    """The evidence lower bound: no more than log p(x), the mean over some samples, in nats a sample."""

    likelihood: Estimate
    """The expectation of log p(x|z) under the posterior."""
    divergence: Estimate
    """The Kullback-Leibler divergence of the posterior from the prior."""
    value: Estimate
    """The first less the second."""
    family: str
    """What p(x|z) is, around the decoder's output: ``Bernoulli``."""
    scale: float | None
    """The one standard deviation, or for a Laplace distribution the scale, that fits these samples best."""
    proper: bool
    """Whether it is a probability or a density of these samples: a Bernoulli distribution has one of 0 and 1 only."""
    weight: float
    """How much training weighed the divergence, where the bound weighs it 1."""


def bound(model: Model, x: Floats, mean: Array, log_var: Array, *, seed: int = 0) -> Bound | None:
    """The evidence lower bound of samples under a variational model, with one draw from each posterior.

    What p(x|z) is follows from the loss, whose sum over a sample's elements it is in nats: `binary_crossentropy` is
    a Bernoulli distribution, `categorical_crossentropy` a categorical one. `mse` is a normal and `mae` a Laplace
    distribution of unknown scale; they are given the one that fits these samples best, as Rybkin et al. (2021,
    https://arxiv.org/abs/2006.13202) do. The logarithms of cross-entropies are those of outputs clipped to
    [epsilon, 1 - epsilon], as the loss has it for outputs that are no sigmoid. The weight of a loss is that of the
    likelihood beside the divergence in training; the bound weighs both 1.

    Args:
        model: The model.
        x: Samples, (n, ...).
        mean: Of their posteriors, from `moments`.
        log_var: Likewise.
        seed: Decides the draws.

    Returns:
        None where the loss, or several together, are that of no distribution.

    Raises:
        AespecError: The code is a point, or there are fewer than two samples.
    """
    import numpy as np

    codes = draw(mean, log_var, np.random.default_rng(seed))
    restored = np.concatenate([model.decode(each.astype(x.dtype)) for each in batches(codes)])
    found = likelihood(model.graph.losses, x.astype(np.float64), restored.astype(np.float64))
    if found is None:
        return None
    divergence = _divergences(mean, log_var).sum(axis=1)
    return Bound(
        likelihood=estimate(found.logarithms),
        divergence=estimate(divergence),
        value=estimate(found.logarithms - divergence),
        family=found.family,
        scale=found.scale,
        proper=model.graph.unit_loss is None or bool(np.isin(x, (0, 1)).all()),
        weight=_weight(model.graph) * found.factor / model.graph.losses[0].weight,
    )


@dataclass(frozen=True, eq=False)
class Likelihood:
    """What p(x|z) comes to."""

    family: str
    logarithms: Array
    """Of each sample, in nats, (n,)."""
    factor: float
    """By which the loss, at weight 1, is multiplied to be minus their mean, up to a constant."""
    scale: float | None = None


def likelihood(losses: tuple[Loss, ...], x: Array, y: Array, scale: float | None = None) -> Likelihood | None:
    """Of samples x where the decoder gives y, by what the loss is; None where it is that of no distribution.

    A weight makes no other distribution of a loss. Several together are that of none: what their sum is the negative
    logarithm of is no density, and what it would have to be divided by has no formula.

    Args:
        losses: The model's.
        x: Samples, (n, ...), in float64.
        y: What the decoder gives, of the same shape.
        scale: That of a normal or Laplace distribution; by default the one that fits these samples best.
    """
    import numpy as np

    numbers, axes = prod(x.shape[1:]), tuple(range(1, x.ndim))
    match losses:
        case (BinaryCrossentropy() as loss,):
            y = y.clip(loss.epsilon, 1 - loss.epsilon)
            return Likelihood("Bernoulli", (x * np.log(y) + (1 - x) * np.log1p(-y)).sum(axis=axes), numbers)
        case (CategoricalCrossentropy() as loss,):
            y = y.clip(loss.epsilon, 1 - loss.epsilon)
            return Likelihood("categorical", (x * np.log(y)).sum(axis=axes), numbers / x.shape[-1])
        case (MeanSquaredError(),):
            squares = ((x - y) ** 2).sum(axis=axes)
            variance = _positive(squares.mean() / numbers if scale is None else scale**2)
            logarithms = -squares / (2 * variance) - numbers / 2 * np.log(2 * np.pi * variance)
            return Likelihood("normal", logarithms, numbers / (2 * variance), sqrt(variance))
        case (MeanAbsoluteError(),):
            sizes = np.abs(x - y).sum(axis=axes)
            scale = _positive(sizes.mean() / numbers if scale is None else scale)
            return Likelihood("Laplace", -sizes / scale - numbers * np.log(2 * scale), numbers / scale, scale)
    return None


def _positive(scale: Any) -> float:
    """A scale that can be divided by, of samples that come back exactly too."""
    import numpy as np

    return max(float(scale), float(np.finfo(np.float64).tiny))


def _divergences(mean: Array, log_var: Array) -> Array:
    """Of each posterior's units from the prior, in nats, (n, units). Written so that small ones are exact."""
    import numpy as np

    each: Array = (mean**2 + (np.expm1(log_var) - log_var)) / 2
    return each.reshape(len(mean), -1)


def _weight(graph: Graph) -> float:
    """What the divergence of a whole sample is multiplied by in the loss."""
    node = need_latent(graph)
    return sum(
        term.regularizer.weight
        for term in graph.terms
        if term.of == node.name and isinstance(term.regularizer, GaussianKL)
    )


def need_latent(graph: Graph) -> Node:
    """The node of the code.

    Raises:
        AespecError: The code is a point.
    """
    node = latent(graph)
    if node is None:
        raise AespecError(
            Diagnostic(
                NotVariational,
                f"the code of `{graph.name}` is a point, not a distribution",
                wanted="an encoder that ends in `gaussian_latent`",
                got=f"one that ends in `{graph[graph.code].layer.kind}`",
                help="train a variational model: `specs/variational.yaml` is one",
            )
        )
    return node


def _affine(x: Floats, weights: Mapping[str, Floats], node: Node, name: str) -> Array:
    import numpy as np

    kernel, bias = (weights[node.parameter(f"{name}_{part}")].astype(np.float64) for part in ("kernel", "bias"))
    found: Array = x.astype(np.float64) @ kernel + bias
    return found


def need_two(x: Array, what: str) -> None:
    """Refuse to measure a spread over fewer than two samples.

    Raises:
        AespecError: There are fewer.
    """
    if len(x) < 2:
        raise AespecError(
            Diagnostic(
                DataShape,
                f"{counted(len(x), 'sample')} has no {what}" if len(x) else f"no samples, no {what}",
                wanted="two samples or more",
                got=counted(len(x), "sample"),
                help="give more data",
            )
        )
