"""``aespec validate`` and ``aespec summary``: what a spec says."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from aespec.cli import tell
from aespec.cli.inputs import STDIN, Compiled, Problems, Specs, takes_specs
from aespec.cli.options import backend_option, format_option
from aespec.cli.output import as_json, echo_json, show_versions, writing
from aespec.diagnostics import AespecError, Diagnostic, nearest
from aespec.shapes import counted

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from aespec.source import Source
    from aespec.summary import Summary


def _known_warnings(_: click.Context, __: click.Parameter, codes: tuple[str, ...]) -> tuple[str, ...]:
    """Refuse codes that no warning has."""
    from aespec.lints import LINTS

    for code in codes:
        if code not in LINTS:
            near = nearest(code, LINTS)
            hint = f"did you mean {near}?" if near else "`aespec explain` lists them"
            raise click.BadParameter(f"there is no warning '{code}', and errors cannot be ignored: {hint}")
    return codes


@click.command()
@takes_specs()
@click.option("--strict", is_flag=True, help="Fail on warnings too.")
@click.option(
    "--ignore",
    "ignored",
    metavar="CODE",
    multiple=True,
    callback=_known_warnings,
    help="Leave out the warnings of a code, such as W201. Can be repeated.",
)
@click.option("--fix", is_flag=True, help="Mend in the file what can be mended safely, or print what is piped in.")
@click.option("--diff", is_flag=True, help="Show what --fix would change, and change nothing.")
@format_option("text", "json", "github", "sarif")
def validate(specs: Specs, form: str, strict: bool, ignored: tuple[str, ...], fix: bool, diff: bool) -> None:
    """Say whether specs are right, and everything that is not.

    Each SPEC is a YAML or JSON file, the folder of a run, or `-` for YAML that is piped in. It is read and compiled, so
    the shapes are checked as well. The exit code is 1 if anything is wrong. Warnings are about what is right and hardly
    meant; a comment in the file silences one, as in `# aespec: ignore[W201]`. The format github is that of GitHub's
    workflow commands, which it shows beside the lines of a pull request, and sarif that of code scanners.
    """
    from aespec.lints import lint

    if (fix or diff) and specs.overrides:
        raise click.UsageError("--fix and --diff are about the files as they are written: leave --set out.")
    if diff and (fix or form != "text"):
        raise click.UsageError("--diff shows text and changes nothing: leave --fix and --format out.")
    if fix and form != "text" and STDIN in specs.paths:
        raise click.UsageError("--fix prints the spec that is piped in, mended: leave --format out.")
    problems: list[tuple[str, Diagnostic]] = []
    records: list[dict[str, Any]] = []
    sources: dict[str, Source | None] = {}
    failed = False
    for path, outcome in specs.read():
        if isinstance(outcome, AespecError):
            found: Sequence[Diagnostic] = outcome.diagnostics
            count = None
        else:
            if fix or diff:
                outcome = _mended(outcome, specs, ignored, form, write=fix)
            found = lint(outcome.spec, outcome.graph, ignored)
            sources[path] = outcome.spec.source
            count = sum(node.count() for node in outcome.graph)
            if form == "text":
                click.echo(f"{path}: fine ({count:,} parameters)", err=fix and path == STDIN)
        problems += ((path, each) for each in found)
        fine = not any(strict or each.rule.severity == "error" for each in found)
        failed = failed or not fine
        records.append({"file": path, "fine": fine, "parameters": count, "diagnostics": as_json(found)})
    if form == "text" and problems:
        tell([each for _, each in problems])
        if strict and any(each.rule.severity == "warning" for _, each in problems):
            click.echo("warnings fail with --strict", err=True)
    elif form == "json":
        echo_json(records)
    elif form == "github":
        from aespec.annotations import as_command

        for path, each in problems:
            click.echo(as_command(each, path))
    elif form == "sarif":
        from aespec.annotations import as_sarif

        echo_json(as_sarif(problems, sources))
    raise click.exceptions.Exit(1 if failed else 0)


@click.command()
@takes_specs()
@format_option("text", "json", "markdown")
@click.option("--explain-mirror", is_flag=True, help="Say what each layer of a mirrored decoder undoes, and how.")
@backend_option(multiple=True, help="Also build with this backend and compare shapes and counts. Can be repeated.")
def summary(specs: Specs, form: str, explain_mirror: bool, backend: tuple[str, ...]) -> None:
    """Show the layers, shapes and parameters of specs.

    Each SPEC is a YAML or JSON file, the folder of a run, or `-` for YAML that is piped in. Shapes begin with the batch
    axis, which is None, as is any other length that may vary. Multiply-adds are for one sample.
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


def _mended(read: Compiled, specs: Specs, ignored: Collection[str], form: str, *, write: bool) -> Compiled:
    """Mend a spec in its file, or print it mended where it is piped in; or show what would change there."""
    from aespec.mending import mend, save

    mended = mend(read.path, read.spec, read.graph, specs.limits, ignored)
    fixed, left = mended.fixed, [problem for problem in mended.left if problem.fix]
    if not write:
        click.echo(mended.difference(read.path), nl=False)
        return read
    piped = read.path == STDIN
    if piped:
        click.echo(mended.text, nl=False)
    elif fixed:
        with writing(Path(read.path).resolve().parent):
            save(read.path, mended.text)
    if form == "text" and fixed:
        click.echo(f"{read.path}: fixed {counted(len(fixed), 'problem')} ({_lines(fixed)})", err=piped)
    if form == "text" and left:
        click.echo(f"{read.path}: to be mended by hand, as it is written: {_lines(left)}", err=True)
    return Compiled(read.path, mended.spec, mended.graph)


def _lines(problems: Sequence[Diagnostic]) -> str:
    return ", ".join(f"{each.rule.code} line {each.place.line}" for each in problems if each.place)


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
