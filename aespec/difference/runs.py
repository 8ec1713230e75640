"""The difference of two runs: what they were trained on and with, and what they came to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from aespec import weights
from aespec.comparison import distance
from aespec.difference.change import Change
from aespec.run import WEIGHTS, Run
from aespec.shapes import counted

__all__ = ["runs"]


def runs(a: Run, b: Run) -> Iterator[Change]:
    """What differs in the data, the versions, the losses of the end and the weights.

    Raises:
        AespecError: The weights of a run cannot be read.
    """
    yield from _records(a.record, b.record)
    yield from _trained_weights(a, b)


def _records(a: Mapping[str, Any], b: Mapping[str, Any]) -> Iterator[Change]:
    """What differs between the records of two runs, but for when and where they were made."""
    for what in ("data", "validation"):
        if (a[what] or {}).get("fingerprint") != (b[what] or {}).get("fingerprint"):
            yield Change("run", what, "", _data(a[what]), _data(b[what]))
    yield from _unequal(
        "run", *({**each["versions"], **{x: each[x] for x in ("backend", "aespec")}} for each in (a, b))
    )
    yield from _unequal("final loss", _losses(a), _losses(b))


def _unequal(section: str, a: Mapping[str, str | None], b: Mapping[str, str | None]) -> Iterator[Change]:
    for name in dict.fromkeys([*a, *b]):
        if a.get(name) != b.get(name):
            yield Change(section, name, "", a.get(name), b.get(name))


def _losses(record: Mapping[str, Any]) -> dict[str, str | None]:
    """What the loss came to, by the part of the data and the term."""
    parts = (record["final"] or {}).items()
    return {f"{part} {name}": f"{value:.6g}" for part, found in parts for name, value in found.items()}


def _data(record: Mapping[str, Any] | None) -> str | None:
    if record is None:
        return None
    return f"{record['name']}, {counted(record['samples'])}, fingerprint {record['fingerprint'][:12]}"


def _trained_weights(a: Run, b: Run) -> Iterator[Change]:
    """How far the weights are apart; those of one run alone, or of other shapes, are told of by their layers."""
    ours, theirs = weights.read(a.place / WEIGHTS), weights.read(b.place / WEIGHTS)
    for name in (name for name in a.graph.params if name in ours and name in theirs):
        if ours[name].shape == theirs[name].shape and (apart := distance(ours[name], theirs[name])):
            yield Change("weights", name, "", None, None, apart)
