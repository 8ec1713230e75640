"""The JSON Schema (draft 2020-12) of a spec, and of what each of its parts may hold.

Everything in it is read off the classes: kinds, fields, bounds, defaults, and the texts that stand beside them.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema

from aespec.kind import Kind
from aespec.reference import described, field_docs
from aespec.registry import kinds

__all__ = ["families", "kind_schema", "spec_schema"]

Schema = dict[str, Any]

DIALECT = "https://json-schema.org/draft/2020-12/schema"
VARIABLE = {
    "type": "string",
    "pattern": r"\$\{[^{}]+\}",
    "description": "A variable: `${name}` stands for a value of `vars`.",
}


@cache
def families() -> dict[str, type[Kind]]:
    """The families of kinds, by what they are called: layer, activation, loss, ..."""
    import aespec.spec  # noqa: F401  (it brings every family into being)

    return {family.family: family for family in Kind.__subclasses__()}


def spec_schema() -> Schema:
    """The schema of a whole spec, as a file has it: with ``vars``, bare names and one main value for a kind."""
    from aespec.spec import Spec

    spec = _schema_of(Spec)
    parts = spec.pop("$defs")
    parts["Input"] = _either(_value(parts["Input"]["properties"]["shape"]), parts["Input"])
    spec["properties"]["decoder"] |= _either({"x-family": "decoder form"}, _value(spec["properties"]["encoder"]))
    for name, family in families().items():
        members = kinds(name)
        parts[_key(name)] = _family(family, members)
        parts |= {_key(name, member): _member(cls) for member, cls in members.items()}
    spec["properties"] = {name: _finished(part) for name, part in spec["properties"].items()}
    definitions = {name: _finished(part) for name, part in parts.items()}
    return {"$schema": DIALECT, "title": "A spec of aespec", **spec, "$defs": {**definitions, "variable": VARIABLE}}


def kind_schema(kind: type[Kind]) -> Schema:
    """The schema of a kind's fields alone, each described; a field that holds a kind says ``x-family``."""
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
        """A model, its fields with their texts."""
        model: type[BaseModel] = schema["cls"]
        found = super().model_schema(schema)
        texts = field_docs(model)
        for name, field in found.get("properties", {}).items():
            field |= {"description": texts[name]} if name in texts else {}
        own = {"title", "description"}
        return {"description": described(model), **{key: value for key, value in found.items() if key not in own}}

    def encode_default(self, default: Any) -> Any:
        """A default as a spec would state it."""
        return _shortest(default) if isinstance(default, Kind) else super().encode_default(default)

    def field_title_should_be_set(self, schema: Any) -> bool:
        """No titles: they would only repeat the names."""
        return False


def _schema_of(model: type[BaseModel]) -> Schema:
    return model.model_json_schema(schema_generator=_Generator)


def _shortest(kind: Kind) -> Any:
    """The kind's name where all its fields have their defaults, else the kind with every field."""
    return kind.kind if str(kind) == kind.kind else kind.to_data()


def _key(family: str, member: str | None = None) -> str:
    return ".".join([family.replace(" ", "_"), *([member] if member else [])])


def _family(family: type[Kind], members: dict[str, type[Kind]]) -> Schema:
    """A member as a spec writes it: its bare name where nothing is required, else the name as the only key."""
    bare = [name for name, member in members.items() if not any(f.is_required() for f in member.model_fields.values())]
    one_key = {
        "type": "object",
        "minProperties": 1,
        "maxProperties": 1,
        "additionalProperties": False,
        "properties": {name: {"$ref": f"#/$defs/{_key(family.family, name)}"} for name in members},
    }
    return {"description": described(family), **_either({"enum": bare}, one_key)}


def _member(member: type[Kind]) -> Schema:
    """What may stand behind a kind's name: its fields, its main value, or nothing where nothing is required."""
    fields = _schema_of(member)
    text = fields.pop("description")
    ways = [fields]
    if member.main is not None:
        ways.append({"allOf": [_value(fields["properties"][member.main]), {"not": {"type": ["object", "null"]}}]})
    if not fields.get("required"):
        ways.append({"type": "null"})
    return {"description": text, **_either(*ways)}


def _value(field: Schema) -> Schema:
    """A field's schema without what is said about the field."""
    return {key: value for key, value in field.items() if key not in ("default", "description")}


def _either(*ways: Schema) -> Schema:
    return {"anyOf": list(ways)}


_SAID = ("description", "default")
_LENGTHS = {"minLength": "minItems", "maxLength": "maxItems"}


def _finished(schema: Schema) -> Schema:
    """A schema with references to the families, and a variable allowed wherever a value may stand."""
    if "x-family" in schema:
        return {"$ref": f"#/$defs/{_key(schema['x-family'])}", **{k: schema[k] for k in _SAID if k in schema}}
    inner = {key: _finished_part(key, value) for key, value in schema.items()}
    if "anyOf" in inner:
        ways = [way for part in inner["anyOf"] for way in (part["anyOf"] if list(part) == ["anyOf"] else [part])]
        inner["anyOf"] = [way for i, way in enumerate(ways) if way not in ways[:i]]
    if inner.get("type") == "array":  # pydantic counts what a validator has yet to make a tuple as text
        inner = {_LENGTHS.get(key, key): value for key, value in inner.items()}
    free_text = inner.get("type") == "string" and not inner.keys() & {"enum", "pattern"}
    if inner.get("type", "null") == "null" or free_text:
        return inner
    said = {key: inner.pop(key) for key in _SAID if key in inner}
    return {**said, **_either(inner, {"$ref": "#/$defs/variable"})}


def _finished_part(key: str, value: Any) -> Any:
    match key:
        case "properties":
            return {name: _finished(part) for name, part in value.items()}
        case "anyOf" | "allOf" | "prefixItems":
            return [_finished(part) for part in value]
        case "items":
            return _finished(value)
    return value
