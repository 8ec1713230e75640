"""What a layer's values reach: which of a model's outputs depend on them, whatever its weights are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aespec.graph import Graph
from aespec.layers.activation import Activation
from aespec.layers.arrange import Flatten, Permute, RepeatVector, Reshape
from aespec.layers.base import Layer
from aespec.layers.conv import Conv1D, Conv1DTranspose, Conv2D, Conv2DTranspose
from aespec.layers.dense import Dense
from aespec.layers.noise import Dropout, GaussianNoise, MaskingNoise
from aespec.layers.normalization import BatchNormalization, LayerNormalization
from aespec.layers.pool import Pooling
from aespec.layers.resize import Cropping1D, Cropping2D, UpSampling1D, UpSampling2D, ZeroPadding1D, ZeroPadding2D
from aespec.layers.wrap import TimeDistributed
from aespec.shapes import Padding, Shape, same_padding, scatter_start, transposed_length

__all__ = ["unreached"]

Mask = NDArray[np.bool_]


def unreached(graph: Graph, given: str) -> float:
    """The share of a model's outputs that do not depend on the value of the node ``given``."""
    assert graph.example_shape is not None  # or the graph was refused
    mask = np.ones(_known(graph.shapes(graph.example_shape)[given]), dtype=np.bool_)
    for node in list(graph)[list(graph).index(graph[given]) + 1 :]:
        mask = _through(node.layer, mask)
    return 1 - float(mask.mean())


def _through(layer: Layer, x: Mask) -> Mask:
    """Which values that a layer gives depend on those that it is given where ``x`` is true.

    Of a kind that is not known here each is taken to depend on all.
    """
    match layer:
        case TimeDistributed():
            return np.stack([_through(layer.layer, step) for step in x])
        case Activation() | BatchNormalization() | Dropout() | GaussianNoise() | MaskingNoise():
            return x
        case Dense() | LayerNormalization():
            return _mixed(x, _known(layer.infer(x.shape))[-1])
        case Flatten() | Reshape():
            return x.reshape(_known(layer.infer(x.shape)))
        case Permute():
            return x.transpose([axis - 1 for axis in layer.dims])
        case RepeatVector():
            return np.broadcast_to(x, (layer.n, *x.shape))
        case UpSampling1D() | UpSampling2D():
            return _along_axes(_repeated, x, layer.size)
        case ZeroPadding1D() | ZeroPadding2D():
            return np.pad(x, [*layer.padding, (0, 0)])
        case Cropping1D() | Cropping2D():
            return x[tuple(slice(a, n - b) for n, (a, b) in zip(x.shape[:-1], layer.cropping, strict=True))]
        case Pooling():
            once = (1,) * layer.rank
            return _along_axes(_gathered, x, layer.pool_size, layer.steps, once, padding=layer.padding)
        case Conv1D() | Conv2D():
            window = layer.kernel_size, layer.strides, layer.dilation_rate
            return _mixed(_along_axes(_gathered, x, *window, padding=layer.padding), layer.filters)
        case Conv1DTranspose() | Conv2DTranspose():
            kernels = layer.kernel_size, layer.strides, layer.dilation_rate, layer.output_padding
            return _mixed(_along_axes(_scattered, x, *kernels, padding=layer.padding), layer.filters)
        case _:
            return np.full(_known(layer.infer(x.shape)), x.any())


def _known(shape: Shape) -> tuple[int, ...]:
    """A shape of which no length is unknown."""
    return tuple(n for n in shape if n is not None)


def _mixed(x: Mask, channels: int) -> Mask:
    """Each of so many channels made of all."""
    return np.broadcast_to(x.any(axis=-1, keepdims=True), (*x.shape[:-1], channels))


def _along_axes(rule: Callable[..., Mask], x: Mask, *fields: Sequence[int], **more: Any) -> Mask:
    """What a rule for the first axis makes of each spatial one, with what the fields say of it."""
    for axis, values in enumerate(zip(*fields, strict=True)):
        x = rule(x.swapaxes(0, axis), *values, **more).swapaxes(0, axis)
    return x


def _repeated(x: Mask, times: int) -> Mask:
    return x.repeat(times, axis=0)


def _gathered(x: Mask, size: int, stride: int, dilation: int, *, padding: Padding) -> Mask:
    """What windows see of an axis."""
    margins = [same_padding(len(x), size, stride, dilation) if padding == "same" else (0, 0)]
    x = np.pad(x, margins + [(0, 0)] * (x.ndim - 1))
    end = len(x) - (size - 1) * dilation
    return reduce(np.logical_or, (x[i * dilation : i * dilation + end : stride] for i in range(size)))


def _scattered(x: Mask, size: int, stride: int, dilation: int, extra: int, *, padding: Padding) -> Mask:
    """Where kernels land that each position of an axis scatters, in the part that is kept."""
    start = scatter_start(size, stride, padding, dilation)
    end = start + (transposed_length(len(x), size, stride, padding, dilation, extra) or 0)
    span = (len(x) - 1) * stride + 1
    full = np.zeros((max(end, span + (size - 1) * dilation), *x.shape[1:]), dtype=np.bool_)
    for i in range(size):
        full[i * dilation : i * dilation + span : stride] |= x
    return full[start:end]
