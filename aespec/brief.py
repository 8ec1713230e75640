"""A kind, or a part of a spec, as one would write it by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aespec.kind import Kind
from aespec.plan import Section

if TYPE_CHECKING:
    from aespec.data.scaling import Scaling
    from aespec.spec import Spec

__all__ = ["about", "brief", "brief_spec"]


def about(spec: Spec, scaling: Scaling | None = None) -> dict[str, Any]:
    """What a file of a model says of it beside its values: aespec's version, the spec, and how features were scaled."""
    from aespec import __version__

    found = {"aespec": __version__, "spec": brief_spec(spec, usual=False)}
    return {**found, "scaling": scaling.model_dump(mode="json")} if scaling else found


def brief_spec(spec: Spec, *, usual: bool = True) -> dict[str, Any]:
    """A spec, its variables replaced.

    Args:
        spec: The spec.
        usual: Whether values that were stated are, though they are the default.
    """
    from aespec.spec import literal

    data: dict[str, Any] = literal({"name": spec.name, **_section(spec, usual)})
    data.pop("vars", None)
    return data


def brief(kind: Kind) -> Any:
    """The shortest value that reads back as this kind."""
    fields = {name: _brief(name, value, usual=False) for name, value in kind.stated().items()}
    match list(fields.items()):
        case []:
            return kind.kind
        case [(only, value)] if only == kind.main and not isinstance(value, dict):
            return {kind.kind: value}
    return {kind.kind: fields}


def _section(section: Section, usual: bool) -> dict[str, Any]:
    """What is stated of a section, each value the shortest that reads back."""
    defaults = {name: field.get_default() for name, field in type(section).model_fields.items()}
    return {
        name: _brief(name, value, usual)
        for name, value in section
        if (name in section.model_fields_set if usual else value != defaults[name])
    }


def _brief(name: str, value: Any, usual: bool) -> Any:
    match value:
        case Kind():
            return brief(value)
        case Section():
            fields = _section(value, usual)
            return fields[value.main] if value.main and [*fields] == [value.main] else fields
        case tuple():
            items = [_brief("", item, usual) for item in value]
            alone = len(items) == 1 if name in ONE_ALONE else name in EACH_AXIS and len(set(value)) == 1
            return items[0] if alone else items
    return value


EACH_AXIS = ("kernel_size", "strides", "dilation_rate", "pool_size", "size", "output_padding")
"""The fields for which one number stands for all axes."""

ONE_ALONE = ("loss",)
"""The fields of which one stands without a list."""
