"""The table that the modules of this package fill: kind -> lowering."""

from __future__ import annotations

from aespec.backend import Lowerings

__all__ = ["lowerings"]

lowerings = Lowerings("keras")
