"""``aespec pretrain``: whether a trained encoder helps a classifier that has few labels."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, astuple, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from aespec.cli.options import format_option, rate_option
from aespec.cli.output import echo_json, ready, writing
from aespec.cli.plan import assignments, section_options
from aespec.cli.stopping import stop_if_asked
from aespec.cli.trained import Trained, takes_run
from aespec.diagnostics import AespecError, Diagnostic
from aespec.files import LEARNING, PRETRAINING, write_text
from aespec.shapes import counted
from aespec.spec import Classifier, Spec
from aespec.tables import as_csv, table

if TYPE_CHECKING:
    from aespec.held import Shown
    from aespec.uses.pretraining import Comparison, Labelled, Outcome, Summary

HELD = 0.2
"""The share of data without a test set that becomes one."""

FEW = 5
"""Seeds below which a spread says little."""

OVERLAP = 0.1
"""The share of the labelled samples beyond which those of two seeds are so much the same that intervals are too narrow:
seeds vary less than draws from all samples would."""


def _counts(_: click.Context, __: click.Parameter, text: str) -> list[int]:
    try:
        found = [int(part) for part in text.split(",")]
    except ValueError:
        found = []
    if not found or min(found) < 1:
        raise click.BadParameter(f"'{text}' is no number of samples, nor several with commas between them.")
    return sorted(set(found))


@click.command()
@takes_run
@click.option(
    "--labels",
    "counts",
    default="500",
    show_default=True,
    callback=_counts,
    metavar="N[,N...]",
    help="How many labelled samples to train on. Several numbers give a learning curve.",
)
@click.option("--seeds", type=click.IntRange(1), default=5, show_default=True, metavar="N", help="How many seeds.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, metavar="N", help="The first of them.")
@section_options(Classifier)
@rate_option
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    help="Where pretraining.csv and pretraining.png go.  [default: RUN]",
)
@format_option("text", "json")
def pretrain(
    trained: Trained,
    counts: list[int],
    seeds: int,
    seed: int,
    learning_rate: float | None,
    out: Path | None,
    form: str,
    **classifier: Any,
) -> None:
    """Train classifiers of few labels on a trained encoder, and without it.

    RUN is the folder of a run. A classifier, its encoder with a head on the code, is trained three ways: from scratch;
    on the trained encoder, frozen; and fine-tuning it. All three have the same labelled samples, the same first weights
    of the head and the same budget: epochs, batches, optimizer. Each seed draws them anew; the labelled samples come
    from all classes equally, and the accuracy is that on test samples, which no way is trained on.

    Options of the classifier are what `classifier` in the run's spec may state, in its words, and stand for it.
    """
    from aespec.process import keep_freed
    from aespec.uses.pretraining import Comparison, summaries
    from aespec.uses.pretraining_picture import draw_curves

    keep_freed()
    run = trained.run
    backend = trained.backend or run.record["backend"]
    folder = out or run.folder
    ready(folder / PRETRAINING)
    spec = _spec(trained, classifier, learning_rate)
    parts = _parts(trained)
    (training, test), tested = map(_labelled, parts), parts[1]
    comparison = Comparison(
        spec,
        trained.model.weights(),
        backend=backend,
        dtype=run.record["dtype"],
        training=training,
        test=test,
    )
    files = [folder / name for name in ((PRETRAINING, LEARNING) if len(counts) > 1 else (PRETRAINING,))]
    with writing(folder):
        outcomes = list(_written(_told(comparison, counts, range(seed, seed + seeds)), folder / PRETRAINING))
        found = summaries(outcomes)
        if len(counts) > 1:
            title = f"{spec.name} on {test.name}: mean and deviation over {counted(seeds, 'seed')}"
            draw_curves(found, folder / LEARNING, title=title)
    notes = list(_notes(comparison, found))
    record = {
        **trained.about(tested, len(test.labels), files=files, notes=notes),
        "labelled": len(training.labels),
        "classes": [_plain(each) for each in comparison.classes],
        "classifier": comparison.how.model_dump(mode="json"),
        "transferred": sorted(comparison.encoder),
        "outcomes": [asdict(each) for each in outcomes],
        "summary": [asdict(each) for each in found],
    }
    if form == "json":
        echo_json(record)
        return
    what = f"{counted(len(test.labels), 'test sample')} of {test.name}{tested.note}"
    click.echo(f"{spec.name} with {backend}: accuracy on {what}, {counted(seeds, 'seed')}\n")
    click.echo(_as_table(found))
    click.echo()
    for note in notes:
        click.echo(note)
    click.echo(f"wrote {' and '.join(map(str, files))}")


def _spec(trained: Trained, classifier: dict[str, Any], rate: float | None) -> Spec:
    """The run's spec, with what the options say of its classifier."""
    from aespec.passes import read
    from aespec.run import SPEC

    spec, _ = read(trained.run.folder / SPEC, assignments(classifier, Classifier, "classifier"))
    how = spec.classifier or Classifier()
    if rate is not None:
        how = how.model_copy(update={"optimizer": how.optimizer.model_copy(update={"learning_rate": rate})})
    return spec.model_copy(update={"classifier": how})


def _parts(trained: Trained) -> tuple[Shown, Shown]:
    """What labelled samples are chosen from, and what is tested on, with what is to be said of that.

    Data without a test set is cut: where the run was trained on it, what the run held out is tested on.
    """
    from aespec.held import SAMPLE, TEST, Shown
    from aespec.training import split

    test = trained.data.part("test")
    if not test.whole:
        return Shown(trained.data.part("train"), SAMPLE), Shown(test, TEST)
    given = trained.other is None or trained.run.trained_on(test)
    held = trained.held if given else None
    if held is not None and held.held_out and held.labels is not None:
        return trained.training, replace(held, note=", which the autoencoder was not trained on")
    first = len(split(test.inputs, HELD, test.name)[0])
    note = f", the last {HELD:.0%}" + (", which the autoencoder was trained on, without labels" if given else "")
    return Shown(test, SAMPLE, end=first), Shown(test, SAMPLE, first, note=note)


def _labelled(shown: Shown) -> Labelled:
    """Samples with their labels.

    Raises:
        AespecError: They have none.
    """
    from aespec.rules import DataUnreadable
    from aespec.uses.pretraining import Labelled

    if shown.labels is None:
        raise AespecError(
            Diagnostic(
                DataUnreadable,
                f"{shown.name} has no labels",
                wanted="a label for each sample",
                got="samples alone",
                help="give data that has labels with `--data`: digits, an .npz with `x` and `y`, or a table",
            )
        )
    return Labelled(shown.inputs, shown.labels, shown.name)


def _told(comparison: Comparison, counts: Sequence[int], seeds: range) -> Iterator[Outcome]:
    """Every outcome, told of on stderr: a bar on a terminal, else a line when all ways of a seed are through."""
    from tqdm import tqdm

    from aespec.uses.pretraining import WAYS

    drawn = sys.stderr.isatty()
    waiting: list[Outcome] = []
    with tqdm(total=len(counts) * len(seeds) * len(WAYS), desc="classifiers", leave=False, disable=not drawn) as bar:
        for outcome in comparison.outcomes(counts, seeds):
            stop_if_asked()
            bar.update()
            waiting.append(outcome)
            if len(waiting) == len(WAYS):
                if not drawn:
                    said = ", ".join(f"{each.way} {each.accuracy:.4f}" for each in waiting)
                    seconds = sum(each.seconds for each in waiting)
                    click.echo(f"{outcome.labels:,} labels, seed {outcome.seed}: {said}  {seconds:.1f} s", err=True)
                waiting = []
            yield outcome


def _written(outcomes: Iterator[Outcome], path: Path) -> Iterator[Outcome]:
    """Every outcome, a row of a file as soon as it is known."""
    from aespec.uses.pretraining import Outcome

    columns, rows = [field.name for field in fields(Outcome)], []
    for outcome in outcomes:
        rows.append(astuple(outcome))
        write_text(path, as_csv(columns, rows))
        yield outcome


def _as_table(summaries: Sequence[Summary]) -> str:
    from aespec.uses.pretraining import WAYS

    groups: dict[int, list[list[str]]] = {}
    for each in summaries:
        rows = groups.setdefault(each.labels, [])
        row = ["" if rows else f"{each.labels:,}", each.way, _share(each.accuracy, each.deviation)]
        if each.way == WAYS[0] or each.gain is None:
            rows.append([*row, "", "", "", ""])
            continue
        interval = "-" if each.interval is None else f"{100 * each.interval[0]:+.2f} to {100 * each.interval[1]:+.2f}"
        gain = _share(each.gain, each.gain_deviation, sign="+")
        rows.append([*row, gain, interval, f"{each.better} of {each.seeds}", _verdict(each)])
    heads = ["Labels", "Encoder", "Accuracy, %", "Above scratch", "95 % interval", "Better at", "Verdict"]
    return table(
        heads, *groups.values(), numbers=("Labels", "Accuracy, %", "Above scratch", "95 % interval", "Better at")
    )


def _share(value: float, deviation: float | None, sign: str = "") -> str:
    spread = "" if deviation is None else f" ± {100 * deviation:.2f}"
    return f"{100 * value:{sign}.2f}{spread}"


def _verdict(summary: Summary) -> str:
    if summary.interval is None:
        verdict = "one seed"
    else:
        low, high = summary.interval
        verdict = "higher" if low > 0 else "lower" if high < 0 else "not clear"
    return verdict + {True: " *", False: "", None: " ?"}[summary.unfinished]


def _notes(comparison: Comparison, summaries: Sequence[Summary]) -> Iterator[str]:
    """What was compared, and what the numbers can say."""
    how, seeds = comparison.how, summaries[0].seeds
    head = ", ".join([*map(str, how.head), "softmax"])
    schedule = "" if how.schedule.kind == "constant" else f", {how.schedule}"
    budget = f"{counted(how.epochs, 'epoch')}, batches of {how.batch_size:,}, {how.optimizer}{schedule}"
    yield f"each way: {budget}"
    yield f"head: {head} over {len(comparison.classes)} classes"
    if unfinished := list(dict.fromkeys(each.way for each in summaries if each.unfinished)):
        yield (
            f"*: still learning when the budget ended, which decides the accuracy ({', '.join(unfinished)});\n"
            "   give more `--epochs`, or another `--learning-rate`"
        )
    if any(each.unfinished is None for each in summaries):
        yield "?: one epoch cannot show whether a classifier was still learning; give more `--epochs`"
    numbers = sum(value.size for value in comparison.encoder.values())
    arrays = counted(len(comparison.encoder), "array")
    yield f"transferred bit for bit: {arrays}, {numbers:,} numbers; frozen ones are the same after training"
    if seeds == 1:
        yield "one seed has no spread: give `--seeds 5` or more"
        return
    yield (
        "±: the standard deviation over seeds, which draw labelled samples, first weights and order anew;\n"
        "   differences are taken at each seed. The autoencoder is one: another would give other numbers."
    )
    if seeds < FEW:
        yield f"{counted(seeds, 'seed')} are few: give `--seeds {FEW}` or more"
    if (tried := sum(each.interval is not None for each in summaries)) > FEW:
        yield f"of {tried} intervals at 95 % one in twenty misses its mark by chance"
    pool = len(comparison.training.labels)
    if many := [f"{n:,}" for n in dict.fromkeys(each.labels for each in summaries) if n > OVERLAP * pool]:
        labels = f"{', '.join(many)} of {pool:,} labelled samples"
        yield f"with {labels} the seeds share many: their intervals are too narrow"


def _plain(label: Any) -> Any:
    """A label as Python has it."""
    return label.item() if hasattr(label, "item") else label
