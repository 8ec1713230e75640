"""How closely Keras and PyTorch agree after some steps of training, for each optimizer.

    python benchmarks/agreement.py     # computes what is not in runs/agreement.json yet, then writes docs/agreement.md

Each model starts from the same weights on both frameworks and takes 20 steps on the same images, in float64 and in
float32. In float32, PyTorch also trains twins whose weights start one unit in the last place higher or lower: no closer
than these can any two programs be asked to be.
"""

from __future__ import annotations

import json
import logging
import platform
from functools import cache
from itertools import product
from pathlib import Path

import click
import numpy as np
from tabulate import tabulate

import aespec
from aespec.comparison import relative
from aespec.data import load
from aespec.registry import find_backend, kinds
from aespec.training import fit
from aespec.zoo import zoo

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "agreement.md"
MODELS = {
    "stacked": ("stacked", ()),
    "conv": ("conv", ()),
    "conv, tanh": ("conv", tuple(f"encoder.{layer}.conv2d.activation=tanh" for layer in (1, 3, 5))),
    "recurrent": ("recurrent", ()),
    "variational": ("variational", ()),
}
"""Of the zoo, and what is set otherwise."""

DTYPES = ("float64", "float32")
STEPS = 20
TWINS = 4

RATES = {"adagrad": 0.01, "adadelta": 1.0}
"""Where Keras's default hardly moves anything in 20 steps. SGD has the rate of the spec."""


@click.command()
@click.option(
    "--results",
    type=click.Path(path_type=Path),
    default=ROOT / "runs" / "agreement.json",
    help="Where the differences are kept.",
)
def main(results: Path) -> None:
    """Train each model by each optimizer and write the page."""
    logging.getLogger("tensorflow").setLevel("ERROR")  # each model is traced anew, on purpose
    versions = {name: version for backend in ("keras", "torch") for name, version in _versions(backend).items()}
    known = json.loads(results.read_text()) if results.exists() else {}
    found = known.get("differences", {}) if known.get("versions") == versions else {}
    for dtype, name, optimizer in product(DTYPES, MODELS, kinds("optimizer")):
        key = f"{dtype} {name} {optimizer}"
        if key not in found:
            found[key] = _differences(name, optimizer, dtype)
            click.echo(f"{key}: {_cell(found[key])}")
            results.parent.mkdir(parents=True, exist_ok=True)
            results.write_text(json.dumps({"versions": versions, "differences": found}, indent=2) + "\n")
    PAGE.write_text(_page(found, versions), encoding="utf-8")
    click.echo(f"wrote {PAGE.relative_to(ROOT)}")


def _versions(backend: str) -> dict[str, str]:
    return find_backend(backend).versions()


def _differences(name: str, optimizer: str, dtype: str) -> dict[str, float]:
    """The largest relative difference of any parameter: of the frameworks, and in float32 of PyTorch and its twins."""
    keras, torch = (_trained(backend, name, optimizer, dtype) for backend in ("keras", "torch"))
    found = {"frameworks": _gap(keras, torch)}
    if dtype == "float32":
        twins = (_trained("torch", name, optimizer, dtype, twin=number) for number in range(1, TWINS + 1))
        found["twins"] = max(_gap(twin, torch) for twin in twins)
    return found


def _trained(backend: str, name: str, optimizer: str, dtype: str, twin: int = 0) -> dict[str, np.ndarray]:
    """The weights of a model after its steps; a twin's start differs by one unit in the last place."""
    of, changes = MODELS[name]
    spec = aespec.load(zoo()[of], changes)
    fields = {"learning_rate": spec.training.optimizer.learning_rate if optimizer == "sgd" else RATES.get(optimizer)}
    step = kinds("optimizer")[optimizer](**{field: value for field, value in fields.items() if value is not None})
    plan = spec.training.model_copy(
        update={"optimizer": step, "epochs": 1, "batch_size": 32, "validation_split": 0.0, "randomness": "shared"}
    )
    x = _images(STEPS * 32, dtype)
    model = find_backend(backend).build(aespec.compile(spec), seed=plan.seed, dtype=dtype)
    if twin:
        model.load_weights(moved(model.weights(), twin))
    fit(model, x, plan)
    return model.weights()


def courses(name: str, samples: int, epochs: int) -> dict[str, list[dict[str, float]]]:
    """The losses of a model of the zoo in each epoch, on each framework and of a twin on each."""
    spec = aespec.load(zoo()[name])
    plan = spec.training.model_copy(update={"epochs": epochs, "validation_split": 1 / 6, "randomness": "shared"})
    x = _images(samples * 6 // 5, "float32")
    found = {}
    for backend, twin in product(("keras", "torch"), (0, 1)):
        model = find_backend(backend).build(aespec.compile(spec), seed=plan.seed)
        if twin:
            model.load_weights(moved(model.weights(), twin))
        course = fit(model, x, plan)
        found[f"{backend} twin" if twin else backend] = [
            {"training": epoch.losses["total"], "validation": epoch.validation["total"]} for epoch in course
        ]
    return found


@cache
def _images(count: int, dtype: str) -> np.ndarray:
    return load("fashion_mnist", shape=(28, 28), range=(0.0, 1.0), dtype=dtype).inputs[:count].copy()


def moved(weights: dict[str, np.ndarray], seed: int) -> dict[str, np.ndarray]:
    """Each weight, where it is not zero, one unit in the last place higher or lower, as chance has it."""
    draw = np.random.default_rng(seed)
    found = {}
    for name, value in weights.items():
        far = np.where(draw.random(value.shape) < 0.5, -np.inf, np.inf).astype(value.dtype)
        found[name] = np.where(value == 0, value, np.nextafter(value, far))
    return found


def _gap(a: dict[str, np.ndarray], b: dict[str, np.ndarray]) -> float:
    return max(relative(a[name], b[name]) for name in b)


def _page(found: dict[str, dict[str, float]], versions: dict[str, str]) -> str:
    tables = {}
    for dtype in DTYPES:
        rows = [[name, *(_cell(found[f"{dtype} {model} {name}"]) for model in MODELS)] for name in kinds("optimizer")]
        tables[dtype] = tabulate(rows, ["optimizer", *MODELS], tablefmt="github", disable_numparse=True)
    return f"""# How closely Keras and PyTorch agree

For each optimizer, five models were trained for {STEPS} steps of 32 images of Fashion-MNIST, once with Keras
and once with PyTorch, from the same weights and with the same noise. The tables have the largest difference of any
parameter afterwards, divided by that parameter's largest value. The learning rates are Keras's defaults, but 0.01 for
Adagrad, 1.0 for Adadelta and, for SGD, that of the spec (stacked 1.5, conv 1.0, recurrent 0.1, variational, whose own
optimizer is RMSprop, 0.001). The models are of the zoo; `conv, tanh` is `conv` with another activation.

## In float64

What is left is rounding:

{tables["float64"]}

None of these models has a bias in front of `batch_normalization`, which would take it out again: the gradient of one is
rounding and nothing else, and so is what an optimizer makes of it. `validate` advises against it (W204).

## In float32

In brackets the same for PyTorch and a twin, PyTorch again, whose initial weights differ by one unit in the last place:
the largest of {TWINS} such twins. Where training enlarges a small difference, it does so with that one too, and two
programs cannot be asked to be much closer:

{tables["float32"]}

`conv` differs more than the others because of its activation. The slope of selu jumps at zero, from 1.76 to 1.05, and
where an image is black a whole area has one value: when rounding takes that across zero, all its gradients change at
once. With tanh, which is smooth, the two frameworks agree nearly as well as in the other models. What is left of a
twin's distance comes mostly from max pooling, which chooses between values that are nearly equal: with average pooling
as well, no twin was further than 2e-5. [Published results](results.md) shows what that means for the loss over whole
epochs.

Made by `python benchmarks/agreement.py` on {platform.machine()} with Python {platform.python_version()},
{", ".join(f"{name} {version}" for name, version in versions.items())}.
"""


def _cell(found: dict[str, float]) -> str:
    own = f" ({found['twins']:.0e})" if "twins" in found else ""
    return f"{found['frameworks']:.0e}{own}"


if __name__ == "__main__":
    main()
