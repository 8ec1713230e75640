"""``aespec import``: a spec and weights of a framework's file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from aespec.cli.options import file_option, format_option
from aespec.cli.output import echo_json, made, vacant, writing
from aespec.shapes import counted, show_shape
from aespec.tables import number

if TYPE_CHECKING:
    from aespec.importing import Imported


@click.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@file_option("-o", "--out", suffixes=(".yaml", ".yml"), help="Write the spec into this file, instead of printing it.")
@file_option("--weights", suffixes=(".safetensors",), help="Write the weights into this file.")
@click.option("--code", metavar="LAYER", help="The layer whose value is the code, by its name in the file.")
@click.option("--partial", is_flag=True, help="Leave out what a spec cannot say.")
@click.option("--force", is_flag=True, help="Write over files that are there.")
@format_option("text", "json")
def import_(
    file: Path, out: Path | None, weights: Path | None, code: str | None, partial: bool, force: bool, form: str
) -> None:
    """Make a spec and weights of a model in a file of Keras or PyTorch.

    FILE is a .keras that Keras 3 saved, a .pt2 that torch.export.save wrote, or a .safetensors that `aespec convert`
    wrote. It is read as data: nothing in it is run. The encoder is the first of two models that the model is made of,
    else all layers up to the narrowest one. Under the names spec.yaml and weights.safetensors in one folder, the two
    files are a model that convert takes, and all commands that take a spec.
    """
    from aespec.files import write_text
    from aespec.importing import import_model
    from aespec.source.yaml_dump import dump_yaml
    from aespec.weights import write

    files = [path for path in (out, weights) if path is not None]
    for path in files:
        vacant(path, force=force)
    found = import_model(file, code=code, partial=partial)
    text = dump_yaml(found.brief())
    if out is not None:
        with writing(out.parent):
            write_text(out, text)
    if weights is not None:
        with writing(weights.parent):
            write(weights, found.weights, {"scaling": found.scaling.model_dump_json()} if found.scaling else None)
    if form == "json":
        echo_json(_as_data(found, files))
        return
    if out is None:
        click.echo(text, nl=False)
    click.echo(_told(file, found, files), err=out is None)


def _as_data(found: Imported, files: list[Path]) -> dict[str, Any]:
    said = ("layer", "what", "why", "help", "changes")
    left_out = [{name: getattr(flaw, name) for name in said} for flaw in found.flaws]
    return {**made(files, found.notes), "spec": found.brief(), "left_out": left_out}


def _told(file: Path, found: Imported, files: list[Path]) -> str:
    graph = found.graph
    shapes = " -> ".join(show_shape(shape) for shape in (graph.input, graph[graph.code].shape, graph.output.shape))
    count = sum(node.count() for node in graph)
    lines = [
        f"{file}: {counted(len(graph.nodes), 'layer')}, {number(count)} parameters, {shapes}",
        *(f"  {note}" for note in found.notes),
    ]
    for changes, what in (
        (True, "layers left out, so that the values are others"),
        (False, "left out, which changes nothing that the model computes"),
    ):
        if left_out := [f"    `{flaw.layer}`: {flaw.what}" for flaw in found.flaws if flaw.changes is changes]:
            lines += [f"  {what}:", *left_out]
    if found.scaling:
        lines.append("  it takes scaled samples; by what they are scaled goes with the weights")
    if files:
        lines.append(f"  wrote {' and '.join(map(str, files))}")
    return "\n".join(lines)
