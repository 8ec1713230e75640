"""The contract between the compiler and what builds models: backends, their lowerings, the models they give."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, runtime_checkable

from aespec.diagnostics import AespecError, Diagnostic
from aespec.graph import Graph
from aespec.kind import Kind
from aespec.rules import UnsupportedKind

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from aespec.spec import TrainingPlan

    Array = NDArray[np.floating[Any]]

__all__ = ["Backend", "Lowerings", "Model", "Trainable", "Trainer"]

F = TypeVar("F", bound=Callable[..., Any])


class Lowerings:
    """What a backend makes of each kind: a table from kinds to functions, filled by decoration.

    ``@lowerings(Dense)`` adds the function below it. Layers, activations, losses, regularizers and optimizers
    share the table, since their classes are their keys. ``kind in lowerings`` is the support matrix.
    """

    def __init__(self, backend: str) -> None:
        self.backend = backend
        self._table: dict[str, Callable[..., Any]] = {}

    def __call__(self, *kinds: type[Kind]) -> Callable[[F], F]:
        """Decorate the function that lowers these kinds."""

        def add(function: F) -> F:
            for kind in kinds:
                self.add(f"{kind.family}:{kind.kind}", function)
            return function

        return add

    def add(self, key: str, function: Callable[..., Any]) -> None:
        """Add a lowering that comes from elsewhere, under ``kind`` (a layer's) or ``family:kind``."""
        self._table[key if ":" in key else f"layer:{key}"] = function

    def __contains__(self, kind: object) -> bool:
        if isinstance(kind, str):
            return (kind if ":" in kind else f"layer:{kind}") in self._table
        return isinstance(kind, type) and issubclass(kind, Kind) and f"{kind.family}:{kind.kind}" in self._table

    def __iter__(self) -> Iterator[str]:
        return iter(self._table)

    def __getitem__(self, kind: Kind) -> Callable[..., Any]:
        """The function for a kind.

        Raises:
            AespecError: The backend has none.
        """
        self.require([kind])
        return self._table[f"{kind.family}:{kind.kind}"]

    def require(self, kinds: Iterable[Kind]) -> None:
        """Refuse kinds that have no lowering, all at once; `Graph.kinds` gives those of a model.

        Raises:
            AespecError: The backend has none for some of them.
        """
        missing = dict.fromkeys((kind.family, kind.kind) for kind in kinds if type(kind) not in self)
        if missing:
            raise AespecError(
                *(
                    Diagnostic(
                        UnsupportedKind,
                        f"the backend `{self.backend}` does not support the {family} `{kind}`",
                        wanted=f"a lowering of `{kind}` for `{self.backend}`",
                        got="none",
                        help="use another backend, or add a lowering: see CONTRIBUTING.md",
                    )
                    for family, kind in missing
                )
            )


@runtime_checkable
class Model(Protocol):
    """A built model. Arrays are NumPy's, with the batch axis first and otherwise of the shapes of the graph."""

    graph: Graph
    native: Any
    """What the framework's users know: a `keras.Model`, a `torch.nn.Module`, with ``.encoder`` and ``.decoder``."""

    def trace(self, x: Array) -> dict[str, Array]:
        """Every node's value by name, as outside training (no noise, running averages)."""

    def reconstruct(self, x: Array) -> Array:
        """The reconstruction of a batch."""

    def encode(self, x: Array) -> Array:
        """The code of a batch."""

    def decode(self, code: Array) -> Array:
        """The reconstruction from a code."""

    def weights(self) -> dict[str, Array]:
        """Every stored parameter by its canonical name, in the canonical layout."""

    def load_weights(self, weights: Mapping[str, Array]) -> None:
        """Set every parameter; names and shapes have been checked by `aespec.weights.check`."""

    def losses(self, x: Array, *, training: bool = False) -> dict[str, float]:
        """Each term of the loss by name, the reconstruction's under its kind, and their sum as ``total``."""


@runtime_checkable
class Trainable(Model, Protocol):
    """A model that can be trained."""

    def gradients(self, x: Array, *, training: bool = False) -> dict[str, Array]:
        """The gradient of the total loss by each trainable parameter, in the canonical layout."""

    def trainer(self, plan: TrainingPlan) -> Trainer:
        """The model with an optimizer, ready for its first step."""


class Trainer(Protocol):
    """A model in training."""

    def epoch(
        self, x: Array, order: NDArray[np.int64], batch_size: int, tick: Callable[[int], None]
    ) -> dict[str, float]:
        """Train once over the samples ``x[order]`` in batches, the last one short if it must be.

        Returns each term of the loss and ``total``, meaned over the samples as they were trained on.
        ``tick`` is called with the number of samples done, now and then.
        """

    def evaluate(self, x: Array, batch_size: int) -> dict[str, float]:
        """Each term of the loss and ``total`` outside training, meaned over the samples."""


class Backend(Protocol):
    """Builds models of one framework."""

    name: str
    lowerings: Lowerings
    known_gaps: Mapping[str, str]
    """Conformance cases that are known not to pass, and why; one that passes is a failure."""

    def build(self, graph: Graph, *, seed: int = 0, dtype: str = "float32") -> Model:
        """The model of a graph, with the initial weights that the core draws from the seed.

        Raises:
            AespecError: A kind has no lowering.
        """

    def save(self, model: Model, folder: Any) -> list[str]:
        """Write the framework's own saved model into a folder; the names of the files."""

    def versions(self) -> dict[str, str]:
        """The versions of the packages that decide what the backend does."""
