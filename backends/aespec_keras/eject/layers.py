"""The code of each layer, ``(layer, x, source, **own) -> Cell``: a stock layer wherever Keras has it.

What is stated in a spec and the same as Keras's default is left out, but for numbers such as an epsilon.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from aespec.activations import Linear
from aespec.code import Call, Code, one, stated
from aespec.initializers import GlorotUniform, Initializer, Ones, Orthogonal, UnitForgetBias, Zeros
from aespec.layers import activation, arrange, conv, dense, latent, noise, normalization, pool, recurrent, resize, wrap
from aespec.layers.base import Layer, Weighted
from aespec.regularizers import Regularizer
from aespec.shapes import Shape
from aespec_keras.eject.table import cells

__all__ = ["Cell", "cell_of"]


@dataclass(frozen=True)
class Cell:
    """The Keras layer of a layer, and what Keras calls its parameters."""

    layer: Call
    paths: Mapping[str, str] = field(default_factory=dict)
    """The path of each parameter below the layer's, by its short name, where that is another."""
    holder: Call | None = None
    """What has the kernel, where that is a layer inside."""

    @property
    def kernel(self) -> Call:
        """The Keras layer that has the kernel."""
        return self.holder or self.layer

    def inside(self, layer: Call, name: str, params: Any, prefix: str = "") -> Cell:
        """The cell of a layer that has this one inside, under a name."""
        paths = {prefix + short: f"{name}/{self.paths.get(short, short)}" for short in params}
        return Cell(layer, paths, self.kernel)


def cell_of(layer: Layer, x: Shape, *, name: str | None, source: Code | None = None, regularized: bool = True) -> Cell:
    """The cell of a layer, with its name and what its output adds to the loss."""
    own: dict[str, Any] = {"name": name} if name else {}
    regularizer = getattr(layer.innermost, "activity_regularizer", None)
    if isinstance(layer, recurrent.Bidirectional):
        regularizer = layer.recurrent.activity_regularizer
    if regularizer is not None and regularized:
        own = {"activity_regularizer": cells[regularizer](regularizer), **own}
    found: Cell = cells[layer](layer, x, **({"source": source} if source else {}), **own)
    return found


@cells(dense.Dense)
def _dense(layer: dense.Dense, x: Shape, source: Code | None = None, **own: Any) -> Cell:
    fields = {**_activated(layer), **_weighted(layer), **own}
    return Cell(Call("layers.Dense" if source is None else "TiedDense", *_given(source), layer.units, **fields))


@cells(conv.Conv1D, conv.Conv2D)
def _conv(layer: conv.Conv1D | conv.Conv2D, x: Shape, source: Code | None = None, **own: Any) -> Cell:
    return _convolution(f"Conv{layer.rank}D", layer, source, **own)


@cells(conv.Conv1DTranspose, conv.Conv2DTranspose)
def _conv_transpose(
    layer: conv.Conv1DTranspose | conv.Conv2DTranspose, x: Shape, source: Code | None = None, **own: Any
) -> Cell:
    """Keras counts as output padding all that follows the last window's end."""
    ends = zip(layer.output_padding, layer.strides, layer.reach, strict=True)
    beyond = tuple(extra + max(stride - reach, 0) for extra, stride, reach in ends)
    end = {"output_padding": one(beyond)} if any(layer.output_padding) else {}
    dilated = "Dilated" if max(layer.dilation_rate) > 1 else ""
    return _convolution(f"{dilated}Conv{layer.rank}DTranspose", layer, source, **end, **own)


def _convolution(name: str, layer: Any, source: Code | None, /, **more: Any) -> Cell:
    window = {
        "strides": one(layer.strides),
        "padding": layer.padding,
        "dilation_rate": one(layer.dilation_rate),
    }
    fields = stated(window, strides=1, padding="valid", dilation_rate=1)
    prefix = "Tied" if source is not None else "" if name.startswith("Dilated") else "layers."
    given = (*_given(source), layer.filters, one(layer.kernel_size))
    return Cell(Call(prefix + name, *given, **fields, **_activated(layer), **_weighted(layer), **more))


@cells(recurrent.LSTM)
def _lstm(layer: recurrent.LSTM, x: Shape, **own: Any) -> Cell:
    more = stated({"unit_forget_bias": layer.unit_forget_bias}, unit_forget_bias=True)
    return _recurrent("LSTM", layer, x, **more, **own)


@cells(recurrent.GRU)
def _gru(layer: recurrent.GRU, x: Shape, **own: Any) -> Cell:
    return _recurrent("GRU", layer, x, **own)


def _recurrent(name: str, layer: recurrent.Recurrent, x: Shape, /, **more: Any) -> Cell:
    initial, penalty = layer.recurrent_initializer, layer.recurrent_regularizer
    fields = {
        **stated({"return_sequences": layer.return_sequences}, return_sequences=False),
        **({"recurrent_initializer": cells[initial](initial)} if initial != Orthogonal() else {}),
        **({"recurrent_regularizer": cells[penalty](penalty)} if penalty is not None else {}),
    }
    call = Call(f"layers.{name}", layer.units, **fields, **_weighted(layer), **more)
    return Cell(call, {short: f"{layer.kind}_cell/{short}" for short in layer.params(x)})


@cells(recurrent.Bidirectional)
def _bidirectional(layer: recurrent.Bidirectional, x: Shape, **own: Any) -> Cell:
    inner = cell_of(layer.layer, x, name=layer.layer.kind, regularized=False)
    merge = stated({"merge_mode": layer.merge_mode}, merge_mode="concat")
    call = Call("layers.Bidirectional", inner.layer, **merge, **own)
    both = [
        inner.inside(call, f"{way}_{layer.layer.kind}", layer.layer.params(x), f"{way}_")
        for way in ("forward", "backward")
    ]
    return replace(both[0], paths={**both[0].paths, **both[1].paths})


@cells(wrap.TimeDistributed)
def _time_distributed(layer: wrap.TimeDistributed, x: Shape, source: Code | None = None, **own: Any) -> Cell:
    inner = layer.layer
    given = {"source": source} if source else {}
    if inner.innermost.stepwise:
        found: Cell = cells[inner](inner, x, **given, **own)
        return found
    cell: Cell = cells[inner](inner, x[1:], **given, name=inner.kind)
    call = Call("Steps" if x[0] is None else "layers.TimeDistributed", cell.layer, **own)
    return cell.inside(call, inner.kind, inner.params(x[1:]))


@cells(normalization.BatchNormalization)
def _batch_normalization(layer: normalization.BatchNormalization, x: Shape, **own: Any) -> Cell:
    fields = {"momentum": layer.momentum, **_scale_and_center(layer)}
    return Cell(Call("layers.BatchNormalization", **fields, **own))


@cells(normalization.LayerNormalization)
def _layer_normalization(layer: normalization.LayerNormalization, x: Shape, **own: Any) -> Cell:
    return Cell(Call("layers.LayerNormalization", **_scale_and_center(layer), **own))


def _scale_and_center(layer: Any) -> dict[str, Any]:
    beta, gamma = layer.beta_initializer, layer.gamma_initializer
    return {
        "epsilon": layer.epsilon,
        **stated({"center": layer.center, "scale": layer.scale}, center=True, scale=True),
        **({"beta_initializer": cells[beta](beta)} if beta != Zeros() else {}),
        **({"gamma_initializer": cells[gamma](gamma)} if gamma != Ones() else {}),
    }


@cells(latent.GaussianLatent)
def _gaussian_latent(layer: latent.GaussianLatent, x: Shape, **own: Any) -> Cell:
    starts = _initial(layer)
    call = Call("GaussianLatent", layer.units, **({"dense": starts} if starts else {}), **own)
    return Cell(call, {f"{part}_{short}": f"{part}/{short}" for part in _MOMENTS for short in ("kernel", "bias")})


_MOMENTS = ("mean", "log_var")


@cells(activation.Activation)
def _activation(layer: activation.Activation, x: Shape, **own: Any) -> Cell:
    return Cell(Call("layers.Activation", cells[layer.function](layer.function), **own))


@cells(noise.Dropout)
def _dropout(layer: noise.Dropout, x: Shape, **own: Any) -> Cell:
    return Cell(Call("layers.Dropout", layer.rate, **own))


@cells(noise.MaskingNoise)
def _masking_noise(layer: noise.MaskingNoise, x: Shape, **own: Any) -> Cell:
    return Cell(Call("MaskingNoise", layer.rate, **own))


@cells(noise.GaussianNoise)
def _gaussian_noise(layer: noise.GaussianNoise, x: Shape, **own: Any) -> Cell:
    return Cell(Call("layers.GaussianNoise", layer.stddev, **own))


_POOLINGS: dict[type[Layer], str] = {
    pool.MaxPool1D: "MaxPooling1D",
    pool.MaxPool2D: "MaxPooling2D",
    pool.AveragePool1D: "AveragePooling1D",
    pool.AveragePool2D: "AveragePooling2D",
}


@cells(*_POOLINGS)
def _pooling(layer: pool.Pooling, x: Shape, **own: Any) -> Cell:
    window = {"strides": one(layer.steps), "padding": layer.padding}
    fields = stated(window, strides=one(layer.pool_size), padding="valid")
    return Cell(Call(f"layers.{_POOLINGS[type(layer)]}", one(layer.pool_size), **fields, **own))


@cells(pool.GlobalAveragePool1D, pool.GlobalAveragePool2D)
def _global_pooling(layer: pool.GlobalAveragePool1D | pool.GlobalAveragePool2D, x: Shape, **own: Any) -> Cell:
    return Cell(Call(f"layers.GlobalAveragePooling{layer.rank}D", **own))


@cells(resize.UpSampling1D, resize.UpSampling2D)
def _upsampling(layer: resize.UpSampling1D | resize.UpSampling2D, x: Shape, **own: Any) -> Cell:
    return Cell(Call(f"layers.UpSampling{layer.rank}D", one(layer.size), **own))


@cells(resize.ZeroPadding1D, resize.ZeroPadding2D)
def _zero_padding(layer: resize.ZeroPadding1D | resize.ZeroPadding2D, x: Shape, **own: Any) -> Cell:
    return Cell(Call(f"layers.ZeroPadding{layer.rank}D", _sides(layer.padding), **own))


@cells(resize.Cropping1D, resize.Cropping2D)
def _cropping(layer: resize.Cropping1D | resize.Cropping2D, x: Shape, **own: Any) -> Cell:
    return Cell(Call(f"layers.Cropping{layer.rank}D", _sides(layer.cropping), **own))


def _sides(margins: tuple[tuple[int, int], ...]) -> Any:
    """One number where all sides are alike, else what is before and after each axis."""
    if len({side for margin in margins for side in margin}) == 1:
        return margins[0][0]
    return margins if len(margins) > 1 else margins[0]


@cells(arrange.Flatten)
def _flatten(layer: arrange.Flatten, x: Shape, **own: Any) -> Cell:
    return Cell(Call("layers.Flatten", **own))


@cells(arrange.Reshape)
def _reshape(layer: arrange.Reshape, x: Shape, **own: Any) -> Cell:
    return Cell(Call("layers.Reshape", layer.target_shape, **own))


@cells(arrange.Permute)
def _permute(layer: arrange.Permute, x: Shape, **own: Any) -> Cell:
    return Cell(Call("layers.Permute", layer.dims, **own))


@cells(arrange.RepeatVector)
def _repeat_vector(layer: arrange.RepeatVector, x: Shape, **own: Any) -> Cell:
    return Cell(Call("layers.RepeatVector", layer.n, **own))


def _given(source: Code | None) -> tuple[Code, ...]:
    return () if source is None else (source,)


def _activated(layer: Any) -> dict[str, Any]:
    return {} if layer.activation == Linear() else {"activation": cells[layer.activation](layer.activation)}


def _weighted(layer: Weighted) -> dict[str, Any]:
    penalties = {name: getattr(layer, name) for name in ("kernel_regularizer", "bias_regularizer")}
    return {
        **stated({"use_bias": layer.use_bias}, use_bias=True),
        **_initial(layer),
        **{name: _penalty(kind) for name, kind in penalties.items() if kind is not None},
    }


def _penalty(kind: Regularizer) -> Call:
    found: Call = cells[kind](kind)
    return found


def _initial(layer: Any) -> dict[str, Any]:
    """How the kernel and the bias start, where that is not Keras's default."""
    found: dict[str, Initializer] = {}
    if layer.kernel_initializer != GlorotUniform():
        found["kernel_initializer"] = layer.kernel_initializer
    if layer.bias_initializer not in (Zeros(), UnitForgetBias()):
        found["bias_initializer"] = layer.bias_initializer
    return {name: cells[kind](kind) for name, kind in found.items()}
