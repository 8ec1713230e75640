"""Reads the file of a spec: its bytes, its text, and the tree of nodes that the text stands for."""

from pathlib import Path
from typing import BinaryIO

from aespec.diagnostics import AespecError, Diagnostic, Place, nearest, show
from aespec.rules import FileUnreadable, NotAMapping, TooLarge
from aespec.source.json_text import read_json
from aespec.source.text import AT_THE_TOP, MAX_CHARACTERS, Node, Text, assigned
from aespec.source.yaml_text import BREAKS, read_yaml


def read_text(path: str | Path, name: str, start: str = "the folder you are in") -> str:
    """Read the text of a file, but not more of it than a spec can have.

    Args:
        path: The file.
        name: What messages call it.
        start: The folder that a path is to begin at, in words.

    Raises:
        AespecError: It cannot be read, is too large or no UTF-8.
    """
    try:
        with Path(path).open("rb") as file:
            return read_stream(file, name)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        raise AespecError(_unreadable(name, Path(path), error, start)) from None


def read_stream(stream: BinaryIO, name: str) -> str:
    """Read the text that a stream holds, as ``read_text`` reads that of a file.

    Raises:
        AespecError: It is too large or no UTF-8.
    """
    content = stream.read(MAX_CHARACTERS + 1)
    if len(content) > MAX_CHARACTERS:
        raise AespecError(_too_large(name))
    return _decode(content, name)


def read_root(text: str, name: str, problems: list[Diagnostic], lost: set[Place] | None = None) -> Node:
    """Read the mapping that a spec is.

    Args:
        text: What the file holds.
        name: What messages call it.
        problems: Takes what is wrong.
        lost: Takes the places of what cannot be relied on, where a text of wrong syntax is to be read on all the same.

    Raises:
        AespecError: There is none; with what is wrong.
    """
    if len(text) > MAX_CHARACTERS:
        raise AespecError(_too_large(name))
    json = is_json(name)
    content = text.removeprefix("\N{ZERO WIDTH NO-BREAK SPACE}")  # a byte order mark
    lines = Text(content, name) if json else Text(content, name, BREAKS)
    root = read_json(lines, problems, lost) if json else read_yaml(lines, problems, lost)
    if root is None or root.value is None:
        what, got = "the spec is empty", None
    elif not isinstance(root.value, dict):
        what = "the spec is not a mapping"
        got = "a list" if isinstance(root.value, list) else f"the single value {show(root.value)}"
    else:
        return root
    help = "begin with `input:`, `encoder:` and `decoder:`: `aespec new --template stacked` shows how"
    items = root.value if root and isinstance(root.value, list) else []
    if any(isinstance(item.value, dict) and item.value.keys() & {*AT_THE_TOP} for item in items):
        help = f"take the {'brackets' if json else 'dashes'} away: the fields of a spec are no items of a list"
    if not json and (field := next(filter(None, map(assigned, lines.lines[:100])), None)):
        help = f"a field is given its value by a colon: write `{': '.join(field)}`"
    place = root.place if root and got else lines.place(0, 0)
    raise AespecError(Diagnostic(NotAMapping, what, place, "`key: value` lines", got, help))


def is_json(name: str) -> bool:
    """Whether a file of that name is JSON rather than YAML."""
    return name.lower().endswith(".json")


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
                help="save it as UTF-8; weights and data go into files of their own"
                if name.lower().endswith((".yaml", ".yml", ".json"))
                else "name a spec, a .yaml or .json file; this is none",
            )
        ) from None


def _unreadable(name: str, path: Path, error: Exception, start: str) -> Diagnostic:
    """Say why a file cannot be opened, and which one may be meant."""
    help = None
    if isinstance(error, IsADirectoryError):
        message, inside = f"`{name}` is a folder", _specs(path)
        help = f"name a file in it: {', '.join(inside[:5])}" if inside else "name a YAML or JSON file"
    elif isinstance(error, FileNotFoundError):
        message = f"there is no file `{name}`"
        found = {Path(each).stem: each for each in _specs(path.parent)}
        guess = nearest(path.stem, found)
        help = f"did you mean `{Path(name).with_name(found[guess])}`?" if guess else f"give the path from {start}"
    elif isinstance(error, PermissionError):
        message, help = f"`{name}` may not be read", "change its permissions"
    else:
        message = f"`{name}` cannot be read: {getattr(error, 'strerror', None) or error}"
    wanted = "a spec file" if path.suffix else "a spec file, or the folder of a run"
    return Diagnostic(FileUnreadable, message, wanted=wanted, help=help)


_NO_SPECS = (".schema.json", "run.json")  # what aespec itself writes as JSON


def _specs(folder: Path) -> list[str]:
    try:
        names = (file.name for file in folder.iterdir() if file.suffix in (".yaml", ".yml", ".json"))
        return sorted(name for name in names if not name.endswith(_NO_SPECS))
    except OSError:
        return []


def _too_large(name: str) -> Diagnostic:
    return Diagnostic(
        TooLarge,
        f"`{name}` has more than 1 MiB",
        wanted="at most 1 MiB",
        help="a spec describes layers; data and weights go into files of their own",
    )
