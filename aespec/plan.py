"""The plan: how a model is trained. All of it has one meaning, on every backend."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, get_args

from pydantic import BeforeValidator, ConfigDict, Field, WithJsonSchema, model_validator

from aespec.bounds import LARGEST, SMALLEST
from aespec.kind import Combined, Objections, OneOrList, combination, together
from aespec.losses import Losses
from aespec.optimizers import Adam, Decay, Optimizer, Rate, Share
from aespec.schedules import Constant, Schedule

__all__ = ["Count", "EarlyStopping", "Phase", "Section", "TrainingPlan"]

Count = Annotated[int, Field(ge=1, lt=2**31)]


def _switched(value: Any) -> Any:
    """YAML's ``true`` and ``false`` as the words that they stand for."""
    return {True: "on", False: "off"}[value] if isinstance(value, bool) else value


class Section(Combined):
    """A part of a spec with fixed fields."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    main: ClassVar[str | None] = None
    """The field that a value alone sets."""
    instead: ClassVar[Mapping[str, tuple[str, str]]] = {}
    """Of fields that exclude each other: the other one, and what it is set to where an option states the one."""


class EarlyStopping(Section):
    """When training ends before its last epoch. It looks at the validation loss, or the training loss without one."""

    main = "patience"

    patience: Count = 5
    """Epochs without a better loss after which training ends."""
    min_delta: Share = 0.0
    """By how much a loss must be below the best so far to count as better."""
    restore_best: bool = True
    """End with the weights of the best epoch, not of the last."""

    @model_validator(mode="before")
    @classmethod
    def _patience_alone(cls, value: Any) -> Any:
        return {"patience": value} if isinstance(value, int) and not isinstance(value, bool) else value


class Phase(Section):
    """One phase of greedy training: a layer of the encoder, and what undoes it, learn to restore the code so far."""

    optimizer: Optimizer | None = Field(default=None, examples=[{"sgd": 1.5}])
    """What a step does; the plan's where None."""
    epochs: Count | None = Field(default=None, examples=[5])
    """Times that all training samples are seen; the plan's where None."""
    loss: Losses | None = Field(default=None, examples=["mse"])
    """By default the model's for the phase that sees its input, ``mse`` for the others."""


class TrainingPlan(Section):
    """How the model is trained."""

    instead: ClassVar[Mapping[str, tuple[str, str]]] = {
        "clip_norm": ("clip_value", "null"),
        "clip_value": ("clip_norm", "null"),
        "validation_split": ("validation_data", "null"),
        "validation_data": ("validation_split", "0"),
    }

    optimizer: Optimizer = Adam()
    """What a step does."""
    schedule: Schedule = Constant()
    """How the learning rate changes."""
    clip_norm: Annotated[float, Field(ge=SMALLEST, le=LARGEST)] | None = Field(default=None, examples=[1.0])
    """Shorten all gradients together where the length of them all is above this (Pascanu et al., 2013)."""
    clip_value: Rate | None = Field(default=None, examples=[0.5])
    """Cut each element of a gradient to at most this, in either direction."""
    ema: Decay | None = Field(default=None, examples=[0.999])
    """Decay of a moving average of the weights, which is what is validated and kept."""
    epochs: Count = 10
    """Times that all training samples are seen."""
    batch_size: Count = 32
    """Samples a step."""
    window: Count | None = Field(default=None, examples=[4096])
    """Samples in memory at a time, and shuffled among each other, where data streams from its files: a batch or more;
    all of them where this is not stated and they fit. How long windows of a series are is said by the input's shape."""
    validation_split: Annotated[float, Field(ge=0, lt=1)] = 0.1
    """Fraction of the samples, the last ones, that is kept from training to measure the loss on; none beside
    ``validation_data``."""
    validation_data: Annotated[str, Field(min_length=1)] | None = Field(default=None, examples=["validation.npy"])
    """A file with samples to measure the loss on, instead of a split."""
    early_stopping: EarlyStopping | None = Field(default=None, examples=[5])
    """When to end before the last epoch; a number alone is its patience."""
    greedy: Annotated[tuple[Phase, ...], OneOrList()] = Field(default=(), examples=[{"epochs": 5}])
    """Phases that come first, one for each encoder layer with weights, or one alone that stands for all: each such
    layer is trained on the codes of those before it, with what undoes it (Bengio et al., 2007). Then all are trained
    together."""
    freeze: Annotated[tuple[str, ...], OneOrList()] = Field(default=(), examples=["encoder"])
    """What is not trained: ``encoder``, a layer such as ``encoder/dense_1``, or a parameter of one."""
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0
    """Decides the first weights, the order of the batches and the noise."""
    dtype: Literal["float32", "float64"] = "float32"
    """Precision to compute in."""
    mixed_precision: Literal["bfloat16"] | None = Field(default=None, examples=["bfloat16"])
    """Compute the layers in this precision, and keep the weights and the loss in ``dtype``: faster on some
    processors, slower on others, with other numbers."""
    compile: Annotated[
        Literal["auto", "on", "off"],
        BeforeValidator(_switched),
        WithJsonSchema({"enum": ["auto", "on", "off", True, False]}),
    ] = "auto"
    """Whether the framework compiles the training step; ``auto`` does where that is measured to pay."""
    randomness: Literal["framework", "shared"] = "framework"
    """Who draws noise in training: the framework, or aespec, slower, the same for every backend."""

    def which(self, phase: int) -> int:
        """The index in `greedy` of what a phase, counted from 0, trains by: one alone stands for all."""
        return phase if len(self.greedy) > 1 else 0

    @together("clip_norm", "clip_value")
    def _one_way_to_clip(self) -> Objections:
        if self.clip_norm is not None and self.clip_value is not None:
            yield combination(
                "gradients are clipped twice",
                field="clip_value",
                wanted="`clip_norm` or `clip_value`, not both",
                help="keep one of the two",
            )

    @model_validator(mode="before")
    @classmethod
    def _no_split_beside_a_file(cls, value: Any) -> Any:
        """A split that is not stated is none where a file is, so that the plan with every field stated reads back."""
        return {"validation_split": 0.0, **value} if isinstance(value, dict) and value.get("validation_data") else value

    @together("validation_split", "validation_data")
    def _one_way_to_validate(self) -> Objections:
        if self.validation_data is not None and self.validation_split:
            yield combination(
                "samples to measure the loss on are stated twice",
                field="validation_split",
                wanted="`validation_split` or `validation_data`, not both",
                help="leave one out; with `validation_data` all of the data is trained on",
            )

    @together("window", "batch_size")
    def _room_for_a_batch(self) -> Objections:
        if self.window is not None and self.window < self.batch_size:
            yield combination(
                "a window has no room for a batch",
                field="window",
                wanted=f"`window` at least {self.batch_size}, the `batch_size`",
                help="state a larger window or smaller batches",
            )

    @together("mixed_precision", "dtype")
    def _mixed_with_single(self) -> Objections:
        if self.mixed_precision and self.dtype == "float64":
            yield combination(
                f"`mixed_precision: {self.mixed_precision}` beside `dtype: float64`",
                field="mixed_precision",
                wanted="`dtype: float32`, or no mixed precision",
                help="for float64 state `mixed_precision: null`, as `--set training.mixed_precision=null` does",
            )


SHORT = {
    name: part.main
    for name, field in TrainingPlan.model_fields.items()
    for part in get_args(field.annotation)
    if isinstance(part, type) and issubclass(part, Section) and part.main
}
"""Of each field of the plan that a value alone may stand for, which field of it that value sets."""
