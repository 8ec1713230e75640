"""Says in plain words what a YAML parser stumbled over."""

import re
from collections.abc import Callable
from itertools import takewhile

from aespec.diagnostics import Diagnostic, Rule
from aespec.rules import SyntaxProblem, TooLarge, UnsupportedYaml
from aespec.source.below import holds_field
from aespec.source.brackets import open_bracket, open_quote, opened_above, opened_before, other_quote, unexpected_colon
from aespec.source.lookalikes import lookalike
from aespec.source.second_colon import (
    below_a_value,
    in_a_repeat,
    joined_key,
    not_indented,
    second_colon,
    section_lacking,
    two_fields,
)
from aespec.source.text import AT_THE_TOP, Text, assigned, clipped, indent_of
from aespec.source.trouble import (
    ABOVE,
    BELOW_BRACES,
    CLOSING,
    FIELD_BESIDE,
    NEAR,
    NO_COLON_AFTER,
    NO_DASH,
    NO_FIELD,
    NO_FIRST_DASH,
    NO_ITEM,
    NO_SECTION,
    NO_SPACE_AFTER_DASH,
    WRITTEN,
    Explanation,
    Trouble,
    is_joined,
    joined_dash,
)


def explain_syntax(error: Exception, text: Text) -> Diagnostic:
    """Turn a parser's error into a diagnostic."""
    mark, start = getattr(error, "problem_mark", None), getattr(error, "context_mark", None)
    problem = getattr(error, "problem", None) or str(error)
    said = f"{getattr(error, 'context', None) or ''}: {problem}"
    line, column = (mark.line, mark.column) if mark else (0, 0)
    if not any(content.strip() for content in text.lines[line:]):  # the end: show the last line that says anything
        line = max((n for n, content in enumerate(text.lines) if content.strip()), default=0)
        column = len(text.lines[line].rstrip())
    trouble = Trouble(text, line, column, (start.line, start.column) if start else None)
    for each in dict.fromkeys((trouble.last, line) if re.search(_LATE, said) else (line,)):
        if found := _of_another_language(text, each) or _lookalike(text, each):
            place, message, help = found
            return Diagnostic(SyntaxProblem, message, place, help=help)
    opened = other_quote(trouble) or opened_before(trouble) if re.search("expected|quoted", said) else None
    for pattern, explain in _CAUSES:
        if re.search(pattern, said):
            place, message, help = opened or explain(trouble)
            return Diagnostic(_RULES.get(pattern, SyntaxProblem), message, place, help=help)
    return Diagnostic(SyntaxProblem, f"not YAML: {problem}", trouble.here)


_LATE = r"mapping values are not allowed|could not find expected ':'"
"""What parsers say on the line after the one that is wrong."""


def _of_another_language(text: Text, line: int) -> Explanation | None:
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
            return place, "an item begins with one dash", f"write `- {clipped(said, WRITTEN)}`"
        return place, "a comment begins with `#`", f"write `# {clipped(said, WRITTEN)}`"
    return None


def _lookalike(text: Text, line: int) -> Explanation | None:
    """A sign in a line that only looks like one of YAML's."""
    found = lookalike(text.lines[line])
    if found is None:
        return None
    return text.place(line, found.column, 1), found.message, f"write `{clipped(found.instead, WRITTEN)}`"


def _bad_start(trouble: Trouble) -> Explanation:
    if trouble.character == "\t":
        return trouble.here, "a tab where YAML wants spaces", "indent with spaces, two a level"
    if trouble.character in ("|", ">"):  # elsewhere it does begin a text
        help = "quote the text on one line, or give the fields lines of their own instead of brackets"
        return trouble.here, f"no text can begin with `{trouble.character}` inside brackets", help
    within = len(re.findall(r"[\[{]", trouble.before)) > len(re.findall(r"[\]}]", trouble.before))
    rest = re.split(r"[,\]}]|:\s" if within else r":\s", trouble.text.lines[trouble.line][trouble.column :])[0]
    help = f"remove it, or quote the text: `'{clipped(rest.strip())}'`"
    return trouble.here, f"no value can begin with `{trouble.character}`", help


def _joined_before(trouble: Trouble) -> Explanation | None:
    """The first of the items before this one that lacks a space after its dash."""
    lines, found = trouble.text.lines, None
    for line in reversed(range(trouble.line)):
        if lines[line].strip() and indent_of(lines[line]) <= indent_of(lines[trouble.line]):
            joined = joined_dash(trouble.text, line)
            if joined is None:
                break
            found = joined
    return found


def _undashed_before(trouble: Trouble) -> Explanation | None:
    """The first of the layers right before an item that stand in its column without a dash."""
    lines, found = trouble.text.lines, None
    for line in reversed(range(trouble.line)):
        said, depth = lines[line].strip(), indent_of(lines[line])
        if said and depth <= indent_of(lines[trouble.line]):
            if depth < indent_of(lines[trouble.line]) or not is_joined(f"-{said.partition(':')[0]}"):
                break
            found = trouble.text.place(line, depth), NO_FIRST_DASH, f"write `- {clipped(said, WRITTEN)}`"
    return found


def _no_colon(trouble: Trouble) -> Explanation:
    line, column = trouble.start or (trouble.line, trouble.column)
    if joined := joined_key(trouble, line) or joined_dash(trouble.text, line):
        return joined
    content = trouble.text.lines[line]
    place = trouble.text.place(line, column, len(content.rstrip()) - column)
    if stated := assigned(content):
        what, help = "`=` where YAML wants a colon", f"write `{stated[0]}: {clipped(stated[1], WRITTEN)}`"
        return trouble.text.place(line, content.index("="), 1), what, help
    if content.strip() in AT_THE_TOP and not content.startswith(" "):
        return place, f"{NO_COLON_AFTER}`{content.strip()}`", f"write `{content.strip()}:`"
    above = next((each for each in reversed(trouble.text.lines[:line]) if each.strip()), "")
    if (field := re.fullmatch(r"(\w{1,40}):\s*", above)) and re.fullmatch(r"[\w.-]+|\[.*\]", content.strip()):
        what = f"the value of `{field[1]}` begins in the column of its name"
        return place, what, f"write `{field[1]}: {clipped(content.strip(), WRITTEN)}`"
    return place, "this line is neither `key: value` nor `- item`", "write a colon and a space after the key"


def _no_key(trouble: Trouble) -> Explanation:
    if trouble.character and trouble.character in "]}":
        return trouble.here, f"`{trouble.character}` closes nothing", "remove it, or open it earlier in the line"
    if trouble.before.strip(" -"):
        if two := two_fields(trouble):
            return two
        rest = trouble.text.lines[trouble.line][trouble.column :].strip()
        what, help = "text after a value that is already complete", "quote the whole value"
        if trouble.before.rstrip().endswith("}") and re.fullmatch(r",\s*\w+: [^{}\[\]#]+", rest):
            help = f"write `{trouble.before.strip()[:-1]}{clipped(rest, WRITTEN)}}}`"
        if rest in (",", ";"):
            help = f"remove the `{rest}`"
        elif quoted := re.search(r"""(?:^|[:-]) {1,9}(["'])""", trouble.before[-NEAR:]):
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
    if trouble.character == "-" and in_a_repeat(trouble):
        return trouble.here, f"{NO_SECTION}this item", "write a line `layers:` before it"
    if trouble.character == "-" and trouble.last != trouble.line and re.match(r"\w+: +[^\s#]", above):
        lacking = [each for each in ("encoder", "decoder") if not any(map(re.compile(each).match, trouble.text.lines))]
        help = "write a line with the name of its field before it"
        if lacking:
            help = f"write a line `{lacking[0]}:` before it, or the name of the field that it is"
        return trouble.here, NO_FIELD, help
    key = re.match(r"\s*(\w+):", trouble.text.lines[trouble.line])
    if found := not_indented(trouble) or below_a_value(trouble):
        return found
    if key and key[1] in AT_THE_TOP[2:]:
        what, help = "this indentation fits no line above", f"take its indentation away: `{key[1]}` stands at the top"
        return trouble.here, what, help
    if key and (section := section_lacking(trouble, key[1])):
        return trouble.here, f"{NO_SECTION}`{key[1]}:`", f"write a line `{section}:` before it"
    return _below_braces(trouble) or _in_one_column(trouble)


def _below_braces(trouble: Trouble) -> Explanation | None:
    """Of fields below braces that are closed."""
    above, own = trouble.text.lines[trouble.last].rstrip(), trouble.text.lines[trouble.line]
    closed = re.fullmatch(r"\s*(- )?\w+: \{[^#]+\}", above) and re.match(r"\s*\w+:", own)
    if trouble.last == trouble.line or not closed or indent_of(own) - indent_of(above) < 2:
        return None
    fields = takewhile(lambda line: indent_of(line) == indent_of(own), trouble.text.lines[trouble.line :])
    written = ", ".join([above[:-1].strip(), *(line.partition(" #")[0].strip() for line in fields)])
    return trouble.here, BELOW_BRACES, f"write `{clipped(written, WRITTEN)}}}`"


def _in_one_column(trouble: Trouble) -> Explanation:
    """Of a line that begins in another column than those above; where only one is near, in which it is to begin."""
    own, is_item = trouble.text.lines[trouble.line], trouble.character == "-"
    key = re.match(r"\s*(\w+):", own)
    near = [line for line in reversed(trouble.text.shown[: trouble.line]) if line.strip()][:ABOVE]
    alike = [line for line in near if line.lstrip().startswith("- ") == is_item]
    columns = dict.fromkeys(indent_of(line) for line in alike if abs(indent_of(line) - indent_of(own)) == 1)
    fitting = [column for column in columns if key and holds_field(near, column, key[1])] or [*columns]
    beside = next((line for line in alike if len(fitting) == 1 and indent_of(line) == fitting[0]), "")
    where = f": in column {indent_of(beside) + 1}, as `{clipped(beside.strip())}` does" if beside else ""
    what = "items of one list" if is_item else "keys of one mapping"
    return trouble.here, "this indentation fits no line above", f"let the {what} begin in one column{where}"


def _no_dash(trouble: Trouble) -> Explanation:
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
    column = indent_of(trouble.text.lines[trouble.line])
    items = (
        line for line in reversed(trouble.text.lines[: trouble.line]) if indent_of(line) <= column and line.strip()
    )
    item = re.fullmatch(r"\s*- (\w+):\s*", next(items, ""))
    if key and item and trouble.last != trouble.line and not is_joined(f"-{key[1]}"):
        return trouble.here, FIELD_BESIDE, f"indent it four columns more: it is a field of `{clipped(item[1])}`"
    if key and (below := below_a_value(trouble)):
        return below
    if trouble.character == "-" and trouble.start:
        first = trouble.start[1] + 1
        if first == trouble.column + 1:
            written = trouble.text.lines[trouble.line].strip()[1:].strip()
            return trouble.here, NO_SPACE_AFTER_DASH, f"write `- {clipped(written, WRITTEN)}`, and so each item"
        what = f"this item begins in column {trouble.column + 1}, the first of its list in column {first}"
        return trouble.here, what, f"begin it in column {first}"
    if key and trouble.start and re.fullmatch(r"\s*input:\s*", trouble.text.lines[trouble.start[0] - 1]):
        help = f"for more than a shape write `input: {{shape: [...], {key[1]}: ...}}`"
        return trouble.here, "a field in a list", help
    own = trouble.text.lines[trouble.line].strip()
    layer = key and is_joined(f"-{key[1]}")
    help = f"write `- {clipped(own, WRITTEN)}`" if layer else "begin each item with `- `, in one column"
    return trouble.here, NO_DASH, help


def _no_value(trouble: Trouble) -> Explanation:
    if trouble.character == "-" and not trouble.before.strip() and (opened := opened_above(trouble)):
        return opened
    last = trouble.before.rstrip()[-1:]
    if last and last in "[{" and not trouble.character.strip():
        place = trouble.text.place(trouble.line, len(trouble.before.rstrip()) - 1)
        return place, f"the bracket `{last}` is never closed", f"write `{CLOSING[last]}` after its last item"
    if not trouble.character.strip():
        return trouble.here, "a value is missing here", "write it, or close the bracket"
    return trouble.here, f"`{trouble.character}` where a value should begin", "remove it, or quote the text"


def _no_anchor(trouble: Trouble) -> Explanation:
    item = re.match(r"\s*\*\s+(.*\S)", trouble.opening.text)
    help = (
        f"an item begins with `- `: write `- {clipped(item[1], WRITTEN)}`" if item else "quote the value if it is text"
    )
    return trouble.opening, "`&` and `*` mark and repeat a value, and need a name", help


def _says(message: str, help: str | None, at_start: bool = False) -> Callable[[Trouble], Explanation]:
    return lambda trouble: (trouble.opening if at_start else trouble.here, message, help)


# What PyYAML's two parsers say, and its cause; the first that is found in "context: problem" decides.
_CAUSES: tuple[tuple[str, Callable[[Trouble], Explanation]], ...] = (
    (r"cannot start any token", _bad_start),
    (r"tab character", _says("a tab where YAML wants spaces", "indent with spaces, two a level")),
    (r"mapping values are not allowed", second_colon),
    (r"could not find expected ':'", _no_colon),
    (r"quoted scalar: found unexpected (end of stream|document)", open_quote),
    (
        r"escape|hexdecimal|hexadecimal|invalid Unicode|chr\(\)|too large",
        _says(
            "an escape that YAML does not know",
            "in double quotes write a backslash as `\\\\`, or use single quotes",
        ),
    ),
    (r"expected ',' or", open_bracket),
    (r"found unexpected ':'", unexpected_colon),
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
