"""The code of a variational autoencoder."""

from typing import Literal

from aespec.initializers import GlorotUniform, Initializer, Zeros
from aespec.layers.base import Example, Layer, Param, known
from aespec.layers.dense import Dense, Units
from aespec.regularizers import GaussianKL, Regularizer, Target, Weight
from aespec.shapes import Shape, ShapeError, elements


class GaussianLatent(Layer):
    """A code drawn from a normal whose mean and log-variance are two dense layers of the input.

    Training draws ``mean + exp(log_var / 2) * noise``; otherwise the code is the mean. The loss gains
    ``beta`` times the Kullback-Leibler divergence from the standard normal. (Kingma and Welling, 2014)
    """

    kind = "gaussian_latent"
    elsewhere = ("Sampling", "Reparameterize", "VAE", "KL", "gaussian_code", "variational", "gaussian")
    main = "units"
    stochastic = "normal"
    examples = (
        Example({"units": 2}, input=(5,)),
        Example({"units": 3, "beta": 0.5, "kl_scale": "element"}, input=(4,)),
    )

    units: Units
    """Width of the code."""
    beta: Weight = 1.0
    """Factor of the divergence (Higgins et al., 2017)."""
    kl_scale: Literal["sample", "element"] = "sample"
    """``sample``: the divergence of a whole sample. ``element``: divided by the number of elements of the
    model's input, to stand beside a loss that is a mean over elements."""
    kernel_initializer: Initializer = GlorotUniform()
    """How both kernels start."""
    bias_initializer: Initializer = Zeros()
    """How both biases start."""

    def infer(self, x: Shape) -> Shape:
        """(..., n) -> (..., units)."""
        known(x, -1, "features")
        return (*x[:-1], self.units)

    def params(self, x: Shape) -> dict[str, Param]:
        """A kernel (n, units) and a bias (units,) for the mean, and for the log-variance."""
        kernel = Param((known(x, -1, "features"), self.units), self.kernel_initializer)
        bias = Param((self.units,), self.bias_initializer)
        return {"mean_kernel": kernel, "mean_bias": bias, "log_var_kernel": kernel, "log_var_bias": bias}

    def multiply_adds(self, x: Shape) -> int | None:
        """Those of two dense layers."""
        n = elements(x)
        return n and 2 * n * self.units

    def mirror(self, x: Shape, *, pool: Layer | None = None, output: bool = False) -> tuple[Layer, ...]:
        """A dense layer of the width that this one was given."""
        width, (kernel, bias) = known(x, -1, "features"), (self.kernel_initializer, self.bias_initializer)
        return (Dense(units=width, kernel_initializer=kernel, bias_initializer=bias),)

    def penalties(self, input_elements: int | None) -> tuple[tuple[Target, Regularizer], ...]:
        """The divergence."""
        if self.kl_scale == "sample":
            return (("latent", GaussianKL(weight=self.beta)),)
        if input_elements is None:
            raise ShapeError(
                "`kl_scale: element` divides by the number of elements of the input, which is unknown",
                wanted="an input of known size",
                got="an axis of unknown length",
                help="use `kl_scale: sample` and a smaller `beta`",
            )
        return (("latent", GaussianKL(weight=self.beta / input_elements)),)
