"""Fixes: changes of a spec's text that mend a problem and leave the rest of the text as it is."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from functools import reduce
from operator import getitem
from typing import TYPE_CHECKING, Any

from aespec.diagnostics import Loc, Place, show

if TYPE_CHECKING:
    import yaml

    from aespec.source import Source

__all__ = ["Edit", "Fix", "RemoveEntry", "Replace", "SetField", "line_break", "plain"]

BOM = "\N{ZERO WIDTH NO-BREAK SPACE}"


@dataclass(frozen=True, slots=True)
class Edit:
    """What is put in the place of ``text[start:end]``."""

    start: int
    end: int
    text: str

    def apply(self, text: str) -> str:
        """The text with it."""
        return text[: self.start] + self.text + text[self.end :]


class Fix(ABC):
    """A change of a spec's text."""

    def edit(self, source: Source) -> Edit | None:
        """How the text is changed; None where it is written in a way that takes a person."""
        content = source.text.removeprefix(BOM)
        edit, mark = self._edit(content, source), len(source.text) - len(content)
        return edit and Edit(mark + edit.start, mark + edit.end, edit.text)

    @abstractmethod
    def intended(self, source: Source) -> Any:
        """The data that the text is to stand for then."""

    @abstractmethod
    def _edit(self, text: str, source: Source) -> Edit | None:
        """The edit of a text without a byte order mark."""


@dataclass(frozen=True, slots=True)
class Replace(Fix):
    """Puts something in the place of a stretch of a comment, which changes no data."""

    stretch: Edit

    def intended(self, source: Source) -> Any:
        """The data as it is."""
        return source.data

    def _edit(self, text: str, source: Source) -> Edit:
        return self.stretch


@dataclass(frozen=True, slots=True)
class RemoveEntry(Fix):
    """Removes an entry of a mapping that has others."""

    key: Place

    def intended(self, source: Source) -> Any:
        """The data without it."""
        data = deepcopy(source.data)
        for *path, key in _locs(self.key, source):
            del reduce(getitem, path, data)[key]
        return data

    def _edit(self, text: str, source: Source) -> Edit | None:
        entry = _find(text, self.key, source)
        if entry is None:
            return None
        return _without_item(text, entry) if entry.flow else _without_lines(text, entry)


@dataclass(frozen=True, slots=True)
class SetField(Fix):
    """Sets a field of a kind, whichever way the kind is written."""

    key: Place
    """Of the kind's name."""
    main: str | None
    """The field that the kind's short form sets; None where it has none, so that fields are always written out."""
    field: str
    value: bool

    def intended(self, source: Source) -> Any:
        """The data with it."""
        data = deepcopy(source.data)
        for *path, key in _locs(self.key, source):
            layer = reduce(getitem, path, data)
            fields = layer[key] if isinstance(layer[key], dict) else {self.main: layer[key]}
            layer[key] = {**fields, self.field: self.value}
        return data

    def _edit(self, text: str, source: Source) -> Edit | None:
        import yaml

        entry = _find(text, self.key, source)
        if entry is None or entry.is_alias:
            return None
        if not isinstance(entry.value, yaml.MappingNode):
            start, end = entry.value.start_mark.index, entry.value.end_mark.index
            main, field = (f'"{name}"' if source.is_json else name for name in (self.main, self.field))
            return Edit(start, end, f"{{{main}: {text[start:end]}, {field}: {show(self.value)}}}")
        fields = [_Entry(entry.value, i) for i in range(len(entry.value.value))]
        stated = next((each for each in fields if each.key.value == self.field), None)
        if stated:
            return Edit(stated.value.start_mark.index, stated.value.end_mark.index, show(self.value))
        return self._added(text, fields)

    def _added(self, text: str, fields: list[_Entry]) -> Edit | None:
        """After the last field that is written on one line."""
        last = next((each for each in reversed(fields) if not each.is_alias and each.on_one_line), None)
        if last is None:
            return None
        start, end = last.key.start_mark.index, last.value.end_mark.index
        quote = '"' if text[start] == '"' else ""
        added = f"{quote}{self.field}{quote}: {show(self.value)}"
        indent = text[text.rfind("\n", 0, start) + 1 : start]
        on_own_line = line_break(text) + indent + added
        if last.flow and (rest := _COMMENTED.match(text, end)):  # a comment there is of the field before it
            own = rest[0] if rest[1] else f",{rest[0]}"
            spaces = re.match(r"[ \t]*", indent)
            deeper = indent if not indent.strip() else f"{spaces[0] if spaces else ''}    "
            return Edit(end, rest.end(), f"{own}{line_break(text)}{deeper}{added}{',' * bool(rest[1])}")
        if last.flow:
            return Edit(end, end, f", {added}" if indent.strip() else f",{on_own_line}")
        return Edit(end := _line_end(text, end), end, on_own_line)


@dataclass(frozen=True, slots=True)
class _Entry:
    """An entry of a mapping in the tree that a YAML parser makes."""

    mapping: yaml.MappingNode
    index: int

    @property
    def key(self) -> yaml.Node:
        node: yaml.Node = self.mapping.value[self.index][0]
        return node

    @property
    def value(self) -> yaml.Node:
        node: yaml.Node = self.mapping.value[self.index][1]
        return node

    @property
    def flow(self) -> bool:
        """Whether it stands inside braces."""
        return bool(self.mapping.flow_style)

    @property
    def is_alias(self) -> bool:
        """Whether its value is written elsewhere."""
        return bool(self.value.start_mark.index < self.key.end_mark.index)

    @property
    def on_one_line(self) -> bool:
        return bool(self.key.start_mark.line == self.value.end_mark.line)


_COMMENTED = re.compile(r"[ \t]*(,?)[ \t]*#[^\r\n]*")
"""What stands behind a field whose line ends in a comment."""


def plain(text: str) -> str:
    """A text of the same length in which each ``${...}`` is a word, so that any reader of YAML takes it."""
    return re.sub(r"\$\{[^{}\n]*\}", lambda use: "x" * len(use[0]), text)


def line_break(text: str) -> str:
    """What ends the first line of a text; a line feed where nothing does."""
    found = re.search(r"\r\n|[\r\n]", text)
    return found[0] if found else "\n"


def _locs(key: Place, source: Source) -> list[Loc]:
    """Every value that the key at that place stands before: one, unless it is repeated."""
    return [loc for loc, place in source.keys.items() if place == key]


def _find(text: str, key: Place, source: Source) -> _Entry | None:
    import yaml

    content = text.replace("\t", " ")  # as good between JSON's values and before a comment, and all that is taken here
    try:
        root = yaml.compose(plain(content), Loader=yaml.SafeLoader)
    except yaml.YAMLError:
        return None  # such as JSON that is no YAML
    at = (key.line - 1, key.column - 1)
    return next((e for e in _entries(root) if (e.key.start_mark.line, e.key.start_mark.column) == at), None)


def _entries(node: yaml.Node | None) -> Iterator[_Entry]:
    import yaml

    if isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from _entries(item)
    elif isinstance(node, yaml.MappingNode):
        for index, (_, value) in enumerate(node.value):
            yield _Entry(node, index)
            yield from _entries(value)


def _without_item(text: str, entry: _Entry) -> Edit | None:
    """The edit that removes an entry between braces, with one comma."""
    entries = [_Entry(entry.mapping, i) for i in range(len(entry.mapping.value))]
    if len(entries) == 1 or any(each.is_alias for each in entries):
        return None
    if entry.index + 1 < len(entries):
        start, end = entry.key.start_mark.index, entries[entry.index + 1].key.start_mark.index
        gap = text[entry.value.end_mark.index : end]
    else:
        start, end = entries[entry.index - 1].value.end_mark.index, entry.value.end_mark.index
        gap = text[start : entry.key.start_mark.index]
    return None if "#" in gap else Edit(start, end, "")


def _without_lines(text: str, entry: _Entry) -> Edit | None:
    """The edit that removes the lines of an entry that begins one, and a comment that is about it and nothing else."""
    import yaml

    line = _line_start(text, entry.key)
    if text[line : entry.key.start_mark.index].strip():
        return None
    start, inside = _from_comment(text, line, entry.key), ""
    end = _line_end(text, max(_end(text, entry.value), entry.key.end_mark.index))
    if isinstance(entry.value, yaml.MappingNode) and not entry.value.flow_style and not entry.is_alias:
        first, _ = entry.value.value[0]
        below = _line_end(text, entry.key.end_mark.index) + len(line_break(text))
        inside = text[below : _from_comment(text, _line_start(text, first), first)]
    return Edit(start, end + len(line_break(text)), inside)


def _from_comment(text: str, line: int, key: yaml.Node) -> int:
    """Where the comment above a line begins that says first what it is about: the key there; else the line itself.

    What begins the file is about that.
    """
    above = text.rfind("\n", 0, max(line - 1, 0)) + 1
    about = re.match(rf"[ \t]*#\W*(the\W+)?{re.escape(key.value)}(?![\w-])", text[above:line], re.IGNORECASE)
    return above if above and about else line


def _line_start(text: str, node: yaml.Node) -> int:
    """Where the line begins on which a node does."""
    return text.rfind("\n", 0, node.start_mark.index) + 1


def _end(text: str, node: yaml.Node) -> int:
    """Where a value ends: that of a block ends, for the parser, where the next one begins."""
    import yaml

    if isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        return max(_end(text, each) for each in (last if isinstance(last, tuple) else [last]))
    return len(text[: node.end_mark.index].rstrip())


def _line_end(text: str, index: int) -> int:
    """Where the line of a character ends, before its line break."""
    found = re.compile(r"\r\n|[\r\n]|\Z").search(text, index)
    return found.start() if found else len(text)
