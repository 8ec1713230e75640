"""The training loop: what is the same on every backend. A `Trainer` does the steps."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from math import isfinite
from typing import TYPE_CHECKING, Any

from aespec.backend import Model, Trainable
from aespec.diagnostics import AespecError, Diagnostic
from aespec.graph import Graph
from aespec.initializers import parameter_stream
from aespec.rules import DataRange, DataShape, LossNotFinite, ShapeMismatch, UnsupportedKind
from aespec.shapes import show_shape
from aespec.spec import TrainingPlan

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.floating[Any]]

__all__ = ["Epoch", "batch_order", "check", "counted", "fit", "fits", "split", "trainable"]


@dataclass(frozen=True)
class Epoch:
    """What one epoch came to."""

    number: int
    """Counted from 1."""
    losses: dict[str, float]
    """Each term and ``total``, meaned over the training samples as they were trained on."""
    validation: dict[str, float]
    """The same after the epoch, on the validation samples; empty where there are none."""
    seconds: float
    """Time of the epoch, its validation included."""


def batch_order(seed: int, epoch: int, samples: int) -> NDArray[np.int64]:
    """The order in which an epoch (counted from 1) takes the training samples, on every backend."""
    return parameter_stream(seed, f"order/{epoch}").permutation(samples)


def counted(n: int, what: str = "sample") -> str:
    """A number of things, in words.

    >>> counted(1), counted(1797)
    ('1 sample', '1,797 samples')
    """
    return f"{n:,} {what}{'s' * (n != 1)}"


def split(x: Array, fraction: float, name: str = "the data") -> tuple[Array, Array]:
    """Training and validation samples: the last ones, that fraction of them, are for validation.

    Messages call the samples by the name.

    Raises:
        AespecError: Nothing would be left to train on.
    """
    held = round(len(x) * fraction)
    if held >= len(x):
        raise AespecError(
            Diagnostic(
                DataShape,
                "validation takes every sample",
                wanted="at least one sample to train on",
                got=f"{counted(len(x))} in {name}, of which `validation_split: {fraction}` keeps {held}",
                help="give more data or a smaller `validation_split`",
            )
        )
    return x[: len(x) - held], x[len(x) - held :]


def trainable(model: Model) -> Trainable:
    """Refuse a model that cannot be trained, on whatever data.

    Raises:
        AespecError: The backend cannot train, or there is nothing to train.
    """
    if not isinstance(model, Trainable):
        raise AespecError(
            Diagnostic(
                UnsupportedKind,
                "this backend's models cannot be trained",
                wanted="a backend that trains",
                got="one that computes forward only",
                help="use `--backend torch` or `--backend keras`",
            )
        )
    if not any(param.trainable for param in model.graph.params.values()):
        raise AespecError(
            Diagnostic(
                ShapeMismatch,
                "the model has nothing to train",
                wanted="at least one trained parameter",
                got="layers without weights",
                help="add a `dense` layer or another with weights",
            )
        )
    return model


def check(model: Model, x: Array, plan: TrainingPlan, name: str = "the data") -> Trainable:
    """Refuse what cannot be trained, before anything is changed. Messages call the samples by the name.

    Raises:
        AespecError: The backend cannot train, there is nothing to train, or the samples do not fit.
    """
    found = trainable(model)
    fits(model.graph, x, name)
    split(x, plan.validation_split, name)
    return found


def fits(graph: Graph, x: Array, name: str = "the data") -> None:
    """Refuse samples that a model cannot restore. Messages call them by the name.

    Raises:
        AespecError: They have another shape, a length that does not come back, or a range that the loss cannot take.
    """
    shape, wanted = x.shape[1:], graph.sample_shape
    matches = len(wanted) == len(shape) and all(n in (None, m) for n, m in zip(wanted, shape, strict=True))
    if not matches or not graph.restores(shape):
        raise AespecError(
            Diagnostic(
                DataShape,
                "samples of this length do not come back with the same length"
                if matches
                else "the samples have not the shape of the model's input",
                wanted=f"(samples, {', '.join('any' if n is None else str(n) for n in wanted)})"
                + (f", such as samples of {show_shape(graph.example_shape or wanted)}" if matches else ""),
                got=f"{show_shape(x.shape)}, in {name}",
                help="load the data for this spec, or change `input` or the layers in the spec",
            )
        )
    low, high = (float(x.min()), float(x.max())) if x.size else (0.0, 1.0)
    if graph.loss.within_unit and (low < 0 or high > 1):
        raise AespecError(
            Diagnostic(
                DataRange,
                f"`{graph.loss.kind}` is for values from 0 to 1",
                wanted="values in [0, 1]",
                got=f"values from {low:.4g} to {high:.4g}, in {name}",
                help="state `range: [0, 1]` in `input` and scale the data to it, or use `loss: mse`",
            )
        )


def fit(
    model: Model,
    x: Array,
    plan: TrainingPlan,
    *,
    on_epoch: Callable[[Epoch], None] = lambda epoch: None,
    tick: Callable[[int, int], None] = lambda epoch, done: None,
) -> list[Epoch]:
    """Train a model to reconstruct samples.

    Args:
        model: A built model; its weights are where training starts, and are changed.
        x: The samples, of the shape of the model's input behind the batch axis.
        plan: How to train.
        on_epoch: Called after each epoch.
        tick: Called now and then with the epoch's number and the samples it has done.

    Raises:
        AespecError: The backend cannot train, no sample is left to train on, or the loss stopped being finite.
    """
    trainer = check(model, x, plan).trainer(plan)
    training, validation = split(x, plan.validation_split)
    epochs = []
    for number in range(1, plan.epochs + 1):
        start = time.perf_counter()
        order = batch_order(plan.seed, number, len(training))
        losses = trainer.epoch(training, order, plan.batch_size, lambda done, number=number: tick(number, done))  # type: ignore[misc]
        held = trainer.evaluate(validation, max(plan.batch_size, 256)) if len(validation) else {}
        epochs.append(Epoch(number, losses, held, time.perf_counter() - start))
        on_epoch(epochs[-1])
        after = held or trainer.evaluate(training[: plan.batch_size], plan.batch_size)
        for found in (losses, after):  # a step that goes too far shows in what comes after it
            if not isfinite(found["total"]):
                raise AespecError(_not_finite(number, found, plan))
    return epochs


def _not_finite(epoch: int, losses: dict[str, float], plan: TrainingPlan) -> Diagnostic:
    terms = ", ".join(f"{name} {value}" for name, value in losses.items() if not isfinite(value))
    rate = getattr(plan.optimizer, "learning_rate", None)
    return Diagnostic(
        LossNotFinite,
        f"the loss is no longer a number in epoch {epoch}",
        wanted="a finite loss",
        got=terms,
        help=f"use a smaller learning rate than {rate}, and look at the data for values that are too large",
    )
