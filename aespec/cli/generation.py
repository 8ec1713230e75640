"""``aespec generate``, ``interpolate`` and ``traverse``: new samples from the codes of a trained model."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from aespec.cli.codes import Codes, Prior
from aespec.cli.options import Number, file_option, format_option, picture_option
from aespec.cli.output import echo_json, ready
from aespec.cli.trained import Trained, takes_run
from aespec.diagnostics import AespecError, Diagnostic
from aespec.files import GENERATED, INTERPOLATION, TRAVERSAL
from aespec.shapes import counted, unit_name

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from aespec.uses.frechet import Frechet
    from aespec.uses.generation import Distribution, Route

    Floats = NDArray[np.floating[Any]]
    Array = NDArray[np.float64]

DRAWN = 100
"""How many samples at most are drawn in a picture."""


def _prior(_: click.Context, __: click.Parameter, text: str | None) -> Prior | None:
    if text is None:
        return None
    kind, _colon, count = text.partition(":")
    if text in ("standard", "gaussian"):
        return text, 1
    if kind == "mixture" and count.isdecimal() and int(count) > 0:
        return kind, int(count)
    raise click.BadParameter(f"'{text}' is none of standard, gaussian and mixture:N with N from 1.")


save_option = file_option("--save", suffixes=(".npy",), help="Save the samples too, as a .npy.")

steps_option = click.option(
    "--steps", type=click.IntRange(2, 50), default=9, show_default=True, metavar="N", help="How many samples in a row."
)


@click.command()
@takes_run
@click.option(
    "-n",
    "count",
    type=click.IntRange(1, 1_000_000),
    default=64,
    show_default=True,
    metavar="N",
    help="How many samples to generate.",
)
@click.option(
    "--prior",
    callback=_prior,
    metavar="standard|gaussian|mixture:N",
    help="What codes are drawn from.  [default: standard, of a variational model]",
)
@click.option(
    "--encoder",
    type=click.Path(path_type=Path),
    metavar="OTHER_RUN",
    help="Measure the Fréchet distance to held-out samples, between codes of another run.",
)
@click.option("--no-quality", is_flag=True, help="Do not measure the model.")
@click.option(
    "--seed", type=click.IntRange(0), default=0, show_default=True, metavar="N", help="Decides what is drawn at random."
)
@save_option
@picture_option(GENERATED)
@format_option("text", "json")
def generate(
    trained: Trained,
    count: int,
    prior: Prior | None,
    encoder: Path | None,
    no_quality: bool,
    seed: int,
    save: Path | None,
    out: Path | None,
    form: str,
) -> None:
    """Generate samples from codes that are drawn at random.

    RUN is the folder of a run. A variational model is trained to have codes of a standard normal distribution, its
    prior, and codes are drawn from that. Other models have no prior: `gaussian` fits a normal distribution to the codes
    of the samples that the run was trained on, `mixture:10` a mixture of ten; of 10,000 samples at most.

    The model is measured on samples that it was not trained on, on 5,000 at most: how well it restores them and, of a
    variational model, what each unit of its code carries and the evidence lower bound. With --encoder the codes of
    generated samples, as another run gives them, are compared with those of held-out ones by the Fréchet distance;
    what two halves of the held-out ones come to is the floor below which it tells nothing.
    """
    from aespec.cli.quality import as_record, as_text, notes_of, warnings_of
    from aespec.data.streams import batches
    from aespec.uses.quality import quality

    if encoder and no_quality:
        raise click.UsageError("--encoder does not go with --no-quality.")
    path = ready(out or trained.run.folder / GENERATED)
    codes = Codes(trained, seed)
    distribution = codes.distribution(prior)
    rows = distribution.draw(count, codes.random("generate"))
    lone = not no_quality and len(codes.measured) < 2
    found = None if no_quality or lone else quality(trained.model, codes.measured, seed=seed)
    frechet = _frechet(codes, distribution, Trained(encoder, None, trained.backend)) if encoder else None
    codes.draw(codes.decode(rows[:DRAWN]), path, f"codes of a {distribution.name}")
    codes.save(map(codes.decode, batches(rows)), count, save)
    notes = codes.notes(distribution)
    if form == "json":
        shown, measured = (trained.unseen, found.samples) if found else (None, 0)
        notes += notes_of(found, frechet) if found else ()
        echo_json(
            {
                **trained.about(shown, measured, files=[path, save], notes=notes),
                "generated": count,
                "seed": seed,
                "prior": {"name": distribution.name, **codes.fit(distribution)},
                "quality": found and as_record(found, frechet),
            }
        )
    else:
        drawn = counted(count, "sample") if count <= DRAWN else f"the first {DRAWN} of {count:,} samples"
        click.echo(f"{path}: {drawn}, from codes of a {distribution.name}, seed {seed}")
        for note in notes:
            click.echo(note)
        _tell_saved(save)
        if found:
            shown = trained.unseen
            scaled = "" if trained.run.scaling is None else ", scaled as in training"
            few = "" if len(shown.inputs) == found.samples else f"{found.samples:,} of "
            click.echo(f"\nmeasured on {few}{len(shown.inputs):,} {shown.what}s of {shown.name}{scaled}{shown.note}\n")
            click.echo(as_text(found, frechet, encoder.name if encoder else ""))
    if lone:
        click.echo("warning: the model is not measured: one sample has no standard error", err=True)
    for warning in warnings_of(found.units, trained.run.graph) if found and found.units else ():
        click.echo(f"warning: {warning}", err=True)


@click.command()
@takes_run
@click.option("--from", "begin", type=click.IntRange(0), required=True, metavar="I", help="The sample to begin with.")
@click.option("--to", "end", type=click.IntRange(0), required=True, metavar="J", help="The sample to end with.")
@steps_option
@click.option(
    "--path",
    "way",
    type=click.Choice(["linear", "spherical"]),
    help="How one code becomes the other.  [default: spherical of a variational model, else linear]",
)
@save_option
@picture_option(INTERPOLATION)
@format_option("text", "json")
def interpolate(
    trained: Trained,
    begin: int,
    end: int,
    steps: int,
    way: Route | None,
    save: Path | None,
    out: Path | None,
    form: str,
) -> None:
    """Turn one sample into another, by way of their codes.

    RUN is the folder of a run, I and J are numbers, from 0, of samples that the model was not trained on. The picture,
    a PNG, has the two at its ends and between them what the model makes of codes at equal distances.

    The linear path is the straight line between the codes. Codes of a standard normal distribution of many units,
    which those of a variational model are as a whole, lie near a sphere, and the line cuts through the space within
    it, where hardly any are; the spherical path turns one code into the other instead.
    """
    import numpy as np

    from aespec.uses.generation import interpolated

    path, codes = ready(out or trained.run.folder / INTERPOLATION), Codes(trained)
    first, last = codes.of_sample(begin), codes.of_sample(end)
    way = way or ("spherical" if codes.variational else "linear")
    samples = codes.decode(interpolated(first, last, steps, path=way))
    ends = [codes.in_units(codes.sample(i)) for i in (begin, end)]
    names = [f"{t:.3g}" for t in np.linspace(0, 1, steps)]
    codes.draw(
        np.concatenate([ends[0], samples, ends[1]]),
        path,
        f"from {trained.unseen.what} {begin:,} to {end:,}",
        columns_are=[f"sample {begin:,}", *names, f"sample {end:,}"],
    )
    codes.save([samples], steps, save)
    distance = float(np.linalg.norm(last - first))
    norms = [float(np.linalg.norm(code)) for code in (first, last)]
    if form == "json":
        found = {"from": begin, "to": end, "steps": steps, "path": way, "distance": distance, "norms": norms}
        echo_json({**trained.about(trained.unseen, 2, files=[path, save]), **found})
        return
    shown = trained.unseen
    click.echo(f"{path}: {shown.what} {begin:,} of {shown.name} to {end:,} in {steps} steps{shown.note}")
    click.echo(f"{way} path between codes {distance:.4g} apart, {norms[0]:.4g} and {norms[1]:.4g} from zero")
    _tell_saved(save)


@click.command()
@takes_run
@click.option(
    "--sample", type=click.IntRange(0), metavar="I", help="Begin with the code of a sample, not the mean code."
)
@click.option(
    "--axes",
    "count",
    type=click.IntRange(1, 50),
    default=10,
    show_default=True,
    metavar="N",
    help="How many units to sweep at most.",
)
@click.option(
    "--reach",
    type=Number(0, min_open=True),
    default=3.0,
    show_default=True,
    metavar="S",
    help="How many standard deviations to go to either side.",
)
@steps_option
@save_option
@picture_option(TRAVERSAL)
@format_option("text", "json")
def traverse(
    trained: Trained,
    sample: int | None,
    count: int,
    reach: float,
    steps: int,
    save: Path | None,
    out: Path | None,
    form: str,
) -> None:
    """Sweep each unit of a code, the others kept as they are.

    RUN is the folder of a run. Each row of the picture, a PNG, is a unit of the code, which goes from S standard
    deviations below the mean code of held-out samples, or the code of one of them, to S above. A standard deviation is
    that of the prior of a variational model, 1, else that of the unit's codes. Units come in the order of what they
    carry: of a variational model their divergence from the prior, else the variance of their codes. A unit is told by
    its number, in a code of several axes by its index, such as 0,0,24.
    """
    import numpy as np

    from aespec.cli.quality import warnings_of
    from aespec.uses.generation import traversed
    from aespec.uses.posterior import need_two

    path, codes = ready(out or trained.run.folder / TRAVERSAL), Codes(trained)
    need_two(codes.rows, "standard deviation")
    center = codes.rows.mean(axis=0) if sample is None else codes.of_sample(sample)
    variance = codes.rows.var(axis=0)
    spread = np.ones_like(variance) if codes.units else np.sqrt(variance)
    order = np.argsort(-(codes.units.divergence if codes.units else variance), kind="stable")[:count]
    restored = codes.decode(traversed(center, order, spread, reach, steps).reshape(-1, len(center)), own_units=False)
    samples = codes.in_units(restored)
    middle = "the mean code" if sample is None else f"{trained.unseen.what} {sample:,}"
    codes.draw(
        samples,
        path,
        f"around {middle}",
        rows_are=[f"unit {unit_name(int(axis), codes.shape)}" for axis in order],
        columns_are=[f"{offset:+.3g}" if offset else "0" for offset in np.linspace(-reach, reach, steps)],
    )
    swept = samples.reshape(len(order), steps, *samples.shape[1:])
    codes.save([swept], len(swept), save)
    records = _swept(order, codes, center, spread, restored.reshape(swept.shape))
    scaled, notes = trained.run.scaling is not None, []
    if scaled:
        notes.append("the change is the root of the mean square of those of all features, in scaled units")
    if len(order) < len(center):
        by = "divergence" if codes.units else "variance"
        notes.append(f"the {counted(len(order), 'unit')} of the largest {by}, of {len(center):,}: `--axes` sweeps more")
    if form == "json":
        found = {"around": middle, "reach": reach, "steps": steps, "scaled": scaled, "units": records}
        echo_json({**trained.about(trained.unseen, len(codes.measured), files=[path, save], notes=notes), **found})
    else:
        what = "standard deviations of the prior" if codes.units else "standard deviations of its codes"
        click.echo(f"{path}: each unit of the code {reach:g} {what} to either side of {middle}")
        _tell_saved(save)
        shown = trained.unseen
        click.echo(f"codes of {len(codes.measured):,} {shown.what}s of {shown.name}{shown.note}\n")
        click.echo(_as_table(records))
        for note in notes:
            click.echo(note)
    for warning in warnings_of(codes.units, trained.run.graph) if codes.units else ():
        click.echo(f"warning: {warning}", err=True)


def _tell_saved(save: Path | None) -> None:
    if save is not None:
        click.echo(f"saved as {save}")


def _swept(order: NDArray[np.intp], codes: Codes, center: Array, spread: Array, swept: Floats) -> list[dict[str, Any]]:
    """A record for each unit that was swept: where, what it carries, and how far samples are from end to end."""
    import numpy as np

    found = codes.units
    ends = (swept[:, -1] - swept[:, 0]).reshape(len(order), -1).astype(np.float64)
    change = np.sqrt((ends**2).mean(axis=1))
    return [
        {
            "unit": unit_name(int(axis), codes.shape),
            "center": float(center[axis]),
            "standard_deviation": float(spread[axis]),
            "divergence": found and float(found.divergence[axis]),
            "active": found and bool(found.active[axis]),
            "change": float(difference),
        }
        for axis, difference in zip(order, change, strict=True)
    ]


def _as_table(records: Sequence[dict[str, Any]]) -> str:
    """A line for each unit; what only a variational model has where it is there."""
    from aespec.tables import table

    own = (
        {"standard_deviation": "Standard deviation"}
        if records[0]["divergence"] is None
        else {"divergence": "Divergence [nats]", "active": "Active"}
    )
    heads = {"unit": "Unit", "center": "Center", **own, "change": "Change from end to end"}

    def cell(value: Any) -> str:
        return (
            ("no", "yes")[value]
            if isinstance(value, bool)
            else (f"{value:.4f}" if abs(value) < 1e5 else f"{value:.4g}")
            if isinstance(value, float)
            else str(value)
        )

    rows = [[cell(record[name]) for name in heads] for record in records]
    return table([*heads.values()], rows, numbers=[head for head in heads.values() if head != "Active"])


def _frechet(codes: Codes, distribution: Distribution, other: Trained) -> Frechet:
    """How far generated samples are from held-out ones in the codes of another run.

    Raises:
        AespecError: The other run's model cannot take them.
    """
    import numpy as np

    from aespec.apply import codes as encoded
    from aespec.rules import DataRange, DataShape
    from aespec.shapes import show_shape
    from aespec.uses.frechet import frechet_to_halves

    own, theirs = codes.trained.run, other.run
    ranges = [run.spec.input.range or (0.0, 1.0) for run in (own, theirs)]
    if ranges[0] != ranges[1] and own.scaling is None and theirs.scaling is None:
        raise AespecError(
            Diagnostic(
                DataRange,
                f"{other.folder} takes samples of another range",
                wanted=f"`range: [{ranges[0][0]:g}, {ranges[0][1]:g}]`, as {codes.trained.folder} has it",
                got=f"`range: [{ranges[1][0]:g}, {ranges[1][1]:g}]`",
                help="name a run that was trained on samples of the same range",
            )
        )

    shape = theirs.graph.sample_shape
    if None in shape or prod(n or 0 for n in shape) != prod(codes.measured.shape[1:]):
        shape = codes.measured.shape[1:]
    if not theirs.graph.restores(shape):
        raise AespecError(
            Diagnostic(
                DataShape,
                f"{other.folder} takes samples of another shape",
                wanted=f"samples of {show_shape(shape)}, as {codes.trained.folder} makes them",
                got=f"an input of {show_shape(theirs.graph.sample_shape)}",
                help="name a run that was trained on samples of the same shape",
            )
        )

    def of(samples: Floats) -> Array:
        x: Any = codes.in_units(samples).reshape(len(samples), *shape)
        x = x if theirs.scaling is None else theirs.scaling.apply(x, theirs.record["dtype"])
        found = encoded(other.model, x).astype(np.float64)
        return found.reshape(len(found), -1)

    drawn = distribution.draw(len(codes.measured), codes.random("frechet"))
    return frechet_to_halves(of(codes.measured), of(codes.decode(drawn, own_units=False)), seed=codes.seed)
