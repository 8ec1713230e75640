"""A kind as one would write it by hand."""

from __future__ import annotations

from typing import Any

from aespec.kind import Kind
from aespec.plan import Section

__all__ = ["brief", "brief_section"]


def brief(kind: Kind) -> Any:
    """The shortest value that reads back as this kind."""
    fields = {name: _brief(name, value) for name, value in kind.stated().items()}
    match list(fields.items()):
        case []:
            return kind.kind
        case [(only, value)] if only == kind.main and not isinstance(value, dict):
            return {kind.kind: value}
    return {kind.kind: fields}


def brief_section(section: Section) -> dict[str, Any]:
    """What was stated of a section, each value the shortest that reads back."""
    return {name: _brief(name, value) for name, value in section if name in section.model_fields_set}


def _brief(name: str, value: Any) -> Any:
    if isinstance(value, Kind):
        return brief(value)
    if isinstance(value, tuple):
        same = name in EACH_AXIS and len(set(value)) == 1
        return value[0] if same else [list(item) if isinstance(item, tuple) else item for item in value]
    return value


EACH_AXIS = ("kernel_size", "strides", "dilation_rate", "pool_size", "size", "output_padding")
"""The fields for which one number stands for all axes."""
