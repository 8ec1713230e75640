"""``aespec project``: codes on a map."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from aespec.cli.options import format_option, picture_option
from aespec.cli.output import echo_json, ready, writing
from aespec.cli.trained import Trained, takes_run
from aespec.diagnostics import AespecError, Diagnostic
from aespec.files import MAP, write_text
from aespec.rules import DataShape
from aespec.shapes import counted
from aespec.tables import as_csv, table

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from aespec.held import Shown
    from aespec.uses.projection import Method, Planar

    Array = NDArray[np.floating[Any]]


@dataclass(frozen=True, eq=False)
class Map:
    """Samples on a map, and how good it is."""

    shown: Shown
    """All samples that there are."""
    places: NDArray[np.int64]
    """Which of them are on the map, counted from 0."""
    inputs: Array
    labels: NDArray[Any] | None
    width: int
    """Numbers in a code."""
    planar: Planar
    trustworthiness: float | None
    seed: int

    @property
    def told(self) -> str:
        """How many samples of what."""
        whole = counted(len(self.shown.inputs), self.shown.what)
        return whole if len(self.places) == len(self.shown.inputs) else f"{len(self.places):,} of {whole}"

    @property
    def how(self) -> str:
        """How codes became points."""
        if self.planar.method == "code":
            return f"{counted(self.width, 'number')} of the code as they are"
        drawn = "" if self.planar.method == "pca" else f", seed {self.seed}"
        return f"codes of {counted(self.width, 'number')} by {self.planar.title}{drawn}"

    @property
    def trust(self) -> str:
        """The quality of the map, in words."""
        from aespec.uses.projection import NEIGHBORS, SUBSAMPLE

        if self.trustworthiness is None:
            return "Trustworthiness: unknown, " + (
                "all codes are the same" if len(self.places) > 2 * NEIGHBORS else "too few samples"
            )
        drawn = f", of {SUBSAMPLE:,} samples drawn at random" if len(self.places) > SUBSAMPLE else ""
        return (
            f"Trustworthiness: {self.trustworthiness:.3f} for {NEIGHBORS} neighbours{drawn} "
            "(1: all are neighbours by code too; 0.5: chance)"
        )


@click.command()
@takes_run
@click.option(
    "--method",
    type=click.Choice(["pca", "tsne", "umap"]),
    help="How codes become points.  [default: a code of one or two numbers as it is, else tsne]",
)
@click.option(
    "-n",
    "count",
    type=click.IntRange(1),
    default=2000,
    show_default=True,
    metavar="N",
    help="How many samples to put on the map, drawn at random.",
)
@click.option(
    "--seed",
    type=click.IntRange(0, 2**32 - 1),
    default=0,
    show_default=True,
    metavar="N",
    help="Decides which samples are drawn, and what t-SNE and UMAP draw.",
)
@picture_option(MAP)
@format_option("text", "json", "csv")
def project(trained: Trained, method: Method | None, count: int, seed: int, out: Path | None, form: str) -> None:
    """Draw a map of codes: similar samples near each other.

    RUN is the folder of a run. The map has samples that the model was not trained on: the test set, where the data has
    one, else what was held out. It is a picture, and beside it a page (.html) that shows the sample below the pointer.
    Where samples are labelled, a color stands for each label.

    A code of one or two numbers is drawn as it is. A longer one is laid out by PCA, which is linear and says how much
    of the variance each axis has; or by t-SNE or UMAP (`pip install 'aespec[umap]'`), which keep neighbours together,
    while distances between groups, and their sizes, mean little. Trustworthiness says how many neighbours on the map
    are neighbours by their codes too.
    """
    picture = ready(out or trained.run.folder / MAP)
    found = _mapped(trained, method, count, seed)
    _write(trained, found, picture)
    files = (picture, picture.with_suffix(".html"))
    if form == "csv":
        click.echo(_as_csv(found), nl=False)
    elif form == "json":
        echo_json(_as_record(trained, found, files))
    else:
        click.echo(f"{found.told} of {found.shown.name}{found.shown.note}: {found.how}")
        if found.planar.explained:
            click.echo("\n" + _variances(found.planar.axes, found.planar.explained) + "\n")
        click.echo(found.trust)
        for note in _notes(found):
            click.echo(note)
        click.echo(f"wrote {files[0]} and {files[1]}")


def _mapped(trained: Trained, method: Method | None, count: int, seed: int) -> Map:
    import numpy as np

    from aespec.apply import codes
    from aespec.data.streams import chosen, take
    from aespec.initializers import parameter_stream
    from aespec.uses.projection import planar, trustworthiness

    shown = trained.unseen
    places = chosen(shown.inputs, count, parameter_stream(seed, "map"))
    inputs = take(shown.inputs, places)
    found = codes(trained.model, inputs)
    flat = found.reshape(len(found), -1)
    points = planar(flat, method=method, seed=seed)
    labels = None if shown.labels is None else _single(np.asarray(shown.labels), shown.name)[places]
    trust = trustworthiness(flat, points.points, seed=seed)
    return Map(shown, places, inputs, labels, flat.shape[1], points, trust, seed)


def _single(labels: NDArray[Any], name: str) -> NDArray[Any]:
    """One label for each sample, (n,).

    Raises:
        AespecError: There are several for each.
    """
    if labels.size != len(labels):
        raise AespecError(
            Diagnostic(
                DataShape,
                f"{name} has several labels for each sample",
                wanted=f"one label for each, an array of shape ({len(labels)},)",
                got=f"an array of shape {labels.shape}",
                help="of a column for each class save `labels.argmax(axis=1)`, else the labels to color the map by",
            )
        )
    labels = labels.reshape(len(labels))
    return labels.astype(str) if labels.dtype == object else labels


def _write(trained: Trained, found: Map, picture: Path) -> None:
    """Write the picture, and the page beside it."""
    from aespec.report.codemap import code_map
    from aespec.report.page import Section, page
    from aespec.uses.projection_picture import draw_map

    title = f"{trained.run.spec.name}, trained with {trained.run.record['backend']}"
    what = f"{found.told} of {found.shown.name}{found.shown.note}"
    images = found.inputs if trained.run.images else None
    body = code_map(
        found.planar.points,
        found.labels,
        images,
        images=True,
        notes=[f"{found.shown.what} {place}" for place in found.places.tolist()],
        caption=found.trust,
    )
    explained = found.planar.explained
    lead = found.how + (f": {sum(explained):.1%} of the variance, {explained[0]:.1%} across" if explained else "")
    html = page(title, Section("Map of the codes", body, lead[0].upper() + lead[1:] + "."), lead=f"{what}.")
    with writing(picture.parent):
        draw_map(found.planar, picture, labels=found.labels, images=images, title=f"{title}: {what}")
        write_text(picture.with_suffix(".html"), html)


def _variances(axes: tuple[str, str], explained: tuple[float, float]) -> str:
    rows = [[name, f"{share:.1%}"] for name, share in zip(axes, explained, strict=True)]
    heads = ("Axis", "Variance explained")
    return table(heads, rows, [["both", f"{sum(explained):.1%}"]], numbers=heads[1:])


def _notes(found: Map) -> Iterator[str]:
    """What the map does not show."""
    import numpy as np

    from aespec.picture import CLASSES

    if len(found.places) < len(found.shown.inputs):
        yield f"{len(found.places):,} samples were drawn at random with seed {found.seed}; `-n` takes more"
    if found.planar.method in ("tsne", "umap"):
        yield "Who is whose neighbour means something; distances between groups, and their sizes, mean little"
    if found.labels is None:
        yield "The data has no labels to color the points by"
    elif (classes := len(np.unique(found.labels))) > CLASSES:
        yield f"{classes:,} labels are too many to tell apart by color: numbers are drawn on a scale, in the picture"


def _as_csv(found: Map) -> str:
    """A line for each sample: its number, its place, and its label where it has one."""
    labels = {} if found.labels is None else {"label": found.labels.tolist()}
    columns = {
        "sample": found.places.tolist(),
        **dict(zip("xy", found.planar.points.T.tolist(), strict=True)),
        **labels,
    }
    return as_csv(columns, zip(*columns.values(), strict=True))


def _as_record(trained: Trained, found: Map, files: Sequence[Path]) -> dict[str, Any]:
    return {
        **trained.about(found.shown, len(found.places), files=files, notes=_notes(found)),
        "of": len(found.shown.inputs),
        "code": found.width,
        "method": found.planar.method,
        "seed": found.seed,
        "axes": found.planar.axes,
        "explained": found.planar.explained,
        "trustworthiness": found.trustworthiness,
        "sample": found.places.tolist(),
        "points": found.planar.points.tolist(),
        "labels": None if found.labels is None else found.labels.tolist(),
    }
