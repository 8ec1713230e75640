"""The text of a spec and the place (line, column) of each value in it."""

from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from functools import reduce
from operator import getitem
from os import PathLike, fspath
from pathlib import Path
from typing import Any, Self

from aespec.diagnostics import AespecError, Diagnostic, Loc, Place, nearest, show
from aespec.rules import FileUnreadable, NotAMapping, TooLarge, UnknownVariable
from aespec.source.json_text import read_json
from aespec.source.override import Override, override
from aespec.source.text import MAX_CHARACTERS, MAX_DEPTH, MAX_NODES, Node, Text, repeated, too_deep, too_many
from aespec.source.variables import Value, Variables
from aespec.source.yaml_dump import dump_yaml
from aespec.source.yaml_text import BREAKS, read_yaml


@dataclass(frozen=True)
class Source:
    """A spec as it is written: its data, with overrides applied and variables filled in, and each value's place."""

    name: str
    text: str
    data: Any
    values: Mapping[Loc, Place]
    keys: Mapping[Loc, Place]
    """The place of the key of each value that is in a mapping."""
    spoilt: Set[Loc]
    """The values that problems of the text spoil; a mapping counts when one of its keys is spoilt."""

    @classmethod
    def read(
        cls, path: str | PathLike[str], overrides: Sequence[Override] = (), problems: list[Diagnostic] | None = None
    ) -> Self:
        """Read a YAML file, or a JSON file where the name ends in ``.json``, and apply ``a.b=value`` overrides.

        Raises:
            AespecError: with every problem that was found.
        """
        return cls.parse(_decode(_load(fspath(path)), fspath(path)), fspath(path), overrides, problems)

    @classmethod
    def parse(
        cls,
        text: str,
        name: str = "<string>",
        overrides: Sequence[Override] = (),
        problems: list[Diagnostic] | None = None,
    ) -> Self:
        """Read a text as ``read`` reads a file of that name.

        Args:
            text: YAML, or JSON where the name ends in ``.json``.
            name: What messages call it.
            overrides: Assignments such as ``a.b=value``, and options that are such.
            problems: Takes the problems in spite of which there is data, so that its reader can tell of more.

        Raises:
            AespecError: with every problem that was found, where there is no data or no such list.
        """
        gathered, problems = problems, []
        try:
            root = _root(text, name, problems)
            for assignment in overrides:
                try:
                    root = override(root, assignment, problems)
                except AespecError as error:
                    problems += error.diagnostics
            entries = root.value if isinstance(root.value, dict) else {}
            variables = Variables(entries["vars"].node if "vars" in entries else None, problems)
            settling = _Settling(variables, problems)
            data = settling.settle(root, (), variables.fill)
        except AespecError as error:
            problems += error.diagnostics
            gathered = None
        found = sorted(dict.fromkeys(problems), key=lambda problem: _position(problem, name))
        if gathered is None and found:
            raise AespecError(*found)
        if gathered is not None:
            gathered += found
        return cls(name, text, data, settling.values, settling.keys, settling.spoilt())

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Self:
        """Take a spec that is Python data; it is written as YAML, so that errors have a place to point at.

        Raises:
            AespecError: with every problem that was found.
        """
        return cls.parse(dump_yaml(data))

    @property
    def is_json(self) -> bool:
        """Whether it is JSON rather than YAML."""
        return _is_json(self.name)

    def is_set(self, loc: Loc) -> bool:
        """Whether the key at ``loc`` is written in an override and not in the file."""
        key = self.keys.get(loc)
        return key is not None and key.name != self.name

    def value(self, loc: Loc) -> Any:
        """Give the value at ``loc``."""
        return reduce(getitem, loc, self.data)

    def place(self, loc: Loc, *, key: bool = False) -> Place | None:
        """Give the place of the value at ``loc``, or of the nearest value around it; with ``key``, of its key."""
        for length in range(len(loc), -1, -1):
            known = loc[:length]
            if known in self.values:
                return self.keys.get(known, self.values[known]) if key else self.values[known]
        return None


@dataclass(slots=True)
class _Settling:
    """Turns nodes into data, with variables filled in, and keeps the places."""

    variables: Variables
    problems: list[Diagnostic]
    values: dict[Loc, Place] = field(default_factory=dict)
    keys: dict[Loc, Place] = field(default_factory=dict)

    def settle(self, node: Node, loc: Loc, read: Callable[[str, Place], Value]) -> Any:
        value, place = node.value, node.place
        if len(self.values) == MAX_NODES:
            too_many(place)
        self.values[loc] = place
        if isinstance(value, str):
            value, read = read(value, place), self.variables.literal
        if not isinstance(value, list | dict):
            return value
        if len(loc) == MAX_DEPTH:
            too_deep(place)
        if isinstance(value, list):
            return [self.settle(item, (*loc, index), read) for index, item in enumerate(value)]
        mapping: dict[str, Any] = {}
        for name, (key_place, item) in value.items():
            key = self._key(name, key_place, read)
            inner = (*loc, key)
            if key in mapping:
                self.problems.append(repeated(key, key_place, self.keys[inner]))
                continue
            self.keys[inner] = key_place
            mapping[key] = self.settle(item, inner, self.variables.define if inner == ("vars",) else read)
        return mapping

    def spoilt(self) -> set[Loc]:
        places = self.variables.spoilt()
        values = {loc for loc, place in self.values.items() if place in places}
        keys = {loc for loc, place in self.keys.items() if place in places}
        return values | keys | {loc[:-1] for loc in keys}

    def _key(self, name: str, place: Place, read: Callable[[str, Place], Value]) -> str:
        key = read(name, place)
        if isinstance(key, list | dict):
            help = "a variable in a key holds a name"
            self.problems.append(Diagnostic(UnknownVariable, "a list cannot be a key", place, help=help))
            return name
        return key if isinstance(key, str) else show(key)


def _root(text: str, name: str, problems: list[Diagnostic]) -> Node:
    """Read the mapping that a spec is."""
    if len(text) > MAX_CHARACTERS:
        raise AespecError(_too_large(name))
    json = _is_json(name)
    content = text.removeprefix("\N{ZERO WIDTH NO-BREAK SPACE}")  # a byte order mark
    lines = Text(content, name) if json else Text(content, name, BREAKS)
    root = (read_json if json else read_yaml)(lines, problems)
    if root is None or root.value is None:
        what, got = "the spec is empty", None
    elif not isinstance(root.value, dict):
        what = "the spec is not a mapping"
        got = "a list" if isinstance(root.value, list) else f"the single value {show(root.value)}"
    else:
        return root
    help = "begin with `input:`, `encoder:` and `decoder:`: `specs/stacked.yaml` of the zoo shows how"
    place = root.place if root and got else lines.place(0, 0)
    raise AespecError(Diagnostic(NotAMapping, what, place, "`key: value` lines", got, help))


def _is_json(name: str) -> bool:
    return name.lower().endswith(".json")


def _load(path: str) -> bytes:
    """Read a file, but not more of it than a spec can have."""
    try:
        with Path(path).open("rb") as file:
            content = file.read(MAX_CHARACTERS + 1)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        raise AespecError(_unreadable(path, error)) from None
    if len(content) > MAX_CHARACTERS:
        raise AespecError(_too_large(path))
    return content


def _decode(content: bytes, name: str) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        start = content.rfind(b"\n", 0, error.start) + 1
        before = content[start : error.start].decode()
        end = content.find(b"\n", start)
        shown = content[start : end if end >= 0 else None].decode(errors="replace")
        place = Place(name, content.count(b"\n", 0, start) + 1, len(before) + 1, 1, shown)
        utf16 = content[:2] in (b"\xff\xfe", b"\xfe\xff")
        raise AespecError(
            Diagnostic(
                FileUnreadable,
                "the file is not UTF-8 text",
                place,
                wanted="UTF-8",
                got="UTF-16" if utf16 else f"the byte 0x{content[error.start]:02X}",
                help="save it as UTF-8; weights and data go into files of their own",
            )
        ) from None


def _unreadable(path: str, error: Exception) -> Diagnostic:
    """Say why a file cannot be opened, and which one may be meant."""
    help = None
    if isinstance(error, IsADirectoryError):
        message, found = f"`{path}` is a folder", _specs(Path(path))
        help = f"name a file in it: {', '.join(found[:5])}" if found else "name a YAML or JSON file"
    elif isinstance(error, FileNotFoundError):
        folder = Path(path).parent
        message = f"there is no file `{path}`"
        guess = nearest(Path(path).name, _specs(folder))
        help = f"did you mean `{folder / guess}`?" if guess else "give the path from the folder you are in"
    elif isinstance(error, PermissionError):
        message, help = f"`{path}` may not be read", "change its permissions"
    else:
        message = f"`{path}` cannot be read: {getattr(error, 'strerror', None) or error}"
    return Diagnostic(FileUnreadable, message, wanted="a spec file", help=help)


def _specs(folder: Path) -> list[str]:
    try:
        return sorted(file.name for file in folder.iterdir() if file.suffix in (".yaml", ".yml", ".json"))
    except OSError:
        return []


def _too_large(name: str) -> Diagnostic:
    return Diagnostic(
        TooLarge,
        f"`{name}` has more than 1 MiB",
        wanted="at most 1 MiB",
        help="a spec describes layers; data and weights go into files of their own",
    )


def _position(problem: Diagnostic, file: str) -> tuple[bool, int, int]:
    """Sort by line within the file; what overrides say follows, in the order given."""
    place = problem.place
    if place is None or place.name != file:
        return place is not None, 0, 0
    return False, place.line, place.column
