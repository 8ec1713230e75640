"""Feature extraction: what the units of a model look for, and how the units of its code respond to samples.

For a dense first layer the input of a given norm that drives a unit most is its kernel column (Ng, CS294A lecture
notes, "Visualizing a trained autoencoder").
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import TYPE_CHECKING, Any

from aespec import activations as kinds
from aespec.apply import codes
from aespec.data.streams import chosen, take
from aespec.diagnostics import AespecError, Diagnostic
from aespec.layers.activation import Activation
from aespec.layers.arrange import Flatten, Reshape
from aespec.layers.base import known
from aespec.layers.conv import Conv1D, Conv2D
from aespec.layers.dense import Dense
from aespec.layers.latent import GaussianLatent
from aespec.layers.noise import Dropout, GaussianNoise, MaskingNoise
from aespec.layers.normalization import BatchNormalization
from aespec.layers.pool import MaxPool1D, MaxPool2D, Pooling
from aespec.registry import find_backend
from aespec.regularizers import KLDivergence
from aespec.rules import DataShape, LossNotFinite
from aespec.shapes import counted, elements, show_shape
from aespec.uses import posterior

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from aespec.backend import Model
    from aespec.data.streams import Samples
    from aespec.graph import Graph, Node
    from aespec.regularizers import Regularizer

    Array = NDArray[np.floating[Any]]
    Indices = NDArray[np.int64]
    Marks = NDArray[np.bool_]

__all__ = [
    "BINS",
    "EXTREMES",
    "FLAT",
    "PRIOR_FLAT",
    "CodeUnits",
    "FirstLayer",
    "Rest",
    "code_units",
    "extremes",
    "first_layer",
    "rest",
]

EXTREMES = 5
"""How many of the most, and of the least, activating inputs of a unit are kept."""

BINS = 60
"""Bins of the histogram of a code."""

FLAT = 0.01
"""A unit that deviates by at most this share of its code's scale is as good as constant."""

PRIOR_FLAT = sqrt(posterior.ACTIVE)
"""The same of the mean of a Gaussian code, whose prior deviates by 1, as of the units that are not active."""

SAMPLES = 10_000
"""So many samples are looked at; of large ones fewer: see `aespec.data.streams.NUMBERS`."""

_NOISE = (Dropout, GaussianNoise, MaskingNoise)
_UNIT_BY_UNIT = (Flatten, Reshape, *_NOISE, Pooling, Activation, BatchNormalization)
_KERNELS = {Dense: "kernel", GaussianLatent: "mean_kernel", Conv1D: "kernel", Conv2D: "kernel"}
_SYMMETRIC = (kinds.Linear, kinds.Tanh, kinds.HardTanh, kinds.TanhShrink, kinds.Softsign)
_BOUNDED = (kinds.Sigmoid, kinds.HardSigmoid, kinds.Softmax, kinds.Tanh, kinds.HardTanh, kinds.Softsign)


@dataclass(frozen=True)
class FirstLayer:
    """The weights of the first layer of an encoder, where they can be shown."""

    node: str | None
    """Its name; None where no layer of the encoder has weights."""
    kind: str | None
    units: Array | None
    """What each unit looks for: (units, ...) of the input's shape, or a convolution's (filters, size..., channels)."""
    why: str
    """Why the units cannot be shown, in words; empty where they can."""
    coding: bool = False
    """Whether the layers behind it keep units apart: unit i of the code is then unit i modulo their number."""

    def drawn(self, code: CodeUnits, count: int) -> dict[int, Array]:
        """So many of the units, by number: the first; of a layer that makes the code those that deviate most."""
        if self.units is None:
            return {}
        n = len(self.units)
        order = dict.fromkeys(unit % n for unit in code.by_deviation) if self.coding else range(n)
        return {unit: self.units[unit] for unit in [*order][:count]}


@dataclass(frozen=True)
class Rest:
    """When a unit of the code is on, and when it is as good as constant."""

    activation: str
    """What the code went through last: an activation, or the layer that it comes from, which has none."""
    threshold: float | None
    """A unit is on for an input where its activation is above this, which is what the activation gives for 0. None
    where 0 lies in the middle of a symmetric activation, so that on and off have no meaning."""
    scale: float | None
    """What deviations are measured by; None for the largest of a unit of the code."""
    flat: float
    """A unit that deviates by at most this share of the scale is as good as constant."""


@dataclass(frozen=True)
class CodeUnits:
    """How the units of a code respond to samples. A code of several axes is flattened, its last running fastest."""

    shape: tuple[int, ...]
    """Of a sample's code."""
    samples: int
    """How many were looked at."""
    rest: Rest
    flat: float
    """The standard deviation up to which a unit is as good as constant."""
    regularizer: Regularizer | None
    """What training made the code sparse with."""
    mean: Array
    """The mean activation of each unit over the samples, (units,)."""
    mean_absolute: Array
    """The mean of its absolute value, (units,)."""
    deviation: Array
    """The standard deviation of each unit over the samples, (units,)."""
    constant: Marks
    """The units that are as good as constant, (units,); of a Gaussian code those that are not active."""
    on: Array | None
    """The share of the samples that each unit is on for, (units,); None where that has no meaning."""
    histogram: tuple[Indices, Array]
    """Of all activations: counts, (BINS,), and the edges of the bins, (BINS + 1,)."""
    most: Indices
    """The samples that activate each unit most, by their place, the most first: (units, at most EXTREMES)."""
    least: Indices
    """Those that activate it least, the least first."""
    most_values: Array
    least_values: Array

    @property
    def dead(self) -> Marks:
        """The units that are as good as constant and on for no sample, (units,); without on and off, the constant."""
        return self.constant if self.on is None else self.constant & (self.on == 0)

    @property
    def target(self) -> float | None:
        """The mean activation that training pulled each unit to, where it did."""
        return self.regularizer.target if isinstance(self.regularizer, KLDivergence) else None

    @property
    def by_deviation(self) -> list[int]:
        """The units, those that deviate most first."""
        import numpy as np

        return [int(unit) for unit in np.argsort(-self.deviation, kind="stable")]


def first_layer(model: Model) -> FirstLayer:
    """What each unit of an encoder's first layer with weights looks for.

    Of a dense layer, and of the mean of a Gaussian code, these are the columns of the kernel in the shape of the input;
    where the layer is applied along an axis, in the shape of what it is given at a step. Of a convolution they are its
    filters. Before the layer may stand only what leaves the values and their order as they are.
    """
    graph = model.graph
    nodes = graph.block("encoder")
    for place, node in enumerate(nodes):
        layer = node.layer.innermost
        if isinstance(layer, (Flatten, Reshape, *_NOISE)):
            continue
        if not isinstance(layer, tuple(_KERNELS)):
            return FirstLayer(node.name, layer.kind, None, f"no weights of `{node.name}` are in the shape of the input")
        if isinstance(layer, Conv2D) and known(node.input_shape, -1, "channels") not in (1, 3):
            why = f"filters over {node.input_shape[-1]} channels are no images, which have 1 or 3"
            return FirstLayer(node.name, layer.kind, None, why)
        kernel = model.weights()[node.parameter(_KERNELS[type(layer)])]
        units = kernel.transpose(-1, *range(kernel.ndim - 1))
        fills = isinstance(layer, Dense | GaussianLatent) and elements(graph.input) == units.shape[1]
        coding = all(isinstance(behind.layer.innermost, _UNIT_BY_UNIT) for behind in nodes[place + 1 :])
        return FirstLayer(node.name, layer.kind, units.reshape(-1, *graph.input) if fills else units, "", coding)
    return FirstLayer(None, None, None, "no layer of the encoder has weights")


def rest(graph: Graph) -> Rest:
    """When a unit of a model's code is on, and when it is as good as constant.

    The activation is the last that the code went through, behind which come only layers that move values, max pooling,
    and noise, which there is none of outside training.
    """
    import numpy as np

    node = _source(graph)
    layer, activation = node.layer.innermost, node.layer.output_activation
    if isinstance(layer, GaussianLatent):
        return Rest(layer.kind, None, 1.0, PRIOR_FLAT)
    if activation is None:
        return Rest(layer.kind, None, None, FLAT)
    scale = 1.0 if isinstance(activation, _BOUNDED) else None
    if isinstance(activation, _SYMMETRIC):
        return Rest(activation.kind, None, scale, FLAT)
    meaning = find_backend("numpy").lowerings[activation]
    return Rest(activation.kind, float(meaning(activation, np.zeros(known(node.shape, -1, "units")))[0]), scale, FLAT)


def code_units(model: Model, x: Samples, *, seed: int = 0) -> CodeUnits:
    """How the units of a model's code respond to samples, to 10,000 at most.

    Args:
        model: The model.
        x: The samples, (n, ...), two or more.
        seed: Decides which are looked at, where there are more.

    Raises:
        AespecError: There are less than two samples, or a code is not finite.
    """
    import numpy as np

    if len(x) < 2:
        raise AespecError(
            Diagnostic(
                DataShape,
                "whether a unit responds to its input cannot be seen from so few samples",
                wanted="2 samples or more",
                got=f"{counted(len(x))}, {show_shape(x.shape)}",
                help="give more with `--data`",
            )
        )
    places = chosen(x, SAMPLES, np.random.default_rng(seed))
    seen = take(x, places)
    code = codes(model, seen)
    flat = code.reshape(len(code), -1)
    if wrong := int((~np.isfinite(flat)).any(axis=1).sum()):
        raise AespecError(
            Diagnostic(
                LossNotFinite,
                "the code of some sample is not finite",
                wanted="numbers",
                got=f"NaN or infinity in {wrong:,} of {counted(len(code), 'code')}",
                help="look at the scale of the data, or train the model again",
            )
        )
    when = rest(model.graph)
    deviation = np.where(np.ptp(flat, axis=0) == 0, 0.0, flat.std(axis=0, ddof=1, dtype=np.float64))
    limit = when.flat * (float(deviation.max()) if when.scale is None else when.scale)
    gaussian = posterior.latent(model.graph) is not None
    active = posterior.units(*posterior.moments(model, seen)).active if gaussian else deviation > limit
    most, least = _extremes(-flat), _extremes(flat)
    counts, edges = np.histogram(flat, BINS)
    return CodeUnits(
        shape=code.shape[1:],
        samples=len(code),
        rest=when,
        flat=limit,
        regularizer=_regularizer(model.graph),
        mean=flat.mean(axis=0, dtype=np.float64),
        mean_absolute=np.abs(flat).mean(axis=0, dtype=np.float64),
        deviation=deviation,
        constant=~active,
        on=None if when.threshold is None else (flat > when.threshold).mean(axis=0),
        histogram=(counts, edges),
        most=places[most],
        least=places[least],
        most_values=np.take_along_axis(flat, most.T, axis=0).T,
        least_values=np.take_along_axis(flat, least.T, axis=0).T,
    )


def extremes(code: CodeUnits, listed: Sequence[int], x: Samples) -> dict[int, Array]:
    """The samples that activate some units of a code most and least, by their place.

    Args:
        code: How the units respond to samples.
        listed: The units, by number.
        x: Those samples, (n, ...).
    """
    import numpy as np

    varying = [unit for unit in listed if not code.constant[unit]]
    places = np.unique([code.most[varying], code.least[varying]])
    return dict(zip(places.tolist(), take(x, places), strict=True))


def _extremes(flat: Array) -> Indices:
    """The samples with the least values of each unit, (units, at most EXTREMES); of equals the first."""
    import numpy as np

    return np.stack([np.argsort(unit, kind="stable")[:EXTREMES] for unit in flat.T])


def _towards_the_input(graph: Graph) -> Iterator[Node]:
    """The code's node, and those before it of which it is a mere rearrangement."""
    for node in reversed(graph.block("encoder")):
        yield node
        layer = node.layer.innermost
        if not (layer.moves_only or isinstance(layer, (*_NOISE, MaxPool1D, MaxPool2D))):
            return


def _source(graph: Graph) -> Node:
    """The node whose values the code has."""
    *_, node = _towards_the_input(graph)
    return node


def _regularizer(graph: Graph) -> Regularizer | None:
    """The penalty on the activity of the code, where there is one."""
    names = {node.name for node in _towards_the_input(graph)}
    return next((term.regularizer for term in graph.terms if term.target == "activity" and term.of in names), None)
