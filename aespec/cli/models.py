"""``aespec build`` and ``aespec verify``: the models that backends make of a spec."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from aespec.cli.inputs import Compiled, Problems, Specs, takes_specs
from aespec.cli.options import backend_option, dtype_option, force_option, format_option, seed_option
from aespec.cli.output import show_versions, writing
from aespec.cli.plan import assignments
from aespec.shapes import show_shape
from aespec.tables import number, table

if TYPE_CHECKING:
    from aespec.verify import Row, Verification


@click.command()
@takes_specs()
@backend_option(required=True)
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path),
    help="Write the spec, the weights and the saved model into this folder.",
)
@seed_option
@dtype_option
@force_option
@format_option("text", "json")
def build(specs: Specs, backend: str, out: Path | None, seed: int | None, dtype: str, force: bool, form: str) -> None:
    """Build the models of specs, and check them against the specs.

    Every value's and every weight's shape is compared with what the spec says. With -o the folder gets spec.yaml
    (with every default stated), weights.safetensors (the initial weights, for any backend) and the framework's own
    saved model. Of several specs each gets a folder of its name in it.
    """
    from aespec.registry import find_backend
    from aespec.run import prepare

    find_backend(backend)
    problems, records = Problems(), list[dict[str, Any]]()
    read = list(specs.setting(*assignments({"seed": seed})).compiled(problems))
    names = {each.spec.name for each in read}
    if out is not None and len(names) < len(read):
        raise click.UsageError("-o needs specs of different names, since each gets a folder of its name.")
    for each in read:
        folder = out and (out / each.spec.name if len(specs.paths) > 1 else out)
        with problems.of(each.path):
            if folder is not None:
                with writing(folder):
                    prepare(folder, force=force, source=Path(each.path))
            record = _built(each, backend, dtype, folder)
            if form == "text":
                click.echo(("\n" if records else "") + _told(record))
            records.append(record)
    problems.tell(records, form)


def _built(each: Compiled, backend: str, dtype: str, folder: Path | None) -> dict[str, Any]:
    """Build, check and write one model; what was built, for JSON."""
    from aespec.building import check
    from aespec.registry import find_backend
    from aespec.summary import as_data, summarize

    engine = find_backend(backend)
    seed = each.spec.training.seed
    model = engine.build(each.graph, seed=seed, dtype=dtype)
    check(model, backend, bounds=each.spec.input.range)
    return {
        "file": each.path,
        "backend": backend,
        "versions": engine.versions(),
        "dtype": dtype,
        "seed": seed,
        "folder": folder and str(folder),
        "files": _written(each, engine, model, folder) if folder else [],
        "weights": len(each.graph.params),
        **as_data(summarize(each.graph)),
    }


def _written(each: Compiled, engine: Any, model: Any, folder: Path) -> list[str]:
    from aespec import weights
    from aespec.brief import about
    from aespec.run import SAVED, SPEC, WEIGHTS, clear
    from aespec.source.yaml_dump import dump_yaml

    with writing(folder):
        clear(folder)
        (folder / SPEC).write_text(dump_yaml(each.spec.to_data()), encoding="utf-8")
        weights.write(folder / WEIGHTS, model.weights())
        saved = [name for name in engine.save(model, folder, about(each.spec)) if name not in (SPEC, WEIGHTS)]
        (folder / SAVED).write_text("\n".join(saved), encoding="utf-8")
        return [SPEC, WEIGHTS, *saved]


def _told(record: dict[str, Any]) -> str:
    nodes = sum(len(block["lines"]) for block in record["blocks"])
    lines = [
        f"{record['name']}: built with {record['backend']} ({show_versions(record['versions'])}), "
        f"{record['dtype']}, seed {record['seed']}",
        *(
            f"  {block['name']}  {number(block['parameters']):>12} parameters  "
            f"{show_shape(block['input_shape'])} -> {show_shape(block['output_shape'])}"
            for block in record["blocks"]
        ),
        f"  total    {number(record['parameters']):>12} parameters",
        f"  checked: {nodes} values and {record['weights']} weights have the shapes of the spec",
    ]
    if record["folder"]:
        lines.append(f"  wrote {record['folder']}: {', '.join(record['files'])}")
    return "\n".join(lines)


@click.command()
@takes_specs()
@click.option(
    "--backends",
    default="keras,torch",
    show_default=True,
    metavar="A,B",
    help="The backends to compare with each other and with the reference.",
)
@seed_option
@dtype_option
@format_option("text", "json")
def verify(specs: Specs, backends: str, seed: int | None, dtype: str, form: str) -> None:
    """Compare what several backends compute for specs.

    They are given the same weights and the same batch. The value of each node is held against the reference's, loss
    terms and gradients against each other. The exit code is 1 if any difference is above its tolerance.

    In float32 a gradient below 3e-4 of the model's largest is mostly the rounding of that, and is measured by it; with
    --dtype float64 only one below 1.5e-8 is.
    """
    from aespec.registry import find_backend
    from aespec.verify import verify as compare

    names = list(dict.fromkeys(name.strip() for name in backends.split(",") if name.strip()))
    if not names:
        raise click.BadParameter("name at least one backend", param_hint="--backends")
    for name in names:
        find_backend(name)
    problems, records = Problems(), list[dict[str, Any]]()
    for each in specs.setting(*assignments({"seed": seed})).compiled(problems):
        with problems.of(each.path):
            plan, bounds = each.spec.training, each.spec.input.range
            found = compare(each.graph, names, seed=plan.seed, dtype=dtype, bounds=bounds)
            if form == "text":
                click.echo(("\n\n" if records else "") + _compared(each, found))
            records.append({"file": each.path, "name": each.spec.name, **_as_data(found)})
    problems.tell(records, form)
    raise click.exceptions.Exit(0 if all(record["ok"] for record in records) else 1)


SECTIONS = {
    "node": ("Value of", "Values: the largest difference from the reference, relative where values are above 1"),
    "loss": ("Loss term", "Loss terms: the largest relative difference"),
    "gradient": ("Gradient by", "Gradients: the largest difference, relative to the largest value"),
}
"""What a section compares, and what its differences are."""


def _as_data(found: Verification) -> dict[str, Any]:
    from dataclasses import asdict

    rows = [{**asdict(row), "ok": row.ok} for row in found.rows]
    return {"ok": found.ok, "backends": found.backends, "dtype": found.dtype, "rows": rows}


def _compared(each: Compiled, found: Verification) -> str:
    wrong = [row for row in found.rows if not row.ok]
    parts = [f"{each.spec.name} ({each.path}): {', '.join(found.backends)} and the reference, in {found.dtype}"]
    for section, (what, measure) in SECTIONS.items():
        if rows := [row for row in found.rows if row.section == section]:
            parts.append(f"{measure}\n\n{_section(what, rows)}")
    if each.graph.params and not any(row.section == "gradient" for row in found.rows):
        parts.append("No gradients: they are held against each other, which takes two backends that train")
    parts.append(
        f"{len(wrong)} of {len(found.rows)} differences are above tolerance, first that of {wrong[0].name}"
        if wrong
        else f"All {len(found.rows)} differences are within tolerance"
    )
    return "\n\n".join(parts)


def _section(what: str, rows: Sequence[Row]) -> str:
    columns = {
        what: [row.name for row in rows],
        "Shape": [_shape(row) for row in rows],
        "Parameters": ["" if row.parameters is None else number(row.parameters) for row in rows],
        "Difference": [f"{row.difference:.1e}" if row.difference else "0" for row in rows],
        "Tolerance": [f"{row.tolerance:.0e}" for row in rows],
        "": ["ok" if row.ok else "TOO LARGE" for row in rows],
    }
    used = {name: cells for name, cells in columns.items() if any(cells)}
    return table(list(used), list(zip(*used.values(), strict=True)), numbers=("Parameters", "Difference", "Tolerance"))


def _shape(row: Row) -> str:
    if row.shape is None:
        return ""
    return show_shape((None, *row.shape) if row.section == "node" else row.shape)
