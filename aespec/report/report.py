"""The report of a run: what it was, how it went, and what its model makes of samples."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aespec import __version__
from aespec.diagnostics import AespecError
from aespec.history import read
from aespec.picture import are_images
from aespec.report import sections
from aespec.report.page import Section, page, render
from aespec.report.samples import is_row
from aespec.uses.posterior import latent

if TYPE_CHECKING:
    from markupsafe import Markup

    from aespec.backend import Model
    from aespec.report.parts import Part
    from aespec.run import Run

__all__ = ["Report", "report"]


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
    history, missing = read(run.folder), list[str]()
    parts = [part for part in (unseen, training) if part is not None]
    first = parts[0]
    contents: list[tuple[str, str, Callable[[], Markup]]] = [
        ("Overview", "", lambda: sections.overview(run, first, history)),
        ("Model", (_MIRROR if run.graph.mirrored else "") + _WIDTH, lambda: sections.model(run)),
        ("Training", "", lambda: sections.training(run, history)),
        ("Reconstructions", _shown(first, unseen is not None), lambda: sections.reconstructions(run, first)),
        ("Code map", "", lambda: sections.codes(parts, run.record["seed"])),
        ("Errors", _ERRORS + (_BY_HEART if unseen is not None else ""), lambda: sections.errors(parts)),
        ("Spec", "", lambda: sections.spec(run)),
        ("Provenance", "", lambda: sections.provenance(run)),
    ]
    if latent(run.graph) is not None:
        contents.insert(5, ("Generated samples", _GENERATED, lambda: sections.generated(run, model, first)))
    html = page(
        run.spec.name,
        *(Section(title, _or_why(write, missing), lead) for title, lead, write in contents),
        lead=run.spec.description,
        kicker=f"{run.folder.resolve().name} · an autoencoder trained with {run.record['backend']}",
        foot=f"Written by aespec {__version__}.",
    )
    return Report(html, tuple(dict.fromkeys(missing)))


_MIRROR = "The decoder mirrors the encoder: each of its layers undoes what stands beside it. "

_WIDTH = "The wider a box, the more numbers its value has."

_ERRORS = "How far the reconstruction of each sample is from it, as the share of the samples with such an error."

_BY_HEART = " Where unseen samples lie further right than those trained on, the model has learnt the latter by heart."

_GENERATED = "Decoded from codes that are drawn from the standard normal, which training kept codes near."


def _shown(part: Part, unseen: bool) -> str:
    """How samples and their reconstructions are shown, and whether the model knew them."""
    shape = part.inputs.shape[1:]
    if are_images(shape):
        way = "with its reconstruction below"
    elif is_row(shape):
        way = "a ring for each feature, its reconstruction a dot"
    else:
        way = "solid, its reconstruction dashed"
    seen = "" if unseen else " Nothing was held out: these are samples that the model was trained on."
    return f"What the model makes of {part.named}: each {way}.{seen}"


def _or_why(write: Callable[[], Markup], missing: list[str]) -> Markup:
    """A section's content; where a package that only it needs is missing, what to do about that."""
    try:
        return write()
    except AespecError as error:
        problem = error.diagnostics[0]
        why = f"{problem.message}: {problem.help}" if problem.help else problem.message
        missing.append(why)
        return render("missing.html.j2", why=why)
