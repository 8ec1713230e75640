"""How the quality of a model is printed: a table, a record, warnings."""

from __future__ import annotations

from collections.abc import Iterator
from textwrap import fill
from typing import TYPE_CHECKING, Any

from aespec.shapes import unit_name
from aespec.tables import WIDTH, table

if TYPE_CHECKING:
    from aespec.graph import Graph
    from aespec.uses.frechet import Frechet
    from aespec.uses.posterior import Bound, Estimate, Units
    from aespec.uses.quality import Quality

__all__ = ["as_record", "as_text", "notes_of", "warnings_of"]

LISTED = 20
"""How many units at most have a line in the table."""


def as_text(found: Quality, frechet: Frechet | None, encoder: str) -> str:
    """Tables of the figures and, of a variational model, of its units; then what is to be known of them.

    Args:
        found: The quality.
        frechet: The Fréchet distance, where it was asked for.
        encoder: What the other encoder is called.
    """
    rows = [["squared error", *_shown(found.squared_error), "a mean over elements"]]
    if [*map(str, found.reconstruction)] != ["mse"]:
        rows[:0] = [["reconstruction", f"{value:.6g}", "", str(loss)] for loss, value in found.reconstruction.items()]
    groups = [rows]
    if found.units is not None:
        active, total = int(found.units.active.sum()), len(found.units.active)
        groups.append([["active units", f"{active:,}", "", f"of {total:,}; their mean codes vary by more than 0.01"]])
        divergence = found.units.divergence.sum()
        if found.bound is None:
            groups[-1].append(["divergence", f"{divergence:.6g}", "", "nats a sample"])
        else:
            groups[-1] += [
                ["divergence", *_shown(found.bound.divergence), "nats a sample, of posteriors from the prior"],
                ["log-likelihood", *_shown(found.bound.likelihood), f"nats a sample, {_family(found.bound)}"],
                ["lower bound", *_shown(found.bound.value), "nats a sample, log-likelihood less divergence"],
            ]
    if frechet is not None:
        floor = f"a half of the held-out samples and the other, {frechet.samples:,} each"
        groups.append(
            [
                ["Fréchet distance", f"{frechet.value:.4g}", f"{frechet.spread:.2g}", f"in codes of {encoder}"],
                ["its floor", f"{frechet.floor:.4g}", f"{frechet.floor_spread:.2g}", floor],
            ]
        )
    parts = [table(["Figure", "Value", "±", "What it is"], *groups, numbers=("Value", "±"))]
    if found.units is not None:
        parts.append(_units_table(found.units))
    notes = "\n".join(fill(note, WIDTH) for note in notes_of(found, frechet))
    return "\n\n".join([*parts, notes] if notes else parts)


def as_record(found: Quality, frechet: Frechet | None) -> dict[str, Any]:
    """The same as a record of JSON values; without what was measured on, and notes."""
    from dataclasses import asdict

    record: dict[str, Any] = {
        "reconstruction": {loss.kind: value for loss, value in found.reconstruction.items()},
        "squared_error": asdict(found.squared_error),
    }
    if found.units is not None:
        record |= {
            "divergence": float(found.units.divergence.sum()),
            "active_units": int(found.units.active.sum()),
            "collapsed": found.units.collapsed,
            "units": _unit_records(found.units),
            "bound": found.bound and asdict(found.bound),
        }
    return {**record, "frechet": frechet and asdict(frechet)}


def _unit_records(units: Units) -> list[dict[str, Any]]:
    """Each unit as a record, in the order of the code."""
    return [
        {
            "unit": unit_name(i, units.shape),
            "divergence": float(kl),
            "variance": float(variance),
            "active": bool(active),
        }
        for i, (kl, variance, active) in enumerate(zip(units.divergence, units.variance, units.active, strict=True))
    ]


def warnings_of(units: Units, graph: Graph) -> Iterator[str]:
    """What is wrong with a variational code: it has collapsed, or most of it is idle; or why that is not known."""
    layer: Any = graph[graph.code].layer
    active, total = int(units.active.sum()), len(units.active)
    less = "`kl_scale: element`" if layer.kl_scale == "sample" else f"a smaller `beta` than {layer.beta:g}"
    if not units.vary:
        yield "the samples do not vary, so that the activity of units cannot be measured; give more data"
    elif units.collapsed:
        yield (
            f"the posterior has collapsed: {active:,} of {total:,} units are active, with {units.divergence.sum():.2g} "
            f"nats a sample; codes say next to nothing about samples; train with {less}"
        )
    elif active < total / 2:
        yield f"{active:,} of {total:,} units are active; the others say next to nothing about samples"


def _shown(estimate: Estimate) -> tuple[str, str]:
    return f"{estimate.value:.6g}", f"{estimate.error:.2g}"


def _family(bound: Bound) -> str:
    if bound.scale is None:
        return bound.family
    what = "standard deviation" if bound.family == "normal" else "scale"
    return f"{bound.family} of the {what} that fits best, {bound.scale:.3g}"


def _units_table(units: Units) -> str:
    """The units that say most about samples first."""
    records = sorted(_unit_records(units), key=lambda record: -record["divergence"])
    rows = [
        [str(r["unit"]), f"{r['divergence']:.4f}", f"{r['variance']:.4f}", "yes" if r["active"] else "no"]
        for r in records[:LISTED]
    ]
    heads = ["Unit", "Divergence [nats]", "Variance of the mean", "Active"]
    found = table(heads, rows, numbers=heads[:3])
    return found if len(records) <= LISTED else f"{found}\n... and {len(records) - LISTED:,} units of less divergence"


def notes_of(found: Quality, frechet: Frechet | None) -> Iterator[str]:
    """What the figures do not say themselves."""
    bound = found.bound
    if found.units is not None and bound is None:
        kinds = [f"`{loss.kind}`" for loss in found.reconstruction]
        what = f"{kinds[0]} is" if len(kinds) == 1 else f"{' and '.join(kinds)} together are"
        yield f"{what} the loss of no distribution, so that there is no lower bound"
    if bound is not None and not bound.proper:
        yield (
            f"the lower bound is not one of a density: a {bound.family} distribution is one of the values 0 and 1, and "
            "the samples have others; compare it between models of the same data only"
        )
    if bound is not None and abs(bound.weight - 1) > 1e-6:
        yield f"training weighed the divergence {bound.weight:.3g} times as much as the lower bound does"
    if frechet is not None:
        yield "± of the Fréchet distance: the standard deviation over ten ways to halve the held-out samples"
        if frechet.singular:
            yield "these are fewer samples than the code has units: Fréchet distances of so few mean little"
