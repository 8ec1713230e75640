"""``aespec layers``, ``schema`` and ``explain``: what aespec knows, to be looked up."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from aespec.cli.options import format_option
from aespec.cli.output import echo_json
from aespec.diagnostics import AespecError, Diagnostic, nearest, show

if TYPE_CHECKING:
    from aespec.kind import Kind


@click.command()
@click.argument("kind", required=False)
@click.option("--family", metavar="FAMILY", help="Of another family: activation, initializer, loss, optimizer, ...")
@click.option("--backends", is_flag=True, help="Also say which backends support a kind (this imports them).")
@format_option("text", "json")
def layers(kind: str | None, family: str | None, backends: bool, form: str) -> None:
    """List the kinds of layers, or show one: its fields, shapes and examples.

    KIND is any kind: a layer, or also an activation, an initializer, a regularizer, a loss or an optimizer.
    """
    from aespec.registry import kinds
    from aespec.schema import families

    if family is not None and family not in families():
        near = nearest(family, families())
        help = f"did you mean '{near}'?" if near else f"there are {', '.join(families())}"
        raise click.BadParameter(f"there is no family '{family}': {help}", param_hint="--family")
    searched = [family] if family else list(families())
    if kind is not None:
        found = [members[kind] for name in searched if kind in (members := kinds(name))]
        if not found:
            raise AespecError(_unknown(kind, [name for family in searched for name in kinds(family)]))
        pages = [_page(member) for member in found]
    else:
        found = list(kinds(family or "layer").values())
        pages = [_entry(member) for member in found]
    if backends:
        pages = [{**page, "backends": _supporting(member)} for page, member in zip(pages, found, strict=True)]
    if form == "json":
        echo_json(pages)
    else:
        click.echo("\n\n".join(map(_page_text, pages)) if kind is not None else _list_text(pages))


@click.command()
def schema() -> None:
    """Print the JSON Schema of a spec, for editors and other tools.

    It is of draft 2020-12 and describes a whole spec file.
    """
    from aespec.schema import spec_schema

    echo_json(spec_schema())


@click.command()
@click.argument("code", required=False)
def explain(code: str | None) -> None:
    """Explain the code of an error.

    CODE is what stands in brackets behind the word error, such as E101. Without one, all codes are listed.
    """
    from aespec import rules

    if code is not None:
        click.echo(rules.explain(code).rstrip())
        return
    for known, rule in sorted(rules.RULES.items()):
        click.echo(f"{known}  {rules.title(rule)}")


def _unknown(kind: str, names: list[str]) -> Diagnostic:
    from aespec.rules import UnknownKind

    near = nearest(kind, names)
    help = f"did you mean `{near}`?" if near else "`aespec layers` lists them"
    return Diagnostic(UnknownKind, f"there is no kind `{kind}`", wanted="a kind", got=f"`{kind}`", help=help)


def _entry(member: type[Kind]) -> dict[str, Any]:
    from aespec.reference import summary_line

    return {"kind": member.kind, "family": member.family, "text": summary_line(member)}


def _page(member: type[Kind]) -> dict[str, Any]:
    """Everything that there is to say about a kind."""
    from aespec.reference import described
    from aespec.schema import kind_schema

    schema = kind_schema(member)
    fields, required = schema.get("properties", {}), schema.get("required", [])
    # A kind's own fields say most about it, those that it shares with others come after them.
    own_first = dict.fromkeys(name for cls in member.__mro__ for name in vars(cls).get("__annotations__", ()))
    return {
        **_entry(member),
        "text": described(member),
        "main": member.main,
        "fields": [
            {
                "name": name,
                "type": _words(fields[name]),
                "required": name in required,
                "default": fields[name].get("default"),
                "text": fields[name].get("description", ""),
            }
            for name in sorted(filter(fields.__contains__, own_first), key=lambda name: name not in required)
        ],
        "examples": [_example(member, example) for example in getattr(member, "examples", ())],
    }


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
        case {"anyOf": [one, {"type": "array"}]}:
            return f"{_words(one)}, or a list"
        case {"anyOf": ways}:
            return " or ".join(map(_words, ways))
        case {"enum": values}:
            return " or ".join(", ".join(map(str, values)).rsplit(", ", 1))
        case {"type": "array", "items": items}:
            return f"list of {_words(items)}s"
        case {"type": ("integer" | "number") as name}:
            stated = {key: field[key] for key in BOUNDS if key in field and 1e-9 < (abs(field[key]) or 1) < 1e6}
            bounds = ", ".join(f"{BOUNDS[key]} {bound}" for key, bound in stated.items())
            return f"{'whole number' if name == 'integer' else name} {bounds}".rstrip()
    return {"boolean": "true or false", "string": "text", "null": "null"}[field["type"]]


BOUNDS = {"minimum": ">=", "exclusiveMinimum": ">", "maximum": "<=", "exclusiveMaximum": "<"}
"""How a schema states a bound, and how a text does, but for those that only keep numbers computable."""


def _supporting(member: type[Kind]) -> list[str]:
    """The backends that have a lowering for a kind; one that cannot be imported has none."""
    from contextlib import suppress

    from aespec.registry import backend_names, find_backend

    found = []
    for name in backend_names():
        with suppress(AespecError):
            found += [name] if member in find_backend(name).lowerings else []
    return found


def _list_text(entries: list[dict[str, Any]]) -> str:
    from aespec.tables import table

    heads = ["Kind", *(["Backends"] if "backends" in entries[0] else []), "What it is"]
    rows = [
        [entry["kind"], *([", ".join(entry["backends"])] if "backends" in entry else []), entry["text"]]
        for entry in entries
    ]
    return f"{table(heads, rows)}\n\n`aespec layers KIND` shows one of them, `--family` lists those of another family"


def _page_text(page: dict[str, Any]) -> str:
    from aespec.tables import table

    parts = [f"{page['kind']} ({page['family']})", page["text"]]
    if page["fields"]:
        rows = [
            [
                field["name"],
                field["type"],
                "(required)" if field["required"] else _yaml(field["default"]),
                field["text"],
            ]
            for field in page["fields"]
        ]
        parts.append(table(["Field", "Type", "Default", "What it does"], rows))
    if page["main"]:
        parts.append(f"`{page['kind']}: VALUE` sets `{page['main']}`.")
    if page["examples"]:
        parts.append("Examples\n" + "\n".join(map(_example_text, page["examples"])))
    if "backends" in page:
        parts.append(f"Supported by: {', '.join(page['backends']) or 'none of the usable backends'}")
    return "\n\n".join(parts)


def _example_text(example: dict[str, Any]) -> str:
    from textwrap import fill

    from aespec.shapes import show_shape
    from aespec.tables import WIDTH

    spec = example["spec"]
    written = _yaml(spec) if isinstance(spec, str) else _yaml(spec)[1:-1]
    params = [f"{name} {show_shape(shape)}" for name, shape in example["parameters"].items()]
    shapes = f"{show_shape(example['input'])} -> {show_shape(example['output'])}"
    result = "; ".join([shapes, *([", ".join(params)] if params else [])])
    return "\n".join([f"  - {written}", fill(result, WIDTH, initial_indent=" " * 6, subsequent_indent=" " * 8)])


def _yaml(value: Any) -> str:
    """A value in one line of YAML; no name in aespec needs quotes."""
    return show(value, 200).replace('"', "")
