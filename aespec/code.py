"""Code as data: expressions, how they are broken into lines, and parts of a module that files of code are made of.

Code is formatted as ``ruff format`` does by default.
"""

from __future__ import annotations

import ast
import json
import keyword
import re
import sys
from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

__all__ = ["WIDTH", "Call", "Code", "Template", "literal", "one", "safe_name", "stated", "written"]

WIDTH = 88
"""Columns of a line, ruff's default."""


class Code(str):
    """An expression that stands as it is."""

    __slots__ = ()


class Call:
    """A call, as an expression of code."""

    def __init__(self, name: str, /, *args: Any, **fields: Any) -> None:
        self.name, self.args, self.fields = name, args, fields
        self.variable: str | None = None
        """What stands for it, once it has been given a name."""

    def __str__(self) -> str:
        return self.variable or f"{self.name}({', '.join(start + literal(value) for start, value in self.parts)})"

    @property
    def parts(self) -> list[tuple[str, Any]]:
        """Each argument, with what stands before it."""
        return [*(("", value) for value in self.args), *((f"{name}=", value) for name, value in self.fields.items())]


def written(value: Any, indent: int = 0, before: str = "", after: str = "") -> list[str]:
    """The lines of an expression between two texts, broken where it is too long for one."""
    margin = " " * indent
    whole = margin + before + literal(value) + after
    opening, parts, closing = _parts(value)
    if len(whole) <= WIDTH or not parts:
        return [whole]
    calls = [part for _, part in parts if isinstance(part, Call)]
    inside = [margin + "    " + ", ".join(start + literal(part) for start, part in parts)]
    if calls or not isinstance(value, Call) or len(inside[0]) > WIDTH:
        end = "" if len(parts) == len(calls) == 1 else ","
        inside = [line for start, part in parts for line in written(part, indent + 4, start, end)]
    return [margin + before + opening, *inside, margin + closing + after]


def literal(value: Any) -> str:
    """An expression in one line."""
    if isinstance(value, Call | Code):
        return str(value)
    if isinstance(value, str):
        return json.dumps(value)
    if isinstance(value, tuple | list | dict):
        opening, parts, closing = _parts(value)
        inside = ", ".join(start + literal(part) for start, part in parts)
        return opening + inside + ("," if isinstance(value, tuple) and len(value) == 1 else "") + closing
    return re.sub(r"e([+-])0*", r"e\1", repr(value)).replace("e+", "e")


def _parts(value: Any) -> tuple[str, list[tuple[str, Any]], str]:
    """What an expression can be broken at: its opening, its parts with what stands before each, its closing."""
    if isinstance(value, Call) and not value.variable:
        return f"{value.name}(", value.parts, ")"
    if isinstance(value, dict):
        return "{", [(f"{literal(key)}: ", part) for key, part in value.items()], "}"
    if isinstance(value, list | tuple):
        opening, closing = "[]" if isinstance(value, list) else "()"
        return opening, [("", part) for part in value], closing
    return "", [], ""


def stated(fields: Mapping[str, Any], **defaults: Any) -> dict[str, Any]:
    """The fields that are not as the framework's defaults."""
    return {name: value for name, value in fields.items() if name not in defaults or value != defaults[name]}


def one(values: tuple[Any, ...]) -> Any:
    """One number for all axes, where it is the same for each."""
    return values[0] if len(set(values)) == 1 else values


def safe_name(name: str, taken: Callable[[str], bool]) -> str:
    """The name, with underscores behind it where Python or the code around has a use for it."""
    while keyword.iskeyword(name) or taken(name):
        name += "_"
    return name


class Template:
    """A module whose classes and functions are copied, each with what it needs, into files that name them."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @cached_property
    def _text(self) -> str:
        return self._path.read_text(encoding="utf-8")

    @cached_property
    def _imports(self) -> dict[str, tuple[str | None, str]]:
        """By the name that each binds: the module it is taken from, None for the module itself, and what is written."""
        found: dict[str, tuple[str | None, str]] = {}
        for statement in ast.parse(self._text).body:
            if isinstance(statement, ast.Import | ast.ImportFrom):
                home = statement.module if isinstance(statement, ast.ImportFrom) else None
                found |= {alias.asname or alias.name: (home, ast.unparse(alias)) for alias in statement.names}
        return found

    @cached_property
    def _definitions(self) -> dict[str, str]:
        lines, found = self._text.splitlines(), {}
        for statement in ast.parse(self._text).body:
            if isinstance(statement, ast.ClassDef | ast.FunctionDef):
                first = min([statement.lineno, *(decorator.lineno for decorator in statement.decorator_list)])
                found[statement.name] = "\n".join(lines[first - 1 : statement.end_lineno])
        return found

    def has(self, name: str) -> bool:
        """Whether a file may have this name from here."""
        return name in self._imports or name in self._definitions

    def file(self, docstring: str, *sections: str) -> str:
        """A whole file: what it is, the imports and definitions that its sections need, and the sections."""
        needed, names = dict[str, str](), _names("\n".join(sections))
        while more := {n: d for n, d in self._definitions.items() if n in names and n not in needed}:
            needed |= more
            names |= _names("\n".join(more.values()))
        definitions = [text for name, text in self._definitions.items() if name in needed]
        head = f"{docstring}\n\n{self._imported(names)}"
        return "\n\n\n".join([head, *definitions, *sections]) + "\n"

    def _imported(self, names: set[str]) -> str:
        """The import statements of these names, the standard library's before the others'."""
        modules, members = set[str](), dict[str, list[str]]()
        for name in names & self._imports.keys():
            home, text = self._imports[name]
            if home is None:
                modules.add(text)
            else:
                members.setdefault(home, []).append(text)
        groups: dict[bool, list[str]] = {False: [], True: []}
        for text in sorted(modules):
            groups[_foreign(text)].append(f"import {text}")
        for home in sorted(members):
            groups[_foreign(home)].append(f"from {home} import {', '.join(sorted(members[home]))}")
        return "\n\n".join("\n".join(group) for group in groups.values() if group)


def _foreign(module: str) -> bool:
    return re.split(r"[. ]", module)[0] not in sys.stdlib_module_names


def _names(code: str) -> set[str]:
    return {node.id for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Name)}
