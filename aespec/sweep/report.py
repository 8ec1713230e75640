"""What a sweep came to: a table, ``sweep.csv``, ``best.yaml`` and JSON."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import isnan
from pathlib import Path
from typing import Any

from aespec.files import write_text
from aespec.sweep.folder import BEST, TABLE
from aespec.sweep.space import Point, value
from aespec.sweep.trials import Result
from aespec.tables import as_csv, number, table

__all__ = ["as_json", "as_table", "ranked", "shown", "write"]

SHOWN = 50
"""Trials in the table for a terminal."""


def ranked(results: Iterable[Result]) -> list[Result]:
    """The best first; those that failed last."""
    return sorted(results, key=lambda each: (bool(each.failure), 0 if each.failure else each.value, each.trial.number))


def write(folder: Path, found: Sequence[Result], paths: Sequence[str], metric: str) -> None:
    """Write ``sweep.csv``, all results, and ``best.yaml``, the spec of the best, into the folder of a sweep."""
    rows = [
        [
            "" if result.failure else rank,
            result.trial.name,
            *(result.trial.point[path] for path in paths),
            "" if result.failure else repr(result.value),
            result.epochs,
            f"{result.seconds:.3f}",
            result.trial.plan.parameters if result.trial.plan else "",
            result.failure or "",
        ]
        for rank, result in enumerate(found, start=1)
    ]
    columns = ["rank", "trial", *paths, metric, "epochs", "seconds", "parameters", "error"]
    write_text(folder / TABLE, as_csv(columns, rows))
    best = found[0] if found else None
    if best and best.trial.plan and not best.failure:
        head = f"# Trial {best.trial.name} of a sweep, the best: {metric} {best.value:.6g}\n"
        write_text(folder / BEST, head + best.trial.plan.text)
    else:
        (folder / BEST).unlink(missing_ok=True)


def as_table(found: Sequence[Result], paths: Sequence[str], metric: str) -> str:
    """The best trials, and what went wrong in those that failed."""
    numbers = ["Rank", *shown(dict.fromkeys(paths, ""))[0], metric, "Epochs", "Seconds", "Parameters"]
    error = ["Error"] if any(result.failure for result in found) else []
    rows = []
    for rank, result in enumerate(found[:SHOWN], start=1):
        plan, failure = result.trial.plan, result.failure
        came = [f"{result.epochs:,}", f"{result.seconds:,.1f}", number(plan.parameters if plan else None)]
        rank_and_value = ("-", "-") if failure else (str(rank), f"{result.value:#.6g}")
        row = [rank_and_value[0], result.trial.name, *shown(result.trial.point)[1], rank_and_value[1], *came]
        rows.append([*row, *([str(failure or "")] if error else [])])
    left = len(found) - len(rows)
    more = f"\nand {left:,} more, in {TABLE}" if left else ""
    return table([numbers[0], "Trial", *numbers[1:], *error], rows, numbers=numbers) + more


def as_json(folder: Path, found: Sequence[Result], metric: str) -> dict[str, Any]:
    """The same as data, with the whole problem of each trial that failed."""
    trials = [
        {
            "rank": None if result.failure else rank,
            "trial": result.trial.number,
            "values": {path: value(written) for path, written in result.trial.point.items()},
            "value": None if isnan(result.value) else result.value,
            "epochs": result.epochs,
            "seconds": round(result.seconds, 3),
            "parameters": result.trial.plan and result.trial.plan.parameters,
            "run": str(result.trial.folder),
            "diagnostics": result.failure.problems if result.failure else [],
        }
        for rank, result in enumerate(found, start=1)
    ]
    best = str(folder / BEST) if (folder / BEST).is_file() else None
    return {"metric": metric, "best": best, "trials": trials}


def shown(point: Point) -> tuple[list[str], list[str]]:
    """The paths of a point, no longer than tells them apart, and its values, for the eye.

    >>> shown({"encoder.1.dense.units": "8", "encoder.2.dense.units": "0.123456789"})
    (['1.dense.units', '2.dense.units'], ['8', '0.12346'])
    """
    parts = [path.split(".") for path in point]
    names = list(point)
    for depth in reversed(range(1, max(map(len, parts)))):
        shorter = [".".join(part[-depth:]) for part in parts]
        if len(set(shorter)) < len(shorter):
            break
        names = shorter
    return names, [_rounded(written) for written in point.values()]


def _rounded(written: str) -> str:
    try:
        return written if len(written) < 8 else f"{float(written):.5g}"
    except ValueError:
        return written if len(written) <= 24 else f"{written[:23]}…"
