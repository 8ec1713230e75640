"""Means over a batch of which this replica has a share; of a short one that may be none."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from aespec_keras.framework import tf

__all__ = ["mean_of_all", "share", "shared", "sum_of_all"]

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


def share() -> Tensor | float:
    """The part of each batch that this replica is given."""
    part = _share.get()
    return 1.0 if part is None else part


def mean_of_all(mean: Tensor) -> Tensor:
    """The mean over a whole batch, of the mean over this replica's share; differentiable."""
    part = _share.get()
    return mean if part is None else sum_of_all(mean * tf.cast(part, mean.dtype))


def sum_of_all(tensors: Any) -> Any:
    """Each tensor, summed over all replicas."""
    return tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, tensors)
