"""The spec: a whole file as a pydantic model, what a model is and not how it is made."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence, Set
from contextlib import suppress
from copy import deepcopy
from functools import reduce
from operator import getitem
from os import PathLike, fspath
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import (
    BeforeValidator,
    Field,
    PlainSerializer,
    PrivateAttr,
    TypeAdapter,
    ValidationError,
    WrapValidator,
    model_validator,
)

from aespec.activations import Activation
from aespec.diagnostics import AespecError, Diagnostic, Loc, Place, in_order
from aespec.faults import Fault, holder
from aespec.fieldnames import MANY
from aespec.holes import Hole, hole
from aespec.kind import Kind, Objections, combination, nested, together
from aespec.layers.axes import as_tuple
from aespec.layers.base import Layer, Length, Weighted
from aespec.losses import Losses, MeanSquaredError
from aespec.optimizers import Adam, Optimizer
from aespec.plan import Count, Section, TrainingPlan
from aespec.problems import by_field, diagnose, removable
from aespec.schedules import Constant, Schedule
from aespec.source import Source
from aespec.source.override import Override
from aespec.source.text import LOST

__all__ = ["Classifier", "Decoder", "Input", "Mirror", "Spec", "TrainingPlan", "Way", "load", "parse"]

Way = Literal["standard", "minmax"]
"""How features are scaled."""

Layers = Annotated[tuple[Layer, ...], BeforeValidator(as_tuple)]
SomeLayers = Annotated[Layers, Field(min_length=1)]


class Input(Section):
    """What a sample of the model's input is."""

    main = "shape"

    shape: Annotated[tuple[Length | None, ...], BeforeValidator(as_tuple), Field(min_length=1, max_length=5)] = Field(
        examples=[[28, 28], [None, 6]]
    )
    """Lengths of the axes, channels last, without the batch axis; null where a length may vary."""
    range: Annotated[tuple[float, float], BeforeValidator(as_tuple)] | None = Field(default=None, examples=[[0, 1]])
    """Least and largest value. Images and whole-number data are scaled to it; other data must lie in it."""
    scaling: Way | None = Field(default=None, examples=["standard"])
    """Scale each feature, an index of the last axis, as found on the training samples: ``standard`` to a mean of 0 and
    a deviation of 1, ``minmax`` to ``range``, or to 0..1 without one."""
    columns: Annotated[tuple[str, ...], BeforeValidator(as_tuple), Field(min_length=1)] | None = Field(
        default=None, examples=[["height", "width"]]
    )
    """Of a table, the columns that are features, by name and in this order; by default all but the label."""
    label: str | None = Field(default=None, examples=["species"])
    """Of a table, the column that labels samples, which no model sees; by default one called label, labels or y."""
    stride: Annotated[int, Field(gt=0)] | None = Field(default=None, examples=[16])
    """The data is one long series (steps, features), cut into windows of the shape's length, one every so many
    steps."""

    @model_validator(mode="before")
    @classmethod
    def _shape_alone(cls, value: Any) -> Any:
        return {"shape": value} if isinstance(value, (list, tuple)) else value

    @together("range")
    def _range_in_order(self) -> Objections:
        if self.range is not None and self.range[0] >= self.range[1]:
            least, largest = sorted(self.range)
            help = f"write `[{least:g}, {largest:g}]`" if least < largest else None
            yield combination("`range` is empty", field="range", wanted="[least, largest], the least first", help=help)

    @together("scaling", "range")
    def _range_of_scaled(self) -> Objections:
        if self.scaling == "standard" and self.range is not None:
            yield combination(
                "values of mean 0 have no `range`",
                field="range",
                wanted="`scaling: minmax`, or no range",
                help="remove `range`, or write `scaling: minmax`",
            )

    @together("stride", "shape")
    def _windows_of_steps(self) -> Objections:
        if self.stride is not None and (len(self.shape) != 2 or self.shape[0] is None):
            yield combination("windows have a length and features", field="stride", wanted="`shape: [steps, features]`")

    @together("columns", "label", "shape")
    def _a_column_each(self) -> Objections:
        features = {*(self.columns or ())} - {self.label}  # what else is among them is told apart
        if self.columns is not None and self.shape[-1] not in (None, len(self.columns), len(features)):
            yield combination(
                "`columns` are not as many as features",
                field="columns",
                wanted=f"{self.shape[-1]} of them, the last axis of `shape`",
                help=f"name {self.shape[-1]} columns, or write {len(self.columns)} for the last axis of `shape`",
            )

    @together("columns")
    def _each_column_once(self) -> Objections:
        if self.columns is not None and len({*self.columns}) < len(self.columns):
            [(twice, times)] = Counter(self.columns).most_common(1)
            yield combination(
                f"`columns` names `{twice}` {'twice' if times == 2 else f'{times} times'}",
                field="columns",
                wanted="each column once",
                help=f"name others, or write `{twice}` once, and in `shape` as many features as columns",
            )

    @together("columns", "label")
    def _no_label_among_features(self) -> Objections:
        if self.columns is not None and self.label in self.columns:
            yield combination(
                f"`{self.label}` is the label, and among the features",
                field="columns",
                wanted="columns that a model may see",
                help=f"leave `{self.label}` out of `columns`, or name another `label`",
            )


class Decoder(Kind):
    """How a decoder is made when its layers are not written out."""

    family: ClassVar[str] = "decoder form"


class Mirror(Decoder):
    """The encoder's layers undone, last to first."""

    kind = "mirror"
    elsewhere = ("symmetric", "symmetrical", "auto")

    output_activation: Activation | None = Field(default=None, examples=["sigmoid"])
    """What the reconstruction goes through. By default sigmoid for binary cross-entropy, softmax for the
    categorical one, else linear."""
    tie_weights: bool = False
    """Use the encoder's kernels, transposed, wherever the kinds allow it; biases stay the decoder's own."""
    length: Length | None = Field(default=None, examples=[28])
    """Number of steps to reconstruct, where the input leaves it unknown."""


def _read_decoder(value: Any, handler: Any) -> Any:
    """Either form by its own rules: a union's errors would speak of both."""
    if isinstance(value, (list, tuple)):
        return nested((), lambda: TypeAdapter(SomeLayers).validate_python(value))
    return Decoder.read(value)


def _decoder_to_data(decoder: Mirror | tuple[Layer, ...]) -> Any:
    return decoder.to_data() if isinstance(decoder, Kind) else [layer.to_data() for layer in decoder]


class Classifier(Section):
    """A classifier: the encoder, and a head on its code."""

    head: Layers = Field(default=(), examples=[[{"dense": 64}, {"dropout": 0.3}]])
    """The layers from the code, which is flattened, to the last, a dense softmax over the classes, which is added."""
    optimizer: Optimizer = Adam()
    """What a step does."""
    schedule: Schedule = Constant()
    """How the learning rate changes."""
    epochs: Count = 100
    """Times that all labelled samples are seen."""
    batch_size: Count = 32
    """Samples a step."""


class Spec(Section):
    """A whole spec."""

    name: str = Field(
        default="autoencoder",  # of a text that is no file
        pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$",
        max_length=100,
        examples=["sensors"],
        json_schema_extra={"x-default": "the file's name"},
    )
    """Names the model and its run folders."""
    description: str = Field(default="", examples=["Vibration of a pump, in windows of a second."])
    """What the model is for, in a sentence."""
    vars: dict[str, Any] = Field(default_factory=dict, examples=[{"width": 64}])
    """Values that ``${name}`` stands for elsewhere in the file."""
    input: Input = Field(examples=[[28, 28], {"shape": [28, 28], "range": [0, 1]}])
    """What goes in, and comes out again."""
    encoder: SomeLayers = Field(examples=[["flatten", {"dense": 100}, {"dense": 30}]])
    """The layers from the input to the code."""
    decoder: Annotated[Mirror | SomeLayers, WrapValidator(_read_decoder), PlainSerializer(_decoder_to_data)] = Field(
        examples=["mirror", {"mirror": {"tie_weights": True}}]
    )
    """The layers from the code to the reconstruction, or ``mirror``."""
    loss: Losses = Field(default=(MeanSquaredError(),), examples=[["mse", {"mae": {"weight": 0.1}}]])
    """The distance between input and reconstruction that training makes small; a list of several is their sum, each
    times its ``weight``."""
    training: TrainingPlan = Field(default=TrainingPlan(), examples=[{"optimizer": {"adam": 0.001}, "epochs": 20}])
    """How the model is trained."""
    classifier: Classifier | None = Field(default=None, examples=[{"head": [{"dense": 64}]}])
    """What ``aespec pretrain`` puts on the trained encoder, and how it trains that."""

    _source: Source | None = PrivateAttr(default=None)
    _doubtful: Set[Loc] = PrivateAttr(default=frozenset())
    _unnamed: Set[Loc] = PrivateAttr(default=frozenset())
    _has_input: bool = PrivateAttr(default=True)

    @property
    def source(self) -> Source | None:
        """The text that it was read from; None for a spec that was made without one."""
        return self._source

    def is_doubtful(self, loc: Loc) -> bool:
        """Whether the layer at a path is not as the file states it, which is wrong."""
        return _layer(loc) in self._doubtful

    @property
    def has_input(self) -> bool:
        """Whether its input is what the file states, and not wrong there."""
        return self._has_input

    def is_unnamed(self, loc: Loc) -> bool:
        """Whether the layer at a path has a name that cannot be read."""
        return _layer(loc) in self._unnamed

    def place(self, loc: Sequence[str | int], *, key: bool = False) -> Place | None:
        """Where the file states something; None for a spec that was made without one."""
        return self._source.place(tuple(loc), key=key) if self._source else None

    def to_data(self) -> dict[str, Any]:
        """The spec as plain data with every field stated and every variable replaced, which reads back equal."""
        data: dict[str, Any] = literal(self.model_dump(mode="json", exclude={"vars"}))
        return data


def load(
    path: str | PathLike[str],
    overrides: Sequence[Override] = (),
    problems: list[Diagnostic] | None = None,
    *,
    text: str | None = None,
) -> Spec:
    """Read a spec from a YAML or JSON file.

    Args:
        path: The file.
        overrides: Assignments such as ``training.epochs=5``, made one after the other before anything is checked.
        problems: Takes the problems in spite of which there is a spec, with a `Hole` for each layer that cannot
            be read and the default for any other value, so that `aespec.passes` can tell of more.
        text: What the file is to be read as holding; by default what it holds.

    Raises:
        AespecError: The file or what it says is wrong, and there is no spec or no such list; all problems are in it.
    """
    found: list[Diagnostic] = []
    if text is None:
        source = Source.read(path, overrides, found)
    else:
        file = Path(path).parent.resolve() / Path(path).name
        source = Source.parse(text, fspath(path), overrides, found, file)
    spec = _validate(source, found, problems)
    if "name" in spec.model_fields_set:
        return spec
    name = re.sub(r"[^A-Za-z0-9_.-]+", "-", Path(path).stem).strip("-._")[:100]
    return spec.model_copy(update={"name": name}) if name else spec


def parse(
    spec: str | Mapping[str, Any], overrides: Sequence[Override] = (), problems: list[Diagnostic] | None = None
) -> Spec:
    """Read a spec from YAML text or from a mapping, as `load` reads a file.

    Raises:
        AespecError: What it says is wrong, and there is no spec or no such list; all problems are in it.
    """
    found: list[Diagnostic] = []
    text = spec if isinstance(spec, str) else Source.of(spec).text
    return _validate(Source.parse(text, overrides=overrides, problems=found), found, problems)


def literal(value: Any) -> Any:
    """Data, its texts written so that nothing in them is taken for a variable."""
    if isinstance(value, dict):
        return {key: literal(item) for key, item in value.items()}
    if isinstance(value, list):
        return [literal(item) for item in value]
    return value.replace("${", "$${") if isinstance(value, str) else value


def _validate(source: Source, found: list[Diagnostic], problems: list[Diagnostic] | None = None) -> Spec:
    """The spec of a source."""
    found[:] = by_field(found, source, Spec)
    spec, doubtful, unnamed, has_input = None, frozenset[Loc](), frozenset[Loc](), True
    try:
        spec = Spec.model_validate(source.data)
    except ValidationError as error:
        findings = diagnose(error.errors(), source, Spec)
        found += findings.said
        if problems is not None:
            source, doubtful = findings.source, frozenset(map(_layer, findings.guessed))
            lost = (loc for loc in source.spoilt if source.value(loc) == LOST)
            unnamed = frozenset(map(_layer, (*findings.unnamed, *source.misnamed, *lost)))
            spec = _what_is_right(source, findings.left)
            has_input = all(_part(fault) != ("input",) for fault in findings.left)
    if spec is None or (found and problems is None):
        raise AespecError(*in_order(found))
    if problems is not None:
        problems += found
    spec._source, spec._doubtful, spec._unnamed, spec._has_input = source, doubtful, unnamed, has_input
    return spec


def _what_is_right(source: Source, faults: Sequence[Fault]) -> Spec | None:
    """The spec with a hole for each layer that is wrong, and without any other value that is; None if it is no spec."""
    right = deepcopy(source.data)
    parts: dict[Loc, list[Fault]] = {}  # what is inside another first, of a list what stands last
    for fault in faults:
        parts.setdefault(_part(fault), []).append(fault)
    for i, part in enumerate(sorted(parts, key=lambda part: (len(part), _last(part)), reverse=True)):
        match part:
            case ("encoder" | "decoder" as block,):
                right[block] = [Hole()]
            case ("loss", int(at)):
                right["loss"] = [loss for j, loss in enumerate(right["loss"]) if j != at] or "mse"
            case (*path, int(at)):
                layers = reduce(getitem, path, right)
                layers[at] = hole(layers[at], part, parts[part], guess=i < MANY)
            case (*path, field):
                holding = reduce(getitem, path, right)
                holding.pop(field, None)
                if (fault := parts[part][-1]).stand_in is not None and part == fault.written:
                    holding[field] = fault.stand_in
    if ("input",) in parts:
        right |= {"input": [None], "encoder": [hole(right["encoder"][0], (), (), guess=False), *right["encoder"][1:]]}
    for doubted in ((), ("loss",), ("loss", "training", "classifier")):  # which may not fit together otherwise
        with suppress(ValidationError):
            return Spec.model_validate({part: right[part] for part in right if part not in doubted})
    return None


def _part(fault: Fault) -> Loc:
    """The least part of a spec around a fault without which every shape is what was meant, or not known."""
    if fault.stand_in is not None and fault.written in fault.source.values:
        return fault.written
    part = holder(fault.loc, Spec)
    if part == ("loss",) and isinstance(fault.source.value(part), list):
        return fault.loc[:2]
    if part and part in fault.source.values:
        return part
    if removable(fault) or _shapeless(fault):
        return fault.written
    match fault.loc:
        case ("classifier", "head", int(), *_):
            return fault.loc[:3]
        case ("encoder" | "decoder", int(), *_) | ("training" | "classifier", _, *_):
            return fault.loc[:2]
        case ("input", field, *_) if field != "shape":
            return fault.loc[:2]
    return fault.loc[:1]


def _last(loc: Loc) -> int:
    return loc[-1] if loc and isinstance(loc[-1], int) else -1


def _shapeless(fault: Fault) -> bool:
    """Whether it is a field that all layers have, or all that have weights, of which none decides a shape."""
    return issubclass(fault.kind or Spec, Layer) and fault.loc[-1] in Weighted.model_fields and fault.type != "missing"


def _layer(loc: Loc) -> Loc:
    """The path of the layer that a path leads into: it ends in the first place in a list."""
    return next((loc[: end + 1] for end, part in enumerate(loc) if isinstance(part, int)), loc)
