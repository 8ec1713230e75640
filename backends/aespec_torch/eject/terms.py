"""The code of activations, losses and regularizers.

An activation's cell is ``(activation) -> Call``, the module. A loss's is ``(loss, rank, by_logits) -> Call``: its
value, of the variables ``x`` and ``output``, or ``logits`` instead; rank is that of a sample. A regularizer's is
``(regularizer, *of) -> calls`` that are added up, of a batch, or of the two batches that a Gaussian code comes from.
"""

from __future__ import annotations

from aespec import activations, losses, regularizers
from aespec.code import Call, Code
from aespec_torch.eject.table import cells

__all__: list[str] = []

STOCK: dict[type[activations.Activation], str] = {
    activations.Linear: "nn.Identity",
    activations.Relu: "nn.ReLU",
    activations.Relu6: "nn.ReLU6",
    activations.Selu: "nn.SELU",
    activations.Silu: "nn.SiLU",
    activations.Mish: "nn.Mish",
    activations.Sigmoid: "nn.Sigmoid",
    activations.HardSigmoid: "HardSigmoid",
    activations.HardSilu: "nn.Hardswish",
    activations.LogSigmoid: "nn.LogSigmoid",
    activations.Tanh: "nn.Tanh",
    activations.HardTanh: "nn.Hardtanh",
    activations.TanhShrink: "nn.Tanhshrink",
    activations.Softplus: "nn.Softplus",
    activations.Softsign: "nn.Softsign",
    activations.Exponential: "Exponential",
}


@cells(*STOCK)
def _stock(activation: activations.Activation) -> Call:
    return Call(STOCK[type(activation)])


@cells(activations.LeakyRelu)
def _leaky_relu(activation: activations.LeakyRelu) -> Call:
    return Call("nn.LeakyReLU", activation.negative_slope)


@cells(activations.Elu)
def _elu(activation: activations.Elu) -> Call:
    return Call("nn.ELU", activation.alpha)


@cells(activations.Celu)
def _celu(activation: activations.Celu) -> Call:
    return Call("nn.CELU", activation.alpha)


@cells(activations.Gelu)
def _gelu(activation: activations.Gelu) -> Call:
    return Call("nn.GELU", **({"approximate": "tanh"} if activation.approximate else {}))


@cells(activations.Softmax)
def _softmax(activation: activations.Softmax) -> Call:
    return Call("nn.Softmax", -1)


@cells(activations.LogSoftmax)
def _log_softmax(activation: activations.LogSoftmax) -> Call:
    return Call("nn.LogSoftmax", -1)


OUTPUT, LOGITS, TARGET = Code("output"), Code("logits"), Code("x")


@cells(losses.BinaryCrossentropy)
def _binary_crossentropy(loss: losses.BinaryCrossentropy, rank: int, *, by_logits: bool) -> Call:
    if by_logits:
        return Call("F.binary_cross_entropy_with_logits", LOGITS, TARGET)
    return Call("binary_cross_entropy", OUTPUT, TARGET, epsilon=loss.epsilon)


@cells(losses.CategoricalCrossentropy)
def _categorical_crossentropy(loss: losses.CategoricalCrossentropy, rank: int, *, by_logits: bool) -> Call:
    if not by_logits:
        return Call("categorical_cross_entropy", OUTPUT, TARGET, epsilon=loss.epsilon)
    flat = "" if rank == 1 else ".flatten(0, -2)"
    return Call("F.cross_entropy", Code(LOGITS + flat), Code(TARGET + flat))


@cells(losses.MeanSquaredError)
def _mse(loss: losses.MeanSquaredError, rank: int, *, by_logits: bool) -> Call:
    return Call("F.mse_loss", OUTPUT, TARGET)


@cells(losses.MeanAbsoluteError)
def _mae(loss: losses.MeanAbsoluteError, rank: int, *, by_logits: bool) -> Call:
    return Call("F.l1_loss", OUTPUT, TARGET)


@cells(losses.Huber)
def _huber(loss: losses.Huber, rank: int, *, by_logits: bool) -> Call:
    return Call("F.huber_loss", OUTPUT, TARGET, delta=loss.delta)


@cells(regularizers.L1)
def _l1(regularizer: regularizers.L1, of: Code) -> list[Call]:
    return [Call("l1", of, regularizer.weight)]


@cells(regularizers.L2)
def _l2(regularizer: regularizers.L2, of: Code) -> list[Call]:
    return [Call("l2", of, regularizer.weight)]


@cells(regularizers.L1L2)
def _l1_l2(regularizer: regularizers.L1L2, of: Code) -> list[Call]:
    return [Call("l1", of, regularizer.l1), Call("l2", of, regularizer.l2)]


@cells(regularizers.KLDivergence)
def _kl_divergence(regularizer: regularizers.KLDivergence, of: Code) -> list[Call]:
    return [Call("kl_divergence", of, weight=regularizer.weight, target=regularizer.target)]


@cells(regularizers.GaussianKL)
def _gaussian_kl(regularizer: regularizers.GaussianKL, *of: Code) -> list[Call]:
    return [Call("gaussian_kl", *of, weight=regularizer.weight)]
