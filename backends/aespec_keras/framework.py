"""Keras on TensorFlow, imported quietly: every other module of the package takes both from here.

Where the user has not said otherwise, Keras is told to run on TensorFlow, and TensorFlow to keep its log to itself.
"""

from __future__ import annotations

import os
import sys

from aespec.diagnostics import AespecError, Diagnostic
from aespec.lean import without
from aespec.quiet import quiet_tensorflow
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


if "keras" in sys.modules:
    _refuse_another_backend(sys.modules["keras"].config.backend())
_refuse_another_backend(os.environ.setdefault("KERAS_BACKEND", "tensorflow"))

# Keras has them for scikit-learn's interface, for pictures and for tables, and they take a third of its import.
with quiet_tensorflow() as _quiet, without("sklearn", "matplotlib", "pandas"):
    import keras
    import tensorflow as tf

if _quiet:
    tf.get_logger().setLevel("ERROR")
