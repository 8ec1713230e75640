"""Fills ``${...}`` in: the value of a variable, or what arithmetic with variables comes to."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from aespec.diagnostics import AespecError, Diagnostic, Place, Turn, nearest, show
from aespec.rules import TooLarge, UnknownVariable
from aespec.source.expression import LARGEST, Fault, Token, evaluate
from aespec.source.scalar import Scalar
from aespec.source.text import LOST, MAX_CHARACTERS, MAX_NODES, Entry, Node, clipped, doubled, too_many

Value = Scalar | list[Node] | dict[str, Entry]

_USE = re.compile(r"\$\$\{|\$\{([^{}]*)(\}?)")
_ESCAPED, _LITERAL = "$${", "${"
_LITERALLY = f"a literal `{_LITERAL}` is written `{_ESCAPED}`"


class Given(NamedTuple):
    """A name that a `repeat` gives."""

    name: str
    without: str
    """What to do to be without it."""
    stands: set[Place]
    """The places of what it stands for."""
    key: Place | None
    """Of the entry without which the `repeat` is the same; None where it is needed."""


@dataclass(slots=True)
class Tally:
    """What is wrong so far, and how much was made of the text."""

    problems: list[Diagnostic]
    spoilt: set[Place] = field(default_factory=set)
    """The places of what problems spoil, of which nothing more is to be said."""
    used: set[Place] = field(default_factory=set)
    """The places of the values of those variables that something uses."""
    given: dict[Place, Given] = field(default_factory=dict)
    """The names that each `repeat` gives, by their own places."""
    filled: dict[Place, tuple[str, Place]] = field(default_factory=dict)
    """For the place of each use that is all of a value: the variable's name, and where its value stands."""
    characters: int = 0
    values: int = 0

    def add(self, *problems: Diagnostic) -> None:
        """Note problems, whose places they spoil."""
        self.problems += problems
        self.spoilt.update(problem.place for problem in problems if problem.place)

    def read(self, characters: int, place: Place) -> None:
        """Count a text with variables, or one that they make, since a few uses of a long one make much of little.

        Raises:
            AespecError: That is too much.
        """
        self.characters += characters
        if self.characters > MAX_CHARACTERS:
            wanted = f"at most {MAX_CHARACTERS:,} characters"
            raise AespecError(Diagnostic(TooLarge, "variables fill in too much text", place, wanted=wanted))

    def make(self, place: Place) -> None:
        """Count a value.

        Raises:
            AespecError: There are too many.
        """
        self.values += 1
        if self.values > MAX_NODES:
            too_many(place)


@dataclass(frozen=True)
class Frame:
    """What a text can use where it stands, and how it came to stand there."""

    tally: Tally
    variables: Mapping[str, Node] = field(default_factory=dict)
    """By name; their own texts are filled in."""
    declared: Mapping[str, Entry] = field(default_factory=dict)
    """All that `vars` declares, those that cannot be used yet included."""
    unread: bool = False
    """Whether `vars` is no mapping, which is told: what it was meant to declare is not known."""
    turns: tuple[Turn, ...] = ()
    """The turns of `repeat`, as `Place` has them."""
    included_at: Place | None = None
    file: Path | None = None
    """The file that it is of; None for a text that is no file."""
    block: str = ""
    """The list of layers that it is in."""
    chain: tuple[tuple[Path, str], ...] = ()
    """The files, each with its block, that include one another down to this one."""

    def place(self, place: Place) -> Place:
        """The place of what is written there, as it stands in this frame."""
        if not self.turns and self.included_at is None:
            return place
        return Place(place.name, place.line, place.column, place.width, place.text, self.turns, self.included_at)

    def fill(self, text: str, place: Place) -> Value:
        """Replace what is to be filled in; a text that is nothing but one variable takes its value as it is."""
        if _LITERAL not in text:
            return text
        self.tally.read(len(text), place)
        whole = _USE.fullmatch(text)
        if whole and whole[2]:
            used = {name for name in re.findall(r"[^\W\d]\w*", whole[1]) if name in self.variables}
            if len(used) == 1:
                self.tally.filled[place] = whole[1].strip(), self.variables[used.pop()].place
            return self._value(whole, place)
        return _USE.sub(lambda use: self._piece(use, place), text)

    def _piece(self, use: re.Match[str], place: Place) -> str:
        if use[0] == _ESCAPED:
            return _LITERAL
        value = self._value(use, place)
        if isinstance(value, list | dict):
            message = f"`{clipped(use[0])}` is a list, and stands inside a longer text"
            self._tell(_fault(message, use, "let it stand alone"), use, place)
            return ""
        piece = value if isinstance(value, str) else show(value)
        self.tally.read(len(piece), place)
        return piece

    def _value(self, use: re.Match[str], place: Place) -> Value:
        """The value of a use; the use itself, spoilt, where it has none."""
        variable = self.variables.get(use[1].strip())
        try:
            if not use[2]:
                meant = doubled(use.string, use.start())
                help = f"write `${{{meant}}}`" if meant else f"close it with `}}`; {_LITERALLY}"
                raise _fault(f"`{_LITERAL}` is never closed", use, help)
            if variable is None:
                return evaluate(use[1], lambda token: self._number(token, use, place))
            self._use(variable)
            return variable.value
        except _Spoilt:
            self.tally.spoilt.add(place)
        except Fault as fault:
            self._tell(fault, use, place)
        return use[0]

    def _number(self, token: Token, use: re.Match[str], place: Place) -> int:
        """The value of a variable that is computed with."""
        name, variable = token.text, self.variables.get(token.text)
        if variable is None:
            raise self._unknown(token, use, place)
        self._use(variable)
        value = variable.value
        if isinstance(value, int) and not isinstance(value, bool) and abs(value) <= LARGEST:
            return value
        raise Fault(
            f"`{clipped(name)}` cannot be computed with",
            token.start,
            token.end,
            wanted="a whole number, at most 2**63 - 1",
            got="a list" if isinstance(value, list | dict) else show(value),
            help=f"compute with whole numbers{', and write fractions out' * isinstance(value, float)}; "
            f"`${{{clipped(name)}}}` alone takes any value",
        )

    def _use(self, variable: Node) -> None:
        self.tally.used.add(variable.place)
        if variable.place in self.tally.spoilt:
            raise _Spoilt

    def _unknown(self, token: Token, use: re.Match[str], place: Place) -> Exception:
        if self.unread or LOST in self.declared:
            return _Spoilt()
        name, content = token.text.removeprefix("vars."), use[1].strip()
        if any(re.match(rf"{re.escape(name)}\s*:", each) for each in islice(self.declared, 100)):  # without a space
            return _Spoilt()
        some = list(islice(self.variables, 100))  # to look through thousands for each use would take minutes
        dashed = next((each for each in some if "-" in each and each in content), None)
        guess = nearest(name, some) if len(self.tally.problems) < 100 else None
        if token.text != name and name in self.variables:
            what, help = f"unknown variable `{clipped(token.text)}`", f"write `{clipped(name)}`, without `vars.`"
            return Fault(what, token.start, token.end, help=help, rule=UnknownVariable)
        if name in self.declared:
            itself = self.declared[name].node.place == place
            if not itself and (circle := self._circle(name, place)):
                help = "give one of them a value of its own"
                return Fault(circle, token.start, token.end, help=help, rule=UnknownVariable)
            message = f"`{clipped(name)}` is used {'in its own value' if itself else 'before it is defined'}"
            help = "a variable can use those above it in `vars`" + (
                f": move `{clipped(name)}` up" if not itself else ""
            )
            return Fault(message, token.start, token.end, help=help, rule=UnknownVariable)
        if dashed:
            help = f"`{dashed}` is a subtraction in arithmetic: call it `{dashed.replace('-', '_')}`"
        elif guess:
            help = f"did you mean `{f'${{{guess}}}' if name == content else guess}`?"
        elif stated := next(
            (each for each in islice(self.declared, 100) if re.match(rf"{re.escape(name)}\s*=", each)), ""
        ):
            help = f"write `{clipped(name)}: {clipped(stated.partition('=')[2].strip())}` in `vars`, with a colon"
        else:
            new = f"{clipped(name)}: …"
            own = [each for each in some if each in self.declared]
            if own:
                help = f"add `{new}` to `vars`, which has {clipped(', '.join(own), 60)}"
            else:
                help = f"add `{new}` to `vars`, above what uses it" if self.declared else f"add `vars: {{{new}}}`"
            if self.turns and self.turns[0].index is None:
                help += f"; for the number of the turn state `index: {clipped(name)}` in the `repeat`"
            else:
                help += f"; {_LITERALLY}"
        if token.text != name and not guess:
            help = f"write `{clipped(name)}`, without `vars.`, and {help}"
        return Fault(
            f"unknown variable `{clipped(token.text)}`", token.start, token.end, help=help, rule=UnknownVariable
        )

    def _circle(self, name: str, place: Place) -> str | None:
        """What is wrong where the value of a variable leads back to the place that uses it."""
        seen: list[str] = []
        while name in self.declared and name not in seen and len(seen) < 100:
            seen.append(name)
            node = self.declared[name].node
            if node.place == place:
                others = f" and {len(seen) - 3} more" if len(seen) > 3 else ""
                return f"{' and '.join(f'`{clipped(each)}`' for each in sorted(seen)[:3])}{others} stand for each other"
            used = re.search(r"\$\{\s*([^\W\d]\w*)", node.value) if isinstance(node.value, str) else None
            name = used[1] if used else ""
        return None

    def _tell(self, fault: Fault, use: re.Match[str], place: Place) -> None:
        """Note a fault in a use inside ``place``, of all of it where escapes or line breaks hide the use."""
        self.tally.spoilt.add(place)
        start, end = fault.start + len(_LITERAL), fault.end + len(_LITERAL)
        if use[1][fault.start : fault.end] == use[1].strip():
            start, end = 0, len(use[0])
        column = place.text.find(use[0], place.column - 1, place.column - 1 + place.width)
        if column >= 0:
            place = replace(place, column=column + start + 1, width=end - start)
        self.tally.add(Diagnostic(fault.rule, fault.message, place, fault.wanted, fault.got, fault.help))


class _Spoilt(Exception):
    """Of a variable that is used it is known already what is wrong."""


def _fault(message: str, use: re.Match[str], help: str) -> Fault:
    """What is wrong with all of a use."""
    return Fault(message, 0, len(use[1]), help=help, rule=UnknownVariable)
