"""The lowerings of the layers: ``(layer, x) -> module``, or `Lowered` where its parameters are stored otherwise."""

from __future__ import annotations

from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from aespec.layers.activation import Activation
from aespec.layers.arrange import Flatten, Permute, RepeatVector, Reshape
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
    Pooling,
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
from aespec.shapes import Shape
from aespec_torch.modules import arrange, convolution, dense, noise, normalization, pooling, recurrent
from aespec_torch.table import Layout, Lowered, as_it_is, lower, lowerings, permuted

__all__: list[str] = []


@lowerings(Dense)
def _dense(layer: Dense, x: Shape) -> Lowered:
    if layer.tied_to is not None:
        tied = dense.Transposed(x[-1] or 0, layer.units, bias=layer.use_bias)
        return Lowered(tied, {"kernel": as_it_is("weight"), "bias": as_it_is("bias")})
    linear = nn.Linear(x[-1] or 0, layer.units, bias=layer.use_bias)
    return Lowered(linear, {"kernel": permuted("weight", 1, 0), "bias": as_it_is("bias")})
