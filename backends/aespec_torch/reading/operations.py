"""What torch's operations are in a spec."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from aespec.importing import Unsaid
from aespec_torch.reading.arranging import ARRANGING
from aespec_torch.reading.operation import Operation
from aespec_torch.reading.pieces import Piece
from aespec_torch.reading.program import Step, turned
from aespec_torch.reading.recurrent import gru, lstm
from aespec_torch.reading.windows import conv, conv_transpose, global_average, pool

if TYPE_CHECKING:
    from aespec_torch.reading import Reading

__all__ = ["ACTIVATIONS", "AS_THEY_ARE", "CELLS"]

GAUSSIAN = "aespec_torch.modules.noise.GaussianLatent"


def _linear(reading: Reading, step: Step) -> Iterator[Piece]:
    yield from reading.as_written()
    program, args = reading.program, step.args
    weight, bias = args["weight"], args.get("bias")
    biases = () if bias is None else (program.tensor(bias),)
    fields = {"units": step.shape[-1], "use_bias": bias is not None}
    if weight in program.made:  # the transpose of another layer's
        transpose, _ = program.made[weight]
        source = program.stored.get(transpose.tensors[0])
        if transpose.name != "t" or reading.owners.get(str(source)) != "linear":
            raise Unsaid("a computed weight", "a parameter")
        yield Piece("dense", fields, biases, tied_to=source)
        return
    kernel, key = turned(program.tensor(weight), 1, 0), reading.own(weight)
    if (twin := _log_variance(reading, step.operation)) is not None and bias is not None:
        more = turned(program.tensor(twin.args["weight"]), 1, 0), program.tensor(twin.args["bias"])
        name = step.operation.modules[-2][0]
        reading.notes.append(f"`{name}` draws its code in training: `beta` is no part of a program, and is 1")
        latent = {"units": step.shape[-1]}
        yield Piece("gaussian_latent", latent, (kernel, *biases, *more), beside=twin.path)
        return
    yield Piece("dense", fields, (kernel, *biases), key=key)


def _log_variance(reading: Reading, mean: Operation) -> Operation | None:
    """The layer beside the mean of a Gaussian code; the program computes its value and does not use it."""
    if len(mean.modules) < 2 or mean.modules[-2][1] != GAUSSIAN:
        return None
    alike = (op for op in reading.program.unused() if op.name == "linear" and op.args["input"] == mean.args["input"])
    return next((op for op in alike if op.modules[:-1] == mean.modules[:-1]), None)


def _batch_norm(reading: Reading, step: Step) -> Iterator[Piece]:
    yield from reading.channels_last()
    args = step.args
    fields = {"momentum": 1 - args["momentum"], "epsilon": args["eps"]}
    yield _normalization(
        "batch_normalization", fields, reading, step, ("weight", "bias", "running_mean", "running_var")
    )


def _batch_normalization(reading: Reading, step: Step) -> Iterator[Piece]:
    """That of a spec, which works on the last axis and states no momentum outside training."""
    yield from reading.as_written()
    reading.notes.append(f"`{step.operation.path}` has its `momentum` in training alone: it is 0.99")
    names = ("weight", "bias", "running_mean", "running_var")
    yield _normalization("batch_normalization", {"epsilon": step.args["eps"]}, reading, step, names)


def _layer_norm(reading: Reading, step: Step) -> Iterator[Piece]:
    yield from reading.as_written()
    if len(step.args["normalized_shape"]) != 1:
        raise Unsaid("a normalization over several axes", "one over the last axis")
    yield _normalization("layer_normalization", {"epsilon": step.args["eps"]}, reading, step, ("weight", "bias"))


def _normalization(kind: str, fields: dict[str, Any], reading: Reading, step: Step, names: tuple[str, ...]) -> Piece:
    given = [step.args.get(name) for name in names]
    tensors = tuple(reading.program.tensor(name) for name in given if name is not None)
    return Piece(kind, {**fields, "scale": given[0] is not None, "center": given[1] is not None}, tensors)


def _dropout(reading: Reading, step: Step) -> Iterator[Piece]:
    yield Piece("dropout", {"rate": step.args["p"]})


def _softmax(kind: str, reading: Reading, step: Step) -> Iterator[Piece]:
    rank, dim = len(step.shape), step.args["dim"]
    if reading.order[dim - 1 if dim > 0 else dim] != rank - 1:
        raise Unsaid(f"a softmax over axis {dim}", "one over channels, the last axis of a spec")
    yield Piece("activation", {"function": kind}, closes=True)


def _hard_tanh(reading: Reading, step: Step) -> Iterator[Piece]:
    bounds = [step.args.get("min_val", -1), step.args.get("max_val", 1)]
    known = {(-1, 1): "hard_tanh", (0, 6): "relu6"}
    if tuple(bounds) not in known:
        raise Unsaid(f"values clipped to {bounds}", "[-1, 1], or [0, 6]")
    yield Piece("activation", {"function": known[bounds[0], bounds[1]]}, closes=True)


def _softplus(reading: Reading, step: Step) -> Iterator[Piece]:
    if step.args.get("beta", 1) != 1:
        raise Unsaid(f"`beta={step.args['beta']}`", "`beta=1`")
    yield Piece("activation", {"function": "softplus"}, closes=True)


def _nothing(reading: Reading, step: Step) -> Iterator[Piece]:
    yield from ()


Cell = Callable[["Reading", Step], Iterator[Piece]]

CELLS: dict[str, Cell] = {
    "linear": _linear,
    **{f"conv{rank}d": partial(conv, rank) for rank in (1, 2)},
    **{f"conv_transpose{rank}d": partial(conv_transpose, rank) for rank in (1, 2)},
    **{f"max_pool{rank}d": partial(pool, "max", rank) for rank in (1, 2)},
    **{f"avg_pool{rank}d": partial(pool, "average", rank) for rank in (1, 2)},
    **dict.fromkeys(("mean", "adaptive_avg_pool1d", "adaptive_avg_pool2d"), global_average),
    "lstm": lstm,
    "gru": gru,
    "batch_norm": _batch_norm,
    "batch_normalization": _batch_normalization,
    "layer_norm": _layer_norm,
    "dropout": _dropout,
    "softmax": partial(_softmax, "softmax"),
    "log_softmax": partial(_softmax, "log_softmax"),
    "hardtanh": _hard_tanh,
    "softplus": _softplus,
    **ARRANGING,
    **dict.fromkeys(("contiguous", "clone", "alias"), _nothing),
}
"""The operations that are layers, or parts of one."""

AS_THEY_ARE = {"conv2d", "conv_transpose2d", "squeeze", "unsqueeze", "expand", "repeat", "flatten"}
AS_THEY_ARE |= {"permute", "transpose", "movedim", "contiguous", "clone", "alias", "dropout"}
"""Those that know what to do with an axis of length one that the value lacks."""

ACTIVATIONS: dict[str, Callable[[Mapping[str, Any]], Any]] = {
    **{name: lambda args, name=name: name for name in ("relu", "relu6", "selu", "sigmoid", "tanh", "silu", "mish")},  # type: ignore[misc]
    "relu_": lambda args: "relu",
    **{name: lambda args, name=name: name for name in ("softsign", "tanh_shrink", "hard_sigmoid")},  # type: ignore[misc]
    "exp": lambda args: "exponential",
    "hardsigmoid": lambda args: "hard_sigmoid",
    "hardswish": lambda args: "hard_silu",
    "log_sigmoid": lambda args: "log_sigmoid",
    "leaky_relu": lambda args: {"leaky_relu": args.get("negative_slope", 0.01)},
    "elu": lambda args: {"elu": args.get("alpha", 1.0)},
    "celu": lambda args: {"celu": args.get("alpha", 1.0)},
    "gelu": lambda args: {"gelu": {"approximate": args.get("approximate", "none") == "tanh"}},
}
"""Elementwise operations that are activations."""
