"""What stands in ``${...}``: its meaning is Python's, which evaluates the same text here."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aespec.diagnostics import AespecError, Diagnostic
from aespec.source import Source
from aespec.source.expression import LARGEST, Fault, evaluate

patient = settings(deadline=None)

NAMES = {"a": 7, "width_2": 64, "negative": -3, "zero": 0, "ö": 5}


def computed(text: str) -> int:
    return evaluate(text, lambda token: NAMES[token.text])


def outcome(text: str) -> int | Fault:
    try:
        return evaluate(text, lambda token: NAMES.get(token.text, 1))
    except Fault as fault:
        return fault


def refused(text: str) -> tuple[Fault, str]:
    """The fault, and the characters that it is of."""
    with pytest.raises(Fault) as caught:
        computed(text)
    return caught.value, text[caught.value.start : caught.value.end]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("3", 3),
        ("  a ", 7),
        ("1 + 2 * 3", 7),
        ("(1 + 2) * 3", 9),
        ("10 - 3 - 2", 5),  # from left to right
        ("100 // 7 // 2", 7),
        ("7 // 2", 3),
        ("-7 // 2", -4),  # rounds down, not to zero
        ("7 // -2", -4),
        ("-7 % 3", 2),  # has the sign of what stands behind it
        ("7 % -3", -2),
        ("2 ** 3 ** 2", 512),  # from right to left
        ("-2 ** 2", -4),  # powers come before signs
        ("(-2) ** 2", 4),
        ("0 ** 0", 1),
        ("--a", 7),
        ("2 * -a", -14),
        ("2-1", 1),
        ("negative**3", -27),
        ("width_2//2**ö", 2),
        ("1\n+\t1", 2),
        (f"{LARGEST} - 1", LARGEST - 1),
        (f"-{LARGEST}", -LARGEST),
        ("(-1) ** 9223372036854775807", -1),
        ("(" * 31 + "1" + ")" * 31, 1),
        ("1" + " + 1" * 249, 250),
    ],
)
def test_what_it_comes_to(text: str, value: int) -> None:
    assert computed(text) == value


# the expression, the characters that are marked, and what the message says
REFUSED = [
    ("", "", "nothing stands in the braces"),
    ("a / 2", "/", "`/` gives fractions"),
    ("a /2", "/", "`/` gives fractions"),
    ("a ^ 2", "^", "`^` is no operator"),
    ("a[0]", "[", "no item"),
    ("max(a, 2)", "max", "no functions"),
    ("a.b.c(1)", "a.b.c", "no functions"),
    ("a < 2", "<", "`<` has no meaning here"),
    ("'a'", "'", "`'` has no meaning here"),
    ("a, 2", ",", "`,` has no meaning here"),
    ("a +", "+", "a value is missing after `+`"),
    ("+ a", "+", "a value is missing before `+`"),
    ("a * // 2", "*", "a value is missing after `*`"),
    ("a ** ", "**", "a value is missing after `**`"),
    ("()", "(", "a value is missing after `(`"),
    ("(a", "(", "`(` is never closed"),
    ("2 * (a + (3 - 1)", "(", "`(` is never closed"),
    ("a)", ")", "`)` closes nothing"),
    ("a 2", "2", "an operator is missing before `2`"),
    ("(a 2)", "2", "an operator or `)` is missing before `2`"),
    ("2 a", "a", "an operator is missing before `a`"),
    ("2a", "2a", "`2a` is no whole number"),
    ("1.5 * a", "1.5", "`1.5` is no whole number"),
    ("1e3", "1e3", "`1e3` is no whole number"),
    ("0x10", "0x10", "`0x10` is no whole number"),
    ("1_000", "1_000", "`1_000` is no whole number"),
    ("012", "012", "`012` is no whole number"),
    ("1 + a // zero", "a // zero", "`//` by zero has no result"),
    ("a % (1 - 1) + 1", "a % (1 - 1)", "`%` by zero has no result"),
    ("2 ** -1 + 1", "2 ** -1", "a negative power is no whole number"),
    ("0 ** negative", "0 ** negative", "a negative power is no whole number"),
    (f"{LARGEST + 1}", f"{LARGEST + 1}", "the number is too large"),
    ("9" * 1_000, "9" * 1_000, "the number is too large"),
    (f"1 + {LARGEST}", f"1 + {LARGEST}", "the number is too large"),
    (f"-{LARGEST} - 1", f"-{LARGEST} - 1", "the number is too large"),
    ("2 ** 63", "2 ** 63", "the number is too large"),
    ("10 ** 10 ** 10", "10 ** 10 ** 10", "the number is too large"),
    ("(-9) ** 9223372036854775807", "(-9) ** 9223372036854775807", "the number is too large"),
    ("(" * 900 + "1", "(", "operators are nested more than 32 deep"),
    ("-" * 900 + "1", "-", "operators are nested more than 32 deep"),
    ("1 + " * 250 + "1", "1 + " * 250 + "1", "arithmetic of 1,001 characters"),
    ("2**" * 300 + "1", "2", "operators are nested more than 32 deep"),
]


@pytest.mark.parametrize(("text", "marked", "says"), REFUSED, ids=[text[:20] for text, _, _ in REFUSED])
def test_what_is_refused(text: str, marked: str, says: str) -> None:
    fault, under = refused(text)
    assert under == marked
    assert says in fault.message
    assert fault.wanted
    assert fault.help


numbers = st.integers(0, 99).map(str) | st.sampled_from([*NAMES, str(LARGEST)])


def _larger(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    operators = st.sampled_from(["+", "-", "*", "//", "%", "**", " + ", " - ", " // "])
    return (
        st.builds("{}{}{}".format, inner, operators, inner)
        | inner.map("({})".format)
        | inner.map("-{}".format)
        | inner.map(" {} ".format)
    )


class Bounded(int):
    """Python's whole numbers, but none that is too large."""

    def __add__(self, other: int) -> "Bounded":
        return self._within(int(self) + int(other))

    def __sub__(self, other: int) -> "Bounded":
        return self._within(int(self) - int(other))

    def __mul__(self, other: int) -> "Bounded":
        return self._within(int(self) * int(other))

    def __floordiv__(self, other: int) -> "Bounded":
        return self._within(int(self) // int(other))

    def __mod__(self, other: int) -> "Bounded":
        return self._within(int(self) % int(other))

    def __neg__(self) -> "Bounded":
        return self._within(-int(self))

    def __pow__(self, other: int) -> "Bounded":  # type: ignore[override]
        if other < 0 or (abs(self) > 1 and other > 63):
            raise OverflowError
        return self._within(int(self) ** (other if abs(self) > 1 else other and 2 - other % 2))

    def _within(self, result: int) -> "Bounded":
        if abs(result) > LARGEST:
            raise OverflowError
        return Bounded(result)


@settings(deadline=None, max_examples=1_000)
@given(st.recursive(numbers, _larger, max_leaves=8))
def test_it_means_what_it_means_in_python(text: str) -> None:
    names = {name: Bounded(value) for name, value in NAMES.items()}
    python = re.sub(r"\b[0-9]+\b", r"Bounded(\g<0>)", text.strip())
    try:
        expected = eval(python, {"Bounded": Bounded}, names)
    except (ZeroDivisionError, OverflowError):
        expected = None
    found = outcome(text)
    if isinstance(found, Fault):
        assert expected is None or "nested" in found.message
        assert 0 <= found.start < found.end <= len(text)
    else:
        assert found == expected


@patient
@given(st.lists(st.sampled_from([*"a0 9+-*/%().^[]$\n\tö٣²", "**", "//", "zero"]), max_size=30).map("".join))
def test_any_text_is_computed_or_refused(text: str) -> None:
    found = outcome(text)
    if isinstance(found, Fault):
        assert 0 <= found.start <= found.end <= len(text)
        assert found.help
    else:
        assert type(found) is int
        assert abs(found) <= LARGEST


# --------------------------------------------------------------------------------------------------- in a whole spec


def problem(text: str, name: str = "x.yaml") -> tuple[Diagnostic, str]:
    with pytest.raises(AespecError) as caught:
        Source.parse(text, name)
    (found,) = caught.value.diagnostics
    assert found.place is not None
    return found, found.place.text[found.place.column - 1 :][: found.place.width]


@pytest.mark.parametrize(
    ("text", "code", "marked", "help"),
    [
        ("vars: {w: 8}\na: 'u${w}v${w / 2}'", "E010", "/", "write `//`, which rounds down"),
        ("vars: {width: 8}\na: ${wdth // 2}", "E008", "wdth", "did you mean `width`?"),
        ("vars: {width: 8}\na: ${wdth}", "E008", "${wdth}", "did you mean `${width}`?"),
        ("vars: {w: selu}\na: ${w * 2}", "E010", "w", "compute with whole numbers; `${w}` alone takes any value"),
        ("vars: {w: 10000000000000000000}\na: ${w - 1}", "E010", "w", None),
        ("vars: {w: 1.5}\na: [${w * 2}]", "E010", "w", None),
        ("vars: {a: ${b}, b: 1}", "E008", "${b}", "a variable can use those above it in `vars`: move `b` up"),
        ("vars: {a: ${a + 1}}", "E008", "a", "a variable can use those above it in `vars`"),
        ("vars: {a-b: 1}\nc: ${a-b * 2}", "E008", "a", "`a-b` is a subtraction in arithmetic: call it `a_b`"),
        ("vars: {w: 8}\na:\n  - |\n    x\n    ${w / 2}", "E010", "|", "write `//`, which rounds down"),
    ],
)
def test_where_it_is_refused(text: str, code: str, marked: str, help: str | None) -> None:
    found, under = problem(text)
    assert (found.rule.code, under) == (code, marked)
    assert help is None or found.help == help


def test_json_has_arithmetic_too() -> None:
    text = '{"vars": {"w": 9, "h": "${w // 2}"}, "a": ["${h % 3}", "${h}", "x${-h}"]}'
    assert Source.parse(text, "x.json").data["a"] == [1, 4, "x-4"]
    found, under = problem('{"vars": {"w": 9},\n "a": "${w  // (3 - 3)}"}', "x.json")
    assert (found.rule.code, found.got, under) == ("E010", "9 // 0", "${w  // (3 - 3)}")


def test_what_is_no_arithmetic_yaml_reads_as_before() -> None:
    assert Source.parse('{a: "${", b: "}", c: "x: [1, {2}]"}'.replace("${", "$$${")).data == {
        "a": "$${",
        "b": "}",
        "c": "x: [1, {2}]",
    }
    assert Source.parse('a: "$${x: [1], #2}"').data == {"a": "${x: [1], #2}"}
