"""How a spec states something for each spatial axis: one number for all, or a list of one a axis."""

from typing import Annotated, Any

from pydantic import BeforeValidator, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from aespec.layers.base import Window

__all__ = ["Axes", "Extras", "IntList", "Margins", "as_tuple", "per_axis"]


def as_tuple(value: Any) -> Any:
    """A list of YAML or JSON as the tuple that the fields hold."""
    return tuple(value) if isinstance(value, list) else value


MARGIN = 16384
"""The most that is added to or taken from one end of an axis."""

IntList = Annotated[tuple[int, ...], BeforeValidator(as_tuple)]
"""A list of whole numbers."""


def _one_or_more(least: int) -> WithJsonSchema:
    number = {"type": "integer", "minimum": least}
    return WithJsonSchema({"anyOf": [number, {"type": "array", "items": number, "minItems": 1}]})


Axes = Annotated[tuple[Window, ...], BeforeValidator(as_tuple), _one_or_more(1)]
"""A positive whole number for each spatial axis."""

Extras = Annotated[tuple[Annotated[int, Field(ge=0, le=MARGIN)], ...], BeforeValidator(as_tuple), _one_or_more(0)]
"""A whole number, 0 or more, for each spatial axis."""


def _as_margins(value: Any) -> Any:
    return tuple(as_tuple(pair) for pair in value) if isinstance(value, (list, tuple)) else value


Margins = Annotated[
    tuple[tuple[int, int], ...],
    BeforeValidator(_as_margins),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "integer", "minimum": 0},
                {
                    "type": "array",
                    "items": {"anyOf": [{"type": "integer", "minimum": 0}, {"type": "array", "minItems": 2}]},
                },
            ]
        }
    ),
]
"""What lies before and after each spatial axis."""


def per_axis(value: Any, rank: int) -> Any:
    """A value for each of ``rank`` axes: a single one is repeated, a list must have that many."""
    if isinstance(value, (list, tuple)):
        if len(value) != rank:
            raise PydanticCustomError(
                "axes",
                "{count} values for {axes}",
                {
                    "count": len(value),
                    "axes": f"{rank} spatial axes" if rank > 1 else "one spatial axis",
                    "wanted": "one value" + f", or a list of {rank}" * (rank > 1),
                    "help": "write one value for all axes" if rank > 1 else "write the one value",
                },
            )
        return tuple(value)
    return (value,) * rank
