"""Weights as data: drawn, checked, saved and read, under canonical names in the canonical layout."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aespec.diagnostics import AespecError, Diagnostic, nearest
from aespec.files import whole
from aespec.graph import Graph
from aespec.initializers import parameter_stream
from aespec.rules import RunUnreadable, WeightsMismatch
from aespec.shapes import Shape, show_shape

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.floating[Any]]

__all__ = ["about", "check", "draw", "read", "write"]


def draw(graph: Graph, seed: int, dtype: str = "float32") -> dict[str, Array]:
    """The first weights of a model: a stream of random numbers for each parameter, from the seed and its name."""
    return {
        name: param.initializer.draw(parameter_stream(seed, name), param.shape).astype(dtype)
        for name, param in graph.params.items()
    }


FEW = 3
"""Parameters that do not fit which are named one by one; more are those of another model."""


def check(graph: Graph, weights: Mapping[str, Array]) -> None:
    """Refuse weights that are not exactly the graph's parameters.

    Raises:
        AespecError: A parameter is missing, unknown or of another shape; each is named, unless they are many.
    """
    import numpy as np

    params = graph.params
    problems = []
    misfits = _misfits({name: param.shape for name, param in params.items()}, weights)
    if len(misfits) > FEW:
        name, (wanted, got) = next(iter(misfits.items()))
        raise AespecError(
            Diagnostic(
                WeightsMismatch,
                f"the weights are another model's: {len(misfits)} names or shapes differ",
                wanted=f"at `{name}`, the first of them, {wanted}",
                got=got,
                help="use the weights of a run of this very spec",
            )
        )
    for name, (wanted, got) in misfits.items():
        near = nearest(name, params) if name not in params else None
        problems.append(
            Diagnostic(
                WeightsMismatch,
                f"the weights do not fit the model at `{name}`",
                wanted=wanted,
                got=got,
                help=f"the model has `{near}`" if near else "use the weights of a run of this very spec",
            )
        )
    for name, value in weights.items():
        sound = np.issubdtype(value.dtype, np.floating) and bool(np.isfinite(value).all())
        if name in params and not sound:
            problems.append(
                Diagnostic(
                    WeightsMismatch,
                    f"the weights at `{name}` are no numbers to compute with",
                    wanted="finite floating-point numbers",
                    got=f"{value.dtype}" if not np.issubdtype(value.dtype, np.floating) else "NaN or infinite values",
                    help="use the weights of a run that ended well",
                )
            )
    if problems:
        raise AespecError(*problems)


def _misfits(shapes: Mapping[str, Shape], arrays: Mapping[str, Array]) -> dict[str, tuple[str, str]]:
    """The shape that is wanted and the one that is there, in words, of each name where the two differ."""
    wanted = {name: show_shape(shape) for name, shape in shapes.items()}
    got = {name: show_shape(array.shape) for name, array in arrays.items()}
    found = {name: (wanted.get(name, "nothing of that name"), got.get(name, "nothing")) for name in {**wanted, **got}}
    return {name: pair for name, pair in found.items() if pair[0] != pair[1]}


def write(path: Path, weights: Mapping[str, Array], about: dict[str, str] | None = None) -> None:
    """Write a safetensors file, whole or not at all, with what it says of itself."""
    import numpy as np
    from safetensors.numpy import save

    with whole(path) as temporary:
        temporary.write_bytes(save({name: np.ascontiguousarray(value) for name, value in weights.items()}, about))


def read(path: Path) -> dict[str, Array]:
    """Read a safetensors file.

    Raises:
        AespecError: It is missing or not a whole safetensors file.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        return load_file(path)
    except (OSError, SafetensorError, TypeError) as error:  # TypeError: a type that NumPy has not, such as bfloat16
        raise AespecError(
            Diagnostic(
                RunUnreadable,
                f"the weights {path} cannot be read",
                wanted="a safetensors file",
                got=str(error),
                help="train the run again, or restore the file",
            )
        ) from None


def about(path: Path) -> dict[str, str]:
    """The texts that a safetensors file which can be read has beside its tensors."""
    from safetensors import safe_open

    with safe_open(path, "numpy") as file:
        return file.metadata() or {}
