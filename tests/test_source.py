import json
import shlex
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from aespec.diagnostics import AespecError, Diagnostic, Loc, Place
from aespec.rules import RULES, explain
from aespec.source import Source
from aespec.source.override import Option, Override, added


@pytest.fixture(params=["libyaml", "python"])
def parser(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both of PyYAML's parsers: the one in C is not on every machine."""
    if request.param == "python":
        monkeypatch.delattr(yaml, "CSafeLoader")
        monkeypatch.delattr(yaml, "CSafeDumper")


def refused(text: str, name: str = "<string>", overrides: tuple[Override, ...] = ()) -> tuple[Diagnostic, ...]:
    with pytest.raises(AespecError) as error:
        Source.parse(text, name, overrides)
    str(error.value).encode()
    return error.value.diagnostics


def marked(place: Place | None) -> tuple[int, str]:
    """The line of a place and what its carets stand under."""
    assert place is not None
    return place.line, place.text[place.column - 1 :][: place.width]


# ---------------------------------------------------------------------------------------------- what a text means

MEANS: list[tuple[str, Any]] = [
    ("selu", "selu"),
    ("1", 1),
    ("-12", -12),
    ("+12", 12),
    ("0", 0),
    ("0o17", 15),
    ("0x1F", 31),
    ("1.5", 1.5),
    ("-.5", -0.5),
    ("5.", 5.0),
    ("1e3", 1000.0),
    ("1e-3", 0.001),
    ("1E+3", 1000.0),
    ("1.5e-07", 1.5e-07),
    ("012.5", 12.5),
    (".inf", float("inf")),
    ("-.INF", float("-inf")),
    ("true", True),
    ("False", False),
    ("TRUE", True),
    ("tRue", "tRue"),
    ("null", None),
    ("~", None),
    ("Null", None),
    ("nULL", "nULL"),
    ("", None),
    ("# comment", None),
    ("nan", "nan"),
    ("inf", "inf"),
    ("1e", "1e"),
    ("0o8", "0o8"),
    ("-0o7", "-0o7"),
    ("1.2.3", "1.2.3"),
    ("1,000", "1,000"),
    ("none", "none"),
    ("yesterday", "yesterday"),
    ("_1", "_1"),
    ("http://x.y/z", "http://x.y/z"),
    ("a#b", "a#b"),
    ('"off"', "off"),
    ("'12'", "12"),
    ("'it''s'", "it's"),
    ('"1:30"', "1:30"),
    (r'"\u00fc\n"', "ü\n"),
    ('"\\0"', "\0"),
    ("[1, [a, null], {b: c}]", [1, ["a", None], {"b": "c"}]),
    ("{}", {}),
    ("[]", []),
    ("[a: 1, b: 2]", [{"a": 1}, {"b": 2}]),
    ("\n  - b\n  - c: 1\n    d: 2", ["b", {"c": 1, "d": 2}]),
    ("\n- b\n- - c", ["b", ["c"]]),
    ("b\n  c", "b c"),
    ("|\n  b\n   c\n", "b\n c\n"),
    (">-\n  b\n  c\n", "b c"),
    ("日本語 🎲", "日本語 🎲"),
    ("$5 {b}", "$5 {b}"),
    ("&x [1]\nb: *x", [1]),
    ("2 # two", 2),
    ("\ue000$\ue001", "\ue000$\ue001"),
]


@pytest.mark.parametrize(("text", "value"), MEANS)
@pytest.mark.usefixtures("parser")
def test_what_yaml_means(text: str, value: Any) -> None:
    got = Source.parse(f"a: {text}").data["a"]
    assert (got, type(got)) == (value, type(value))


@pytest.mark.usefixtures("parser")
def test_an_alias_can_be_a_key() -> None:
    assert Source.parse("a: &k b\n*k : 1").data == {"a": "b", "b": 1}


def test_nan_is_a_number() -> None:
    assert str(Source.parse("a: .nan").data["a"]) == "nan"


@pytest.mark.parametrize(
    "text",
    [
        "---\na: 1",
        "---\na: 1\n...\n",
        "%YAML 1.2\n---\na: 1",
        "\ufeffa: 1",
        "# c\na: 1 # d\n\n",
        "a: 1\r\n",
        "{a: 1}",
        "? a\n: 1",
    ],
)
@pytest.mark.usefixtures("parser")
def test_the_frame_of_a_document(text: str) -> None:
    assert Source.parse(text).data == {"a": 1}


JSON_MEANS: list[tuple[str, Any]] = [
    ('{"a": 1}', {"a": 1}),
    ('{\n\t"a":\t[1, 2.5, -1e-3, true, false, null]\n}', {"a": [1, 2.5, -0.001, True, False, None]}),
    (r'{"a": "\ud83c\udfb2 \u00fc \/ \" \u0000"}', {"a": '🎲 ü / " \0'}),
    ('{"a": "off", "": "012", "\\n": {}}', {"a": "off", "": "012", "\n": {}}),
    ('{"a": "[{:,}]", "b": "\\\\"}', {"a": "[{:,}]", "b": "\\"}),
    ('\ufeff{"a": "\x7f\u2028"}', {"a": "\x7f\u2028"}),
]


@pytest.mark.parametrize(("text", "value"), JSON_MEANS)
def test_what_json_means(text: str, value: Any) -> None:
    assert Source.parse(text, "x.JSON").data == value


# ------------------------------------------------------------------------------------------------ what is refused

# the text, then for each problem its code, line, and what is marked
REFUSED: list[tuple[str, list[tuple[str, int, str]]]] = [
    # scalars that have two meanings
    ("a: off", [("E004", 1, "off")]),
    ("a: Off\nb: 2\nc: [ON, {d: yEs}]", [("E004", 1, "Off"), ("E004", 3, "ON"), ("E004", 3, "yEs")]),
    ("a: y", [("E004", 1, "y")]),
    ("a: N", [("E004", 1, "N")]),
    ("yes: 1", [("E004", 1, "yes")]),
    ("a: {no: 1}", [("E004", 1, "no")]),
    ("a: 1_000", [("E004", 1, "1_000")]),
    ("a: 1_0.5e3", [("E004", 1, "1_0.5e3")]),
    ("a: 0x_1F", [("E004", 1, "0x_1F")]),
    ("a: 012", [("E004", 1, "012")]),
    ("a: -09", [("E004", 1, "-09")]),
    ("a: 0b101", [("E004", 1, "0b101")]),
    ("a: -0x1F", [("E004", 1, "-0x1F")]),
    ("a: 1:30", [("E004", 1, "1:30")]),
    ("a: 190:20:30.15", [("E004", 1, "190:20:30.15")]),
    ("a: 2020-01-01", [("E004", 1, "2020-01-01")]),
    ("a: 2001-12-14t21:59:43.10-05:00", [("E004", 1, "2001-12-14t21:59:43.10-05:00")]),
    ("a: =", [("E004", 1, "=")]),
    ("a: <<", [("E004", 1, "<<")]),
    # keys
    ("a: 1\nb: 2\na: 3", [("E003", 3, "a")]),
    ('a: {"b": 1, b: 2}', [("E003", 1, "b")]),
    ("a: 1\na: 2\na: 3", [("E003", 2, "a"), ("E003", 3, "a")]),
    ("1: a", [("E007", 1, "1")]),
    ("a: {true: 1, 1.5: 2}", [("E007", 1, "true"), ("E007", 1, "1.5")]),
    ("null: 1", [("E007", 1, "null")]),
    ("a: &x 1\n*x : 2", [("E007", 2, "*x")]),
    ("a:\n  [b]: 1", [("E007", 2, "[")]),
    ("a:\n  ? {b: 1}\n  : 1", [("E007", 2, "{")]),
    # YAML that a spec does not have
    ("a: !!python/object/apply:os.system [ls]", [("E007", 1, "!!python/object/apply:os.system")]),
    ("a: !x b", [("E007", 1, "!x")]),
    ("a: !!str 1\nb: !!int 2", [("E007", 1, "!!str"), ("E007", 2, "!!int")]),
    ("a: ! b", [("E007", 1, "!")]),
    ("a: !e!x b", [("E007", 1, "!")]),
    ("a: !!map {b: 1}", [("E007", 1, "!!map")]),
    ("a: &x {b: 1}\nc:\n  <<: *x\n  d: 1", [("E007", 3, "<<")]),
    ("a: 1\n---\nb: 2", [("E007", 2, "---")]),
    ("a: &x [1, *x]", [("E007", 1, "*x")]),
    ("a: &x\n  b: {c: *x}", [("E007", 2, "*x")]),
    ("%YAML 3.0\n---\na: 1", [("E007", 1, "%")]),
    # no mapping
    ("", [("E009", 1, "")]),
    ("\n\n", [("E009", 1, "")]),
    ("# only this", [("E009", 1, "#")]),
    ("---\n", [("E009", 1, "-")]),
    ("null", [("E009", 1, "n")]),
    ("- a\n- b", [("E009", 1, "- a")]),
    ("hello", [("E009", 1, "hello")]),
    # syntax
    ("a:\n\tb: 1", [("E002", 2, "\t")]),
    ("a: 1\nunits:100\nb: 2", [("E002", 2, ":")]),
    ("units:100\nb: 2", [("E002", 1, ":")]),
    ("a: {units:100, b: 2}", [("E002", 1, "units:100")]),
    ("a: [1, 2\nb: 3", [("E002", 1, "[")]),
    ("a:\n  - {x: 1\n  - b", [("E002", 2, "{")]),
    ("a: [1, 2", [("E002", 1, "[")]),
    ("a: {b: [1, 2}", [("E002", 1, "}")]),
    ("a: 'b\nc: 1", [("E002", 1, "'")]),
    ('a: "b', [("E002", 1, '"')]),
    ("a: b: c", [("E002", 1, ":")]),
    ("a: 1\n  b: 2", [("E002", 2, "b")]),
    ("a: {units: 100 act: selu}", [("E002", 1, ":")]),
    ("a: @x", [("E002", 1, "@")]),
    ("a: `x`", [("E002", 1, "`")]),
    ("a: %x", [("E002", 1, "%")]),
    ("a:\n  b: 1\n c: 2", [("E002", 3, "c")]),
    ("a: - b", [("E002", 1, "-")]),
    ("a:\n  - b\n  c: 1", [("E002", 3, "c")]),
    ("a: [1]]", [("E002", 1, "]")]),
    ("a: }", [("E002", 1, "}")]),
    ("a: [1,,2]", [("E002", 1, ",")]),
    ("a: *", [("E002", 1, "*")]),
    ("a: & b", [("E002", 1, "&")]),
    ("a: *x", [("E002", 1, "*x")]),
    ('a: "x" y', [("E002", 1, "y")]),
    ("a: ? b", [("E002", 1, "?")]),
    ("a: |x\n  b", [("E002", 1, "x")]),
    ('a:\n  - "b" c', [("E002", 2, "c")]),
    ('a:\n  - "b" ]', [("E002", 2, "]")]),
    ("a: [1,", [("E002", 1, "")]),
    ("a: 1\nhello world\nb: 2", [("E002", 2, "hello world")]),
    # characters
    ("a: \0", [("E002", 1, "\0")]),
    ("a: b\n\x1b[0m", [("E002", 2, "\x1b")]),
    ("a: \ud800", [("E002", 1, "\ud800")]),
    ("a: b\ufffe", [("E002", 1, "\ufffe")]),
    # variables
    ("a: ${x}", [("E008", 1, "${x}")]),
    ('vars: {x: 1}\na: {b: ${y}, c: ["p${z}q"]}', [("E008", 2, "${y}"), ("E008", 2, "${z}")]),
    ("vars: {z: a${x}, x: 1}", [("E008", 1, "${x}")]),
    ("vars: {z: [[${x + 1}]], x: 1}", [("E008", 1, "x")]),
    ("vars: {z: ${z}}", [("E008", 1, "${z}")]),
    ("vars: {x: ${y}, z: ${x}, w: '${x + 1}'}\na: ${w}", [("E008", 1, "${y}")]),
    ("vars: {x: off}\na: ${x * 2}", [("E004", 1, "off")]),
    ("vars: {my-width: 1}\na: ${my-width + 1}", [("E008", 2, "my")]),
    ("vars: {x: [1]}\na: b${x}", [("E008", 2, "${x}")]),
    ("vars: {x: [1]}\n${x}: b", [("E008", 2, "${x}")]),
    ("a: ${x", [("E008", 1, "${x")]),
    ("a: ${}", [("E010", 1, "${}")]),
    ("vars: {x: 1}\na: {b: ${x / 2}, c: 'p${x +}q'}", [("E010", 2, "/"), ("E010", 2, "+")]),
    ("vars: {x: [1], y: a, z: true}\na: ['${x * 2}', '${y * 2}', '${z * 2}']", [("E010", 2, c) for c in "xyz"]),
    ('a: "\\x24{1 // 0}"', [("E010", 1, '"\\x24{1 // 0}"')]),
    ("a: {b: ${x[0]}, c: ${max(1, 2)}}", [("E010", 1, "["), ("E010", 1, "max")]),
    ('a: "\\x24{x}"', [("E008", 1, '"\\x24{x}"')]),
    ("vars: {x: z}\n${x}: 1\nz: 2", [("E003", 3, "z")]),
    ("vars: 3", [("E104", 1, "3")]),
    ("vars: {x: {y: 1}}", [("E104", 1, "{y: 1}")]),
    # several at once, by line
    (
        "a: off\nb: ${x}\na: 012\n1: 2",
        [("E004", 1, "off"), ("E008", 2, "${x}"), ("E003", 3, "a"), ("E004", 3, "012"), ("E007", 4, "1")],
    ),
    ("a: off\nb: [", [("E004", 1, "off"), ("E002", 2, "[")]),
]


@pytest.mark.parametrize(("text", "problems"), REFUSED)
@pytest.mark.usefixtures("parser")
def test_what_yaml_is_refused(text: str, problems: list[tuple[str, int, str]]) -> None:
    found = refused(text)
    assert [(d.rule.code, *marked(d.place)) for d in found] == problems
    assert all(d.help for d in found)


# The same, for JSON.
JSON_REFUSED: list[tuple[str, list[tuple[str, int, str]]]] = [
    ('{"a": 1,}', [("E002", 1, ",")]),
    ('{"a": [1,]}', [("E002", 1, ",")]),
    ("{'a': 1}", [("E002", 1, "'")]),
    ("{a: 1}", [("E002", 1, "a")]),
    ('{"a" 1}', [("E002", 1, " ")]),
    ('{"a": 1 "b": 2}', [("E002", 1, " ")]),
    ('{"a": [1, 2', [("E002", 1, "")]),
    ('{"a": "b', [("E002", 1, '"')]),
    ('{"a": "b\n"}', [("E002", 1, "")]),
    ('{"a": "\t"}', [("E002", 1, "\t")]),
    (r'{"a": "\x"}', [("E002", 1, "\\")]),
    ('{\n  // no\n  "a": 1}', [("E002", 2, "/")]),
    ('{"a": 1}\n{"b": 2}', [("E002", 2, "{")]),
    ('{"a": NaN, "b": [-Infinity, Infinity]}', [("E002", 1, "NaN"), ("E002", 1, "-Infinity"), ("E002", 1, "Infinity")]),
    ('{"a": 012}', [("E002", 1, "012")]),
    ('{"a": 1, "b": {"c": 1, "c": 2}, "a": 3}', [("E003", 1, '"c"'), ("E003", 1, '"a"')]),
    (r'{"a": "\ud800", "\udfff": 1}', [("E002", 1, r'"\ud800"'), ("E002", 1, r'"\udfff"')]),
    ('{"a": "\ud800"}', [("E002", 1, "\ud800")]),
    ("", [("E009", 1, "")]),
    ("[1]", [("E009", 1, "[1]")]),
    ("null", [("E009", 1, "n")]),
    ('"a"', [("E009", 1, '"a"')]),
    ('{"a": ' + "9" * 1001 + "}", [("E005", 1, "9" * 1001)]),
    ('{"a": "${x}"}', [("E008", 1, "${x}")]),
]


@pytest.mark.parametrize(("text", "problems"), JSON_REFUSED)
def test_what_json_is_refused(text: str, problems: list[tuple[str, int, str]]) -> None:
    assert [(d.rule.code, *marked(d.place)) for d in refused(text, "x.json")] == problems


@pytest.mark.parametrize(
    ("text", "help"),
    [
        ("a: off", 'write `false`, or `"off"` for the text'),
        ("a: Yes", 'write `true`, or `"Yes"` for the text'),
        ("a: 1_000", 'write `1000`, or `"1_000"` for the text'),
        ("a: -012", 'write `-12`, or `"-012"` for the text'),
        ("a: 0_12", 'write `12`, or `"0_12"` for the text'),
        ("a: 00", 'write `0`, or `"00"` for the text'),
        ("a: 2020-01-01", 'write `"2020-01-01"` for the text'),
        ("a: 1\nunits:100\nb: 2", "write `units: 100`"),
        ("a: {units:100}", "write `units: 100`"),
        ("a: @x y", "remove it, or quote the text: `'@x y'`"),
        ("a: {b: @x, c: 1}", "remove it, or quote the text: `'@x'`"),
        ("a: [{b: 1}, @x]", "remove it, or quote the text: `'@x'`"),
        ("@a: 3", "remove it, or quote the text: `'@a'`"),
        ("a: {b: |\n  text}", "quote the text on one line, or give the fields lines of their own instead of brackets"),
        ("a: [>- text]", "quote the text on one line, or give the fields lines of their own instead of brackets"),
        ("vars: {width: 1}\na: ${widht}", "did you mean `${width}`?"),
        ("a: &base {b: 1}\nc: *bse", "did you mean `*base`?"),
        ("a: [1, 2", "write `]` after its last item"),
        ("a:\n\tb: 1", "indent with spaces, two a level"),
    ],
)
@pytest.mark.usefixtures("parser")
def test_what_to_do_instead(text: str, help: str) -> None:
    assert [d.help for d in refused(text)] == [help]


@pytest.mark.parametrize(
    ("text", "marked_", "help"),
    [
        ('{"a": None}', "None", "write `null`"),
        ('{"a": True}', "True", "write `true`"),
        ('{"a": .5}', ".5", "write `0.5`"),
        ('{"a": 3*2}', "3*2", "text stands in double quotes; a number begins with a digit or `-`"),
        ('{"a": [relu]}', "relu", 'text stands in double quotes: write `"relu"`'),
        ("input: [8]", "input", "a spec in JSON begins with `{`; if this is YAML, name the file `.yaml`"),
        ('{"a": [1, 2}', "}", "write `]`"),
        ('{"a": {"b": 1}', "", "write `}`, here or further before"),
        ('{"a": {"b": [1', "", "write `]}}`, here or further before"),
        ('{\n  "a": {\n    "b": [1]', "", "write `}}`"),
        ('{"a": }', "}", "keys and texts stand in double quotes; no comma after the last item"),
        ('{"a": # b\n 1}', "#", "remove it, or name the file `.yaml`"),
    ],
)
def test_what_to_do_instead_in_json(text: str, marked_: str, help: str) -> None:
    assert [(marked(d.place)[1], d.help) for d in refused(text, "x.json")] == [(marked_, help)]


# --------------------------------------------------------------------------------------------------------- places

PLACES: list[tuple[str, dict[Loc, tuple[int, str]], dict[Loc, tuple[int, str]]]] = [
    (
        "encoder:\n  - flatten\n  - dense: {units: 100, activation: selu}  # c\n",
        {
            (): (1, "encoder"),
            ("encoder",): (2, "- flatten"),
            ("encoder", 0): (2, "flatten"),
            ("encoder", 1): (3, "dense: {units: 100, activation: selu}"),
            ("encoder", 1, "dense"): (3, "{units: 100, activation: selu}"),
            ("encoder", 1, "dense", "units"): (3, "100"),
            ("encoder", 1, "dense", "activation"): (3, "selu"),
        },
        {
            ("encoder",): (1, "encoder"),
            ("encoder", 1, "dense"): (3, "dense"),
            ("encoder", 1, "dense", "units"): (3, "units"),
        },
    ),
    (
        "a:\n  - dense:  # c\n      units: 100 # d\n      act: selu\n",
        {("a", 0): (2, "dense"), ("a", 0, "dense"): (3, "units: 100"), ("a", 0, "dense", "units"): (3, "100")},
        {("a", 0, "dense", "act"): (4, "act")},
    ),
    (
        "a: [1,\n    2, # c\n    {b: 3}]\nc: {d: 1,\n  e: 2}",
        {("a",): (1, "[1"), ("a", 1): (2, "2"), ("a", 2): (3, "{b: 3}"), ("c",): (4, "{d: 1"), ("c", "e"): (5, "2")},
        {("c", "e"): (5, "e")},
    ),
    (
        'a: |\n  x\n  y\nb: "x\n  y"\nc: x\n  y\nd: z',
        {("a",): (1, "|"), ("b",): (4, '"x'), ("c",): (6, "x"), ("d",): (8, "z")},
        {},
    ),
    (
        "a: &x {b: 1}\nc: *x\nd: &y 5\ne: *y\nf: &z\n  g: 1\nh: *z",
        {
            ("a",): (1, "{b: 1}"),
            ("c",): (2, "*x"),
            ("c", "b"): (1, "1"),  # inside an alias: where it is written
            ("d",): (3, "5"),
            ("e",): (4, "*y"),
            ("h",): (7, "*z"),
        },
        {("c",): (2, "c"), ("c", "b"): (1, "b")},
    ),
    (
        "a:\nb: \nc:\n  -\n  - x\n{}",
        {("a",): (1, "a"), ("b",): (2, "b"), ("c", 0): (4, "-"), ("c", 1): (5, "x")},
        {("a",): (1, "a")},
    ),
    (
        "日本: {語🎲: 'ü', \"q\": [é]}",
        {("日本", "語🎲"): (1, "'ü'"), ("日本", "q"): (1, '["é]"'.replace('"', "")), ("日本", "q", 0): (1, "é")},
        {("日本", "q"): (1, '"q"')},
    ),
    ("a: x\r\nb: v\rc: z\u2028d: w", {("b",): (2, "v"), ("c",): (3, "z"), ("d",): (4, "w")}, {}),
    (
        "vars: {n: 5, s: [1, 2]}\na: ${n}\nb: x ${n} y\nc: {d: ${s}}",
        {
            ("vars", "n"): (1, "5"),
            ("a",): (2, "${n}"),
            ("b",): (3, "x ${n} y"),
            ("c", "d"): (4, "${s}"),
            ("c", "d", 1): (1, "2"),  # inside a variable: where it is written
        },
        {("vars", "n"): (1, "n")},
    ),
]


@pytest.mark.parametrize(("text", "values", "keys"), PLACES)
@pytest.mark.usefixtures("parser")
def test_places(text: str, values: dict[Loc, tuple[int, str]], keys: dict[Loc, tuple[int, str]]) -> None:
    text = text.removesuffix("\n{}")
    source = Source.parse(text)
    assert {loc: marked(source.values[loc]) for loc in values} == values
    assert {loc: marked(source.keys[loc]) for loc in keys} == keys


def test_places_in_json() -> None:
    source = Source.parse('{\n\t"a": [1, {"b": "x\\ny"}],\r\n\t"c": {\n\t}\n}', "s.json")
    assert {loc: marked(place) for loc, place in source.values.items()} == {
        (): (1, "{"),
        ("a",): (2, '[1, {"b": "x\\ny"}]'),
        ("a", 0): (2, "1"),
        ("a", 1): (2, '{"b": "x\\ny"}'),
        ("a", 1, "b"): (2, '"x\\ny"'),
        ("c",): (3, "{"),
    }
    assert {loc: marked(place) for loc, place in source.keys.items()} == {
        ("a",): (2, '"a"'),
        ("a", 1, "b"): (2, '"b"'),
        ("c",): (3, '"c"'),
    }


@pytest.mark.parametrize(
    ("loc", "key", "place"),
    [
        ((), False, (1, "a")),
        ((), True, (1, "a")),
        (("a",), True, (1, "a")),
        (("a", 0), True, (2, "b: {c: 1}")),  # an item has no key
        (("a", 0, "b"), False, (2, "{c: 1}")),
        (("a", 0, "b"), True, (2, "b")),
        (("a", 0, "b", "missing"), False, (2, "{c: 1}")),
        (("a", 0, "b", "missing", 3), True, (2, "b")),
        (("a", 7), False, (2, "- b: {c: 1}")),
        (("nothing", "here"), False, (1, "a")),
    ],
)
def test_the_place_of_what_is_missing(loc: Loc, key: bool, place: tuple[int, str]) -> None:
    assert marked(Source.parse("a:\n  - b: {c: 1}").place(loc, key=key)) == place


# ------------------------------------------------------------------------------------------------------ overrides

BASE = """\
vars: {width: 64}
input: [28, 28]
encoder:
  - flatten
  - dense: {units: "${width}", activation: selu}
  - dense: 30
  - dropout:
training: {optimizer: adam, epochs: 20}
shared: &s {k: 1}
also: *s
"""

ADAM = {"adam": {"learning_rate": 0.1, "beta_1": 0.5}}

SET: list[tuple[tuple[str, ...], Loc, Any]] = [
    (("training.epochs=5",), ("training", "epochs"), 5),
    (("training.epochs = 5",), ("training", "epochs"), 5),
    (("training.seed=42",), ("training", "seed"), 42),
    (("loss=mse",), ("loss",), "mse"),
    (("loss={huber: {delta: 1e-1}}",), ("loss",), {"huber": {"delta": 0.1}}),
    (("a.b.c=1",), ("a",), {"b": {"c": 1}}),
    (("encoder.1.dense.units=50",), ("encoder", 1, "dense"), {"units": 50, "activation": "selu"}),
    (("input.stride=7",), ("input",), {"shape": [28, 28], "stride": 7}),
    (("input.shape=[5]",), ("input",), {"shape": [5]}),
    (("input.1=7",), ("input",), [28, 7]),
    (("encoder.01.dense.units=50",), ("encoder", 1, "dense", "units"), 50),
    (("encoder.2.dense=10",), ("encoder", 2), {"dense": 10}),
    (("encoder.2.dense.units=1",), ("encoder", 2), {"dense": {"units": 1}}),
    (("encoder.2.dense.name=a",), ("encoder", 2), {"dense": {"units": 30, "name": "a"}}),
    (("training.optimizer={adam: 0.1}", "training.optimizer.adam.beta_1=0.5"), ("training", "optimizer"), ADAM),
    (("encoder.0=[1, 2]",), ("encoder", 0), [1, 2]),
    (("encoder.0.flatten.name=f",), ("encoder", 0), {"flatten": {"name": "f"}}),
    (("encoder.3.dropout.rate=0.5",), ("encoder", 3), {"dropout": {"rate": 0.5}}),
    (("training.optimizer.adam.learning_rate=1",), ("training", "optimizer"), {"adam": {"learning_rate": 1}}),
    (
        ("training.optimizer=sgd", "training.optimizer.sgd.momentum=.9"),
        ("training", "optimizer"),
        {"sgd": {"momentum": 0.9}},
    ),
    (
        ("training.early_stopping=3", "training.early_stopping.min_delta=.1"),
        ("training", "early_stopping"),
        {"patience": 3, "min_delta": 0.1},
    ),
    (("training.epochs=1", "training.epochs=2"), ("training", "epochs"), 2),
    (("training.optimizer.adam.beta_1=1", "training.optimizer=sgd"), ("training", "optimizer"), "sgd"),
    (("input.0=null",), ("input",), [None, 28]),
    (("vars.width=8",), ("encoder", 1, "dense", "units"), 8),
    (("vars.width=8", "vars.half=${width//2}", "name=w-${half}"), ("name",), "w-4"),
    (("encoder.1.dense.units=${width // 2 - 1}",), ("encoder", 1, "dense", "units"), 31),
    (("training.epochs=${width}",), ("training", "epochs"), 64),
    (("name=w-${width}",), ("name",), "w-64"),
    (("training=null", "training.epochs=3"), ("training",), {"epochs": 3}),
    (("description=a = b",), ("description",), "a = b"),
    (('description="x: y # z"',), ("description",), "x: y # z"),
    (("description='012'",), ("description",), "012"),
    (("also.k=2",), ("also",), {"k": 2}),
    (("also.k=2",), ("shared",), {"k": 1}),  # an alias is its own value
    (("shared.k=2",), ("also",), {"k": 1}),
]


@pytest.mark.parametrize(("assignments", "loc", "value"), SET)
@pytest.mark.usefixtures("parser")
def test_set(assignments: tuple[str, ...], loc: Loc, value: Any) -> None:
    data = Source.parse(BASE, overrides=assignments).data
    for step in loc:
        data = data[step]
    assert (data, type(data)) == (value, type(value))


OPTION = Option("--optimizer", "training.optimizer", "sgd")


def test_an_option_is_refined_by_what_is_set_below_it() -> None:
    given = added(["training.optimizer.sgd.momentum=0.9", "training.epochs=2"], [OPTION])
    assert Source.parse(BASE, overrides=given).data["training"] == {
        "optimizer": {"sgd": {"momentum": 0.9}},
        "epochs": 2,
    }
    (found,) = refused(BASE, overrides=(*added(["training.optimizer.momentum=0.9"], [OPTION]),))
    assert found.help == "did you mean `training.optimizer.sgd.momentum`?"
    (found,) = refused(BASE, overrides=(*added(["training.optimizer.adam.beta_1=0.9"], [OPTION]),))
    assert found.help == "`--optimizer sgd` makes it that: change one of the two"
    (found,) = refused(BASE, overrides=("training=5", "training.epochs=3"))
    assert found.help == "`training=5` makes it that: change one of the two"


@pytest.mark.parametrize("first", ["training.optimizer=adam", "training={optimizer: adam}"])
def test_an_option_counts_where_the_same_is_set(first: str) -> None:
    data = Source.parse("{}", overrides=added([first], [OPTION])).data
    assert data["training"]["optimizer"] == "sgd"


EARLY = Option("--early-stopping", "training.early_stopping", "2")


ADAM = Option("--optimizer", "training.optimizer", "{adam: 1}")


@pytest.mark.parametrize(
    ("earlier", "other"),
    [
        (["encoder.1.dense.units=20"], "encoder.1.dense=16"),
        (["encoder.01.dense.units=20"], "encoder.1. dense=16"),
        (["training.early_stopping.min_delta=.1", "training.early_stopping.patience=9"], EARLY),
        (["training.early_stopping.patience=9"], "training.early_stopping=null"),
        (["training.epochs=3"], "training={epochs: 1}"),
        (["training.epochs=3"], "training={epochs: 1, seed: 2}"),
        (["encoder.1.dense.units=20"], "encoder=[flatten, {dense: 4}]"),
        (["training.optimizer.adam.learning_rate=.1"], ADAM),
        (["training.optimizer.adam.beta_1=.1", "training.optimizer.adam={beta_1: .8}"], ADAM),
        (["training.greedy.epochs=2"], Option("--greedy", "training.greedy", "{epochs: 3}")),
        (["input.0=4"], "input.shape=[8, 8]"),
    ],
)
def test_what_would_be_set_in_vain_is_refused(earlier: list[str], other: Override) -> None:
    with pytest.raises(AespecError) as caught:
        added(earlier, [other])
    (found,) = caught.value.diagnostics
    name = other.name if isinstance(other, Option) else other.partition("=")[0].replace(" ", "")
    assert found.message == f"`{earlier[-1]}` takes away what `{name}` says"
    assert found.place.text == earlier[-1]


@pytest.mark.parametrize(
    ("earlier", "other"),
    [
        (["encoder.1.dense.activation=relu"], "encoder.1.dense=16"),
        (["training.early_stopping.min_delta=.1"], EARLY),
        (["training.optimizer.adam.beta_1=.1"], "training.optimizer=adam"),
        (["training.optimizer.adam.beta_1=.1"], ADAM),
        (["training.optimizer.sgd.momentum=.9"], Option("--optimizer", "training.optimizer", "{sgd: }")),
        (["encoder.2.dense.units=5"], "encoder.2={dense: }"),
        (["training.greedy.epochs=2"], "training.greedy={}"),
        (["encoder.0.dense.activation=relu"], "encoder=[{dense: 3}, {dense: 4}]"),
        (["training.epochs=3"], "training.epochs=4"),
        (["training.epochs=3"], "training.epoch=4"),
        (["a.b.c=3", "not one"], "a.b=4"),
    ],
)
def test_what_is_set_and_counts_is_taken(earlier: list[str], other: Override) -> None:
    assert added(earlier, [other]) in ([other, *earlier], [*earlier, other])


def test_what_an_option_only_makes_room_by_counts_less_than_what_is_set() -> None:
    room = Option("--clip-norm", "training.clip_value", "null", weak=True)
    assert added(["training.epochs=3"], [room]) == ["training.epochs=3", room]
    assert added(["training. clip_value=3"], [room]) == ["training. clip_value=3"]


def test_a_list_that_an_option_made_is_longer_by_the_option() -> None:
    freeze = Option("--freeze", "training.freeze", "[encoder]")
    (found,) = refused(BASE, overrides=added(["training.freeze.1=decoder"], [freeze]))
    assert found.help == "to add an item, say so with `--freeze`"


def test_a_field_that_is_called_as_a_layer_is_none() -> None:
    """The layer `activation` has one field that a value alone sets; an activation of a layer has not."""
    spec = "encoder: [{dense: {units: 3, activation: selu}}, {activation: relu}]"
    (found,) = refused(spec, overrides=("encoder.0.dense.activation.leaky_relu.negative_slope=0.3",))
    assert found.got == '"selu"'
    assert found.help == "set it as a whole: `encoder.0.dense.activation={leaky_relu: …}`"
    data = Source.parse(spec, overrides=("encoder.1.activation.name=a",)).data
    assert data["encoder"][1] == {"activation": {"function": "relu", "name": "a"}}


def test_an_option_counts_behind_the_last_that_sets_the_same_or_more() -> None:
    earlier = ["training.optimizer.adam.beta_1=.5", "training.optimizer=adam", "training.optimizer.sgd.momentum=.9"]
    assert added(earlier[:2], [OPTION]) == [*earlier[:2], OPTION]
    assert added(earlier, [OPTION]) == [*earlier[:2], OPTION, earlier[2]]
    assert added(["training.epochs=1", "training={seed: 3}"], [OPTION]) == [
        "training.epochs=1",
        "training={seed: 3}",
        OPTION,
    ]


def test_set_leaves_the_rest_and_the_order() -> None:
    before, after = Source.parse(BASE), Source.parse(BASE, overrides=["encoder.1.dense.units=1", "new=2"])
    expected = json.loads(json.dumps(before.data))
    expected["encoder"][1]["dense"]["units"] = 1
    assert json.dumps(after.data) == json.dumps({**expected, "new": 2})


def test_places_of_what_is_set() -> None:
    assignment = "training.optimizer.adam = {learning_rate: [1, x]}"
    source = Source.parse(BASE, "s.yaml", [assignment])
    loc = ("training", "optimizer", "adam", "learning_rate")
    assert source.values[loc] == Place("--set", 1, assignment.index("[") + 1, 6, assignment)
    assert marked(source.values[(*loc, 1)]) == (1, "x")
    assert marked(source.keys[loc]) == (1, "learning_rate")
    assert source.values[loc[:2]] == Place("s.yaml", 8, 23, 4, "training: {optimizer: adam, epochs: 20}")


def test_places_of_what_an_option_of_its_own_says() -> None:
    value = "{sgd: {learning_rate: [1, x]}}"
    source = Source.parse(BASE, "s.yaml", [Option("--optimizer", "training.optimizer", value)])
    loc = ("training", "optimizer", "sgd", "learning_rate")
    assert source.values[loc] == Place("--optimizer", 1, value.index("[") + 1, 6, value)
    assert source.keys[loc].column == value.index("learning_rate") + 1
    assert source.is_set(loc[:3])
    assert not source.is_set(loc[:2])
    (found,) = refused(BASE, overrides=(Option("--optimizer", "training.optimizer", ""),))
    assert (found.rule.code, found.message) == ("E006", "nothing stands after `--optimizer`")


# the assignment, then for each problem its code and what is marked
BAD_SET: list[tuple[str, list[tuple[str, str]]]] = [
    ("training.epochs", [("E006", "training.epochs")]),
    ("", [("E006", "")]),
    ("=5", [("E006", "=")]),
    (" =5", [("E006", " ")]),
    (".a=5", [("E006", ".")]),
    ("a..b=5", [("E006", ".")]),
    ("a.=5", [("E006", "=")]),
    ("a=", [("E006", "a=")]),
    ("a=  # c", [("E006", "a=  # c")]),
    ("encoder.9=1", [("E006", "9")]),
    ("encoder.4=1", [("E006", "4")]),
    ("encoder.99999999999999999999.x=1", [("E006", "99999999999999999999")]),
    ("encoder.-1.dense=1", [("E006", "-1")]),
    ("input.-1=1", [("E006", "-1")]),
    ("encoder.dense.units=1", [("E006", "dense")]),
    ("encoder.1.5=x", []),
    ("training.epochs.x=1", [("E006", "x")]),
    ("training.optimizer.sgd.momentum=1", [("E006", "sgd")]),
    ("a=- b", [("E006", "- b")]),
    ("a=b: c", [("E006", "b: c")]),
    ("a=\nb: c", [("E006", "b: c")]),
    ("a\nb=1", [("E006", "a")]),
    ("a\n='", [("E006", "a")]),
    ("a=off", [("E004", "off")]),
    ("a=[1", [("E002", "[")]),
    ("a={b:1}", [("E002", "b:1")]),
    ("a=!x 1", [("E007", "!x")]),
    ("a=*s", [("E002", "*s")]),
    ("a={b: 1, b: 2}", [("E003", "b")]),
    ("a=${x}", [("E008", "${x}")]),
    ("a=\0", [("E002", "\0")]),
    ("a=\ud800", [("E002", "\ud800")]),
    ("a\udcff.b=1", [("E002", "\udcff")]),
    (".".join("a" * 100) + "=1", [("E005", "a")]),
]


@pytest.mark.parametrize(("assignment", "problems"), BAD_SET)
@pytest.mark.usefixtures("parser")
def test_what_set_is_refused(assignment: str, problems: list[tuple[str, str]]) -> None:
    if not problems:
        Source.parse(BASE, overrides=[assignment])
        return
    found = refused(BASE, overrides=(assignment,))
    assert [(d.rule.code, marked(d.place)[1]) for d in found] == problems
    assert all(d.place and d.place.name == "--set" and d.help for d in found)


def test_all_bad_assignments_are_reported_after_the_file_and_in_their_order() -> None:
    found = refused("a: off\nb: on", "s.yaml", ("zzz", "y=no", "x"))
    assert [(d.place.name, marked(d.place)[1]) for d in found if d.place] == [
        ("s.yaml", "off"),
        ("s.yaml", "on"),
        ("--set", "zzz"),
        ("--set", "no"),
        ("--set", "x"),
    ]


# ------------------------------------------------------------------------------------------------------ variables

VARIABLES: list[tuple[str, Any]] = [
    ("${n}", 64),
    ('"${n}"', 64),
    ("'${f}'", 0.5),
    ("${l}", [1, [2]]),
    ("${s}", "selu"),
    ("${z}", None),
    ("[${n}, ${t}]", [64, True]),
    ("{units: ${n}, b: ${s}}", {"units": 64, "b": "selu"}),
    ("x-${n}-${s}", "x-64-selu"),
    ("${n}${n}", "6464"),
    ("${t} ${z} ${f}", "true null 0.5"),
    ("$${n}", "${n}"),
    ("a$${n}${n}", "a${n}64"),
    ("$$$${n}", "$$${n}"),
    ("$n {n} $", "$n {n} $"),
    ("${d.e-f_1}", 7),
    ('"${ö ä}"', 8),
    ("${esc}", "${n}"),
    ("{${s}: 1, x${n}: 2, $${n}: 3}", {"selu": 1, "x64": 2, "${n}": 3}),
    ("{${n}: 1}", {"64": 1}),
    ("|\n  ${n}\n", "64\n"),
    ("${n // 10}", 6),
    ("'${ n }'", 64),
    ("{units: ${n * 2}, b: ${-n % 7}}", {"units": 128, "b": 6}),
    ("[${n - 1}, ${(n + 1) * 2}, ${2 ** 3 ** 2}]", [63, 130, 512]),
    ("conv_${n + 1}_${n}", "conv_65_64"),
    ("{x${n // 2}: 1, ${n // 2}: 2}", {"x32": 1, "32": 2}),
    ("${n-d}", 57),
    ("${a-b}", "kept"),
    ("[${half}, ${quarters}, ${text}]", [32, [16, [16]], "half of 64 is 32"]),
    ('"${d +\n  1}"', 8),
]


@pytest.mark.parametrize(("text", "value"), VARIABLES)
@pytest.mark.usefixtures("parser")
def test_variables(text: str, value: Any) -> None:
    names = 'n: 64, f: 0.5, l: [1, [2]], s: selu, z: null, t: true, d.e-f_1: 7, "ö ä": 8, esc: "$${n}", '
    names += 'd: 7, a-b: kept, half: "${n // 2}", '
    names += 'quarters: ["${half // 2}", ["${half // 2}"]], text: "half of ${n} is ${half}"'
    got = Source.parse(f"vars: {{{names}}}\na: {text}").data["a"]
    assert (got, type(got)) == (value, type(value))


def test_vars_stay_in_the_data() -> None:
    assert Source.parse('vars: {n: 1, e: ["$${x}"]}\na: ${n}').data == {"vars": {"n": 1, "e": ["${x}"]}, "a": 1}
    assert Source.parse("vars:\na: 1").data == {"vars": None, "a": 1}
    assert Source.parse("a: {vars: {b: ${c}}}", overrides=["vars.c=2"]).data["a"] == {"vars": {"b": 2}}


# ------------------------------------------------------------------------------------------------------ too large


def laughs(levels: int) -> str:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, levels)]
    return "\n".join(lines)


LARGE = {
    "billion laughs": laughs(30),
    "laughs in mappings": "\n".join(
        f"a{i}: &a{i} {{b: *a{i - 1}, c: *a{i - 1}}}" if i else "a0: &a0 1" for i in range(60)
    ),
    "a deep alias": "a: &a " + "[" * 40 + "]" * 40 + "\nb: &b " + "[" * 30 + "*a" + "]" * 30,
    "many items": "a: [" + "1, " * 20_001 + "]",
    "many block items": "a:\n" + "- 1\n" * 100_000,
    "many keys": "\n".join(f"k{i}: 1" for i in range(20_001)),
    "flow depth": "a: " + "[" * 300_000,
    "mapping depth": "a: " + "{b: " * 100_000,
    "block depth": "- " * 300_000,
    "65 levels": "a: " + "[" * 64 + "]" * 64,
    "a megabyte": "a: " + "x" * 2**20,
    "a long number": "a: " + "9" * 5_000,
    "a long hex": "a: 0x" + "f" * 5_000,
    "text from variables": "vars: {x: " + "x" * 300_000 + "}\na: [" + "a${x}, " * 5_000 + "]",
    "texts with variables": "vars: {x: '', y: &y " + "'" + "${x}" * 1_000 + "'}\na: [" + "*y, " * 9_000 + "]",
    "variables of variables": "vars: {v0: [1, 1], "
    + ", ".join(f"v{i}: ['${{v{i - 1}}}', '${{v{i - 1}}}']" for i in range(1, 30))
    + "}",
    "lists from variables": "vars: {x: [" + "1, " * 9_000 + "]}\na: [" + "${x}, " * 9_000 + "]",
}


@pytest.mark.parametrize("text", LARGE.values(), ids=LARGE)
@pytest.mark.usefixtures("parser")
def test_too_large(text: str) -> None:
    start = time.perf_counter()
    assert [d.rule.code for d in refused(text)] == ["E005"]
    assert time.perf_counter() - start < 10  # it takes the Python parser about 2 s to read 20,000 values


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("[" * 500_000, "E005"),
        ('{"a":' * 100_000, "E005"),
        ('{"a": ' + "[" * 64 + "]" * 64 + "}", "E005"),
        ('{"a": [' + "1," * 20_001 + "1]}", "E005"),
        ('{"a": "' + "x" * 2**20 + '"}', "E005"),
        ('{"a": "' + '\\"' * 400_000, "E002"),
    ],
)
def test_too_large_json(text: str, code: str) -> None:
    assert [d.rule.code for d in refused(text, "x.json")] == [code]


def test_just_not_too_large() -> None:
    assert len(Source.parse("a: [" + "1, " * 19_000 + "]").data["a"]) == 19_000
    assert Source.parse("a: " + "[" * 63 + "]" * 63).data
    assert Source.parse('{"a": ' + "[" * 63 + "]" * 63 + "}", "x.json").data
    assert Source.parse("a: " + "9" * 1_000).data == {"a": 10**1_000 - 1}
    assert Source.parse(laughs(4)).data["a3"][8][8][8] == ["x"] * 9


@pytest.mark.parametrize(
    "text",
    [
        "a: [" + "off, " * 15_000 + "]",  # 15,000 diagnostics on one line
        "vars: {" + ", ".join(f"v{i}: 1" for i in range(5_000)) + "}\na: [" + "${w}, " * 5_000 + "]",
        "a: [" + "&x 1, " * 15_000 + "*y]",
    ],
)
def test_many_problems_are_told_soon(text: str) -> None:
    start = time.perf_counter()
    assert len(refused(text)) >= 1
    assert time.perf_counter() - start < 15


# ----------------------------------------------------------------------------------------------------------- files


def test_read(tmp_path: Path) -> None:
    path = tmp_path / "s.yaml"
    path.write_bytes(b"\xef\xbb\xbfa: \xc3\xbc\r\nb: 1\r\n")
    for name in (path, str(path)):
        source = Source.read(name, ["b=2"])
        assert (source.name, source.data) == (str(path), {"a": "ü", "b": 2})
        assert source.place(("a",)) == Place(str(path), 1, 4, 1, "a: ü")


UNREADABLE: list[tuple[str, str, tuple[int, str] | None, str]] = [
    ("stacke.yaml", "E001", None, "there is no file"),
    ("stacked.yaml/x", "E001", None, "cannot be read"),
    ("no/where.yaml", "E001", None, "there is no file"),
    (".", "E001", None, "is a folder"),
    ("nul\0.yaml", "E001", None, "cannot be read"),
    ("x" * 5_000, "E001", None, "cannot be read"),
    ("latin1.yaml", "E001", (2, "\ufffd"), "not UTF-8"),
    ("utf16.yaml", "E001", (1, "\ufffd"), "not UTF-8"),
    ("image.png", "E001", (1, "\ufffd"), "not UTF-8"),
    ("large.yaml", "E005", None, "more than 1 MiB"),
    ("empty.yaml", "E009", (1, ""), "empty"),
    ("empty.json", "E009", (1, " "), "empty"),
    ("nul.yaml", "E002", (1, "\0"), "control character"),
    ("/dev/zero", "E005", None, "more than 1 MiB"),
]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    files = {
        "stacked.yaml": BASE.encode(),
        "latin1.yaml": b"a: 1\nb: \xfc\n",
        "utf16.yaml": "a: 1".encode("utf-16"),
        "image.png": b"\x89PNG\r\n\x1a\n\0\0",
        "large.yaml": b"# " + b"x" * 2**20,
        "empty.yaml": b"",
        "empty.json": b" \n",
        "nul.yaml": b"\0\0\0",
    }
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    return tmp_path


@pytest.mark.parametrize(("path", "code", "place", "says"), UNREADABLE)
@pytest.mark.usefixtures("folder")
def test_unreadable(path: str, code: str, place: tuple[int, str] | None, says: str) -> None:
    with pytest.raises(AespecError, match=says) as error:
        Source.read(path)
    (found,) = error.value.diagnostics
    assert found.rule.code == code
    assert (marked(found.place) if found.place else None) == place


def test_the_help_for_a_folder_names_specs_alone(tmp_path: Path) -> None:
    for name in ("b.yaml", "a.json", "run.json", "spec.schema.json", "weights.safetensors"):
        (tmp_path / name).touch()
    with pytest.raises(AespecError) as error:
        Source.read(tmp_path)
    assert error.value.diagnostics[0].help == "name a file in it: a.json, b.yaml"


def test_a_file_that_may_not_be_read(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Path, mode: str) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)  # the tests may run as root, who may read everything
    with pytest.raises(AespecError, match="may not be read"):
        Source.read("stacked.yaml")


def test_a_misspelled_file_is_found(folder: Path) -> None:
    with pytest.raises(AespecError, match=r"did you mean `stacked\.yaml`\?"):
        Source.read("stackd.yml")
    with pytest.raises(AespecError, match="give the path from the folder you are in"):
        Source.read("stood.yaml")  # alike in its ending alone
    with pytest.raises(AespecError, match=r"empty\.json, empty\.yaml"):
        Source.read(folder)


# ----------------------------------------------------------------------------------------------------- Python data

DATA: list[Any] = [
    {"a": 1},
    {"a": [1, 2.5, True, None, "x"], "b": {"c": {}, "d": []}},
    {
        k: k
        for k in ["off", "y", "N", "012", "1_0", "1:30", "2020-01-01", "1e5", "0o7", "~", "null", "", " ", "=", "<<"]
    },
    {"a": "x\ny\n", "b": "\t", "c": "\0\x1b\x7f\x85\u2028\ufeff", "d": "日本 🎲"},
    {"e": "a" * 500, "f": "#x", "g": "a: b", "h": "- a"},
    {"a": float("inf"), "b": -1e-300, "c": 10**30, "d": 1e22},
]


@pytest.mark.parametrize("data", DATA)
@pytest.mark.usefixtures("parser")
def test_of(data: Any) -> None:
    source = Source.of(data)
    assert source.data == data
    assert Source.parse(source.text).data == data


def test_of_takes_what_is_nearly_data() -> None:
    import numpy as np

    shared = [1]
    data = {"a": (28, np.int64(28)), "b": np.float32(0.5), "c": np.array([[1, 2]]), "d": shared, "e": shared}
    assert Source.of(data).data == {"a": [28, 28], "b": 0.5, "c": [[1, 2]], "d": [1], "e": [1]}


def test_of_looks_as_if_written_by_hand() -> None:
    dense = {"dense": {"units": 100, "activation": "selu"}}
    data = {"input": [28, 28], "encoder": ["flatten", dense, {"dense": 30}], "decoder": {"mirror": {"length": 2}}}
    assert Source.of(data).text == (
        "input: [28, 28]\n"
        "encoder:\n"
        "  - flatten\n"
        "  - dense: {units: 100, activation: selu}\n"
        "  - dense: 30\n"
        "decoder:\n"
        "  mirror: {length: 2}\n"
    )


recursive: dict[str, Any] = {}
recursive["a"] = recursive


@pytest.mark.parametrize(
    ("data", "code"),
    [
        ({"a": print}, "E007"),
        ({"a": {1, 2}}, "E007"),
        ({1: 2}, "E007"),
        ({True: 2}, "E007"),
        ({(1, 2): 2}, "E007"),
        ({"a": Path("x")}, "E007"),
        ({"a": "${x}"}, "E008"),
        ({"a": "\ud800"}, "E002"),
        (recursive, "E005"),
        ({"a": [0] * 30_000}, "E005"),
        ([1], "E009"),
        (None, "E009"),
        ({}, None),
    ],
    ids=repr,
)
@pytest.mark.usefixtures("parser")
def test_what_python_data_is_refused(data: Any, code: str | None) -> None:
    if code is None:
        assert Source.of(data).data == data
        return
    with pytest.raises(AespecError) as error:
        Source.of(data)
    str(error.value).encode()
    assert [d.rule.code for d in error.value.diagnostics] == [code]


# ----------------------------------------------------------------------------------------------------- properties

patient = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

text = st.text(st.characters(exclude_categories=("Cs",)), max_size=20).filter(lambda t: "${" not in t)
tricky = st.sampled_from(
    ["off", "Y", "012", "1_0", "1e3", "~", "=", "<<", "#", "- ", "a: b", "'", '"', "\\", "\n", "\u2028 ", "{}", "..."]
)
words = text | tricky
scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | words
nested = st.recursive(scalars, lambda v: st.lists(v, max_size=4) | st.dictionaries(words, v, max_size=4), max_leaves=20)
mappings = st.dictionaries(words.filter(lambda key: key != "vars"), nested, max_size=5)


def locs(value: Any, loc: Loc = ()) -> Iterator[Loc]:
    yield loc
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in pairs:
        yield from locs(item, (*loc, key))


def check(source: Source, data: Any) -> None:
    assert repr(source.data) == repr(data)  # repr: 1, 1.0 and True are different
    assert set(source.values) == set(locs(data))
    assert set(source.keys) == {loc for loc in locs(data) if loc and isinstance(loc[-1], str)}
    lines = {place.text for place in source.values.values()}
    assert all(line in source.text for line in lines)
    for place in [*source.values.values(), *source.keys.values()]:
        assert place.column >= 1
        assert place.width >= 1
        assert place.column - 1 + place.width <= max(len(place.text), 1)


class Quoting(yaml.SafeDumper):
    """Writes every text in double quotes, and nothing else otherwise than PyYAML does."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


Quoting.add_representer(str, lambda self, value: self.represent_scalar("tag:yaml.org,2002:str", value, style='"'))


@patient
@given(mappings, st.sampled_from([None, 1, "\t"]), st.booleans())
def test_json_reads_back(data: Any, indent: int | str | None, ascii: bool) -> None:
    finite = json.loads(json.dumps(data).replace("-Infinity", "-1").replace("Infinity", "1"))
    check(Source.parse(json.dumps(finite, indent=indent, ensure_ascii=ascii), "x.json"), finite)


@patient
@given(mappings, st.sampled_from([None, True, False]), st.integers(1, 9), st.integers(20, 200), st.booleans())
def test_yaml_reads_back(data: Any, flow: bool | None, indent: int, width: int, unicode: bool) -> None:
    style: Any = {"default_flow_style": flow, "indent": indent, "width": width, "allow_unicode": unicode}
    written = yaml.dump(data, Dumper=Quoting, sort_keys=False, **style)
    assume(yaml.safe_load(written) == data)  # PyYAML breaks some lines in the middle of an escape
    check(Source.parse(written), data)


@patient
@given(mappings)
@example({"parameter": {"": {}}})
@example({"": None, "a {b": None})
def test_python_data_reads_back(data: Any) -> None:
    source = Source.of(data)
    check(source, data)


@patient
@given(st.data(), mappings.filter(bool))
def test_a_scalar_in_flow_yaml_is_under_its_carets(draw: st.DataObject, data: Any) -> None:
    numbered = {f"k{i}": i for i, _ in enumerate(data)}
    source = Source.parse(yaml.safe_dump(numbered, default_flow_style=draw.draw(st.booleans())))
    assert {loc: marked(place)[1] for loc, place in source.values.items() if loc} == {
        (k,): str(v) for k, v in numbered.items()
    }


characters = list("abe015:-[]{},\n\t'\"\\!|>#?%@`=.&*$~é🎲\0\x85\u2028\ufeff\r ")
tokens = [": ", "- ", "\n  ", "&x ", "*x", "!!str ", "# ", "<<: ", "---\n", "...\n", "012", "off", "${", "$${", "${a}"]
tokens += ["vars: ", "\\u", "\\UFFFFFFFF", "\\ud800", "%YAML 1.1\n", "%TAG ! !\n", "null", "0x", "? ", '"a": ', "{}"]
soup = st.lists(st.sampled_from(characters + tokens), max_size=25).map("".join)
assignments = st.lists(soup | st.builds("{}={}".format, soup, soup), max_size=2)


@patient
@given(soup | st.text(), st.sampled_from(["x.yaml", "x.json"]), assignments)
@example("a: &x\n  *x", "x.yaml", [])
@example('a: "\\UFFFFFFFF"', "x.yaml", [])
@example("?", "x.yaml", [])
@example("a: 1\n? ", "x.yaml", ["?=?"])
@pytest.mark.usefixtures("parser")
def test_any_text_is_read_or_refused(text: str, name: str, overrides: list[str]) -> None:
    try:
        source = Source.parse(text, name, overrides)
    except AespecError as error:
        found, rendered = error.diagnostics, str(error)
    else:
        assert isinstance(source.data, dict)
        assert set(source.values) == set(locs(source.data))
        return
    assert len(set(found)) == len(found) > 0
    assert rendered.encode()


json_tokens = [
    *"{}[]:,\"'\\ \n\t#/(abe015.-+",
    '"a"',
    '"a": ',
    "true",
    "null",
    "1.5",
    "// x\n",
    "/*",
    "*/",
    "\x0b",
    "\xa0",
]
json_soup = st.lists(st.sampled_from([*json_tokens, "\uff1a", "\u201c", '\\"', "${a}"]), max_size=20).map("".join)


@patient
@given(json_soup | json_soup.map("{{{}}}".format))
@example('1.5\n\n"')
@example('{}"b"l1.5]bl,\uff1a"a}')
def test_what_is_no_json_is_told_and_what_is_none_is_not(text: str) -> None:
    try:
        meant = json.loads(text)
    except json.JSONDecodeError:
        meant = AespecError
    try:
        source = Source.parse(text, "x.json")
    except AespecError as error:
        told = {each.rule.code for each in error.diagnostics}
        assert ("E002" in told) == (meant is AespecError) or told == {"E009"}
    else:
        assert source.data == meant


@patient
@given(st.binary() | soup.map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_any_file_is_read_or_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.yaml"
    path.write_bytes(content)
    try:
        Source.read(path)
    except AespecError as error:
        str(error).encode()


# --------------------------------------------------------------------------------------------------------- rules


def run(snippet: str) -> None:
    """Do what an example of an E0 rule shows: read it as a spec, or as a command that reads one."""
    command = shlex.split(snippet)
    if command[:2] == ["aespec", "validate"]:
        overrides = [after for word, after in pairwise(command) if word == "--set"]
        Source.read(command[2], overrides)
    else:
        Path("spec.yaml").write_text(snippet)
        Source.read("spec.yaml")


@pytest.mark.parametrize("code", [code for code in RULES if code.startswith("E0")])
@pytest.mark.usefixtures("folder", "parser")
def test_examples_of_rules(code: str) -> None:
    with pytest.raises(AespecError) as error:
        run(RULES[code].bad)
    assert {d.rule.code for d in error.value.diagnostics} == {code}
    run(RULES[code].good)


@pytest.mark.parametrize("code", RULES)
def test_rules_explain_themselves(code: str) -> None:
    rule = RULES[code]
    title, blank, *body = (rule.__doc__ or "").split("\n")
    assert (rule.code, blank) == (code, "")
    assert title.endswith(".")
    assert len(" ".join(body).split()) > 20
    assert rule.bad.strip() != rule.good.strip()
    explained = explain(code.lower())
    assert explained.startswith(f"{code}: {title}\n\n")
    for snippet in (rule.bad, rule.good):
        assert all(f"    {line}" in explained for line in snippet.strip().splitlines())


def test_an_unknown_rule_is_explained_too() -> None:
    with pytest.raises(AespecError, match="did you mean `E101`"):
        explain("E1O1")
