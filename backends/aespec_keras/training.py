"""Training: an epoch as a few TensorFlow calls, each a loop over many steps."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np

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


class KerasTrainer:
    """See `aespec.backend.Trainer`."""

    def __init__(self, model: KerasModel, plan: TrainingPlan) -> None:
        self._model = model
        self._optimizer = lowerings[plan.optimizer](plan.optimizer)
        self._optimizer.build(list(model.trainable.values()))
        seed_noise(model.cells, plan.seed)
        shape = (None, *model.graph.input)
        self._steps = tf.function(self._loop).get_concrete_function(
            tf.TensorSpec(shape, model.dtype),
            tf.TensorSpec((None,), tf.int64),
            *(tf.TensorSpec((), tf.int64) for _ in range(3)),
        )

    def epoch(
        self, x: Array, order: NDArray[np.int64], batch_size: int, tick: Callable[[int], None]
    ) -> dict[str, float]:
        """Train once over ``x[order]``; each term of the loss, meaned over the samples as they were trained on."""
        samples, rows = tf.constant(x, self._model.dtype), tf.constant(order, tf.int64)
        steps, done, stride = -(-len(order) // batch_size), 0, 1
        totals = np.zeros(len(self._model.loss_names))
        while done < steps:
            began, last = perf_counter(), min(done + stride, steps)
            totals += self._steps(samples, rows, *map(tf.constant, np.int64([batch_size, done, last]))).numpy()
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

    def _loop(self, samples: Tensor, order: Tensor, batch_size: Tensor, first: Tensor, last: Tensor) -> Tensor:
        """Steps ``first`` to ``last`` of an epoch; the sum over their samples of each term of the loss."""
        totals = tf.zeros(len(self._model.loss_names), tf.float64)
        for step in tf.range(first, last):
            rows = order[step * batch_size : (step + 1) * batch_size]
            found = self._step(tf.gather(samples, rows))
            totals += tf.cast(found, tf.float64) * tf.cast(tf.size(rows), tf.float64)
        return totals

    @tf.autograph.experimental.do_not_convert
    def _step(self, batch: Tensor) -> Tensor:
        """One step on one batch; each term of the loss as the step saw it."""
        with keras.StatelessScope() as scope:
            found, gradients = self._model.differentiate(batch, training=True)
        for variable in self._model.native.non_trainable_variables:  # running averages, random streams
            if (value := scope.get_current_value(variable)) is not None:
                variable.assign(value)
        self._optimizer.apply(gradients, list(self._model.trainable.values()))
        return tf.stack([found[name] for name in self._model.loss_names])
