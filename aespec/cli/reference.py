"""``aespec layers``, ``schema`` and ``explain``: what aespec knows, to be looked up."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from aespec.cli.options import file_option, format_option
from aespec.cli.output import echo_json, pretty, writing
from aespec.diagnostics import AespecError, Diagnostic, nearest
from aespec.files import write_text


@click.command()
@click.argument("kind", required=False)
@click.option("--family", metavar="FAMILY", help="Of another family: activation, initializer, loss, optimizer, ...")
@click.option("--backends", is_flag=True, help="Also say which backends support a kind (this imports them).")
@format_option("text", "json")
def layers(kind: str | None, family: str | None, backends: bool, form: str) -> None:
    """List the kinds of layers, or show one: its fields, shapes and examples.

    KIND is any kind: a layer, or also an activation, an initializer, a regularizer, a loss or an optimizer. It can be
    `spec` as well, which has the fields of a whole spec, or a part of one: `input`, `training`, `early_stopping`.
    """
    from aespec.pages import entry, page, parts, supporting
    from aespec.registry import kinds
    from aespec.schema import families

    if family is not None and family not in families():
        near = nearest(family, families())
        help = f"did you mean '{near}'?" if near else f"there are {', '.join(families())}"
        raise click.BadParameter(f"there is no family '{family}': {help}", param_hint="--family")
    searched = [family] if family else list(families())
    if kind is not None:
        found = [members[kind] for name in searched if kind in (members := kinds(name))]
        pages = [page(member) for member in found]
        if not found and family is None:
            pages = [parts()[kind]] if kind in parts() else []
        if not pages:
            raise AespecError(_unknown(kind, searched))
    else:
        found = list(kinds(family or "layer").values())
        pages = [entry(member) for member in found]
    if backends and found:
        pages = [{**one, "backends": supporting(member)} for one, member in zip(pages, found, strict=True)]
    if form == "json":
        echo_json(pages)
    else:
        click.echo("\n\n".join(map(_page_text, pages)) if kind is not None else _list_text(pages))


@click.command()
@file_option("-o", "--out", suffixes=(".json",), help="Write it to a file, a .json, instead of printing it.")
@click.option("--no-plugins", is_flag=True, help="Leave out the kinds that other packages bring.")
def schema(out: Path | None, no_plugins: bool) -> None:
    """Print the JSON Schema of a spec, for editors and other tools.

    It is of draft 2020-12 and describes a whole spec file. An editor with a YAML language server completes and checks
    a spec by it if the spec's first line is `# yaml-language-server: $schema=FILE`, where FILE is the path from the
    spec to what `-o` wrote.
    """
    from aespec.schema import spec_schema

    found = spec_schema(plugins=not no_plugins)
    if out is None:
        echo_json(found)
        return
    with writing(out.parent):
        write_text(out, pretty(found) + "\n")
    click.echo(f"{out}: written")


@click.command()
@click.argument("code", required=False)
def explain(code: str | None) -> None:
    """Explain the code of an error or a warning.

    CODE is what stands in brackets behind that word, such as E101 or W201. Without one, all codes are listed.
    """
    from aespec import rules

    if code is not None:
        click.echo(rules.explain(code).rstrip())
        return
    for known, rule in sorted(rules.every_rule().items()):
        click.echo(f"{known}  {rules.title(rule)}")


def _unknown(kind: str, families: list[str]) -> Diagnostic:
    from aespec.pages import parts
    from aespec.registry import nearest_kind
    from aespec.rules import UnknownKind
    from aespec.source.items import RULES

    near = nearest_kind(kind, *families, beside=parts() if len(families) > 1 else ())
    if kind in RULES:
        help = f"it is an item of a list of layers: `aespec explain {RULES[kind].code}` says how it is written"
    else:
        lists = "`aespec layers` lists the layers, `--family` other kinds, `aespec layers spec` the fields of a spec"
        help = f"did you mean `{near}`?" if near else lists
    return Diagnostic(UnknownKind, f"there is no kind `{kind}`", wanted="a kind", got=f"`{kind}`", help=help)


def _list_text(entries: list[dict[str, Any]]) -> str:
    from aespec.tables import table

    heads = ["Kind", *(["Backends"] if "backends" in entries[0] else []), "What it is"]
    rows = [
        [
            entry["kind"],
            *([", ".join(entry["backends"])] if "backends" in entry else []),
            entry["text"] + (f" ({_brought(entry)})" if _brought(entry) else ""),
        ]
        for entry in entries
    ]
    return f"{table(heads, rows)}\n\n`aespec layers KIND` shows one of them, `--family` lists those of another family"


def _brought(entry: dict[str, Any]) -> str:
    """The package that brings a kind, where it is another."""
    return "" if entry["package"] == "aespec" else f"of {entry['package']}"


def _page_text(page: dict[str, Any]) -> str:
    from aespec.pages import standing
    from aespec.tables import table

    parts = [f"{page['kind']} ({', '.join(filter(None, [page['family'], _brought(page)]))})", page["text"]]
    if page["fields"]:
        rows = [
            [
                field["name"],
                field["type"],
                "(required)" if field["required"] else standing(field),
                field["text"],
            ]
            for field in page["fields"]
        ]
        parts.append(table(["Field", "Type", "Default", "What it does"], rows))
    if page["main"]:
        parts.append(f"`{page['kind']}: VALUE` sets `{page['main']}`.")
    if page["elsewhere"]:
        parts.append(f"Elsewhere it is called {' or '.join(page['elsewhere'])}.")
    if page["rules"]:
        parts.append("\n".join(f"{rule.capitalize()}: {text}" for rule, text in page["rules"].items()))
    if page["examples"]:
        parts.append("Examples\n" + "\n".join(map(_example_text, page["examples"])))
    if "backends" in page:
        parts.append(f"Supported by: {', '.join(page['backends']) or 'none of the usable backends'}")
    return "\n\n".join(parts)


def _example_text(example: dict[str, Any]) -> str:
    from textwrap import fill

    from aespec.pages import in_yaml
    from aespec.shapes import show_shape
    from aespec.tables import WIDTH

    spec = example["spec"]
    written = in_yaml(spec) if isinstance(spec, str) else in_yaml(spec)[1:-1]
    params = [f"{name} {show_shape(shape)}" for name, shape in example["parameters"].items()]
    shapes = f"{show_shape(example['input'])} -> {show_shape(example['output'])}"
    result = "; ".join([shapes, *([", ".join(params)] if params else [])])
    return "\n".join([f"  - {written}", fill(result, WIDTH, initial_indent=" " * 6, subsequent_indent=" " * 8)])
