"""``aespec project``: codes on a map."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from aespec.cli.options import Seed, format_option, picture_option
from aespec.cli.output import echo_json, ready, writing
from aespec.cli.trained import Trained, takes_run
from aespec.files import MAP, write_text
from aespec.shapes import counted
from aespec.tables import as_csv, table

if TYPE_CHECKING:
    from aespec.held import Shown
    from aespec.uses.projection import Map, Method


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
    type=Seed(),
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
    Where samples are labelled, a color stands for each label; those without are gray.

    A code of one or two numbers is drawn as it is. A longer one is laid out by PCA, which is linear and says how much
    of the variance each axis has; or by t-SNE or UMAP (`pip install 'aespec[umap]'`), which keep neighbours together,
    while distances between groups, and their sizes, mean little. Trustworthiness says how many neighbours on the map
    are neighbours by their codes too.
    """
    from aespec.uses import projection

    picture = ready(out or trained.run.folder / MAP)
    shown = trained.unseen
    model, x, labels = trained.model, shown.inputs, shown.labels
    found = projection.project(model, x, labels, method=method, count=count, seed=seed, name=shown.name)
    _write(trained, shown, found, picture)
    files = (picture, picture.with_suffix(".html"))
    if form == "csv":
        click.echo(_as_csv(found), nl=False)
    elif form == "json":
        echo_json(_as_record(trained, shown, found, files))
    else:
        click.echo(f"{_told(shown, found)}: {_how(found)}")
        if found.planar.explained:
            click.echo("\n" + _variances(found.planar.axes, found.planar.explained) + "\n")
        click.echo(_trust(found))
        for note in _notes(shown, found):
            click.echo(note)
        click.echo(f"wrote {files[0]} and {files[1]}")


def _told(shown: Shown, found: Map) -> str:
    """How many samples of what."""
    whole = counted(len(shown.inputs), shown.what)
    few = "" if len(found.places) == len(shown.inputs) else f"{len(found.places):,} of "
    return f"{few}{whole} of {shown.name}{shown.note}"


def _how(found: Map) -> str:
    """How codes became points."""
    if found.planar.method == "code":
        return f"{counted(found.width, 'number')} of the code as they are"
    drawn = "" if found.planar.method == "pca" else f", seed {found.seed}"
    return f"codes of {counted(found.width, 'number')} by {found.planar.title}{drawn}"


def _trust(found: Map) -> str:
    """The quality of the map, in words."""
    from aespec.uses.projection import NEIGHBORS, SUBSAMPLE

    if found.trustworthiness is None:
        return "Trustworthiness: unknown, " + (
            "all codes are the same" if len(found.places) > 2 * NEIGHBORS else "too few samples"
        )
    drawn = f", of {SUBSAMPLE:,} samples drawn at random" if len(found.places) > SUBSAMPLE else ""
    return (
        f"Trustworthiness: {found.trustworthiness:.3f} for {NEIGHBORS} neighbours{drawn} "
        "(1: all are neighbours by code too; 0.5: chance)"
    )


def _write(trained: Trained, shown: Shown, found: Map, picture: Path) -> None:
    """Write the picture, and the page beside it."""
    from aespec.report.codemap import code_map
    from aespec.report.page import Section, page
    from aespec.uses.projection_picture import draw_map

    title = f"{trained.run.spec.name}, trained with {trained.run.record['backend']}"
    what, how = _told(shown, found), _how(found)
    images = found.inputs if trained.run.images else None
    body = code_map(
        found.planar.points,
        found.labels,
        images,
        images=True,
        notes=[f"{shown.what} {place:,}" for place in found.places.tolist()],
        caption=_trust(found),
    )
    explained = found.planar.explained
    lead = how + (f": {sum(explained):.1%} of the variance, {explained[0]:.1%} across" if explained else "")
    html = page(title, Section("Map of the codes", body, lead[0].upper() + lead[1:] + "."), lead=f"{what}.")
    with writing(picture.parent):
        draw_map(found.planar, picture, labels=found.labels, images=images, title=f"{title}: {what}")
        write_text(picture.with_suffix(".html"), html)


def _variances(axes: tuple[str, str], explained: tuple[float, float]) -> str:
    rows = [[name, f"{share:.1%}"] for name, share in zip(axes, explained, strict=True)]
    heads = ("Axis", "Variance explained")
    return table(heads, rows, [["both", f"{sum(explained):.1%}"]], numbers=heads[1:])


def _notes(shown: Shown, found: Map) -> Iterator[str]:
    """What the map does not show."""
    from aespec.data.labels import classes, unlabelled
    from aespec.picture import CLASSES

    if len(found.places) < len(shown.inputs):
        yield f"{counted(len(found.places))}, drawn at random with seed {found.seed}; `-n` takes more"
    if found.planar.method in ("tsne", "umap") and found.trustworthiness is not None:
        yield "Who is whose neighbour means something; distances between groups, and their sizes, mean little"
    if found.labels is None:
        yield "The data has no labels to color the points by"
        return
    if without := int(unlabelled(found.labels).sum()):
        have = "has" if without == 1 else "have"
        yield f"{without:,} of {counted(len(found.labels))} {have} no label: gray on the map"
    if (kinds := len(classes(found.labels)[0])) > CLASSES:
        yield f"{kinds:,} labels are too many to tell apart by color: numbers are drawn on a scale, in the picture"


def _labels(found: Map) -> list[Any] | None:
    """The label of each sample, None where it has none."""
    from aespec.data.labels import unlabelled

    if found.labels is None:
        return None
    known = zip(found.labels.tolist(), unlabelled(found.labels), strict=True)
    return [None if without else label for label, without in known]


def _as_csv(found: Map) -> str:
    """A line for each sample: its number, its place, and its label where it has one."""
    labels = _labels(found)
    columns: dict[str, list[Any]] = {
        "sample": found.places.tolist(),
        **dict(zip("xy", found.planar.points.T.tolist(), strict=True)),
        **({} if labels is None else {"label": labels}),
    }
    return as_csv(columns, zip(*columns.values(), strict=True))


def _as_record(trained: Trained, shown: Shown, found: Map, files: Sequence[Path]) -> dict[str, Any]:
    return {
        **trained.about(shown, len(found.places), files=files, notes=_notes(shown, found)),
        "of": len(shown.inputs),
        "code": found.width,
        "method": found.planar.method,
        "seed": found.seed,
        "axes": found.planar.axes,
        "explained": found.planar.explained,
        "trustworthiness": found.trustworthiness,
        "sample": found.places.tolist(),
        "points": found.planar.points.tolist(),
        "labels": _labels(found),
    }
