"""What is in each section of a report."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from aespec.history import HELD, RATE, History
from aespec.report.charts import Line, curves, histogram
from aespec.report.codemap import code_map
from aespec.report.diagram import diagram
from aespec.report.page import render
from aespec.report.samples import gallery, is_row, most
from aespec.run import SPEC
from aespec.shapes import counted, elements
from aespec.summary import COLUMNS, NUMBERS, remarks, rows, summarize
from aespec.tables import number
from aespec.training import split

if TYPE_CHECKING:
    import numpy as np
    from markupsafe import Markup
    from numpy.typing import NDArray

    from aespec.backend import Model
    from aespec.report.parts import Part
    from aespec.run import Run

    Array = NDArray[np.floating[Any]]

__all__ = ["codes", "errors", "generated", "model", "overview", "provenance", "reconstructions", "spec", "training"]

SHOWN = 12
"""So many reconstructions are shown, and so many generated samples twice."""


def overview(run: Run, part: Part, history: History) -> Markup:
    """What there is to know at a glance."""
    record, size, code = run.record, elements(run.graph.sample_shape), elements(run.graph[run.graph.code].shape)
    params = run.graph.params.values()
    frozen = sum(param.size for param in params if not param.trainable)
    data, final, epochs = record["data"], record["final"] or {}, len(history.rows)
    facts = [
        ("Parameters", number(sum(param.size for param in params)), f"{number(frozen)} not trained" if frozen else ""),
        ("Code", "?" if code is None else counted(code, "number"), f"for {number(size)} of a sample" if size else ""),
        ("Data", counted(data["samples"]), _held(run)),
        ("Training loss", _value(final.get("training")), _terms(run)),
    ]
    if final.get("validation"):
        facts.append(("Validation loss", _value(final["validation"]), "on the samples held out"))
    facts += [
        (
            f"Error of a {part.what}",
            f"{part.errors.mean():.4g}",
            f"mean squared{_spread(part.errors)}{run.units}, of {part.told}",
        ),
        ("Training time", _seconds(record["seconds"].get("training", 0.0)), counted(epochs, "epoch")),
        ("Backend", record["backend"], f"{record['dtype']}, seed {record['seed']}"),
    ]
    return render("overview.html.j2", facts=facts)


def _spread(errors: Array) -> str:
    """Two standard errors of a mean, which is about how far that of all such samples may be; of one none is known."""
    import numpy as np

    return f" ± {2 * errors.std(ddof=1) / np.sqrt(len(errors)):.2g}" if len(errors) > 1 else ""


def _held(run: Run) -> str:
    record, plan = run.record, run.spec.training
    name = record["data"]["name"]
    if record["validation"]:
        return f"of {name}; validated on {counted(record['validation']['samples'])} of {record['validation']['name']}"
    held = len(split(range(record["data"]["samples"]), plan.validation_split)[1])
    return f"of {name}" + (f", {number(held)} held out" if held else "")


def _terms(run: Run) -> str:
    """What is added up to the loss."""
    others = (term.regularizer.kind for term in run.graph.terms)
    return " + ".join(dict.fromkeys([*(loss.kind for loss in run.graph.losses), *others]))


def _value(losses: Mapping[str, float] | None) -> str:
    return f"{losses['total']:.4g}" if losses else "?"


def _seconds(seconds: float) -> str:
    """A time in words.

    >>> _seconds(3.21), _seconds(75), _seconds(7260)
    ('3.2 s', '1 min 15 s', '2 h 1 min')
    """
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def model(run: Run) -> Markup:
    """The diagram, and the table of layers."""
    found = summarize(run.graph)
    columns = [(name, name in NUMBERS) for name in COLUMNS]
    return render(
        "model.html.j2", diagram=diagram(run.graph), columns=columns, groups=rows(found), remarks=remarks(found)
    )


def training(run: Run, history: History) -> Markup:
    """A chart for each phase and each term of its loss, and of the learning rate where that changes."""
    charts = []
    for phase in dict.fromkeys(history.phases):
        where = [i for i, each in enumerate(history.phases) if each == phase]
        epochs = [history.column("epoch")[i] for i in where]
        several = len(set(history.phases)) > 1
        for term in sorted(history.terms, key=lambda name: name != "total"):
            lines = [
                Line(name, [history.column(column)[i] for i in where], color, dashed)
                for name, column, color, dashed in (
                    ("training", term, 0, False),
                    ("validation", HELD + term, 1, True),
                )
                if any(column in history.rows[i] for i in where)
            ]
            if not lines or (term != "total" and _same(history, where, term)):
                continue
            title = "Loss" if term == "total" else term
            charts.append(curves(f"{title}, {phase or 'the whole model'}" if several else title, epochs, lines))
    rates = history.known(RATE)
    if len(set(rates)) > 1:
        charts.append(curves("Learning rate", history.epochs, [Line("rate", history.column(RATE))]))
    plan = run.spec.training
    about = [f"{plan.optimizer}", f"batches of {plan.batch_size:,}", f"schedule {plan.schedule}"]
    return render("training.html.j2", about=", ".join(about), charts=charts)


def _same(history: History, where: Sequence[int], term: str) -> bool:
    """Whether a term is all of the loss in these rows."""
    return all(history.rows[i].get(term) == history.rows[i].get("total") for i in where)


def reconstructions(run: Run, part: Part) -> Markup:
    """Some samples with their reconstructions, and those that were restored worst."""
    import numpy as np

    count = min(SHOWN if run.images else SHOWN // 2, len(part.places))
    some = np.linspace(0, len(part.places) - 1, count).round().astype(int)
    varying, missed = _features(part)
    chosen = [("A few", some, varying, "vary most")]
    if count < len(part.places):
        chosen.append(("The worst", part.worst(count), missed, "are restored worst"))
    inputs, restored = (_as_written(run, samples) for samples in (part.inputs, part.restored))
    how: dict[str, Any] = {"images": run.images, "columns": part.columns}
    groups = [
        (
            title,
            gallery(
                inputs[those], restored[those], [part.about(i) for i in those], features=features, which=which, **how
            ),
        )
        for title, those, features, which in chosen
    ]
    return render("groups.html.j2", groups=groups, note=f"The worst are those of {part.told} with the largest error.")


def _features(part: Part) -> tuple[dict[int, int], dict[int, int]]:
    """The features of a series that vary most, and those that are restored worst in the worst samples.

    Each has the number of its color, which is one on all of the page.
    """
    worst = part.worst(SHOWN // 2)
    varying = most(part.inputs.astype("float64"), about_mean=True)
    missed = most(part.inputs[worst].astype("float64") - part.restored[worst])
    colors = {feature: color for color, feature in enumerate(dict.fromkeys([*varying, *missed]))}
    return {feature: colors[feature] for feature in varying}, {feature: colors[feature] for feature in missed}


def _as_written(run: Run, samples: Array) -> Array:
    """Samples in the units of the data, where their numbers are written; curves of all features share a scale."""
    return run.scaling.undo(samples) if run.scaling is not None and is_row(samples.shape[1:]) else samples


def codes(run: Run, parts: Sequence[Part]) -> Markup:
    """The map of the codes, colored by label, or by part where there are no labels.

    Samples of another length than the first part's may have codes of another length, and are left out.
    """
    import numpy as np

    from aespec.uses.projection import planar

    parts = [part for part in parts if part.inputs.shape[1:] == parts[0].inputs.shape[1:]]
    together = np.concatenate([part.codes.reshape(len(part.codes), -1) for part in parts])
    found = planar(together, method="code" if together.shape[1] <= 2 else "pca", seed=run.record["seed"])
    labelled = all(part.labels is not None for part in parts)
    labels = np.concatenate(
        [part.labels if labelled and part.labels is not None else [part.named] * len(part.places) for part in parts]
    )
    inputs = np.concatenate([part.inputs for part in parts])
    notes = [
        f"{part.what} {place:,}\nerror {error:.3g}"
        for part in parts
        for place, error in zip(part.places.tolist(), part.errors.tolist(), strict=True)
    ]
    if found.explained is None:
        said = "The code as it is."
    else:
        share = f"{sum(found.explained):.0%} of their variance"
        said = f"The two directions along which codes vary most ({found.title}), with {share}."
    return code_map(
        found.points,
        labels,
        inputs,
        images=run.images,
        notes=notes,
        named=labelled,
        features=_features(parts[0])[0],
        caption=f"{said} {' and '.join(part.told for part in parts)}. Point at a dot, tap it, or move with the arrow "
        "keys to see its sample.",
    )


def errors(parts: Sequence[Part]) -> Markup:
    """The distribution of the errors of each part, as a picture and in numbers."""
    import numpy as np

    lines = [Line(part.named, part.errors, 1 if part.what == "training sample" else 0) for part in parts]
    table = []
    for part in parts:
        finite = part.errors[np.isfinite(part.errors)]
        numbers = [finite.mean(), finite.std(), *np.quantile(finite, (0.5, 0.95, 1.0))] if len(finite) else []
        table.append((part.told, [f"{value:.4g}" for value in numbers]))
    return render(
        "errors.html.j2", chart=histogram("Reconstruction errors", lines, x_name="mean squared error"), table=table
    )


def generated(run: Run, model: Model, part: Part) -> Markup:
    """Samples of a variational model."""
    import numpy as np

    from aespec.uses.generation import decoded, standard_normal

    shape = part.codes.shape[1:]
    random = np.random.default_rng(run.record["seed"])
    count = 2 * SHOWN if run.images else SHOWN // 2
    made = decoded(model, standard_normal(int(np.prod(shape))).draw(count, random), shape)
    how: dict[str, Any] = {"images": run.images, "columns": part.columns, "features": _features(part)[0]}
    return gallery(_as_written(run, made), None, [""] * count, **how)


def spec(run: Run) -> Markup:
    """The spec, with every default."""
    return render("spec.html.j2", text=(run.place / SPEC).read_text(encoding="utf-8"))


def provenance(run: Run) -> Markup:
    """What made the run, and the command that makes it again."""
    record, data = run.record, run.record["data"]
    versions = {"aespec": record["aespec"], **record["versions"]}
    facts = [
        ("Seed", str(record["seed"])),
        ("Precision", record["dtype"]),
        ("Versions", ", ".join(f"{name} {of}" for name, of in versions.items())),
        *_data_facts("Data", data),
        *(_data_facts("Validation data", record["validation"]) if record["validation"] else ()),
        ("Time", ", ".join(f"{name} {_seconds(of)}" for name, of in record["seconds"].items())),
        *([("Went on", _stretches(record["earlier"]))] if record["earlier"] else ()),
    ]
    return render("provenance.html.j2", facts=facts, command=_command(run))


def _stretches(earlier: Sequence[Mapping[str, Any]]) -> str:
    """After how many epochs a run went on, and what had trained it until then."""
    return ", ".join(f"after {counted(each['epochs'], 'epoch')} with {each['backend']}" for each in earlier)


def _data_facts(title: str, data: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    yield title, "; ".join([f"{counted(data['samples'])} of {data['name']}", *data["notes"]])
    yield f"{title}, SHA-256", data["fingerprint"]


def _command(run: Run) -> str:
    """What trains the run again."""
    data = run.record["data"]
    words = ["aespec", "train", str(run.folder / SPEC), "--backend", run.record["backend"], "--data", data["name"]]
    if data["limited"]:
        words += ["--limit", str(data["samples"])]
    return shlex.join([*words, "-o", f"{run.folder}-again"])
