"""From a spec to a model in one call."""

from __future__ import annotations

from os import PathLike

from aespec.backend import Model
from aespec.passes import Limits, compile
from aespec.registry import find_backend
from aespec.spec import Spec, load

__all__ = ["build"]


def build(
    spec: Spec | str | PathLike[str],
    *,
    backend: str = "torch",
    seed: int | None = None,
    dtype: str = "float32",
    limits: Limits | None = None,
) -> Model:
    """Compile a spec, or the file that has one, and build its model.

    Args:
        spec: The spec or its file.
        backend: The name of an installed backend.
        seed: Decides the initial weights; the spec's own seed where None.
        dtype: ``float32`` or ``float64``.
        limits: Sizes beyond which a model is refused.

    Raises:
        AespecError: The spec is wrong, the backend is missing, or it does not support a kind.
    """
    if not isinstance(spec, Spec):
        spec = load(spec)
    graph = compile(spec, limits)
    return find_backend(backend).build(graph, seed=spec.training.seed if seed is None else seed, dtype=dtype)
