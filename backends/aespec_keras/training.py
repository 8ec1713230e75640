"""Training: an epoch as a few TensorFlow calls, each a loop over many steps."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np

from aespec.graph import Graph
from aespec.layers import Layer, conv, pool, recurrent
from aespec_keras.assemble import seed_noise
from aespec_keras.framework import keras, tf
from aespec_keras.table import lowerings

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from aespec.spec import TrainingPlan
    from aespec_keras.model import KerasModel

    Array = NDArray[np.floating[Any]]

__all__ = ["KerasTrainer"]

Tensor = Any

PAUSE = 0.1
"""About how long a TensorFlow call may last, in seconds, before progress is reported."""

WORTH_COMPILING = 2000
"""Steps of a whole training from which the seconds that XLA takes to compile one are won back."""


class KerasTrainer:
    """See `aespec.backend.Trainer`."""

    def __init__(self, model: KerasModel, plan: TrainingPlan) -> None:
        self._model, self._plan = model, plan
        self._optimizer = lowerings[plan.optimizer](plan.optimizer)
        self._optimizer.build(list(model.trainable.values()))
        self._loops: tuple[Any, Any] | None = None
        seed_noise(model.cells, plan.seed)

    def epoch(
        self, x: Array, order: NDArray[np.int64], batch_size: int, tick: Callable[[int], None]
    ) -> dict[str, float]:
        """Train once over ``x[order]``; each term of the loss, meaned over the samples as they were trained on."""
        full, steps = len(order) // batch_size, -(-len(order) // batch_size)
        self._loops = self._loops or self._trace(steps * self._plan.epochs, batch_size)
        samples, rows, size = tf.constant(x, self._model.dtype), tf.constant(order, tf.int64), _whole(batch_size)
        totals, done, stride = np.zeros(len(self._model.loss_names)), 0, 1
        while done < steps:
            loop, end = (self._loops[0], full) if done < full else (self._loops[1], steps)
            began, last = perf_counter(), min(done + stride, end)
            totals += loop(samples, rows, size, _whole(done), _whole(last)).numpy()
            done = last
            tick(min(done * batch_size, len(order)))
            stride = 2 * stride if perf_counter() - began < PAUSE / 2 else stride
        return dict(zip(self._model.loss_names, (totals / len(order)).tolist(), strict=True))

    def evaluate(self, x: Array, batch_size: int) -> dict[str, float]:
        """Each term of the loss outside training, meaned over the samples."""
        totals = dict.fromkeys(self._model.loss_names, 0.0)
        for start in range(0, len(x), batch_size):
            batch = x[start : start + batch_size]
            for name, value in self._model.losses(batch).items():
                totals[name] += value * len(batch)
        return {name: total / len(x) for name, total in totals.items()}

    def _trace(self, steps: int, batch_size: int) -> tuple[Any, Any]:
        """The loops over full batches and over a short one, the first compiled where so many steps are worth it."""
        plain = self._looped(tf.function(self._train, autograph=False))
        if steps < WORTH_COMPILING or not _gains_by_compiling(self._model.graph, batch_size):
            return plain, plain
        return self._looped(tf.function(self._train, autograph=False, jit_compile=True)), plain

    def _looped(self, train: Callable[[Tensor], Tensor]) -> Any:
        """Steps ``first`` to ``last`` of an epoch; gives the sum over their samples of each term of the loss."""

        def loop(samples: Tensor, order: Tensor, batch_size: Tensor, first: Tensor, last: Tensor) -> Tensor:
            totals = tf.zeros(len(self._model.loss_names), tf.float64)
            for step in tf.range(first, last):
                rows = order[step * batch_size : (step + 1) * batch_size]
                totals += tf.cast(train(tf.gather(samples, rows)), tf.float64) * tf.cast(tf.size(rows), tf.float64)
            return totals

        numbers = [tf.TensorSpec((), tf.int64)] * 3
        samples = tf.TensorSpec((None, *self._model.graph.input), self._model.dtype)
        return tf.function(loop).get_concrete_function(samples, tf.TensorSpec((None,), tf.int64), *numbers)

    def _train(self, batch: Tensor) -> Tensor:
        """One step on one batch; each term of the loss as the step saw it."""
        with keras.StatelessScope() as scope:
            found, gradients = self._model.differentiate(batch, training=True)
        for variable in self._model.native.non_trainable_variables:  # running averages, random streams
            if (value := scope.get_current_value(variable)) is not None:
                variable.assign(value)
        self._optimizer.apply(gradients, list(self._model.trainable.values()))
        return tf.stack([found[name] for name in self._model.loss_names])


def _gains_by_compiling(graph: Graph, batch_size: int) -> bool:
    """Whether XLA makes a step faster, as measured on a CPU, on layers of aespec's own.

    Recurrent layers gain 1.3 at batches of 32 and little at 256; dense ones 1.3 at 256, but take 1.2 times as long at
    32; convolutions become slower. Where noise is drawn, XLA would draw other noise.
    """
    layers = [kind for kind in graph.kinds() if isinstance(kind, Layer)]
    if graph.stochastic or tf.config.list_physical_devices("GPU"):
        return False
    if any(isinstance(layer, _SLOWER) or not layer.__module__.startswith("aespec.") for layer in layers):
        return False
    return batch_size >= 128 or any(isinstance(layer, recurrent.Recurrent) for layer in layers)


_SLOWER = (conv.Conv1D, conv.Conv2D, conv.Conv1DTranspose, conv.Conv2DTranspose, pool.Pooling)


def _whole(number: int) -> Tensor:
    return tf.constant(number, tf.int64)
