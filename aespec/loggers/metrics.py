"""What loggers log: the metrics of an epoch, and facts by their names."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aespec.training import Epoch

__all__ = ["leaves", "metrics", "phase_of", "texts"]


def metrics(epoch: Epoch, samples: int | None) -> Iterator[tuple[str, float]]:
    """What an epoch came to.

    Args:
        epoch: The epoch.
        samples: All that are gone through in an epoch, those of the validation too, whose time it includes; where
            they are known.
    """
    yield from ((f"loss/{name}", value) for name, value in epoch.losses.items())
    yield from ((f"validation/{name}", value) for name, value in epoch.validation.items())
    if (rate := getattr(epoch, "learning_rate", None)) is not None:
        yield "learning_rate", rate
    yield "seconds", epoch.seconds
    if samples and epoch.seconds > 0:
        yield "images_per_second", samples / epoch.seconds


def phase_of(epoch: Epoch) -> str:
    """The phase of greedy training that an epoch belongs to; empty where the whole model is trained."""
    return getattr(epoch, "phase", "")


def leaves(data: Mapping[str, Any], mark: str = ".") -> Iterator[tuple[str, Any]]:
    """What nested mappings hold, each value by the way to it.

    >>> list(leaves({"optimizer": {"adam": {"amsgrad": False}}, "epochs": 5}))
    [('optimizer.adam.amsgrad', False), ('epochs', 5)]
    """
    for name, value in data.items():
        if isinstance(value, Mapping):
            yield from ((f"{name}{mark}{inner}", leaf) for inner, leaf in leaves(value, mark))
        else:
            yield name, value


def texts(data: Mapping[str, Any]) -> dict[str, str]:
    """The same as texts, as they stand in JSON, without quotes around a text.

    >>> texts({"backend": "torch", "versions": {"python": None}})
    {'backend': 'torch', 'versions.python': 'null'}
    """
    return {name: leaf if isinstance(leaf, str) else json.dumps(leaf, default=str) for name, leaf in leaves(data)}
