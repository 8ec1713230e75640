"""Keras on TensorFlow, imported quietly: every other module of the package takes both from here.

Where the user has not said otherwise, Keras is told to run on TensorFlow, and TensorFlow to keep its log to itself.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

from aespec.diagnostics import AespecError, Diagnostic
from aespec.rules import BackendUnavailable

__all__ = ["keras", "tf"]


def _refuse_another_backend(name: str) -> None:
    if name != "tensorflow":
        raise AespecError(
            Diagnostic(
                BackendUnavailable,
                "Keras runs on a backend that aespec has no lowerings for",
                wanted="Keras on `tensorflow`",
                got=f"Keras on `{name}`",
                help="start Python with KERAS_BACKEND=tensorflow, or import aespec's backend before Keras",
            )
        )


@contextmanager
def _quiet() -> Iterator[None]:
    """Drop what is written to stderr below Python: TensorFlow's greeting comes before its log level counts."""
    try:
        kept = os.dup(2)
    except OSError:  # a process without stderr has nothing to keep quiet
        yield
        return
    sink = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(sink, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(sink)


if "keras" in sys.modules:
    _refuse_another_backend(sys.modules["keras"].config.backend())
_refuse_another_backend(os.environ.setdefault("KERAS_BACKEND", "tensorflow"))
_level = os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

with _quiet() if _level == "3" else nullcontext():
    import keras
    import tensorflow as tf

if _level == "3":
    tf.get_logger().setLevel("ERROR")
