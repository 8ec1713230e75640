"""The reference, written from the classes: a page for each family of kinds, the fields of a spec, commands, codes.

`docs/conf.py` calls it whenever the site is built, and `docs/reference` is not kept in Git.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import click
from python_page import python

from aespec.cli import COMMANDS, main
from aespec.diagnostics import Rule
from aespec.kind import Kind
from aespec.pages import in_yaml, page, parts, standing, supporting
from aespec.reference import described, summary_line
from aespec.registry import kinds, package
from aespec.rules import AREAS, BadExpression, UnknownVariable, every_rule, explanation, title
from aespec.schema import families
from aespec.shapes import show_shape
from aespec.source.items import ITEMS, RULES
from aespec.tables import table

WIDTH = 88
"""Columns of a command's help: as many as stand beside the two sidebars."""


def write(folder: Path) -> None:
    """Write every page; one that says what it said is left alone, so that it is not built again."""
    folder.mkdir(exist_ok=True)
    pages = {folder / f"{name}.md": "\n\n".join(parts) + "\n" for name, parts in reference()}
    for path in {*folder.glob("*.md")} - {*pages}:
        path.unlink(missing_ok=True)
    for path, text in pages.items():
        if not path.exists() or path.read_text() != text:
            new = path.with_suffix(f".{os.getpid()}")  # two builds at a time are in nobody's way
            new.write_text(text)
            new.replace(path)


def reference() -> Iterator[tuple[str, Iterable[str]]]:
    """Each page's name and its parts."""
    yield "spec", spec()
    for family, base in families().items():
        if home(base) != "spec":
            yield home(base), family_page(family, base)
    yield "commands", commands()
    yield "python", python()
    yield "codes", codes()


def home(base: type[Kind]) -> str:
    """A family's page, named as its module is."""
    return base.__module__.split(".")[1]


def own(family: str) -> dict[str, type[Kind]]:
    """The kinds of a family that aespec brings itself."""
    return {name: member for name, member in kinds(family).items() if package(member) == "aespec"}


def spec() -> Iterator[str]:
    """The fields of a spec, and of each part of it."""
    whole, *others = parts().values()
    yield "# A spec"
    yield (
        "A spec is a YAML or JSON file. Every field that it may have is here; one that is not is refused. On a "
        "terminal `aespec layers spec` shows them, and `aespec layers training` those of a part."
    )
    yield fields_table(whole["fields"])
    for part in others:
        yield f"## `{part['kind']}`"
        yield f"{part['family']}: {part['text']}" if "." in part["family"] else part["text"]
        yield fields_table(part["fields"])
    yield "## What stands for layers and values"
    yield "An item of a list of layers can stand for several layers, and `${...}` for any value."
    for name, texts in ITEMS.items():
        yield f"### `{name}`"
        yield from ruled(RULES[name])
        yield markdown(["Field", "What it does"], [[code(field), text] for field, text in texts.items()])
    yield "### Variables and arithmetic"
    yield from ruled(UnknownVariable)
    yield from ruled(BadExpression)


def ruled(rule: type[Rule]) -> Iterator[str]:
    """What a rule says of what it is about, and what keeps it."""
    yield explanation(rule)
    yield example(rule.good)


def family_page(family: str, base: type[Kind]) -> Iterator[str]:
    """Each kind of a family: what it is, its fields, its rules, examples, the backends that have it."""
    members = own(family)
    yield f"# {home(base).capitalize()}"
    yield described(base)
    yield f"On a terminal `aespec layers NAME` shows one of them, as in `aespec layers {next(iter(members))}`."
    rows = [[f"[`{name}`](#{name})", summary_line(member)] for name, member in members.items()]
    yield markdown(["Kind", "What it is"], rows)
    for member in members.values():
        yield from kind_section(page(member), supporting(member))


def kind_section(shown: Mapping[str, Any], backends: Iterable[str]) -> Iterator[str]:
    """One kind."""
    yield f"## `{shown['kind']}`"
    yield shown["text"]
    if shown["fields"]:
        yield fields_table(shown["fields"])
    if shown["main"]:
        yield f"`{shown['kind']}: VALUE` sets `{shown['main']}`."
    if shown["elsewhere"]:
        yield f"Elsewhere it is called {' or '.join(shown['elsewhere'])}."
    if shown["rules"]:
        yield "\n".join(f"- **{rule.capitalize()}**: {text}" for rule, text in shown["rules"].items())
    if shown["examples"]:
        rows = [
            [
                code(in_yaml(example["spec"]).removeprefix("{").removesuffix("}")),
                f"{code(show_shape(example['input']))} → {code(show_shape(example['output']))}",
                ", ".join(f"{name} {code(show_shape(shape))}" for name, shape in example["parameters"].items()),
            ]
            for example in shown["examples"]
        ]
        yield markdown(["Example", "Shape", "Parameters"], rows)
    aespecs_own = {entry.name for entry in entry_points(group="aespec.backends") if entry.dist.name == "aespec"}
    if having := [name for name in backends if name in aespecs_own]:
        yield f"Backends: {', '.join(having)}"


def fields_table(found: Iterable[Mapping[str, Any]]) -> str:
    """Fields with their types, which link to what they name."""
    rows = [[code(field["name"]), linked(field), default(field), field["text"].replace("|", r"\|")] for field in found]
    return markdown(["Field", "Type", "Default", "What it does"], rows)


def default(field: Mapping[str, Any]) -> str:
    """What stands for a field that is not stated; the fields of a part of a spec have their own."""
    if field["required"]:
        return "required"
    stands = standing(field)
    return stands and code(stands)


def linked(field: Mapping[str, Any]) -> str:
    """A field's type, with links to the families that it names; a part of a spec has a section on the same page."""
    pages = {family: f"{home(base)}.md" for family, base in families().items()}
    pages["mapping"] = f"#{field['name']}"
    names = rf"\b({'|'.join(pages)})s?\b"
    return re.sub(names, lambda found: f"[{found[0]}]({pages[found[1]]})", field["type"].replace("|", r"\|"))


def commands() -> Iterator[str]:
    """What each command says about itself."""
    context = click.Context(main, info_name="aespec", terminal_width=WIDTH, **main.context_settings)
    yield "# Commands"
    yield "What `aespec COMMAND --help` prints. It ends with 0 where all is well, 1 for a finding, 2 for wrong usage."
    for section, names in COMMANDS.items():
        yield f"## {section}"
        for name in names:
            yield f"### `{name}`"
            command = main.get_command(context, name)
            yield fenced("text", command.get_help(click.Context(command, info_name=name, parent=context)))


def codes() -> Iterator[str]:
    """Every rule: what it means, what breaks it, what keeps it."""
    yield "# Errors and warnings"
    yield "What stands in brackets behind the word error or warning. On a terminal `aespec explain E101` shows one."
    for area, about in AREAS.items():
        yield f"## {area}: {about}"
        for number, rule in sorted(every_rule().items()):
            if number.startswith(area):
                yield f"({number.lower()})=\n### {number}: {title(rule).removesuffix('.')}"
                yield explanation(rule)
                yield f"Wrong:\n\n{example(rule.bad)}"
                yield f"Right:\n\n{example(rule.good)}"


def example(text: str) -> str:
    """An example of a rule: a command, or a spec, which may be so wrong that it is no YAML."""
    text = text.strip()
    return fenced("{code-block} yaml", f":force:\n\n{text}") if "\n" in text else fenced("sh", text)


def fenced(language: str, text: str) -> str:
    """A block of text that is shown as it is."""
    return f"```{language}\n{text}\n```"


def code(text: str) -> str:
    """A text within a line that is shown as it is."""
    return f"`{text}`".replace("|", r"\|")


def markdown(heads: list[str], rows: list[list[str]]) -> str:
    """A table."""
    return table(heads, rows, markdown=True)
