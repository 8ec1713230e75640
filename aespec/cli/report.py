"""``aespec report``: what a run was and what it learnt, as a page; and the page that ``aespec train`` ends with."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from aespec.cli.options import format_option
from aespec.cli.output import echo_json, writing
from aespec.cli.trained import Shown, Trained, load_data, takes_run

if TYPE_CHECKING:
    from aespec.backend import Model
    from aespec.data import Dataset
    from aespec.report.parts import Part
    from aespec.run import Run

__all__ = ["report", "report_training", "write"]


def _page(_: click.Context, __: click.Parameter, path: Path | None) -> Path | None:
    if path is not None and path.suffix.lower() not in (".html", ".htm"):
        raise click.BadParameter(f"the report is a page: '{path}' does not end in .html.")
    return path


@click.command()
@takes_run
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path),
    callback=_page,
    help="The page, an .html.  [default: RUN/report.html]",
)
@format_option("text", "json")
def report(trained: Trained, out: Path | None, form: str) -> None:
    """Write a page that shows what a run was and what it learnt.

    RUN is the folder of a run. The page is one file that opens without a network: the model, its loss curves,
    reconstructions, a map of its codes that shows the sample under the pointer, the errors, samples of a variational
    model, the spec, and how to train it again. `aespec train` ends with it; this makes it anew, with other data or
    under another name. It looks at 500 samples that the model was not trained on, where there are any, and at 500 that
    it was trained on.
    """
    from aespec.run import REPORT

    path = out or trained.folder / REPORT
    run, model, training, unseen = trained.run, trained.model, trained.training, trained.unseen
    others = None if unseen.what == training.what else unseen
    missing = write(run, model, training, others, path, source=trained.other or "")
    if form == "json":
        echo_json({"report": str(path), "left_out": missing})
        return
    for why in missing:
        click.echo(f"left out: {why}")
    click.echo(f"wrote {path}")


def write(run: Run, model: Model, training: Shown, unseen: Shown | None, path: Path, *, source: str = "") -> list[str]:
    """Write the report of a run; what is left out in it, and why.

    Args:
        run: The run.
        model: Its model.
        training: The samples that it was trained on.
        unseen: Samples that it was not trained on, if there are any.
        path: Where the report is to be.
        source: The data that those are of, where it is not that of the run.

    Raises:
        AespecError: A package that it needs is missing, or it cannot be written.
    """
    from aespec.report.parts import look
    from aespec.report.report import report as report_of
    from aespec.run import write_text

    def part(shown: Shown, source: str = "") -> Part:
        return look(model, shown.inputs, shown.labels, shown.what, source=source, seed=run.record["seed"])

    found = report_of(run, model, part(training), None if unseen is None else part(unseen, source))
    with writing(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text(path, found.html)
    return list(found.missing)


def report_training(run: Run, model: Model, data: Dataset) -> tuple[Path | None, list[str]]:
    """Write the report of a run that has just ended, on its own samples and its data's test set, if it has one.

    Whatever goes wrong is told and goes no further: the run is whole without a report.

    Returns:
        Where the report is, None where there is none; and what is to be said of it.
    """
    from aespec.diagnostics import AespecError
    from aespec.run import REPORT

    path, again = run.folder / REPORT, f"`aespec report {run.folder}` tries again"
    try:
        seen = run.seen(data.inputs)
        training = Shown(seen, None if data.labels is None else data.labels[: len(seen)], "training sample")
        missing = write(run, model, training, _unseen(run, data), path)
        return path, [f"left out of the report: {why}" for why in missing]
    except AespecError as error:
        problem = error.diagnostics[0]
        return None, [f"no report: {problem.message}; {problem.help or again}"]
    except Exception as error:  # of a report nothing may be lost
        what = " ".join(f"{type(error).__name__}: {error}".split())[:200]
        return None, [f"no report: {what}; {again}"]


def _unseen(run: Run, data: Dataset) -> Shown | None:
    """The samples of a data's test set, or else those that the run held out, if any."""
    from aespec.diagnostics import AespecError

    if not data.whole:
        record = run.record["data"]
        name, given = record["path"] or record["name"], (record["columns"], run.scaling)
        try:
            test = load_data(name, run.graph, run.spec, "test", run.record["dtype"], *given)
        except AespecError:  # it is not there; the run does not need it
            pass
        else:
            if not test.whole:
                return Shown(test.inputs, test.labels, "test sample")
    held = run.unseen(data.inputs)
    if not len(held):
        return None
    return Shown(held, None if data.labels is None else data.labels[-len(held) :], "held-out sample")
