"""Cuts a text that is meant as JSON into tokens, also where it is none: comments, other quotes, a quote that lacks."""

import re
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass

from aespec.source.lookalikes import SIGNS, SPACES

__all__ = ["Token", "tokens"]


@dataclass(frozen=True, slots=True)
class Token:
    """A stretch of the text."""

    kind: str
    """``sign``, one of ``[]{}:,`` or what looks like it; ``text``, in double quotes; ``word``, without; ``alien``, in
    other quotes; ``open``, a text whose closing quote lacks; ``half``, a word whose opening quote does; ``doubled``, a
    text with a quote too many; ``within``, one with quotes within; ``tuple``, in parentheses; ``comment``; ``space``,
    one that is none of JSON's."""
    text: str
    start: int
    end: int

    @property
    def sign(self) -> str:
        """The sign that it is, or looks like; empty where it is none."""
        return _LIKE.get(self.text, self.text) if self.kind == "sign" else ""


_LIKE = {looks: sign for looks, (written, _) in SIGNS.items() if (sign := written.strip()) in "[]{}:,"}

_QUOTES = "\u2018-\u201f\u00ab\u00bb"

_TOKEN = re.compile(
    rf"""
    [ \t\n\r]+
  | (?P<sign>[\[\]{{}}:,{"".join(_LIKE)}])
  | (?P<text>"(?:[^"\\]|\\[\s\S])*")
  | (?P<open>")
  | (?P<comment>\#[^\n]*|//[^\n]*|/\*[\s\S]*?\*/)
  | (?P<alien>'(?:[^'\\\n]|\\[^\n])*'|[{_QUOTES}][^{_QUOTES}\n]*[{_QUOTES}])
  | (?P<tuple>\([^()\[\]{{}}"\n]*\)|\([-+.,\d \t]*\])
  | (?P<space>[\s{SPACES}])
  | (?P<word>(?:\$\{{[^{{}}"\n]*\}}|[^\s\[\]{{}}:;,"'\#/{SPACES}{"".join(_LIKE)}]|/(?![/*]))+|[\s\S])
    """,
    re.VERBOSE,
)

_SIGN_BEHIND = re.compile(r"[ \t\r]*(?:[:,\]}\n#/]|\Z)")
_DOUBLED = re.compile(r'"{1,2}[^"\n]+"{1,2}(?=[ \t\r]*(?:[:,\]}\n]|\Z))')
_HALF = re.compile(r'(?:\$\{[^{}"\n]*\}|[^"\s\[\]{}:,])+"')
_HALF_PROSE = re.compile(r'(?:\$\{[^{}"\n]*\}|[^"\n\[\]{}])+"(?=[ \t\r]*(?:[,\]}\n]|\Z))')
_QUOTED_WITHIN = re.compile(r'"[^"\\\n]*"(?=[^\W\d])(?:[^"\n]*"[^"\n]*")+?(?=[ \t\r]*(?:[,\]}\n]|\Z))')
_TO_THE_COLON = re.compile(r'"[^"\n:]*(?=:)')
_TO_A_QUOTE = re.compile(r'"[^"\n]*?(?=[][{}:,\s]*(?:"|\n|\Z))')


def tokens(text: str) -> Iterator[Token]:
    """Give the tokens, in order. A text whose quote is never closed goes as far as it seems to be meant.

    >>> [token.text for token in tokens('{"a": "relu, "b": 3}')]
    ['{', '"a"', ':', '"relu', ',', '"b"', ':', '3', '}']
    >>> [(token.kind, token.text) for token in tokens('relu", # why')]
    [('half', 'relu"'), ('sign', ','), ('comment', '# why')]
    >>> [token.kind for token in tokens('"a"": b')]
    ['doubled', 'sign', 'word']
    """
    at, sign, quotes = 0, "", _Quotes(text)
    while at < len(text):
        found = _TOKEN.match(text, at)
        assert found is not None
        kind, end = found.lastgroup, found.end()
        if kind == "text" and (inner := _QUOTED_WITHIN.match(text, at)) and "\n" not in found[0]:
            kind, end = "within", inner.end()
        elif kind == "open" or (kind == "text" and not _is_closed(text, at, end, quotes)):
            doubled = _DOUBLED.match(text, at)
            of_key = _TO_THE_COLON.match(text, at) if sign in ("", "{", ",") else None
            cut = doubled or of_key or _TO_A_QUOTE.match(text, at)
            kind, end = "doubled" if doubled else "open", cut.end() if cut else end
        elif kind == "word":
            half = (_HALF_PROSE.match(text, at) if sign == ":" else None) or _HALF.match(text, at)
            if half and quotes.lack(half.end() - 1):
                kind, end = "half", half.end()
        if kind is not None:
            sign = found[0] if kind == "sign" else ""
            yield Token(kind, text[at:end], at, end)
        at = end


class _Quotes:
    """The quotes of a text, by lines."""

    def __init__(self, text: str) -> None:
        self._text, self._begin, self._end = text, 0, -1
        self._at: list[int] = []

    def lack(self, start: int) -> bool:
        """Whether of the quotes in the rest of a line one stands alone."""
        if not self._begin <= start <= self._end:
            self._begin, end = self._text.rfind("\n", 0, start) + 1, self._text.find("\n", start)
            self._end = end if end >= 0 else len(self._text)
            found = re.compile(r'\\.|"').finditer(self._text, self._begin, self._end)
            self._at = [each.start() for each in found if each[0] == '"']
        return (len(self._at) - bisect_left(self._at, start)) % 2 == 1


def _is_closed(text: str, start: int, end: int, quotes: _Quotes) -> bool:
    """Whether the next quote is the one that closes a text, as what stands behind it tells."""
    last, ends = text.rfind("\n", start, end), bool(_SIGN_BEHIND.match(text, end))
    if last >= 0:
        return ends and quotes.lack(last + 1)
    opens = text[end - 2 : end - 1] in (",", " ") and text[end : end + 1].isalpha()  # the next text
    return ends or not (opens or quotes.lack(start))
