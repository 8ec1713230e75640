"""Lints: what a spec says without being wrong, and its author will hardly have meant.

W1 is about losses and values, W2 about layers, W3 about the code, W4 about what is written for
nothing. A lint is a class with its check.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from types import MappingProxyType

from aespec.diagnostics import Diagnostic, Place, in_order
from aespec.graph import Graph
from aespec.lints.base import Lint
from aespec.lints.codes import NoPrior, OvercompleteCode, SparsityBelowOne, SparsityUnbounded, WideCode
from aespec.lints.holes import UnreachedOutput
from aespec.lints.ignores import Ignore, ignores
from aespec.lints.layers import (
    BiasBeforeNormalization,
    ChannelsFirst,
    CroppedMirror,
    LostBorder,
    NothingTrained,
    SeluDropout,
    SeluNormalized,
    SeluStart,
    TiedScales,
)
from aespec.lints.losses import ClippedOutput, SaturatedOutput, UnboundedData, UnreachableData
from aespec.lints.plan import EndlessWarmup, NesterovOfNothing
from aespec.lints.text import UnusedIgnore, UnusedVariable
from aespec.source.file import read_text
from aespec.spec import Spec

__all__ = ["LINTS", "Lint", "lint"]

_ALL: tuple[type[Lint], ...] = (
    *(UnreachableData, UnboundedData, ClippedOutput, SaturatedOutput),
    *(SeluStart, SeluNormalized, SeluDropout, BiasBeforeNormalization, LostBorder, TiedScales),
    *(NothingTrained, CroppedMirror, UnreachedOutput, ChannelsFirst),
    *(OvercompleteCode, WideCode, SparsityUnbounded, SparsityBelowOne, NoPrior),
    *(UnusedVariable, UnusedIgnore, NesterovOfNothing, EndlessWarmup),
)

LINTS: Mapping[str, type[Lint]] = MappingProxyType({each.code: each for each in _ALL})
"""Every lint by its code."""


def lint(spec: Spec, graph: Graph, ignored: Collection[str] = ()) -> list[Diagnostic]:
    """What lints find in a spec in which nothing is wrong, one of each kind a place, in the file's order.

    Comments in its file silence some of it; so do the codes that are ``ignored``.
    """
    told = [problem for each in _ALL for problem in each.check(spec, graph)]
    found = {(problem.rule, problem.place): problem for problem in reversed(told)}.values()
    comments = list(ignores(spec.source.text, spec.source.name)) if spec.source else []
    silent = [comment for comment in (*comments, *_included(found)) if isinstance(comment, Ignore)]
    loud = [problem for problem in found if not any(comment.silences(problem) for comment in silent)]
    loud += UnusedIgnore.among(comments, found, LINTS)
    return in_order(problem for problem in loud if problem.rule.code not in ignored)


def _included(found: Iterable[Diagnostic]) -> Iterator[Ignore | Place]:
    """The comments of the included files that something was found in."""
    for name in {each.place.name for each in found if each.place and each.place.included_at}:
        yield from ignores(read_text(name, name), name)
