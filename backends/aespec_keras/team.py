"""Replicas that train one model together, each its share of every batch: in several processes, or on several devices.

Processes are those of the cluster in ``TF_CONFIG``, with a ``MultiWorkerMirroredStrategy``; devices are this process's
GPUs, with a ``MirroredStrategy``. See https://www.tensorflow.org/guide/distributed_training.

Losses are means over the samples of a batch. The mean over all of it is the sum of the replicas' means, each times its
share of the samples; so are its gradients, and, with `mean_of_all`, the moments of batch normalization and the mean
activation that a penalty looks at.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from typing import TYPE_CHECKING, Any

import numpy as np

from aespec.backend import LOOK, Team, finite, uncompiled
from aespec.launchers import TF_CONFIG, started_by
from aespec_keras.framework import keras, tf
from aespec_keras.mixed import layers_in
from aespec_keras.shares import mean_of_all, share, shared, sum_of_all
from aespec_keras.training import KerasTrainer

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from aespec.backend import Array, Rates, Tick
    from aespec.noise import Noise
    from aespec.plan import TrainingPlan
    from aespec_keras.model import KerasModel

__all__ = ["TeamTrainer", "exchange", "replicas", "strategy", "team"]

Tensor = Any


@cache
def strategy() -> Any:
    """What models are built and trained under: TensorFlow's default strategy where there is nobody to share with.

    Raises:
        AespecError: Processes were started in a way that TensorFlow does not take.
    """
    if started_by(TF_CONFIG, "keras") > 1:
        return tf.distribute.MultiWorkerMirroredStrategy()
    devices = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
    if len(devices) > 1:
        return tf.distribute.MirroredStrategy([device.name for device in devices])
    return tf.distribute.get_strategy()


def replicas() -> int:
    """How many replicas share a batch."""
    count: int = strategy().num_replicas_in_sync
    return count


def team() -> Team:
    """Which of how many processes this is."""
    resolver = getattr(strategy(), "cluster_resolver", None)
    if resolver is None:
        return Team()
    return Team(int(resolver.task_id), len(resolver.cluster_spec().as_dict()["worker"]))


def exchange(numbers: Sequence[float]) -> Array:
    """What each process of the team gave here, a row for each."""
    here = team()
    rows = np.zeros((here.size, len(numbers)))
    rows[here.rank] = numbers
    own = replicas() // here.size  # each of a process's replicas gives the same
    (summed,) = strategy().run(lambda: sum_of_all([tf.constant(rows / own)]))
    found: Array = np.rint(strategy().experimental_local_results(summed)[0].numpy())
    return found


def lost(error: Exception) -> bool:
    """Whether an error means that another process is gone."""
    alone = (tf.errors.UnavailableError, tf.errors.AbortedError, tf.errors.DeadlineExceededError)
    return isinstance(error, alone) or (isinstance(error, tf.errors.OpError) and "Collective ops is" in str(error))


class TeamTrainer(KerasTrainer):
    """A trainer of which each replica does its share of each batch."""

    def __init__(self, model: KerasModel, plan: TrainingPlan, samples: int) -> None:
        with strategy().scope():
            super().__init__(model, plan, samples)
        self.team = team()
        self._cores = 1  # its replicas have the parts
        places = f"{self.team.size} processes" if self.team.size > 1 else "one process"
        self.note = f"steps shared by {replicas()} replicas in {places}{uncompiled(plan)}"
        # The gradients have been summed when they come to the optimizer, since it clips them first.
        self._optimizer._all_reduce_sum_gradients = lambda pairs: pairs
        for layer in layers_in(model.native):
            if isinstance(layer, keras.layers.BatchNormalization):
                layer._moments = partial(_moments, layer)
        self._traced: dict[int, Any] = {}
        """By the samples of a batch: all processes must trace at the same steps, whatever their parts are."""

    def steps(
        self,
        x: Array,
        order: NDArray[np.int64],
        batch_size: int,
        rates: Rates,
        noise: Noise,
        tick: Tick,
        targets: Array | None = None,
    ) -> dict[str, Array]:
        """See `aespec.backend.Trainer.steps`."""
        names, batches = self._model.graph.loss_names, np.split(order, range(batch_size, len(order), batch_size))
        sizes = [len(rows) for rows in batches]
        seeds = self._seeds(noise, self.team.rank)
        draws = noise.draws(self._model.graph, x.shape[1:], sizes, self._model.dtype) if noise.shared else None
        found: list[Array] = []
        waiting: list[Tensor] = []
        for step, rows in enumerate(batches, start=1):
            given = next(draws) if draws is not None else {}
            batch = [np.asarray(values[rows], self._model.dtype) for values in (x, targets) if values is not None]
            parts = self._parts(batch, given)
            if len(rows) not in self._traced:
                self._traced[len(rows)] = tf.function(self._on_all, autograph=False)
            waiting.append(self._traced[len(rows)](*parts, seeds, *map(tf.constant, (step, rates[step - 1]))))
            if step == len(batches) or step % LOOK == 0:
                found.append(np.stack([losses.numpy() for losses in waiting]))
                if not np.isfinite(found[-1][:, -1]).all():
                    break
                tick(sum(sizes[:step]), dict(zip(names, found[-1][-1].tolist(), strict=True)))
                waiting = []
        return dict(zip(names, finite(np.concatenate(found)).T, strict=True))

    def _parts(self, batch: list[Array], draws: Mapping[str, Array]) -> tuple[Any, Any, Any]:
        """What each of this process's replicas is given: its part of a batch and of the draws, and its share."""
        everywhere = replicas()
        here = everywhere // self.team.size

        def spread(part: Callable[[slice], Any]) -> Any:
            def own(context: Any) -> Tensor:
                which = self.team.rank + self.team.size * (context.replica_id_in_sync_group % here)
                return tf.constant(part(slice(which, None, everywhere)))

            return strategy().experimental_distribute_values_from_function(own)

        def some(values: Array) -> Callable[[slice], Array]:
            # A replica without a sample of a short batch does one that counts for nothing: TensorFlow's convolutions
            # fail on none.
            return lambda rows: values[rows] if len(values[rows]) else values[:1]

        parts = [spread(some(values)) for values in batch]
        noises = {name: spread(some(draw)) for name, draw in draws.items()}
        x = batch[0]
        shares = spread(lambda rows: np.asarray(len(x[rows]) / len(x), x.dtype))
        return parts, noises, shares

    def _on_all(self, batch: Any, draws: Any, part: Any, seeds: Any, step: Tensor, rate: Tensor) -> Tensor:
        """One step; each term of the loss, of the whole batch."""
        losses = strategy().run(self._on_one, (batch, draws, part, seeds, step, rate))
        return strategy().experimental_local_results(losses)[0]

    def _on_one(self, batch: list[Tensor], draws: Any, part: Tensor, seeds: Any, step: Tensor, rate: Tensor) -> Tensor:
        if self._plan.randomness != "shared":
            which = tf.distribute.get_replica_context().replica_id_in_sync_group
            draws = self._drawn(batch[0], {name: seed + which for name, seed in seeds.items()}, step)
        with shared(part):
            return self._train(batch, rate, draws)

    def _differentiate(
        self, batch: list[Tensor], draws: Mapping[str, Tensor]
    ) -> tuple[dict[str, Tensor], list[Tensor]]:
        targets = batch[1] if len(batch) > 1 else None
        found, gradients = self._model.differentiate(batch[0], True, draws, targets, share())
        return {name: mean_of_all(term) for name, term in found.items()}, sum_of_all(gradients)


def _moments(layer: Any, x: Tensor, mask: None) -> tuple[Tensor, Tensor]:
    """The mean and the variance of each channel over the whole batch, where Keras's count all samples alike."""
    axes = layer._reduction_axes
    mean = mean_of_all(tf.reduce_mean(x, axes))
    return mean, mean_of_all(tf.reduce_mean(tf.square(x - mean), axes))
