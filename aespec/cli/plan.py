"""The fields of a section of the spec as options: made of the section itself, so that there is one definition."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from types import NoneType
from typing import Annotated, Any, Literal, TypeVar, get_args, get_origin

import click
from pydantic.fields import FieldInfo

from aespec.cli.options import Number
from aespec.plan import Section, TrainingPlan
from aespec.reference import field_docs, plain
from aespec.source.override import Option

__all__ = ["assignments", "plan_options", "section_options"]

F = TypeVar("F", bound=Callable[..., Any])

METAVARS = {
    "optimizer": "KIND",
    "schedule": "KIND",
    "freeze": "NAME",
    "greedy": "PHASES",
    "head": "LAYERS",
    "validation_data": "FILE",
    "early_stopping": "N",
    "epochs": "N",
    "batch_size": "N",
    "window": "N",
    "seed": "N",
}

SPECIAL = ("null", "true", "false", "yes", "no", "on", "off", "y", "n")
"""Words that are no text in one version of YAML or the other."""


def section_options(section: type[Section]) -> Callable[[F], F]:
    """Add ``--field VALUE`` for each field of a section: a value as the spec would have it."""

    def decorate(function: F) -> F:
        docs = field_docs(section)
        for name, field in reversed(section.model_fields.items()):
            words = _words(field.annotation)
            several = field.annotation == tuple[str, ...]
            option = click.option(
                _option(name),
                name,
                type=click.Choice(words) if words else _number(field),
                metavar=None if words else METAVARS.get(name, "X"),
                multiple=several,
                help=plain(docs[name]).partition(". ")[0].rstrip(".") + "." + " Can be repeated." * several,
            )
            function = option(function)
        return function

    return decorate


plan_options = section_options(TrainingPlan)


def assignments(options: dict[str, Any], section: type[Section] = TrainingPlan, path: str = "training") -> list[Option]:
    """What these options of a section at a path assign; None is an option that was not given.

    Of two fields that exclude each other an option for one takes the other away, unless that is given too, or set by
    its path.
    """
    fields = section.model_fields
    given = {name: value for name, value in options.items() if value not in (None, ())}
    texts = {name: _text(value, fields[name].annotation) for name, value in given.items()}
    found = [Option(_option(name), f"{path}.{name}", text) for name, text in texts.items()]
    for name in given:
        other, value = section.instead.get(name, (name, ""))
        if other not in given:
            found.append(Option(_option(name), f"{path}.{other}", value, weak=True))
    return found


def _text(value: Any, annotation: Any) -> str:
    """A value as YAML has it: names and files, which are never anything else, in quotes where they would be."""
    if isinstance(value, tuple):
        return f"[{', '.join(map(_quoted, value))}]"
    return _quoted(value) if _words(annotation) or _is_text(annotation) else str(value)


def _quoted(text: str) -> str:
    plain = re.fullmatch(r"[A-Za-z/][\w/.-]*", text, flags=re.ASCII) and text.lower() not in SPECIAL
    return text if plain else json.dumps(text, ensure_ascii=False)


def _is_text(annotation: Any) -> bool:
    """Whether a field is text, or nothing."""
    parts = get_args(annotation) or (annotation,)
    return {get_args(part)[0] if get_origin(part) is Annotated else part for part in parts} - {NoneType} == {str}


def _option(field: str) -> str:
    """The option of a field."""
    return f"--{field.replace('_', '-')}"


def _number(field: FieldInfo) -> click.ParamType[Any] | type[str]:
    """The click type of a field that is a number within bounds; text for any other, which the spec's rules check."""
    bounds = {
        name: getattr(each, name) for each in field.metadata for name in ("ge", "gt", "lt") if hasattr(each, name)
    }
    ends: dict[str, Any] = {"min": bounds.get("ge", bounds.get("gt")), "min_open": "gt" in bounds}
    ends |= {"max": bounds.get("lt"), "max_open": "lt" in bounds}
    if field.annotation is int:
        return click.IntRange(ends["min"])  # above only the machine bounds it, and that the spec's rules check
    return Number(**ends) if field.annotation is float else str


def _words(annotation: Any) -> tuple[str, ...]:
    """The words that a field is one of; none where it is something else."""
    if get_origin(annotation) is Literal:
        return get_args(annotation)
    return tuple(word for part in get_args(annotation) for word in _words(part) if part is not type(None))
