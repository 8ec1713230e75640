"""Reads JSON into nodes, and a text that is none as it is meant, as far as that can be told."""

import json
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from aespec.diagnostics import AespecError, Diagnostic, Place, nearest
from aespec.rules import SyntaxProblem
from aespec.source.json_repair import CLOSING, START, TEXT, VALUE, Change, Item, doubtful, first_change
from aespec.source.json_tokens import Token, tokens
from aespec.source.lookalikes import SIGNS
from aespec.source.scalar import Scalar, plain_value
from aespec.source.text import (
    LOST,
    MAX_DEPTH,
    MAX_DIGITS,
    MAX_NODES,
    SURROGATES,
    Entry,
    Node,
    Text,
    as_the_last,
    clipped,
    refuse_characters,
    repeated,
    too_deep,
    too_long,
    too_many,
    writable,
)


def read_json(text: Text, problems: list[Diagnostic], lost: set[Place] | None = None) -> Node | None:
    """Read one JSON text; None where there is none. Adds to ``problems`` and reads on where it can.

    Args:
        text: The text.
        problems: Takes what is wrong.
        lost: Takes the places of what cannot be relied on, where a text that is no JSON is to be read on all the same.

    Raises:
        AespecError: where reading cannot go on.
    """
    if not text.text.strip():
        return None
    refuse_characters(text, SURROGATES)
    return _Reader(text, problems, lost).root()


_LITERALS: dict[str, Scalar] = {"true": True, "false": False, "null": None}
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?")

_TORN = ("open", "half", "doubled", "within")
"""Kinds of tokens in which a quote lacks, or is too much."""
_ELSEWHERE = {
    **dict.fromkeys(("none", "undefined", "nil"), "null"),
    **dict.fromkeys(("yes", "on"), "true"),
    **dict.fromkeys(("no", "off"), "false"),
}
"""What JSON's words are called elsewhere."""
_NO_NUMBERS = ("NaN", "Infinity", "-Infinity")
_OPENING, _CLOSING = tuple(CLOSING), tuple(CLOSING.values())

NO_BRACKET = "a bracket is not closed before this", "close every bracket, the last that was opened first"
NO_KEY, NO_VALUE = "a key in double quotes is missing here", "a value is missing here"
QUOTE = "keys and texts stand in double quotes; no comma after the last item"
_NO_WORDS = {
    "```": ("a fence of Markdown", "remove this line, and the one that closes it"),
    "~~~": ("a fence of Markdown", "remove this line, and the one that closes it"),
}
_MISSING = {
    ",": ("a comma is missing here", "put commas between items, and close every bracket"),
    ":": ("a colon is missing here", 'write `"key": value`'),
}

_MOST = 50
"""Faults behind which a text is not read on."""


@dataclass(slots=True)
class _Reader:
    """Reads a text by its tokens, which are made such that they are JSON's."""

    text: Text
    problems: list[Diagnostic]
    lost: set[Place] | None
    cut: bool = False
    """Whether the text ends too early."""
    told: set[str] = field(default_factory=set)
    """What is told once, however often it is written: the ways of other languages."""
    count: int = 0
    faults: int = 0

    def root(self) -> Node | None:
        found = list(self._tokens())
        if not found:
            return None
        try:
            json.loads(self.text.text, parse_int=len, parse_float=len)  # len: numbers of any length pass here
        except json.JSONDecodeError:
            self._mend(found)
        if not found:
            return None
        node = self._value(iter(found))
        if self.cut and isinstance(node.value, dict):
            node.value[LOST] = Entry(node.place, Node(LOST, node.place))
            self._lose(node.place)
        return node

    # ------------------------------------------------------------------------------------------------ tokens

    def _tokens(self) -> Iterator[Token]:
        """The tokens that say something."""
        depth = torn = 0
        for number, token in enumerate(tokens(self.text.text)):
            depth += (token.sign in _OPENING) - (token.sign in _CLOSING)
            if depth > MAX_DEPTH:
                too_deep(self._place(token))
            if number > 4 * MAX_NODES + 1:
                too_many(self._place(token))
            if token.kind == "comment":
                help = "remove it, or name the file `.yaml`" if token.text[0] == "#" else "remove it"
                self._tell_once("JSON has no comments", help, self._place(token, 1))
                continue
            if token.kind == "word" and (not_json := next(filter(token.text.startswith, _NO_WORDS), None)):
                self._tell_once(*_NO_WORDS[not_json], self._place(token))
                continue
            looks = f"U+{ord(token.text[0]):04X}"
            if token.kind == "space":
                self._tell_once(f"{looks} is not the space of JSON", "write a space", self._place(token))
                continue
            if token.sign and token.sign != token.text:
                message = f"`{token.text}` ({looks}) is not the {SIGNS[token.text][1]} of JSON"
                self._tell_once(message, f"write `{token.sign}`", self._place(token))
            if token.kind in _TORN:
                torn += 1
                self._tell_once(*self._torn(token), f"a quote in line {self._place(token).line}")
                if torn == _MOST:
                    raise AespecError(as_the_last(self.problems.pop()))
            yield token

    def _torn(self, token: Token) -> tuple[str, str, Place]:
        """What is wrong with the quotes of a text, what to do, and where."""
        if token.kind == "open":
            return (
                "the quote is never closed",
                'end the text with `"`, on the line where it began',
                self._place(token, 1),
            )
        if token.kind == "within":
            return "a quote within a text", 'write a quote in a text as `\\"`', self._place(token)
        much = token.kind == "doubled" or _is_literal(token.text[:-1])
        what = "a quote too many" if much else "a quote is missing before this"
        whole = _bare(token)
        return what, f"write `{whole}`" if len(whole) < 100 else 'write `"` before it', self._place(token)

    def _mend(self, found: list[Token]) -> None:
        """Change the tokens so that they are those of JSON, and tell of each change.

        Raises:
            AespecError: They are too far from that.
        """
        if found[0].kind == "word" and not _is_literal(found[0].text):
            what = f"`{clipped(found[0].text)}` is no value of JSON"
            help = "a spec in JSON begins with `{`; if this is YAML, name the file `.yaml`"
            self.problems.clear()
            raise AespecError(Diagnostic(SyntaxProblem, what, self._place(found[0]), help=help))
        items, states = self._items(found), [START]
        while fault := first_change(items, states):
            stop, change = fault
            if not found:  # all was taken away
                return
            if change is None:
                raise AespecError(self._unfit(found, stop, states[stop].wants))
            unsure = doubtful(items, states, change)
            if not any(token.kind in _TORN for token in found[max(change.at - 3, 0) : change.at + 3]):
                self._tell(*self._explain(found, change, sure=not unsure))
            self.cut = self.cut or (stop == len(found) == change.at)
            for token in found[unsure.start : unsure.stop]:
                if token.sign in _OPENING:
                    self._lose(self._place(token))
            for at, taken, put in _steps(change):
                begin = found[at].start if at < len(found) else len(self.text.text.rstrip())
                found[at : at + taken] = [
                    Token("sign" if len(each) == 1 else "lost", each, begin, begin) for each in put
                ]
                items[at : at + taken] = [Item(each, "", False, 0, None) for each in put]
            del states[change.at + 1 :]

    def _items(self, found: Sequence[Token]) -> list[Item]:
        """What the tokens are to the grammar."""
        items, line = [], 0
        for token in found:
            place = self._place(token)
            what = token.sign or (VALUE if token.kind == "tuple" or _is_literal(token.text) else TEXT)
            indent = place.column if place.line != line else None
            items.append(Item(what, token.text.strip('"'), token.kind == "word", place.line, indent))
            line = place.line
        return items

    def _explain(self, found: Sequence[Token], change: Change, *, sure: bool) -> tuple[str, str, Place]:
        """What is wrong where a change is to be made, what to do, and where."""
        at, taken, put, closed, _ = change
        here = self._place(found[at] if at < len(found) else found[-1])
        behind = self.text.place_at(found[at - 1].end, found[at - 1].end + 1) if at else here
        what, new = found[at].sign if taken else "", "".join(put)
        if closed and new == "[":
            written = self.text.text[found[at].start : found[closed - 1].end]
            return "a list without brackets", f"write `[{clipped(written, 100)}]`", here
        if closed:
            written = self.text.text[found[at].start : found[closed - 1].end]
            shown = clipped(written if "\n" not in written else f"{found[at].text}: ...", 100)
            return "a `:` in a list", f"a layer with fields stands in braces: write `{{{shown}}}`", here
        if new == VALUE:
            return NO_VALUE, QUOTE, here
        if taken == 3:
            return "braces around a text", f"take them away: write `{clipped(found[at + 1].text)}`", here
        if put[:1] == (TEXT,):
            opened = "".join(put[2:])
            if not opened and found[at].sign == found[at - 1].sign == "{":
                return "braces in braces", 'take one pair away: a layer is `{"kind": ...}`', here
            return (f"a key and its `{opened}` are missing here" if opened else NO_KEY), QUOTE, here
        if not taken and new in _MISSING:
            return *_MISSING[new], behind
        if not taken:
            many = "brackets are" if len(put) > 1 and "," not in put else f"`{new}` is"
            where = "" if sure else ", here or further before"
            return f"{many} missing here", f"write `{new}`{where}", here if new in _OPENING else behind
        if taken == 2:
            return "a comma before a bracket instead of behind it", f"write `{new}`", here
        if new:
            return f"`{clipped(found[at].text)}` where JSON wants `{new}`", f"write `{new}`", here
        if what == ",":
            last = at + 1 < len(found) and found[at + 1].sign in _CLOSING
            return "a comma after the last item" if last else "a comma too many", "remove it", here
        if what in _CLOSING:
            return f"`{what}` closes nothing", "remove it, or open it before", here
        if what in _OPENING:
            return f"`{what}` is never closed", "remove it, or close it", here
        if found[at].kind == "word":
            return f"`{clipped(found[at].text)}` belongs to nothing", "remove it", here
        return "text after a value that is already complete", "remove it", here

    def _unfit(self, found: Sequence[Token], stop: int, wants: str) -> Diagnostic:
        """What is wrong where no change helps."""
        if stop == len(found):
            message, help = NO_BRACKET
        elif wants == "nothing":
            message, help = "text after the end of the spec", "a file holds one JSON value; remove what follows it"
        elif wants in ("key", "entry"):
            message, help = NO_KEY, QUOTE
        else:
            message, help = {"more": _MISSING[","], "colon": _MISSING[":"]}.get(wants, (NO_VALUE, QUOTE))
        return Diagnostic(SyntaxProblem, message, self._place(found[min(stop, len(found) - 1)], 1), help=help)

    # ------------------------------------------------------------------------------------------------ values

    def _value(self, found: Iterator[Token]) -> Node:
        return self._value_of(next(found), found)

    def _value_of(self, token: Token, found: Iterator[Token]) -> Node:
        place = self._place(token)
        self.count += 1
        if self.count > MAX_NODES:
            too_many(place)
        if token.sign not in _OPENING:
            return Node(self._scalar(token, place), place)
        value, end = self._list(found) if token.sign == "[" else self._mapping(found)
        return Node(value, self.text.place_at(token.start, end))

    def _list(self, found: Iterator[Token]) -> tuple[list[Node], int]:
        items: list[Node] = []
        while (token := next(found)).sign != "]":
            if token.sign != ",":
                items.append(self._value_of(token, found))
        return items, token.end

    def _mapping(self, found: Iterator[Token]) -> tuple[dict[str, Entry], int]:
        entries: dict[str, Entry] = {}
        while (token := next(found)).sign != "}":
            if token.sign == ",":
                continue
            place = self._place(token)
            key = token.text if token.kind == "word" else self._scalar(token, place)
            if token.kind == "word":
                self._tell_once(NO_KEY, QUOTE, place)
            next(found)  # the colon
            value = next(found)
            node = self._value_of(value, found)
            if value.kind == "word" and "=" in value.text:  # a call, whose fields follow
                self._lose(place)
            if not isinstance(key, str):
                key = LOST
            elif key in entries and key != LOST:
                from aespec.registry import known_kind

                layers, apart = all(known_kind(each, "layer") for each in entries), "give each layer braces of its own"
                self.problems.append(repeated(key, place, entries[key], layers=layers, apart=apart))
                self._lose(place)
            entries[key] = Entry(place, node)
        return entries, token.end

    # ----------------------------------------------------------------------------------------------- scalars

    def _scalar(self, token: Token, place: Place) -> Scalar:
        value = self._read(token, place)
        halves: list[Diagnostic] = []
        value = writable(value, place, halves) if isinstance(value, str) else value
        self.problems += halves
        if value == LOST or halves:
            self._lose(place)
        return value

    def _read(self, token: Token, place: Place) -> Scalar:
        text = token.text
        if token.kind == "text":
            return self._unquoted(token)
        if token.kind == "alien":
            what = "JSON has no single quotes" if text[0] == "'" else f"`{text[0]}` is not the quote of JSON"
            self._tell_once(what, 'write `"`', self._place(token, 1))
            return text[1:-1].replace("\\'", "'")
        if token.kind == "half" and _is_literal(text[:-1]):
            return self._number(text[:-1], place)
        if token.kind == "within":
            return text[1:-1]
        if token.kind in _TORN:
            return text.strip('" ') if re.fullmatch(r'"*\s*[\w./-]+\s*"*', text) else LOST
        if token.kind == "tuple":
            inner = text.strip("()]").strip().rstrip(",")
            self._tell("JSON has no parentheses", f"a list stands in brackets: write `[{clipped(inner)}]`", place)
            return LOST
        if token.kind == "lost":
            return LOST
        return self._number(text, place) if _is_literal(text) else self._word(text, place)

    def _number(self, text: str, place: Place) -> Scalar:
        if len(text) > MAX_DIGITS:
            self.problems.append(too_long(place, len(text)))
        elif text in _NO_NUMBERS:
            help = "write `null` or a large number; a YAML spec can say `.inf` and `.nan`"
            self.problems.append(Diagnostic(SyntaxProblem, f"JSON has no `{text}`", place, help=help))
        else:
            value: Scalar = json.loads(text)
            return value
        self._lose(place)
        return None

    def _unquoted(self, token: Token) -> str:
        try:
            value: str = json.loads(token.text)
        except json.JSONDecodeError as error:
            place = self.text.place_at(token.start + error.pos, token.start + error.pos + 1)
            if not error.msg.startswith("Invalid control character"):
                self._tell("an escape that JSON does not know", r"write a backslash as `\\`", place)
                return LOST
            self._tell("a line break or a tab inside a text", r"write it as `\n` or `\t`", place)
            try:
                value = json.loads(token.text, strict=False)
            except json.JSONDecodeError:
                return LOST
        return value

    def _word(self, word: str, place: Place) -> Scalar:
        """What a bare word is meant as, which is no value."""
        what = f"`{clipped(word)}` is no value of JSON"
        if literal := _ELSEWHERE.get(word.lower()) or nearest(word, _LITERALS):
            self._tell_once(what, f"write `{literal}`", place)
            self._lose(place)
            return _LITERALS[literal]
        number = plain_value(word) if len(word) < MAX_DIGITS else None
        if isinstance(number, int | float) and math.isfinite(number):
            self._tell(what, f"write `{json.dumps(number)}`", place)
            self._lose(place)
            return number
        self._lose(place)
        if re.fullmatch(r"[A-Za-z_][\w./-]*|\$\{.*\}", word):
            self._tell(what, f'text stands in double quotes: write `"{clipped(word)}"`', place)
            return word
        if stated := re.fullmatch(r"(\w{1,40})=([^=]{1,40})", word):
            help = f'fields stand in braces, with colons: write `{{"{stated[1]}": {stated[2]}}}`'
        else:
            help = "text stands in double quotes; a number begins with a digit or `-`"
        self._tell(what, help, place)
        return LOST

    # ------------------------------------------------------------------------------------------------ faults

    def _tell(self, message: str, help: str, place: Place) -> None:
        """Note a fault.

        Raises:
            AespecError: the fault, where the text is not to be read on, or has too many.
        """
        problem = Diagnostic(SyntaxProblem, message, place, help=help)
        self.faults += 1
        if self.lost is None or self.faults == _MOST:
            raise AespecError(problem if self.lost is None else as_the_last(problem))
        self.problems.append(problem)

    def _tell_once(self, message: str, help: str, place: Place, what: str | None = None) -> None:
        """Note the first of faults that are alike, as they are where a text follows the ways of another language."""
        if (what or message) not in self.told:
            self.told.add(what or message)
            self._tell(message, help, place)

    def _lose(self, place: Place) -> None:
        if self.lost is not None:
            self.lost.add(place)

    def _place(self, token: Token, width: int | None = None) -> Place:
        return self.text.place_at(token.start, token.end if width is None else token.start + width)


def _bare(token: Token) -> str:
    """A text that lacks a quote, or has one too many, as it is to be written."""
    bare = token.text.strip('"')
    return bare if token.kind == "half" and _is_literal(bare) else f'"{bare}"'


def _is_literal(text: str) -> bool:
    return text in _LITERALS or text in _NO_NUMBERS or _NUMBER.fullmatch(text) is not None


def _steps(change: Change) -> Iterator[tuple[int, int, tuple[str, ...]]]:
    """Where to take how many items away, and what to put there, the last place first."""
    if change.closed is not None:
        yield change.closed, 0, (CLOSING[change.put[0]],)
    yield change.at, change.taken, change.put
