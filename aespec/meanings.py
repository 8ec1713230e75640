"""What a mapping that is not one kind was likely meant to be."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from aespec.faults import inner_models
from aespec.fieldnames import MANY, field_meant, follows
from aespec.kind import Kind, own_first
from aespec.registry import kinds, known_kind, nearest_kind
from aespec.source.items import ITEMS

__all__ = ["as_kind", "behind_input", "call_meant", "kind_lacking", "kind_meant", "short", "with_field"]

_NAMING = ("type", "kind", "layer", "class", "class_name", "op", "mode", "name")
"""Keys that elsewhere name a kind by their value."""

_WRAPPING = ("config", "args", "kwargs", "params", "parameters", "options")
"""Keys that elsewhere hold its fields."""


def kind_meant(family: str, stated: Any, rank: int | None = None) -> dict[str, Any] | None:
    """The kind with its fields in it, of a mapping in which they stand beside it or beside its name.

    Of kinds that differ in their number of axes alone, it is the one for inputs of this ``rank``.

    >>> kind_meant("layer", {"dense": 3, "activation": "relu"})
    {'dense': {'units': 3, 'activation': 'relu'}}
    >>> kind_meant("layer", {"class_name": "Dense", "config": {"units": 3}})
    {'dense': {'units': 3}}
    """
    if not isinstance(stated, Mapping) or len(stated) > MANY:
        return None
    return _fields_beside(family, stated) or _named_by_value(family, stated, rank)


def kind_lacking(family: str, stated: Mapping[str, Any]) -> dict[str, Any] | None:
    """The first kind that has all of these fields, with them."""
    for name, kind in kinds(family).items():
        if all(field in kind.model_fields for field in stated):
            return {name: dict(stated)}
    return None


def as_kind(family: str, name: str, stated: Any) -> dict[str, Any]:
    """A kind with what is stated of it, in the fields that this was meant for."""
    if isinstance(stated, Mapping):
        return {name: _fields_meant(kinds(family)[name], stated)}
    return {name: with_field(family, name, stated)}


_BEHIND_INPUT: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(("batch_normalization", "layer_normalization"), ()),
    **dict.fromkeys(("dense", "lstm", "gru", "simple_rnn"), ("units",)),
    **dict.fromkeys(
        ("conv1d", "conv2d", "conv1d_transpose", "conv2d_transpose"), ("filters", "kernel_size", "strides")
    ),
}
"""What PyTorch's layers are given in their order, behind what comes in."""


def behind_input(name: str, kind: str, values: Sequence[Any]) -> dict[str, Any] | None:
    """A layer of the values that PyTorch's of that name is given: what comes in, which follows here, and the rest.

    >>> behind_input("Linear", "dense", [20, 10]), behind_input("nn.Conv2d", "conv2d", [3, 16, 5])
    ({'dense': 10}, {'conv2d': {'filters': 16, 'kernel_size': 5}})
    """
    fields = _BEHIND_INPUT.get(kind, ())
    if not _of_pytorch(name) or not 1 < len(values) <= len(fields) + 1:
        return None
    return {kind: values[1] if len(fields) == 1 else dict(zip(fields, values[1:], strict=False))}


def call_meant(family: str, text: str, rank: int | None = None) -> dict[str, Any] | None:
    """The kind with its fields, of a call as Keras or PyTorch have it.

    >>> call_meant("layer", "Dense(10, activation='relu')"), call_meant("layer", "nn.Linear(20, 10)")
    ({'dense': {'units': 10, 'activation': 'relu'}}, {'dense': 10})
    >>> call_meant("optimizer", "torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)")
    {'sgd': {'learning_rate': 0.1, 'momentum': 0.9}}
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of escapes that Python does not know
            call = ast.parse(text.strip()[:_LONGEST], mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
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
    if kind in _BEHIND_INPUT and pytorch:
        values = values[1:] if len(values) > 1 or not _BEHIND_INPUT[kind] else values
        order = list(_BEHIND_INPUT[kind])
    if "" in named or "decay" in named or len(values) > len(order):  # the decay of Keras's is one of the rate
        return None
    given = {field: _stated(member, field, each, named=False) for field, each in zip(order, values, strict=False)}
    fields = {**given, **_fields_meant(member, {arg: each for arg, each in named.items() if arg not in _IDLE})}
    if family == "schedule":  # how long it takes follows from the epochs
        fields = {field: each for field, each in fields.items() if field in member.model_fields}
    elif family == "layer" and member.main and len(fields) == 1 and not fields.keys() & member.model_fields.keys():
        fields = {member.main: next(iter(fields.values()))}  # as `p` of a dropout
    if kind == "leaky_relu" and not fields and (slope := _slope_elsewhere(name)):
        fields = {"negative_slope": slope}
    fields = _of_keras(kind, fields) if pytorch else fields
    if any(each is _UNKNOWN for each in fields.values()) or not _right(member, fields):
        return None
    return {kind: fields[member.main] if member.main and [*fields] == [member.main] else fields or None}


_IDLE = (
    "batch_first",
    "inplace",
    "input_shape",
    "start_dim",
    "from_logits",
    "reduction",
    "track_running_stats",
    "affine",
)
"""Arguments that change nothing here, or what they mostly state is so here."""


def _slope_elsewhere(name: str) -> float | None:
    """The slope that a leaky ReLU of PyTorch or Keras has where none is stated."""
    return 0.01 if _of_pytorch(name) else 0.3 if name.startswith(("layers.", "keras.", "tf.")) else None


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
    return found


def _right(kind: type[Kind], fields: Mapping[str, Any]) -> bool:
    """Whether a kind takes these fields; a number for `padding`, which it does not, has advice of its own."""
    own = {field: value for field, value in fields.items() if field != "padding" or isinstance(value, str)}
    try:
        kind.model_validate(own)
    except ValidationError:
        return False
    return True


_LONGEST = 500
"""Characters of a call that are looked at."""

_OF_PYTORCH = re.compile(r"(torch\.)?nn\..*|[Ll]inear|Conv(Transpose)?[12]d|BatchNorm[12]d")
"""Layers of PyTorch's, by names that Keras does not have."""


def _of_pytorch(name: str) -> bool:
    return _OF_PYTORCH.fullmatch(name) is not None


_UNKNOWN = object()


def _stated(kind: type[Kind], argument: str, node: ast.expr, *, named: bool = True) -> Any:
    """What an argument of a call comes to: a literal, the name of a function, or a kind of its own, `L2(0.1)`."""
    if isinstance(node, ast.Attribute | ast.Name):
        return ast.unparse(node).rpartition(".")[2] if named or isinstance(node, ast.Attribute) else _UNKNOWN
    if isinstance(node, ast.Call):
        text, field = ast.unparse(node), field_meant(argument, kind.model_fields)
        families = [each.family for each in inner_models(kind, field or "") if issubclass(each, Kind)]
        return next((short(meant) for family in families if (meant := call_meant(family, text))), _UNKNOWN)
    try:
        value = ast.literal_eval(node)
    except (ValueError, TypeError, MemoryError, RecursionError):
        return _UNKNOWN
    value = list(value) if isinstance(value, tuple) else value
    return value if isinstance(value, bool | int | float | str | list | None) else _UNKNOWN


def with_field(family: str, name: str, value: Any) -> Any:
    """A single value of a kind that takes none, with the field that it was meant for."""
    kind = kinds(family).get(name)
    single = kind is not None and kind.main is None and value is not None and not isinstance(value, dict)
    fields = kind.taking(value) if kind and single else []
    return {fields[0]: value} if len(fields) == 1 else value


def _fields_beside(family: str, stated: Mapping[str, Any]) -> dict[str, Any] | None:
    """The kind that one key is, where all others are fields of it, or nearly."""
    members = kinds(family)
    for name, own in stated.items():
        known, beside = known_kind(name, family), {key: value for key, value in stated.items() if key != name}
        if known is None or not beside:
            continue
        kind = members[known]
        fields = _fields_meant(kind, beside)
        if fields.keys() <= kind.model_fields.keys() and len(fields) == len(beside):
            needed = [field for field, info in kind.model_fields.items() if info.is_required() and field not in fields]
            main = kind.main or next(iter(needed), None)
            inside = own if isinstance(own, Mapping) else {main: own} if main and own is not None else {}
            return {known: {**inside, **fields}}
    return None


def _named_by_value(family: str, stated: Mapping[str, Any], rank: int | None = None) -> dict[str, Any] | None:
    """The kind that the value of a key names, with the others as its fields."""
    spelt = {key.lower(): key for key in reversed(list(stated))}
    for key in filter(None, map(spelt.get, _NAMING)):
        value, fields = stated[key], {other: each for other, each in stated.items() if other != key}
        if not isinstance(value, str):
            continue
        for wrapping in _WRAPPING:
            if isinstance(held := fields.get(wrapping), Mapping):
                fields = {**{other: each for other, each in fields.items() if other != wrapping}, **held}
        if family == "layer" and value in ITEMS:
            return {value: fields}
        if kind := nearest_kind(value, family, rank=rank):
            return {kind: _fields_meant(kinds(family)[kind], fields) or None}
        if family == "layer" and not fields and (activation := nearest_kind(value, "activation")):
            return {"activation": activation}
    return None


def _fields_meant(kind: type[Kind], stated: Mapping[str, Any]) -> dict[str, Any]:
    """Fields as the kind calls them, where it has such; what is a kind itself is put right too."""
    found: dict[str, Any] = {}
    for key, value in stated.items():
        field = field_meant(key, kind.model_fields) or key
        if follows(key) and field not in kind.model_fields:
            continue
        if key not in kind.model_fields and (key in _IDLE or (key == kind.kind and kind.main)):
            found |= {kind.main: value} if key == kind.kind and kind.main else {}
            continue
        if key == "betas" and isinstance(value, list) and len(value) == 2 and "beta_2" in kind.model_fields:
            found |= {"beta_1": value[0], "beta_2": value[1]}
            continue
        families = [each.family for each in inner_models(kind, field) if issubclass(each, Kind)]
        meant = [_named_by_value(family, value) for family in families] if isinstance(value, Mapping) else []
        found[field] = next((short(each) for each in meant if each), value)
    return found


def short(kind: dict[str, Any]) -> Any:
    """A kind without fields as its name alone."""
    ((name, fields),) = kind.items()
    return name if fields is None else kind
