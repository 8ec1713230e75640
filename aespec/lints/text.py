"""Lints about what is written and stands for nothing."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from aespec.diagnostics import Diagnostic, Place, nearest
from aespec.fixes import RemoveEntry, Replace
from aespec.graph import Graph
from aespec.lints.base import Lint
from aespec.lints.ignores import Ignore
from aespec.spec import Spec

__all__ = ["UnusedIgnore", "UnusedVariable"]


class UnusedVariable(Lint):
    """A variable that nothing uses.

    `vars` gives names to values that `${name}` stands for elsewhere. One that is never used looks as if it decided
    something: whoever changes it, or varies it with `--set vars.name=...`, changes nothing. Use it or remove it;
    `aespec validate --fix` removes it, and with it a comment right above that begins with its name; others stay. Of the
    names that a `repeat` gives, its `index` and those of `each`, the same is said.
    """

    code = "W401"
    bad = """
vars: {width: 64, code: 3}
input: [8]
encoder:
  - dense: "${code}"
decoder: mirror
"""
    good = """
vars: {code: 3}
input: [8]
encoder:
  - dense: "${code}"
decoder: mirror
"""

    @classmethod
    def check(cls, spec: Spec, graph: Graph) -> Iterator[Diagnostic]:
        """Each variable beside what is used."""
        source = spec.source
        if source is None:
            return
        for name in spec.vars:
            if source.values[("vars", name)] in source.used:
                continue
            loc = ("vars", name) if len(spec.vars) > 1 else ("vars",)
            stated = not source.is_set(("vars", name)) and source.keys.get(loc)
            others = [other for other in spec.vars if not source.is_set(("vars", other))]
            near = None if stated else nearest(name, others)
            yield Diagnostic(
                cls,
                f"the variable `{name}` is not used",
                source.keys.get(("vars", name)),
                wanted=f"`${{{name}}}` somewhere in the spec",
                got="no use of it",
                help=f"did you mean `{near}`?" if near else f"use it, or remove `{name}`",
                fix=RemoveEntry(stated) if stated else None,
            )
        for place, given in source.idle.items():
            if place.name == source.name:
                yield Diagnostic(
                    cls,
                    f"the name `{given.name}` of `repeat` is not used",
                    place,
                    wanted=f"`${{{given.name}}}` in its layers",
                    got="no use of it",
                    help=f"use it, or {given.without}",
                    fix=RemoveEntry(given.key) if given.key else None,
                )


class UnusedIgnore(Lint):
    """A comment that is to silence a warning, and silences none.

    `# aespec: ignore[W201]` at the end of a line, or alone above it, keeps the warnings of that code about that line
    from being told; `# aespec: ignore-file[W201]` does so for the whole file. Several codes stand between commas, and
    after the bracket there is room for the reason. One whose warning is gone hides the next that comes; one that is
    misspelt never worked. Errors cannot be ignored. `aespec validate --fix` removes what silences nothing.
    """

    code = "W402"
    bad = """
input: [8]
encoder:
  - dense: 3  # aespec: ignore[W201]
decoder: mirror
"""
    good = """
input: [8]
encoder:
  - dense: {units: 3, activation: selu}  # aespec: ignore[W201]
decoder: mirror
"""

    @classmethod
    def among(
        cls, comments: Iterable[Ignore | Place], found: Iterable[Diagnostic], codes: Iterable[str]
    ) -> Iterator[Diagnostic]:
        """The comments that silence nothing of what was found."""
        codes, found = list(codes), list(found)
        for comment in comments:
            if isinstance(comment, Place):
                yield Diagnostic(
                    cls,
                    "a comment to aespec that says nothing",
                    comment,
                    wanted="`# aespec: ignore[CODE]` or `# aespec: ignore-file[CODE]`",
                    help="name the codes of the warnings in brackets, as in `ignore[W201]`",
                )
            elif comment.code not in codes:
                error = re.fullmatch(r"[Ee]\d+", comment.code)
                near = nearest(comment.code, codes)
                yield Diagnostic(
                    cls,
                    f"`{comment.code}` is an error, which cannot be ignored"
                    if error
                    else f"there is no warning `{comment.code}`",
                    comment.place,
                    wanted="the code of a warning",
                    got=f"`{comment.code}`",
                    help=f"did you mean `{near}`?"
                    if near and not error
                    else f"remove `{comment.code}` from the comment; `aespec explain` lists all codes",
                    fix=None if near and not error else Replace(comment.without),
                )
            elif not any(comment.silences(problem) for problem in found):
                where = "in this file" if comment.line is None else f"about line {comment.line}"
                yield Diagnostic(
                    cls,
                    f"there is no {comment.code} to ignore",
                    comment.place,
                    wanted="a comment for each warning that is to be ignored, and no other",
                    got=f"no {comment.code} {where}",
                    help=f"remove `{comment.code}` from the comment, or put it on the line that the warning is about",
                    fix=Replace(comment.without),
                )
