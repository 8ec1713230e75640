"""Initializers: how the core draws a parameter's first values, with NumPy, the same for every backend.

The rules, fans included, are those of https://keras.io/api/layers/initializers/.
"""

from math import prod, sqrt
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from aespec.bounds import LARGEST
from aespec.kind import Kind

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Draw = NDArray[np.float64]

Number = Annotated[float, Field(ge=-LARGEST, le=LARGEST)]
"""A value that float32 can hold, with room to compute."""

Size = Annotated[float, Field(gt=0, le=LARGEST)]
"""A positive one."""

TRUNCATED_STDDEV = 0.87962566103423978
"""Standard deviation of a unit normal truncated at two standard deviations."""


class Initializer(Kind):
    """How a parameter's first values are drawn."""

    family: ClassVar[str] = "initializer"

    def draw(self, rng: "np.random.Generator", shape: tuple[int, ...]) -> "Draw":
        """Values in float64, of a parameter in Keras's layout."""
        raise TypeError(f"{type(self).__name__} draws nothing")


def parameter_stream(seed: int, name: str) -> "np.random.Generator":
    """The random stream of one parameter: it depends on the seed and the name, on nothing else."""
    import hashlib

    import numpy as np

    digest = hashlib.sha256(name.encode()).digest()
    return np.random.Generator(np.random.PCG64([seed, *np.frombuffer(digest, dtype=np.uint32).tolist()]))


def fans(shape: tuple[int, ...]) -> tuple[int, int]:
    """Fan in and fan out of a parameter, by the axis rule of Keras's ``compute_fans``.

    >>> fans((784, 100)), fans((3, 3, 1, 16)), fans((4,))
    ((784, 100), (9, 144), (4, 4))
    """
    if len(shape) < 2:
        return (shape[0], shape[0]) if shape else (1, 1)
    window = prod(shape[:-2])
    return shape[-2] * window, shape[-1] * window


class Zeros(Initializer):
    """All zero."""

    kind = "zeros"

    def draw(self, rng: "np.random.Generator", shape: tuple[int, ...]) -> "Draw":
        """See `Initializer.draw`."""
        import numpy as np

        return np.zeros(shape)


class Ones(Initializer):
    """All one."""

    kind = "ones"

    def draw(self, rng: "np.random.Generator", shape: tuple[int, ...]) -> "Draw":
        """See `Initializer.draw`."""
        import numpy as np

        return np.ones(shape)


class Constant(Initializer):
    """All the same value."""

    kind = "constant"
    main = "value"

    value: Number = Field(examples=[0.1])
    """The value."""

    def draw(self, rng: "np.random.Generator", shape: tuple[int, ...]) -> "Draw":
        """See `Initializer.draw`."""
        import numpy as np

        return np.full(shape, self.value)


class RandomUniform(Initializer):
    """Uniform between two bounds."""

    kind = "random_uniform"
    elsewhere = ("uniform",)

    minval: Number = -0.05
    """Lower bound."""
    maxval: Number = 0.05
    """Upper bound."""

    def draw(self, rng: "np.random.Generator", shape: tuple[int, ...]) -> "Draw":
        """See `Initializer.draw`."""
        return rng.uniform(self.minval, self.maxval, shape)


class RandomNormal(Initializer):
    """Normal."""

    kind = "random_normal"
    elsewhere = ("normal",)

    mean: Number = 0.0
    """Mean."""
    stddev: Size = 0.05
    """Standard deviation."""

    def draw(self, rng: "np.random.Generator", shape: tuple[int, ...]) -> "Draw":
        """See `Initializer.draw`."""
        return rng.normal(self.mean, self.stddev, shape)


class TruncatedNormal(Initializer):
    """Normal, what lies beyond two standard deviations drawn again."""

    kind = "truncated_normal"

    mean: Number = 0.0
    """Mean."""
    stddev: Size = 0.05
    """Standard deviation before the truncation."""

    def draw(self, rng: "np.random.Generator", shape: tuple[int, ...]) -> "Draw":
        """See `Initializer.draw`."""
        return self.mean + self.stddev * _truncated(rng, shape)


class VarianceScaling(Initializer):
    """Variance ``scale / fan``, from the law that ``distribution`` names."""

    kind = "variance_scaling"

    scale: Size = 1.0
    """Numerator of the variance."""
    mode: Literal["fan_in", "fan_out", "fan_avg"] = "fan_in"
    """Denominator of the variance."""
    distribution: Literal["truncated_normal", "untruncated_normal", "uniform"] = "truncated_normal"
    """The law; a truncated normal is rescaled to keep the variance."""

    def draw(self, rng: "np.random.Generator", shape: tuple[int, ...]) -> "Draw":
        """See `Initializer.draw`."""
        return _scaled(rng, shape, self.scale, self.mode, self.distribution)


class GlorotUniform(Initializer):
    """Uniform of variance ``2 / (fan_in + fan_out)`` (Glorot and Bengio, 2010)."""

    kind = "glorot_uniform"
    elsewhere = ("xavier_uniform", "xavier", "glorot")

    def draw(self, rng: "np.random.Generator", shape: tuple[int, ...]) -> "Draw":
        """See `Initializer.draw`."""
        return _scaled(rng, shape, 1.0, "fan_avg", "uniform")


class GlorotNormal(Initializer):
    """Truncated normal of variance ``2 / (fan_in + fan_out)`` (Glorot and Bengio, 2010)."""

    kind = "glorot_normal"
    elsewhere = ("xavier_normal",)

    def draw(self, rng: "np.random.Generator", shape: tuple[int, ...]) -> "Draw":
        """See `Initializer.draw`."""
        return _scaled(rng, shape, 1.0, "fan_avg", "truncated_normal")


class HeUniform(Initializer):
    """Uniform of variance ``2 / fan_in`` (He et al., 2015)."""

    kind = "he_uniform"
    elsewhere = ("kaiming_uniform", "kaiming", "he")

    def draw(self, rng: "np.random.Generator", shape: tuple[int, ...]) -> "Draw":
        """See `Initializer.draw`."""
        return _scaled(rng, shape, 2.0, "fan_in", "uniform")


class HeNormal(Initializer):
    """Truncated normal of variance ``2 / fan_in`` (He et al., 2015)."""

    kind = "he_normal"
    elsewhere = ("kaiming_normal",)

    def draw(self, rng: "np.random.Generator", shape: tuple[int, ...]) -> "Draw":
        """See `Initializer.draw`."""
        return _scaled(rng, shape, 2.0, "fan_in", "truncated_normal")


class LecunUniform(Initializer):
    """Uniform of variance ``1 / fan_in`` (LeCun et al., 1998)."""

    kind = "lecun_uniform"

    def draw(self, rng: "np.random.Generator", shape: tuple[int, ...]) -> "Draw":
        """See `Initializer.draw`."""
        return _scaled(rng, shape, 1.0, "fan_in", "uniform")


class LecunNormal(Initializer):
    """Truncated normal of variance ``1 / fan_in`` (LeCun et al., 1998); selu's own."""

    kind = "lecun_normal"

    def draw(self, rng: "np.random.Generator", shape: tuple[int, ...]) -> "Draw":
        """See `Initializer.draw`."""
        return _scaled(rng, shape, 1.0, "fan_in", "truncated_normal")


class Orthogonal(Initializer):
    """Orthonormal rows or columns, through QR with the sign of R's diagonal (Saxe et al., 2014)."""

    kind = "orthogonal"
    main = "gain"

    gain: Size = 1.0
    """Factor on the matrix."""

    def draw(self, rng: "np.random.Generator", shape: tuple[int, ...]) -> "Draw":
        """See `Initializer.draw`; all axes but the last are the rows of the matrix."""
        import numpy as np

        rows, columns = prod(shape[:-1]), shape[-1]
        q, r = np.linalg.qr(rng.normal(size=(max(rows, columns), min(rows, columns))))
        q = q * np.sign(np.diag(r))
        return self.gain * (q if rows >= columns else q.T).reshape(shape)


class UnitForgetBias(Initializer):
    """Zero but for an LSTM's forget gate, the second of four, which is one (Jozefowicz et al., 2015)."""

    kind = "unit_forget_bias"

    def draw(self, rng: "np.random.Generator", shape: tuple[int, ...]) -> "Draw":
        """See `Initializer.draw`."""
        import numpy as np

        bias = np.zeros(shape)
        units = shape[-1] // 4
        bias[..., units : 2 * units] = 1.0
        return bias


def _truncated(rng: "np.random.Generator", shape: tuple[int, ...]) -> "Draw":
    import numpy as np

    values = rng.normal(size=shape)
    while (outside := np.abs(values) > 2).any():
        values[outside] = rng.normal(size=int(outside.sum()))
    return values


def _scaled(rng: "np.random.Generator", shape: tuple[int, ...], scale: float, mode: str, distribution: str) -> "Draw":
    fan_in, fan_out = fans(shape)
    variance = scale / max(1.0, {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}[mode])
    if distribution == "uniform":
        limit = sqrt(3 * variance)
        return rng.uniform(-limit, limit, shape)
    if distribution == "untruncated_normal":
        return rng.normal(0.0, sqrt(variance), shape)
    return sqrt(variance) / TRUNCATED_STDDEV * _truncated(rng, shape)
