"""``aespec oneclass``: how well a spec's models tell one class from the others, each class in turn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, astuple, replace
from math import isnan
from pathlib import Path
from typing import TYPE_CHECKING

import click

from aespec.cli.inputs import Specs, takes_specs
from aespec.cli.options import backend_option, format_option
from aespec.cli.output import announce, echo_json, made, ready, writing
from aespec.cli.stopping import stop_if_asked
from aespec.diagnostics import AespecError
from aespec.files import write_text
from aespec.tables import as_csv, table

if TYPE_CHECKING:
    from aespec.uses.oneclass import Published, Result

FILE = "oneclass.csv"


@click.command()
@takes_specs(several=False)
@backend_option(required=True, help="What to train with: see `aespec backends`.")
@click.option(
    "--data", default="digits", show_default=True, metavar="NAME|FILE", help="Labelled data with a test part."
)
@click.option("--classes", metavar="CLASS,...", help="Only these classes in turn.  [default: all]")
@click.option(
    "--seed",
    "seeds",
    type=click.IntRange(0),
    multiple=True,
    metavar="N",
    help="Instead of the spec's seed. Can be repeated: each class is then trained with each.",
)
@click.option("-o", "--out", type=click.Path(path_type=Path), help=f"A folder that gets {FILE}.")
@click.option("--quiet", is_flag=True, help="Print nothing but the table at the end.")
@format_option("text", "json")
def oneclass(
    specs: Specs,
    backend: str,
    data: str,
    classes: str | None,
    seeds: tuple[int, ...],
    out: Path | None,
    quiet: bool,
    form: str,
) -> None:
    """Measure how well a spec's models detect anomalies, each class being normal in turn.

    For each class a model is trained on its training samples alone, and all test samples are ranked by their
    reconstruction error: AUROC is the fraction of pairs of a sample of the class and one of another class in which the
    other has the larger error. Its deviation over the classes is that of these classes themselves: it divides by their
    number n, not by n - 1. The plan is the spec's; `--set training.epochs=5` changes it. Nothing is chosen by the
    test samples, and the models are not kept.
    """
    from aespec.data import load_for
    from aespec.held import TEST
    from aespec.process import own
    from aespec.uses.oneclass import PUBLISHED, SOURCE, classes_of, one_class, spread

    compiled = specs.only()
    spec, graph = compiled.spec, compiled.graph
    own(backend, graph, spec.training)
    train, test = (load_for(spec, graph, data, part, spec.training.dtype) for part in ("train", "test"))
    names = classes_of(train, test, [each.strip() for each in classes.split(",")] if classes else ())
    talk = form == "text" and not quiet
    path = None if out is None else ready(out / FILE)
    if spec.training.validation_data:
        instead = "`--set training.validation_split=0.1` in its place holds out samples of each class"
        click.echo(f"warning: `validation_data` is not looked at: {instead}", err=True)
    if talk:
        announce(f"{spec.name} on {backend}, {len(names)} classes of {data}")
    results: list[Result] = []
    for seed in dict.fromkeys(seeds or (spec.training.seed,)):
        for name in names:
            stop_if_asked()
            try:
                result = one_class(spec, train, test, name, backend=backend, seed=seed, limits=specs.limits)
            except AespecError as error:
                of = f"class {name}: "
                raise AespecError(*(replace(each, message=of + each.message) for each in error.diagnostics)) from None
            results.append(result)
            if talk:
                announce(f"class {name}, seed {seed}: AUROC {result.auroc:.2%}  {result.seconds:.1f} s")
            if path is not None:
                with writing(path.parent):
                    write_text(path, as_csv([*asdict(result)], [astuple(each) for each in results]))
    whole = spread(results)
    published = PUBLISHED.get(data, ())
    notes = ["the published means are over ten classes"] if published and len(names) < 10 else []
    if form == "json":
        echo_json(
            {
                "spec": spec.name,
                "backend": backend,
                "data": data,
                "part": TEST,
                "samples": len(test.inputs),
                **made([path], notes),
                "results": [asdict(result) for result in results],
                "seeds": [{"seed": seed, "mean": mean, "deviation": over} for seed, (mean, over) in whole.items()],
                "published": {"source": SOURCE, "auroc_percent": [asdict(each) for each in published]}
                if published
                else None,
            }
        )
        return
    click.echo(("\n" if talk else "") + _as_table(results, names, [*whole]))
    click.echo("\n" + _summary(spec.name, backend, whole, published))
    if published:
        click.echo(f"published: {SOURCE}")
    for note in notes:
        click.echo(f"note: {note}")
    if path is not None:
        click.echo(f"wrote {path}")


def _as_table(results: Sequence[Result], names: Sequence[str], seeds: Sequence[int]) -> str:
    """A line for each class, a column for each seed."""
    found = {(result.name, result.seed): result for result in results}
    columns = [f"AUROC %, seed {seed}" for seed in seeds]
    one = len(seeds) == 1
    heads = [
        "Class",
        "Samples",
        *(["AUROC %"] if one else columns),
        "Standard error" if one else "Mean standard error",
        "Seconds",
    ]
    rows = []
    for name in names:
        own = [found[name, seed] for seed in seeds]
        aurocs = [f"{100 * result.auroc:.2f}" for result in own]
        error = 100 * sum(result.error for result in own) / len(own)
        rows.append(
            [
                name,
                f"{own[0].samples:,}",
                *aurocs,
                "-" if isnan(error) else f"{error:.2f}",
                f"{sum(r.seconds for r in own):.1f}",
            ]
        )
    return table(heads, rows, numbers=heads[1:])


def _summary(name: str, backend: str, whole: dict[int, tuple[float, float]], published: Sequence[Published]) -> str:
    """The mean over the classes for each seed, and the published ones below."""
    rows = [
        [f"{name}, {backend}, seed {seed}", f"{100 * mean:.1f}", "-" if isnan(over) else f"{100 * over:.1f}"]
        for seed, (mean, over) in whole.items()
    ]
    theirs = [[each.method, f"{each.mean:.1f}", f"{each.deviation:.1f}"] for each in published]
    heads = ["AUROC % over the classes", "Mean", "Deviation"]
    return table(heads, rows, *([theirs] if theirs else []), numbers=heads[1:])
