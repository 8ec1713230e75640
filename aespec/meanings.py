"""What a mapping that is not one kind was likely meant to be."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args

from aespec.faults import inner_models
from aespec.fieldnames import MANY, field_meant, follows, known_elsewhere
from aespec.kind import Kind
from aespec.registry import kinds, known_kind, nearest_kind
from aespec.source.items import ITEMS

__all__ = [
    "NAMING",
    "TRUTH",
    "as_kind",
    "fields_meant",
    "fitting",
    "idle",
    "kind_lacking",
    "kind_meant",
    "short",
    "with_field",
]


NAMING = ("type", "kind", "layer", "class", "class_name", "_target_", "op", "mode", "name")
"""Keys that elsewhere name a kind by their value."""

_WRAPPING = ("config", "args", "kwargs", "params", "parameters", "options")
"""Keys that elsewhere hold its fields."""

_IDLE: Mapping[str, tuple[Any, ...]] = {
    **dict.fromkeys(("inplace", "from_logits", "seed", "device", "verbose", "T_max", "input_shape"), ()),
    **dict.fromkeys(("batch_first", "track_running_stats", "affine", "trainable", "bias"), (True,)),
    **dict.fromkeys(("return_state", "bidirectional", "amsgrad", "centered", "maximize"), (False,)),
    "dampening": (0,),
    **dict.fromkeys(("groups", "num_layers", "start_dim"), (1,)),
    **dict.fromkeys(("axis", "end_dim"), (-1,)),
    "dim": (-1, 1),
    "output_size": (1, [1], [1, 1]),
    "reduction": ("mean", "sum_over_batch_size"),
    "data_format": ("channels_last",),
}
"""Arguments that change nothing here with these values, or with any."""


def idle(argument: str, value: Any) -> bool:
    """Whether an argument says what is so here, or nothing that a model would be another by."""
    values = _IDLE.get(argument)
    return value is None or (values is not None and (not values or any(value == each for each in values)))


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


def fitting(family: str, kind: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """A kind with the fields that it has alone, and the names of the others."""
    ((name, fields),) = kind.items()
    member = kinds(family).get(name)
    if member is None or not isinstance(fields, Mapping):
        return kind, []
    own = {field: value for field, value in fields.items() if field in member.model_fields}
    return {name: own or None}, [field for field in fields if field not in own]


def as_kind(family: str, name: str, stated: Any) -> dict[str, Any]:
    """A kind with what is stated of it, in the fields that this was meant for."""
    if isinstance(stated, Mapping):
        return {name: fields_meant(kinds(family)[name], stated)}
    return {name: with_field(family, name, stated)}


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
        fields = fields_meant(kind, beside)
        if fields.keys() <= kind.model_fields.keys() and len(fields) == len(beside):
            needed = [field for field, info in kind.model_fields.items() if info.is_required() and field not in fields]
            main = kind.main or next(iter(needed), None)
            inside = {main: own} if main and own is not None else {}
            if isinstance(own, Mapping):
                inside = fields_meant(kind, own)
            if inside.keys() & fields.keys():  # one stated twice
                continue
            return {known: {**inside, **fields}}
    return None


def _named_by_value(family: str, stated: Mapping[str, Any], rank: int | None = None) -> dict[str, Any] | None:
    """The kind that the value of a key names, with the others as its fields."""
    spelt = {key.lower(): key for key in reversed(list(stated))}
    for key in filter(None, map(spelt.get, NAMING)):
        value, fields = stated[key], {other: each for other, each in stated.items() if other != key}
        if not isinstance(value, str):
            continue
        for wrapping in _WRAPPING:
            if isinstance(held := fields.get(wrapping), Mapping):
                fields = {**{other: each for other, each in fields.items() if other != wrapping}, **held}
        if family == "layer" and value in ITEMS:
            return {value: fields}
        if kind := nearest_kind(value, family, rank=rank):
            return {kind: fields_meant(kinds(family)[kind], fields) or None}
        if family == "layer" and not fields and (activation := nearest_kind(value, "activation")):
            return {"activation": activation}
    return None


def fields_meant(kind: type[Kind], stated: Mapping[str, Any]) -> dict[str, Any]:
    """Fields as the kind calls them, where it has such; what is a kind itself is put right too."""
    found: dict[str, Any] = {}
    for key, value in stated.items():
        field = field_meant(key, kind.model_fields) or key
        if follows(key) and field not in kind.model_fields:
            continue
        if key == kind.kind and kind.main:
            found[kind.main] = value
            continue
        known = key in kind.model_fields or known_elsewhere(key, kind.model_fields)
        if not known and idle(key, value):
            continue
        if key == "affine" and value is False and "center" in kind.model_fields:
            found |= {"center": False, "scale": False}
            continue
        if key == "trainable" and value is False and "freeze" in kind.model_fields:
            found["freeze"] = True
            continue
        if key == "betas" and isinstance(value, list) and len(value) == 2 and "beta_2" in kind.model_fields:
            found |= {"beta_1": value[0], "beta_2": value[1]}
            continue
        if field in kind.model_fields and bool in _types(kind, field) and isinstance(value, str):
            value = TRUTH.get(value.lower(), value)
        families = [each.family for each in inner_models(kind, field) if issubclass(each, Kind)]
        meant = [_named_by_value(family, value) for family in families] if isinstance(value, Mapping) else []
        found[field] = next((short(each) for each in meant if each), value)
    return found


TRUTH: Mapping[str, bool] = {
    **dict.fromkeys(("true", "yes", "on", "y", "1"), True),
    **dict.fromkeys(("false", "no", "off", "n", "0"), False),
}
"""Texts that stand for true and false elsewhere."""


def _types(kind: type[Kind], field: str) -> tuple[Any, ...]:
    """What a field may be of."""
    annotation = kind.model_fields[field].annotation
    return get_args(annotation) or (annotation,)


def short(kind: dict[str, Any]) -> Any:
    """A kind without fields as its name alone."""
    ((name, fields),) = kind.items()
    return name if fields is None else kind
