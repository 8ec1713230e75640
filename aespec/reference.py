"""What the classes say about themselves: the text of each field, as data for messages, pages and schemas."""

from __future__ import annotations

import ast
import inspect
import textwrap
from functools import cache

from pydantic import BaseModel

__all__ = ["described", "field_docs", "member_docs", "plain", "summary_line"]


@cache
def field_docs(model: type[BaseModel]) -> dict[str, str]:
    """The string that stands below each field in its class, its lines joined.

    >>> from aespec.layers.noise import Dropout
    >>> field_docs(Dropout)["rate"]
    'Fraction of the values that is set to zero.'
    """
    docs: dict[str, str] = {}
    for cls in reversed(model.__mro__):
        if issubclass(cls, BaseModel) and cls is not BaseModel:
            docs.update(member_docs(cls))
    return {name: doc for name, doc in docs.items() if name in model.model_fields}


def described(thing: object) -> str:
    """The docstring of a class or a function, as users are shown it."""
    return plain(inspect.cleandoc(thing.__doc__ or ""))


def summary_line(model: type) -> str:
    """The first line of a class's docstring."""
    return described(model).partition("\n")[0]


def plain(text: str) -> str:
    """A text without the marks of reStructuredText.

    >>> plain("``same`` or ``valid``")
    '`same` or `valid`'
    """
    return text.replace("``", "`")


def member_docs(cls: type) -> dict[str, str]:
    """The string that stands below each field of a class, without those of its bases, its lines joined."""
    try:
        body = ast.parse(textwrap.dedent(inspect.getsource(cls))).body[0]
    except (OSError, TypeError):
        return {}
    assert isinstance(body, ast.ClassDef)
    return {
        field.target.id: plain(" ".join(text.value.value.split()))
        for field, text in zip(body.body, body.body[1:], strict=False)
        if isinstance(field, ast.AnnAssign)
        and isinstance(field.target, ast.Name)
        and isinstance(text, ast.Expr)
        and isinstance(text.value, ast.Constant)
        and isinstance(text.value.value, str)
    }
