"""``aespec validate`` and ``aespec summary``: what a spec says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from aespec.cli.inputs import Compiled, Problems, Specs, takes_specs
from aespec.cli.options import backend_option, format_option
from aespec.cli.output import as_json, echo_json, show_versions
from aespec.diagnostics import AespecError, Diagnostic

if TYPE_CHECKING:
    from aespec.summary import Summary


@click.command()
@takes_specs()
@format_option("text", "json")
def validate(specs: Specs, form: str) -> None:
    """Say whether specs are right, and everything that is not.

    Each SPEC is a YAML or JSON file. It is read and compiled, so the shapes are checked as well. The exit code is 1
    if anything is wrong.
    """
    problems: list[Diagnostic] = []
    records: list[dict[str, Any]] = []
    for path, outcome in specs.read():
        if isinstance(outcome, AespecError):
            problems += outcome.diagnostics
            records.append({"file": path, "fine": False, "parameters": None, "diagnostics": as_json(outcome)})
        else:
            count = sum(node.count() for node in outcome.graph)
            records.append({"file": path, "fine": True, "parameters": count, "diagnostics": []})
            if form == "text":
                click.echo(f"{path}: fine ({count:,} parameters)")
    if form == "json":
        echo_json(records)
        raise click.exceptions.Exit(1 if problems else 0)
    if problems:
        raise AespecError(*problems)


@click.command()
@takes_specs()
@format_option("text", "json", "markdown")
@click.option("--explain-mirror", is_flag=True, help="Say what each layer of a mirrored decoder undoes, and how.")
@backend_option(multiple=True, help="Also build with this backend and compare shapes and counts. Can be repeated.")
def summary(specs: Specs, form: str, explain_mirror: bool, backend: tuple[str, ...]) -> None:
    """Show the layers, shapes and parameters of specs.

    Shapes begin with the batch axis, which is None, as is any other length that may vary. Multiply-adds are for one
    sample.
    """
    from aespec.registry import find_backend
    from aespec.summary import as_data, as_markdown, as_text, summarize

    for name in backend:
        find_backend(name)
    problems, records = Problems(), list[dict[str, Any]]()
    write = as_markdown if form == "markdown" else as_text
    for each in specs.compiled(problems):
        with problems.of(each.path):
            found = summarize(each.graph)
            agreed = {name: _agreement(each, name) for name in backend}
            if form != "json":
                click.echo(("\n\n" if records else "") + write(found, mirror=explain_mirror))
                for name, versions in agreed.items():
                    click.echo(f"\n{'- ' if form == 'markdown' else ''}{_agreed(found, name, versions)}")
            records.append({"file": each.path, **as_data(found), "built_with": agreed})
    problems.tell(records, form)


def _agreement(read: Compiled, backend: str) -> dict[str, str]:
    """Build a model and compare it with the graph; the versions that built it."""
    from aespec.building import check
    from aespec.registry import find_backend

    engine = find_backend(backend)
    check(engine.build(read.graph, seed=read.spec.training.seed), backend, bounds=read.spec.input.range)
    return engine.versions()


def _agreed(summary: Summary, backend: str, versions: dict[str, str]) -> str:
    shapes = sum(len(block.lines) for block in summary.blocks)
    count = f"{summary.parameters:,}"
    return f"Built with {backend} ({show_versions(versions)}): the same {shapes} shapes and {count} parameters"
