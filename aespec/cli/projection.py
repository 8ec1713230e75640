"""``aespec project`` and ``aespec pca-check``: codes on a map, and a linear model beside PCA."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from aespec.cli.options import format_option, picture_option
from aespec.cli.output import echo_json, writing
from aespec.cli.trained import Shown, Trained, takes_run
from aespec.diagnostics import AespecError, Diagnostic
from aespec.rules import DataShape
from aespec.shapes import counted

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from aespec.data.streams import Samples
    from aespec.graph import Graph
    from aespec.uses.pca import Comparison
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
@picture_option("map.png")
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
    found = _mapped(trained, method, count, seed)
    picture = out or trained.folder / "map.png"
    _write(trained, found, picture)
    if form == "csv":
        click.echo(_as_csv(found), nl=False)
    elif form == "json":
        echo_json(_as_record(trained, found, picture))
    else:
        click.echo(f"{found.told} of {trained.name}{found.shown.note}: {found.how}")
        if found.planar.explained:
            click.echo("\n" + _variances(found.planar.axes, found.planar.explained) + "\n")
        click.echo(found.trust)
        for note in _notes(found):
            click.echo(note)
        click.echo(f"wrote {picture} and {picture.with_suffix('.html')}")


def _mapped(trained: Trained, method: Method | None, count: int, seed: int) -> Map:
    import numpy as np

    from aespec.apply import codes
    from aespec.initializers import parameter_stream
    from aespec.uses.generation import picked
    from aespec.uses.projection import planar, trustworthiness

    shown = trained.unseen

    def some(x: Any) -> Any:
        return picked(x, count, parameter_stream(seed, "map"))

    inputs, places = some(shown.inputs), some(np.arange(len(shown.inputs)))
    found = codes(trained.model, inputs)
    flat = found.reshape(len(found), -1)
    points = planar(flat, method=method, seed=seed)
    labels = None if shown.labels is None else some(_single(np.asarray(shown.labels), trained.name))
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
    from aespec.picture import are_images
    from aespec.report.codemap import code_map
    from aespec.report.page import Section, page
    from aespec.run import write_text
    from aespec.uses.projection_picture import draw_map

    title = f"{trained.run.spec.name}, trained with {trained.run.record['backend']}"
    what = f"{found.told} of {trained.name}{found.shown.note}"
    body = code_map(
        found.planar.points,
        found.labels,
        found.inputs if are_images(found.inputs.shape[1:]) else None,
        notes=[f"{found.shown.what} {place}" for place in found.places.tolist()],
        caption=found.trust,
    )
    explained = found.planar.explained
    lead = found.how + (f": {sum(explained):.1%} of the variance, {explained[0]:.1%} across" if explained else "")
    html = page(title, Section("Map of the codes", body, lead[0].upper() + lead[1:] + "."), lead=f"{what}.")
    with writing(picture.parent):
        picture.parent.mkdir(parents=True, exist_ok=True)
        draw_map(found.planar, picture, labels=found.labels, inputs=found.inputs, title=f"{title}: {what}")
        write_text(picture.with_suffix(".html"), html)


def _variances(axes: tuple[str, str], explained: tuple[float, float]) -> str:
    from aespec.tables import table

    rows = [[name, f"{share:.1%}"] for name, share in zip(axes, explained, strict=True)]
    heads = ("Axis", "Variance explained")
    return table(heads, rows, [["both", f"{sum(explained):.1%}"]], numbers=heads[1:])


def _notes(found: Map) -> Iterator[str]:
    """What the map does not show."""
    import numpy as np

    from aespec.uses.projection_picture import CLASSES

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
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([[*columns], *zip(*columns.values(), strict=True)])
    return text.getvalue()


def _as_record(trained: Trained, found: Map, picture: Path) -> dict[str, Any]:
    return {
        "run": str(trained.folder),
        "data": trained.name,
        "what": f"{found.shown.what}{found.shown.note}",
        "samples": len(found.places),
        "of": len(found.shown.inputs),
        "code": found.width,
        "method": found.planar.method,
        "seed": found.seed,
        "axes": found.planar.axes,
        "explained": found.planar.explained,
        "trustworthiness": found.trustworthiness,
        "picture": str(picture),
        "page": str(picture.with_suffix(".html")),
        "sample": found.places.tolist(),
        "points": found.planar.points.tolist(),
        "labels": None if found.labels is None else found.labels.tolist(),
    }


@click.command(name="pca-check")
@takes_run
@format_option("text", "json")
def pca_check(trained: Trained, form: str) -> None:
    """Compare a linear autoencoder with exact PCA.

    RUN is the folder of a run whose model is linear, such as one of specs/pca.yaml. PCA with as many components as the
    code has numbers is fitted to the samples that the run was trained on. Nothing linear has a smaller squared error,
    so the excess of the autoencoder's says how far training came; the principal angles say how far the directions that
    its decoder spans are from PCA's. All of it is computed in float64 by the
    reference, whatever the backend.

    --data names the training data where that lies elsewhere now. With other data PCA is fitted to that.
    """
    from aespec.uses.pca import compare

    run = trained.run
    samples, what = _trained_on(trained)
    found = compare(run.graph, run.model("numpy").weights(), samples)
    notes = list(_reservations(run.graph, found))
    if form == "json":
        record = asdict(found) | {"excess": found.excess, "relative_excess": found.relative_excess}
        echo_json({"run": str(trained.folder), "data": trained.name, "what": what, **record, "notes": notes})
        return
    varying = "" if found.rank == found.features else f", which vary in {counted(found.rank, 'direction')}"
    click.echo(f"{counted(found.samples, what)} of {trained.name}: {counted(found.features, 'number')} each{varying}")
    click.echo(f"{run.spec.name}, with {counted(found.components, 'component')}, beside PCA with as many\n")
    click.echo(_compared(found))
    for note in notes:
        click.echo(note)


def _trained_on(trained: Trained) -> tuple[Samples, str]:
    """The samples that a run was trained on, and what each is called; others where they were asked for."""
    data = trained.part("train")
    if trained.run.trained_on(data):
        return trained.run.seen(data.inputs), "training sample"
    if trained.other is None:
        return trained.training.inputs, "training sample"
    given = trained.run.record["data"]["name"]
    click.echo(f"warning: the run was trained on {given}, not on {trained.other}: PCA sees what it did not", err=True)
    return data.inputs, "sample"


def _compared(found: Comparison) -> str:
    from aespec.tables import table

    relative = "" if found.relative_excess is None else f" ({found.relative_excess:.2g} of PCA's)"
    angles = found.angles
    rows = [
        ["mean squared error of the autoencoder", f"{found.error:.9g}"],
        ["mean squared error of PCA", f"{found.pca_error:.9g}"],
        ["excess", f"{found.excess:.3g}{relative}"],
    ]
    spans = [
        ["largest angle between the planes", f"{angles[0]:.3g} degrees"],
        ["smallest angle", f"{angles[-1]:.3g} degrees"],
    ]
    return table(("Measure", "Value"), rows, spans[: len(angles)])


def _reservations(graph: Graph, found: Comparison) -> Iterator[str]:
    """Why a model may differ from PCA, or the comparison mean little."""
    if graph.loss.kind != "mse":
        yield f"It was trained on `{graph.loss.kind}`, while PCA makes the squared error small"
    if graph.terms:
        names = ", ".join(f"`{term.name}`" for term in graph.terms)
        yield f"It was trained on a loss with more terms than the squared error: {names}"
    if noisy := [node.name for node in graph if node.layer.draws]:
        yield f"It was trained with noise, at {', '.join(f'`{name}`' for name in noisy)}; the errors here are without"
    if not found.centred:
        yield "Its layers have no bias to learn a mean with, and the mean of the samples is not zero: PCA takes it away"
    if found.components >= found.rank:
        yield f"The samples vary in {counted(found.rank, 'direction')} only, all of which PCA keeps: its error is zero"
    elif found.gap < 0.01:
        yield f"PCA's last component has only {found.gap:.2g} more variance than the next: its direction means little"
