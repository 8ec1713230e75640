"""The table that the modules of this package fill: kind -> lowering."""

from __future__ import annotations

from aespec.backend import Lowerings

__all__ = ["in_training", "lowerings"]

lowerings = Lowerings("keras")

in_training = Lowerings("keras")
"""The layers that draw noise, as functions ``(layer, native, x, noise) -> y`` of a training step's input and the
numbers that `aespec.layers.Layer.draws` names, which stand for those that the native layer would draw."""
