"""``aespec score``: how anomalous samples are."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from aespec.cli.findings import WORDS, Findings
from aespec.cli.options import DRAWINGS, TABLES, Number, file_option, format_option
from aespec.cli.output import echo_json, ready
from aespec.cli.trained import Trained, takes_run

if TYPE_CHECKING:
    from aespec.uses.anomaly import By

QUANTILE = 0.99


class Parts(click.Choice[str]):
    """What errors are given for; of two parts in either order."""

    def __init__(self) -> None:
        super().__init__(["sample", "step", "feature", "pixel", "step,feature"])

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """See `click.ParamType.convert`."""
        return super().convert("step,feature" if value == "feature,step" else value, param, ctx)


FRACTION = Number(0, 1, min_open=True, max_open=True)


@click.command()
@takes_run
@click.option(
    "--by",
    type=Parts(),
    default="sample",
    show_default=True,
    help="Give the error of each step, feature or pixel of a sample too, or of each feature at each step.",
)
@click.option(
    "--score",
    "kind",
    type=click.Choice([*WORDS]),
    default="error",
    show_default=True,
    help="What is compared with the threshold. Variational models alone have a surprise.",
)
@click.option(
    "--quantile",
    type=FRACTION,
    metavar="Q",
    help=f"Threshold: this quantile of the scores of the run's own samples.  [default: {QUANTILE}]",
)
@click.option(
    "--contamination", type=FRACTION, metavar="C", help="Threshold: this fraction of what is scored is anomalous."
)
@click.option(
    "--threshold", "given", type=Number(), metavar="T", help="Threshold: this one, such as that of an earlier call."
)
@click.option(
    "--stride",
    type=click.IntRange(1),
    metavar="N",
    help="Cut a series into windows that begin N steps apart, with 1 all that there are.  [default: as in training]",
)
@click.option(
    "--apart",
    type=click.IntRange(1),
    metavar="N",
    help="Steps above the threshold that are N steps apart, or more, are two events.  [default: a window's length]",
)
@click.option("--normal", metavar="CLASS[,CLASS]", help="Truth: these labels are of normal samples, all others not.")
@click.option(
    "--truth",
    "source",
    metavar="labels|COLUMN|FILE",
    help="Truth: the data's own labels, another column of its table, or a .npy, .csv or .txt with them, or with the "
    "start and the end of each anomaly. 0 is normal and 1 is not, unless --normal is given.",
)
@click.option(
    "--index",
    "called",
    metavar="COLUMN",
    help="A column of the scored table that says when each step was, or what each sample is: tables and files have it.",
)
@click.option(
    "--draws",
    type=click.IntRange(1, 1000),
    default=10,
    show_default=True,
    metavar="N",
    help="Codes that a sample's surprise is a mean over.",
)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, metavar="N", help="Decides these codes.")
@file_option("-o", "--out", suffixes=TABLES, help="Write the scores, a .csv, .parquet or .npy.")
@file_option(
    "--picture",
    suffixes=DRAWINGS,
    help="Draw the most anomalous samples and their errors, a .png or .svg; of a series also its score all along.",
)
@file_option("--curves", suffixes=DRAWINGS, help="Draw the ROC and the precision-recall curve, a .png or .svg.")
@click.option(
    "-n",
    "count",
    type=click.IntRange(1, 20),
    default=5,
    show_default=True,
    metavar="N",
    help="Samples or events to show.",
)
@format_option("text", "json")
def score(
    trained: Trained,
    by: str,
    kind: str,
    quantile: float | None,
    contamination: float | None,
    given: float | None,
    stride: int | None,
    apart: int | None,
    normal: str | None,
    source: str | None,
    called: str | None,
    draws: int,
    seed: int,
    out: Path | None,
    picture: Path | None,
    curves: Path | None,
    count: int,
    form: str,
) -> None:
    """Say how anomalous samples are, by how badly a trained model restores them.

    RUN is the folder of a run. Scored are all samples of `--data`, or its test part where it has one; without `--data`,
    or where that is what the run was trained on, samples that it was not trained on. A sample's score is its mean
    squared error, of a variational model also its surprise: minus the mean of log p(x|z) over codes z that are drawn
    from its posterior, in nats (after An and Cho, 2015). Above the threshold it is an anomaly. The threshold is a
    quantile of the scores of samples that the run held out, or, if it held out none, of those that it was trained on.

    Windows that were cut from a series are put together again by `--by step`, and for each feature by `--by
    step,feature`: each step has the mean of its errors in the windows that cover it. Steps above the threshold that are
    less than a window's length apart are one event.

    Files that are there already are written over.
    """
    from aespec.uses.detection import Threshold
    from aespec.uses.scoring import Job, index, truth

    ways = {"--quantile": quantile, "--contamination": contamination, "--threshold": given}
    if len(stated := [f"'{name}'" for name, value in ways.items() if value is not None]) > 1:
        raise click.UsageError(f"{' and '.join(stated)} each set the threshold; give one.")
    if curves is not None and normal is None and source is None:
        raise click.UsageError("'--curves' needs the truth, which '--normal' or '--truth' tells.")
    for path in filter(None, (out, picture, curves)):
        ready(path)
    job = Job(trained.data, trained.model, cast("By", by), kind, draws, seed, stride)
    if kind == "surprise" and job.in_series:
        raise click.UsageError("'--score surprise' is that of whole windows; it does not go with '--by step'.")
    reference = job.reference if contamination is None and given is None else None
    for shown in filter(None, (job.scored, reference)):
        trained.tell_of(shown)
    names = None if called is None else (called, index(job, called))
    known = truth(job, source, normal, names and names[1])
    limit = Threshold(given) if given is not None else job.threshold(quantile or QUANTILE, contamination)
    found = Findings(job, limit, reference=reference, known=known, count=count, called=names, apart=apart)
    parts = found.parts(out)
    if form == "text":
        for line in (*found.summary(), *(f"note: {note}" for note in found.notes()), *found.tables(parts)):
            click.echo(line)
    if picture is not None:
        found.draw_worst(picture)
    if curves is not None and known is not None:
        found.draw_curves(curves)
    files = (out, picture, curves)
    if form == "json":
        about = trained.about(job.scored, len(job.scored.inputs), files=files, notes=found.notes())
        echo_json({**about, **found.as_json(parts)})
    else:
        click.echo("".join(f"wrote {path}\n" for path in files if path), nl=False)
