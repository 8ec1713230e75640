"""The lowerings of the layers: ``(layer, x) -> module``, or `Lowered` where its parameters are stored otherwise."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

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
from aespec.layers.recurrent import GRU, LSTM, Bidirectional
from aespec.layers.resize import (
    Cropping1D,
    Cropping2D,
    UpSampling1D,
    UpSampling2D,
    ZeroPadding1D,
    ZeroPadding2D,
)
from aespec.layers.wrap import TimeDistributed
from aespec.shapes import Shape, scatter_start
from aespec_torch.modules import arrange, convolution, dense, noise, normalization, pooling, recurrent
from aespec_torch.table import Layout, Lowered, as_it_is, in_training, lower, lowerings, permuted

__all__: list[str] = []


@lowerings(Dense)
def _dense(layer: Dense, x: Shape) -> Lowered:
    features = known(x, -1, "features")
    if layer.tied_to is not None:
        tied = dense.Transposed(features, layer.units, bias=layer.use_bias)
        return Lowered(tied, {"kernel": as_it_is("weight"), "bias": as_it_is("bias")})
    return _linear(nn.Linear(features, layer.units, bias=layer.use_bias))


def _linear(module: nn.Linear) -> Lowered:
    return Lowered(module, {"kernel": permuted("weight", 1, 0), "bias": as_it_is("bias")})


@lowerings(GaussianLatent)
def _gaussian_latent(layer: GaussianLatent, x: Shape) -> Lowered:
    module = noise.GaussianLatent(known(x, -1, "features"), layer.units)
    mean, log_var = _linear(module.mean), _linear(module.log_var)
    return Lowered(module, {**mean.inside("mean", "mean_"), **log_var.inside("log_var", "log_var_")})


_CONV: dict[int, Callable[..., convolution.Conv1d | convolution.Conv2d]] = {
    1: convolution.Conv1d,
    2: convolution.Conv2d,
}
_TRANSPOSED: dict[int, Callable[..., convolution.ConvTranspose1d | convolution.ConvTranspose2d]] = {
    1: convolution.ConvTranspose1d,
    2: convolution.ConvTranspose2d,
}


@lowerings(Conv1D, Conv2D)
def _conv(layer: Conv1D | Conv2D, x: Shape) -> Lowered:
    module = _CONV[layer.rank](
        known(x, -1, "channels"),
        layer.filters,
        layer.kernel_size,
        layer.strides,
        dilation=layer.dilation_rate,
        bias=layer.use_bias,
    )
    module.same = layer.padding == "same"
    return _convolution(module, layer.rank)


@lowerings(Conv1DTranspose, Conv2DTranspose)
def _conv_transpose(layer: Conv1DTranspose | Conv2DTranspose, x: Shape) -> Lowered:
    """``padding`` crops the full scatter at both ends; what ``same`` drops more at the end is cropped after."""
    windows = list(zip(layer.kernel_size, layer.strides, layer.dilation_rate, strict=True))
    gaps = [s - r for r, s in zip(layer.reach, layer.strides, strict=True)]
    module = _TRANSPOSED[layer.rank](
        known(x, -1, "channels"),
        layer.filters,
        layer.kernel_size,
        layer.strides,
        padding=tuple(scatter_start(k, s, layer.padding, d) for k, s, d in windows),
        output_padding=tuple(max(gap, 0) + more for gap, more in zip(gaps, layer.output_padding, strict=True)),
        dilation=layer.dilation_rate,
        bias=layer.use_bias,
    )
    if layer.padding == "same":
        module.crop = tuple(max(-gap, 0) % 2 for gap in gaps)
    return _convolution(module, layer.rank)


def _convolution(module: nn.Module, rank: int) -> Lowered:
    """Kernels (size..., in, out) and (size..., out, in) are torch's (out, in, size...) and (in, out, size...)."""
    return Lowered(module, {"kernel": permuted("weight", *range(2, rank + 2), 1, 0), "bias": as_it_is("bias")})


@lowerings(MaxPool1D, MaxPool2D)
def _max_pool(layer: MaxPool1D | MaxPool2D, x: Shape) -> nn.Module:
    return pooling.Pool("max", layer.pool_size, layer.steps, same=layer.padding == "same")


@lowerings(AveragePool1D, AveragePool2D)
def _average_pool(layer: AveragePool1D | AveragePool2D, x: Shape) -> nn.Module:
    return pooling.Pool("average", layer.pool_size, layer.steps, same=layer.padding == "same")


@lowerings(GlobalAveragePool1D, GlobalAveragePool2D)
def _global_average_pool(layer: GlobalAveragePool1D | GlobalAveragePool2D, x: Shape) -> nn.Module:
    return pooling.GlobalAveragePool()


@lowerings(LSTM)
def _lstm(layer: LSTM, x: Shape) -> Lowered:
    features = known(x, -1, "features")
    module = recurrent.LSTM(features, layer.units, sequences=layer.return_sequences, bias=layer.use_bias)
    return Lowered(module, _LSTM)


_LSTM = {
    "kernel": permuted("weight_ih_l0", 1, 0),
    "recurrent_kernel": permuted("weight_hh_l0", 1, 0),
    "bias": as_it_is("bias_ih_l0"),
}


@lowerings(GRU)
def _gru(layer: GRU, x: Shape) -> Lowered:
    features = known(x, -1, "features")
    module = recurrent.GRU(features, layer.units, sequences=layer.return_sequences, bias=layer.use_bias)
    return Lowered(module, _GRU)


def _swap(tensor: Tensor) -> Tensor:
    """Gates in the order z r h from torch's r z n, and back."""
    first, second, third = tensor.chunk(3)
    return torch.cat([second, first, third])


def _gru_kernel(name: str) -> Layout:
    return Layout((name,), lambda tensors: _swap(tensors[0]).t(), lambda value: [_swap(value.t())])


_GRU = {
    "kernel": _gru_kernel("weight_ih_l0"),
    "recurrent_kernel": _gru_kernel("weight_hh_l0"),
    "bias": Layout(
        ("bias_ih_l0", "bias_hh_l0"),
        lambda tensors: torch.stack([_swap(tensor) for tensor in tensors]),
        lambda value: [_swap(row) for row in value],
    ),
}


@lowerings(Bidirectional)
def _bidirectional(layer: Bidirectional, x: Shape) -> Lowered:
    ahead, back = lower(layer.layer, x), lower(layer.layer, x)
    sequences = layer.recurrent.return_sequences
    return Lowered(
        recurrent.Bidirectional(ahead.module, back.module, layer.merge_mode, sequences=sequences),
        {**ahead.inside("forward_layer", "forward_"), **back.inside("backward_layer", "backward_")},
    )


@lowerings(TimeDistributed)
def _time_distributed(layer: TimeDistributed, x: Shape) -> Lowered:
    inner = lower(layer.layer, x[1:])
    if isinstance(inner.module, nn.Identity):
        return inner
    return Lowered(arrange.TimeDistributed(inner.module), inner.inside("layer"))


@lowerings(BatchNormalization)
def _batch_normalization(layer: BatchNormalization, x: Shape) -> Lowered:
    module = normalization.BatchNormalization(
        known(x, -1, "channels"), layer.momentum, layer.epsilon, scale=layer.scale, center=layer.center
    )
    names = {"gamma": "weight", "beta": "bias", "moving_mean": "running_mean", "moving_variance": "running_var"}
    return Lowered(module, {short: as_it_is(name) for short, name in names.items()})


@lowerings(LayerNormalization)
def _layer_normalization(layer: LayerNormalization, x: Shape) -> Lowered:
    module = normalization.LayerNormalization(
        known(x, -1, "features"), layer.epsilon, scale=layer.scale, center=layer.center
    )
    return Lowered(module, {"gamma": as_it_is("weight"), "beta": as_it_is("bias")})


@lowerings(Activation)
def _activation(layer: Activation, x: Shape) -> nn.Module:
    module: nn.Module = lowerings[layer.function](layer.function)
    return module


@lowerings(Dropout)
def _dropout(layer: Dropout, x: Shape) -> nn.Module:
    return nn.Dropout(layer.rate)


@lowerings(GaussianNoise)
def _gaussian_noise(layer: GaussianNoise, x: Shape) -> nn.Module:
    return noise.GaussianNoise(layer.stddev)


@lowerings(MaskingNoise)
def _masking_noise(layer: MaskingNoise, x: Shape) -> nn.Module:
    return noise.MaskingNoise(layer.rate)


@in_training(Dropout)
def _dropped_out(layer: Dropout, x: Tensor, noise: Tensor) -> Tensor:
    return torch.where(noise < layer.rate, 0.0, x / (1 - layer.rate))


@in_training(MaskingNoise)
def _masked(layer: MaskingNoise, x: Tensor, noise: Tensor) -> Tensor:
    return torch.where(noise < layer.rate, 0.0, x)


@in_training(GaussianNoise)
def _noisy(layer: GaussianNoise, x: Tensor, noise: Tensor) -> Tensor:
    return x + layer.stddev * noise


@lowerings(Flatten)
def _flatten(layer: Flatten, x: Shape) -> nn.Module:
    return nn.Flatten()


@lowerings(Reshape)
def _reshape(layer: Reshape, x: Shape) -> nn.Module:
    return arrange.Reshape(layer.target_shape)


@lowerings(Permute)
def _permute(layer: Permute, x: Shape) -> nn.Module:
    return arrange.Permute(layer.dims)


@lowerings(RepeatVector)
def _repeat_vector(layer: RepeatVector, x: Shape) -> nn.Module:
    return arrange.RepeatVector(layer.n)


@lowerings(UpSampling1D, UpSampling2D)
def _upsampling(layer: UpSampling1D | UpSampling2D, x: Shape) -> nn.Module:
    return arrange.Repeat(layer.size)


@lowerings(ZeroPadding1D, ZeroPadding2D)
def _zero_padding(layer: ZeroPadding1D | ZeroPadding2D, x: Shape) -> nn.Module:
    return arrange.ZeroPad(layer.padding)


@lowerings(Cropping1D, Cropping2D)
def _cropping(layer: Cropping1D | Cropping2D, x: Shape) -> nn.Module:
    return arrange.Crop(layer.cropping)
