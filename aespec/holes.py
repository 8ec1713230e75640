"""What stands in a spec that is wrong for a layer that cannot be read, and what the layer may be."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import product
from typing import Any, ClassVar

from pydantic import ValidationError
from pydantic_core import PydanticCustomError

from aespec.diagnostics import AespecError, Loc
from aespec.faults import Fault
from aespec.layers.base import Layer
from aespec.registry import find_kind, kind_names
from aespec.shapes import Shape, ShapeError
from aespec.source.text import LOST

__all__ = ["Hole", "hole"]

_TRIED = (1, 2, 3, 0.5, True, False, "same", "valid", "concat", "sum", [1], [1, 1], [1, 1, 1])
"""Values that are tried in place of one that is wrong: what a layer is with each that it takes follows from the
rest of it."""
_AT_ONCE = 2
"""In place of how many, of one layer."""


class Hole(Layer):
    """Stands in a spec that is wrong for a layer that cannot be read. No spec can state it."""

    kind: ClassVar[str] = "hole"  # written so that the registry does not take it for a kind

    of: str | None = None
    """The kind of the layer, where that can be read."""
    like: tuple[Layer, ...] = ()
    """Layers that it may be, each of them otherwise in what cannot be read: none, or several."""

    def infer(self, x: Shape) -> Shape:
        """The same shape.

        Raises:
            ShapeError: It cannot take ``x``, whatever it is.
        """
        errors = []
        for layer in self.like:
            try:
                layer.infer(x)
            except ShapeError as error:
                errors.append(error)
        if errors and len(errors) == len(self.like) and len({str(vars(each)) for each in errors}) == 1:
            raise errors[0]
        return x


def hole(stated: Any, path: Loc, faults: Sequence[Fault], *, guess: bool) -> Hole:
    """What stands for a layer that is stated so at a path, with these faults; its name stays taken.

    Args:
        stated: What the spec has in its place.
        path: Where.
        faults: All that is wrong with it.
        guess: Whether to look for what it may be.
    """
    if isinstance(stated, Hole):
        return stated if guess else stated.model_copy(update={"like": ()})
    kind, fields = next(iter(stated.items()), (None, None)) if isinstance(stated, dict) else (stated, None)
    name = fields.get("name") if isinstance(fields, dict) else None
    known = isinstance(kind, str) and kind in kind_names("layer")
    known = known and not isinstance(fields, list)  # in which a name can be
    like = tuple(_like(stated, path, faults)) if known and guess and len(faults) <= _AT_ONCE else ()
    return Hole.model_construct(
        name=name if isinstance(name, str) else None,
        of=kind if known else None,
        like=like if len(like) > 1 else (),
    )


def _like(stated: Any, path: Loc, faults: Sequence[Fault]) -> Iterator[Layer]:
    """The layers that it is with other values where it is wrong."""
    if any(fault.type in ("extra_forbidden", "unknown_kind", "not_one_key") for fault in faults):
        return
    if LOST in str(stated):
        return
    tried = dict(_tried(fault, stated, path) for fault in faults)
    for values in product(*tried.values()):
        layer = stated
        for at, value in zip(tried, values, strict=True):
            layer = _with(layer, at, value)
        try:
            yield Layer.read(layer)
        except (ValidationError, PydanticCustomError):
            continue


def _tried(fault: Fault, stated: Any, path: Loc) -> tuple[Loc, Sequence[Any]]:
    """Where something is wrong in a layer, and what to try there: a value, or the fields of a whole kind."""
    at = fault.loc[len(path) :]
    lacks = fault.type == "missing" or len(fault.written) < len(fault.loc)
    if lacks and fault.error["input"] in (None, "", [], {}) and at[-2:-1] and at[-2] in kind_names("layer"):
        at = at[:-1]  # nothing of that kind is stated
    if at and (len(at) == 1 or at[-2] == "layer"):
        return at, _examples(at[-1])
    choices = re.findall(r"'([^']*)'", str(fault.context.get("expected", "")))
    return at, (*_TRIED, *(each for each in choices if each not in _TRIED))


def _examples(kind: str | int) -> list[dict[str, Any]]:
    """The fields of some layers of a kind; none of one where what it wraps, or what it states, decides the axes."""
    try:
        member = find_kind(Layer, kind)
    except (AespecError, PydanticCustomError):
        return []
    like = [(member.model_validate(example.fields), example.fields) for example in member.examples]
    alike = all(layer.innermost is layer and layer.stated_shape is None for layer, _ in like)
    return [dict(fields) for _, fields in like] if alike else []


def _with(stated: Any, at: Loc, value: Any) -> Any:
    """What is stated with a value at a path, below a kind without fields or in place of a short form, too."""
    if not at:
        return value
    head, *rest = at
    if isinstance(stated, str) and stated == head:
        stated = {head: {}}
    if isinstance(stated, dict):
        return {**stated, head: _with(stated.get(head), tuple(rest), value)}
    if isinstance(stated, list) and isinstance(head, int) and head < len(stated):
        return [*stated[:head], _with(stated[head], tuple(rest), value), *stated[head + 1 :]]
    return _with({}, at, value) if stated is None and rest else value
