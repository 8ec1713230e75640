"""Fields that stand below a value which is complete already, as below ``optimizer: adam`` or ``- dense: 30``."""

import re
from collections.abc import Sequence
from itertools import takewhile

from aespec.source.text import indent_of

__all__ = ["fields_at", "holds_field", "with_fields_below"]

_HEAD = re.compile(r"\s*(- )?(\w+): (\[[^\[\]#]*\]|[\w.+-]+):?\s*(?:#.*)?")


def fields_at(lines: Sequence[str], line: int) -> list[str]:
    """The fields that begin in the column of a line, from that on; none where one of them is more than a value.

    >>> fields_at(["  a: 1", "  b: [2]  # two", "c: 3"], 0), fields_at(["a:", "  b: 1"], 0)
    (['a: 1', 'b: [2]'], [])
    """
    column = indent_of(lines[line])
    alike = takewhile(lambda each: indent_of(each) >= column and each.strip(), lines[line:])
    found = [re.sub(r"\s+#.*", "", each).strip() if indent_of(each) == column else "" for each in alike]
    return found if all(re.fullmatch(r"\w+: [^:]*", each) for each in found) else []


def with_fields_below(lines: Sequence[str], above: int, line: int) -> str | None:
    """What a line says together with the fields that begin on a later one; None where they are not of what it states.

    >>> with_fields_below(["optimizer: adam", "  beta_1: 0.8"], 0, 1)
    'optimizer: {adam: {beta_1: 0.8}}'
    >>> with_fields_below(["- dense: 30", "    activation: relu"], 0, 1)
    '- dense: {units: 30, activation: relu}'
    """
    from aespec.faults import inner_models
    from aespec.kind import Kind
    from aespec.plan import Section, TrainingPlan
    from aespec.registry import kinds
    from aespec.spec import Spec

    head, fields = _HEAD.fullmatch(lines[above]), fields_at(lines, line)
    if head is None or not fields:
        return None
    dash, key, value = head[1] or "", head[2], head[3]
    names, written = {field.partition(":")[0] for field in fields}, ", ".join(fields)
    families = [family.family for family in Kind.__subclasses__()]
    if any(value in kinds(family) and names <= kinds(family)[value].model_fields.keys() for family in families):
        return f"{dash}{key}: {{{value}: {{{written}}}}}"
    sections = [model for owner in (Spec, TrainingPlan) for model in inner_models(owner, key)]
    holders = [kinds("layer").get(key), *(model for model in sections if issubclass(model, Section))]
    model = next((each for each in holders if each and names <= each.model_fields.keys()), None)
    main = getattr(model, "main", None)
    if main is None:
        return None
    value = f"[{value}]" if key == "input" and value[0] != "[" else value
    return f"{dash}{key}: {{{main}: {value}, {written}}}"


def holds_field(near: Sequence[str], column: int, name: str) -> bool:
    """Whether what the lines that begin in a column belong to has a field of that name.

    Args:
        near: The lines above, the nearest first.
        column: Where they begin.
        name: The field.
    """
    from aespec.faults import inner_models
    from aespec.plan import TrainingPlan
    from aespec.registry import kinds
    from aespec.spec import Spec

    outer = next((line for line in near if indent_of(line) < column), "")
    owner = re.match(r"\s*(?:- )?(\w+):\s*$", outer)
    if owner is None:
        return False
    models = [model for each in (Spec, TrainingPlan) for model in inner_models(each, owner[1])]
    layer = kinds("layer").get(owner[1])
    return any(name in model.model_fields for model in (*models, *([layer] if layer else [])))
