"""Says in plain words what a YAML parser stumbled over, and how such a line is mended."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from itertools import takewhile

from aespec.diagnostics import Diagnostic, Place, Rule, show
from aespec.rules import SyntaxProblem, TooLarge, UnsupportedYaml
from aespec.source.below import fields_at, holds_field, with_fields_below
from aespec.source.items import ITEMS
from aespec.source.lookalikes import lookalike
from aespec.source.text import AT_THE_TOP, Text, assigned, clipped, doubled, used_in


@dataclass(frozen=True)
class _Trouble:
    """Where the parser gave up, and where that construct began; lines and columns from 0."""

    text: Text
    line: int
    column: int
    start: tuple[int, int] | None

    @property
    def before(self) -> str:
        return self.text.lines[self.line][: self.column]

    @property
    def character(self) -> str:
        return self.text.lines[self.line][self.column : self.column + 1]

    @property
    def last(self) -> int:
        """The line before that says something; the line itself where none does."""
        return next((each for each in reversed(range(self.line)) if self.text.lines[each].strip()), self.line)

    @property
    def here(self) -> Place:
        return self.text.place(self.line, self.column)

    @property
    def opening(self) -> Place:
        return self.text.place(*self.start) if self.start else self.here


_CLOSING = {"[": "]", "{": "}"}
_Explanation = tuple[Place, str, str | None]


def explain_syntax(error: Exception, text: Text) -> Diagnostic:
    """Turn a parser's error into a diagnostic."""
    mark, start = getattr(error, "problem_mark", None), getattr(error, "context_mark", None)
    problem = getattr(error, "problem", None) or str(error)
    said = f"{getattr(error, 'context', None) or ''}: {problem}"
    line, column = (mark.line, mark.column) if mark else (0, 0)
    if not any(content.strip() for content in text.lines[line:]):  # the end: show the last line that says anything
        line = max((n for n, content in enumerate(text.lines) if content.strip()), default=0)
        column = len(text.lines[line].rstrip())
    trouble = _Trouble(text, line, column, (start.line, start.column) if start else None)
    for each in dict.fromkeys((trouble.last, line) if re.search(_LATE, said) else (line,)):
        if found := _of_another_language(text, each) or _lookalike(text, each):
            place, message, help = found
            return Diagnostic(SyntaxProblem, message, place, help=help)
    opened = _other_quote(trouble) or _opened_before(trouble) if re.search("expected|quoted", said) else None
    for pattern, explain in _CAUSES:
        if re.search(pattern, said):
            place, message, help = opened or explain(trouble)
            return Diagnostic(_RULES.get(pattern, SyntaxProblem), message, place, help=help)
    return Diagnostic(SyntaxProblem, f"not YAML: {problem}", trouble.here)


_LATE = r"mapping values are not allowed|could not find expected ':'"
"""What parsers say on the line after the one that is wrong."""


def _of_another_language(text: Text, line: int) -> _Explanation | None:
    """What a line is that comes from elsewhere: a fence of Markdown, a conflict of a merge, a comment."""
    content = text.lines[line]
    bare = content.strip()
    place = text.place(line, len(content) - len(content.lstrip()), len(bare))
    if bare.startswith(("```", "~~~")):
        return place, "a fence of Markdown", "remove this line, and the one that closes it"
    if re.match(r"(<{7}|={7}|>{7})(\s|$)", bare):
        help = "keep one side, and remove the lines that begin with `<<<<<<<`, `=======` and `>>>>>>>`"
        return place, "a conflict of a merge is left here", help
    if opener := re.match(r"//+|/\*+|--(?!-)", bare):
        from aespec.registry import known_kind

        said = bare[opener.end() :].removesuffix("*/").strip()
        if opener[0] == "--" and known_kind(said.partition(":")[0], "layer"):
            return place, "an item begins with one dash", f"write `- {clipped(said, _WRITTEN)}`"
        return place, "a comment begins with `#`", f"write `# {clipped(said, _WRITTEN)}`"
    return None


def _lookalike(text: Text, line: int) -> _Explanation | None:
    """A sign in a line that only looks like one of YAML's."""
    found = lookalike(text.lines[line])
    if found is None:
        return None
    return text.place(line, found.column, 1), found.message, f"write `{clipped(found.instead, _WRITTEN)}`"


_NEAR = 200
"""Characters around a place that are looked at."""

_ABOVE = 50
"""Lines above one that are looked at."""

_LINE = 1000
"""Characters of a line that is looked at whole."""

_WRITTEN = 300
"""Characters of a line that is to be written which are shown."""


def _bad_start(trouble: _Trouble) -> _Explanation:
    if trouble.character == "\t":
        return trouble.here, "a tab where YAML wants spaces", "indent with spaces, two a level"
    if trouble.character in ("|", ">"):  # elsewhere it does begin a text
        help = "quote the text on one line, or give the fields lines of their own instead of brackets"
        return trouble.here, f"no text can begin with `{trouble.character}` inside brackets", help
    within = len(re.findall(r"[\[{]", trouble.before)) > len(re.findall(r"[\]}]", trouble.before))
    rest = re.split(r"[,\]}]|:\s" if within else r":\s", trouble.text.lines[trouble.line][trouble.column :])[0]
    help = f"remove it, or quote the text: `'{clipped(rest.strip())}'`"
    return trouble.here, f"no value can begin with `{trouble.character}`", help


def _joined_key(trouble: _Trouble, *lines: int) -> _Explanation | None:
    """Look for ``units:100``, which YAML takes for one word."""
    for line in lines:
        content = trouble.text.lines[line]
        joined = re.match(r"(\s*(?:- +)?)([A-Za-z_][\w-]*):([^\s/].*)", content)
        if joined and (": " not in joined[3] or re.fullmatch(r"\{.*\}|\[.*\]", joined[3].rstrip())):
            place = trouble.text.place(line, joined.end(2))
            rest = re.sub(COLON_WITHOUT_SPACE, ": ", joined[3]) if joined[3][0] in "[{" else joined[3]
            return place, NO_SPACE_AFTER_COLON, f"write `{joined[2]}: {clipped(rest, 100)}`"
    return None


def _second_colon(trouble: _Trouble) -> _Explanation:
    found = next(filter(None, (explain(trouble) for explain in _SECOND)), None)
    if found:
        return found
    key = trouble.before.strip().removeprefix("- ")
    place = trouble.text.place(trouble.line, len(trouble.before) - len(trouble.before.lstrip()), len(key))
    section = "layers" if _in_a_repeat(trouble) else _section(trouble, key)
    if section:
        return place, f"{NO_SECTION}`{clipped(key)}:`", f"write a line `{section}:` before it"
    help = "the line above holds a whole value already: indent this line like its neighbors"
    return place, f"`{clipped(key)}:` cannot follow the line above", help


def _in_a_repeat(trouble: _Trouble) -> bool:
    """Whether a line is an item below the fields of a `repeat` that says how often."""
    above = trouble.text.lines[max(trouble.line - _ABOVE, 0) : trouble.line]
    own = trouble.text.lines[trouble.line]
    beside = [*takewhile(lambda line: not line.strip() or _indent(line) == _indent(above[-1]), reversed(above))]
    around = above[len(above) - len(beside) - 1] if len(beside) < len(above) else ""
    return (
        own.lstrip().startswith("- ")
        and bool(re.match(r"\s*- repeat:\s*$", around))
        and _indent(own) >= _indent(above[-1])
    )


def _section(trouble: _Trouble, key: str) -> str | None:
    """The section of the spec that a line lacks above it, if it is indented below a field of the spec itself."""
    from aespec.faults import inner_models
    from aespec.plan import Section
    from aespec.spec import Spec

    lines, above = trouble.text.lines, trouble.text.lines[trouble.last]
    if trouble.last == trouble.line or not above.startswith(AT_THE_TOP) or key in AT_THE_TOP:
        return None
    sections = ((each, model) for each in Spec.model_fields for model in inner_models(Spec, each))
    found = next((each for each, model in sections if issubclass(model, Section) and key in model.model_fields), None)
    if used_in(trouble.text.text, key):
        found = "vars"
    return found if found and not any(line.startswith(f"{found}:") for line in lines) else None


def _joined_above(trouble: _Trouble) -> _Explanation | None:
    return _joined_key(trouble, *dict.fromkeys((trouble.last, trouble.line)))


def _assigned_above(trouble: _Trouble) -> _Explanation | None:
    above = trouble.text.lines[trouble.last]
    if trouble.last == trouble.line or (field := assigned(above)) is None:
        return None
    place = trouble.text.place(trouble.last, above.index("="), 1)
    return place, "`=` where YAML wants a colon", f"write `{field[0]}: {clipped(field[1], _WRITTEN)}`"


def _fields_behind(trouble: _Trouble) -> _Explanation | None:
    written = _in_braces(trouble.text.lines[trouble.line])
    return (trouble.here, "a second `: ` in one line", f"write `{written}`") if written else None


def no_colon_before(text: Text, line: int) -> _Explanation | None:
    """Of braces behind a name without a colon."""
    found = re.match(r"(\s*(?:- )?)(\w{1,40}) *([\[{].*)", text.lines[line])
    if found is None:
        return None
    written = f"{found[1].strip()} {found[2]}: {found[3]}".strip()
    return text.place(line, found.end(2)), f"{NO_COLON_AFTER}`{found[2]}`", f"write `{clipped(written, _WRITTEN)}`"


def _fields_below(trouble: _Trouble) -> _Explanation | None:
    """Of fields below a kind in a list that lacks its colon."""
    above, line = trouble.text.lines[trouble.last], trouble.text.lines[trouble.line]
    item = re.fullmatch(r"\s*- (\w+)\s*", above)
    if item is None or trouble.last == trouble.line or _indent(line) - _indent(above) not in (2, 4):
        return None
    fields = ", ".join(fields_at(trouble.text.lines, trouble.line))
    place = trouble.text.place(trouble.last, item.start(1), len(item[1]))
    help = f"write `- {item[1]}: {{{clipped(fields, _WRITTEN)}}}`" if fields else f"write `- {item[1]}:`"
    return place, f"`{clipped(item[1])}`{FIELDS_AND_NO_COLON}", help


def _below_a_value(trouble: _Trouble) -> _Explanation | None:
    """Of fields below a value that is complete."""
    lines, line = trouble.text.lines, trouble.line
    if trouble.last == line or _indent(lines[line]) <= _indent(lines[trouble.last]):
        return None
    written = with_fields_below(lines, trouble.last, line)
    return (trouble.text.place(line, _indent(lines[line])), BELOW_VALUE, f"write `{written}`") if written else None


def second_field(line: str) -> str | None:
    """The field of the spec that stands in one line behind another.

    >>> second_field("name: x; input: [3]"), second_field("input: [3]encoder:"), second_field("input: [3]")
    ('input', 'encoder', None)
    """
    found = re.search(rf"^(?: *- )?\w.{{0,{_LINE}}}?(?<![A-Za-z_])({'|'.join(AT_THE_TOP[2:])}):(\s|$)", line)
    return found[1] if found else None


def _two_fields(trouble: _Trouble) -> _Explanation | None:
    field = second_field(trouble.text.lines[trouble.line])
    return (trouble.here, "two fields in one line", f"begin a new line before `{field}:`") if field else None


def _colon_in_text(trouble: _Trouble) -> _Explanation | None:
    key, _, rest = trouble.text.lines[trouble.line].strip().partition(": ")
    rest = rest.strip()
    if key not in ("name", "description") or ": " not in rest or rest[0] in "[{" or {*rest} & {*"\"'#"}:
        return None
    if second_field(trouble.text.lines[trouble.line]) and not re.search(r": +\w+ \w[^:]*$", rest):
        return None  # what is behind it is one value
    return trouble.here, "a second `: ` in one line", f"write `{key}: {show(rest, _WRITTEN)}`"


def _colon_behind(trouble: _Trouble) -> _Explanation | None:
    lines = trouble.text.lines
    last = re.fullmatch(r"(\s*(?:- )?\w+: [\w.+-]+):", lines[trouble.line].rstrip())
    if last is None:
        return None
    below = next((each for each in range(trouble.line + 1, len(lines)) if lines[each].strip()), None)
    deeper = below and _indent(lines[below]) > _indent(lines[trouble.line])
    if below and deeper and (written := with_fields_below(lines, trouble.line, below)):
        return trouble.here, BELOW_VALUE, f"write `{written}`"
    return trouble.here, "a second `:` in one line", f"take it away: `{last[1].strip()}`"


def _nested(trouble: _Trouble) -> _Explanation | None:
    """Of a kind with its fields behind the field that holds it, in one line."""
    word = r"[A-Za-z_]\w*"
    found = re.fullmatch(
        rf"\s*((?:- )?{word}): ({word})(?::? (\{{[^{{}}#]*\}})|: ({word}: )?([\w.+-]+))\s*(?:#.*)?",
        trouble.text.lines[trouble.line],
    )
    if found is None or (found[1] in ("encoder", "decoder") and found[2] != "mirror"):
        return None
    inner = found[3] or (f"{{{found[4]}{found[5]}}}" if found[4] else found[5])
    return trouble.here, "a second `: ` in one line", f"write `{found[1]}: {{{found[2]}: {inner}}}`"


def _two_colons(trouble: _Trouble) -> _Explanation | None:
    if not re.search(r":\s", trouble.before):
        return None
    key, _, rest = trouble.text.lines[trouble.line].strip().partition(": ")
    if key in ("encoder", "decoder"):
        rest = re.sub(r"^-+\s*", "", rest)
        return trouble.here, "a second `: ` in one line", f"write `{key}: [{clipped(rest, _WRITTEN)}]`"
    help = "quote the value if it holds a colon; if it is a mapping, use braces: `a: {b: c}`"
    return trouble.here, "a second `: ` in one line", help


def _no_key_above(trouble: _Trouble) -> _Explanation | None:
    """Of a line above that is a text alone, which does not go on with a key."""
    lines = trouble.text.lines
    above = lines[trouble.last]
    bare, indent = above.strip(), _indent(above)
    if trouble.last == trouble.line or re.search(r":(\s|$)|^\s*- ", above):
        return None
    if joined := joined_dash(trouble.text, trouble.last):
        return joined
    place = trouble.text.place(trouble.last, indent, len(bare))
    what = "this line is neither `key: value` nor `- item`"
    if indent and is_joined(f"-{bare}"):
        return place, what, f"write `- {bare}`, and so each item"
    if _indent(lines[trouble.line]) > indent:
        return place, what, f"write `{clipped(bare, _WRITTEN)}:`"
    outer = (line for line in reversed(lines[: trouble.last]) if line.strip() and _indent(line) < indent)
    if re.search(r":\s+\S", next(outer, "")):  # a text over several lines
        return trouble.here, "a `: ` in a text", "quote all of the text, from its first line to its last"
    return place, what, f"write a colon after its key, or make it a comment: `# {clipped(bare, _WRITTEN)}`"


_SECOND: tuple[Callable[[_Trouble], _Explanation | None], ...] = (
    _below_a_value,
    _joined_above,
    _assigned_above,
    lambda trouble: no_colon_before(trouble.text, trouble.line),
    _fields_behind,
    _fields_below,
    _colon_in_text,
    _two_fields,
    _colon_behind,
    _nested,
    _two_colons,
    _no_key_above,
)
"""Why a second colon may stand in a line, the surest first."""


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _in_braces(line: str) -> str | None:
    """An item with its fields behind it in one line, as it is to be written.

    >>> _in_braces("  - dense: units: 10"), _in_braces("  - dense: 3, activation: relu  # wide")
    ('- dense: {units: 10}', '- dense: {units: 3, activation: relu}')
    """
    from aespec.registry import main_field

    found = re.fullmatch(r"\s*- (\w+):\s+(?:([\w.-]+)\s*,\s*)?(\w+:\s[^{}\[\]\"'#]*)(?:#.*)?", line)
    if found is None:
        return None
    kind, value, fields = found[1], found[2], found[3].rstrip()
    main = main_field(kind) if value else None
    if value and main is None:
        return None
    return f"- {kind}: {{{f'{main}: {value}, ' if value else ''}{fields}}}"


NO_SPACE_AFTER_DASH = "no space after the dash"
FIELD_BESIDE = "a field in the column of the dashes"
NO_FIRST_DASH = "a list begins here, but not with `- `"
NO_DASH = "a list goes on here, but not with `- `"
BELOW_BRACES = "a field below braces that are closed"
SEMICOLON = "`;` where YAML wants a comma"
PARENTHESIS = "`)` where YAML wants a bracket"
BELOW_VALUE = "fields below a value"
FIELDS_AND_NO_COLON = " has fields below it, and no colon"
NO_COMMA = "a comma is missing before this line"
OTHER_QUOTE = "a quote that is closed by another one"
_TWO_QUOTES = re.compile(r"""[:{,\[-] {0,9}((['"])[\w ./-]{1,99}(?!\2)['"])(?=\s*(?:[,}\]#]|$))""")
NO_ITEM = "a field of the spec with a dash"
NO_SECTION = "no section above "
NO_FIELD = "a list that belongs to no field"
COLON_WITHOUT_SPACE = r"(?<=\w):(?=[^\s:/])"
NO_COLON_AFTER = "no colon after "
NO_SPACE_AFTER_COLON = "no space after the colon"


def is_joined(key: str) -> bool:
    """Whether a key is a dash and a layer, between which a space lacks."""
    from aespec.registry import known_kind

    return key.startswith("-") and (key[1:] in ITEMS or known_kind(key[1:], "layer") is not None)


def joined_dash(text: Text, line: int, *, like_others: bool = False) -> _Explanation | None:
    """Where a line is an item such as ``-dense: 8``, which YAML takes for a key; what that is, and what to write."""
    joined = re.match(r"(\s*)(-\w+)(.*)", text.lines[line])
    if joined is None or not (like_others or is_joined(joined[2])):
        return None
    written = clipped(f"- {joined[2][1:]}{joined[3]}".rstrip(), _WRITTEN)
    return text.place(line, joined.end(1), len(joined[2])), NO_SPACE_AFTER_DASH, f"write `{written}`, and so each item"


def _joined_before(trouble: _Trouble) -> _Explanation | None:
    """The first of the items before this one that lacks a space after its dash."""
    lines, found = trouble.text.lines, None
    for line in reversed(range(trouble.line)):
        if lines[line].strip() and _indent(lines[line]) <= _indent(lines[trouble.line]):
            joined = joined_dash(trouble.text, line)
            if joined is None:
                break
            found = joined
    return found


def _undashed_before(trouble: _Trouble) -> _Explanation | None:
    """The first of the layers right before an item that stand in its column without a dash."""
    lines, found = trouble.text.lines, None
    for line in reversed(range(trouble.line)):
        said, depth = lines[line].strip(), _indent(lines[line])
        if said and depth <= _indent(lines[trouble.line]):
            if depth < _indent(lines[trouble.line]) or not is_joined(f"-{said.partition(':')[0]}"):
                break
            found = trouble.text.place(line, depth), NO_FIRST_DASH, f"write `- {clipped(said, _WRITTEN)}`"
    return found


def _no_colon(trouble: _Trouble) -> _Explanation:
    line, column = trouble.start or (trouble.line, trouble.column)
    if joined := _joined_key(trouble, line) or joined_dash(trouble.text, line):
        return joined
    content = trouble.text.lines[line]
    place = trouble.text.place(line, column, len(content.rstrip()) - column)
    if stated := assigned(content):
        what, help = "`=` where YAML wants a colon", f"write `{stated[0]}: {clipped(stated[1], _WRITTEN)}`"
        return trouble.text.place(line, content.index("="), 1), what, help
    if content.strip() in AT_THE_TOP and not content.startswith(" "):
        return place, f"{NO_COLON_AFTER}`{content.strip()}`", f"write `{content.strip()}:`"
    above = next((each for each in reversed(trouble.text.lines[:line]) if each.strip()), "")
    if (field := re.fullmatch(r"(\w{1,40}):\s*", above)) and re.fullmatch(r"[\w.-]+|\[.*\]", content.strip()):
        what = f"the value of `{field[1]}` begins in the column of its name"
        return place, what, f"write `{field[1]}: {clipped(content.strip(), _WRITTEN)}`"
    return place, "this line is neither `key: value` nor `- item`", "write a colon and a space after the key"


def _open_quote(trouble: _Trouble) -> _Explanation:
    if trouble.start and (joined := _joined_key(trouble, trouble.start[0])):
        return joined
    return _unclosed(trouble.opening)


def _open_in(line: str) -> dict[str, int]:
    """The brackets that are open at the end of a line, and where the last of each is."""
    opened: list[int] = []
    for at, character in enumerate(line):
        if character in _CLOSING:
            opened.append(at)
        elif character in "]}" and opened:
            opened.pop()
    return {line[at]: at for at in opened}


def _opened_above(trouble: _Trouble) -> _Explanation | None:
    """The bracket that the line above leaves open."""
    above = re.sub(r"\s#.*", "", trouble.text.lines[trouble.last])
    opened = sorted(_open_in(above).values())
    if not opened or trouble.last == trouble.line:
        return None
    bracket = above[opened[-1]]
    if not above[opened[-1] + 1 :].strip():
        help = "take the dashes away, and put commas between the items; or take the brackets away"
        return trouble.here, f"an item with a dash inside `{bracket}`", help
    place, help = trouble.text.place(trouble.last, opened[-1]), f"write `{_CLOSING[bracket]}` after its last item"
    return place, f"the bracket `{bracket}` is never closed", help


def _unexpected_colon(trouble: _Trouble) -> _Explanation:
    begin = max(trouble.column - _NEAR, 0)
    near = trouble.text.lines[trouble.line][begin : trouble.column + _NEAR]
    joined = re.search(r"\b(\w{1,40}):([\[{].*)", near)
    if joined is None:
        return trouble.here, "a `:` that belongs to nothing", "write a space after it, or quote the text"
    rest = re.match(r"[\[{][^\[\]{}]*[\]}]", joined[2])
    written = f"{joined[1]}: {rest[0] if rest else '...'}"
    return trouble.text.place(trouble.line, begin + joined.end(1)), NO_SPACE_AFTER_COLON, f"write `{clipped(written)}`"


def _open_bracket(trouble: _Trouble) -> _Explanation:
    line = trouble.text.lines[trouble.line]
    if "${{" in line and (used := doubled(line, line.index("${{"))):
        return trouble.here, "a variable in two pairs of braces", f"write `${{{used}}}`"
    bracket = trouble.opening.text[trouble.opening.column - 1 : trouble.opening.column] or "["
    closing = _CLOSING.get(bracket, "]")
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
            before = " before it" * (trouble.character in [_CLOSING[each] for each in _open_in(trouble.before)])
            return trouble.here, f"`{trouble.character}` closes a `{bracket}`", f"write `{closing}`{before}"
        if trouble.character in "[{" and (field := re.search(r"\b(\w{1,40}) ?$", trouble.before[-_NEAR:])):
            written = f"{field[1]}: {trouble.character}"
            return trouble.here, f"{NO_COLON_AFTER}`{field[1]}`", f"write `{written}`"
        help = f"put commas between items, and `{closing}` after the last"
        return trouble.here, f"`,` or `{closing}` is missing before this", help
    lines = trouble.text.lines[trouble.opening.line - 1 :]
    rest = "".join(re.sub(r"(^|\s)#.*|\"[^\"]*\"|'[^']*'", "", each) for each in lines if len(each) < _LINE)
    closed = sum(map(rest.count, "[{")) == sum(map(rest.count, "]}"))
    if closed and trouble.text.lines[trouble.line].strip() and trouble.here.line != trouble.opening.line:
        return trouble.here, NO_COMMA, "put a comma behind the item before it"
    help = f"write `{closing}` after its last item"
    if trouble.text.lines[trouble.line].strip() and trouble.here.line != trouble.opening.line:
        help += f"; line {trouble.line + 1} does not continue it, unless a comma is missing before it"
    return trouble.opening, f"the bracket `{bracket}` is never closed", help


def _no_key(trouble: _Trouble) -> _Explanation:
    if trouble.character and trouble.character in "]}":
        return trouble.here, f"`{trouble.character}` closes nothing", "remove it, or open it earlier in the line"
    if trouble.before.strip(" -"):
        if two := _two_fields(trouble):
            return two
        rest = trouble.text.lines[trouble.line][trouble.column :].strip()
        what, help = "text after a value that is already complete", "quote the whole value"
        if trouble.before.rstrip().endswith("}") and re.fullmatch(r",\s*\w+: [^{}\[\]#]+", rest):
            help = f"write `{trouble.before.strip()[:-1]}{clipped(rest, _WRITTEN)}}}`"
        if rest in (",", ";"):
            help = f"remove the `{rest}`"
        elif quoted := re.search(r"""(?:^|[:-]) {1,9}(["'])""", trouble.before[-_NEAR:]):
            other = "'" if quoted[1] == '"' else '"'
            what, help = "a quote within a text", f"quote the whole text with `{other}`, or write that quote twice"
            if quoted[1] == '"':
                help = "quote the whole text with `'`, or write `\\\"` for a quote in it"
        return trouble.here, what, help
    if trouble.character == "-" and (before := _joined_before(trouble) or _undashed_before(trouble)):
        return before
    above = trouble.text.lines[trouble.last]
    item = re.match(r"- (\w+):", trouble.text.lines[trouble.line])
    if trouble.character == "-" and item and item[1] in AT_THE_TOP[2:]:
        return trouble.here, NO_ITEM, f"take the dash away: `{item[1]}` is a field of the spec"
    if trouble.character == "-" and _in_a_repeat(trouble):
        return trouble.here, f"{NO_SECTION}this item", "write a line `layers:` before it"
    if trouble.character == "-" and trouble.last != trouble.line and re.match(r"\w+: +[^\s#]", above):
        lacking = [each for each in ("encoder", "decoder") if not any(map(re.compile(each).match, trouble.text.lines))]
        help = "write a line with the name of its field before it"
        if lacking:
            help = f"write a line `{lacking[0]}:` before it, or the name of the field that it is"
        return trouble.here, NO_FIELD, help
    key = re.match(r"\s*(\w+):", trouble.text.lines[trouble.line])
    if below := _below_a_value(trouble):
        return below
    if key and key[1] in AT_THE_TOP[2:]:
        what, help = "this indentation fits no line above", f"take its indentation away: `{key[1]}` stands at the top"
        return trouble.here, what, help
    if key and (section := _section(trouble, key[1])):
        return trouble.here, f"{NO_SECTION}`{key[1]}:`", f"write a line `{section}:` before it"
    return _below_braces(trouble) or _in_one_column(trouble)


def _below_braces(trouble: _Trouble) -> _Explanation | None:
    """Of fields below braces that are closed."""
    above, own = trouble.text.lines[trouble.last].rstrip(), trouble.text.lines[trouble.line]
    closed = re.fullmatch(r"\s*(- )?\w+: \{[^#]+\}", above) and re.match(r"\s*\w+:", own)
    if trouble.last == trouble.line or not closed or _indent(own) - _indent(above) < 2:
        return None
    fields = takewhile(lambda line: _indent(line) == _indent(own), trouble.text.lines[trouble.line :])
    written = ", ".join([above[:-1].strip(), *(line.partition(" #")[0].strip() for line in fields)])
    return trouble.here, BELOW_BRACES, f"write `{clipped(written, _WRITTEN)}}}`"


def _in_one_column(trouble: _Trouble) -> _Explanation:
    """Of a line that begins in another column than those above; where only one is near, in which it is to begin."""
    own, is_item = trouble.text.lines[trouble.line], trouble.character == "-"
    key = re.match(r"\s*(\w+):", own)
    near = [line for line in reversed(trouble.text.shown[: trouble.line]) if line.strip()][:_ABOVE]
    alike = [line for line in near if line.lstrip().startswith("- ") == is_item]
    columns = dict.fromkeys(_indent(line) for line in alike if abs(_indent(line) - _indent(own)) == 1)
    fitting = [column for column in columns if key and holds_field(near, column, key[1])] or [*columns]
    beside = next((line for line in alike if len(fitting) == 1 and _indent(line) == fitting[0]), "")
    where = f": in column {_indent(beside) + 1}, as `{clipped(beside.strip())}` does" if beside else ""
    what = "items of one list" if is_item else "keys of one mapping"
    return trouble.here, "this indentation fits no line above", f"let the {what} begin in one column{where}"


def _other_quote(trouble: _Trouble) -> _Explanation | None:
    """Of a quote in a line above that another quote closes."""
    first = max(trouble.line - _ABOVE, 0)
    for line, content in enumerate(trouble.text.lines[first : trouble.line + 1], first):
        found = _TWO_QUOTES.search(content) if len(content) < _LINE else None
        if found:
            written = f"{found[2]}{found[1][1:-1]}{found[2]}"
            return trouble.text.place(line, found.start(1), len(found[1])), OTHER_QUOTE, f"write `{written}`"
    return None


def _opened_before(trouble: _Trouble) -> _Explanation | None:
    """Of a quote that opens in a line above, and is closed by one that opens another text."""
    closing = re.search(r"""(?:^|[:{,\[-]) {0,9}(["'])$""", trouble.before[-_NEAR:])
    if closing is None or trouble.before[:-1].count(closing[1]):
        return None
    for line in range(trouble.line - 1, max(trouble.line - _ABOVE, -1), -1):
        above = trouble.text.lines[line]
        if len(above) < _LINE and above.count(closing[1]):
            opening = re.search(rf"(?:^|[:{{,\[-]) {{0,9}}{closing[1]}(?=[^{closing[1]}]*$)", above)
            return _unclosed(trouble.text.place(line, opening.end() - 1)) if opening else None
    return None


def _unclosed(place: Place) -> _Explanation:
    quote = place.text[place.column - 1 :][:1] or '"'
    return place, f"the quote `{quote}` is never closed", f"end the text with another `{quote}`"


def _no_dash(trouble: _Trouble) -> _Explanation:
    if joined := joined_dash(trouble.text, trouble.line):
        return joined
    key = re.match(r"\s*(\w+):", trouble.text.lines[trouble.line])
    if key and key[1] in AT_THE_TOP and not trouble.before.strip():
        what, help = f"`{key[1]}` in a list of layers", f"take its indentation away: `{key[1]}` stands at the top"
        if not trouble.before:
            what, help = f"`{key[1]}` in a list", "take the dashes before the fields of the spec away"
        return trouble.here, what, help
    if trouble.before.strip(" -") or (trouble.character and trouble.character in "]}"):
        return _no_key(trouble)
    if key and key[1] == "mirror" and not any(line.startswith("decoder:") for line in trouble.text.lines):
        return trouble.here, f"{NO_SECTION}`mirror:`", "write a line `decoder:` before it"
    column = _indent(trouble.text.lines[trouble.line])
    items = (line for line in reversed(trouble.text.lines[: trouble.line]) if _indent(line) <= column and line.strip())
    above = re.fullmatch(r"\s*- (\w+):\s*", next(items, ""))
    if key and above and trouble.last != trouble.line and not is_joined(f"-{key[1]}"):
        return trouble.here, FIELD_BESIDE, f"indent it four columns more: it is a field of `{clipped(above[1])}`"
    if key and (below := _below_a_value(trouble)):
        return below
    if trouble.character == "-" and trouble.start:
        first = trouble.start[1] + 1
        if first == trouble.column + 1:
            written = trouble.text.lines[trouble.line].strip()[1:].strip()
            return trouble.here, NO_SPACE_AFTER_DASH, f"write `- {clipped(written, _WRITTEN)}`, and so each item"
        what = f"this item begins in column {trouble.column + 1}, the first of its list in column {first}"
        return trouble.here, what, f"begin it in column {first}"
    if key and trouble.start and re.fullmatch(r"\s*input:\s*", trouble.text.lines[trouble.start[0] - 1]):
        help = f"for more than a shape write `input: {{shape: [...], {key[1]}: ...}}`"
        return trouble.here, "a field in a list", help
    own = trouble.text.lines[trouble.line].strip()
    layer = key and is_joined(f"-{key[1]}")
    help = f"write `- {clipped(own, _WRITTEN)}`" if layer else "begin each item with `- `, in one column"
    return trouble.here, NO_DASH, help


def _no_value(trouble: _Trouble) -> _Explanation:
    if trouble.character == "-" and not trouble.before.strip() and (opened := _opened_above(trouble)):
        return opened
    last = trouble.before.rstrip()[-1:]
    if last and last in "[{" and not trouble.character.strip():
        place = trouble.text.place(trouble.line, len(trouble.before.rstrip()) - 1)
        return place, f"the bracket `{last}` is never closed", f"write `{_CLOSING[last]}` after its last item"
    if not trouble.character.strip():
        return trouble.here, "a value is missing here", "write it, or close the bracket"
    return trouble.here, f"`{trouble.character}` where a value should begin", "remove it, or quote the text"


def _no_anchor(trouble: _Trouble) -> _Explanation:
    item = re.match(r"\s*\*\s+(.*\S)", trouble.opening.text)
    help = (
        f"an item begins with `- `: write `- {clipped(item[1], _WRITTEN)}`" if item else "quote the value if it is text"
    )
    return trouble.opening, "`&` and `*` mark and repeat a value, and need a name", help


def _says(message: str, help: str | None, at_start: bool = False) -> Callable[[_Trouble], _Explanation]:
    return lambda trouble: (trouble.opening if at_start else trouble.here, message, help)


# What PyYAML's two parsers say, and its cause; the first that is found in "context: problem" decides.
_CAUSES: tuple[tuple[str, Callable[[_Trouble], _Explanation]], ...] = (
    (r"cannot start any token", _bad_start),
    (r"tab character", _says("a tab where YAML wants spaces", "indent with spaces, two a level")),
    (r"mapping values are not allowed", _second_colon),
    (r"could not find expected ':'", _no_colon),
    (r"quoted scalar: found unexpected (end of stream|document)", _open_quote),
    (
        r"escape|hexdecimal|hexadecimal|invalid Unicode|chr\(\)|too large",
        _says(
            "an escape that YAML does not know",
            "in double quotes write a backslash as `\\\\`, or use single quotes",
        ),
    ),
    (r"expected ',' or", _open_bracket),
    (r"found unexpected ':'", _unexpected_colon),
    (
        r"sequence entries are not allowed",
        _says("a list cannot begin on its key's line", "put `- ` on the next line, or write `[a, b]`"),
    ),
    (r"mapping keys are not allowed", _says("`?` cannot begin a value", "quote it")),
    (r"block collection: .*expected", _no_dash),
    (r"block mapping: .*expected|expected '?<document start>", _no_key),
    (r"expected (the )?node content", _no_value),
    (r"(anchor|alias): .*expected", _no_anchor),
    (
        r"scanning a block scalar",
        _says("nothing can follow `|` or `>` on its line", "begin the text on the next line, or quote it"),
    ),
    (
        r"incompatible YAML|directive",
        _says("a directive that a spec cannot have", "remove the line that begins with `%`"),
    ),
    (r"tag", _says("a tag, which a spec cannot have", "leave it out, or quote the value", True)),
    (r"nesting depth", _says("values are nested too deep", "look for brackets that open again and again")),
)

# The rules of those causes that are no mistake in YAML as such.
_RULES: dict[str, type[Rule]] = {
    r"incompatible YAML|directive": UnsupportedYaml,
    r"tag": UnsupportedYaml,
    r"nesting depth": TooLarge,
}
