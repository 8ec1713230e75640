"""Computes what stands in ``${...}``: whole numbers, names, ``+ - * // % **`` and parentheses, as Python means them."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from aespec.diagnostics import Rule
from aespec.rules import BadExpression

LARGEST = 2**63 - 1
"""The largest number, and without its sign the smallest, that is computed with."""

MAX_NESTING = 32
MAX_LENGTH = 1_000


@dataclass(eq=False)
class Fault(Exception):
    """What is wrong with ``text[start:end]``."""

    message: str
    start: int
    end: int
    wanted: str | None = None
    got: str | None = None
    help: str | None = None
    rule: type[Rule] = BadExpression


@dataclass(frozen=True, slots=True)
class Token:
    """A number, a name, an operator or a parenthesis; ``end`` stands behind the last, ``other`` for what is none."""

    kind: str
    text: str
    start: int
    end: int


def evaluate(text: str, value: Callable[[Token], int]) -> int:
    """Compute an expression.

    >>> evaluate("-7 // 2 + width ** 2", lambda name: 10)
    96

    Args:
        text: What stands between the braces.
        value: Gives the number that a name stands for.

    Raises:
        Fault: It is no expression, or has no result that is a whole number within bounds.
    """
    if len(text) > MAX_LENGTH:
        what, wanted = f"arithmetic of {len(text):,} characters", f"at most {MAX_LENGTH:,}"
        raise Fault(what, 0, len(text), wanted, help="compute it in steps, in several `vars`")
    return _Evaluation(_tokens(text), value).whole()


_TOKEN = re.compile(r"(?P<number>[0-9][\w.]*)|(?P<name>[^\W\d][\w.]*)|(?P<sign>\*\*|//|[-+*%()])|(?P<other>\S)")

_LEVELS = {"+": 1, "-": 1, "*": 2, "//": 2, "%": 2}

_WANTED = "whole numbers, names, `+ - * // % **` and parentheses"

_INSTEAD = {
    "/": ("`/` gives fractions", "write `//`, which rounds down"),
    "^": ("`^` is no operator", "write `**` for a power"),
    ":": ("there are no defaults here", "write the name alone, and its value in `vars`"),
    "|": ("there are no filters here", "write the name alone"),
    "[": ("no item can be taken out of a list here", "give the item a variable of its own"),
}


def _tokens(text: str) -> list[Token]:
    found = [Token(str(match.lastgroup), match[0], *match.span()) for match in _TOKEN.finditer(text)]
    return [*found, Token("end", "", len(text), len(text))]


@dataclass(slots=True)
class _Evaluation:
    """Goes through the tokens once and computes on the way; each method takes what it reads."""

    tokens: list[Token]
    value: Callable[[Token], int]
    at: int = 0
    nesting: int = 0

    def whole(self) -> int:
        result = self._operations(1)
        if self._next.text == ")":
            raise self._fault(self.at, "`)` closes nothing", help="remove it, or open it with `(`")
        if self._next.kind != "end":
            what = f"an operator is missing before `{self._next.text}`"
            raise self._fault(self.at, what, help=f"write one of `+ - * // % **` before `{self._next.text}`")
        return result

    @property
    def _next(self) -> Token:
        return self.tokens[self.at]

    def _operations(self, lowest: int) -> int:
        """Operators of this level or a higher one, from left to right."""
        first, left = self.at, self._negation()
        while _LEVELS.get(self._next.text, 0) >= lowest:
            sign = self._take().text
            right = self._operations(_LEVELS[sign] + 1)
            left = self._computed(first, left, sign, right)
        return left

    def _negation(self) -> int:
        if self._next.text != "-":
            return self._power()
        self._take()
        return -self._deeper(self._negation)

    def _power(self) -> int:
        first, base = self.at, self._operand()
        if self._next.text != "**":
            return base
        self._take()
        return self._computed(first, base, "**", self._deeper(self._negation))

    def _operand(self) -> int:
        token, first = self._next, self.at
        if token.kind == "other":
            raise self._no_meaning()
        if token.kind == "end" or token.text == ")" or (token.kind == "sign" and token.text != "("):
            raise self._missing()
        if token.kind == "name" and self.tokens[self.at + 1].text == "/":
            self.value(token)  # of a fraction that is told, not that `//` is meant
        self._take()
        if token.kind == "number":
            return self._number(token)
        if token.kind == "name":
            if self._next.text == "(":
                help = "compute with operators, or write the result into `vars`"
                raise self._fault(first, "there are no functions here", help=help)
            return self.value(token)
        inner = self._deeper(lambda: self._operations(1))
        if self._next.kind == "end":
            raise Fault("`(` is never closed", token.start, token.end, _WANTED, help="write `)` where it ends")
        if self._next.text != ")":
            what = f"an operator or `)` is missing before `{self._next.text}`"
            raise self._fault(self.at, what, help="write one of `+ - * // % **`, or `)`")
        self._take()
        return inner

    def _take(self) -> Token:
        """The next token, which is done with; behind it stands what has a meaning, if anything."""
        self.at += 1
        if self._next.kind == "other":
            raise self._no_meaning()
        return self.tokens[self.at - 1]

    def _deeper(self, read: Callable[[], int]) -> int:
        self.nesting += 1
        if self.nesting > MAX_NESTING:
            what, help = f"operators are nested more than {MAX_NESTING} deep", "compute it in steps, in several `vars`"
            raise self._fault(self.at, what, help=help)
        value = read()
        self.nesting -= 1
        return value

    def _number(self, token: Token) -> int:
        if not re.fullmatch("0|[1-9][0-9]*", token.text):
            what, plain = f"`{token.text[:40]}` is no whole number", token.text.replace("_", "").lstrip("0")[:40]
            help = f"write `{plain}`" if plain.isdecimal() else "only whole numbers are computed with"
            raise Fault(what, token.start, token.end, _WANTED, help=help)
        if len(token.text) > len(str(LARGEST)) or int(token.text) > LARGEST:
            raise self._too_large(self.at - 1, f"a number of {len(token.text):,} digits")
        return int(token.text)

    def _computed(self, first: int, left: int, sign: str, right: int) -> int:
        """The result of an operation, whose tokens are those from ``first`` to here."""
        done = f"{left} {sign} {right}"
        if sign in ("//", "%") and right == 0:
            help = "let what stands behind it be another number"
            raise self._fault(first, f"`{sign}` by zero has no result", "a number other than 0", done, help)
        if sign == "**" and right < 0:
            help = "let what stands behind `**` be 0 or more"
            raise self._fault(first, "a negative power is no whole number", "0 or more behind `**`", done, help)
        # |left| is 2**(bits - 1) at least: what is certainly beyond the bound is not computed.
        if sign == "**" and right * (abs(left).bit_length() - 1) > LARGEST.bit_length():
            raise self._too_large(first, done)
        result = _OPERATORS[sign](left, right)
        if abs(result) > LARGEST:
            raise self._too_large(first, done)
        return result

    def _too_large(self, first: int, got: str) -> Fault:
        wanted = f"at most 2**63 - 1, which is {LARGEST:,}"
        return self._fault(first, "the number is too large", wanted, got, "no model is as large: look for a slip")

    def _missing(self) -> Fault:
        before = self.tokens[self.at - 1] if self.at else None
        if before is None and self._next.kind == "end":
            return Fault("nothing stands in the braces", 0, self._next.end, _WANTED, help="write a name there")
        where, at = (f"after `{before.text}`", self.at - 1) if before else (f"before `{self._next.text}`", self.at)
        return self._fault(at, f"a value is missing {where}", help="write a number or a name there")

    def _no_meaning(self) -> Fault:
        sign = self._next.text
        other = (f"`{sign}` has no meaning here", "compute with `+ - * // % **`, whole numbers and names alone")
        message, help = _INSTEAD.get(sign, other)
        return self._fault(self.at, message, help=help)

    def _fault(
        self, first: int, message: str, wanted: str = _WANTED, got: str | None = None, help: str | None = None
    ) -> Fault:
        """What is wrong with the tokens from ``first`` to the last that was taken; with ``first`` where none was."""
        last = max(self.at - 1, first)
        return Fault(message, self.tokens[first].start, self.tokens[last].end, wanted, got, help)


_OPERATORS: dict[str, Callable[[int, int], int]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "//": lambda a, b: a // b,
    "%": lambda a, b: a % b,
    "**": lambda a, b: int(a**b),
}
