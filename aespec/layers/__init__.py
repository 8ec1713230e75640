"""The kinds of layers. Each is one class; a module dropped in here is found by itself."""

from aespec.layers.base import Example, Layer, Param, Weighted

__all__ = ["Example", "Layer", "Param", "Weighted"]
