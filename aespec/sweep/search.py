"""How a search space is searched: all of a grid, points drawn at random, or points that Optuna proposes.

A `Search` is asked for a batch of points, told what came of each, and asked again until it has no more.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from importlib.util import find_spec
from itertools import product
from math import isnan, prod
from random import Random
from typing import Any, Protocol

from aespec.diagnostics import AespecError, Diagnostic, Place, missing
from aespec.rules import BadSweep
from aespec.sweep.space import NAME, Choices, Dimension, Point, Range

__all__ = ["TPE", "Fixed", "Search", "corners", "grid", "random"]

MOST = 10_000
"""Trials of one sweep; more are not meant."""


class Search(Protocol):
    """Proposes points."""

    def ask(self) -> list[Point]:
        """The next points, which may be tried side by side; none where the search is over."""

    def tell(self, values: Sequence[float]) -> None:
        """What came of each of them: the less the better, NaN where nothing did."""


class Fixed:
    """A search whose points do not depend on what comes of them."""

    def __init__(self, points: Iterable[Point]) -> None:
        self._points = list(points)

    def ask(self) -> list[Point]:
        """See `Search.ask`: all of them at once."""
        points, self._points = self._points, []
        return points

    def tell(self, values: Sequence[float]) -> None:
        """See `Search.tell`."""


def grid(space: Sequence[Dimension]) -> list[Point]:
    """Each value of each dimension with each of the others; the last dimension changes first.

    Raises:
        AespecError: A dimension is a range, or there are too many points.
    """
    ranges = [dimension for dimension in space if isinstance(dimension, Range)]
    if ranges:
        raise AespecError(*(_no_grid(dimension) for dimension in ranges))
    lists = [dimension.ends for dimension in space]
    _limited(prod(map(len, lists)), "a grid of")
    return [dict(zip((dimension.path for dimension in space), values, strict=True)) for values in product(*lists)]


def random(space: Sequence[Dimension], count: int, seed: int) -> list[Point]:
    """Points drawn at random, none twice. More of the same seed begin with these.

    Raises:
        AespecError: They are too many.
    """
    _limited(count, "")
    source, drawn = Random(seed), dict[tuple[str, ...], Point]()
    while len(drawn) < min(count, prod(dimension.size for dimension in space)):
        point = {dimension.path: dimension.draw(source) for dimension in space}
        drawn.setdefault(tuple(point.values()), point)
    return list(drawn.values())


def corners(space: Sequence[Dimension]) -> list[Point]:
    """Points that have each value of a list, and both ends of a range, at least once."""
    first = {dimension.path: dimension.ends[0] for dimension in space}
    others = [{**first, dimension.path: end} for dimension in space for end in dimension.ends[1:]]
    return [first, *others]


class TPE:
    """Points that Optuna's tree-structured Parzen estimator proposes (Bergstra et al., 2011), a batch at a time.

    The same seed and the same batches give the same points.
    """

    def __init__(self, space: Sequence[Dimension], count: int, seed: int, batch: int) -> None:
        """Prepare a search.

        Args:
            space: What is searched.
            count: How many points are asked for in all.
            seed: Decides the proposals, with what is told of them.
            batch: How many points are tried side by side.

        Raises:
            AespecError: Optuna is not installed, or the points are too many.
        """
        if find_spec("optuna") is None:
            raise missing("optuna", "optuna", "to propose trials")
        import optuna

        _limited(count, "")
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            sampler = optuna.samplers.TPESampler(seed=seed, constant_liar=True)
        self._study = optuna.create_study(sampler=sampler)
        self._failed = optuna.trial.TrialState.FAIL
        self._distributions = {dimension.path: _distribution(dimension) for dimension in space}
        self._left, self._batch, self._asked = count, batch, list[Any]()

    def ask(self) -> list[Point]:
        """See `Search.ask`."""
        self._asked = [self._study.ask(self._distributions) for _ in range(min(self._batch, self._left))]
        self._left -= len(self._asked)
        return [{path: _written(trial.params[path]) for path in self._distributions} for trial in self._asked]

    def tell(self, values: Sequence[float]) -> None:
        """See `Search.tell`."""
        for trial, value in zip(self._asked, values, strict=True):
            if isnan(value):
                self._study.tell(trial, state=self._failed)
            else:
                self._study.tell(trial, value)


def _distribution(dimension: Dimension) -> Any:
    import optuna

    if isinstance(dimension, Choices):
        return optuna.distributions.CategoricalDistribution(dimension.values)
    kind: Any = optuna.distributions.IntDistribution if dimension.whole else optuna.distributions.FloatDistribution
    return kind(dimension.low, dimension.high, log=dimension.log)


def _written(value: Any) -> str:
    return value if isinstance(value, str) else repr(value)


def _no_grid(dimension: Range) -> Diagnostic:
    text = str(dimension)
    written = text.removeprefix(f"{dimension.path}=")
    return Diagnostic(
        BadSweep,
        "a range has no grid",
        Place(NAME, 1, len(dimension.path) + 2, len(written), text),
        wanted="a list of values, or a search that draws from the range",
        got=f"`{written}`",
        help=f"list the values, as in `--vary {dimension.path}={dimension.low},{dimension.high}`, "
        "or add `--random 20` or `--optuna 20`",
    )


def _limited(count: int, what: str) -> None:
    """Refuse more trials than can be meant.

    Raises:
        AespecError: They are more.
    """
    if count > MOST:
        raise AespecError(
            Diagnostic(
                BadSweep,
                "a sweep of too many trials",
                wanted=f"at most {MOST:,} trials",
                got=f"{what} {count:,}".strip(),
                help="draw some of them with `--random 100`, or vary less",
            )
        )
