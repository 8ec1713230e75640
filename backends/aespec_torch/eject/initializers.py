"""The code of initializers, ``(initializer, shape, tensor) -> calls``; the shape is that of the canonical layout."""

from __future__ import annotations

from math import sqrt

from aespec import initializers
from aespec.code import Call, Code, stated
from aespec.initializers import Initializer
from aespec_torch.eject.table import cells

__all__: list[str] = []


@cells(initializers.Zeros)
def _zeros(initializer: initializers.Zeros, shape: tuple[int, ...], tensor: Code) -> list[Call]:
    return [Call("nn.init.zeros_", tensor)]


@cells(initializers.Ones)
def _ones(initializer: initializers.Ones, shape: tuple[int, ...], tensor: Code) -> list[Call]:
    return [Call("nn.init.ones_", tensor)]


@cells(initializers.Constant)
def _constant(initializer: initializers.Constant, shape: tuple[int, ...], tensor: Code) -> list[Call]:
    return [Call("nn.init.constant_", tensor, initializer.value)]


@cells(initializers.UnitForgetBias)
def _unit_forget_bias(initializer: initializers.UnitForgetBias, shape: tuple[int, ...], tensor: Code) -> list[Call]:
    units = shape[-1] // 4
    return [Call("nn.init.zeros_", tensor), Call("nn.init.ones_", Code(f"{tensor}.data[{units}:{2 * units}]"))]


@cells(initializers.Orthogonal)
def _orthogonal(initializer: initializers.Orthogonal, shape: tuple[int, ...], tensor: Code) -> list[Call]:
    return [Call("nn.init.orthogonal_", tensor, **stated({"gain": initializer.gain}, gain=1.0))]


@cells(initializers.RandomUniform)
def _random_uniform(initializer: initializers.RandomUniform, shape: tuple[int, ...], tensor: Code) -> list[Call]:
    return [Call("nn.init.uniform_", tensor, initializer.minval, initializer.maxval)]


@cells(initializers.RandomNormal)
def _random_normal(initializer: initializers.RandomNormal, shape: tuple[int, ...], tensor: Code) -> list[Call]:
    return [Call("nn.init.normal_", tensor, mean=initializer.mean, std=initializer.stddev)]


@cells(initializers.TruncatedNormal)
def _truncated_normal(initializer: initializers.TruncatedNormal, shape: tuple[int, ...], tensor: Code) -> list[Call]:
    return [_truncated(tensor, initializer.mean, initializer.stddev)]


_LAWS: dict[type[Initializer], tuple[float, str, str]] = {
    initializers.GlorotUniform: (1.0, "fan_avg", "uniform"),
    initializers.GlorotNormal: (1.0, "fan_avg", "truncated_normal"),
    initializers.HeUniform: (2.0, "fan_in", "uniform"),
    initializers.HeNormal: (2.0, "fan_in", "truncated_normal"),
    initializers.LecunUniform: (1.0, "fan_in", "uniform"),
    initializers.LecunNormal: (1.0, "fan_in", "truncated_normal"),
}


@cells(*_LAWS)
def _of_a_law(initializer: Initializer, shape: tuple[int, ...], tensor: Code) -> list[Call]:
    if isinstance(initializer, initializers.GlorotUniform) and len(shape) > 1:
        return [Call("nn.init.xavier_uniform_", tensor)]
    return [_scaled(*_LAWS[type(initializer)], shape, tensor)]


@cells(initializers.VarianceScaling)
def _variance_scaling(initializer: initializers.VarianceScaling, shape: tuple[int, ...], tensor: Code) -> list[Call]:
    return [_scaled(initializer.scale, initializer.mode, initializer.distribution, shape, tensor)]


def _scaled(scale: float, mode: str, law: str, shape: tuple[int, ...], tensor: Code) -> Call:
    """In numbers: torch's own know neither truncated laws of a variance nor the fans of vectors."""
    fan_in, fan_out = initializers.fans(shape)
    deviation = sqrt(scale / max(1.0, {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}[mode]))
    if law == "uniform":
        limit = _round(sqrt(3) * deviation)
        return Call("nn.init.uniform_", tensor, -limit, limit)
    if law == "untruncated_normal":
        return Call("nn.init.normal_", tensor, std=_round(deviation))
    return _truncated(tensor, 0.0, _round(deviation / initializers.TRUNCATED_STDDEV))


def _truncated(tensor: Code, mean: float, stddev: float) -> Call:
    ends = {"a": _round(mean - 2 * stddev), "b": _round(mean + 2 * stddev)}
    return Call("nn.init.trunc_normal_", tensor, mean=mean, std=stddev, **ends)


def _round(value: float) -> float:
    return float(f"{value:.6g}")
