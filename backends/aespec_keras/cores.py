"""The cores of a CPU: a batch in parts, a core for each, where threads within each operation wait for one another more.

An operation of a convolutional model takes a tenth of a millisecond or some with a small batch. Shared by two threads
it takes little less; two that do not need one another's results, each on one core, take half. What XLA computes
between the products of a dense model has one thread, so that a core waits there too, but for a part of its own.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

from aespec import regularizers
from aespec.launchers import TF_CONFIG
from aespec.layers import Layer, conv, normalization, pool, recurrent
from aespec.process import THREADS, cores
from aespec.stages import stages
from aespec_keras.framework import tf

if TYPE_CHECKING:
    from aespec.graph import Graph
    from aespec.kind import Kind
    from aespec.plan import TrainingPlan

__all__ = ["MOST", "claim", "foreign", "parts", "per_sample", "slower"]

SLOWER = (conv.Conv1D, conv.Conv2D, conv.Conv1DTranspose, conv.Conv2DTranspose, pool.Pooling)
"""Layers that XLA computes slower than TensorFlow's own kernels do."""

OF_THE_BATCH = (normalization.BatchNormalization, regularizers.KLDivergence)
"""What looks at the samples of a batch together."""

MOST = 4
"""Cores up to which a batch is parted. Measured with two; each part is traced by itself."""

FOR_EACH_PARAMETER = 40
"""Multiply-adds of a batch for each parameter from which parts gain more than the sums of their gradients cost."""

SAMPLES, MULTIPLY_ADDS, PARAMETERS = 32, 300_000, 400_000
"""Samples and multiply-adds of a batch at least, and parameters at most, with which XLA gains by parts in float32."""


def claim(graph: Graph, plan: TrainingPlan) -> None:
    """Give each operation of TensorFlow one thread, where all of a plan can be trained in parts: `parts` looks at that.

    This is for a process that trains and does little else. Nothing is done once TensorFlow has begun, beside a GPU or
    other processes, or where the number of threads has been set.
    """
    threads = tf.config.threading
    if not _free() or not all(_separable(stage.graph, stage.plan) for stage in stages(graph, plan)):
        return
    with suppress(RuntimeError):  # it has begun
        threads.set_intra_op_parallelism_threads(1)
        threads.set_inter_op_parallelism_threads(cores())


def parts(graph: Graph, plan: TrainingPlan, compiled: bool) -> int:
    """In how many parts a batch is computed at once: as many as cores.

    Where XLA compiles the steps, it has to gain by that; else each operation has to have one thread.
    """
    if compiled:
        return cores() if _free() and _gaining(graph, plan) else 1
    threads = tf.config.threading
    if threads.get_intra_op_parallelism_threads() != 1 or not _separable(graph, plan):
        return 1
    count: int = threads.get_inter_op_parallelism_threads()
    return min(max(1, count), MOST)


def slower(graph: Graph) -> str | None:
    """A kind of layer that XLA computes slower, if there is one."""
    return next((kind.kind for kind in graph.kinds() if isinstance(kind, SLOWER)), None)


def foreign(graph: Graph) -> str | None:
    """A kind of layer that is not aespec's own, if there is one."""
    return next((kind.kind for kind in graph.kinds() if isinstance(kind, Layer) and not _own(kind)), None)


def per_sample(graph: Graph) -> int:
    """Multiply-adds that the layers take for a sample, an estimate where lengths are unknown."""
    return sum(node.multiply_adds or node.count() * 28 for node in graph)


def _free() -> bool:
    """Whether there are some cores to share and no GPU, and nobody has said how many threads there are to be."""
    threads = tf.config.threading
    if threads.get_intra_op_parallelism_threads() or threads.get_inter_op_parallelism_threads():
        return False
    told = any(name in os.environ for name in (*THREADS, TF_CONFIG.variable))
    return 1 < cores() <= MOST and not told and not tf.config.list_physical_devices("GPU")


def _separable(graph: Graph, plan: TrainingPlan) -> bool:
    """Whether the gradients of a batch are the sum of its parts', and TensorFlow's own kernels gain by that."""
    much = per_sample(graph) * plan.batch_size >= FOR_EACH_PARAMETER * _parameters(graph)
    return slower(graph) is not None and plan.compile != "on" and _apart(graph) and much


def _gaining(graph: Graph, plan: TrainingPlan) -> bool:
    """Whether the gradients of a batch are the sum of its parts', and XLA gains by that."""
    gains = not any(isinstance(kind, (*SLOWER, recurrent.Recurrent)) for kind in graph.kinds()) and _apart(graph)
    enough = plan.batch_size >= SAMPLES and per_sample(graph) * plan.batch_size >= MULTIPLY_ADDS
    return gains and enough and _parameters(graph) <= PARAMETERS and plan.dtype == "float32"


def _apart(graph: Graph) -> bool:
    """Whether no sample has a part in another's loss."""
    return all(not isinstance(kind, OF_THE_BATCH) and _own(kind) for kind in graph.kinds())


def _parameters(graph: Graph) -> int:
    """How many trainable parameters there are."""
    return sum(node.count(trainable=True) for node in graph)


def _own(kind: Kind) -> bool:
    """Whether a kind is aespec's: what one of another package looks at is not known."""
    return kind.__module__.startswith("aespec.")
