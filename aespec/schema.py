"""The JSON Schema (draft 2020-12) of a spec, and of what each of its parts may hold.

Everything in it is read off the classes: kinds, fields, bounds, defaults, examples, and the texts beside them. Its form
suits editors, above all yaml-language-server. That speaks of one way of an ``anyOf`` only, the first of those that are
equally wrong, so all types of a value are one way, after its names, and their bounds stand beside both. It also writes
out whatever has ``properties`` or ``items`` at its top, so that those mostly stand one level below, in an ``allOf``.
Beside ``properties`` it takes ``required`` for one more thing to offer, without a name, and ``maxProperties: 1`` for a
mapping that is full as soon as a line is begun in it, so that both stand apart from them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema

from aespec.diagnostics import show
from aespec.kind import Kind, own_first
from aespec.reference import described, field_docs, summary_line
from aespec.registry import kinds
from aespec.source.include import BLOCKS
from aespec.source.items import ITEMS
from aespec.source.text import MAX_NODES

__all__ = ["families", "kind_schema", "spec_schema"]

Schema = dict[str, Any]

DIALECT = "https://json-schema.org/draft/2020-12/schema"
VARIABLE = {
    "type": "string",
    "pattern": r"\$\{[^{}]+\}",
    "$comment": "`${name}` stands for a value of `vars`, `${a // 2}` for what it comes to.",
}
WORDS = {
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "fields",
}
ITEM = "item"
"""The definition of what may stand in a list of layers."""
SHOWN = 3
"""How many examples of a kind are shown at most."""


@cache
def families() -> dict[str, type[Kind]]:
    """The families of kinds, by what they are called: layer, activation, loss, ..."""
    import aespec.spec  # noqa: F401  (it brings every family into being)

    return {family.family: family for family in Kind.__subclasses__()}


def spec_schema(*, plugins: bool = True) -> Schema:
    """The schema of a whole spec, as a file has it: with ``vars``, bare names and one main value for a kind.

    Args:
        plugins: Whether the kinds that other packages bring are in it.
    """
    from aespec.spec import Spec

    spec = _schema_of(Spec)
    sections = spec.pop("$defs")
    spec["properties"]["decoder"]["anyOf"][0] = {"x-family": "decoder form"}  # it has one member so far, a model
    definitions = {name: _section(part) for name, part in sections.items()}
    for name in families():
        members = {kind: cls for kind, cls in kinds(name).items() if plugins or cls.__module__.startswith("aespec.")}
        definitions |= {_names(name): _alone(name, members), _key(name): _family(name, members)}
        definitions |= {_key(name, kind): _member(cls) for kind, cls in members.items()}
        for some, (family, among) in _SOME.items():
            if family == name:
                part = {kind: cls for kind, cls in members.items() if among(cls)}
                definitions[_names(name, some)] = _alone(name, part)
                definitions[_key(name, some)] = _family(name, part, some=some)
        if name == "layer":
            definitions[ITEM] = _family(name, members, *ITEMS)
    definitions |= {name: _item(name, schema) for name, schema in _ITEMS.items()}
    del definitions["Mirror"]
    whole = {**_mapping(spec), "allOf": [_required(spec)]}
    return {"$schema": DIALECT, "description": spec["description"], **whole, "$defs": definitions}


def kind_schema(kind: type[BaseModel]) -> Schema:
    """The schema of the fields of a kind, or of a spec, each described; a field that holds a kind says ``x-family``."""
    return _schema_of(kind)


class _Generator(GenerateJsonSchema):
    """pydantic's generator, taught what a family is and what the texts of the fields are."""

    def function_plain_schema(self, schema: Any) -> Schema:
        """A member of a family, which `Kind.read` reads."""
        reader = getattr(schema["function"]["function"], "__self__", None)
        if isinstance(reader, type) and issubclass(reader, Kind):
            return {"x-family": reader.family}
        return super().function_plain_schema(schema)

    def model_schema(self, schema: Any) -> Schema:
        """A model, its fields with their texts and examples, and which of them a value alone sets."""
        model: type[BaseModel] = schema["cls"]
        found = super().model_schema(schema)
        texts, examples = field_docs(model), _examples(model)
        for name, field in found.get("properties", {}).items():
            field |= {"description": texts[name]} if name in texts else {}
            field |= {"examples": examples[name]} if name in examples else {}
        own = {"title", "description"}
        main = getattr(model, "main", None)
        marks = {"x-main": main} if main else {}
        found = {key: value for key, value in found.items() if key not in own}
        return {"description": described(model), **marks, **found}

    def encode_default(self, default: Any) -> Any:
        """A default as a spec would state it."""
        if isinstance(default, tuple) and len(default) == 1:
            return self.encode_default(default[0])
        return _shortest(default) if isinstance(default, Kind) else super().encode_default(default)

    def field_title_should_be_set(self, schema: Any) -> bool:
        """No titles: they would only repeat the names."""
        return False


def _schema_of(model: type[BaseModel]) -> Schema:
    return model.model_json_schema(schema_generator=_Generator)


def _examples(model: type[BaseModel]) -> dict[str, list[Any]]:
    """A number and a list that a kind's examples have in each of its fields; texts and kinds are listed anyway."""
    found: dict[str, dict[type, Any]] = {}
    for example in getattr(model, "examples", ()):
        for name, value in example.fields.items():
            if isinstance(value, int | float | list) and not isinstance(value, bool):
                found.setdefault(name, {}).setdefault(type(value), value)
    return {name: list(values.values()) for name, values in found.items()}


def _shortest(kind: Kind) -> Any:
    """The kind's name where all its fields have their defaults, else the kind with every field."""
    return kind.kind if str(kind) == kind.kind else kind.to_data()


def _key(family: str, member: str | None = None) -> str:
    return ".".join([family.replace(" ", "_"), *([member] if member else [])])


def _names(family: str, some: str | None = None) -> str:
    """The key of the definition of a family's bare names, or of those of some."""
    return f"names.{_key(family, some)}"


def _is_recurrent(cls: type[Kind]) -> bool:
    from aespec.layers.recurrent import Recurrent

    return issubclass(cls, Recurrent)


_SOME: Mapping[str, tuple[str, Callable[[type[Any]], bool]]] = {
    "recurrent": ("layer", _is_recurrent),
    "parameter": ("regularizer", lambda cls: "parameter" in cls.targets),
    "activity": ("regularizer", lambda cls: "activity" in cls.targets),
}
"""What some fields alone may hold of a family, by the name that they have for it in ``x-members``."""


def _reference(key: str) -> Schema:
    return {"$ref": f"#/$defs/{key}"}


def _family(name: str, members: dict[str, type[Kind]], *others: str, some: str | None = None) -> Schema:
    """A member as a spec writes it: its bare name where nothing is required, else the name as the only key.

    Args:
        name: The family.
        members: Its kinds, by name.
        others: Definitions that can stand for a member, by their own name as the only key.
        some: What these are called, where they are not all.
    """
    own = {kind: _reference(_key(name, kind)) for kind in members}
    one_key = {
        "type": "object",
        "properties": own | {other: _reference(other) for other in others},
        "additionalProperties": False,
    }
    ways = _either(one_key, _reference(_names(name, some)), VARIABLE)
    return {"$comment": described(families()[name]), "minProperties": 1, "maxProperties": 1, "allOf": [ways]}


def _alone(name: str, members: dict[str, type[Kind]]) -> Schema:
    """The names of a family's members that stand without fields, each with its text."""
    bare = [kind for kind, cls in members.items() if not any(f.is_required() for f in cls.model_fields.values())]
    if not bare:
        said = f"Write `kind: {{fields}}`, of {' or '.join(members)}."
        return {"type": "string", "pattern": "(?!)", "patternErrorMessage": said}  # which no text matches
    found: Schema = {"enum": bare, "markdownEnumDescriptions": [summary_line(members[kind]) for kind in bare]}
    if len(bare) < len(members):
        names = ", ".join(bare)
        found["errorMessage"] = f"No {name} stands alone by this name. Write `kind: {{fields}}`, or one of: {names}."
    return found


def _member(cls: type[Kind]) -> Schema:
    """What may stand behind a kind's name: its fields, its main value, or nothing where nothing is required."""
    schema = _schema_of(cls)
    text, usage = schema["description"], "\n".join(_usage(cls, schema))
    found = {"description": text, "markdownDescription": f"{text}\n\n```yaml\n{usage}\n```"}
    if not schema.get("required"):
        return found | _part(schema, {"type": "null"})
    return found | _skeleton(schema) | _part(schema)


def _usage(cls: type[Kind], schema: Schema) -> list[str]:
    """The kind as specs state it: as in its examples, else with each of its fields."""
    stated = [dict(example.fields) for example in getattr(cls, "examples", ())]
    if not stated:
        fields = schema.get("properties", {})
        shown = {name: [*fields[name].get("examples", []), fields[name].get("default")][0] for name in own_first(cls)}
        stated = [{name: value for name, value in shown.items() if value is not None}]
    dash = "- " if cls.family == "layer" else ""
    lines = [dash + (_yaml({cls.kind: fields})[1:-1] if fields else cls.kind) for fields in stated]
    return list(dict.fromkeys(lines))[:SHOWN]


def _section(schema: Schema) -> Schema:
    """A part of a spec that has a name of its own."""
    part = _part(schema)
    begun = _skeleton(schema) or {"type": part["allOf"][0]["type"]}  # by which an editor goes on in the next line
    return {"description": schema["description"], **begun, **part}


def _skeleton(schema: Schema) -> Schema:
    """What an editor inserts after the colon: the fields that are required, each to be filled in."""
    known = {name: schema["properties"][name].get("examples") for name in schema.get("required", [])}
    if not known:
        return {}
    stops = [f"${{{i}:{_yaml(values[0])}}}" if values else f"${i}" for i, values in enumerate(known.values(), 1)]
    body = "{" + ", ".join(f"{name}: {stop}" for name, stop in zip(known, stops, strict=True)) + "}"
    label = _yaml({name: values[0] if values else None for name, values in known.items()})
    return {"defaultSnippets": [{"label": label, "description": "All that is required.", "body": body}]}


def _yaml(value: Any) -> str:
    """A value in one line of YAML; no name in aespec needs quotes."""
    return show(value, 200).replace('"', "")


def _part(schema: Schema, *others: Schema) -> Schema:
    """What may stand for a part of a spec: its fields, or the value of its main one alone."""
    main = schema["properties"][schema["x-main"]] if "x-main" in schema else {"anyOf": []}
    family = main.get("x-family")
    ways = [way for way in _ways(main) if way.get("type") != "null"]
    alone = [_reference(_names(family, main.get("x-members")))] if family else ways
    return {**_required(schema), "allOf": [_either(_mapping(schema), *alone, *others, VARIABLE)]}


def _mapping(schema: Schema) -> Schema:
    """A mapping of fields, each with its text."""
    fields = {name: _field(field) for name, field in schema.get("properties", {}).items()}
    kept = ("type", "additionalProperties")
    return {**{key: schema[key] for key in kept if key in schema}, "properties": fields}


def _required(schema: Schema) -> Schema:
    """The fields that a mapping needs, to stand outside of it."""
    return {"required": schema["required"]} if "required" in schema else {}


def _field(schema: Schema) -> Schema:
    """A field: its text, its default, examples (the other truth value, else the default, where none is stated)."""
    found: Schema = {key: schema[key] for key in ("description", "default", "examples") if key in schema}
    default = found.get("default")
    # null says that it is not stated; a part of a spec has defaults inside; `x-default` says in words what it will be
    if default is None or schema.keys() & {"$ref", "x-default"}:
        found.pop("default", None)
    stands = schema.get("x-default") or (_yaml(found["default"]) if found.get("default") else "")
    told = f"\n\nDefault: `{stands}`" if stands else ""
    value = _value(schema)
    if '"$ref"' in json.dumps(value):  # an editor would offer a whole part as what to insert, instead of its fields
        told += "".join(f"\n\nFor example: `{_yaml(example)}`" for example in found.pop("examples", ()))
    found["markdownDescription"] = found["description"] + told
    if not schema.get("examples") and "default" in found:  # inside, where it does not count as one more proposal
        example = not default if isinstance(default, bool) else default
        return found | {"allOf": [value | {"examples": [example]}]}
    listed = value.get("type", ["array"])[0] == "array" and "default" not in found
    return found | (value if listed or not value.keys() & {"$ref", "anyOf", "items"} else {"allOf": [value]})


def _value(schema: Schema) -> Schema:
    """What a field or an item may hold; a variable may stand for every value but free text."""
    ways = _ways(schema)
    return _either(*ways, *([] if all(map(_takes_no_variable, ways)) else [VARIABLE]))


def _takes_no_variable(way: Schema) -> bool:
    free_text = way.get("type") == "string" and not way.keys() & {"enum", "pattern"}
    return free_text or "$ref" in way or way.get("type") == "null"


_LENGTHS = {"minLength": "minItems", "maxLength": "maxItems"}


def _ways(schema: Schema) -> list[Schema]:
    """The alternatives that a value has, each without what is said about it."""
    some = {key: schema[key] for key in ("x-members",) if key in schema}
    if "anyOf" in schema:
        return [way for part in schema["anyOf"] for way in _ways({**part, **some} if "x-family" in part else part)]
    if "x-family" in schema:
        return [_reference(_key(schema["x-family"], schema.get("x-members")))]
    if "const" in schema:
        return [{"enum": [schema["const"]]}]
    way = {key: value for key, value in schema.items() if key not in ("default", "description", "examples")}
    if way.get("type") == "array":  # pydantic counts what a validator has yet to make a tuple as text
        way = {_LENGTHS.get(key, key): value for key, value in way.items()}
        if "items" in way:
            way["items"] = _reference(ITEM) if way["items"].get("x-family") == "layer" else _value(way["items"])
        way |= {"prefixItems": [_value(item) for item in way["prefixItems"]]} if "prefixItems" in way else {}
    return [way]


_ITEMS: dict[str, Schema] = {
    "repeat": {
        "type": "object",
        "description": "Layers several times over: `times` many, or once for the values of `each`.",
        "properties": {
            "times": {"type": "integer", "minimum": 1, "maximum": MAX_NODES, "examples": [3]},
            "each": {
                "type": "object",
                "minProperties": 1,
                "additionalProperties": {"type": ["array", "string"], "minItems": 1, "pattern": VARIABLE["pattern"]},
                "examples": [{"filters": [16, 32]}],
            },
            "index": {"type": "string", "examples": ["i"]},
            "layers": {
                "type": "array",
                "items": {"x-family": "layer"},
                "minItems": 1,
                "examples": [[{"dense": 32}, {"dropout": 0.2}]],
            },
        },
        "required": ["layers"],
        "oneOf": [{"required": ["times"]}, {"required": ["each"]}],
        "additionalProperties": False,
        "x-begun": "{times: ${1:2}, layers: [${2:dense: 32}]}",
    },
    "include": {
        "type": "object",
        "description": "The layers of another spec, which lies in the folder of this one or below.",
        "properties": {
            "spec": {"type": "string", "examples": ["blocks.yaml"]},
            "block": {"enum": [*BLOCKS], "examples": ["encoder"]},
            "vars": {"type": "object", "examples": [{"width": 64}]},
        },
        "required": ["spec"],
        "additionalProperties": False,
        "x-main": "spec",
        "x-begun": "${1:blocks.yaml}",
    },
}


def _item(name: str, schema: Schema) -> Schema:
    """What stands beside layers in a list of them."""
    fields = {field: {"description": ITEMS[name][field], **what} for field, what in schema["properties"].items()}
    kept = {"oneOf": schema["oneOf"]} if "oneOf" in schema else {}
    begun = {"defaultSnippets": [{"label": name, "body": schema["x-begun"]}]}
    return {"description": schema["description"], **begun, **kept, **_part({**schema, "properties": fields})}


def _either(*ways: Schema) -> Schema:
    """One of these: names and references each by itself, all types together, and what they must satisfy beside them."""
    named = [way for way in ways if "$ref" in way or "enum" in way]
    texts = [way for way in ways if way.get("type") == "string" and way not in named]
    others = [way for way in ways if way not in named and way not in texts]
    types = [way["type"] for way in others]
    beside = {key: value for way in others for key, value in way.items() if key != "type"}
    typed = {"type": [*types, "string"][: len(types) + len(texts[:1])], **_text(texts, types)}
    if named and typed["type"]:
        return {**beside, "anyOf": [*named, typed]}
    return named[0] if named else {**typed, **beside}


def _text(ways: list[Schema], types: list[str]) -> Schema:
    """What any of these texts satisfies."""
    if free := [way for way in ways if "pattern" not in way]:
        return {key: value for key, value in free[0].items() if key != "type"}
    found = {"pattern": "|".join(way["pattern"] for way in ways)} if ways else {}
    wanted = [WORDS.get(name, name) for name in types if name != "null"]
    if found and wanted:
        found["patternErrorMessage"] = f"Expected {' or '.join(wanted)}, or a variable such as `${{name}}`."
    return found
