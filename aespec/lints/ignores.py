"""Comments that silence lints: ``# aespec: ignore[W201]`` for a line, ``# aespec: ignore-file[W201]`` for all."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from aespec.diagnostics import Diagnostic, Place, nearest
from aespec.fixes import BOM, Edit, line_break, plain
from aespec.source.file import is_json
from aespec.source.text import Text
from aespec.source.yaml_text import BREAKS

__all__ = ["Ignore", "ignores"]

MARK = "aespec:"
"""What a comment begins with, in any case, that silences warnings."""

ELSEWHERE = ("noqa", "disable", "allow", "skip", "nolint")
"""What other linters call it."""


@dataclass(frozen=True)
class Ignore:
    """One code in such a comment."""

    code: str
    place: Place
    """Of the code, or of all of a comment that cannot be read."""
    line: int | None
    """The line that it is about; None for the whole file."""
    without: Edit
    """What takes it out of the text."""

    def silences(self, problem: Diagnostic) -> bool:
        """Whether it is about that problem, which may lie in a file that is included where it stands."""
        return problem.rule.code == self.code and any(
            place.name == self.place.name and self.line in (place.line, None) for place in _way_to(problem.place)
        )


def _way_to(place: Place | None) -> Iterator[Place]:
    """A place, and those of the inclusions on the way to it."""
    while place:
        yield place
        place = place.included_at


def ignores(content: str, name: str) -> Iterator[Ignore | Place]:
    """The codes in the comments of a file, and the places of comments that are meant so and cannot be read."""
    if is_json(name) or MARK not in content.lower():
        return
    text = Text(content.removeprefix(BOM), name, BREAKS)
    for first, end in _comments(text.text):
        # After a reason there may be a second sign, as in `# as measured  # aespec: ignore[W201]`.
        marked = re.search(rf"(?:^|(?<=\s))#+\s*(?i:{MARK})", text.text[first:end])
        start = first + marked.start() if marked else first
        said = re.match(rf"#+\s*(?i:{MARK})\s*([\w-]*)\s*(\[([^\]]*)\])?", text.text[start:end])
        if said is None:
            continue
        word = said[1].lower()
        if word not in ("ignore", "ignore-file") or not (said[3] or "").strip():
            if word in ELSEWHERE or nearest(word, ["ignore", "ignore-file"]):
                yield text.place_at(start, start + said.end())
            continue
        line = None if word == "ignore-file" else _line_meant(text, text.place_at(first, end))
        codes = list(re.finditer(r"[^,\s]+", said[3]))
        for code in codes:
            at = start + said.start(3)
            yield Ignore(
                code[0],
                text.place_at(at + code.start(), at + code.end()),
                line,
                _without(text.text, (start, end), at, codes, code),
            )


def _comments(text: str) -> Iterator[tuple[int, int]]:
    """Where the comments of a YAML text are: between its tokens there is nothing else but white space."""
    import yaml

    end = 0
    for token in yaml.scan(plain(text), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
        for comment in re.compile(r"#[^\r\n\x85\u2028\u2029]*").finditer(text, end, token.start_mark.index):
            yield comment.span()
        end = max(end, token.end_mark.index)


def _line_meant(text: Text, place: Place) -> int:
    """The line of a comment, or the next that is more than a comment where it stands alone."""
    if place.text[: place.column - 1].strip():
        return place.line
    below = enumerate(text.lines[place.line :], place.line + 1)
    return next((n for n, line in below if line.strip() and not line.lstrip().startswith("#")), place.line)


def _without(text: str, comment: tuple[int, int], at: int, codes: list[re.Match[str]], code: re.Match[str]) -> Edit:
    """What takes a code out of a comment: with one comma, with the comment, or with the comment's line."""
    if len(codes) > 1:
        i = codes.index(code)
        first, last = (codes[i - 1].end(), code.end()) if i else (code.start(), codes[1].start())
        return Edit(at + first, at + last, "")
    start, end = len(text[: comment[0]].rstrip(" \t")), comment[1]
    alone = start == 0 or text[start - 1] in "\r\n"
    return Edit(start, end + len(line_break(text)) if alone else end, "")
