"""Everything that there is to say about a kind or a part of a spec, as data for reference pages."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

from aespec import registry
from aespec.diagnostics import AespecError, show
from aespec.kind import Kind
from aespec.layers.base import Layer
from aespec.reference import described, summary_line
from aespec.schema import kind_schema
from aespec.spec import Spec

__all__ = ["entry", "fields", "in_yaml", "page", "parts", "standing", "supporting"]


def entry(member: type[Kind]) -> dict[str, Any]:
    """A kind in a list of kinds."""
    return {
        "kind": member.kind,
        "family": member.family,
        "package": registry.package(member),
        "text": summary_line(member),
    }


def page(member: type[Kind]) -> dict[str, Any]:
    """A kind with its fields, those without a default first, its rules and its examples with their shapes."""
    found = fields(kind_schema(member))
    # A kind's own fields say most about it, those that it shares with others come after them.
    own_first = dict.fromkeys(name for cls in member.__mro__ for name in vars(cls).get("__annotations__", ()))
    names = sorted(filter(found.__contains__, own_first), key=lambda name: not found[name]["required"])
    return {
        **entry(member),
        "text": described(member),
        "main": member.main,
        "elsewhere": member.elsewhere,
        "fields": [found[name] for name in names],
        "rules": _rules(member),
        "examples": [_example(member, example) for example in getattr(member, "examples", ())],
    }


def parts() -> dict[str, dict[str, Any]]:
    """A spec, and each part of it that has fields of its own, as pages of kinds are; by name, the outer ones first."""
    schema = kind_schema(Spec)
    return {
        path[-1]: {
            "kind": path[-1],
            "family": f"`{'.'.join(path[1:])}` of a spec" if path[1:] else "a whole file",
            "package": "aespec",
            "text": part["description"],
            "main": part.get("x-main"),
            "elsewhere": (),
            "fields": [*fields(part).values()],
            "rules": {},
            "examples": [],
        }
        for path, part in [(("spec",), schema), *_sections(schema, schema["$defs"], ("spec",))]
    }


def fields(schema: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The fields of a kind, or of a part of a spec, from its schema, by name."""
    required = schema.get("required", [])
    return {
        name: {
            "name": name,
            "type": _words(field),
            "required": name in required,
            "default": field.get("x-default", field.get("default")),
            "text": field.get("description", ""),
        }
        for name, field in schema.get("properties", {}).items()
    }


def standing(field: Mapping[str, Any]) -> str:
    """What stands for a field that is not stated, in YAML; nothing where that is a part of a spec, or is not there."""
    value, type_ = field["default"], field["type"]
    within = isinstance(value, dict) and "mapping" in type_
    return "" if within or (value is None and "null" not in type_) else in_yaml(value) or '""'


def supporting(member: type[Kind]) -> list[str]:
    """The backends that have a lowering for a kind; one that cannot be imported has none."""
    found = []
    for name in registry.backend_names():
        with suppress(AespecError):
            found += [name] if member in registry.find_backend(name).lowerings else []
    return found


def in_yaml(value: Any) -> str:
    """A value in one line of YAML; no name in aespec needs quotes.

    >>> in_yaml({"dense": {"units": 3}})
    '{dense: {units: 3}}'
    """
    return show(value, 200).replace('"', "")


def _sections(
    schema: Mapping[str, Any], parts: Mapping[str, Any], path: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], Mapping[str, Any]]]:
    """The parts of a part of a spec, by the way to them."""
    for name, field in schema["properties"].items():
        for part in dict.fromkeys(re.findall(r"'#/\$defs/(\w+)'", str(field))):
            yield (*path, name), parts[part]
            yield from _sections(parts[part], parts, (*path, name))


def _rules(member: type[Kind]) -> dict[str, str]:
    """What a kind of layer says of the shape that it gives, its parameters and what undoes it, where it has a say."""
    rules = {"shape": "infer", "parameters": "params", "mirror": "mirror"} if issubclass(member, Layer) else {}
    own = {rule: getattr(member, name) for rule, name in rules.items() if getattr(member, name) != getattr(Layer, name)}
    return {rule: " ".join(described(method).partition("\n\n")[0].split()) for rule, method in own.items()}


def _example(member: type[Kind], example: Any) -> dict[str, Any]:
    layer: Any = member.model_validate(dict(example.fields))
    return {
        "spec": {member.kind: dict(example.fields)} if example.fields else member.kind,
        "input": example.input,
        "output": layer.infer(example.input),
        "parameters": {name: param.shape for name, param in layer.params(example.input).items()},
    }


def _words(field: Mapping[str, Any]) -> str:
    """The type of a field, in words, from its schema."""
    match field:
        case {"x-family": family}:
            return str(family)
        case {"$ref": _}:
            return "mapping"
        case {"type": "object"}:
            return "values by name"
        case {"anyOf": [one, {"type": "array"}]} if "$ref" not in one:
            return f"{_words(one)}, or a list"
        case {"anyOf": ways}:
            return " or ".join(map(_words, ways))
        case {"enum": values}:
            return " or ".join(", ".join(map(in_yaml, values)).rsplit(", ", 1))
        case {"const": value}:
            return in_yaml(value)
        case {"type": "array", "prefixItems": items}:
            return f"[{', '.join(map(_words, items))}]"
        case {"type": "array", "items": items}:
            each = _words(items)
            return f"list, each {each}" if " or " in each else f"list of {each}s"
        case {"type": ("integer" | "number") as name}:
            stated = {key: field[key] for key in BOUNDS if key in field and 1e-9 < (abs(field[key]) or 1) < 1e6}
            bounds = ", ".join(f"{BOUNDS[key]} {bound}" for key, bound in stated.items())
            return f"{'whole number' if name == 'integer' else name} {bounds}".rstrip()
    return {"boolean": "true or false", "string": "text", "null": "null"}[field["type"]]


BOUNDS = {"minimum": ">=", "exclusiveMinimum": ">", "maximum": "<=", "exclusiveMaximum": "<"}
"""How a schema states a bound, and how a text does, but for those that only keep numbers computable."""
