"""The code of each layer: what a person would write for it with stock PyTorch wherever that has it.

A cell is ``(layer, x) -> Cell``, of a layer whose activation, where that is a choice, is linear.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from aespec.activations import Activation as Function
from aespec.activations import Linear
from aespec.code import Call, Code, one, stated
from aespec.eject import unsaid
from aespec.initializers import Initializer, Ones, Zeros
from aespec.layers import Layer
from aespec.layers.activation import Activation
from aespec.layers.arrange import Flatten, Permute, RepeatVector, Reshape
from aespec.layers.base import known
from aespec.layers.conv import Conv1D, Conv1DTranspose, Conv2D, Conv2DTranspose
from aespec.layers.dense import Dense
from aespec.layers.latent import GaussianLatent
from aespec.layers.noise import Dropout, GaussianNoise, MaskingNoise
from aespec.layers.normalization import BatchNormalization, LayerNormalization
from aespec.layers.pool import (
    AveragePool1D,
    AveragePool2D,
    GlobalAveragePool1D,
    GlobalAveragePool2D,
    MaxPool1D,
    MaxPool2D,
)
from aespec.layers.recurrent import GRU, LSTM, Bidirectional, Recurrent
from aespec.layers.resize import (
    Cropping1D,
    Cropping2D,
    UpSampling1D,
    UpSampling2D,
    ZeroPadding1D,
    ZeroPadding2D,
)
from aespec.layers.wrap import TimeDistributed
from aespec.shapes import Shape, same_padding, scatter_start
from aespec_torch.eject.table import cells

__all__ = ["Cell", "Chain"]

Where = Literal["first", "last"]
"""Where the channels of a value stand; the first is behind the batch."""


@dataclass(frozen=True)
class Cell:
    """The modules of a layer up to its activation, one after the other."""

    main: Call | None
    """The module that bears the layer's name and has its parameters."""
    tensors: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Where ``main`` has each parameter, by its short name."""
    channels: Where | None = "last"
    """Where the modules want the channels, and leave them; None where they do not care."""
    before: Mapping[str, Call] = field(default_factory=dict)
    """Modules before the main one, by what is added to its name."""
    after: Mapping[str, Call] = field(default_factory=dict)
    """Modules after it."""
    holder: Call | None = None
    """What has the kernel, where that is a module inside the main one."""
    starts: Mapping[str, Initializer] = field(default_factory=dict)
    """How the main module starts its parameters, where that is known."""
    gates: bool = False
    """Whether torch has the gates of a GRU in another order."""

    @property
    def kernel(self) -> Call:
        """The module that has the kernel."""
        found = self.holder or self.main
        assert found is not None
        return found

    @property
    def parts(self) -> dict[str, Call]:
        """All modules, by what is added to the name."""
        return {**self.before, **({"": self.main} if self.main else {}), **self.after}


class Chain:
    """Modules one after the other, and where the channels stand between them."""

    def __init__(self) -> None:
        self.modules: dict[str, Call] = {}
        self._channels: Where = "last"

    def add(self, name: str, layer: Layer, x: Shape, *, source: Code | None = None, bare: bool = False) -> Cell:
        """Add the modules of a layer, by default its activation among them."""
        function, linear = layer.output_activation, layer.activated(Linear())
        chosen = function if function is not None and linear != layer else None
        own = linear if chosen else layer
        cell: Cell = cells[own](own, x) if source is None else _tied(own, x, source)
        self.stand(cell.channels, len(x))
        for suffix, module in cell.parts.items():
            self.modules[self._new(name + suffix)] = module
        if len(layer.infer(x)) == 1:
            self._channels = "last"
        if chosen is not None and not bare:
            self.activate(f"{name}_activation" if cell.main else name, chosen, layer.infer(x))
        return cell

    def activate(self, name: str, function: Function, x: Shape) -> None:
        """Add an activation."""
        self.stand(None if function.elementwise else "last", len(x))
        self.modules[self._new(name)] = cells[function](function)

    def stand(self, wanted: Where | None, rank: int) -> None:
        """Have the channels where they are wanted."""
        if wanted is None or rank == 1 or wanted == self._channels:
            return
        last = rank
        axes = (0, last, *range(1, last)) if wanted == "first" else (0, *range(2, last + 1), 1)
        self.modules[self._new(f"channels_{wanted}")] = Call("Permute", *axes)
        self._channels = wanted

    def _new(self, name: str) -> str:
        while name in self.modules:
            name += "_"
        return name


def _tied(layer: Layer, x: Shape, source: Code) -> Cell:
    """The cell of a layer that uses the kernel of the module which this variable has."""
    if isinstance(layer, TimeDistributed):
        return _time_distributed(layer, x, source)
    if isinstance(layer, Dense):
        return _affine(Call("TiedLinear", source, **_bias(layer.use_bias)))
    cell: Cell = cells[layer](layer, x)
    assert cell.main is not None, "what is tied has a kernel"
    return replace(cell, main=Call("tied", cell.main, source))


def _affine(main: Call, **more: Any) -> Cell:
    return Cell(main, {"kernel": ("weight",), "bias": ("bias",)}, **more)


def _bias(use_bias: bool) -> dict[str, Any]:
    return stated({"bias": use_bias}, bias=True)


@cells(Dense)
def _dense(layer: Dense, x: Shape) -> Cell:
    return _affine(Call("nn.Linear", known(x, -1, "features"), layer.units, **_bias(layer.use_bias)))


@cells(GaussianLatent)
def _gaussian_latent(layer: GaussianLatent, x: Shape) -> Cell:
    names = {f"{part}_{short}": (f"{part}.{name}",) for part in ("mean", "log_var") for short, name in _AFFINE.items()}
    return Cell(Call("GaussianLatent", known(x, -1, "features"), layer.units), names)


_AFFINE = {"kernel": "weight", "bias": "bias"}


@cells(Conv1D, Conv2D)
def _conv(layer: Conv1D | Conv2D, x: Shape) -> Cell:
    padding: Any = 0
    before: dict[str, Call] = {}
    if layer.padding == "same":
        margins = _margins(x[:-1], layer.kernel_size, layer.strides, layer.dilation_rate)
        if margins is None:
            before = {"_padding": Call("SamePad", layer.reach, layer.strides)}
        elif any(a != b for a, b in margins):
            before = {"_padding": _pad(margins)}
        else:
            padding = one(tuple(a for a, _ in margins))
    more = {"stride": one(layer.strides), "padding": padding, "dilation": one(layer.dilation_rate)}
    fields = stated({**more, **_bias(layer.use_bias)}, stride=1, padding=0, dilation=1)
    inner = (known(x, -1, "channels"), layer.filters, one(layer.kernel_size))
    return _affine(Call(f"nn.Conv{layer.rank}d", *inner, **fields), channels="first", before=before)


def _margins(
    lengths: Shape, sizes: tuple[int, ...], strides: tuple[int, ...], dilations: tuple[int, ...]
) -> list[tuple[int, int]] | None:
    """What ``same`` adds to both sides of each axis; None where that depends on a length that is unknown."""
    found = []
    for n, size, stride, dilation in zip(lengths, sizes, strides, dilations, strict=True):
        if n is None and stride > 1:
            return None
        found.append(same_padding(n or 1, size, stride, dilation))
    return found


def _pad(margins: list[tuple[int, int]]) -> Call:
    """Zeros before and after each axis, or, below zero, a cropping; torch counts axes from the last."""
    sides = tuple(side for margin in reversed(margins) for side in margin)
    return Call(f"nn.ZeroPad{len(margins)}d", one(sides) if min(sides) == max(sides) else sides)


@cells(Conv1DTranspose, Conv2DTranspose)
def _conv_transpose(layer: Conv1DTranspose | Conv2DTranspose, x: Shape) -> Cell:
    """``padding`` crops the full scatter at both ends; what ``same`` drops more at the end is cropped after."""
    windows = zip(layer.kernel_size, layer.strides, layer.dilation_rate, strict=True)
    gaps = [s - r for r, s in zip(layer.reach, layer.strides, strict=True)]
    extra = tuple(max(gap, 0) + more for gap, more in zip(gaps, layer.output_padding, strict=True))
    more = {
        "stride": one(layer.strides),
        "padding": one(tuple(scatter_start(k, s, layer.padding, d) for k, s, d in windows)),
        "output_padding": one(extra),
        "dilation": one(layer.dilation_rate),
    }
    fields = stated({**more, **_bias(layer.use_bias)}, stride=1, padding=0, output_padding=0, dilation=1)
    inner = (known(x, -1, "channels"), layer.filters, one(layer.kernel_size))
    crop = [(0, -(max(-gap, 0) % 2)) for gap in gaps] if layer.padding == "same" else []
    after = {"_crop": _pad(crop)} if any(end for _, end in crop) else {}
    return _affine(Call(f"nn.ConvTranspose{layer.rank}d", *inner, **fields), channels="first", after=after)


@cells(MaxPool1D, MaxPool2D)
def _max_pool(layer: MaxPool1D | MaxPool2D, x: Shape) -> Cell:
    if layer.padding == "same" and _margins(x[:-1], layer.pool_size, layer.steps, (1,) * layer.rank) is None:
        whole = Call("SamePad", layer.pool_size, layer.steps, value=Code('float("-inf")'))
        return _pool(f"nn.MaxPool{layer.rank}d", layer, before={"_padding": whole})
    return _pool(f"nn.MaxPool{layer.rank}d", layer, **_beyond(layer, x))


@cells(AveragePool1D, AveragePool2D)
def _average_pool(layer: AveragePool1D | AveragePool2D, x: Shape) -> Cell:
    if layer.padding == "same" and _margins(x[:-1], layer.pool_size, layer.steps, (1,) * layer.rank) is None:
        raise unsaid("layer", f"`{layer.kind}` with `padding: same` over an unknown length", "torch")
    found = _pool(f"nn.AvgPool{layer.rank}d", layer, **_beyond(layer, x))
    assert found.main is not None
    found.main.fields |= {"count_include_pad": False} if "padding" in found.main.fields else {}
    return found


def _beyond(layer: Any, x: Shape) -> dict[str, Any]:
    """How windows reach beyond the ends.

    torch pads both sides alike. Lengths rounded up, the last window may reach further; where every position starts a
    window, both sides are padded by the longer one, and the windows that start too early are cropped.
    """
    if layer.padding == "valid":
        return {}
    padding, early, rounded = [], [], False
    margins = _margins(x[:-1], layer.pool_size, layer.steps, (1,) * layer.rank) or []
    for (before, after), stride in zip(margins, layer.steps, strict=True):
        early.append(after - before if stride == 1 else 0)
        padding.append(before + early[-1])
        rounded = rounded or (stride > 1 and after != before)
    fields = stated({"padding": one(tuple(padding)), "ceil_mode": rounded}, padding=0, ceil_mode=False)
    return {**fields, "after": {"_crop": _pad([(-n, 0) for n in early])} if any(early) else {}}


def _pool(name: str, layer: Any, *, before: Any = None, after: Any = None, **more: Any) -> Cell:
    strides = {} if layer.steps == layer.pool_size else {"stride": one(layer.steps)}
    main = Call(name, one(layer.pool_size), **strides, **more)
    return Cell(main, channels="first", before=before or {}, after=after or {})


@cells(GlobalAveragePool1D, GlobalAveragePool2D)
def _global_average_pool(layer: GlobalAveragePool1D | GlobalAveragePool2D, x: Shape) -> Cell:
    main = Call(f"nn.AdaptiveAvgPool{layer.rank}d", 1)
    return Cell(main, channels="first", after={"_flatten": Call("nn.Flatten")})


@cells(LSTM)
def _lstm(layer: LSTM, x: Shape) -> Cell:
    return _recurrent("LSTM", layer, x)


@cells(GRU)
def _gru(layer: GRU, x: Shape) -> Cell:
    return _recurrent("GRU", layer, x)


def _recurrent(name: str, layer: Recurrent, x: Shape) -> Cell:
    fields = stated({"sequences": layer.return_sequences, **_bias(layer.use_bias)}, sequences=False)
    main = Call(name, known(x, -1, "features"), layer.units, **fields)
    bias = ("bias_ih_l0",) if name == "LSTM" else ("bias_ih_l0", "bias_hh_l0")
    tensors = {"kernel": ("weight_ih_l0",), "recurrent_kernel": ("weight_hh_l0",), "bias": bias}
    return Cell(main, tensors, gates=name == "GRU")


@cells(Bidirectional)
def _bidirectional(layer: Bidirectional, x: Shape) -> Cell:
    cell: Cell = cells[layer.layer](layer.layer, x)
    tensors = {
        f"{direction}_{short}": tuple(f"{direction}_layer.{name}" for name in names)
        for direction in ("forward", "backward")
        for short, names in cell.tensors.items()
    }
    merge = {} if layer.merge_mode == "concat" else {"merge": layer.merge_mode}
    return Cell(Call("Bidirectional", cell.main, cell.main, **merge), tensors, gates=cell.gates)


@cells(TimeDistributed)
def _time_distributed(layer: TimeDistributed, x: Shape, source: Code | None = None) -> Cell:
    chain = Chain()
    cell = chain.add("layer", layer.layer, x[1:], source=source)
    chain.stand("last", len(layer.layer.infer(x[1:])))
    tensors = {short: tuple(f"layer.{name}" for name in names) for short, names in cell.tensors.items()}
    main = Call("TimeDistributed", Call("OrderedDict", **chain.modules))
    return Cell(main, tensors, holder=cell.holder or cell.main, gates=cell.gates)


@cells(BatchNormalization)
def _batch_normalization(layer: BatchNormalization, x: Shape) -> Cell:
    more = stated({"scale": layer.scale, "center": layer.center}, scale=True, center=True)
    main = Call("BatchNorm", known(x, -1, "channels"), momentum=layer.momentum, eps=layer.epsilon, **more)
    names = {"gamma": "weight", "beta": "bias", "moving_mean": "running_mean", "moving_variance": "running_var"}
    return Cell(main, {short: (name,) for short, name in names.items()}, channels="first", starts=_NORMALIZING)


@cells(LayerNormalization)
def _layer_normalization(layer: LayerNormalization, x: Shape) -> Cell:
    name, more = "nn.LayerNorm", dict[str, Any]()
    if layer.center and not layer.scale:
        name = "CenteredLayerNorm"
    elif not layer.center:
        more = {"bias": False} if layer.scale else {"elementwise_affine": False}
    main = Call(name, known(x, -1, "features"), eps=layer.epsilon, **more)
    return Cell(main, {"gamma": ("weight",), "beta": ("bias",)}, starts=_NORMALIZING)


_NORMALIZING = {"gamma": Ones(), "beta": Zeros(), "moving_mean": Zeros(), "moving_variance": Ones()}


@cells(Activation)
def _activation(layer: Activation, x: Shape) -> Cell:
    return Cell(None, channels=None)


@cells(Dropout)
def _dropout(layer: Dropout, x: Shape) -> Cell:
    return Cell(Call("nn.Dropout", layer.rate), channels=None)


@cells(GaussianNoise)
def _gaussian_noise(layer: GaussianNoise, x: Shape) -> Cell:
    return Cell(Call("GaussianNoise", layer.stddev), channels=None)


@cells(MaskingNoise)
def _masking_noise(layer: MaskingNoise, x: Shape) -> Cell:
    return Cell(Call("MaskingNoise", layer.rate), channels=None)


@cells(Flatten)
def _flatten(layer: Flatten, x: Shape) -> Cell:
    return Cell(Call("nn.Flatten"))


@cells(Reshape)
def _reshape(layer: Reshape, x: Shape) -> Cell:
    return Cell(Call("Reshape", *layer.target_shape))


@cells(Permute)
def _permute(layer: Permute, x: Shape) -> Cell:
    return Cell(Call("Permute", 0, *layer.dims))


@cells(RepeatVector)
def _repeat_vector(layer: RepeatVector, x: Shape) -> Cell:
    return Cell(Call("RepeatVector", layer.n))


@cells(UpSampling1D, UpSampling2D)
def _upsampling(layer: UpSampling1D | UpSampling2D, x: Shape) -> Cell:
    # Of the modes that repeat, `nearest` takes 1 / size for a float that may fall below it.
    return Cell(Call("nn.Upsample", scale_factor=one(layer.size), mode="nearest-exact"), channels="first")


@cells(ZeroPadding1D, ZeroPadding2D)
def _zero_padding(layer: ZeroPadding1D | ZeroPadding2D, x: Shape) -> Cell:
    return Cell(_pad(list(layer.padding)), channels="first")


@cells(Cropping1D, Cropping2D)
def _cropping(layer: Cropping1D | Cropping2D, x: Shape) -> Cell:
    return Cell(_pad([(-before, -after) for before, after in layer.cropping]), channels="first")
