import json
import pickle
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aespec.diagnostics import AespecError, Diagnostic, Place, Rule, nearest, render, show, to_json
from aespec.rules import SyntaxProblem

patient = settings(deadline=None)


class Broken(Rule):
    """Something is broken."""

    code = "E999"
    bad = good = ""


class Doubtful(Broken):
    """Something is doubtful."""

    code = "W999"
    severity = "warning"


FULL = Diagnostic(
    Broken,
    "unknown layer kind `dens`",
    Place("specs/x.yaml", 5, 5, 4, "  - dens: {units: 100}"),
    wanted="a layer kind",
    got="`dens`",
    help="did you mean `dense`? `aespec layers` lists all kinds",
)

LOOK = """\
error[E999]: unknown layer kind `dens`
  --> specs/x.yaml:5:5
   |
 5 |   - dens: {units: 100}
   |     ^^^^
   = wanted: a layer kind
   = got: `dens`
   = help: did you mean `dense`? `aespec layers` lists all kinds

1 error"""


def test_the_look() -> None:
    assert render([FULL]) == LOOK
    assert str(AespecError(FULL)) == LOOK


def test_a_problem_without_a_place() -> None:
    assert render([Diagnostic(Broken, "no", help="one\ntwo")]) == (
        "error[E999]: no\n   = help: one\n           two\n\n1 error"
    )


@pytest.mark.parametrize(
    ("rules", "last"),
    [
        ([], "0 errors"),
        ([Broken], "1 error"),
        ([Broken, Broken], "2 errors"),
        ([Doubtful], "1 warning"),
        ([Doubtful, Broken, Doubtful], "1 error, 2 warnings"),
    ],
)
def test_the_last_line_counts(rules: list[type[Rule]], last: str) -> None:
    assert render([Diagnostic(rule, "no") for rule in rules]).splitlines()[-1] == last


def test_a_line_number_of_several_digits_widens_the_margin() -> None:
    place = Place("x", 1234, 1, 1, "a")
    assert render([Diagnostic(Broken, "no", place, got="a")]).splitlines()[1:6] == [
        "     --> x:1234:1",
        "      |",
        " 1234 | a",
        "      | ^",
        "      = got: a",
    ]


# line, column, width, the line as shown, the carets below it (both counted in screen columns)
EXCERPTS = [
    ("a: b", 4, 1, "a: b", "   ^"),
    ("a: bcd", 4, 3, "a: bcd", "   ^^^"),
    ("a: b", 4, 9, "a: b", "   ^"),  # wider than the line
    ("a:", 3, 1, "a:", "  ^"),  # just behind the line
    ("", 1, 1, "", "^"),
    ("\ta: b", 5, 1, "    a: b", "       ^"),
    ("a:\tb", 4, 1, "a:    b", "      ^"),
    ("日本: b", 5, 1, "日本: b", "      ^"),
    ("日本: b", 1, 2, "日本: b", "^^^^"),
    ("e\u0301: b", 5, 1, "e\u0301: b", "   ^"),  # a combining accent takes no column
    ("a: \x1b[31mb", 4, 1, "a: \ufffd[31mb", "   ^"),  # the terminal must not obey a spec
    ("a: \ud800", 4, 1, "a: \ufffd", "   ^"),
    ("a: \u202eb", 5, 1, "a: \ufffdb", "    ^"),  # bidi override
    ("a" * 100, 100, 1, "a" * 100, " " * 99 + "^"),
    ("b" + "a" * 100, 1, 1, "b" + "a" * 99 + "…", "^"),
    ("a" * 500 + "b" + "a" * 500, 501, 1, "…" + "a" * 40 + "b" + "a" * 59 + "…", " " * 41 + "^"),
    ("a" * 500, 500, 1, "…" + "a" * 41, " " * 41 + "^"),
    ("a" * 500, 1, 500, "a" * 100 + "…", "^" * 100),
    ("日" * 60, 60, 1, "…" + "日" * 41, " " * 81 + "^^"),
    ("日" * 80, 1, 1, "日" * 50 + "…", "^^"),
]


@pytest.mark.parametrize(("line", "column", "width", "shown", "carets"), EXCERPTS)
def test_excerpts(line: str, column: int, width: int, shown: str, carets: str) -> None:
    lines = render([Diagnostic(Broken, "no", Place("x", 1, column, width, line))]).split("\n")
    assert lines[3:5] == [f" 1 | {shown}".rstrip(), f"   | {carets}"]


def test_color_only_adds_escapes() -> None:
    colored = render([FULL, Diagnostic(Doubtful, "hm")], color=True)
    plain = render([FULL, Diagnostic(Doubtful, "hm")])
    for code in ("0", "1", "1;31", "1;33", "1;34"):
        assert f"\x1b[{code}m" in colored
        colored = colored.replace(f"\x1b[{code}m", "")
    assert colored == plain


def test_messages_cannot_drive_the_terminal() -> None:
    text = render([Diagnostic(Broken, "a\x1b]0;b\x07", got="\x9b1m", help="\u2066", wanted="\ud800")])
    assert all(unicodedata.category(c) not in ("Cc", "Cf", "Cs") for c in text.replace("\n", ""))


def test_a_million_characters_are_shown_at_once() -> None:
    place = Place("x", 1, 500_000, 5, "a" * 1_000_000)
    assert len(render([Diagnostic(Broken, "no", place)] * 1_000)) < 400_000


def test_to_json() -> None:
    assert to_json(FULL) == {
        "code": "E999",
        "severity": "error",
        "message": "unknown layer kind `dens`",
        "file": "specs/x.yaml",
        "line": 5,
        "column": 5,
        "within": None,
        "wanted": "a layer kind",
        "got": "`dens`",
        "help": "did you mean `dense`? `aespec layers` lists all kinds",
    }
    assert to_json(Diagnostic(Doubtful, "hm")) == {
        **dict.fromkeys(["file", "line", "column", "within", "wanted", "got", "help"]),
        "code": "W999",
        "severity": "warning",
        "message": "hm",
    }


def test_an_error_survives_a_process_border() -> None:
    error = pickle.loads(pickle.dumps(AespecError(FULL, FULL)))
    assert error.diagnostics == (FULL, FULL)


KINDS = ["average_pool2d", "batch_normalization", "conv1d", "conv1d_transpose", "conv2d", "conv2d_transpose", "dense"]
KINDS += ["dropout", "flatten", "gru", "layer_normalization", "leaky_relu", "lstm", "max_pool1d", "max_pool2d", "relu"]
KINDS += [
    "repeat_vector",
    "reshape",
    "selu",
    "sigmoid",
    "time_distributed",
    "upsampling2d",
    "binary_crossentropy",
    "mse",
]


@pytest.mark.parametrize(
    ("name", "option"),
    [
        ("Conv2D", "conv2d"),
        ("MaxPooling2D", "max_pool2d"),
        ("MaxPool2d", "max_pool2d"),
        ("max-pool-2d", "max_pool2d"),
        ("AveragePooling2D", "average_pool2d"),
        ("AvgPool2d", "average_pool2d"),
        ("ReLU", "relu"),
        ("LeakyReLU", "leaky_relu"),
        ("Conv2DTranspose", "conv2d_transpose"),
        ("ConvTranspose2d", "conv2d_transpose"),
        ("ConvTranspose1d", "conv1d_transpose"),
        ("BatchNorm", "batch_normalization"),
        ("BatchNormalization", "batch_normalization"),
        ("LayerNorm", "layer_normalization"),
        ("TimeDistributed", "time_distributed"),
        ("UpSampling2D", "upsampling2d"),
        ("up_sampling_2d", "upsampling2d"),
        ("RepeatVector", "repeat_vector"),
        ("LSTM", "lstm"),
        ("dens", "dense"),
        ("desne", "dense"),
        ("sigmod", "sigmoid"),
        ("BinaryCrossentropy", "binary_crossentropy"),
        ("binary_cross_entropy", "binary_crossentropy"),
        ("", None),
        ("banana", None),
        ("transformer_xxl", None),
        ("日本", None),
        ("x" * 1_000_000, None),
    ],
)
def test_nearest(name: str, option: str | None) -> None:
    assert nearest(name, KINDS) == option
    assert nearest(name, reversed(KINDS)) == option
    assert nearest(name, []) is None


@pytest.mark.parametrize(
    ("name", "option"),
    [
        ("lr", "learning_rate"),
        ("LearningRate", "learning_rate"),
        ("wd", "weight_decay"),
        ("b", None),
        ("Beta1", "beta_1"),
    ],
)
def test_nearest_reads_initials(name: str, option: str | None) -> None:
    assert nearest(name, ["beta_1", "beta_2", "epsilon", "learning_rate", "weight_decay"]) == option


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "null"),
        (True, "true"),
        (False, "false"),
        (1, "1"),
        (-0.5, "-0.5"),
        (1e-7, "1e-07"),
        ("abc", '"abc"'),
        ("", '""'),
        ('a"b\\c\n\t', r'"a\"b\\c\n\t"'),
        ("x" * 100, '"' + "x" * 57 + '…"'),
        ([], "[]"),
        ({}, "{}"),
        ([1, "a", None], '[1, "a", null]'),
        ((28, 28), "[28, 28]"),
        ({"a": [1, {"b": 2.0}]}, "{a: [1, {b: 2.0}]}"),
        (10**100, "1" + "0" * 58 + "…"),
    ],
)
def test_show(value: object, shown: str) -> None:
    assert show(value) == shown


def test_show_is_bounded() -> None:
    recursive: list[object] = []
    recursive.append(recursive)
    deep: dict[str, object] = {}
    for _ in range(10_000):
        deep = {"key": deep}
    wide = [["x" * 99] * 99] * 99
    for value in (recursive, deep, wide, list(range(10**6)), "x" * 10**6, {"k" * 10**6: 1}, 10**10_000):
        assert len(show(value)) <= 70


@patient
@given(st.recursive(st.none() | st.booleans() | st.integers(-999, 999) | st.text('ab\n"\\ü', max_size=5), st.lists))
def test_show_writes_json_when_nothing_is_clipped(value: object) -> None:
    assert json.loads(show(value, limit=10**6)) == value


@patient
@given(st.text(st.characters()), st.integers(1, 2000), st.integers(1, 2000), st.text(st.characters()))
def test_anything_can_be_rendered(line: str, column: int, width: int, message: str) -> None:
    text = render([Diagnostic(Broken, message, Place(message, 1, column, width, line), got=line)], color=True)
    text.encode()
    assert "^" in text


@pytest.mark.parametrize(
    ("said", "in_a_json_file"),
    [
        ("add `times: 3`, or `each: {units: [64, 32]}`", 'add `"times": 3`, or `"each": {"units": [64, 32]}`'),
        ("put `- reshape: [8, 8, 1]` before it", 'put `{"reshape": [8, 8, 1]}` before it'),
        ("say how many: `decoder: {mirror: {length: ...}}`", 'say how many: `"decoder": {"mirror": {"length": ...}}`'),
        ("write `input: {shape: [8], range: [0, 1]}`", 'write `"input": {"shape": [8], "range": [0, 1]}`'),
        ("`aespec layers` lists them; `dense`, `-` and `${n}` stay", None),
        ("write `{units: ${n}}`, which is no JSON yet", None),
        ('write `"decoder": "mirror"`', None),
    ],
)
def test_advice_for_a_json_file_is_json(said, in_a_json_file):
    for name, expected in (("spec.yaml", said), ("spec.json", in_a_json_file or said)):
        place = Place(name, 1, 1, 1, "{")
        assert Diagnostic(SyntaxProblem, "what", place, help=said).help == expected
