"""``aespec reconstruct``: what a run learnt, as a picture; with noise, how well it takes that away."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from math import isfinite, isnan
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from aespec.cli.options import TABLES, file_option, format_option, split_option
from aespec.cli.output import echo_json, ready, writing
from aespec.cli.trained import Trained, takes_run
from aespec.files import RECONSTRUCTIONS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from aespec.data.files import Split
    from aespec.data.streams import Samples
    from aespec.held import Shown
    from aespec.uses.denoising import Corruption, Denoising, Span

    Measures = dict[str, dict[str, dict[str, float]]]

DRAWN = 10
"""Samples that are drawn, where nothing else is said."""

ROWS = {"corrupted": "corrupted", "restored": "restored", "undisturbed": "restored without noise"}
"""What is measured against the originals, and what it is called in the table."""


def _corruption(_: click.Context, __: click.Parameter, text: str | None) -> Corruption | None:
    if text is None:
        return None
    from aespec.uses.denoising import Corruption

    try:
        return Corruption.parse(text)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


@click.command()
@takes_run
@click.option(
    "-n",
    "count",
    type=click.IntRange(1, 100),
    metavar="N",
    help=f"How many samples to draw.  [default: {DRAWN}]",
)
@click.option(
    "--noise",
    callback=_corruption,
    metavar="KIND:AMOUNT",
    help="Corrupt the samples first: gaussian:STDDEV, masking:SHARE or salt_and_pepper:SHARE.",
)
@click.option("--seed", type=click.IntRange(0), metavar="N", help="Of the noise.  [default: 0]")
@click.option("--limit", type=click.IntRange(1), metavar="N", help="Measure on the first N samples only, with --noise.")
@split_option
@file_option(
    "-o",
    "--out",
    suffixes=(".png", *TABLES),
    help=f"The picture, a .png, or all samples restored, a .csv, .parquet or .npy.  [default: RUN/{RECONSTRUCTIONS}]",
)
@format_option("text", "json")
def reconstruct(
    trained: Trained,
    count: int | None,
    noise: Corruption | None,
    seed: int | None,
    limit: int | None,
    split: Split | None,
    out: Path | None,
    form: str,
) -> None:
    """Draw what a trained model makes of some samples, or write what it makes of all.

    RUN is the folder of a run. The picture, a PNG, has samples that the model was not trained on in its upper row, and
    their reconstructions below: the test set, where the data has one, else what was held out for validation. Where
    nothing was held out, that is said. Of the windows of a series it has some that share no step, from all over it.

    With --noise the samples are corrupted, and a row between the two shows how. Corrupted and restored samples are
    measured against the originals by PSNR and, where they are images, SSIM: the mean over all samples, and the
    standard deviation. Noise means what it means in a spec (gaussian_noise, masking_noise); salt_and_pepper sets
    values to the least or the largest. What Gaussian noise makes of a value is clipped to the `range` that the spec
    states, where it states one.

    With -o FILE.csv, .parquet or .npy all samples of the data, or of one of its parts, are restored and written, with
    the spec's `scaling` undone; what was brought to the input's `range`, as bytes are, stays in it. The windows of a
    series are put together again: each step has the mean over those that cover it. A table has the names of the
    columns, and in front what is known of a sample, as that of `aespec encode`. A file that is there already is written
    over.
    """
    for option, given in (("--seed", seed), ("--limit", limit)):
        if given is not None and noise is None:
            raise click.UsageError(f"{option} goes with --noise.")
    if out is not None and out.suffix.lower() in TABLES:
        if count is not None or noise is not None:
            option = "--noise" if count is None else "-n"
            raise click.UsageError(f"{option} goes with a picture; '{out}' is to hold all samples.")
        _all(trained, split or "train", out, form)
        return
    if split is not None:
        raise click.UsageError("--split goes with -o FILE.csv, .parquet or .npy.")
    path = ready(out or trained.run.folder / RECONSTRUCTIONS)
    if noise is None:
        _plain(trained, count or DRAWN, path, form)
    else:
        _denoised(trained, count or DRAWN, noise, seed or 0, limit, path, form)


def _all(trained: Trained, split: Split, path: Path, form: str) -> None:
    """Write what the model makes of a part of the data."""
    from aespec.shapes import counted, show_shape
    from aespec.uses.restoring import write_restored

    shown = trained.part(split)
    data = shown.data
    with writing(path.parent):
        shape = write_restored(trained.model, data, path, images=trained.run.images)
    gaps = data.windows.gaps if data.windows is not None else 0
    left = [f"{note}, which is not undone" for note in data.notes if note.startswith("scaled ") and not data.scaling]
    left += [f"{counted(gaps, 'step')} in no window, with NaN instead of numbers"] if gaps else []
    if form == "json":
        about = trained.about(shown, len(data.inputs), files=[path], notes=[*data.notes, *left])
        echo_json({**about, "shape": list(shape)})
        return
    what = counted(len(data.inputs)) if data.windows is None else counted(data.windows.steps, "step")
    part = "" if data.whole else f" ({split})"
    click.echo(f"{path}: {what} of {trained.name}{part}, restored, {show_shape(shape)}")
    click.echo("".join(f"note: {note}\n" for note in left), nl=False)


def _plain(trained: Trained, count: int, path: Path, form: str) -> None:
    """Draw originals and reconstructions, and print the mean squared error of those drawn."""
    from aespec.shapes import counted
    from aespec.uses.anomaly import squared_errors

    shown = trained.unseen
    samples, names = _some(shown, shown.inputs, count)
    restored = trained.model.reconstruct(samples)
    _draw({"original": samples, "restored": restored}, names, path, trained, "")
    error = float(squared_errors(samples, restored).mean())
    if form == "json":
        about = trained.about(shown, len(samples), files=[path])
        echo_json({**about, "scaled": trained.run.scaling is not None, "mean_squared_error": error})
        return
    what = counted(len(samples), shown.what)
    click.echo(f"{path}: {what} of {shown.name}{shown.note}, mean squared error {error:.4g}{trained.run.units}")


def _denoised(
    trained: Trained, count: int, noise: Corruption, seed: int, limit: int | None, path: Path, form: str
) -> None:
    """Draw originals, corrupted and restored samples, and print how near both are to the originals."""
    from aespec.shapes import counted
    from aespec.uses.denoising import denoise_run, examples, input_noise

    shown = trained.unseen
    x: Samples = shown.inputs[:limit]
    found = denoise_run(trained.run, x, noise, seed=seed, model=trained.model)
    (samples, names), span = _some(shown, x, count), found.span
    _draw(examples(trained.model, samples, noise, span=span, seed=seed), names, path, trained, f", {noise}")
    measures = _measures(found)
    learnt = [f"{layer.kind} {getattr(layer, str(layer.main)):g}" for layer in input_noise(trained.run.graph)]
    notes = list(_notes(found, measures, span, learnt))
    if form == "json":
        echo_json(
            {
                **trained.about(shown, len(x), files=[path], notes=notes),
                "scaled": trained.run.scaling is not None,
                "noise": {"kind": noise.kind, "amount": noise.amount, "seed": seed, "clipped": noise.clips(span)},
                "range": {"low": span.low, "high": span.high, "stated": span.stated},
                "trained_with": learnt,
                **measures,
                "changed": int(found.changed.sum()),
                "nearer": found.nearer,
            }
        )
        return
    click.echo(f"{path}: {len(samples):,} of {counted(len(x), shown.what)} of {shown.name}{shown.note}")
    click.echo(f"{noise}, seed {seed}, {_range(noise, span)}{trained.run.units}")
    click.echo(f"in training: {' and '.join(learnt) + ' on the input' if learnt else 'no noise on the input'}\n")
    click.echo(_as_table(measures) + "\n")
    for note in notes:
        click.echo(note)


def _some(shown: Shown, x: Samples, count: int) -> tuple[NDArray[Any], list[str]]:
    """Samples to draw, of the first that are shown, and what they are called; of windows such as share no step."""
    import numpy as np

    from aespec.data.streams import take

    if shown.windows is None:
        return np.asarray(x[:count]), []
    windows = replace(shown.windows, starts=shown.windows.starts[: len(x)])
    chosen = windows.apart(count)
    return take(x, chosen), windows.spans(chosen)


def _draw(rows: dict[str, Any], names: list[str], path: Path, trained: Trained, more: str) -> None:
    from aespec.picture import reconstructions

    columns = trained.unseen.data.columns or ()
    title = f"{trained.run.spec.name}, trained with {trained.run.record['backend']}{more}{trained.run.units}"
    with writing(path.parent):
        reconstructions(rows, path, images=trained.run.images, columns=columns, names=names, title=title)


def _measures(found: Denoising) -> Measures:
    """The mean and the standard deviation of each measure, over the samples that the noise changed."""

    def summary(values: Any) -> dict[str, float]:
        mean = float(values.mean()) if len(values) else float("nan")
        spread = float(values.std(ddof=1)) if len(values) > 1 and isfinite(mean) else float("nan")
        return {"mean": mean, "sd": spread}

    measures: Measures = {}
    for name in ROWS:
        each = getattr(found, name)
        measures[name] = {"psnr": summary(each.psnr[found.changed])}
        if each.ssim is not None:
            measures[name]["ssim"] = summary(each.ssim[found.changed])
    return measures


def _range(noise: Corruption, span: Span) -> str:
    """Between which values samples lie, and what becomes of noise that leaves them."""
    measured = (
        f"the range {'that the spec states' if span.stated else 'of the samples'}, {span.low:.4g} to {span.high:.4g}"
    )
    if noise.clips(span):
        return f"clipped to {measured}"
    return f"{'not clipped; ' if noise.kind == 'gaussian' else ''}measured against {measured}"


def _as_table(measures: Measures) -> str:
    from aespec.tables import table

    def cells(measure: dict[str, float] | None, digits: int) -> list[str]:
        numbers = (measure["mean"], measure["sd"]) if measure else (float("nan"),) * 2
        return ["-" if isnan(number) else f"{number:.{digits}f}" for number in numbers]

    rows = [
        [name, *cells(measures[part]["psnr"], 2), *cells(measures[part].get("ssim"), 4)] for part, name in ROWS.items()
    ]
    heads = ["Against the originals", "PSNR [dB]", "sd", "SSIM", "SSIM sd"]
    return table(heads, rows, numbers=heads[1:])


def _notes(found: Denoising, measures: Measures, span: Span, learnt: list[str]) -> Iterator[str]:
    """What the table does not say."""
    from aespec.shapes import counted
    from aespec.uses.denoising import WINDOW

    n, changed = len(found.changed), int(found.changed.sum())
    if not changed:
        yield "the noise changed no sample: there is nothing to measure"
        return
    if changed < n:
        yield f"not counted: {n - changed:,} of {counted(n)}, which the noise left as they were"
    if changed == 1:
        yield "one sample has no standard deviation"
    if found.corrupted.ssim is None:
        yield f"SSIM compares windows of {WINDOW}x{WINDOW} pixels, and the samples are no images of that size"
    yield f"{found.nearer:.1%} of the samples are nearer to their originals restored than corrupted"
    corrupted, undisturbed = (measures[name]["psnr"]["mean"] for name in ("corrupted", "undisturbed"))
    if undisturbed < corrupted:
        yield "even without noise the model restores its input less well than this noise leaves it"
    if not learnt:
        yield "the model was not trained to denoise: it takes away only what has no room in its code"
