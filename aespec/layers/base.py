"""What a layer is: fields, a shape rule, a parameter rule, a mirror rule, and nothing else."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import prod
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from aespec.activations import Activation
from aespec.initializers import GlorotUniform, Initializer, Zeros
from aespec.kind import Kind, Objections, combination, together
from aespec.regularizers import ACTIVITY, PARAMETER, Regularizer, Target
from aespec.shapes import Shape, ShapeError, show_shape

__all__ = ["Example", "Layer", "Length", "Param", "Weighted", "Window", "known"]

Length = Annotated[int, Field(ge=1, lt=2**31)]
"""The length of an axis."""

Window = Annotated[int, Field(ge=1, le=16384)]
"""The extent of something that slides over an axis, or stretches it."""


@dataclass(frozen=True)
class Param:
    """One parameter of a layer: its shape in Keras's layout and how it starts."""

    shape: tuple[int, ...]
    initializer: Initializer
    trainable: bool = True
    regularizer: Regularizer | None = None

    @property
    def size(self) -> int:
        """The number of its elements."""
        return prod(self.shape)


@dataclass(frozen=True)
class Example:
    """A layer as a spec would state it and the shape it is given: documentation and conformance case at once."""

    fields: Mapping[str, Any] = field(default_factory=dict)
    input: Shape = ()


class Layer(Kind):
    """One step of a model: a kind of layer with its fields filled in."""

    family: ClassVar[str] = "layer"

    examples: ClassVar[tuple[Example, ...]] = ()
    """At least one a kind; each becomes a conformance case."""
    moves_only: ClassVar[bool] = False
    """Whether the layer moves, repeats or drops values without changing any."""
    stepwise: ClassVar[bool] = False
    """Whether the layer does to a sequence what it does to each step, steps counting as samples."""
    stochastic: ClassVar[Literal["uniform", "normal"] | None] = None
    """The random numbers that training draws in it, one for each element of its value: from 0 to 1, or normal."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]*$")] | None = Field(default=None, examples=["code"])
    """Name of the node, unique within its block; by default the kind and a number."""
    freeze: bool | None = Field(default=None, examples=[True])
    """Keep its parameters as they are, as ``training.freeze`` does. A layer that mirrors it is trained all the same,
    and so is the encoder where ``aespec pretrain`` tunes it."""

    ties_with: ClassVar[tuple[str, ...]] = ()
    """The kinds whose kernel this kind's kernel may be tied to."""
    tied_transposed: ClassVar[bool] = False
    """Whether a tied kernel is the other's transpose rather than the other as it is."""

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        """Keep a name for what is to come.

        Raises:
            TypeError: The kind has a field ``inputs``, which is kept for what goes into a branch.
        """
        super().__pydantic_init_subclass__(**kwargs)
        if "inputs" in cls.model_fields:
            raise TypeError(f"{cls.__name__}: a layer's field cannot be called `inputs`, which is kept for branches")

    def infer(self, x: Shape) -> Shape:
        """The output shape for the input shape ``x``; the same, unless a kind says otherwise.

        Raises:
            ShapeError: The layer cannot take ``x``.
        """
        return x

    @property
    def stated_shape(self) -> Shape | None:
        """The output shape, where the fields alone decide it."""
        return None

    def params(self, x: Shape) -> dict[str, Param]:
        """The parameters for the input shape ``x``, by name, in order, a tied kernel included."""
        return {}

    def multiply_adds(self, x: Shape) -> int | None:
        """Multiply-adds for one sample of shape ``x``; None where a length is unknown."""
        return 0

    def mirror(self, x: Shape, *, pool: "Layer | None" = None, output: bool = False) -> "tuple[Layer, ...]":
        """The layers that bring ``infer(x)`` back to ``x``; none where the shape did not change.

        Args:
            x: The shape this layer was given.
            pool: A pooling that followed, to be undone by the same layers; only where `folds` says so.
            output: Whether ``x`` is the model's input, so that the mirror ends the model.

        Raises:
            ShapeError: No layers can do it.
        """
        return ()

    def folds(self, pool: "Layer") -> bool:
        """Whether the mirror of this layer can undo that pooling, which follows it, as well."""
        return False

    def note(self, x: Shape) -> str:
        """Why the layer's fields are right for ``x``, in words; empty where there is nothing to say."""
        return ""

    def penalties(self, input_elements: int | None) -> tuple[tuple[Target, Regularizer], ...]:
        """The terms that the layer's output adds to the loss.

        Args:
            input_elements: How many numbers a sample of the model's input holds, None where unknown.

        Raises:
            ShapeError: A term needs the number and it is unknown.
        """
        activity: Regularizer | None = getattr(self, "activity_regularizer", None)
        return (("activity", activity),) if activity else ()

    @property
    def output_activation(self) -> Activation | None:
        """The activation that the output went through last; None where the layer has none of its own."""
        return getattr(self, "activation", None)

    def activated(self, activation: Activation) -> Self:
        """This layer with another activation; itself where it has no choice of one."""
        return self.model_copy(update={"activation": activation}) if "activation" in type(self).model_fields else self

    def biased(self) -> Self:
        """This layer with a bias; itself where it has no choice of one."""
        return self.model_copy(update={"use_bias": True}) if "use_bias" in type(self).model_fields else self

    @property
    def draws(self) -> Literal["uniform", "normal"] | None:
        """The random numbers that training draws here or in what this layer wraps; None where it draws none."""
        return self.innermost.stochastic

    @property
    def innermost(self) -> "Layer":
        """The layer that does the work at a step: this one, or the one that it wraps."""
        return self

    @property
    def window(self) -> tuple[int, ...]:
        """How far it looks on each axis that it slides over; empty where it does not slide."""
        return ()

    @property
    def at_every_step(self) -> "Layer | None":
        """This layer giving the output of every step; None where it gives that already, or has no steps."""
        return None

    @property
    def frozen(self) -> bool:
        """Whether its parameters are not trained: it says so, or a layer that it wraps does."""
        return bool(self.freeze) or any(value.frozen for _, value in self if isinstance(value, Layer))

    def thawed(self) -> Self:
        """This layer with what it wraps, to be trained."""
        inner = {name: value.thawed() for name, value in self if isinstance(value, Layer)}
        return self.model_copy(update={**inner, "freeze": None})

    def tied(self, node: str | None) -> Self:
        """This layer, using the kernel of that node, or one of its own. Only where `ties_with` names kinds."""
        own = {"kernel_regularizer": None, "kernel_initializer": GlorotUniform()}
        return self.model_copy(update={"tied_to": node, **own})


_ON = {"parameter": "a parameter", "activity": "an activity"}


class Weighted(Layer):
    """The fields of every layer that has a kernel and a bias."""

    use_bias: bool = True
    """Add a bias."""
    kernel_initializer: Initializer = GlorotUniform()
    """How the kernel starts."""
    bias_initializer: Initializer = Zeros()
    """How the bias starts."""
    kernel_regularizer: Regularizer | None = Field(default=None, examples=[{"l2": 0.001}], json_schema_extra=PARAMETER)
    """A term of the loss on the kernel."""
    bias_regularizer: Regularizer | None = Field(default=None, examples=[{"l2": 0.001}], json_schema_extra=PARAMETER)
    """A term of the loss on the bias."""
    activity_regularizer: Regularizer | None = Field(default=None, examples=[{"l1": 0.001}], json_schema_extra=ACTIVITY)
    """A term of the loss on the output."""

    @field_validator("kernel_regularizer", "bias_regularizer", "activity_regularizer")
    @classmethod
    def _has_a_meaning(cls, regularizer: Regularizer | None, info: ValidationInfo) -> Regularizer | None:
        target: Target = "activity" if info.field_name == "activity_regularizer" else "parameter"
        if regularizer is not None and target not in regularizer.targets:
            raise PydanticCustomError(
                "bad_regularizer",
                "`{kind}` has no meaning on {on}",
                {"kind": regularizer.kind, "on": _ON[target], "target": target, "wanted": regularizer.targets[0]},
            )
        return regularizer

    @together("tied_to", "kernel_regularizer", "kernel_initializer")
    def _a_tied_kernel_is_the_others(self) -> Objections:
        tied = getattr(self, "tied_to", None)
        for stated in self._stated("kernel_regularizer", "kernel_initializer") if tied else ():
            yield combination(
                f"`{stated}` is stated for a kernel that is tied to another",
                field=stated,
                wanted=f"`{stated}` at the layer that stores the kernel",
                help=f"state it at `{tied}`",
            )

    @together("bias_regularizer", "bias_initializer", "use_bias")
    def _no_bias_has_no_fields(self) -> Objections:
        for stated in () if self.use_bias else self._stated("bias_regularizer", "bias_initializer"):
            yield combination(
                f"`{stated}` is stated for a bias that there is not",
                field=stated,
                wanted=f"`use_bias: true`, or no `{stated}`",
            )

    def _stated(self, *names: str) -> list[str]:
        """Those of these fields that are not at their default."""
        return [name for name in names if getattr(self, name) != type(self).model_fields[name].default]

    def kernel(self, *shape: int) -> dict[str, Param]:
        """The kernel's parameter."""
        return {"kernel": Param(shape, self.kernel_initializer, regularizer=self.kernel_regularizer)}

    def bias(self, *shape: int) -> dict[str, Param]:
        """The bias's parameter, where there is one."""
        return {"bias": Param(shape, self.bias_initializer, regularizer=self.bias_regularizer)} if self.use_bias else {}

    def alike(self) -> dict[str, Any]:
        """The fields that the mirror of a layer takes over from it."""
        names = ("use_bias", "kernel_initializer", "bias_initializer", "kernel_regularizer", "bias_regularizer")
        return {name: getattr(self, name) for name in names}


def known(x: Shape, axis: int, name: str, *, help: str | None = None) -> int:
    """The length of an axis that must be known, since weights or counts depend on it."""
    if (n := x[axis] if x else None) is None:
        raise ShapeError(
            f"the {name} axis has an unknown length",
            wanted=f"a known number of {name}",
            got=show_shape(x),
            help=help or "state the length in `input`, or use layers that keep an unknown axis apart",
        )
    return n
