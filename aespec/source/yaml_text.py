"""Reads YAML into nodes, and refuses what two readers of YAML would read differently."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from aespec.diagnostics import AespecError, Diagnostic, Place, nearest, show
from aespec.rules import AmbiguousScalar, SyntaxProblem, UnsupportedYaml
from aespec.source.items import ITEMS
from aespec.source.json_text import read_json
from aespec.source.lookalikes import lookalike, parted_word
from aespec.source.mended import mended
from aespec.source.scalar import Scalar, ambiguity, plain_value
from aespec.source.second_colon import no_colon_before
from aespec.source.text import (
    AT_THE_TOP,
    LOST,
    MAX_DEPTH,
    MAX_DIGITS,
    MAX_NODES,
    Entry,
    Node,
    Text,
    as_the_last,
    clipped,
    doubled,
    refuse_characters,
    repeated,
    too_deep,
    too_long,
    too_many,
    writable,
)
from aespec.source.trouble import NO_SPACE_AFTER_COLON, NO_SPACE_AFTER_DASH, is_joined, joined_dash
from aespec.source.yaml_errors import explain_syntax

BREAKS = r"\r\n|[\n\r\x85\u2028\u2029]"
"""What ends a line in the marks that YAML parsers give."""


_UNPRINTABLE = "[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"

_NUMBER = re.compile(r"[-+]?[.0-9][-+.:_0-9a-fA-Fox]*")


def read_yaml(text: Text, problems: list[Diagnostic], lost: set[Place] | None = None) -> Node | None:
    """Read one document; None where there is none. Adds to ``problems`` and reads on where it can.

    Args:
        text: The document.
        problems: Takes what is wrong.
        lost: Takes the places of what cannot be relied on, where a text that is no YAML is to be read on all the same.

    Raises:
        AespecError: where reading cannot go on.
    """
    refuse_characters(text, _UNPRINTABLE)
    read_on = lost is not None and LOST not in text.text
    told: list[Diagnostic] = []
    first: list[Diagnostic] = []
    behind = 0
    for _ in range(_MOST):
        found: list[Diagnostic] = []
        try:
            root = _read(text, found, read_on)
        except AespecError as error:
            problem = error.diagnostics[0]
            if not told:
                first, before = found, len(problems)
                root = read_json(text, problems, lost) if read_on and _is_json(text.text) else None
                if len(problems) > before:
                    return root
            follows = problem.place is None or problem.place.line <= behind  # from what is told of lines before
            habit = _HABIT.search(problem.message) and problem.message in [each.message for each in told]
            if not told or not (follows or habit):
                told.append(problem)
            in_braces = problem.place is not None and "{{" in problem.place.text
            mendable = problem.rule is SyntaxProblem or in_braces or problem.message.startswith("a directive that")
            mend = mended(text, problem) if read_on and mendable else None
            if mend is None:
                break
            text, behind = mend[0], max(behind, mend[1])
            continue
        problems += [*found, *told]
        if lost is not None:
            wrong = read_on and (told or found)
            lost.update(_lost(root) if root and wrong else (), (each.place for each in found if each.place))
        return root
    if len(told) == _MOST:
        told[-1] = as_the_last(told[-1])
    problems += first
    raise AespecError(*told)


def _is_json(text: str) -> bool:
    """Whether a text is meant as JSON, which is YAML too: in braces, with double quotes around each key."""
    return bool(re.match(r'\s*\{\s*"', text)) and not re.search(r"[{,]\s*\w+\s*:|['#]", text)


_HABIT = re.compile(
    r"^(a tab where|a fence of|a comment begins|a conflict of|no space after the dash|a list goes on)|of YAML$"
)
"""Faults that are told once, as those are who are used to write so."""

_MOST = 20
"""Faults of the syntax behind which a text is not read on."""


def _read(text: Text, problems: list[Diagnostic], read_on: bool) -> Node | None:
    """Read a document, up to the first place at which reading cannot go on; or on, without what is no key.

    Raises:
        AespecError: That there is one.
    """
    import yaml

    veil = _Veil(text.text)
    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml's is ten times as fast
    reader = _Reader(text, problems, veil, read_on)
    try:
        for event in yaml.parse(veil.text, Loader=loader):
            if isinstance(event, yaml.DocumentStartEvent) and reader.is_over(event):
                break
            read = getattr(reader, type(event).__name__, None)
            if read:
                read(event)
    except (yaml.YAMLError, ValueError, OverflowError) as error:  # the last two: escapes beyond Unicode
        problem = explain_syntax(error, text)
        same = problem.place and (problem.message, problem.place.line)
        problems[:] = [each for each in problems if (each.message, each.place and each.place.line) != same]
        raise AespecError(problem) from None
    return reader.root


def _lost(node: Node) -> Iterator[Place]:
    """Where in a node something is left out, a value or a key."""
    if node.value == LOST:
        yield node.place
    for each in node.value if isinstance(node.value, list) else ():
        yield from _lost(each)
    for key, entry in node.value.items() if isinstance(node.value, dict) else ():
        if key == LOST:
            yield entry.key
        yield from _lost(entry.node)


class _Veil:
    """Stands unused characters in for the signs of YAML in ``${...}``, so that ``{units: ${a // 2}}`` is YAML."""

    def __init__(self, text: str) -> None:
        unused = "".join(each for each in map(chr, range(0xE000, 0xE100)) if each not in text)[: len(_MARKS)]
        marks = _MARKS if len(unused) == len(_MARKS) else ""
        veil, self._marks = str.maketrans(marks, unused[: len(marks)]), str.maketrans(unused[: len(marks)], marks)
        self.text = _FILLED.sub(lambda use: use[0].translate(veil), text)
        self._veiled = re.compile(rf"\$[{unused[0]}][^{unused[:2]}]*[{unused[1]}]") if marks else _FILLED

    def lift(self, value: str) -> str:
        return self._veiled.sub(lambda use: use[0].translate(self._marks), value) if "$" in value else value


_FILLED = re.compile(r"""\$\{[^{}"'\n\r\x85\u2028\u2029]*\}""")

_MARKS = "{}[],:#"


_NEAR = 200
"""Characters around a key that are looked at."""


_SHAPES = ("input", "shape", "target_shape", "reshape")
"""Fields that hold a list of lengths, also of one."""

_LISTS = ("freeze", "columns")
"""Fields that hold a list of names."""


def _cut_list(text: str, place: Place) -> tuple[str, Place] | None:
    """Of a number or a name in braces that belongs to those before it: the field with the list, and its place."""
    at = place.column - 1
    head, _, before = place.text[max(at - _NEAR, 0) : at].rpartition(":")
    field = re.search(r"\w{1,40}$", head)
    if field is None or not (field[0] in _LISTS or isinstance(plain_value(text), int | float | None)):
        return None
    item = r"[\w./-]+" if field[0] in _LISTS else r"(?:-?[0-9][0-9.]*|null|~)"
    rest = re.match(rf"{item}(?:\s*,\s*{item})*(?=\s*(?:,|\}}|#|$))", place.text[at : at + _NEAR])
    if rest is None or not re.fullmatch(rf"\s*(?:{item}\s*,\s*)+", before):
        return None
    written, begin = f"{before.strip()} {rest[0]}", at - len(before.lstrip())
    if field[0] in _LISTS:
        written = re.sub(r"(?<![\w./-])[0-9.]+(?![\w./-])", r'"\g<0>"', written)
    return f"{field[0]}: [{written}]", replace(place, column=begin + 1, width=at + len(rest[0]) - begin)


def _cut_number(text: str, place: Place) -> tuple[float, Diagnostic] | None:
    """The number, and what is wrong with it, whose rest is a key, as braces cut at a comma: ``{rate: 0,001}``."""
    cut = re.search(r"(?<![\w.-])(-?[0-9]+),$", place.text[max(place.column - 22, 0) : place.column - 1])
    if cut is None or not _ENDS.match(place.text, place.column - 1 + len(text)):
        return None
    number, whole = f"{cut[1]}.{text}", cut[1].lstrip("-") != "0" and len(text) == 3
    begin = replace(place, column=place.column - len(cut[0]), width=len(cut[0]) + len(text))
    help = f"write `{cut[1]}{text}` without it, or `{number}`" if whole else f"a decimal point is `.`: write `{number}`"
    meant = int(f"{cut[1]}{text}") if whole else float(number)
    return meant, Diagnostic(SyntaxProblem, "a comma within a number", begin, help=help)


_REST = "\0"
"""The key that the rest of a list or a number has for a time."""

_ENDS = re.compile(r"\s*(?:[,}#]|$)")
"""What stands behind a key that has no value."""


def _in_parentheses(place: Place) -> bool:
    """Whether a parenthesis is open before a place, as in ``{shape: (28, 28)}``, not far from it."""
    before = place.text[max(place.column - 100, 0) : place.column - 1]
    return before.count("(") > before.count(")")


_BRACED = re.compile(r"\{([^{}:]{0,200})\}")
"""Braces around what is a list."""


@dataclass(slots=True)
class _Open:
    """A collection whose end has not come yet."""

    line: int
    column: int
    anchor: str | None
    items: list[Node] | dict[str, Entry]
    key: tuple[str, Place] | None = None
    told: bool = False
    """Whether it is told that a dash and a layer in it lack a space between them."""
    dashed: bool = False
    """Whether the key is such a layer."""
    joined: list[tuple[str | None, Node]] = field(default_factory=list)
    """The layers that are so, each with the field that stands before it."""
    cut: bool = False
    """Whether an item in it goes on with what stood before."""
    refused: bool = False
    """Whether it is told that a key of it is no name."""


@dataclass(slots=True)
class _Reader:
    """Takes the events of a YAML parser, each by the method of its name, and builds nodes of them."""

    text: Text
    problems: list[Diagnostic]
    veil: _Veil
    read_on: bool
    root: Node | None = None
    stack: list[_Open] = field(default_factory=list)
    anchors: dict[str, Node | None] = field(default_factory=dict)  # None: its end has not come yet
    ends: dict[int, int] = field(default_factory=dict)  # by line, the column where its last token ends
    count: int = 0
    alike: dict[int, bool] = field(default_factory=dict)  # by line, whether a lookalike is told of it

    def DocumentStartEvent(self, event: Any) -> None:
        if self.root is not None:
            place = self._place(event)
            raise AespecError(self._unsupported(place, "a second document", "one document", "use a file for each"))

    def is_over(self, event: Any) -> bool:
        """Whether a document begins behind the first that holds nothing, as behind a last `---`."""
        rest = self.text.lines[event.start_mark.line :]
        return self.root is not None and all(re.match(r"\s*(#|---\s*$|\.\.\.\s*$|$)", line) for line in rest)

    def AliasEvent(self, event: Any) -> None:
        place, name = self._place(event), event.anchor
        if name not in self.anchors:
            guess = nearest(name, self.anchors)
            help = f"did you mean `*{guess}`?" if guess else f"mark the value to repeat with `&{name}`, or quote `*`"
            raise AespecError(Diagnostic(SyntaxProblem, f"no value above is marked `&{name}`", place, help=help))
        target = self.anchors[name]
        if target is None:
            what = f"`*{name}` stands inside the value that it repeats"
            raise AespecError(self._unsupported(place, what, "a value with an end", "write out what is meant"))
        if not self._wants_key():
            self._add(Node(target.value, place))
        elif isinstance(target.value, str):
            self._set_key(target.value, place)
        else:
            self._refuse_key(f"*{name}", place)
            self._set_key(f"*{name}", place)

    def ScalarEvent(self, event: Any) -> None:
        place = self._place(event)
        text = writable(self.veil.lift(event.value), place, self.problems)
        if LOST in text and LOST not in self.text.shown[place.line - 1]:  # with what goes on in the next line
            text = LOST
        plain = event.style in (None, "") and event.tag is None
        self._refuse_tag(event, place)
        if self._wants_key():
            node = Node(text, place)
            if plain and self._goes_on(text, place):
                self.stack[-1].key, self.stack[-1].cut = (_REST, place), True
            elif plain and self._may_join(text) and (joins := self._tell_joined(text, place)):
                self.stack[-1].key, self.stack[-1].dashed = (text[1:], place), joins == "item"
            else:
                if plain and not self._refuse_lookalike(text, place):
                    text = self._checked_key(text, place)
                self._set_key(text, place)
        else:
            if plain and not text:
                place = self._missing_value(place)
            if plain and self.stack and isinstance(self.stack[-1].items, list):
                self._refuse_lookalike(text, place)
                self._refuse_joined_value(text, place)
                if is_joined(text) and self._tell_joined(text, place):
                    text = text[1:]
            node = Node(self._plain(text, place) if plain else text, place)
            self._add(node)
        if event.anchor:
            self.anchors[event.anchor] = node

    def SequenceStartEvent(self, event: Any) -> None:
        self._open(event, [])

    def MappingStartEvent(self, event: Any) -> None:
        self._open(event, {})

    def SequenceEndEvent(self, event: Any) -> None:
        self._close(event)

    def MappingEndEvent(self, event: Any) -> None:
        self._close(event)

    def _open(self, event: Any, items: list[Node] | dict[str, Entry]) -> None:
        place = self._place(event)
        self._refuse_tag(event, place)
        if self._wants_key():
            used = doubled(place.text, max(place.column - 2, 0))
            help = f"for a variable write `${{{used}}}`" if used else "let text stand before `:`"
            if used and ":" in used:
                help = f"take one pair of braces away: write `{{{used}}}`"
            raise AespecError(self._unsupported(place, "a key that is a list or a mapping", "a name", help))
        if len(self.stack) == MAX_DEPTH:
            too_deep(place)
        if event.anchor:
            self.anchors[event.anchor] = None
        self.stack.append(_Open(place.line - 1, place.column - 1, event.anchor, items))

    def _close(self, event: Any) -> None:
        opened = self.stack.pop()
        if isinstance(opened.items, dict):
            if opened.cut:
                opened.items.pop(_REST)
            if opened.joined:
                self._put_together(opened)
        if event.end_mark.index > event.start_mark.index:  # a bracket; the end of a block is no token
            self.ends[event.end_mark.line] = event.end_mark.column
        width = self.ends[opened.line] - opened.column
        node = Node(opened.items, self.text.place(opened.line, opened.column, width))
        if opened.anchor:
            self.anchors[opened.anchor] = node
        self._add(node)

    def _put_together(self, opened: _Open) -> None:
        """Make lists of the layers that lack a space after their dash: of the mapping, or of the fields before them."""
        items = opened.items
        if not isinstance(items, dict) or not items:
            opened.items = [node for _, node in opened.joined]
            return
        for before, node in opened.joined:
            if before is not None and isinstance(items[before].node.value, list | None):
                entry = items[before]
                stand = entry.node.value if isinstance(entry.node.value, list) else []
                items[before] = Entry(entry.key, Node([*stand, node], entry.node.place))

    def _add(self, node: Node) -> None:
        self.count += 1
        if self.count > MAX_NODES:
            too_many(node.place)
        if not self.stack:
            self.root = node
            return
        parent = self.stack[-1]
        if isinstance(parent.items, list):
            parent.items.append(node)
        elif parent.key:
            key, place = parent.key
            if parent.dashed:
                before = next(reversed(parent.items), None)
                parent.joined.append((before, Node({key: Entry(place, node)}, place)))
                parent.dashed = False
            else:
                parent.items[key] = Entry(place, node)
            parent.key = None

    def _wants_key(self) -> bool:
        return bool(self.stack) and isinstance(self.stack[-1].items, dict) and self.stack[-1].key is None

    def _set_key(self, key: str, place: Place) -> None:
        mapping = self.stack[-1]
        mapping.key = (key, place)
        if isinstance(mapping.items, dict) and key in mapping.items and key != LOST and not parted_word(key):
            from aespec.registry import known_kind

            layers = all(known_kind(each, "layer") for each in mapping.items)
            self.problems.append(repeated(key, place, mapping.items[key], layers=layers))

    def _refuse_lookalike(self, text: str, place: Place) -> bool:
        """Note a layer, or a field, with a sign beside it that only looks like one of YAML's; of a line, the first.

        Raises:
            AespecError: The sign stands in the indentation, so that it cannot be told where the line belongs.
        """
        from aespec.registry import known_kind

        word = parted_word(text)
        fields = AT_THE_TOP if self._wants_key() else ()
        if word is None or not (known_kind(word, "layer") or word in ITEMS or word in fields):
            return False
        if place.line in self.alike:
            return self.alike[place.line]
        found = lookalike(place.text)
        self.alike[place.line] = found is not None
        if found is None:
            return False
        problem = Diagnostic(SyntaxProblem, found.message, place, help=f"write `{clipped(found.instead, 300)}`")
        if not text[0].strip():
            raise AespecError(problem)
        self.problems.append(problem)
        return True

    def _may_join(self, text: str) -> bool:
        """Whether a key may be a dash and a layer: of a known kind, or beside others that are so."""
        return is_joined(text) or (bool(self.stack[-1].joined) and re.fullmatch(r"-[A-Za-z]\w*", text) is not None)

    def _tell_joined(self, text: str, place: Place) -> str | None:
        """Note a dash and a layer without a space between them, of several the first.

        ``item`` where the dash is that of an item, ``layer`` where the layer is an item in brackets, or behind a dash.
        """
        opened = self.stack[-1]
        found = joined_dash(self.text, place.line - 1, like_others=bool(opened.joined))
        item = found if found and found[0].column == place.column else None
        around = [opened] if opened.items else [opened, *self.stack[-2:-1]]
        holder = None if item else next((each for each in around if isinstance(each.items, list)), None)
        before, written = place.text[: place.column - 1], clipped(text[1:])
        if isinstance(opened.items, dict):
            written += ": ..."
        if item:
            what, help = NO_SPACE_AFTER_DASH, item[2] or ""
        elif holder:
            what = "a second dash" if before.endswith("- ") else "a dash in brackets"
            help = f"take it away: write `{written}`, and so each item"
        elif before.rstrip().endswith("{"):
            what, help = "a dash in braces", f"a list stands in brackets: write `[{written}]`"
        else:
            what, help = NO_SPACE_AFTER_DASH, f"write `- {written}`, and so each item"
        owner = holder or opened
        if not owner.told:
            owner.told = True
            self.problems.append(Diagnostic(SyntaxProblem, what, place, help=help))
        return "item" if item else "layer" if holder else None

    def _goes_on(self, text: str, place: Place) -> bool:
        """Note an item that braces cut off from those before it at a comma, which are read as they are meant."""
        mapping = self.stack[-1]
        if not isinstance(mapping.items, dict):
            return False
        name, entry = next(((key, each) for key, each in reversed(mapping.items.items()) if key != _REST), (None, None))
        if entry is None:
            return False
        if text.isascii() and text.isdigit() and (cut := _cut_number(text, place)):
            meant, problem = cut
            self.problems.append(problem)
            mapping.items[str(name)] = Entry(entry.key, replace(entry.node, value=meant))
            return True
        if not (found := _cut_list(text, place)):
            return False
        before, (written, whole) = entry.node.value, found
        of_names = name in _LISTS
        if not isinstance(before, list):  # of several, the first is told
            before = [replace(entry.node, value=str(before)) if of_names else entry.node]
            if self._holds_a_list(str(name)):  # the kind tells otherwise
                help = f"a list stands in brackets: write `{clipped(written, 100)}`"
                what, wanted = "a comma in braces begins another field", "a list, in brackets"
                self.problems.append(Diagnostic(UnsupportedYaml, what, whole, wanted=wanted, help=help))
        listed = Node([*before, Node(text if of_names else plain_value(text), place)], whole)
        mapping.items[str(name)] = Entry(entry.key, listed)
        return True

    def _holds_a_list(self, field: str) -> bool:
        """Whether a field can hold a list of numbers, as far as it is known what has the field."""
        from aespec.calls import accepts
        from aespec.registry import kinds, known_kind

        outer = self.stack[-2].key if len(self.stack) > 1 else None
        kind = known_kind(outer[0], "layer") if outer else None
        return kind is None or any(accepts(kinds("layer")[kind], field, [1] * times) for times in (2, 3, 4))

    def _refuse_joined_value(self, text: str, place: Place) -> None:
        """Refuse a key that has a collection behind it without a space.

        Raises:
            AespecError: It is one.
        """
        if joined := re.match(r"([A-Za-z_]\w*):[\[{]", text):
            written = place.text[place.column + joined.end(1) :].strip()
            help = f"write `{joined[1]}: {clipped(written)}`"
            raise AespecError(Diagnostic(SyntaxProblem, NO_SPACE_AFTER_COLON, place, help=help))

    def _checked_key(self, text: str, place: Place) -> str:
        """The key that a text is, which is not known where it is no name."""
        self._refuse_joined_value(text, place)
        if braces := no_colon_before(self.text, place.line - 1) if re.match(r"[A-Za-z_]\w* *\{\s*\w", text) else None:
            raise AespecError(Diagnostic(SyntaxProblem, braces[1], braces[0], help=braces[2]))
        if text == "<<":
            help = "write the fields out, or repeat a whole value: `&name` marks it, `*name` repeats it"
            self.problems.append(self._unsupported(place, "a merge key `<<`", "the fields themselves", help))
        elif text.lower() in ("y", "n"):
            pass  # a field may be called `n`; readers of YAML 1.1 take the bare letters for text, against its letter
        elif _in_parentheses(place):
            pass  # the rest of a tuple or a call, which braces cut at its commas: told with its beginning
        elif not self._refuse_ambiguous(text, place) and not isinstance(plain_value(text), str):
            return LOST if self._refuse_key(text, place) and self.read_on else text
        return text

    def _refuse_key(self, text: str, place: Place) -> bool:
        """Note a key that is no text; whether it is one of those of a list in braces, of which the first is told."""
        braced = _BRACED.match(place.text, max(place.text.rfind("{", 0, place.column), 0))
        if braced and self.stack[-1].refused:
            return True
        self.stack[-1].refused = True
        help = f"for a list write `[{clipped(braced[1])}]`" if braced else "write the name of the field that is meant"
        if braced and "," not in braced[1]:
            field = re.search(r"(\w{1,40}):\s*$", place.text[: braced.start()][-_NEAR:])
            written = clipped(braced[1].strip())
            written = f"[{written}]" if field and field[1] in _SHAPES else written
            help = f"take the braces away: write `{written}`"
        what = f"the key `{clipped(text)}` is no text"
        self.problems.append(self._unsupported(place, what, "a name", help))
        return bool(braced)

    def _plain(self, text: str, place: Place) -> Scalar:
        if len(text) > MAX_DIGITS and _NUMBER.fullmatch(text):
            self.problems.append(too_long(place, len(text)))
            return None
        return text if self._refuse_ambiguous(text, place) else plain_value(text)

    def _refuse_ambiguous(self, text: str, place: Place) -> bool:
        found = ambiguity(text)
        if found:
            shown = clipped(text)
            reading = plain_value(text)
            here = "text" if isinstance(reading, str) else f"the number {show(reading)}"
            quoted = f'`"{shown}"` for the text'
            instead = found.instead if found.instead is None or " " in found.instead else f"`{clipped(found.instead)}`"
            self.problems.append(
                Diagnostic(
                    AmbiguousScalar,
                    f"`{shown}` is {found.other} in YAML 1.1, and {here} in YAML 1.2",
                    place,
                    got=f"`{shown}` without quotes",
                    help=f"write {instead}, or {quoted}" if instead else f"write {quoted}",
                )
            )
        return found is not None

    def _refuse_tag(self, event: Any, place: Place) -> None:
        if event.tag is not None:
            python = "python" in event.tag
            help = "a spec is data and runs no code" if python else "leave the tag out; quotes make a value text"
            tag, *rest = place.text[place.column - 1 :].split(maxsplit=2)
            if tag == "!include" and rest:
                help = f"as an item of a list of layers write `- include: {clipped(rest[0])}`"
            what, place = f"the tag `{clipped(tag)}`", replace(place, width=len(tag))
            self.problems.append(self._unsupported(place, what, "a value without a tag", help))

    def _missing_value(self, place: Place) -> Place:
        """Give the place for a value that is not written: its key's, or the dash's."""
        key = self.stack[-1].key if self.stack else None
        if key is None:
            return self.text.place(place.line - 1, max(place.column - 2, 0), 1)
        name, place = key
        joined = re.match(r"([A-Za-z_][\w-]*):(\S.*)", name)
        if joined and place.text[place.column - 1 :].startswith(name):
            help = f"write `{clipped(': '.join(joined.groups()))}`"
            self.problems.append(Diagnostic(SyntaxProblem, NO_SPACE_AFTER_COLON, place, help=help))
        return place

    def _unsupported(self, place: Place, what: str, wanted: str, help: str) -> Diagnostic:
        return Diagnostic(UnsupportedYaml, f"{what}, which a spec cannot have", place, wanted=wanted, help=help)

    def _place(self, event: Any) -> Place:
        """Give the place of an event without its anchor, on its first line, and note where its line ends."""
        start, end = event.start_mark, event.end_mark
        line, column = start.line, start.column
        if line == len(self.text.lines):  # what is missing at the very end
            line, column = line - 1, len(self.text.lines[-1])
        content = self.text.lines[line]
        if content[column : column + 1] == "&" and (anchor := re.compile(r"&\S+[ \t]+(?=\S)").match(content, column)):
            column = anchor.end()
        self.ends[end.line] = end.column
        if end.line != line:
            self.ends[line] = len(content.rstrip())
        return self.text.place(line, column, self.ends[line] - column)
