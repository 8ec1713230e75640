"""Anomalies: samples that a model which was trained on normal ones restores badly.

A sample's score is its reconstruction error, of a variational model also how improbable it is under the model (An and
Cho, 2015). `aespec.uses.detection` has what follows from scores: thresholds, and how they compare with the truth.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Literal

from aespec.apply import need_samples
from aespec.data.series import Windows
from aespec.data.streams import ROWS, batches
from aespec.diagnostics import AespecError, Diagnostic
from aespec.losses import MeanSquaredError
from aespec.rules import DataShape, LossNotFinite, UnsupportedKind
from aespec.shapes import counted, show_shape
from aespec.uses.posterior import draw, latent, likelihood, moments, need_latent

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from aespec.backend import Model
    from aespec.data.streams import Samples
    from aespec.graph import Graph

    Array = NDArray[np.float64]
    Floats = NDArray[np.floating[Any]]

__all__ = [
    "PARTS",
    "By",
    "by_step",
    "errors",
    "errors_by_batch",
    "log_probability",
    "need_distribution",
    "part_names",
    "part_shape",
    "probable",
    "residual_scale",
    "squared_errors",
    "worst",
]

By = Literal["sample", "step", "feature", "pixel", "step,feature"]
"""What an error is given for: a whole sample, or each part of one."""

PARTS: dict[tuple[By, int], tuple[int, ...]] = {
    ("step", 2): (1,),
    ("feature", 1): (),
    ("feature", 2): (0,),
    ("feature", 3): (0, 1),
    ("pixel", 2): (),
    ("pixel", 3): (2,),
    ("step,feature", 2): (),
}
"""The axes of a sample that the error of a part is a mean over, by the part and the number of a sample's axes."""


def errors_by_batch(model: Model, x: Samples, by: By = "sample") -> Iterator[Array]:
    """The squared error of each sample, or of each of its parts, a batch at a time: see `errors`.

    Raises:
        AespecError: Samples have no such parts.
    """
    for batch in batches(x):
        yield squared_errors(batch, model.reconstruct(batch), by)


def squared_errors(x: Floats, restored: Floats, by: By = "sample") -> Array:
    """The squared error of each sample that was restored, or of each of its parts, in float64: see `errors`.

    Raises:
        AespecError: Samples have no such parts.
    """
    import numpy as np

    axes = tuple(axis + 1 for axis in _averaged(by, x.shape[1:]))
    squares: Array = np.square(x.astype(np.float64) - restored)
    return squares.mean(axis=axes) if axes else squares


def errors(model: Model, x: Samples, by: By = "sample") -> Array:
    """The squared error of each sample, or of each of its parts, in float64.

    Args:
        model: A trained model.
        x: Samples: (n, features), (n, steps, features) or (n, height, width[, channels]); other axes are named alike.
        by: ``sample`` for the mean over all of a sample, (n,). ``step`` for each step of a series, the mean over its
            features, (n, steps); ``feature`` for each feature, the mean over steps or pixels, (n, features); ``pixel``
            for each pixel, the mean over its channels, (n, height, width); ``step,feature`` for each feature at each
            step, (n, steps, features).

    Raises:
        AespecError: There are no samples, they have no such parts, or an error is not finite.
    """
    import numpy as np

    need_samples(x, "score")
    return _finite(np.concatenate([*errors_by_batch(model, x, by)]))


def _finite(scores: Array) -> Array:
    """Scores that can be compared.

    Raises:
        AespecError: Some are not finite.
    """
    import numpy as np

    wrong = ~np.isfinite(scores.reshape(len(scores), -1)).all(axis=1)
    if wrong.any():
        raise AespecError(
            Diagnostic(
                LossNotFinite,
                f"the model gives {counted(int(wrong.sum()))} no finite value",
                wanted="reconstructions that can be compared",
                got=f"NaN or infinity, first of sample {wrong.argmax()}, counted from 0",
                help="look there for values that are too large for the model",
            )
        )
    return scores


def _averaged(by: By, shape: Sequence[int]) -> tuple[int, ...]:
    if by == "sample":
        return tuple(range(len(shape)))
    axes = PARTS.get((by, len(shape)))
    if axes is None:
        fitting = [name for name, rank in PARTS if rank == len(shape)]
        raise AespecError(
            Diagnostic(
                DataShape,
                f"samples of shape {show_shape(tuple(shape))} have no errors by {by}",
                wanted=" or ".join(f"`--by {name}`" for name in fitting),
                got=f"`--by {by}`",
                help="a table has features, a series steps and features, an image pixels",
            )
        )
    return axes


def part_shape(by: By, shape: Sequence[int]) -> tuple[int, ...]:
    """How the errors of a sample's parts are arranged, as `errors` has them; of a whole sample ``()``.

    Args:
        by: As in `errors`.
        shape: Of a sample.

    Raises:
        AespecError: Samples have no such parts.
    """
    averaged = _averaged(by, shape)
    return tuple(n for axis, n in enumerate(shape) if axis not in averaged)


def part_names(by: By, shape: Sequence[int], columns: Sequence[str] | None = None) -> list[str]:
    """What the parts of a sample are called, in their order: ``pixel_3_5``, or a column's name.

    Args:
        by: As in `errors`.
        shape: In which the parts are arranged: see `part_shape`.
        columns: The names of the features, where they are known.
    """
    from itertools import product

    if "feature" in by:
        steps = ([f"step_{i}" for i in range(n)] for n in shape[:-1])
        return ["_".join(each) for each in product(*steps, columns or [f"feature_{i}" for i in range(shape[-1])])]
    return ["_".join([by, *map(str, index)]) for index in product(*map(range, shape))]


def residual_scale(model: Model, x: Samples, *, seed: int = 0) -> float:
    """The scale of what is left of samples when what a code of theirs becomes is taken off, over all their elements.

    It is the standard deviation around zero, or where the loss is the absolute error the mean absolute deviation: what
    a normal or a Laplace distribution of the residuals is fitted by. The codes are drawn, one of each sample's
    posterior, as those of `log_probability` are.

    Raises:
        AespecError: The code is a point, or the loss is that of no distribution.
    """
    import numpy as np

    need_distribution(model.graph)
    random, power = np.random.default_rng(seed), 2 if isinstance(model.graph.losses[0], MeanSquaredError) else 1
    total, count = 0.0, 0
    for batch in batches(x):
        residuals = np.abs(batch.astype(np.float64) - _from_posteriors(model, batch, 1, random)) ** power
        total, count = total + float(residuals.sum()), count + residuals.size
    return float((total / count) ** (1 / power))


def _from_posteriors(model: Model, x: Floats, draws: int, random: np.random.Generator) -> Array:
    """What the model makes of codes drawn from each sample's posterior, (n * draws, ...)."""
    import numpy as np

    mean, log_var = (np.repeat(each, draws, axis=0) for each in moments(model, x))
    return model.decode(draw(mean, log_var, random)).astype(np.float64)


def probable(graph: Graph) -> bool:
    """Whether samples have a reconstruction probability: the model is variational, its loss that of a distribution."""
    import numpy as np

    one = np.full((1, 1), 0.5)
    return latent(graph) is not None and likelihood(graph.losses, one, one) is not None


def need_distribution(graph: Graph) -> None:
    """Refuse a model whose samples have no reconstruction probability.

    Raises:
        AespecError: The code is a point, or the loss is that of no distribution.
    """
    need_latent(graph)
    if not probable(graph):
        kinds = [f"`{loss.kind}`" for loss in graph.losses]
        raise AespecError(
            Diagnostic(
                UnsupportedKind,
                f"no distribution goes with {'these losses together' if len(kinds) > 1 else f'the loss {kinds[0]}'}",
                wanted="`binary_crossentropy`, `categorical_crossentropy`, `mse` or `mae`, alone",
                got=" and ".join(kinds),
                help="score by the reconstruction error",
            )
        )


def log_probability(model: Model, x: Samples, scale: float | None = None, *, draws: int = 10, seed: int = 0) -> Array:
    """How probable each sample is where a variational model decodes its code: the mean of log p(x|z), in nats, (n,).

    The mean is over codes z that are drawn from the sample's posterior: an estimate of the expectation of log p(x|z),
    which An and Cho call the reconstruction probability (2015: "Variational autoencoder based anomaly detection using
    reconstruction probability"). p(x|z) is what the loss makes of it: see `aespec.uses.posterior.likelihood`. The draws
    are the same however many samples are computed at a time.

    Args:
        model: A variational model.
        x: Samples, (n, ...).
        scale: Of a normal or a Laplace distribution: `residual_scale` of training samples. Cross-entropies have none.
        draws: Codes for each sample.
        seed: Decides them.

    Raises:
        AespecError: The code is a point, the loss is that of no distribution, or a probability is not finite.
    """
    import numpy as np

    need_distribution(model.graph)
    random, losses, found = np.random.default_rng(seed), model.graph.losses, []
    for batch in batches(x, max(ROWS // draws, 1)):
        restored = _from_posteriors(model, batch, draws, random)
        given = likelihood(losses, np.repeat(batch, draws, axis=0).astype(np.float64), restored, scale)
        assert given is not None  # `need_distribution` has looked
        found.append(given.logarithms.reshape(-1, draws).mean(axis=1))
    return _finite(np.concatenate(found))


def by_step(errors: Array, starts: NDArray[np.integer[Any]], length: int) -> Array:
    """The error of each step of a series, the mean over all windows that cover it, (length, ...).

    Args:
        errors: Of each step of each window, (n, steps), or of each of its features too, (n, steps, features).
        starts: Where each window begins in the series, (n,).
        length: Of the series.

    Returns:
        NaN where no window covers a step.

    Raises:
        AespecError: A window begins before the series or ends behind it, or there is not one start for each.
    """
    import numpy as np

    n, steps = errors.shape[:2]
    if starts.shape != (n,) or (n and (starts.min() < 0 or starts.max() + steps > length)):
        ends = f" from {starts.min()} to {starts.max() + steps}" if starts.size else ""
        raise AespecError(
            Diagnostic(
                DataShape,
                "the windows do not lie in the series",
                wanted=f"{counted(n, 'window')} of {steps} steps, in a series of {length}",
                got=f"{counted(len(starts), 'window')}{ends}",
                help="give the start of each window, counted from 0",
            )
        )
    return Windows(starts.astype(np.int64), steps, length).together([errors], errors.shape[2:])


def worst(
    scores: Array, count: int, starts: NDArray[np.integer[Any]] | None = None, length: int = 0
) -> NDArray[np.int64]:
    """The indices of the highest scores, the highest first; of equal ones the first sample comes first.

    Args:
        scores: Of samples, (n,).
        count: How many.
        starts: Where each sample begins, if they are windows of a series: of those that overlap, one is given.
        length: Of a window.
    """
    import numpy as np

    order = np.argsort(-scores, kind="stable")
    if starts is None:
        return order[:count]
    chosen: list[int] = []
    for i in order:
        if len(chosen) == count:
            break
        if all(abs(int(starts[i]) - int(starts[j])) >= length for j in chosen):
            chosen.append(int(i))
    return np.array(chosen)
