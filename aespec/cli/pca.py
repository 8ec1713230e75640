"""``aespec pca-check``: a linear model beside PCA."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from aespec.cli.options import format_option
from aespec.cli.output import echo_json
from aespec.cli.trained import Trained, takes_run
from aespec.shapes import counted

if TYPE_CHECKING:
    from aespec.graph import Graph
    from aespec.held import Shown
    from aespec.uses.pca import Comparison


@click.command(name="pca-check")
@takes_run(backend=False)
@format_option("text", "json")
def pca_check(trained: Trained, form: str) -> None:
    """Compare a linear autoencoder with exact PCA.

    RUN is the folder of a run whose model is linear, such as one of specs/pca.yaml. PCA with as many components as the
    code has numbers is fitted to the samples that the run was trained on. Nothing linear has a smaller squared error,
    so the excess of the autoencoder's says how far training came; the principal angles say how far the directions that
    its decoder spans are from PCA's. All of it is computed in float64 by the reference, whatever the run's backend.

    --data names the training data where that lies elsewhere now. With other data PCA is fitted to that.
    """
    from aespec.uses.pca import compare

    run = trained.run
    fitted = _fitted_to(trained)
    found = compare(run.graph, run.model("numpy").weights(), fitted.inputs)
    notes = list(_reservations(run.graph, found))
    if form == "json":
        record = asdict(found) | {"excess": found.excess, "relative_excess": found.relative_excess}
        echo_json({**trained.about(fitted, found.samples, notes=notes), "backend": "numpy", **record})
        return
    varying = "" if found.rank == found.features else f", which vary in {counted(found.rank, 'direction')}"
    what = f"{counted(found.samples, fitted.what)} of {fitted.name}"
    click.echo(f"{what}: {counted(found.features, 'number')} each{varying}")
    click.echo(f"{run.spec.name}, with {counted(found.components, 'component')}, beside PCA with as many\n")
    click.echo(_compared(found))
    for note in notes:
        click.echo(note)


def _fitted_to(trained: Trained) -> Shown:
    """The samples that a run was trained on; others where they were asked for."""
    from aespec.held import SAMPLE, Shown

    if trained.other is None or trained.run.trained_on(data := trained.data.part("train")):
        return trained.training
    given = trained.run.record["data"]["name"]
    click.echo(f"warning: the run was trained on {given}, not on {trained.other}: PCA sees what it did not", err=True)
    return Shown(data, SAMPLE)


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
    if [loss.kind for loss in graph.losses] != ["mse"]:
        kinds = " and ".join(f"`{loss.kind}`" for loss in graph.losses)
        yield f"It was trained on {kinds}, while PCA makes the squared error small"
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
