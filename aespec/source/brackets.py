"""What is wrong with brackets, braces and quotes."""

import re

from aespec.diagnostics import Place
from aespec.source.second_colon import joined_key
from aespec.source.text import clipped, doubled
from aespec.source.trouble import (
    ABOVE,
    CLOSING,
    LINE,
    NEAR,
    NO_COLON_AFTER,
    NO_COMMA,
    NO_SPACE_AFTER_COLON,
    OTHER_QUOTE,
    PARENTHESIS,
    SEMICOLON,
    Explanation,
    Trouble,
)


def open_quote(trouble: Trouble) -> Explanation:
    """Of a quote that is open at the end."""
    if trouble.start and (joined := joined_key(trouble, trouble.start[0])):
        return joined
    return _unclosed(trouble.opening)


def _open_in(line: str) -> dict[str, int]:
    """The brackets that are open at the end of a line, and where the last of each is."""
    opened: list[int] = []
    for at, character in enumerate(line):
        if character in CLOSING:
            opened.append(at)
        elif character in "]}" and opened:
            opened.pop()
    return {line[at]: at for at in opened}


def opened_above(trouble: Trouble) -> Explanation | None:
    """The bracket that the line above leaves open."""
    above = re.sub(r"\s#.*", "", trouble.text.lines[trouble.last])
    opened = sorted(_open_in(above).values())
    if not opened or trouble.last == trouble.line:
        return None
    bracket = above[opened[-1]]
    if not above[opened[-1] + 1 :].strip():
        help = "take the dashes away, and put commas between the items; or take the brackets away"
        return trouble.here, f"an item with a dash inside `{bracket}`", help
    place, help = trouble.text.place(trouble.last, opened[-1]), f"write `{CLOSING[bracket]}` after its last item"
    return place, f"the bracket `{bracket}` is never closed", help


def unexpected_colon(trouble: Trouble) -> Explanation:
    """Of a colon in brackets that has no key before it."""
    begin = max(trouble.column - NEAR, 0)
    near = trouble.text.lines[trouble.line][begin : trouble.column + NEAR]
    joined = re.search(r"\b(\w{1,40}):([\[{].*)", near)
    if joined is None:
        return trouble.here, "a `:` that belongs to nothing", "write a space after it, or quote the text"
    rest = re.match(r"[\[{][^\[\]{}]*[\]}]", joined[2])
    written = f"{joined[1]}: {rest[0] if rest else '...'}"
    return trouble.text.place(trouble.line, begin + joined.end(1)), NO_SPACE_AFTER_COLON, f"write `{clipped(written)}`"


def open_bracket(trouble: Trouble) -> Explanation:
    """Of what can neither go on in brackets nor close them."""
    line = trouble.text.lines[trouble.line]
    if "${{" in line and (used := doubled(line, line.index("${{"))):
        return trouble.here, "a variable in two pairs of braces", f"write `${{{used}}}`"
    bracket = trouble.opening.text[trouble.opening.column - 1 : trouble.opening.column] or "["
    closing = CLOSING.get(bracket, "]")
    if trouble.here.line == trouble.opening.line and trouble.character.strip():
        inner = re.search(r"\b(\w+): (\w+): ([^\s,{}\[\]]+)", trouble.text.lines[trouble.line])
        if trouble.character == ":" and inner and ";" not in inner[0]:
            return trouble.here, "a second `: ` in one field", f"write `{inner[1]}: {{{inner[2]}: {inner[3]}}}`"
        if semicolon := re.search(r";[^,;{}\[\]]{0,99}$", f"{trouble.before}{trouble.character}"):
            return trouble.text.place(trouble.line, semicolon.start()), SEMICOLON, "write `,`"
        if trouble.character in "]}" and trouble.character != closing:
            if trouble.before.endswith(trouble.character):
                return trouble.here, f"`{trouble.character}` closes nothing", "remove it"
            if ")" in trouble.before and "(" not in trouble.before:
                return trouble.text.place(trouble.line, trouble.before.rindex(")")), PARENTHESIS, f"write `{closing}`"
            before = " before it" * (trouble.character in [CLOSING[each] for each in _open_in(trouble.before)])
            return trouble.here, f"`{trouble.character}` closes a `{bracket}`", f"write `{closing}`{before}"
        if trouble.character in "[{" and (field := re.search(r"\b(\w{1,40}) ?$", trouble.before[-NEAR:])):
            written = f"{field[1]}: {trouble.character}"
            return trouble.here, f"{NO_COLON_AFTER}`{field[1]}`", f"write `{written}`"
        help = f"put commas between items, and `{closing}` after the last"
        return trouble.here, f"`,` or `{closing}` is missing before this", help
    lines = trouble.text.lines[trouble.opening.line - 1 :]
    rest = "".join(re.sub(r"(^|\s)#.*|\"[^\"]*\"|'[^']*'", "", each) for each in lines if len(each) < LINE)
    closed = sum(map(rest.count, "[{")) == sum(map(rest.count, "]}"))
    if closed and trouble.text.lines[trouble.line].strip() and trouble.here.line != trouble.opening.line:
        return trouble.here, NO_COMMA, "put a comma behind the item before it"
    help = f"write `{closing}` after its last item"
    if trouble.text.lines[trouble.line].strip() and trouble.here.line != trouble.opening.line:
        help += f"; line {trouble.line + 1} does not continue it, unless a comma is missing before it"
    return trouble.opening, f"the bracket `{bracket}` is never closed", help


_TWO_QUOTES = re.compile(r"""[:{,\[-] {0,9}((['"])[\w ./-]{1,99}(?!\2)['"])(?=\s*(?:[,}\]#]|$))""")


def other_quote(trouble: Trouble) -> Explanation | None:
    """Of a quote in a line above that another quote closes."""
    first = max(trouble.line - ABOVE, 0)
    for line, content in enumerate(trouble.text.lines[first : trouble.line + 1], first):
        found = _TWO_QUOTES.search(content) if len(content) < LINE else None
        if found:
            written = f"{found[2]}{found[1][1:-1]}{found[2]}"
            return trouble.text.place(line, found.start(1), len(found[1])), OTHER_QUOTE, f"write `{written}`"
    return None


def opened_before(trouble: Trouble) -> Explanation | None:
    """Of a quote that opens in a line above, and is closed by one that opens another text."""
    closing = re.search(r"""(?:^|[:{,\[-]) {0,9}(["'])$""", trouble.before[-NEAR:])
    if closing is None or trouble.before[:-1].count(closing[1]):
        return None
    for line in range(trouble.line - 1, max(trouble.line - ABOVE, -1), -1):
        above = trouble.text.lines[line]
        if len(above) < LINE and above.count(closing[1]):
            opening = re.search(rf"(?:^|[:{{,\[-]) {{0,9}}{closing[1]}(?=[^{closing[1]}]*$)", above)
            return _unclosed(trouble.text.place(line, opening.end() - 1)) if opening else None
    return None


def _unclosed(place: Place) -> Explanation:
    quote = place.text[place.column - 1 :][:1] or '"'
    return place, f"the quote `{quote}` is never closed", f"end the text with another `{quote}`"
