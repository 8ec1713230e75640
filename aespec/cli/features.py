"""``aespec features``: what the units of a model look for, and how its code responds to samples."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from aespec.cli.options import format_option
from aespec.cli.output import echo_json, ready, writing
from aespec.cli.trained import Trained, takes_run
from aespec.files import ACTIVATIONS, FEATURES
from aespec.shapes import counted, unit_name

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from aespec.uses.features import CodeUnits, FirstLayer

    Arrays = dict[int, NDArray[np.floating[Any]]]
    """By number."""

IN_A_ROW = 2
"""Extreme inputs of a unit that its row of the table names."""


@click.command()
@takes_run
@click.option(
    "-n",
    "count",
    type=click.IntRange(1, 64),
    default=16,
    show_default=True,
    metavar="N",
    help="How many units to draw and to list.",
)
@click.option(
    "-o", "--out", type=click.Path(path_type=Path), metavar="FOLDER", help="Where the pictures go.  [default: RUN]"
)
@format_option("text", "json")
def features(trained: Trained, count: int, out: Path | None, form: str) -> None:
    """Show what a trained model's units look for and respond to.

    RUN is the folder of a run. features.png has the weights of the encoder's first layer, a picture for each unit:
    kernel columns in the shape of the input, or filters; of the units that are listed where that layer makes the code,
    else of the first. activations.png has the histogram of the code's activations,
    and the inputs that activate each unit of the code most and least, among samples that the model was not trained on,
    of 10,000 at most.

    A unit of the code is told by its number, in a code of several axes by its index, such as 0,0,24. The text says how
    many units are dead or always on, by what definition, and how active the code is, beside the target of a sparse
    model.
    """
    from aespec.uses.features import code_units, extremes, first_layer
    from aespec.uses.features_picture import draw_activations, draw_first_layer

    folder = out or trained.run.folder
    ready(folder / FEATURES)
    shown, model = trained.unseen, trained.model
    layer, units = first_layer(model), code_units(model, shown.inputs)
    listed, drawn = units.by_deviation[:count], layer.drawn(units, count)
    inputs = extremes(units, listed, shown.inputs)
    images, title = trained.run.images, f"{trained.run.spec.name}, trained with {trained.run.record['backend']}"
    names = shown.data.columns or ()
    with writing(folder):
        if layer.units is not None:
            what = f"{title}: weights of {layer.node}"
            pixels = layer.kind == "conv2d" or (images and layer.units.shape[1:] == shown.inputs.shape[1:])
            draw_first_layer(drawn, folder / FEATURES, images=pixels, columns=names, title=what)
        about: dict[str, Any] = {"columns": names, "scale": trained.run.units, "title": f"{title}: the code"}
        draw_activations(units, listed, inputs, folder / ACTIVATIONS, images=images, **about)
    files = [folder / FEATURES if layer.units is not None else None, folder / ACTIVATIONS]
    notes = list(_notes(layer, units))
    if form == "json":
        echo_json(
            {
                **trained.about(shown, units.samples, files=files, notes=notes),
                **_record(layer, drawn, units, None if images else inputs, len(shown.inputs)),
            }
        )
        return
    few = "" if units.samples == len(shown.inputs) else f"{units.samples:,} of "
    samples = f"{few}{counted(len(shown.inputs), shown.what)} of {shown.name}{shown.note}"
    click.echo(f"{title}: {counted(len(units.mean), 'unit')} in the code, {units.rest.activation}")
    click.echo(f"measured on {samples}\n")
    click.echo(_measures(units))
    click.echo(f"\n{_listed(units, listed)}\n")
    click.echo(
        f"units with the largest deviation first: {len(listed):,} of {len(units.mean):,}, -n takes another number"
    )
    click.echo(f"samples are counted from 0 among the {shown.what}s; in brackets is the activation")
    for note in notes:
        click.echo(note)
    if layer.units is not None:
        click.echo(f"wrote {folder / FEATURES}: {_weights(layer, drawn)}")
    click.echo(f"wrote {folder / ACTIVATIONS}")


def definitions(units: CodeUnits) -> dict[str, str]:
    """What each measure means for this code, in words."""
    from aespec.uses.features import PRIOR_FLAT

    rest = units.rest
    constant = f"standard deviation over the samples at most {units.flat:.3g}"
    if rest.scale is None:
        constant += f", {rest.flat:.0%} of the largest of a unit"
    elif rest.flat == PRIOR_FLAT:
        constant += f", {rest.flat:.0%} of the prior's"
    if rest.threshold is None:
        return {"dead": f"{constant}; `{rest.activation}` is symmetric about 0, so no unit is on or off"}
    return {
        "dead": f"never on, and {constant}",
        "never on": "on for no sample, the dead ones included",
        "always on": "on for every sample",
        "on at a time": f"share of the units above {rest.threshold:.4g}, which `{rest.activation}` gives for 0",
    }


def _measures(units: CodeUnits) -> str:
    """How many units are what, and how active they are."""
    from aespec.tables import table

    def share(which: Any) -> str:
        return f"{int(which.sum()):,} of {len(which):,} ({which.mean():.1%})"

    values = {"dead": share(units.dead)}
    if units.on is not None:
        values |= {"never on": share(units.on == 0), "always on": share(units.on == 1)}
        values["on at a time"] = f"{units.on.mean():.1%}"
    said = definitions(units)
    rows = [[name, value, said[name]] for name, value in values.items()]
    over = "mean over the samples; of the units, the mean and the standard deviation"
    activity = [["mean activity", _spread(units.mean), over]]
    activity.append(["mean |activity|", _spread(units.mean_absolute), "the same of absolute values"])
    if units.target is not None:
        activity.append(["target", f"{units.target:g}", "of the mean activity of each unit, by `kl_divergence`"])
    elif units.regularizer is not None:
        activity.append(["target", "none", f"`{units.regularizer.kind}` makes |activity| small and has no target"])
    return table(["Measure", "Value", "What it is"], rows, activity)


def _spread(values: Any) -> str:
    return f"{values.mean():.4g}" + (f" ± {values.std(ddof=1):.2g}" if len(values) > 1 else "")


def _listed(units: CodeUnits, listed: list[int]) -> str:
    """A row for each of some units."""
    from aespec.tables import table

    def extremes(samples: Any, values: Any) -> str:
        pairs = list(zip(samples, values, strict=True))[:IN_A_ROW]
        return ", ".join(f"{sample} ({value:.3g})" for sample, value in pairs)

    rows = []
    for i in listed:
        constant = bool(units.constant[i])
        rows.append(
            [
                str(unit_name(i, units.shape)),
                f"{units.mean[i]:.3g}",
                f"{units.deviation[i]:.3g}",
                "-" if units.on is None else f"{units.on[i]:.2%}",
                "the same for all" if constant else extremes(units.most[i], units.most_values[i]),
                "" if constant else extremes(units.least[i], units.least_values[i]),
            ]
        )
    heads = ["Unit", "Mean", "Sd", "On", "Most activating samples", "Least activating samples"]
    return table(heads, rows, numbers=("Mean", "Sd", "On"))


def _weights(layer: FirstLayer, drawn: Arrays) -> str:
    """What a picture of a first layer shows."""
    units = layer.units
    if units is None:
        return ""
    size, order = "x".join(f"{n:,}" for n in units.shape[1:]), ", as listed" if layer.coding else ""
    return f"{len(drawn):,} of {len(units):,} units of {layer.node}, {size} weights each{order}"


def _notes(layer: FirstLayer, units: CodeUnits) -> Iterator[str]:
    """What the numbers do not say."""
    if units.on is not None and ((units.on == 0) | (units.on == 1)).any():
        yield (
            f"a unit on for none, or all, of {units.samples:,} samples may be otherwise for up to "
            f"{1 - 0.05 ** (1 / units.samples):.2g} of all inputs (95%)"
        )
    if layer.units is None:
        yield f"no picture of the first layer: {layer.why}"


def _record(layer: FirstLayer, drawn: Arrays, units: CodeUnits, inputs: Arrays | None, whole: int) -> dict[str, Any]:
    """What was found among so many samples, as JSON has it."""
    on, (counts, edges) = units.on, units.histogram

    def extremes(samples: Any, values: Any) -> list[dict[str, Any]]:
        return [{"sample": int(s), "activation": float(v)} for s, v in zip(samples, values, strict=True)]

    def spread(values: Any) -> dict[str, float]:
        return {"mean": float(values.mean()), "sd": float(values.std(ddof=1)) if len(values) > 1 else float("nan")}

    return {
        "of": whole,
        "first_layer": {
            "node": layer.node,
            "kind": layer.kind,
            "units": None if layer.units is None else len(layer.units),
            "shape": None if layer.units is None else list(layer.units.shape[1:]),
            "drawn": [*drawn],
            "not_shown": layer.why or None,
        },
        "code": {
            "shape": list(units.shape),
            "activation": units.rest.activation,
            "threshold": units.rest.threshold,
            "constant_up_to": units.flat,
            "definitions": {name.replace(" ", "_"): said for name, said in definitions(units).items()},
        },
        "dead": int(units.dead.sum()),
        "never_on": None if on is None else int((on == 0).sum()),
        "always_on": None if on is None else int((on == 1).sum()),
        "on_at_a_time": None if on is None else float(on.mean()),
        "mean_activity": spread(units.mean),
        "mean_absolute_activity": spread(units.mean_absolute),
        "regularizer": None if units.regularizer is None else units.regularizer.to_data(),
        "target": units.target,
        "histogram": {"counts": counts.tolist(), "edges": edges.tolist()},
        "units": [
            {
                "unit": unit_name(i, units.shape),
                "mean": float(units.mean[i]),
                "mean_absolute": float(units.mean_absolute[i]),
                "sd": float(units.deviation[i]),
                "on": None if on is None else float(on[i]),
                "dead": bool(units.dead[i]),
                "most": [] if units.constant[i] else extremes(units.most[i], units.most_values[i]),
                "least": [] if units.constant[i] else extremes(units.least[i], units.least_values[i]),
            }
            for i in range(len(units.mean))
        ],
        "inputs": None if inputs is None else {str(i): x.tolist() for i, x in inputs.items()},
    }
