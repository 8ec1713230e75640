"""What a mapping that is not one kind was likely meant to be."""

from __future__ import annotations

import ast
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


def behind_input(kind: str, values: Sequence[Any]) -> dict[str, Any] | None:
    """A layer of the values that PyTorch's is given: what comes in, which here follows, and what is stated.

    >>> behind_input("dense", [20, 10]), behind_input("conv2d", [3, 16, 5])
    ({'dense': 10}, {'conv2d': {'filters': 16, 'kernel_size': 5}})
    """
    fields = _BEHIND_INPUT.get(kind, ())
    if not 1 < len(values) <= len(fields) + 1:
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
    given = [_UNKNOWN if isinstance(each, ast.Name) else _argument(each) for each in call.args]
    if kind is None:
        return None
    member = kinds(family)[kind]
    named = {each.arg or "": _named_argument(member, each) for each in call.keywords}
    if "" in named or _UNKNOWN in [*given, *named.values()]:
        return None
    given = [each for each in given if each is not _PARAMETERS]
    order = sorted(own_first(member), key=lambda field: field != member.main)
    batch_first = named.pop("batch_first", None)  # as it is here
    if kind in _BEHIND_INPUT and (name.startswith(("nn.", "torch.")) or name in _OF_PYTORCH or batch_first):
        given = given[1:] if len(given) > 1 or not _BEHIND_INPUT[kind] else given
        order = list(_BEHIND_INPUT[kind])
    if len(given) > len(order):
        return None
    fields = {**dict(zip(order, given, strict=False)), **_fields_meant(member, named)}
    if member.main and len(fields) == 1 and not fields.keys() & member.model_fields.keys():  # as `p` of a dropout
        fields = {member.main: next(iter(fields.values()))}
    if not _right(member, fields):
        return None
    return {kind: fields[member.main] if member.main and [*fields] == [member.main] else fields or None}


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

_OF_PYTORCH = ("Linear", "Conv1d", "Conv2d", "ConvTranspose1d", "ConvTranspose2d")

_UNKNOWN, _PARAMETERS = object(), object()


def _argument(node: ast.expr) -> Any:
    """What an argument of a call comes to: a literal, the name of a function, or what an optimizer is given."""
    if isinstance(node, ast.Attribute | ast.Name):
        return ast.unparse(node).rpartition(".")[2]
    if isinstance(node, ast.Call):
        return _PARAMETERS if ast.unparse(node.func).endswith("parameters") else _UNKNOWN
    try:
        value = ast.literal_eval(node)
    except (ValueError, TypeError, MemoryError, RecursionError):
        return _UNKNOWN
    value = list(value) if isinstance(value, tuple) else value
    return value if isinstance(value, bool | int | float | str | list | None) else _UNKNOWN


def _named_argument(kind: type[Kind], keyword: ast.keyword) -> Any:
    """What an argument by name comes to, which may be a kind of its own, as in ``kernel_regularizer=L2(0.1)``."""
    if not isinstance(keyword.value, ast.Call):
        return _argument(keyword.value)
    text = ast.unparse(keyword.value)
    field = field_meant(keyword.arg or "", kind.model_fields)
    families = [each.family for each in inner_models(kind, field or "") if issubclass(each, Kind)]
    return next((short(meant) for family in families if (meant := call_meant(family, text))), _UNKNOWN)


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
            inside = own if isinstance(own, Mapping) else {kind.main: own} if kind.main and own is not None else {}
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
        families = [each.family for each in inner_models(kind, field) if issubclass(each, Kind)]
        meant = [_named_by_value(family, value) for family in families] if isinstance(value, Mapping) else []
        found[field] = next((short(each) for each in meant if each), value)
    return found


def short(kind: dict[str, Any]) -> Any:
    """A kind without fields as its name alone."""
    ((name, fields),) = kind.items()
    return name if fields is None else kind
