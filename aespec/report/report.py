"""The report of a run: what it was, how it went, and what its model makes of samples."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aespec import __version__
from aespec.diagnostics import AespecError
from aespec.files import StrPath, quoted, write_text
from aespec.held import RunData
from aespec.history import read
from aespec.report import sections
from aespec.report.page import Section, page, render
from aespec.report.parts import Part, look
from aespec.report.samples import is_row
from aespec.rules import FolderUnwritable
from aespec.run import REPORT, Run, unwritable
from aespec.uses.posterior import latent

if TYPE_CHECKING:
    from markupsafe import Markup

    from aespec.backend import Model
    from aespec.data import Dataset
    from aespec.held import Shown

__all__ = ["Report", "report", "report_training", "write"]


@dataclass(frozen=True)
class Report:
    """A report as text, and what is missing in it."""

    html: str
    missing: tuple[str, ...]
    """Why, in words, and what to do about it."""


def report(run: Run, model: Model, training: Part, unseen: Part | None = None) -> Report:
    """Write the report of a run.

    Args:
        run: The run.
        model: Its model.
        training: What the model makes of samples that it was trained on.
        unseen: What it makes of samples that it was not trained on, where there are any.

    Raises:
        AespecError: A package that every report needs is missing: jinja2, or for images Pillow; or the run's history
            cannot be read.
    """
    history, missing = read(run.place), list[str]()
    parts = [part for part in (unseen, training) if part is not None]
    first = parts[0]
    contents: list[tuple[str, str, Callable[[], Markup]]] = [
        ("Overview", "", lambda: sections.overview(run, first, history)),
        ("Model", (_MIRROR if run.graph.mirrored else "") + _WIDTH, lambda: sections.model(run)),
        ("Training", "", lambda: sections.training(run, history)),
        ("Reconstructions", _shown(run, first, unseen is not None), lambda: sections.reconstructions(run, first)),
        ("Code map", "", lambda: sections.codes(run, parts)),
        ("Errors", _errors(run) + (_BY_HEART if unseen is not None else ""), lambda: sections.errors(parts)),
        ("Spec", "", lambda: sections.spec(run)),
        ("Provenance", "", lambda: sections.provenance(run)),
    ]
    if latent(run.graph) is not None:
        contents.insert(5, ("Generated samples", _GENERATED, lambda: sections.generated(run, model, first)))
    html = page(
        run.spec.name,
        *(Section(title, _or_why(write, missing), lead) for title, lead, write in contents),
        lead=run.spec.description,
        kicker=f"{run.place.resolve().name} · an autoencoder trained with {run.record['backend']}",
        foot=f"Written by aespec {__version__}.",
    )
    return Report(html, tuple(dict.fromkeys(missing)))


def write(
    run: Run, path: StrPath | None = None, *, data: RunData | None = None, model: Model | None = None
) -> list[str]:
    """Write the report of a run; what is left out in it, and why.

    Args:
        run: The run.
        path: Where the report is to be; by default in the run's folder.
        data: The run's data, and other data to look at, if any: see `Run.data`.
        model: The model of the run, where it is at hand.

    Raises:
        AespecError: The data is not there or does not fit, a package that the report needs is missing, or it cannot be
            written.
    """
    given = data or run.data()
    return _write(run, model or run.model(), given.training, given.unseen, Path(path or run.place / REPORT))


def _write(run: Run, model: Model, training: Shown, unseen: Shown | None, path: Path) -> list[str]:
    """Write the report of a run on the samples that it was trained on, and on others, if there are any."""

    def part(shown: Shown) -> Part:
        source = "" if shown.name == run.record["data"]["name"] else shown.name
        about: dict[str, Any] = {"source": source, "note": shown.note, "columns": shown.data.columns}
        return look(model, shown.inputs, shown.labels, shown.what, **about, seed=run.record["seed"])

    others = None if unseen is None or unseen.what == training.what else part(unseen)
    found = report(run, model, part(training), others)
    try:
        write_text(path, found.html)
    except OSError as error:
        raise unwritable(path.parent, error) from error
    return list(found.missing)


def report_training(
    run: Run, model: Model, data: Dataset, validation: Dataset | None = None
) -> tuple[Path | None, list[str]]:
    """Write the report of a run that has just ended, on its own samples and its data's test set, if it has one.

    Whatever goes wrong is told and goes no further: the run is whole without a report.

    Returns:
        Where the report is, None where there is none; and what is to be said of it.
    """
    path, again = run.place / REPORT, f"`aespec report {quoted(run.folder)}` tries again"
    try:
        given = RunData(run, loaded=[data] if validation is None else [data, validation])
        missing = _write(run, model, given.training, _unseen(given), path)
        return path, [f"left out of the report: {why}" for why in missing]
    except AespecError as error:
        problem = error.diagnostics[0]
        help = again if problem.rule is FolderUnwritable else problem.help or again
        return None, [f"no report: {problem.message}; {help}"]
    except Exception as error:  # of a report nothing may be lost
        what = " ".join(f"{type(error).__name__}: {error}".split())[:200]
        return None, [f"no report: {what}; {again}"]


def _unseen(given: RunData) -> Shown | None:
    """What a run has not seen; of data whose test set is not there, which the run does not need, what it held out."""
    try:
        given.part("test")
    except AespecError:
        return given.held
    return given.unseen


_MIRROR = "The decoder mirrors the encoder: each of its layers undoes what stands beside it. "

_WIDTH = "The wider a box, the more numbers its value has."


def _errors(run: Run) -> str:
    way = "How far the reconstruction of each sample is from it"
    return f"{way}{run.units}, as the share of the samples with such an error."


_BY_HEART = " Where unseen samples lie further right than those trained on, the model has learnt the latter by heart."

_GENERATED = "Decoded from codes that are drawn from the standard normal, which training kept codes near."


def _shown(run: Run, part: Part, unseen: bool) -> str:
    """How samples and their reconstructions are shown, and whether the model knew them."""
    if run.images:
        way = "with its reconstruction below"
    elif is_row(part.inputs.shape[1:]):
        way = "a ring for each feature, its reconstruction a dot"
    else:
        way = f"solid, its reconstruction dashed{run.units}"
    seen = "" if unseen else " Nothing was held out: these are samples that the model was trained on."
    return f"What the model makes of {part.named}{part.note}: each {way}.{seen}"


def _or_why(write: Callable[[], Markup], missing: list[str]) -> Markup:
    """A section's content; where a package that only it needs is missing, what to do about that."""
    try:
        return write()
    except AespecError as error:
        problem = error.diagnostics[0]
        why = f"{problem.message}: {problem.help}" if problem.help else problem.message
        missing.append(why)
        return render("missing.html.j2", why=why)
