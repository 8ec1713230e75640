"""Diagnostics in the forms that are shown beside the lines of a file: GitHub's workflow commands, and SARIF.

https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands and
https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import quote

from aespec import __version__
from aespec.diagnostics import Diagnostic, Place, Rule
from aespec.rules import explain, explanation, title
from aespec.source import Source

__all__ = ["as_command", "as_sarif"]

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"


def as_command(diagnostic: Diagnostic, file: str) -> str:
    """Write a diagnostic as a workflow command, a line of text.

    Args:
        diagnostic: What is wrong.
        file: The file to show it at where the diagnostic has no place in one.
    """
    where: dict[str, object] = {"file": file}
    if place := _in_file(diagnostic):
        where = {"file": place.name, "line": place.line, "col": place.column, "endColumn": place.column + place.width}
    properties = {**where, "title": diagnostic.rule.code}
    listed = ",".join(f"{name}={_property(str(value))}" for name, value in properties.items())
    return f"::{diagnostic.rule.severity} {listed}::{_escaped(_in_full(diagnostic))}"


def as_sarif(
    diagnostics: Iterable[tuple[str, Diagnostic]], sources: Mapping[str, Source | None] = MappingProxyType({})
) -> dict[str, Any]:
    """Give diagnostics as a SARIF log of one run.

    Args:
        diagnostics: Each with the file to show it at where it has no place in one.
        sources: Of files that can be mended, what is written in them.
    """
    found = list(diagnostics)
    rules = sorted({each.rule for _, each in found}, key=lambda rule: rule.code)
    driver = {
        "name": "aespec",
        "version": __version__,
        "informationUri": "https://pypi.org/project/aespec/",
        "rules": [_rule(rule) for rule in rules],
    }
    results = [
        _result(each, rules.index(each.rule), file) | _fixes(each, file, sources.get(file)) for file, each in found
    ]
    run = {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def _in_file(diagnostic: Diagnostic) -> Place | None:
    return diagnostic.place if diagnostic.place and diagnostic.place.file else None


def _in_full(diagnostic: Diagnostic) -> str:
    """The message and what there is to say beside it, a line each; the option that it is about, if it is."""
    place, notes = diagnostic.place, diagnostic.notes
    if place and not place.file:
        notes = {"in": f"{place.name} {place.text}", **notes}
    return "\n".join([diagnostic.message, *(f"{label}: {note}" for label, note in notes.items())])


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _escaped(text).replace(":", "%3A").replace(",", "%2C")


def _rule(rule: type[Rule]) -> Mapping[str, Any]:
    meaning = explanation(rule)
    wrong, right = (f"```\n{example.strip()}\n```" for example in (rule.bad, rule.good))
    return {
        "id": rule.code,
        "name": rule.__name__,
        "shortDescription": {"text": title(rule)},
        "fullDescription": {"text": meaning},
        "help": {"text": explain(rule.code), "markdown": f"{meaning}\n\nWrong:\n\n{wrong}\n\nRight:\n\n{right}\n"},
        "defaultConfiguration": {"level": rule.severity},
    }


def _result(diagnostic: Diagnostic, index: int, file: str) -> dict[str, Any]:
    where: dict[str, Any] = {"artifactLocation": _artifact(file)}
    if place := _in_file(diagnostic):
        region = {"startLine": place.line, "startColumn": place.column, "endColumn": place.column + place.width}
        where = {"artifactLocation": _artifact(place.name), "region": region}
    # A brace stands for an argument, two for itself.
    text = _in_full(diagnostic).replace("{", "{{").replace("}", "}}")
    return {
        "ruleId": diagnostic.rule.code,
        "ruleIndex": index,
        "level": diagnostic.rule.severity,
        "message": {"text": text},
        "locations": [{"physicalLocation": where}],
    }


def _fixes(diagnostic: Diagnostic, file: str, source: Source | None) -> dict[str, Any]:
    """The change that mends it, where there is one and the text is written in a way that takes it."""
    edit = diagnostic.fix.edit(source) if diagnostic.fix and source else None
    if edit is None or source is None:
        return {}
    (line, column), (end_line, end_column) = (_position(source.text, at) for at in (edit.start, edit.end))
    region = {"startLine": line, "startColumn": column, "endLine": end_line, "endColumn": end_column}
    change = {"deletedRegion": region, "insertedContent": {"text": edit.text}}
    fix = {"artifactChanges": [{"artifactLocation": _artifact(file), "replacements": [change]}]}
    return {"fixes": [fix]}


def _position(text: str, at: int) -> tuple[int, int]:
    """The line and column of a character."""
    before = text[:at].removeprefix("\N{ZERO WIDTH NO-BREAK SPACE}")  # a byte order mark, which is no column
    return before.count("\n") + 1, len(before) - before.rfind("\n")


def _artifact(file: str) -> Mapping[str, str]:
    """Where a file is: a path from the folder of the command counts from the root of the sources."""
    path = Path(file)
    if path.is_absolute():
        return {"uri": path.as_uri()}
    return {"uri": quote(path.as_posix()), "uriBaseId": "%SRCROOT%"}
