"""Regularizers: what a loss adds for large weights, or for a code that is too active.

On a parameter the sums run over its elements. On an activity they run over a sample's elements and are
meaned over the batch; the divergence, which is of the batch's means already, is not divided again.

Keras divides whatever an activity regularizer gives by the batch size. For l1 and l2, which sum over the whole
batch there, that is the mean over samples: the same weight here. For a divergence written as Keras's users do, of
the batch's means, a weight ``w`` published for batch 32 is ``w / 32`` here.
"""

from typing import Annotated, ClassVar, Literal

from pydantic import Field
from pydantic.config import JsonDict

from aespec.bounds import LARGEST
from aespec.kind import Kind

Weight = Annotated[float, Field(ge=0, le=LARGEST)]
"""A factor that float32 can hold."""

Target = Literal["parameter", "activity", "latent"]


PARAMETER: JsonDict = {"x-members": "parameter"}
"""Of a field that takes those which are a penalty of a parameter, for the schema."""

ACTIVITY: JsonDict = {"x-members": "activity"}
"""Of one that takes those of a layer's output."""


class Regularizer(Kind):
    """A term of the loss that pulls values towards something."""

    family: ClassVar[str] = "regularizer"

    targets: ClassVar[tuple[Target, ...]] = ("parameter", "activity")
    """What it has a meaning on."""
    factors: ClassVar[tuple[str, ...]] = ("weight",)
    """The fields that what it adds is multiplied by."""

    @property
    def counts(self) -> bool:
        """Whether it adds anything."""
        return any(getattr(self, name) > 0 for name in self.factors)


class L1(Regularizer):
    """``weight * sum(abs(x))``."""

    kind = "l1"
    main = "weight"

    weight: Weight = 0.01
    """Factor of the term."""


class L2(Regularizer):
    """``weight * sum(x**2)``."""

    kind = "l2"
    main = "weight"

    weight: Weight = 0.01
    """Factor of the term."""


class L1L2(Regularizer):
    """``l1 * sum(abs(x)) + l2 * sum(x**2)``."""

    kind = "l1_l2"
    factors = ("l1", "l2")

    l1: Weight = 0.01
    """Factor of the absolute values."""
    l2: Weight = 0.01
    """Factor of the squares."""


class KLDivergence(Regularizer):
    """``weight * sum(p log(p / q) + (1 - p) log((1 - p) / (1 - q)))``, q a unit's mean over the batch.

    Sparsity as in Ng's CS294A notes: each unit is to be active for the fraction p of the samples. It wants
    activities in (0, 1), so a sigmoid before it; q is clipped to [1e-7, 1 - 1e-7].
    """

    kind = "kl_divergence"
    elsewhere = ("KL", "KLD", "KLDiv", "sparsity", "KLDivergenceRegularizer", "KLSparsity")
    targets = ("activity",)

    EPSILON: ClassVar[float] = 1e-7

    weight: Weight = 0.01
    """Factor of the term."""
    target: float = Field(default=0.1, gt=0, lt=1)
    """p, the fraction of samples for which a unit is to be active."""


class GaussianKL(Regularizer):
    """``weight * sum((mean**2 + exp(log_var) - 1 - log_var) / 2)``, against a standard normal.

    The term of a variational code (Kingma and Welling, 2014), which `gaussian_latent` brings with it.
    """

    kind = "gaussian_kl"
    main = "weight"
    targets = ("latent",)

    weight: Weight = 1.0
    """Factor of the term, beta (Higgins et al., 2017)."""
