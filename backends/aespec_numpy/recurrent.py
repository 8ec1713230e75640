"""The recurrent layers, one step after the other."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from aespec.layers.recurrent import GRU, LSTM, Bidirectional
from aespec_numpy.activations import sigmoid
from aespec_numpy.table import Array, apply, lowerings

__all__: list[str] = []

Params = Mapping[str, Array]


@lowerings(LSTM)
def _lstm(layer: LSTM, params: Params, x: Array) -> Array:
    h = c = np.zeros((len(x), layer.units), x.dtype)
    outputs = []
    for step in np.moveaxis(x, 1, 0):
        gates = step @ params["kernel"] + h @ params["recurrent_kernel"] + params.get("bias", 0)
        i, f, g, o = np.split(gates, 4, axis=-1)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
        outputs.append(h)
    return np.stack(outputs, axis=1) if layer.return_sequences else h


@lowerings(GRU)
def _gru(layer: GRU, params: Params, x: Array) -> Array:
    h = np.zeros((len(x), layer.units), x.dtype)
    bias, recurrent_bias = params.get("bias", (0, 0))
    outputs = []
    for step in np.moveaxis(x, 1, 0):
        z_x, r_x, g_x = np.split(step @ params["kernel"] + bias, 3, axis=-1)
        z_h, r_h, g_h = np.split(h @ params["recurrent_kernel"] + recurrent_bias, 3, axis=-1)
        z, r = sigmoid(z_x + z_h), sigmoid(r_x + r_h)
        h = z * h + (1 - z) * np.tanh(g_x + r * g_h)
        outputs.append(h)
    return np.stack(outputs, axis=1) if layer.return_sequences else h


@lowerings(Bidirectional)
def _bidirectional(layer: Bidirectional, params: Params, x: Array) -> Array:
    forward = apply(layer.layer, _of("forward", params), x)
    backward = apply(layer.layer, _of("backward", params), x[:, ::-1])
    if layer.recurrent.return_sequences:
        backward = backward[:, ::-1]
    match layer.merge_mode:
        case "concat":
            return np.concatenate([forward, backward], axis=-1)
        case "sum":
            return forward + backward
        case "mul":
            return forward * backward
        case "ave":
            return (forward + backward) / 2


def _of(direction: str, params: Params) -> Params:
    start = f"{direction}_"
    return {name.removeprefix(start): value for name, value in params.items() if name.startswith(start)}
