"""The autoencoders of a book, trained on both frameworks, beside the results that it published.

    python benchmarks/results.py     # trains what is not trained yet, then writes docs/results.md

The models are those of Géron, Hands-On Machine Learning, 2nd edition, chapter 17, with its settings: each is a spec of
the zoo, some with other values set on the command line. The runs are kept in runs/results, so that the page can be
written again without training; one that was cut off goes on.
"""

from __future__ import annotations

import json
import os
import platform
import shlex
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from itertools import product
from math import isnan, nan
from pathlib import Path
from statistics import mean, median, stdev
from typing import Any

import click
import numpy as np
from agreement import courses
from published import MODELS, PHASES, REASONS, SEEDED, Model, command, published
from tabulate import tabulate

from aespec import weights
from aespec.data import load
from aespec.history import History, read
from aespec.noise import Noise
from aespec.picture import blank, save
from aespec.process import THREADS
from aespec.registry import find_backend
from aespec.run import open_run
from aespec.stages import stages

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "results.md"
PICTURES = ROOT / "docs" / "pictures"
BACKENDS = ("keras", "torch")
HELD = 5_000

Array = np.ndarray
Courses = dict[str, dict[str, list[dict[str, float]]]]
"""Of each model the losses of each epoch, on each backend and of its twins."""

PARTS = ("training", "validation")
PAIRS = {
    ("keras", "torch"): "keras and torch",
    ("keras", "keras twin"): "keras and its twin",
    ("torch", "torch twin"): "torch and its twin",
}
HEADS = [f"{part}: {pair}" for part in PARTS for pair in PAIRS.values()]

SEEDS = (42, 1, 2, 3, 4)
"""The first is that of the zoo."""


@dataclass(frozen=True)
class Result:
    """What a model came to on one backend."""

    train: list[float]
    """The loss of each epoch."""
    validation: list[float]
    accuracy: float
    parameters: int
    seconds: float
    """Of an epoch: the median."""

    @property
    def last(self) -> tuple[float, float]:
        """The losses of the last epoch."""
        return self.train[-1], self.validation[-1]


Results = dict[tuple[str, str], Result]
"""By the title of the model and the backend."""


@click.command()
@click.option(
    "--runs", type=click.Path(path_type=Path), default=ROOT / "runs" / "results", help="Where the runs are kept."
)
@click.option("--threads", default=1, show_default=True, help="Of each training: with one, a run repeats bit for bit.")
def main(runs: Path, threads: int) -> None:
    """Train each model on each backend and write the page."""
    runs.mkdir(parents=True, exist_ok=True)
    PICTURES.mkdir(parents=True, exist_ok=True)
    os.environ.update(dict.fromkeys(THREADS, str(threads)))
    for model, backend in product(MODELS, BACKENDS):
        _train(model, backend, runs / f"{model.run}-{backend}")
    for backend in BACKENDS:
        _train(PHASES, backend, runs / f"{PHASES.run}-{backend}")
    for model, seed in product(MODELS, SEEDS[1:]):
        if model.run in SEEDED:
            _train(model, "torch", runs / f"{model.run}-torch-{seed}", "--seed", str(seed))
    results = {(model.title, backend): _result(model, backend, runs) for model in MODELS for backend in BACKENDS}
    _draw_curves(results)
    _draw_images(runs)
    PAGE.write_text(_page(results, runs), encoding="utf-8")
    click.echo(f"wrote {PAGE.relative_to(ROOT)}")


def _train(model: Model, backend: str, folder: Path, *more: str) -> None:
    """Train a model unless that is done; go on where it was cut off."""
    if (folder / "weights.safetensors").is_file():
        return
    given = ["--resume", str(folder)]
    if not (folder / "checkpoint" / "last.safetensors").is_file():
        given = [*shlex.split(command(model, backend))[2:], *more, "-o", str(folder), "--force"]
        given[0] = str(ROOT / given[0])
    subprocess.run([sys.executable, "-m", "aespec", "train", *given], check=True)


def _result(model: Model, backend: str, runs: Path) -> Result:
    run = open_run(runs / f"{model.run}-{backend}")
    curves = _of_phase(read(run.folder), model.phase)
    graph = next(stage.graph for stage in stages(run.graph, run.spec.training) if stage.name == model.phase)
    return Result(
        [row["total"] for row in curves],
        [row.get("val_total", nan) for row in curves],
        _accuracy(model, backend, runs),
        sum(param.size for param in graph.params.values()),
        median(row["seconds"] for row in curves),
    )


def _of_phase(history: History, phase: str) -> list[dict[str, float]]:
    return [row for row, name in zip(history.rows, history.phases, strict=True) if name == phase]


@cache
def _held() -> Array:
    """The validation images."""
    return load("fashion_mnist", shape=(28, 28), range=(0.0, 1.0)).inputs[-HELD:]


def _trained(model: Model, backend: str, runs: Path) -> Any:
    """The trained model; of a phase of greedy training, the part that it trained."""
    if not model.phase:
        return open_run(runs / f"{model.run}-{backend}").model()
    run = open_run(runs / f"{PHASES.run}-{backend}")
    graph = next(stage.graph for stage in stages(run.graph, run.spec.training) if stage.name == model.phase)
    part, found = find_backend(backend).build(graph), weights.read(run.folder / "weights.safetensors")
    part.load_weights({name: found[name] for name in graph.params})
    return part


def _batches(x: Array, size: int) -> list[Array]:
    return [x[start : start + size] for start in range(0, len(x), size)]


def _rounded_accuracy(x: Array, restored: Array) -> float:
    return float(np.mean(np.round(x) == np.round(restored)))


def _accuracy(model: Model, backend: str, runs: Path) -> float:
    """The rounded accuracy, where the model restores images."""
    if model.data != "fashion_mnist" or model.phase == "encoder/dense_2":
        return nan
    trained = _trained(model, backend, runs)
    return _rounded_accuracy(_held(), np.concatenate([trained.reconstruct(part) for part in _batches(_held(), 500)]))


def _in_small_batches(backend: str, runs: Path) -> float:
    """The validation loss of the model with the KL penalty, its means taken over 32 images at a time."""
    model = open_run(runs / f"sparse_kl-{backend}").model()
    parts = _batches(_held(), 32)
    return float(np.average([model.losses(part)["total"] for part in parts], weights=[len(part) for part in parts]))


def _sampled(name: str, backend: str, runs: Path) -> tuple[float, float]:
    """The validation loss of a variational model and its rounded accuracy, with codes that are drawn."""
    model = open_run(runs / f"{name}-{backend}").model()
    own, x, node = model.weights(), _held(), "encoder/gaussian_latent_1"
    parts = _batches(x, 500)
    draws = list(Noise(0, 1, shared=True).draws(model.graph, x.shape[1:], [len(part) for part in parts], "float32"))
    losses = [model.losses(part, training=True, draws=draw)["total"] for part, draw in zip(parts, draws, strict=True)]
    before = np.concatenate([model.trace(part)["encoder/dense_2"] for part in parts])
    log_var = before @ own[f"{node}/log_var_kernel"] + own[f"{node}/log_var_bias"]
    code = model.encode(x) + np.exp(log_var / 2) * np.concatenate([draw[node] for draw in draws])
    return mean(losses), _rounded_accuracy(x, model.decode(code))


def _over_seeds(model: Model, runs: Path) -> list[list[float]]:
    """The losses of the last epoch, for training and for validation, of each seed."""
    folders = [runs / (f"{model.run}-torch" + (f"-{seed}" if seed != SEEDS[0] else "")) for seed in SEEDS]
    rows = [_of_phase(read(folder), model.phase)[-1] for folder in folders]
    return [[row[name] for row in rows] for name in ("total", "val_total") if name in rows[0]]


def _courses(runs: Path, samples: int, epochs: dict[str, int]) -> Courses:
    """The courses of models and of their twins, on so many samples to train on, computed once."""
    path = runs / f"courses-{samples}.json"
    found = json.loads(path.read_text()) if path.exists() else {}
    for name, count in epochs.items():
        if name not in found:
            found[name] = courses(name, samples, count)
            path.write_text(json.dumps(found, indent=2) + "\n")
    return found


def _draw_curves(results: Results) -> None:
    columns = 4
    figure = blank(12.0, 2.5 * -(-(len(MODELS) + 1) // columns))
    panels = figure.subplots(-(-(len(MODELS) + 1) // columns), columns).ravel()
    styles = {
        "keras": {"color": "#d55e00", "linewidth": 4, "alpha": 0.45},
        "torch": {"color": "#0072b2", "linewidth": 1.2},
    }
    dashes = (0, (3, 1.5))
    for axes, model in zip(panels, MODELS, strict=False):
        for backend, style in styles.items():
            found = results[model.title, backend]
            epochs = range(1, len(found.train) + 1)
            axes.plot(epochs, found.train, **style)
            axes.plot(epochs, found.validation, linestyle=dashes, **style)
        axes.axhline(model.train if isnan(model.validation) else model.validation, color="#595959", linewidth=0.8)
        axes.set_yscale("log" if model.run == "linear" else "linear")
        axes.set_title(model.title, fontsize=10)
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.tick_params(labelsize=8)
        axes.spines[["top", "right"]].set_visible(False)
    for axes in panels[len(MODELS) :]:
        axes.set_axis_off()
    legend = panels[len(MODELS)]
    for backend, style in styles.items():
        legend.plot([], [], label=f"{backend}, training", **style)
        legend.plot([], [], label=f"{backend}, validation", linestyle=dashes, **style)
    legend.plot([], [], color="#595959", linewidth=0.8, label="published, validation\n(linear: training)")
    legend.legend(loc="center", fontsize=9, frameon=False, handlelength=3)
    figure.supxlabel("epoch", fontsize=10)
    figure.supylabel("loss", fontsize=10)
    save(figure, PICTURES / "curves.png")


def _draw_images(runs: Path) -> None:
    x, draw = _held()[:10], np.random.default_rng(0)
    by_run = {model.run: model for model in MODELS}  # of the greedy three the last, which is the whole

    def restored(name: str, given: Array) -> Array:
        return _trained(by_run[name], "torch", runs).reconstruct(given)

    names = ("stacked", "tied", "greedy", "conv", "recurrent", "sigmoid", "sparse_l1", "sparse_kl", "variational")
    rows = {"original": x} | {by_run[name].title: restored(name, x) for name in names}
    _draw_rows(rows, PICTURES / "reconstructions.png")
    noisy = x + draw.normal(0, 0.2, x.shape).astype("float32")
    dropped = x * (draw.random(x.shape) < 0.5).astype("float32") * 2
    rows = {
        "original": x,
        "noise": noisy,
        "restored": restored("denoising", noisy),
        "dropout": dropped,
        "restored ": restored("denoising_dropout", dropped),
    }
    _draw_rows(rows, PICTURES / "denoising.png")
    codes = draw.normal(size=(20, 10)).astype("float32")
    made = _trained(by_run["variational"], "torch", runs).decode(codes)
    _draw_rows({"generated": made[:10], "": made[10:]}, PICTURES / "generated.png")
    conv = [str(runs / "conv-torch"), "-o", str(PICTURES / "conv-torch.png")]  # for README.md
    subprocess.run([sys.executable, "-m", "aespec", "reconstruct", *conv], check=True)


def _draw_rows(rows: dict[str, Array], path: Path) -> None:
    figure = blank(8.2, 0.78 * len(rows))
    panels = figure.subplots(len(rows), 10, squeeze=False)
    for line, (name, images) in zip(panels, rows.items(), strict=True):
        line[0].set_ylabel(name.strip(), rotation=0, ha="right", va="center", fontsize=9)
        for axes, image in zip(line, images, strict=True):
            axes.imshow(image, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
            axes.set_xticks([])
            axes.set_yticks([])
            axes.spines[:].set_visible(False)
    save(figure, path)


def _page(results: Results, runs: Path) -> str:
    spent = [open_run(path.parent).record["seconds"]["training"] for path in runs.glob("*/weights.safetensors")]
    above = results["variational", "torch"].train[-1] / published("variational").train - 1
    versions = {name: version for backend in BACKENDS for name, version in find_backend(backend).versions().items()}
    return f"""# Published results, trained again

Chapter 17 of Géron's *Hands-On Machine Learning* (2nd edition) trains a number of autoencoders and publishes what they
came to. Here each is a spec, trained with the published settings once with Keras and once with PyTorch. The chapter's
classifier is left out: it is no autoencoder. Two more comparisons with what is published are on pages of their own: an
autoencoder that [detects anomalies](anomaly-detection.md#one-class-against-the-others), each class of Fashion-MNIST and
of MNIST against the others, and a linear one with
[the optimum that theory gives it](dimensionality-reduction.md#the-plane-of-pca), PCA.

The images are those of Fashion-MNIST, divided by 255: 55,000 to train on, the last 5,000 of the training set to
validate on. The linear model has 60 points in space, drawn as the book draws them. Both frameworks start from the same
weights and take the same batches in the same order; where a model has noise, each framework draws its own. All numbers
are of one seed, as the book's are; [below](#how-much-a-seed-matters) is how much that matters. The weights are those
of the last epoch.

## Losses

Those of the last epoch, and how far they are from the published ones:

{_losses(results)}

{_reasons(results)}
The **linear** model cannot get below {_floor():.4f}, where PCA is: at this learning rate SGD wanders above it.

**Variational** is {100 * above:.1f} % above in training, which is no seed's doing. When the book was written, Keras's
RMSprop added its epsilon of 1e-7 to the root of the mean square; Keras 3 adds it under the root, where it weighs as
3e-4 does outside. The gradients of this loss, a mean over 784 pixels, are mostly smaller than that, so its steps became
shorter. An epsilon of 1e-14 under the root is 1e-7 outside: the row *variational, small epsilon*.

Two models are measured differently on the validation images. The book draws the codes of the **variational** model
there too; ours are the means of their distributions, as they are outside training. The penalty of **sparse, KL**
depends on the mean activities of a batch, which vary less in larger batches: the book validates on 32 images at a time,
aespec on 256. (The published weight of 0.05 is 0.05 / 32 in the spec: Keras divides the penalty by the batch size.)
Measured as the book does:

{_as_published(runs)}

![loss curves of each model](pictures/curves.png)

Where only one line can be seen, the other lies under it. In the denoising and the variational models each framework
draws its own noise. The validation loss of the variational ones goes up and down by up to 0.003 from epoch to epoch.

## Rounded accuracy

The share of the pixels of the validation images that are the same in image and reconstruction, both rounded to 0 or 1.
Some were not published.

{_accuracies(results)}

## Reconstructions

Of validation images, by PyTorch's models:

![reconstructions by nine models](pictures/reconstructions.png)

The denoising models, given images with noise and images of which half the pixels were dropped:

![images with noise and what was restored](pictures/denoising.png)

Images that the variational model makes of random codes:

![generated images](pictures/generated.png)

## How much a seed matters

Mean and standard deviation of the last epoch's loss over {len(SEEDS)} seeds, with PyTorch:

{_seeds(runs)}

## How closely two backends agree

After 20 steps in float64 the weights of both backends agree to 13 digits: see [How closely Keras and PyTorch
agree](agreement.md). In float32 each step rounds a little differently, and training may enlarge that. How far that goes
is seen by training one backend twice, the second time from weights that differ by one unit in the last place: its twin.
Relative differences of the losses in the first epochs, on 10,000 images to train on and 2,000 to validate on; the noise
of the denoising model is the same for all (`--randomness shared`):

{_apart(_courses(runs, 10_000, {"stacked": 3, "denoising": 3, "recurrent": 3, "conv": 3}))}

Where training enlarges differences, the two backends come apart as a backend and its twin do, `conv` by up to four
times as much as with the one twin that each has here. Elsewhere they agree to the digits that float32 has. Over whole
courses, on 50,000 images to train on and 10,000 to validate on, the largest difference of any epoch:

{_furthest(_courses(runs, 50_000, {"stacked": 20, "recurrent": 10, "conv": 5}))}

The aim was 1e-3 for dense and recurrent models. All training losses keep it; single validation losses do not. A
training loss is a mean over the steps of an epoch. A validation loss is that of one moment, and SGD at such learning
rates jumps from step to step: single ones are as far apart between a backend and its twin.

## How they are trained

{_costs(results)}

The seconds are the median of the epochs, on one thread of a machine with two CPU cores that had other work to do as
well; [Performance](performance.md) compares the frameworks properly. On one thread a run repeats bit for bit, also when
it was cut off and went on. The commands, here for PyTorch (`--backend keras` for Keras):

```console
{_commands()}
```

Made by `python benchmarks/results.py` in float32, on {platform.machine()} with Python {platform.python_version()},
{", ".join(f"{name} {version}" for name, version in versions.items())}. The {len(spent)} runs took
{sum(spent) / 3600:.1f} hours together.
"""


def _floor() -> float:
    """The mean squared error of the best plane through the points."""
    x = load("plane", shape=(3,), range=None, dtype="float64").inputs
    return float(np.linalg.svd(x, compute_uv=False)[2] ** 2 / x.size)


def _beside(found: float, published: float) -> str:
    """A number, and how far it is from the published one."""
    if isnan(found) or isnan(published):
        return "" if isnan(found) else f"{found:.4f}"
    return f"{found:.4f} ({100 * (found / published - 1):+.1f} %)"


def _number(value: float) -> str:
    return "" if isnan(value) else f"{value:.4f}"


def _losses(results: Results) -> str:
    rows = []
    for model in MODELS:
        both = [results[model.title, backend].last for backend in BACKENDS]
        rows.append([model.title, _number(model.train), *(_beside(train, model.train) for train, _ in both)])
        rows[-1] += [_number(model.validation), *(_beside(held, model.validation) for _, held in both)]
    heads = ["training: published", "keras", "torch", "validation: published", "keras", "torch"]
    return _table(["model", *heads], rows)


def _accuracies(results: Results) -> str:
    rows = [
        [
            model.title,
            _number(model.accuracy),
            *(_number(results[model.title, backend].accuracy) for backend in BACKENDS),
        ]
        for model in MODELS
        if not isnan(results[model.title, "torch"].accuracy)
    ]
    return _table(["model", "published", *BACKENDS], rows)


def _costs(results: Results) -> str:
    rows = []
    for model in MODELS:
        both = [results[model.title, backend] for backend in BACKENDS]
        rows.append([model.title, f"{both[0].parameters:,}", len(both[0].train), *(f"{r.seconds:.2g}" for r in both)])
    return _table(["model", "parameters", "epochs", "keras, s an epoch", "torch, s an epoch"], rows)


def _commands() -> str:
    return "\n".join(dict.fromkeys(f"$ {command(model, 'torch')}" for model in MODELS))


def _seeds(runs: Path) -> str:
    rows = []
    for model in MODELS:
        if model.run in SEEDED:
            own = [f"{mean(values):.4f} ± {stdev(values):.4f}" for values in _over_seeds(model, runs)]
            rows.append([model.title, _number(model.train), own[0], _number(model.validation), *(own[1:] or [""])])
    return _table(["model", "training: published", "ours", "validation: published", "ours"], rows)


def _apart(found: Courses) -> str:
    """How far the losses of each epoch are from each other."""
    rows = []
    for name, own in found.items():
        both = zip(_differences(own, "training"), _differences(own, "validation"), strict=True)
        rows += [
            [name if epoch == 1 else "", epoch, *map(_rounded, (*training, *validation))]
            for epoch, (training, validation) in enumerate(both, start=1)
        ]
    return _table(["model", "epoch", *HEADS], rows)


def _furthest(found: Courses) -> str:
    """The largest of the differences of all epochs."""
    rows = [
        [name, len(own["keras"]), *(_rounded(x) for part in PARTS for x in np.max(_differences(own, part), axis=0))]
        for name, own in found.items()
    ]
    return _table(["model", "epochs", *HEADS], rows)


def _differences(own: dict[str, list[dict[str, float]]], part: str) -> list[list[float]]:
    """Of each epoch the relative difference of each pair."""
    return [
        [abs(a[part] / b[part] - 1) for a, b in ((epoch[one], epoch[other]) for one, other in PAIRS)]
        for epoch in (dict(zip(own, losses, strict=True)) for losses in zip(*own.values(), strict=True))
    ]


def _rounded(difference: float) -> str:
    return f"{difference:.0e}" if difference else "0"


def _as_published(runs: Path) -> str:
    """What is measured otherwise in the book, measured as there."""
    rows = []
    for title in ("variational", "variational, small epsilon"):
        model = published(title)
        both = [_sampled(model.run, backend, runs) for backend in BACKENDS]
        rows.append([title, _number(model.validation), *(_beside(loss, model.validation) for loss, _ in both)])
        rows[-1] += [_number(model.accuracy), *(_number(accuracy) for _, accuracy in both)]
    model = published("sparse, KL")
    small = [_beside(_in_small_batches(backend, runs), model.validation) for backend in BACKENDS]
    rows.append([model.title, _number(model.validation), *small, "", "", ""])
    heads = ["validation: published", "keras", "torch", "rounded accuracy: published", "keras", "torch"]
    return _table(["model", *heads], rows)


def _reasons(results: Results) -> str:
    """Why a model is worse than published by more than 2 %, for each that is."""
    lines = []
    for model in MODELS:
        train, held = zip(*(results[model.title, backend].last for backend in BACKENDS), strict=True)
        if max(train) > 1.02 * model.train or max(held) > 1.02 * model.validation:
            lines.append(f"- **{model.title}**. {REASONS.get(model.title, 'Why is not known.')}")
    return "\n".join(["Worse than published by more than 2 %:", "", *lines, ""]) if lines else ""


def _table(heads: list[str], rows: list[list[Any]]) -> str:
    return tabulate(rows, heads, tablefmt="github", disable_numparse=True)


if __name__ == "__main__":
    main()
