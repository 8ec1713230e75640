"""The reference of the Python API, written from signatures and docstrings: functions, classes and their members."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator
from dataclasses import is_dataclass
from functools import cached_property
from textwrap import dedent
from typing import Any

from aespec import AespecError, Graph, Limits, Run, Spec, build, compile, fit, load, open_run, parse
from aespec.backend import Model, Trainable
from aespec.data import Dataset, load_for
from aespec.data import load as load_data
from aespec.diagnostics import Diagnostic, Place
from aespec.held import RunData, Shown
from aespec.plan import TrainingPlan
from aespec.reference import member_docs, plain
from aespec.sklearn import Autoencoder
from aespec.training import Epoch

SECTIONS: dict[str, tuple[Any, ...]] = {
    "Specs and models": (load, parse, compile, build, Limits, Graph, Model),
    "Training": (fit, Epoch, Trainable),
    "Data": (load_data, load_for, Dataset),
    "Runs": (open_run, Run, RunData, Shown),
    "scikit-learn": (Autoencoder,),
    "Errors": (AespecError, Diagnostic, Place),
}

WIDTH = 88
"""Characters of a signature that stands in one line."""

FIELDS = {Spec: "spec.md", TrainingPlan: "spec.md#training"}
"""Classes whose fields are those of a spec, and the page that has them."""


def python() -> Iterator[str]:
    """Each object, in sections."""
    yield "# Python"
    yield "[From Python](../python.md) shows these in use."
    pages = " and ".join(f"those of `{where(each)}` in [a spec]({page})" for each, page in FIELDS.items())
    yield f"The fields of two classes are those of a file: {pages}."
    for title, things in SECTIONS.items():
        yield f"## {title}"
        for thing in things:
            yield f"### `{where(thing)}`"
            made = vars(thing).get("__init__") if inspect.isclass(thing) else thing
            if inspect.isfunction(made) and made.__module__ == thing.__module__ and not is_dataclass(thing):
                yield signature(thing.__name__, made)
            yield from told(thing.__doc__)
            if inspect.isclass(thing):
                yield from members(thing)


def where(thing: Any) -> str:
    """What an object is imported as: from `aespec` itself, where it is public there."""
    import aespec

    own = getattr(aespec, thing.__name__, None) is thing
    return f"aespec.{thing.__name__}" if own else f"{thing.__module__}.{thing.__name__}"


def members(cls: type) -> Iterator[str]:
    """What a class has of its own: fields, then properties and methods in their order."""
    docs = member_docs(cls)
    fields = {name: kind for name, kind in inspect.get_annotations(cls).items() if not name.startswith("_")}
    if fields:
        yield "\n".join(
            f"- `{name}: {typed(kind)}`: {docs.get(name, '')}".rstrip(": ") for name, kind in fields.items()
        )
    for name, member in vars(cls).items():
        inside = {property: "fget", cached_property: "func", classmethod: "__func__"}.get(type(member))
        function = getattr(member, inside) if inside else member
        if name.startswith("_") or not inspect.isfunction(function):
            continue
        yield f"#### `{cls.__name__}.{name}`"
        value = isinstance(member, property | cached_property)
        yield fenced(f"{name}: {typed(function.__annotations__['return'])}") if value else signature(name, function)
        yield from told(function.__doc__)


def typed(kind: Any) -> str:
    """A type as it is written."""
    return kind if isinstance(kind, str) else inspect.formatannotation(kind)


def signature(name: str, function: Any) -> str:
    """How a function is called, as its source has it."""
    (source,) = ast.parse(dedent(inspect.getsource(function))).body
    assert isinstance(source, ast.FunctionDef)
    given, returned = [*parameters(source.args)], f" -> {ast.unparse(source.returns)}" if source.returns else ""
    line = f"{name}({', '.join(given)}){returned}"
    return fenced(
        line if len(line) <= WIDTH else "\n    ".join([f"{name}(", *(f"{each}," for each in given)]) + f"\n){returned}"
    )


def parameters(given: ast.arguments) -> Iterator[str]:
    """The parameters that are given in a call, and a star before those that have to be named."""
    first = len(given.args) - len(given.defaults)
    for i, each in enumerate(given.args):
        if each.arg not in ("self", "cls"):
            yield ast.unparse(each) + (f" = {ast.unparse(given.defaults[i - first])}" if i >= first else "")
    if given.vararg or given.kwonlyargs:
        yield f"*{ast.unparse(given.vararg) if given.vararg else ''}"
    for each, default in zip(given.kwonlyargs, given.kw_defaults, strict=True):
        yield ast.unparse(each) + (f" = {ast.unparse(default)}" if default else "")


def told(doc: str | None) -> Iterator[str]:
    """A docstring as Markdown: its text, then its sections as lists."""
    text, *sections = re.split(r"^(Args|Returns|Raises|Yields):\n", inspect.cleandoc(doc or ""), flags=re.MULTILINE)
    yield plain(text).strip()
    for title, section in zip(sections[::2], sections[1::2], strict=True):
        items = [plain(" ".join(item.split())) for item in re.split(r"\n(?=\S)", inspect.cleandoc(section))]
        if title in ("Args", "Raises"):
            items = [re.sub(r"^([\w*]+):", r"`\1`:", item) for item in items]
            yield f"{'Parameters' if title == 'Args' else title}:\n\n" + "\n".join(f"- {item}" for item in items)
        else:
            yield f"{title}: {' '.join(items)}"


def fenced(text: str) -> str:
    """A block of Python."""
    return f"```python\n{text}\n```"
