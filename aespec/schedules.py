"""Schedules: the factor of the learning rate at each step. The core computes it, so it is the same on every backend.

Time is counted in epochs, whatever their number of steps: at the first step of training it is 0, in the middle of the
third epoch 2.5.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field

from aespec.kind import Kind
from aespec.optimizers import Share

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Times = NDArray[np.float64]

Epochs = Annotated[float, Field(gt=0, le=1e9)]
Factor = Annotated[float, Field(gt=0, le=1)]


class Schedule(Kind):
    """How the learning rate changes in the course of training."""

    family: ClassVar[str] = "schedule"

    def factors(self, times: "Times", epochs: int, losses: Sequence[float]) -> "Times":
        """The factor of the learning rate at each step.

        Args:
            times: When each step begins, in epochs.
            epochs: How long the whole training is.
            losses: The loss after each epoch that is over: of the validation samples, where there are any.
        """
        raise TypeError(f"{type(self).__name__} has no factors")


class Constant(Schedule):
    """The learning rate stays as it is."""

    kind = "constant"

    def factors(self, times: "Times", epochs: int, losses: Sequence[float]) -> "Times":
        """1."""
        return times * 0.0 + 1.0


class Step(Schedule):
    """Multiplies the rate by a factor, time and again: ``factor ** floor(time / every)``."""

    kind = "step"
    elsewhere = ("MultiStepLR",)
    main = "every"

    every: Epochs = Field(examples=[10])
    """Epochs from one change to the next."""
    factor: Factor = 0.1
    """What the rate is multiplied by."""

    def factors(self, times: "Times", epochs: int, losses: Sequence[float]) -> "Times":
        """``factor ** floor(time / every)``."""
        # A time that is a multiple but for rounding counts as one.
        factors: Times = self.factor ** ((times + 1e-9) // self.every)
        return factors


class Exponential(Schedule):
    """The rate shrinks evenly at every step: ``factor ** (time / every)``."""

    kind = "exponential"
    main = "factor"

    factor: Factor = 0.96
    """What the rate is multiplied by in the course of ``every`` epochs."""
    every: Epochs = 1.0
    """Epochs in which that happens."""

    def factors(self, times: "Times", epochs: int, losses: Sequence[float]) -> "Times":
        """``factor ** (time / every)``."""
        factors: Times = self.factor ** (times / self.every)
        return factors


class Cosine(Schedule):
    """Half a cosine from the full rate down to its end, after a warm-up on a line (Loshchilov and Hutter, 2017)."""

    kind = "cosine"
    elsewhere = ("CosineAnnealingLR",)
    main = "warmup"

    warmup: Share = 0.0
    """Epochs in which the rate first rises to its full height; at the first step it is a step's share of it."""
    final: Annotated[float, Field(ge=0, le=1)] = 0.0
    """What part of the rate is left at the end of training."""

    def factors(self, times: "Times", epochs: int, losses: Sequence[float]) -> "Times":
        """``time / warmup`` at first, then ``final + (1 - final) * (1 + cos(pi * t)) / 2``, t from 0 to 1."""
        import numpy as np

        step = times[1] - times[0] if len(times) > 1 else 1.0
        t = ((times - self.warmup) / max(epochs - self.warmup, step)).clip(0, 1)
        down = self.final + (1 - self.final) * (1 + np.cos(np.pi * t)) / 2
        return np.where(times < self.warmup, (times + step).clip(0, self.warmup) / max(self.warmup, step), down)


class ReduceOnPlateau(Schedule):
    """Multiplies the rate by a factor where the loss has not become better for some epochs.

    As https://keras.io/api/callbacks/reduce_lr_on_plateau/ has it.
    """

    kind = "reduce_on_plateau"
    main = "patience"

    patience: Annotated[int, Field(ge=1, le=10**9)] = 10
    """Epochs without a better loss before the rate is reduced."""
    factor: Factor = 0.1
    """What the rate is multiplied by."""
    min_delta: Share = 1e-4
    """By how much a loss must be below the best so far to count as better."""
    cooldown: Annotated[int, Field(ge=0, le=10**9)] = 0
    """Epochs after a reduction that are not counted."""
    least: Annotated[float, Field(ge=0, le=1)] = 0.0
    """The smallest factor."""

    def factors(self, times: "Times", epochs: int, losses: Sequence[float]) -> "Times":
        """The same for a whole epoch: what the losses so far have brought it to."""
        factor, best, waited, cooling = 1.0, float("inf"), 0, 0
        for loss in losses:
            if cooling:
                cooling, waited = cooling - 1, 0
            if loss < best - self.min_delta:
                best, waited = loss, 0
            elif not cooling:
                waited += 1
                if waited >= self.patience:
                    factor, waited, cooling = max(factor * self.factor, self.least), 0, self.cooldown
        return times * 0.0 + factor
