"""``aespec backends``: what can build models here, and what is missing."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, entry_points, requires, version
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import click

from aespec.cli.options import format_option
from aespec.cli.output import echo_json
from aespec.tables import table

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint


@dataclass(frozen=True)
class Installed:
    """A backend as its package's metadata has it: nothing of it is imported."""

    name: str
    package: str
    versions: dict[str, str]
    """What it needs and is there."""
    missing: tuple[str, ...]
    """What it needs and is not."""
    install: str | None
    """The command that installs what is missing."""

    @property
    def available(self) -> bool:
        """Whether nothing is missing."""
        return not self.missing


@click.command()
@click.option("--kinds", is_flag=True, help="Print which backend supports which kind (this imports them).")
@format_option("text", "json", "markdown")
def backends(kinds: bool, form: str) -> None:
    """List the backends, and what is missing for those that cannot be used."""
    found = installed()
    if kinds:
        _print_matrix(_matrix(), form)
    elif form == "json":
        echo_json([{**asdict(backend), "available": backend.available} for backend in found])
    else:
        rows = [
            [
                backend.name,
                backend.package,
                "yes" if backend.available else "no",
                ", ".join(f"{name} {number}" for name, number in backend.versions.items()),
                backend.install or "",
            ]
            for backend in found
        ]
        click.echo(table(["Backend", "Package", "Usable", "With", "To install it"], rows, markdown=form == "markdown"))


def installed() -> list[Installed]:
    """Every backend, usable or not, by name."""
    return [_installed(entry) for entry in sorted(entry_points(group="aespec.backends"), key=lambda e: e.name)]


def _installed(entry: EntryPoint) -> Installed:
    """What a backend needs is what its package requires: of aespec's own, the extra of the backend's name."""
    package = entry.dist.name if entry.dist else "?"
    own = package == "aespec"
    needed = _requirements(package, extra=entry.name if own else None)
    there = {name: found for name in needed if (found := _version(name)) is not None}
    missing = [name for name in needed if name not in there]
    if find_spec(entry.module.partition(".")[0]) is None:
        missing.append(entry.module)
    install = f"pip install '{f'aespec[{entry.name}]' if own else package}'" if missing else None
    return Installed(entry.name, package, there, tuple(missing), install)


def _requirements(package: str, extra: str | None) -> list[str]:
    """The names of the packages that a package requires, for an extra or always."""
    found = []
    for requirement in requires(package) or []:
        text, _, marker = requirement.partition(";")
        of = re.search(r"extra\s*==\s*['\"]([^'\"]+)", marker)
        name = re.match(r"[A-Za-z0-9._-]+", text)
        if name and (of[1] if of else None) == extra and name[0] != "aespec":
            found.append(name[0])
    return found


def _version(package: str) -> str | None:
    """The version of an installed package; None where neither it nor a module of its name is there."""
    try:
        return version(package)
    except PackageNotFoundError:  # tensorflow-cpu brings the module, not the package, tensorflow
        return "of unknown version" if find_spec(package.replace("-", "_")) else None


def _matrix() -> dict[str, dict[str, dict[str, bool]]]:
    """For each family that backends lower, and each of its kinds: which usable backend supports it."""
    from aespec.diagnostics import AespecError
    from aespec.registry import backend_names, find_backend
    from aespec.registry import kinds as members
    from aespec.schema import families

    tables = {}
    for name in backend_names():
        try:
            tables[name] = find_backend(name).lowerings
        except AespecError as error:
            click.echo(f"{name} is left out: {error.diagnostics[0].got}; {error.diagnostics[0].help}", err=True)
    matrix = {
        family: {kind: {name: cls in known for name, known in tables.items()} for kind, cls in members(family).items()}
        for family in families()
    }
    return {family: rows for family, rows in matrix.items() if any(any(row.values()) for row in rows.values())}


def _print_matrix(matrix: dict[str, dict[str, dict[str, bool]]], form: str) -> None:
    if form == "json":
        echo_json(matrix)
        return
    for i, (family, rows) in enumerate(matrix.items()):
        names = list(next(iter(rows.values())))
        cells: list[Any] = [[kind, *("yes" if row[name] else "-" for name in names)] for kind, row in rows.items()]
        click.echo(("\n" if i else "") + table([family.capitalize(), *names], cells, markdown=form == "markdown"))
