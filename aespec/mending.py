"""Mends what lints find in a file, where there is one way to do it, and only what is sure to come out right."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, replace
from difflib import unified_diff
from pathlib import Path
from shutil import copymode

from aespec.diagnostics import AespecError, Diagnostic
from aespec.files import whole
from aespec.graph import Graph
from aespec.lints import lint
from aespec.lints.text import UnusedVariable
from aespec.passes import Limits, compile
from aespec.source import Source
from aespec.spec import Spec, load

__all__ = ["Mended", "mend", "save"]


@dataclass(frozen=True)
class Mended:
    """A file as it is, or is to be."""

    spec: Spec
    graph: Graph
    before: str
    text: str
    left: list[Diagnostic]
    """What lints find."""
    fixed: tuple[Diagnostic, ...] = ()
    """What they found before and no longer do, at its places in the file as it was."""

    def difference(self, path: str) -> str:
        """The lines that change, as ``diff -u`` shows them."""
        before, after = (text.splitlines(keepends=True) for text in (self.before, self.text))
        return "".join(line if line.endswith("\n") else f"{line}\n" for line in unified_diff(before, after, path, path))


def mend(path: str, spec: Spec, graph: Graph, limits: Limits, ignored: Collection[str] = ()) -> Mended:
    """Apply every fix after which the text stands for the data that was meant and lints find that much less.

    Nothing is written. The fixes are made from the end of the file up, so that places above stay what they are.
    """
    source = spec.source
    assert source is not None, "a spec that is mended was read from a file"
    state = Mended(spec, graph, source.text, source.text, lint(spec, graph, ignored))
    failed: list[Diagnostic] = []
    while problem := next((each for each in reversed(state.left) if each.fix and each not in failed), None):
        if mended := _with_fix(problem, path, state, limits, ignored):
            state = mended
        else:
            failed.append(problem)
    return state


def save(path: str, text: str) -> None:
    """Put a text into a file, whole or not at all; its permissions stay, and a link goes on leading to it."""
    file = Path(path).resolve()
    with whole(file) as temporary:
        temporary.write_bytes(text.encode())
        copymode(file, temporary)


def _identity(problem: Diagnostic) -> tuple[str, str]:
    """What stays the same of a problem when lines move."""
    return problem.rule.code, problem.message


def _with_fix(problem: Diagnostic, path: str, state: Mended, limits: Limits, ignored: Collection[str]) -> Mended | None:
    """The file with a problem mended; None where that did not go as intended."""
    source = state.spec.source
    if source is None or problem.fix is None or (edit := problem.fix.edit(source)) is None:
        return None
    text = edit.apply(source.text)
    try:
        spec = load(path, text=text)
        graph = compile(spec, limits)
    except AespecError:
        return None
    left = lint(spec, graph, ignored)
    found, expected = (Counter(map(_identity, each)) for each in (left, state.left))
    expected -= Counter([_identity(problem)])
    # Where a variable goes, another that only it used is seen to be unused.
    more = {code for code, _ in found - expected} - {UnusedVariable.code}
    if more or expected - found or _data(spec.source) != problem.fix.intended(source):
        return None
    return replace(state, spec=spec, graph=graph, text=text, left=left, fixed=(problem, *state.fixed))


def _data(source: Source | None) -> object:
    return source and source.data
