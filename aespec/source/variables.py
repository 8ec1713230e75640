"""Fills ``${name}`` in from the spec's ``vars:``."""

import re
from itertools import islice

from aespec.diagnostics import AespecError, Diagnostic, Place, nearest, show
from aespec.rules import TooLarge, UnknownVariable, WrongValue
from aespec.source.scalar import Scalar
from aespec.source.text import MAX_CHARACTERS, Entry, Node, clipped

Value = Scalar | list[Node] | dict[str, Entry]

_USE = re.compile(r"\$\$\{|\$\{([^{}]*)(\}?)")
_ESCAPED, _LITERAL = "$${", "${"


class Variables:
    """The ``vars:`` of a spec, and the three ways in which a text can meet them: fill, define, literal."""

    def __init__(self, node: Node | None, problems: list[Diagnostic]) -> None:
        self._problems = problems
        self._values: dict[str, Node] = {}
        self._uses: set[tuple[Place, Place]] = set()  # the place of a text, and of a variable that is used in it
        self._spoilt: set[Place] = set()
        self._made = 0
        if node is None or node.value is None:
            return
        if not isinstance(node.value, dict):
            problems.append(_wrong("`vars` is not a mapping", node, "names with their values"))
            return
        for name, (_, variable) in node.value.items():
            if isinstance(variable.value, dict):
                problems.append(_wrong(f"the variable `{clipped(name)}` is a mapping", variable, "a scalar or a list"))
            value = variable.value
            value = value.replace(_ESCAPED, _LITERAL) if isinstance(value, str) else value
            self._values[name] = Node(value, variable.place)

    def fill(self, text: str, place: Place) -> Value:
        """Replace the variables in ``text``; a text that is nothing but one takes the variable's own value."""
        if "${" not in text:
            return text
        whole = _USE.fullmatch(text)
        if whole and whole[2]:
            return self._value(whole, place)
        filled = _USE.sub(lambda use: self._piece(use, place), text)
        self._spend(len(filled), place)
        return filled

    def define(self, text: str, place: Place) -> Value:
        """Read a text inside ``vars``, which cannot use variables itself."""
        for use in _USE.finditer(text):
            if use[0] != _ESCAPED:
                self._problem("a variable cannot refer to another", use, place, f"write its value out, or `{_ESCAPED}`")
        return self.literal(text, place)

    def literal(self, text: str, place: Place) -> Value:
        """Read a text that came out of a variable."""
        if _ESCAPED in text:
            self._spend(len(text), place)
        return text.replace(_ESCAPED, _LITERAL)

    def spoilt(self) -> set[Place]:
        """Give the places of values that the problems so far spoil, and of those that such a variable is used in."""
        places = self._spoilt | {problem.place for problem in self._problems if problem.place}
        return places | {use for use, variable in self._uses if variable in places}

    def _spend(self, characters: int, place: Place) -> None:
        """Count the text that is made, since a few uses of a long variable make much of little."""
        self._made += characters
        if self._made > MAX_CHARACTERS:
            wanted = f"at most {MAX_CHARACTERS:,} characters"
            raise AespecError(Diagnostic(TooLarge, "variables fill in too much text", place, wanted=wanted))

    def _piece(self, use: re.Match[str], place: Place) -> str:
        if use[0] == _ESCAPED:
            return _LITERAL
        value = self._value(use, place)
        if isinstance(value, list | dict):
            self._problem(
                f"`{clipped(use[0])}` is a list, and stands inside a longer text", use, place, "let it stand alone"
            )
            return ""
        piece = value if isinstance(value, str) else show(value)
        self._spend(len(piece), place)
        return piece

    def _value(self, use: re.Match[str], place: Place) -> Value:
        name = use[1]
        if not use[2]:
            self._problem(f"`{_LITERAL}` is never closed", use, place, f"close it with `}}`, or write `{_ESCAPED}`")
        elif name in self._values:
            variable = self._values[name]
            self._uses.add((place, variable.place))
            return variable.value
        else:
            some = list(islice(self._values, 100))  # to look through thousands for each use would take minutes
            guess = nearest(name, some) if len(self._problems) < 100 else None
            known = clipped(f"`vars` has {', '.join(some)}", 80) if some else "the spec has no `vars:`"
            help = f"did you mean `${{{guess}}}`?" if guess else f"{known}; write `{_ESCAPED}` for the characters"
            self._problem(f"unknown variable `{clipped(name)}`", use, place, help)
        return use[0]

    def _problem(self, message: str, use: re.Match[str], place: Place, help: str) -> None:
        """Note a problem at the use inside ``place``, or at all of it where escapes or line breaks hide the use."""
        self._spoilt.add(place)
        column = place.text.find(use[0], place.column - 1, place.column - 1 + place.width)
        if column >= 0:
            place = Place(place.name, place.line, column + 1, len(use[0]), place.text)
        self._problems.append(Diagnostic(UnknownVariable, message, place, help=help))


def _wrong(message: str, node: Node, wanted: str) -> Diagnostic:
    return Diagnostic(WrongValue, message, node.place, wanted=wanted, help="write it like `vars: {width: 64}`")
