"""``aespec fmt``: the usual form of specs."""

from __future__ import annotations

import shutil
from difflib import unified_diff
from pathlib import Path

import click

from aespec.cli.inputs import STDIN, Piped, Problems, spec_file
from aespec.cli.output import writing


@click.command()
@click.argument("spec", nargs=-1, required=True)
@click.option("--check", is_flag=True, help="Write nothing; the exit code is 1 if a spec is not in its usual form.")
@click.option("--diff", is_flag=True, help="Write nothing; show what would change.")
def fmt(spec: tuple[str, ...], check: bool, diff: bool) -> None:
    """Put specs into their usual form.

    Each SPEC is a YAML or JSON file, the folder of a run, or `-` for what is piped in, which is printed. Spaces,
    indentation, needless quotes, blank lines and the order of the parts change, lines end in LF, and a byte order mark
    is dropped; values, comments and the choice of `{}` or lines stay, which is made sure of before a file is written.
    """
    problems, changed = Problems(), 0
    for path in map(spec_file, spec):
        with problems.of(path):
            changed += _format(path, check, diff)
    if len(spec) > 1 and not diff:
        same = len(spec) - changed - len(problems.errors)
        click.echo(f"{changed} {'would change' if check else 'changed'}, {same} as they should be", err=True)
    problems.tell([], "text")
    if check and changed:
        raise click.exceptions.Exit(1)


def _format(path: str, check: bool, diff: bool) -> bool:
    """Format one spec; whether it was in another form."""
    from aespec.format import formatted
    from aespec.source.file import read_text

    piped = path == STDIN
    text = Piped().text if piped else read_text(path, path)
    result = formatted(text, path)
    changed = result != text
    if diff and changed:
        lines = unified_diff(text.splitlines(True), result.splitlines(True), path, f"{path} (formatted)")
        click.echo("".join(lines), nl=False)
    elif piped and not check:
        click.echo(result, nl=False)
    elif changed:
        if not check:
            _replace(Path(path).resolve(), result)
        click.echo(f"{path}: {'would change' if check else 'formatted'}")
    return changed


def _replace(path: Path, text: str) -> None:
    """Write a file again, whole or not at all, readable to whom it was."""
    from aespec.files import whole

    with writing(path.parent), whole(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
        shutil.copymode(path, temporary)
