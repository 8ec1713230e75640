"""aespec compiles a declarative description of an autoencoder into a Keras, PyTorch or NumPy model.

spec = aespec.load("specs/stacked.yaml")
graph = aespec.compile(spec)
model = aespec.build(spec, backend="torch", seed=0)
trained = aespec.open_run("runs/stacked-torch").model()
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from aespec.building import build
    from aespec.diagnostics import AespecError
    from aespec.graph import Graph
    from aespec.passes import Limits, compile
    from aespec.run import Run, open_run
    from aespec.spec import Spec, load, parse
    from aespec.training import fit

__all__ = [
    "AespecError",
    "Graph",
    "Limits",
    "Run",
    "Spec",
    "__version__",
    "build",
    "compile",
    "fit",
    "load",
    "open_run",
    "parse",
]

_HOMES = {
    "AespecError": "aespec.diagnostics",
    "Graph": "aespec.graph",
    "Limits": "aespec.passes",
    "Run": "aespec.run",
    "Spec": "aespec.spec",
    "build": "aespec.building",
    "compile": "aespec.passes",
    "fit": "aespec.training",
    "load": "aespec.spec",
    "open_run": "aespec.run",
    "parse": "aespec.spec",
}


def __dir__() -> list[str]:
    """What is there, the public names that were not used yet included."""
    return sorted({*globals(), *__all__})


def __getattr__(name: str) -> Any:
    """Import the public names when first used: the command line starts faster without them."""
    if name not in _HOMES:
        raise AttributeError(f"module 'aespec' has no attribute '{name}'")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value
