"""The code of activations, initializers, losses, regularizers and optimizers.

A cell is ``(kind) -> `` what Keras takes for it: a name or a call. A loss's is ``(loss, by_logits) -> Loss``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from aespec import activations, initializers, losses, optimizers, regularizers, schedules
from aespec.activations import Activation
from aespec.code import Call, Code
from aespec.initializers import Initializer
from aespec.optimizers import Optimizer
from aespec_keras.eject.table import cells

__all__ = ["Loss"]

STOCK = (
    activations.Linear,
    activations.Relu,
    activations.Relu6,
    activations.Selu,
    activations.Silu,
    activations.Mish,
    activations.Sigmoid,
    activations.HardSigmoid,
    activations.HardSilu,
    activations.LogSigmoid,
    activations.Tanh,
    activations.HardTanh,
    activations.TanhShrink,
    activations.Softplus,
    activations.Softsign,
    activations.Exponential,
    activations.Softmax,
    activations.LogSoftmax,
    activations.LeakyRelu,
    activations.Elu,
    activations.Celu,
    activations.Gelu,
)


@cells(*STOCK)
def _activation(activation: Activation) -> Any:
    """Keras's function of that name; one of its constants is aespec's where it is not stated."""
    defaults = type(activation)()
    fields = {name: value for name, value in activation if value != getattr(defaults, name)}
    return Call("partial", Code(f"keras.activations.{activation.kind}"), **fields) if fields else activation.kind


@cells(
    initializers.Zeros,
    initializers.Ones,
    initializers.Constant,
    initializers.RandomUniform,
    initializers.RandomNormal,
    initializers.TruncatedNormal,
    initializers.VarianceScaling,
    initializers.GlorotUniform,
    initializers.GlorotNormal,
    initializers.HeUniform,
    initializers.HeNormal,
    initializers.LecunUniform,
    initializers.LecunNormal,
    initializers.Orthogonal,
)
def _initializer(initializer: Initializer) -> Any:
    """Keras's of that name."""
    fields = dict(initializer)
    name = "".join(word.capitalize() for word in initializer.kind.split("_"))
    return Call(f"keras.initializers.{name}", **fields) if fields else initializer.kind


@cells(regularizers.L1)
def _l1(regularizer: regularizers.L1) -> Call:
    return Call("keras.regularizers.L1", regularizer.weight)


@cells(regularizers.L2)
def _l2(regularizer: regularizers.L2) -> Call:
    return Call("keras.regularizers.L2", regularizer.weight)


@cells(regularizers.L1L2)
def _l1_l2(regularizer: regularizers.L1L2) -> Call:
    return Call("keras.regularizers.L1L2", l1=regularizer.l1, l2=regularizer.l2)


@cells(regularizers.KLDivergence)
def _kl_divergence(regularizer: regularizers.KLDivergence) -> Call:
    return Call("KLDivergence", weight=regularizer.weight, target=regularizer.target)


@cells(regularizers.GaussianKL)
def _gaussian_kl(regularizer: regularizers.GaussianKL) -> float:
    """A number: the layer of the code adds the term itself."""
    return regularizer.weight


@dataclass(frozen=True)
class Loss:
    """A loss in two forms."""

    function: str
    """What gives the loss of each sample's positions, of a target and an output."""
    fields: Mapping[str, Any] = field(default_factory=dict)
    stock: str | None = None
    """The class of the same meaning, where Keras has one."""


@cells(losses.BinaryCrossentropy)
def _binary_crossentropy(loss: losses.BinaryCrossentropy, by_logits: bool) -> Loss:
    return _crossentropy("binary_crossentropy", "BinaryCrossentropy", loss.epsilon, by_logits)


@cells(losses.CategoricalCrossentropy)
def _categorical_crossentropy(loss: losses.CategoricalCrossentropy, by_logits: bool) -> Loss:
    return _crossentropy("categorical_crossentropy", "CategoricalCrossentropy", loss.epsilon, by_logits)


def _crossentropy(function: str, stock: str, epsilon: float, by_logits: bool) -> Loss:
    if by_logits:
        return Loss(f"keras.losses.{function}", {"from_logits": True}, f"keras.losses.{stock}")
    return Loss(function, {"epsilon": epsilon})


@cells(losses.MeanSquaredError)
def _mse(loss: losses.MeanSquaredError, by_logits: bool) -> Loss:
    return Loss("keras.losses.mean_squared_error", stock="keras.losses.MeanSquaredError")


@cells(losses.MeanAbsoluteError)
def _mae(loss: losses.MeanAbsoluteError, by_logits: bool) -> Loss:
    return Loss("keras.losses.mean_absolute_error", stock="keras.losses.MeanAbsoluteError")


@cells(losses.Huber)
def _huber(loss: losses.Huber, by_logits: bool) -> Loss:
    return Loss("keras.losses.huber", {"delta": loss.delta}, "keras.losses.Huber")


_OPTIMIZERS: dict[type[Optimizer], str] = {
    optimizers.Sgd: "SGD",
    optimizers.Adam: "Adam",
    optimizers.AdamW: "Adam",  # Keras's AdamW is Adam with another default, which refuses a decay of zero
    optimizers.Nadam: "Nadam",
    optimizers.Adamax: "Adamax",
    optimizers.RMSprop: "RMSprop",
    optimizers.Adagrad: "Adagrad",
    optimizers.Adadelta: "Adadelta",
}


@cells(*_OPTIMIZERS)
def _optimizer(optimizer: Optimizer, **clipped: Any) -> Call:
    fields = {name: value for name, value in optimizer if name != "weight_decay" or value}
    return Call(f"keras.optimizers.{_OPTIMIZERS[type(optimizer)]}", **fields, **clipped)


@cells(schedules.ReduceOnPlateau)
def _reduce_on_plateau(schedule: schedules.ReduceOnPlateau, full: float, monitored: str) -> Call:
    return Call(
        "keras.callbacks.ReduceLROnPlateau",
        monitor=monitored,
        factor=schedule.factor,
        patience=schedule.patience,
        min_delta=schedule.min_delta,
        cooldown=schedule.cooldown,
        min_lr=schedule.least * full,
        mode="min",
    )
