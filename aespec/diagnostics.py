"""What a user is told when something is wrong: a rule's code, the message, the place, what to do."""

import difflib
import json
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from aespec.fixes import Fix

Loc = tuple[str | int, ...]
"""The way to a value: mapping keys and list indices, ``("encoder", 1, "dense", "units")``."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One turn of a `repeat`."""

    text: str
    """Which one it is, in words."""
    index: str | None
    """What its number is called, if anything."""


@dataclass(frozen=True, slots=True)
class Place:
    """A stretch of one line of a text: where a value is written."""

    name: str
    """The file's path as it was given, ``"<string>"``, or an option: ``"--set"``."""
    line: int
    column: int
    """Both count from 1; a column is a character, not a screen cell."""
    width: int
    """In characters, at least 1."""
    text: str
    """The whole line."""
    turns: tuple[Turn, ...] = field(default=(), compare=False)
    """The turns of `repeat` that it stands in, the innermost first."""
    included_at: "Place | None" = field(default=None, compare=False)
    """Where its file is included, if another includes it."""

    @property
    def position(self) -> tuple[tuple[int, int], ...]:
        """The line and column of each inclusion on the way to it, and its own: places are met in this order."""
        before = self.included_at.position if self.included_at else ()
        return (*before, (self.line, self.column))

    @property
    def within(self) -> str | None:
        """What repeats and includes it, in words, the innermost first; None where nothing does."""
        at = self.included_at
        including = [f"{at.name}:{at.line}:{at.column}, which includes this", at.within or ""] if at else []
        return "\n".join([*(turn.text for turn in self.turns), *including]).strip() or None

    @property
    def file(self) -> str | None:
        """The file's path; None in an option or a text that is no file."""
        return None if self.name.startswith(("-", "<")) else self.name


class Rule:
    """The kind of a problem. A subclass's docstring is its title (first line) and its explanation."""

    code: ClassVar[str]
    severity: ClassVar[str] = "error"
    bad: ClassVar[str]
    good: ClassVar[str]


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One problem: what is wrong, what was wanted, what was got, where, what to do."""

    rule: type[Rule]
    message: str
    place: Place | None = None
    wanted: str | None = None
    got: str | None = None
    help: str | None = None
    fix: "Fix | None" = None
    """The one change of the text that mends it without changing what is meant, if there is one."""

    def __post_init__(self) -> None:
        if self.place and self.place.name.lower().endswith(".json"):
            for name in ("wanted", "help"):
                object.__setattr__(self, name, (text := getattr(self, name)) and in_json(text))

    @property
    def notes(self) -> dict[str, str]:
        """What there is to say beside the message, by what it is, in the order of reading."""
        within = self.place.within if self.place else None
        labelled = {"in": within, "wanted": self.wanted, "got": self.got, "help": self.help}
        return {label: note for label, note in labelled.items() if note is not None}


class AespecError(Exception):
    """The one exception for everything a user can cause; its text is the plain rendering."""

    exit_code = 1
    """What a command that it ends exits with."""

    def __init__(self, *diagnostics: Diagnostic) -> None:
        super().__init__(*diagnostics)
        self.diagnostics = diagnostics

    def __str__(self) -> str:
        return render(self.diagnostics)


def missing(package: str, extra: str, purpose: str, *, instead: str = "") -> AespecError:
    """Say that a package that something optional needs is not installed.

    Args:
        package: Its name.
        extra: That of aespec's extra that brings it.
        purpose: What it is needed for: ``to draw pictures``.
        instead: What to do without it, to follow "or".
    """
    from aespec.rules import BackendUnavailable

    return AespecError(
        Diagnostic(
            BackendUnavailable,
            f"{package} is not installed",
            wanted=f"the package `{package}`, {purpose}",
            got="no such package",
            help=f"`pip install 'aespec[{extra}]'`" + (f", or {instead}" if instead else ""),
        )
    )


def in_json(words: str) -> str:
    """Words of advice whose lists and mappings of YAML, in backquotes, are written as JSON.

    >>> in_json("put `- reshape: [8, 1]` before it, or write `decoder: mirror`, as `aespec explain E201` says")
    'put `{"reshape": [8, 1]}` before it, or write `"decoder": "mirror"`, as `aespec explain E201` says'
    """
    return re.sub(r"`([^`]+)`", _as_json, words)


def _as_json(quoted: re.Match[str]) -> str:
    import yaml

    code = quoted[1].replace("…", "...")
    try:
        value = yaml.safe_load(code)
    except (yaml.YAMLError, ValueError):
        return quoted[0]
    if isinstance(value, list) and code.startswith("- "):  # a layer
        return f"`{_json(value[0])}`"
    if isinstance(value, dict) and not code.startswith("{"):  # a field
        return f"`{_json(value)[1:-1]}`"
    return f"`{_json(value)}`" if code.startswith(("{", "[")) else quoted[0]


def _json(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False).replace('"..."', "...")
    return re.sub(r"(\{\"\w+\"): null\}", r"\1: ...}", text)  # `{fields}` has keys alone


def in_order(diagnostics: Iterable[Diagnostic]) -> list[Diagnostic]:
    """Sort by place in the file, each once; those that have none come first."""
    return sorted(dict.fromkeys(diagnostics), key=lambda d: d.place.position if d.place else ())


def render(diagnostics: Sequence[Diagnostic], *, color: bool = False) -> str:
    """Write the diagnostics for a terminal, each with its line and carets, and count them in the last line."""
    counts = Counter(d.rule.severity for d in diagnostics)
    counted = [f"{n} {severity}{'s' * (n != 1)}" for severity, n in sorted(counts.items())]
    blocks = [_block(d, _Paint(d.rule.severity) if color else _Plain()) for d in diagnostics]
    return "\n\n".join([*blocks, ", ".join(counted) or "0 errors"])


def to_json(diagnostic: Diagnostic) -> dict[str, Any]:
    """Give a diagnostic as a flat record of JSON values, the same keys always."""
    place = diagnostic.place
    return {
        "code": diagnostic.rule.code,
        "severity": diagnostic.rule.severity,
        "message": diagnostic.message,
        "file": place and place.name,
        "line": place and place.line,
        "column": place and place.column,
        "within": place and place.within,
        "wanted": diagnostic.wanted,
        "got": diagnostic.got,
        "help": diagnostic.help,
    }


def nearest(name: str, options: Iterable[str]) -> str | None:
    """Find the option that ``name`` was likely meant to be, whatever its case, dashes and underscores.

    >>> nearest("MaxPooling2D", ["max_pool2d", "average_pool2d", "conv2d"])
    'max_pool2d'
    >>> nearest("BatchNorm2d", ["conv2d", "batch_normalization"])
    'batch_normalization'
    >>> nearest("lr", ["learning_rate", "momentum"]), nearest("mean_squared_error", ["mae", "mse"])
    ('learning_rate', 'mse')
    >>> nearest("mes", ["mae", "mse"])
    'mse'
    >>> nearest("banana", ["dense", "flatten"]) is None
    True
    """
    return _nearest(name[:_NAME], tuple(options))


@lru_cache(maxsize=256)
def _nearest(name: str, options: tuple[str, ...]) -> str | None:
    wanted, words = _squash(name), _words(name)
    # Below this bound, as at difflib's own of 0.6, half of what is found is wrong.
    best, best_score = None, (False, 0.69, 0.0)
    for option in options:
        squashed, parts = _squash(option[:_NAME]), _words(option[:_NAME])
        if squashed == wanted or wanted == _initials(parts) or squashed == _initials(words):
            return option
        # The second ratio knows no order: ConvTranspose2d is conv2d_transpose rather than conv1d_transpose.
        score = (
            _begins(words, parts) or sorted(squashed) == sorted(wanted),
            difflib.SequenceMatcher(None, wanted, squashed).ratio(),
            difflib.SequenceMatcher(None, sorted(wanted), sorted(squashed)).ratio(),
        )
        if score > best_score:
            best, best_score = option, score
    return best


def show(value: Any, limit: int = 60, *, plain: bool = False) -> str:
    """Write a value as YAML would in one line, clipped to about ``limit`` characters; plain words bare if ``plain``.

    >>> show({"units": [1, 2.5, None], "activation": "selu"})
    '{units: [1, 2.5, null], activation: "selu"}'
    >>> show(list(range(1000)), limit=12)
    '[0, 1, 2, 3, …]'
    >>> show({"activation": "selu", "name": "on"}, plain=True)
    '{activation: selu, name: "on"}'
    """
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, str):
        return value if plain and _is_plain(value) else _quote(value, limit)
    if isinstance(value, Mapping):
        pairs = ((f"{_clip(str(key), limit)}: ", item) for key, item in value.items())
        return "{" + _join(pairs, limit, plain) + "}"
    if isinstance(value, list | tuple):
        return "[" + _join((("", item) for item in value), limit, plain) + "]"
    if isinstance(value, int) and value.bit_length() > 10_000:
        return _clip(hex(value), limit)  # CPython does not write thousands of digits in decimal
    return _clip(repr(value), limit)


_NAME = 80  # characters of a name that are compared


def _squash(name: str) -> str:
    return re.sub(r"[\s_.-]", "", name).lower()


def _words(name: str) -> list[str]:
    """The words and numbers of a name in small letters, without a dimension such as that of ``BatchNorm2d``."""
    name = re.sub(r"\d[dD](?![a-z])", "", name)
    return [word.lower() for word in re.findall(r"[A-Z]{2,}(?![a-z])|[^\W\d_][a-z]*|\d+", name)]


def _begins(words: Sequence[str], parts: Sequence[str]) -> bool:
    """Whether each word is one of the parts or its beginning, as in ``val_split``; two letters alone say nothing."""
    return sum(map(len, words)) > 2 and all(any(part.startswith(word) for part in parts) for word in words)


def _initials(words: Sequence[str]) -> str | None:
    return "".join(word[0] for word in words) if len(words) > 1 else None


def _clip(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: max(limit - 1, 1)] + "…"


def _quote(text: str, limit: int) -> str:
    escapes = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"}
    clipped = _clip(text, max(limit - 2, 1))
    return '"' + "".join(escapes.get(character, character) for character in clipped) + '"'


def _is_plain(text: str) -> bool:
    """Whether it is a word that every YAML reads as text without quotes."""
    from aespec.source.scalar import ambiguity, plain_value

    return (
        re.fullmatch(r"[A-Za-z][\w./-]{,40}", text) is not None
        and ambiguity(text) is None
        and plain_value(text) == text
    )


def _join(pairs: Iterable[tuple[str, Any]], limit: int, plain: bool) -> str:
    shown: list[str] = []
    left = limit - 2
    for key, item in pairs:
        if left <= 0:
            shown.append("…")
            break
        shown.append(key + show(item, max(left - len(key), 1), plain=plain))
        left -= len(shown[-1]) + 2
    return ", ".join(shown)


class _Plain:
    def __call__(self, style: str, text: str) -> str:
        return text


class _Paint(_Plain):
    """ANSI colors by role; ``severity`` decides the color of the head and the carets."""

    def __init__(self, severity: str) -> None:
        self._codes = {
            "severity": "1;31" if severity == "error" else "1;33",
            "message": "1",
            "frame": "1;34",
        }

    def __call__(self, style: str, text: str) -> str:
        return f"\x1b[{self._codes[style]}m{text}\x1b[0m"


def _block(diagnostic: Diagnostic, paint: _Plain) -> str:
    rule, place = diagnostic.rule, diagnostic.place
    head = paint("severity", f"{rule.severity}[{rule.code}]")
    lines = [head + paint("message", f": {_printable(diagnostic.message)}")]
    margin = "  "
    if place is not None:
        number = str(place.line)
        margin = " " * (len(number) + 1)
        text, indent, carets = _excerpt(place)
        bar = f"{margin} {paint('frame', '|')}"
        lines += [
            f"{margin}{paint('frame', '-->')} {_printable(place.name)}:{place.line}:{place.column}",
            bar,
            f" {paint('frame', f'{number} |')} {text}".rstrip(),
            f"{bar} {' ' * indent}{paint('severity', '^' * carets)}",
        ]
    for label, note in diagnostic.notes.items():
        hanging = "\n" + margin + " " * len(f" = {label}: ")
        lines.append(f"{margin} {paint('frame', '=')} {label}: " + _printable(note).replace("\n", hanging))
    return "\n".join(lines)


_COLUMNS = 100  # of a source line that are shown
_BEFORE = 40  # characters kept before the carets when a line is clipped


def _excerpt(place: Place) -> tuple[str, int, int]:
    """Give the line as it is shown, the screen columns before the carets, and their number."""
    line, start = place.text, min(place.column - 1, len(place.text))
    first = 0
    if len(line) > _COLUMNS or _columns(map(_cell, line)) > _COLUMNS:
        first = max(start - _BEFORE, 0)
    cells: list[tuple[str, int]] = []
    room = _COLUMNS
    for cell in map(_cell, line[first : first + _COLUMNS]):
        cells.append(cell)
        room -= cell[1]
        if room <= 0:
            break
    before, after = "…" * (first > 0), "…" * (first + len(cells) < len(line))
    text = before + "".join(shown for shown, _ in cells) + after
    indent = len(before) + _columns(cells[: start - first])
    carets = _columns(cells[start - first : start - first + place.width])
    return text, indent, max(carets, 1)


def _columns(cells: Iterable[tuple[str, int]]) -> int:
    return sum(width for _, width in cells)


def _cell(character: str) -> tuple[str, int]:
    """Give a character as it is shown and its width in screen columns."""
    if " " <= character <= "~":
        return character, 1
    if character == "\t":
        return "    ", 4
    if _unprintable(character):
        return "\N{REPLACEMENT CHARACTER}", 1
    if unicodedata.category(character) in ("Mn", "Me"):
        return character, 0
    return character, 2 if unicodedata.east_asian_width(character) in "WF" else 1


def _unprintable(character: str) -> bool:
    # Escapes could drive the terminal, bidi marks could reorder a line, lone surrogates cannot be written at all.
    return unicodedata.category(character) in ("Cc", "Cf", "Cs", "Cn", "Zl", "Zp")


def _printable(text: str) -> str:
    return "".join(c if c == "\n" or not _unprintable(c) else "\N{REPLACEMENT CHARACTER}" for c in text)
