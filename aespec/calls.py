"""What a call of Python was meant to be, as Keras, PyTorch and their users write layers, losses and optimizers."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from pydantic import BaseModel, TypeAdapter, ValidationError

from aespec.faults import inner_models
from aespec.fieldnames import field_meant
from aespec.kind import Kind, own_first
from aespec.meanings import IDLE, fields_meant, short
from aespec.registry import kinds, nearest_kind

__all__ = ["AROUND", "arguments_meant", "behind_input", "call_meant", "padded_apart"]


def call_meant(family: str, text: str, rank: int | None = None) -> dict[str, Any] | None:
    """The kind with its fields, of a call as Keras or PyTorch have it.

    >>> call_meant("layer", "Dense(10, activation='relu')"), call_meant("layer", "nn.Linear(20, 10)")
    ({'dense': {'units': 10, 'activation': 'relu'}}, {'dense': 10})
    >>> call_meant("optimizer", "torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)")
    {'sgd': {'learning_rate': 0.1, 'momentum': 0.9}}
    """
    call = _parsed(text)
    if not isinstance(call, ast.Call):
        return None
    name = ast.unparse(call.func)
    kind = nearest_kind(name.rpartition(".")[2], family, rank=rank)
    if kind is None:
        return None
    member = kinds(family)[kind]
    named = {each.arg or "": _stated(member, each.arg or "", each.value) for each in call.keywords}
    pytorch = _of_pytorch(name) or named.get("batch_first") is True
    first = [member.main or "", *_BEHIND_INPUT.get(kind, ())]
    order = list(dict.fromkeys([*filter(None, first), *own_first(member)]))
    values = list(call.args)
    if values and isinstance(values[0], ast.Call) and ast.unparse(values[0].func).endswith("parameters"):
        values = values[1:]  # what PyTorch's optimizers are given
    if values and (family == "activation" or kind == "dropout") and _is_flag(values[-1]):
        values = values[:-1]  # whether it is computed in place
    if kind in _BEHIND_INPUT and pytorch:
        values = values[1:] if len(values) > 1 or not _BEHIND_INPUT[kind] else values
        order = list(_BEHIND_INPUT[kind])
    if "" in named or "decay" in named or len(values) > len(order):  # the decay of Keras's is one of the rate
        return None
    given = {field: _stated(member, field, each, named=False) for field, each in zip(order, values, strict=False)}
    fields = {**given, **fields_meant(member, {arg: each for arg, each in named.items() if arg not in IDLE})}
    if family == "schedule":  # how long it takes follows from the epochs
        fields = {field: each for field, each in fields.items() if field in member.model_fields}
    elif family == "layer" and member.main and len(fields) == 1 and not fields.keys() & member.model_fields.keys():
        fields = {member.main: next(iter(fields.values()))}  # as `p` of a dropout
    fields = {**_defaults_elsewhere(name, kind), **(_of_keras(kind, fields) if pytorch else fields)}
    if any(each is _UNKNOWN for each in fields.values()) or not _right(member, fields):
        return None
    return {kind: fields[member.main] if member.main and [*fields] == [member.main] else fields or None}


def arguments_meant(owner: type[BaseModel], field: str, text: str) -> Any:
    """What a field is to hold, of a tuple or a call of what the field holds; None where it is neither.

    >>> from aespec.plan import TrainingPlan
    >>> arguments_meant(TrainingPlan, "early_stopping", "EarlyStopping(patience=5, min_delta=0.1)")
    {'patience': 5, 'min_delta': 0.1}
    """
    node, value = _parsed(text), None
    if isinstance(node, ast.Tuple):
        value = _literal(node)
    keywords = node.keywords if isinstance(node, ast.Call) and not node.args else ()
    for model in inner_models(owner, field) if keywords else ():
        named = {each.arg or "": _literal(each.value) for each in keywords if each.arg not in _WATCHED}
        value = {field_meant(arg, model.model_fields) or arg: each for arg, each in named.items()}
    info: Any = owner.model_fields[field]
    wanted: Any = Annotated[info.annotation, info]
    try:
        TypeAdapter(wanted).validate_python(value)
    except ValidationError:
        return None
    main = next(filter(None, (getattr(each, "main", None) for each in inner_models(owner, field))), None)
    return value[main] if isinstance(value, dict) and [*value] == [main] else value


def behind_input(name: str, kind: str, values: Sequence[Any]) -> dict[str, Any] | None:
    """A layer of the values that PyTorch's of that name is given: what comes in, which follows here, and the rest.

    >>> behind_input("Linear", "dense", [20, 10]), behind_input("nn.Conv2d", "conv2d", [3, 16, 5])
    ({'dense': 10}, {'conv2d': {'filters': 16, 'kernel_size': 5}})
    """
    fields = _BEHIND_INPUT.get(kind, ())
    if not _of_pytorch(name) or not 1 < len(values) <= len(fields) + 1:
        return None
    return {kind: values[1] if len(fields) == 1 else dict(zip(fields, values[1:], strict=False))}


AROUND: Mapping[str, tuple[str, str]] = {
    "conv1d": ("zero_padding1d", "before"),
    "conv2d": ("zero_padding2d", "before"),
    "conv1d_transpose": ("cropping1d", "behind"),
    "conv2d_transpose": ("cropping2d", "behind"),
}
"""The layer that does what a number for ``padding`` does elsewhere, and where it stands."""


def padded_apart(layer: dict[str, Any]) -> list[dict[str, Any]]:
    """A convolution that states a number for ``padding``, as PyTorch's do, as layers that compute the same.

    >>> padded_apart({"conv2d": {"filters": 8, "kernel_size": 4, "padding": 1}})
    [{'zero_padding2d': 1}, {'conv2d': {'filters': 8, 'kernel_size': 4}}]
    """
    ((name, fields),) = layer.items()
    number = fields.get("padding") if isinstance(fields, dict) and name in AROUND else None
    if number is None or isinstance(number, str):
        return [layer]
    around, where = AROUND[name]
    layers = [{around: number}, {name: {field: each for field, each in fields.items() if field != "padding"}}]
    return layers if where == "before" else layers[::-1]


_BEHIND_INPUT: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(("batch_normalization", "layer_normalization"), ()),
    **dict.fromkeys(("dense", "lstm", "gru", "simple_rnn"), ("units",)),
    **dict.fromkeys(
        ("conv1d", "conv2d", "conv1d_transpose", "conv2d_transpose"), ("filters", "kernel_size", "strides")
    ),
}
"""What PyTorch's layers are given in their order, behind what comes in."""

_WATCHED = ("monitor", "mode", "verbose")
"""Arguments of Keras's ``EarlyStopping`` that say what is so here."""

_OF_PYTORCH = re.compile(r"(torch\.)?nn\..*|[Ll]inear|Conv(Transpose)?[12]d|BatchNorm[12]d")
"""Layers of PyTorch's, by names that Keras does not have."""


def _of_pytorch(name: str) -> bool:
    return _OF_PYTORCH.fullmatch(name) is not None


_DEFAULTS_OF_PYTORCH: Mapping[str, Mapping[str, Any]] = {
    "leaky_relu": {"negative_slope": 0.01},
    "batch_normalization": {"momentum": 0.9, "epsilon": 1e-5},
    "layer_normalization": {"epsilon": 1e-5},
}
"""What PyTorch's have where nothing is stated, and kinds here have not."""

_DEFAULTS_OF_KERAS: Mapping[str, Mapping[str, Any]] = {"leaky_relu": {"negative_slope": 0.3}}


def _defaults_elsewhere(name: str, kind: str) -> Mapping[str, Any]:
    """The fields of a kind that differ where they are not stated, in what PyTorch or Keras calls so."""
    if _of_pytorch(name):
        return _DEFAULTS_OF_PYTORCH.get(kind, {})
    return _DEFAULTS_OF_KERAS.get(kind, {}) if name.startswith(("layers.", "keras.", "tf.")) else {}


def _of_keras(kind: str, fields: dict[str, Any]) -> dict[str, Any]:
    """Fields of a layer of PyTorch with the meaning that they have here, which is Keras's."""
    found = dict(fields)
    if kind == "batch_normalization" and type(found.get("momentum")) is float:
        found["momentum"] = round(1 - found["momentum"], 10)  # the share that is kept, not that of the new
    size, pad = found.get("kernel_size"), found.get("padding")
    if pad == 0 and type(pad) is int:
        found["padding"] = "valid"
    elif (
        "transpose" not in kind and type(size) is int and pad == size // 2 and size % 2 and found.get("strides", 1) == 1
    ):
        found["padding"] = "same"
    if kind.startswith("zero_padding") and isinstance(pad, list) and len(pad) == 2 * int(kind[-2]):
        found["padding"] = [pad[at : at + 2] for at in range(len(pad) - 2, -1, -2)]  # the last axis stands first there
    return found


def _right(kind: type[Kind], fields: Mapping[str, Any]) -> bool:
    """Whether a kind takes these fields; a number for `padding`, which it does not, has advice of its own."""
    own = {field: value for field, value in fields.items() if field != "padding" or isinstance(value, str)}
    try:
        kind.model_validate(own)
    except ValidationError:
        return False
    return True


def _is_flag(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, bool)


def _stated(kind: type[Kind], argument: str, node: ast.expr, *, named: bool = True) -> Any:
    """What an argument of a call comes to: a literal, the name of a function, or a kind of its own, `L2(0.1)`."""
    if isinstance(node, ast.Attribute | ast.Name):
        return ast.unparse(node).rpartition(".")[2] if named or isinstance(node, ast.Attribute) else _UNKNOWN
    if isinstance(node, ast.Call):
        text, field = ast.unparse(node), field_meant(argument, kind.model_fields)
        families = [each.family for each in inner_models(kind, field or "") if issubclass(each, Kind)]
        return next((short(meant) for family in families if (meant := call_meant(family, text))), _UNKNOWN)
    return _literal(node)


def _literal(node: ast.expr) -> Any:
    """A literal of Python as YAML would have it."""
    try:
        value = ast.literal_eval(node)
    except (ValueError, TypeError, MemoryError, RecursionError):
        return _UNKNOWN
    value = list(value) if isinstance(value, tuple) else value
    return value if isinstance(value, bool | int | float | str | list | None) else _UNKNOWN


def _parsed(text: str) -> ast.expr | None:
    """An expression of Python; None where it is none, or too long."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of escapes that Python does not know
            return ast.parse(text.strip()[:_LONGEST], mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


_LONGEST = 500
"""Characters of a call that are looked at."""

_UNKNOWN = object()
