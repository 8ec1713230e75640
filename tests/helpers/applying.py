"""Does what the help of a message says, in each way that a reader can take it, to see whether it is right."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from copy import deepcopy
from itertools import dropwhile, takewhile
from typing import Any

import aespec
from aespec.diagnostics import AespecError, Diagnostic, Loc
from aespec.source import Source

__all__ = ["is_right", "leaves_open", "told"]

_OPEN = (
    r"`\w+`: [A-Z].*\.",  # what the field is
    r"`\w+` stands in `\w+` too: keep one",
    r"write how many features or channels",
    r"write the name of the field that is meant",
    r"let the items of one list begin in one column$",
    r"for a number by name write",
    r"let the keys of one mapping begin in one column$",
    r"(name one of them|choose numbers|let [0-9,]+ values|give one of them|let what stands behind it)",  # a choice
    r"(name others, or|a penalty stands at a layer|give `activation` a value|add the weights up|compute with)",
    r"(put `- reshape: \[(steps|height), |write `reshape: \.\.\.|for more than a shape write)",  # lengths
    r"(a tied layer has|the code is as wide as)",  # how it is, which follows from two layers
    r"(add `squash: …`|add `times: 3`|let it stand alone|use a file for each|save it, and)",  # around the text
    r"(write out what is meant|write the fields out|write 2 layers|write the layers as a list, a line)",
    r"(begin it in column|begin each item with|indent with spaces|remove this line, and)",  # layout
    r"(end the text with another|write `}` after its last item|begin with `input:`|a field is given its value by)",
)
"""Helps that leave to the reader what to write, or that speak of the layout."""
_SHOWS_ANOTHER = (
    "did you mean `binary_crossentropy`?",  # that its values lie in [0, 1]
    "did you mean `conv2d`? `aespec layers` lists all kinds",  # of `tconv`: that it is not the input's shape
    "write `- mse: {weight: 0.5}`",  # in the place of two lines
)
"""Helps behind which something else is wrong that cannot be known before."""

_TAKE_AWAY = re.compile(r"\b(remove|leave|take|keep one|omit)\b")
_FILLED = ("1", "0.5", "relu")
"""What a reader may write for dots."""


def told(spec: Any, overrides: Sequence[str] = ()) -> tuple[Diagnostic, ...]:
    """All that is said about a spec, a text or data."""
    problems: list[Diagnostic] = []
    try:
        aespec.compile(aespec.parse(spec, overrides, problems), problems=problems)
    except AespecError as error:
        return error.diagnostics
    return ()


def is_right(text: str, problem: Diagnostic) -> bool:
    """Whether the problem is no longer told, nor another that was not told before, when its help is followed."""
    before = Counter(map(_key, told(text))) - Counter([_key(problem)])
    return any(Counter(map(_key, told(new))) <= before for new in _followed(text, problem))


def leaves_open(problem: Diagnostic) -> bool:
    """Whether a message has no help that can be followed word by word."""
    help = problem.help or ""
    return not help or help in _SHOWS_ANOTHER or any(re.match(each, help) for each in _OPEN)


def _key(problem: Diagnostic) -> tuple[Any, ...]:
    return problem.rule, problem.message


def _followed(text: str, problem: Diagnostic) -> Iterator[Any]:
    """The spec as it is when the help of a message about it is followed."""
    codes = [code for each in re.findall(r"`([^`]+)`", problem.help or "") for code in _without_dots(each)]
    assert problem.place
    yield from _written(text, problem, codes)
    try:
        source = Source.parse(text, problems=[])
    except AespecError:
        return
    at = problem.place.line, problem.place.column
    where = [
        loc for places in (source.keys, source.values) for loc, each in places.items() if (each.line, each.column) == at
    ]
    for loc in dict.fromkeys([*where, ()]):
        if _TAKE_AWAY.search(problem.help or ""):
            yield from _taken_away(source.data, loc)
        yield from _put_at_layer(source.data, problem)
        values = [value for code in codes if (value := _read(code)) is not None]
        for i, value in enumerate(values):
            for new in _put(source.data, loc, value):
                yield new
                if " and " in (problem.help or "") or "; " in (problem.help or ""):
                    for other in values[i + 1 :]:
                        with suppress(LookupError, TypeError):
                            yield from _put(new, loc, other)


def _read(code: str) -> Any:
    """What it says in a spec; None where it can stand in none."""
    for form in (code, f"{{{code}}}"):
        with suppress(AespecError):
            return Source.parse(f"vars:\n  {form}", problems=[]).data["vars"]
    return None


def _without_dots(code: str) -> list[str]:
    return (
        [code.replace("...", filled).replace("…", filled) for filled in _FILLED]
        if re.search(r"\.\.\.|…", code)
        else [code]
    )


def _written(text: str, problem: Diagnostic, codes: list[str]) -> Iterator[str]:
    """The text with these in the place of what is marked, of the rest of its line, or of the line's item or entry."""
    lines = text.split("\n")
    place = problem.place
    line, start = lines[place.line - 1], place.column - 1
    indent = re.match(r"[\s\N{NO-BREAK SPACE}]*", line)[0].replace("\xa0", " ")
    for code in codes:
        for new in (
            line[:start] + code + line[start + place.width :],
            line[:start] + code,
            indent + code,
            re.sub(rf"{re.escape(code.partition(':')[0])}:\s*$", "", line[:start]) + code + line[start + place.width :],
            line[:start] + "${" + code + "}" + line[start + place.width :],
        ):
            yield "\n".join([*lines[: place.line - 1], new, *lines[place.line :]])
        yield text.replace(line[start : start + place.width], code)
        opening = line.rfind("{", 0, start + 1)
        for closing in re.finditer(r"\}+", line[start:]) if opening >= 0 else ():  # braces, with what they hold
            first = opening - line[:opening].endswith("{")
            yield "\n".join(
                [*lines[: place.line - 1], line[:first] + code + line[start + closing.end() :], *lines[place.line :]]
            )
    if added := re.match(r"write a line `(\w+:)` before it", problem.help or ""):
        above = re.match(r"\s*", lines[place.line - 2])[0] if added[1] == "layers:" else ""
        yield "\n".join([*lines[: place.line - 1], above + added[1], *lines[place.line - 1 :]])
    if column := re.search(r"begin in one column: in column ([0-9]+)", problem.help or ""):
        moved = [*takewhile(lambda each: each.startswith(indent) or not each, lines[place.line - 1 :])]
        alike = [" " * (int(column[1]) - 1) + each[len(indent) :] for each in moved]
        yield "\n".join([*lines[: place.line - 1], *alike, *lines[place.line - 1 + len(alike) :]])
    if re.match(r"take (its indentation|the dash) away", problem.help or ""):
        field = re.search(r"`(\w+)`", problem.help)[1]
        at = next(each for each in range(place.line - 1, len(lines)) if f"{field}:" in lines[each])
        yield "\n".join([*lines[:at], lines[at].strip().removeprefix("- "), *lines[at + 1 :]])
    if re.match("(a )?fields? below|.* has fields below", problem.message):  # they go into the line above
        first = place.line - (1 if "has fields" in problem.message or re.search(r"\w:\s*$", line) else 2)
        above, indent = lines[first], re.match(r"\s*", lines[first + 1])[0]
        rest = [*dropwhile(lambda each: each.startswith(indent), lines[first + 1 :])]
        yield from ("\n".join([*lines[:first], re.match(r"\s*", above)[0] + code, *rest]) for code in codes)
    if _TAKE_AWAY.search(problem.help or ""):
        yield "\n".join([*lines[: place.line - 1], *lines[place.line :]])
        yield "\n".join([*lines[: place.line - 1], line[:start] + line[start + place.width :], *lines[place.line :]])


def _at(data: Any, path: Loc) -> Any:
    for part in path:
        data = data[part]
    return data


def _taken_away(data: Any, loc: Loc) -> Iterator[Any]:
    """Without what stands at a path, and with what it holds in its place."""
    for end in range(1, len(loc) + 1):
        new = deepcopy(data)
        held = _at(new, loc[: end - 1]).pop(loc[end - 1])
        yield deepcopy(new)
        above = _at(new, loc[: end - 1])
        if isinstance(held, dict) and isinstance(above, dict):
            yield {**new, **held} if end == 1 else _with(new, loc[: end - 1], {**above, **held})
        elif end > 1:
            yield _with(new, loc[: end - 1], held)


def _with(data: Any, loc: Loc, value: Any) -> Any:
    """The data with a value at a path."""
    if not loc:
        return value
    new = deepcopy(data)
    _at(new, loc[:-1])[loc[-1]] = deepcopy(value)
    return new


def _put(data: Any, loc: Loc, value: Any) -> Iterator[Any]:
    """With a value where something stands, as its name, as the entry, beside what holds it, and among the layers."""
    if loc:
        yield _with(data, loc, value)
        yield _with(data, loc[:-1], value)
        if isinstance(held := _at(data, loc), dict) and isinstance(value, str) and value in held:
            yield _with(data, loc, held[value])
        above = _at(data, loc[:-1])
        if isinstance(above, dict):
            entry = {value: above[loc[-1]]} if isinstance(value, str) else value
            if isinstance(entry, dict):
                rest = {name: each for name, each in above.items() if name not in entry}
                parts = [(name, entry if name == loc[-1] else {name: each}) for name, each in rest.items()]
                yield _with(data, loc[:-1], {k: v for _, part in parts for k, v in part.items()} | entry)
                yield _with(data, loc[:-1], entry)
        yield from _moved(data, loc, value)
    items = value if isinstance(value, list) else [value]
    for end in range(1, len(loc) + 1):
        if isinstance(at := loc[end - 1], int):
            layers = _at(data, loc[: end - 1])
            for begin, rest in ((at, at + 1), (at, at), (at + 1, at + 1), (len(layers), len(layers))):
                yield _with(data, loc[: end - 1], [*layers[:begin], *items, *layers[rest:]])
    for block in ("encoder", "decoder"):
        if isinstance(layers := data.get(block), list):
            yield {**data, block: [*layers, *items]}
    if isinstance(value, dict):
        for end in range(len(loc) + 1):
            if isinstance(above := _at(data, loc[:end]), dict):
                yield _with(data, loc[:end], {**above, **value})


def _put_at_layer(data: Any, problem: Diagnostic) -> Iterator[Any]:
    """With a field at a layer that the help names, or with a layer before it."""
    for code, block, kind, number in re.findall(
        r"`- (\w+)` before `(encoder|decoder)/(\w+)_(\d+)`", problem.help or ""
    ):
        layers = data[block]
        alike = [i for i, layer in enumerate(layers) if kind in (layer if isinstance(layer, dict) else [layer])]
        at = alike[int(number) - 1]
        yield {**data, block: [*layers[:at], code, *layers[at:]]}
    for block, kind, number in re.findall(r"`(encoder|decoder)/(\w+)_(\d+)`", problem.help or ""):
        for code in re.findall(r"`(\w+: [^`]+)`", problem.help or ""):
            (field, value), *_ = _read(code).items()
            alike = [
                i for i, layer in enumerate(data[block]) if isinstance(layer, dict) and kind in map(str.lower, layer)
            ]
            at = alike[int(number) - 1]
            ((_, stated),) = data[block][at].items()
            if field == kind:
                yield _with(data, (block, at), {kind: value})
            else:
                fields = stated if isinstance(stated, dict) else {"units": stated}
                yield _with(data, (block, at), {kind: {**fields, field: value}})


def _moved(data: Any, loc: Loc, value: Any) -> Iterator[Any]:
    """Taken out, with what goes with it, where it stands, and put into something that is around it, or there."""
    leaves = {*_names(value)}
    new = deepcopy(data)
    here = _at(new, loc[:-1])
    if not isinstance(here, dict):
        return
    stood = here.pop(loc[-1])
    for name in [each for each in here if each in leaves]:
        here.pop(name)
    if isinstance(value, list) and isinstance(layers := new.get("encoder"), list):
        yield {**new, "encoder": [*layers, *value]}
    for end in range(len(loc)):
        around = _at(new, loc[:end])
        if isinstance(around, dict) and isinstance(value, dict):
            yield _with(new, loc[:end], {**around, **value})
        elif isinstance(around, dict) and isinstance(value, str):
            section = around.get(value) or {}
            if value == loc[-1]:
                yield _with(new, loc[:end], {**around, value: stood})
            elif isinstance(section, dict):
                yield _with(new, loc[:end], {**around, value: {**section, loc[-1]: stood}})


def _names(value: Any) -> Iterator[str]:
    for each in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _names(each)
    if isinstance(value, dict):
        yield from value
