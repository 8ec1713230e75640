"""Means over a batch of which this replica has a share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from aespec_keras.framework import tf

__all__ = ["mean_of_all", "shared", "sum_of_all"]

Tensor = Any

_share: ContextVar[Tensor | None] = ContextVar("share", default=None)
"""Replicas are traced in threads of their own, by turns."""


@contextmanager
def shared(part: Tensor) -> Iterator[None]:
    """Batches are that part of what all replicas together are given, in whatever is traced here."""
    token = _share.set(part)
    try:
        yield
    finally:
        _share.reset(token)


def mean_of_all(mean: Tensor) -> Tensor:
    """The mean over a whole batch, of the mean over this replica's share; differentiable."""
    return mean if _share.get() is None else sum_of_all(mean)


def sum_of_all(tensors: Any) -> Any:
    """Each tensor times the share, summed over all replicas. A replica without samples adds nothing, NaN or not."""
    parts = tf.nest.map_structure(lambda x: tf.math.multiply_no_nan(x, tf.cast(_share.get(), x.dtype)), tensors)
    return tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, parts)
