"""The table of the code of each kind, filled by the modules beside this one."""

from aespec.backend import Lowerings

__all__ = ["cells"]

cells = Lowerings("keras")
