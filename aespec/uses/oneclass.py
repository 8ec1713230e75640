"""The one-class protocol: a model of each class of some data, and how well its error tells that class from the others.

For each class in turn its training samples alone are normal. A model is trained on them, and all test samples are
ranked by their reconstruction error: the area under the ROC curve says how often a sample of another class has a larger
error than one of the class. So Ruff et al. have it (2018, http://proceedings.mlr.press/v80/ruff18a.html).
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aespec.course import build, follow
from aespec.data import Scaling
from aespec.data.labels import classes, need_each
from aespec.diagnostics import AespecError, Diagnostic
from aespec.rules import DataShape, DataUnreadable
from aespec.shapes import counted
from aespec.training import check, split
from aespec.uses.anomaly import errors
from aespec.uses.detection import ranking, truth_of

if TYPE_CHECKING:
    from aespec.data import Dataset
    from aespec.data.streams import Samples
    from aespec.passes import Limits
    from aespec.spec import Spec

__all__ = ["PUBLISHED", "SOURCE", "Published", "Result", "classes_of", "one_class", "spread"]

SOURCE = "Ruff et al., Deep Semi-Supervised Anomaly Detection, ICLR 2020, https://arxiv.org/abs/1906.02694"


@dataclass(frozen=True)
class Published:
    """What a method came to: the AUROC in percent, its mean over the classes and its standard deviation."""

    method: str
    mean: float
    deviation: float


PUBLISHED = {
    "mnist": (
        Published("convolutional autoencoder", 92.9, 5.7),
        Published("Deep SVDD", 92.8, 4.9),
        Published("autoencoder features + one-class SVM", 96.3, 2.5),
    ),
    "fashion_mnist": (
        Published("convolutional autoencoder", 90.2, 5.8),
        Published("Deep SVDD", 89.2, 6.2),
        Published("autoencoder features + one-class SVM", 91.2, 4.7),
    ),
}
"""By the name of the data; they stand in `SOURCE`."""


@dataclass(frozen=True)
class Result:
    """What the model of one class came to."""

    name: str
    """The class: a label."""
    seed: int
    samples: int
    """Training samples of the class; those that the plan holds out are among them."""
    auroc: float
    """Over all test samples; between 0 and 1."""
    error: float
    """Its standard error, by the choice of the test samples; see `aespec.uses.detection.Ranking`."""
    average_precision: float
    """Where the other classes, which are most of the test samples, are what is looked for."""
    loss: float
    """The training loss after the last epoch."""
    seconds: float
    """Time of building, training and scoring."""


def classes_of(train: Dataset, test: Dataset, chosen: Sequence[str] = ()) -> list[str]:
    """The classes of data, by name; or those that are chosen, each once.

    Raises:
        AespecError: The data has no labels or no test part, one class alone, or not those that are chosen.
    """
    if train.labels is None or test.labels is None or test.whole:
        raise AespecError(
            Diagnostic(
                DataUnreadable,
                f"{train.name} has no {'test part' if test.whole else 'labels'}",
                wanted="training and test samples, a label for each",
                got="samples of one part" if test.whole else "samples alone",
                help="name a labelled set, such as `--data fashion_mnist`, or an .npz with x_train, y_train, x_test "
                "and y_test",
            )
        )
    need_each(train.labels, train.name)
    known, _ = classes(train.labels)
    if len(known) < 2:
        raise AespecError(
            Diagnostic(
                DataShape,
                f"{train.name} has one class",
                wanted="two classes or more, so that one can be told from the others",
                got=f"the label {known[0]} alone",
                help="give data of several classes",
            )
        )
    truth_of(train.labels, chosen or known, train.name)
    truth_of(test.labels, chosen or known, f"the test part of {train.name}")
    return [*dict.fromkeys(chosen)] or known


def one_class(
    spec: Spec, train: Dataset, test: Dataset, name: str, *, backend: str, seed: int, limits: Limits | None = None
) -> Result:
    """Train a spec's model on one class, and rank all test samples by their reconstruction error.

    Args:
        spec: The spec. Its plan says how to train; what it holds out for validation is taken off the class's samples.
        train: Training samples of all classes; not scaled yet, where the spec wants that.
        test: Test samples of all classes, likewise.
        name: The class.
        backend: What to train with.
        seed: Decides the first weights, the order of the batches and the noise, in the place of the plan's.
        limits: How large the model may be.

    Raises:
        AespecError: The model cannot be trained or the data does not fit.
    """
    import numpy as np

    assert train.labels is not None  # `classes_of` has looked
    assert test.labels is not None
    start = time.perf_counter()
    plan = spec.training.model_copy(update={"seed": seed})
    built = build(spec.model_copy(update={"training": plan}), backend=backend, limits=limits)
    own: Samples = np.ascontiguousarray(np.asarray(train.inputs)[~truth_of(train.labels, [name])])
    what = f"class {name} of {train.name}"
    x, held = split(own, plan.validation_split, what)
    tested = test.inputs
    if spec.input.scaling is not None:
        scaling = Scaling.fit(x, spec.input.scaling, spec.input.range or (0.0, 1.0), what)
        x, held, tested = (scaling.apply(each, plan.dtype) for each in (x, held, tested))
    check(built.model, x, plan, train.name)
    epochs = follow(built, plan, x, held)
    found = ranking(truth_of(test.labels, [name]), errors(built.model, tested))
    if found is None:
        raise AespecError(
            Diagnostic(
                DataShape,
                f"all test samples of {test.name} are of class {name}",
                wanted="test samples of several classes",
                got=counted(len(test.inputs)),
                help="give other test samples",
            )
        )
    seconds, loss = time.perf_counter() - start, epochs[-1].losses["total"]
    return Result(name, seed, len(own), found.auroc, found.error, found.average_precision, loss, seconds)


def spread(results: Sequence[Result]) -> dict[int, tuple[float, float]]:
    """For each seed the mean AUROC over the classes and its standard deviation, as the published tables have it.

    The deviation is that of these classes themselves, by their number n and not n - 1. It is NaN where there is one
    class.
    """
    import numpy as np

    by_seed: dict[int, list[float]] = {}
    for result in results:
        by_seed.setdefault(result.seed, []).append(result.auroc)
    return {
        seed: (float(np.mean(values)), float(np.std(values)) if len(values) > 1 else float("nan"))
        for seed, values in by_seed.items()
    }
