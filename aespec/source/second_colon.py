"""Why a second colon may stand in a line, or a colon where none can: what was meant, and how that is written."""

import re
from collections.abc import Callable
from itertools import takewhile

from aespec.diagnostics import show
from aespec.source.below import fields_at, holds_field, with_fields_below
from aespec.source.text import AT_THE_TOP, Text, assigned, clipped, indent_of, used_in
from aespec.source.trouble import (
    ABOVE,
    BELOW_VALUE,
    COLON_WITHOUT_SPACE,
    FIELDS_AND_NO_COLON,
    LINE,
    NO_COLON_AFTER,
    NO_SECTION,
    NO_SPACE_AFTER_COLON,
    NOT_INDENTED,
    WRITTEN,
    Explanation,
    Trouble,
    is_joined,
    joined_dash,
)


def joined_key(trouble: Trouble, *lines: int) -> Explanation | None:
    """Look for ``units:100``, which YAML takes for one word."""
    for line in lines:
        content = trouble.text.lines[line]
        joined = re.match(r"(\s*(?:- +)?)([A-Za-z_][\w-]*):([^\s/].*)", content)
        if joined and (": " not in joined[3] or re.fullmatch(r"\{.*\}|\[.*\]", joined[3].rstrip())):
            place = trouble.text.place(line, joined.end(2))
            rest = re.sub(COLON_WITHOUT_SPACE, ": ", joined[3]) if joined[3][0] in "[{" else joined[3]
            return place, NO_SPACE_AFTER_COLON, f"write `{joined[2]}: {clipped(rest, 100)}`"
    return None


def second_colon(trouble: Trouble) -> Explanation:
    """Of a colon that stands where a value is complete."""
    found = next(filter(None, (explain(trouble) for explain in _SECOND)), None)
    if found:
        return found
    key = trouble.before.strip().removeprefix("- ")
    place = trouble.text.place(trouble.line, len(trouble.before) - len(trouble.before.lstrip()), len(key))
    section = "layers" if in_a_repeat(trouble) else section_lacking(trouble, key)
    if section:
        return place, f"{NO_SECTION}`{clipped(key)}:`", f"write a line `{section}:` before it"
    help = "the line above holds a whole value already: indent this line like its neighbors"
    return place, f"`{clipped(key)}:` cannot follow the line above", help


def in_a_repeat(trouble: Trouble) -> bool:
    """Whether a line is an item below the fields of a `repeat` that says how often."""
    above = trouble.text.lines[max(trouble.line - ABOVE, 0) : trouble.line]
    own = trouble.text.lines[trouble.line]
    beside = [*takewhile(lambda line: not line.strip() or indent_of(line) == indent_of(above[-1]), reversed(above))]
    around = above[len(above) - len(beside) - 1] if len(beside) < len(above) else ""
    return (
        own.lstrip().startswith("- ")
        and bool(re.match(r"\s*- repeat:\s*$", around))
        and indent_of(own) >= indent_of(above[-1])
    )


def section_lacking(trouble: Trouble, key: str) -> str | None:
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


def _joined_above(trouble: Trouble) -> Explanation | None:
    return joined_key(trouble, *dict.fromkeys((trouble.last, trouble.line)))


def _assigned_above(trouble: Trouble) -> Explanation | None:
    above = trouble.text.lines[trouble.last]
    if trouble.last == trouble.line or (field := assigned(above)) is None:
        return None
    place = trouble.text.place(trouble.last, above.index("="), 1)
    return place, "`=` where YAML wants a colon", f"write `{field[0]}: {clipped(field[1], WRITTEN)}`"


def _fields_behind(trouble: Trouble) -> Explanation | None:
    written = _in_braces(trouble.text.lines[trouble.line])
    return (trouble.here, "a second `: ` in one line", f"write `{written}`") if written else None


def no_colon_before(text: Text, line: int) -> Explanation | None:
    """Of braces behind a name without a colon."""
    found = re.match(r"(\s*(?:- )?)(\w{1,40}) *([\[{].*)", text.lines[line])
    if found is None:
        return None
    written = f"{found[1].strip()} {found[2]}: {found[3]}".strip()
    return text.place(line, found.end(2)), f"{NO_COLON_AFTER}`{found[2]}`", f"write `{clipped(written, WRITTEN)}`"


def not_indented(trouble: Trouble) -> Explanation | None:
    """Of the first field of a section that begins in the column of its name, before others that do not."""
    lines = trouble.text.lines
    above = [line for line in lines[max(trouble.last - ABOVE, 0) : trouble.last] if line.strip()][-1:]
    first, own = lines[trouble.last], lines[trouble.line]
    names = [found[1] for line in (first, own) if (found := re.match(r"\s*(\w+):", line))]
    if not above or len(names) < 2 or not indent_of(own) > indent_of(first) == indent_of(above[0]):
        return None
    if not re.fullmatch(r"\s*\w+:\s*", above[0]) or not all(holds_field(above, len(above[0]), name) for name in names):
        return None
    place = trouble.text.place(trouble.last, indent_of(first), len(names[0]))
    return place, NOT_INDENTED, "indent it like the line below it"


def _fields_below(trouble: Trouble) -> Explanation | None:
    """Of fields below a kind in a list that lacks its colon."""
    above, line = trouble.text.lines[trouble.last], trouble.text.lines[trouble.line]
    item = re.fullmatch(r"\s*- (\w+)\s*", above)
    if item is None or trouble.last == trouble.line or indent_of(line) - indent_of(above) not in (2, 4):
        return None
    fields = ", ".join(fields_at(trouble.text.lines, trouble.line))
    place = trouble.text.place(trouble.last, item.start(1), len(item[1]))
    help = f"write `- {item[1]}: {{{clipped(fields, WRITTEN)}}}`" if fields else f"write `- {item[1]}:`"
    return place, f"`{clipped(item[1])}`{FIELDS_AND_NO_COLON}", help


def below_a_value(trouble: Trouble) -> Explanation | None:
    """Of fields below a value that is complete."""
    lines, line = trouble.text.lines, trouble.line
    if trouble.last == line or indent_of(lines[line]) <= indent_of(lines[trouble.last]):
        return None
    written = with_fields_below(lines, trouble.last, line)
    return (trouble.text.place(line, indent_of(lines[line])), BELOW_VALUE, f"write `{written}`") if written else None


def second_field(line: str) -> str | None:
    """The field of the spec that stands in one line behind another.

    >>> second_field("name: x; input: [3]"), second_field("input: [3]encoder:"), second_field("input: [3]")
    ('input', 'encoder', None)
    """
    found = re.search(rf"^(?: *- )?\w.{{0,{LINE}}}?(?<![A-Za-z_])({'|'.join(AT_THE_TOP[2:])}):(\s|$)", line)
    return found[1] if found else None


def two_fields(trouble: Trouble) -> Explanation | None:
    """Of a field of the spec behind another in one line."""
    field = second_field(trouble.text.lines[trouble.line])
    return (trouble.here, "two fields in one line", f"begin a new line before `{field}:`") if field else None


def _colon_in_text(trouble: Trouble) -> Explanation | None:
    key, _, rest = trouble.text.lines[trouble.line].strip().partition(": ")
    rest = rest.strip()
    if key not in ("name", "description") or ": " not in rest or rest[0] in "[{" or {*rest} & {*"\"'#"}:
        return None
    if second_field(trouble.text.lines[trouble.line]) and not re.search(r": +\w+ \w[^:]*$", rest):
        return None  # what is behind it is one value
    return trouble.here, "a second `: ` in one line", f"write `{key}: {show(rest, WRITTEN)}`"


def _colon_behind(trouble: Trouble) -> Explanation | None:
    lines = trouble.text.lines
    last = re.fullmatch(r"(\s*(?:- )?\w+: [\w.+-]+):", lines[trouble.line].rstrip())
    if last is None:
        return None
    below = next((each for each in range(trouble.line + 1, len(lines)) if lines[each].strip()), None)
    deeper = below and indent_of(lines[below]) > indent_of(lines[trouble.line])
    if below and deeper and (written := with_fields_below(lines, trouble.line, below)):
        return trouble.here, BELOW_VALUE, f"write `{written}`"
    return trouble.here, "a second `:` in one line", f"take it away: `{last[1].strip()}`"


def _nested(trouble: Trouble) -> Explanation | None:
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


def _two_colons(trouble: Trouble) -> Explanation | None:
    if not re.search(r":\s", trouble.before):
        return None
    key, _, rest = trouble.text.lines[trouble.line].strip().partition(": ")
    if key in ("encoder", "decoder"):
        rest = re.sub(r"^-+\s*", "", rest)
        return trouble.here, "a second `: ` in one line", f"write `{key}: [{clipped(rest, WRITTEN)}]`"
    help = "quote the value if it holds a colon; if it is a mapping, use braces: `a: {b: c}`"
    return trouble.here, "a second `: ` in one line", help


def _no_key_above(trouble: Trouble) -> Explanation | None:
    """Of a line above that is a text alone, which does not go on with a key."""
    lines = trouble.text.lines
    above = lines[trouble.last]
    bare, indent = above.strip(), indent_of(above)
    if trouble.last == trouble.line or re.search(r":(\s|$)|^\s*- ", above):
        return None
    if joined := joined_dash(trouble.text, trouble.last):
        return joined
    place = trouble.text.place(trouble.last, indent, len(bare))
    what = "this line is neither `key: value` nor `- item`"
    if indent and is_joined(f"-{bare}"):
        return place, what, f"write `- {bare}`, and so each item"
    if indent_of(lines[trouble.line]) > indent:
        return place, what, f"write `{clipped(bare, WRITTEN)}:`"
    outer = (line for line in reversed(lines[: trouble.last]) if line.strip() and indent_of(line) < indent)
    if re.search(r":\s+\S", next(outer, "")):  # a text over several lines
        return trouble.here, "a `: ` in a text", "quote all of the text, from its first line to its last"
    return place, what, f"write a colon after its key, or make it a comment: `# {clipped(bare, WRITTEN)}`"


_SECOND: tuple[Callable[[Trouble], Explanation | None], ...] = (
    not_indented,
    below_a_value,
    _joined_above,
    _assigned_above,
    lambda trouble: no_colon_before(trouble.text, trouble.line),
    _fields_behind,
    _fields_below,
    _colon_in_text,
    two_fields,
    _colon_behind,
    _nested,
    _two_colons,
    _no_key_above,
)
"""Why a second colon may stand in a line, the surest first."""


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
