"""``aespec conformance``: does a backend compute what every kind means?"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from aespec.cli.options import backend_option, format_option
from aespec.cli.output import echo_json
from aespec.diagnostics import nearest
from aespec.tables import table

if TYPE_CHECKING:
    from aespec.conformance import Case, Verdict


@click.command()
@backend_option(required=True)
@click.option("--kind", "words", metavar="KIND", multiple=True, help="Only the cases of this kind. Can be repeated.")
@click.option("--verbose", is_flag=True, help="Print the cases that pass as well.")
@format_option("text", "json")
def conformance(backend: str, words: tuple[str, ...], verbose: bool, form: str) -> None:
    """Run the conformance suite on a backend.

    Each case is one graph, held against the reference: weights, shapes, values, saving and loading, losses,
    gradients, training steps. The exit code is 1 if any case fails, is not supported, or passes though the backend
    says that it does not.
    """
    from aespec.conformance import cases
    from aespec.registry import find_backend

    engine = find_backend(backend)
    chosen = _chosen(cases(), words)
    label = f"{len(chosen)} cases on {backend}"
    with click.progressbar(chosen, label=label, file=sys.stderr) as progress:
        verdicts = [case.verdict(engine) for case in progress]
    if form == "json":
        echo_json([asdict(verdict) for verdict in verdicts])
    else:
        click.echo(_text(verdicts, verbose=verbose))
    raise click.exceptions.Exit(0 if all(verdict.ok for verdict in verdicts) else 1)


def _chosen(cases: Iterable[Case], words: tuple[str, ...]) -> list[Case]:
    """The cases whose name has one of the words, all of them if there is none."""
    everything = list(cases)
    known = {word for case in everything for word in case.id.split()}
    for word in words:
        if word not in known:
            near = nearest(word, sorted(known))
            raise click.BadParameter(
                f"no case is about '{word}'." + (f" Did you mean '{near}'?" if near else ""), param_hint="--kind"
            )
    return [case for case in everything if not words or set(words) & set(case.id.split())]


def _text(verdicts: list[Verdict], *, verbose: bool) -> str:
    shown = [verdict for verdict in verdicts if verbose or verdict.status != "pass"]
    rows = [[verdict.case, verdict.status, verdict.level, verdict.detail] for verdict in shown]
    counts = Counter(verdict.status for verdict in verdicts)
    counted = ", ".join(f"{count} {status}" for status, count in counts.most_common())
    return "\n\n".join([*([table(["Case", "Verdict", "Level", "What differs"], rows)] if rows else []), counted])
