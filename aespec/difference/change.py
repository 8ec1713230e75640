"""What a difference is made of, and where two values differ."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from aespec.diagnostics import show
from aespec.kind import own_first
from aespec.listing import word
from aespec.plan import Section

__all__ = ["Change", "leaves", "values"]


@dataclass(frozen=True)
class Change:
    """One thing that differs."""

    section: str
    """What it is a part of: ``encoder``, ``training``, ``weights``."""
    of: str
    """The layer, the field or the parameter."""
    what: str
    """What of it; empty where it is one value, or is there on one side alone."""
    before: str | None
    """What the one side has; None where there is nothing."""
    after: str | None
    """What the other side has."""
    apart: float | None = None
    """How far numbers are apart at most, where arrays were compared."""


def values(section: str, a: BaseModel, b: BaseModel, without: Collection[str] = ()) -> Iterator[Change]:
    """Where two sections of a spec differ, but for some fields."""
    yield from (Change(section, path, "", before, after) for path, before, after in leaves(a, b, without=without))


def leaves(a: Any, b: Any, path: str = "", without: Collection[str] = ()) -> Iterator[tuple[str, str, str]]:
    """Where two values differ, as deep inside them as both have the same fields, with what stands there."""
    if isinstance(a, BaseModel) and type(a) is type(b):
        for name in own_first(type(a)):
            if name not in without:
                inner = f"{path}.{name}" if path else name
                yield from leaves(getattr(a, name), getattr(b, name), inner, without)
    elif _are_models(a) and _are_models(b) and len(a) == len(b):
        for i, (one, other) in enumerate(zip(a, b, strict=True)):
            yield from leaves(one, other, f"{path}.{i}", without)
    elif a != b:
        short = _word(a), _word(b)
        yield path, *(short if short[0] != short[1] else (show(a), show(b)))


def _are_models(value: Any) -> bool:
    return isinstance(value, tuple) and bool(value) and all(isinstance(item, BaseModel) for item in value)


def _word(value: Any) -> str:
    if isinstance(value, tuple) and any(isinstance(item, Section) for item in value):
        return show([_stated(item) for item in value])
    return show(_stated(value)) if isinstance(value, Section) else word(value)


def _stated(section: Section) -> dict[str, Any]:
    return section.model_dump(mode="json", exclude_none=True)
