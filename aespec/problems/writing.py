"""How a message writes what a file should say."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from json import dumps
from typing import Any

from aespec.diagnostics import show
from aespec.faults import Fault
from aespec.meanings import short

__all__ = [
    "all_of",
    "bare_or_snippet",
    "entry",
    "has_dashes",
    "in_place",
    "is_item",
    "layers_as_list",
    "left_out",
    "listed",
    "snippet",
    "variable_meant",
]


def all_of(family: str) -> str:
    """Where all kinds of a family are to be found."""
    named = f"'{family}'" if " " in family else family
    return f"`aespec layers{'' if family == 'layer' else f' --family {named}'}` lists all kinds"


def layers_as_list(fault: Fault, stated: Any, block: str) -> str:
    """What to do where layers do not stand in a list, or in one below a name of its own."""
    from aespec.registry import known_kind

    if isinstance(stated, Mapping) and len(stated) == 1 and isinstance(next(iter(stated.values())), list):
        return f"take `{next(iter(stated))}` away: the list of layers stands below `{block}` itself"
    joined = re.match(r"-(\w{1,40}):(\w{1,40})(?=\s|$)", stated) if isinstance(stated, str) else None
    if joined and known_kind(joined[1], "layer"):
        return f"a space belongs behind a dash and behind a colon: write `- {joined[1]}: {joined[2]}`, and so each item"
    return f"write the layers as a list, {'in brackets' if fault.source.is_json else 'a line and a `- ` for each'}"


def snippet(fault: Fault, kind: Mapping[str, Any], item: bool | None = None) -> str:
    """A kind with its fields, as the file would have it: an item of a list, by default if it is one, or in braces."""
    if fault.source.is_json:
        return dumps(kind, ensure_ascii=False)
    item = is_item(fault) if item is None else item
    text = show(kind, 300, plain=True)
    return f"{'- ' * has_dashes(fault)}{text[1:-1].removesuffix(': null')}" if item else text


def bare_or_snippet(fault: Fault, kind: dict[str, Any]) -> str:
    """A kind with its fields, as the file would have it; as its name alone where it has none and is no item."""
    alone = short(kind)
    return alone if isinstance(alone, str) and not is_item(fault) else snippet(fault, kind)


def in_place(fault: Fault, kind: dict[str, Any]) -> dict[str, Any]:
    """A kind, below the field that holds it where the file leaves that field's name out."""
    from aespec.registry import kinds

    path = fault.loc[:-1] if fault.type == "unknown_kind" else fault.loc
    around = kinds("layer").get(str(path[-2])) if len(path) > 1 else None
    short_form = around is not None and around.main == path[-1] and path != fault.written
    return {str(path[-1]): kind} if short_form else kind


def variable_meant(fault: Fault, text: str) -> str | None:
    """The use of a variable whose name stands alone, or as other tools write its use, where a name is wanted."""
    bare = text.strip("{}$() \t\n")
    name = bare.removeprefix("vars.") if bare != text else bare
    names = fault.source.data.get("vars")
    return f"${{{name}}}" if isinstance(names, dict) and name in names else None


def left_out(names: Sequence[str]) -> str:
    """What of something has no place in what is to be written, to follow it."""
    return f"; left out: {listed(names, 'and')}" if names else ""


def is_item(fault: Fault) -> bool:
    """Whether it is about a whole item of a list."""
    return isinstance(fault.written[-1], int)


def has_dashes(fault: Fault) -> bool:
    """Whether items of the list that it is about, or in, begin with a dash: not in JSON, and not in brackets."""
    ends = [end for end, part in enumerate(fault.written, 1) if isinstance(part, int)]
    place = fault.source.place(fault.written[: ends[-1]]) if ends else None
    return not fault.source.is_json and (place is None or place.text[: place.column - 1].rstrip().endswith("-"))


def entry(fault: Fault, field: Mapping[Any, Any]) -> str:
    """A field with its value, as the file would have it."""
    return snippet(fault, field, item=False)[1:-1]


def listed(options: Sequence[str], word: str = "or") -> str:
    """Some of these in words, as code; of many, the first."""
    quoted = [f"`{option}`" for option in options]
    if len(quoted) > FEW:
        return ", ".join([*quoted[:7], f"... ({len(quoted)} in all)"])
    return f" {word} ".join(filter(None, [", ".join(quoted[:-1]), *quoted[-1:]]))


FEW = 12  # that are listed in a message
