"""What an unquoted YAML scalar means, and which ones mean two things.

The core schema of YAML 1.2: https://yaml.org/spec/1.2.2/#103-core-schema; what YAML 1.1 read
otherwise: https://yaml.org/type/.
"""

import re
from collections.abc import Callable
from typing import NamedTuple

Scalar = str | int | float | bool | None


class Ambiguity(NamedTuple):
    """What YAML 1.1 takes a scalar for, and how to write that so that every reader agrees (None: no other way)."""

    other: str
    instead: str | None


def plain_value(text: str) -> Scalar:
    """Read an unquoted scalar.

    >>> [plain_value(text) for text in ("1e-3", "0x1F", "~", "TRUE", "selu")]
    [0.001, 31, None, True, 'selu']
    """
    for pattern, read in _CORE:
        if pattern.fullmatch(text):
            return read(text)
    return text


def ambiguity(text: str) -> Ambiguity | None:
    """Tell how YAML 1.1 reads an unquoted scalar, where 1.2 reads it otherwise.

    >>> ambiguity("off")
    Ambiguity(other='false', instead='false')
    >>> ambiguity("1_000").instead
    '1000'
    >>> ambiguity("selu") is None
    True
    """
    for pattern, read in _AMBIGUOUS:
        if pattern.fullmatch(text):
            return read(text)
    return None


_CORE: tuple[tuple[re.Pattern[str], Callable[[str], Scalar]], ...] = (
    (re.compile(r"|~|null|Null|NULL"), lambda text: None),
    (re.compile(r"true|True|TRUE"), lambda text: True),
    (re.compile(r"false|False|FALSE"), lambda text: False),
    (re.compile(r"[-+]?[0-9]+"), int),
    (re.compile(r"0o[0-7]+"), lambda text: int(text[2:], 8)),
    (re.compile(r"0x[0-9a-fA-F]+"), lambda text: int(text[2:], 16)),
    (re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?"), float),
    (re.compile(r"[-+]?\.(inf|Inf|INF)"), lambda text: float(text.replace(".", ""))),
    (re.compile(r"\.(nan|NaN|NAN)"), lambda text: float("nan")),
)


def _truth(text: str) -> Ambiguity:
    truth = "true" if text.lower() in ("y", "yes", "on") else "false"
    return Ambiguity(truth, truth)


def _octal(text: str) -> Ambiguity:
    sign, digits = text[: text[0] in "+-"], text.lstrip("+-0") or "0"
    return Ambiguity("a number in base 8", f"{sign.strip('+')}{digits}")


# The first pattern that fits decides.
_AMBIGUOUS: tuple[tuple[re.Pattern[str], Callable[[str], Ambiguity]], ...] = (
    (re.compile(r"y|yes|n|no|on|off", re.IGNORECASE | re.ASCII), _truth),
    (
        re.compile(
            r"(?=[^_]*_)[-+]?(0x[0-9a-fA-F_]+|0b[01_]+|0[0-7_]+"
            r"|([0-9][0-9_]*(\.[0-9_]*)?|\.[0-9][0-9_]*)([eE][-+]?[0-9]+)?)"
        ),
        lambda text: Ambiguity("a number", re.sub(r"(?<![0-9])0+(?=[0-9])|_", "", text.replace("_", ""))),
    ),
    (re.compile(r"[-+]?0[0-9]+"), _octal),
    (re.compile(r"[-+]?0b[01]+"), lambda text: Ambiguity("a number in base 2", "the number in base 10")),
    (re.compile(r"[-+]0x[0-9a-fA-F]+"), lambda text: Ambiguity("a number in base 16", "the number in base 10")),
    (
        re.compile(r"[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?"),
        lambda text: Ambiguity("a number in base 60", "the number in base 10"),
    ),
    (
        re.compile(
            r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}"
            r"(([Tt]|[ \t]+)[0-9]{1,2}:[0-9]{2}:[0-9]{2}(\.[0-9]*)?([ \t]*(Z|[-+][0-9]{1,2}(:?[0-9]{2})?))?)?"
        ),
        lambda text: Ambiguity("a date", None),
    ),
    (re.compile(r"=|<<"), lambda text: Ambiguity("a sign with a meaning of its own", None)),
)
