"""The contract between the compiler and what builds models: backends, their lowerings, the models they give."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeVar, runtime_checkable

from aespec.diagnostics import AespecError, Diagnostic
from aespec.graph import Graph
from aespec.kind import Kind
from aespec.rules import UnsupportedKind

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from aespec.noise import Noise
    from aespec.plan import TrainingPlan

    Array = NDArray[np.floating[Any]]
    Rates = NDArray[np.float32]
    Tick = Callable[[int, Mapping[str, float]], None]
    """Told the number of samples done, and each term of the loss at the last step."""

__all__ = [
    "ALONE",
    "LOOK",
    "Backend",
    "Lowerings",
    "Model",
    "Team",
    "Trainable",
    "Trainer",
    "finite",
    "team_of",
    "uncompiled",
]

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

    def trace(self, x: Array, *, training: bool = False, draws: Mapping[str, Array] | None = None) -> dict[str, Array]:
        """Every node's value by name, outside training (no noise, running averages) or in it, as `losses` sees them."""

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

    def losses(
        self,
        x: Array,
        targets: Array | None = None,
        *,
        training: bool = False,
        draws: Mapping[str, Array] | None = None,
    ) -> dict[str, float]:
        """Each term of the loss by name, the output's under their kinds, and their sum as ``total``.

        The output is compared with the input, or with targets of the shape that `Graph.target` states. In training
        noise is drawn, or given as `aespec.noise.Noise.draws` gives it.
        """


@runtime_checkable
class Trainable(Model, Protocol):
    """A model that can be trained."""

    def gradients(
        self,
        x: Array,
        targets: Array | None = None,
        *,
        training: bool = False,
        draws: Mapping[str, Array] | None = None,
    ) -> dict[str, Array]:
        """The gradient of the total loss by each trainable parameter, in the canonical layout."""

    def trainer(self, plan: TrainingPlan, samples: int) -> Trainer:
        """The model with an optimizer, ready for its first step; an epoch has so many samples."""


class Trainer(Protocol):
    """A model in training."""

    note: str
    """How the steps are computed, in words: whether they are compiled, and why."""
    team: Team
    """The processes that share the steps. This one looks at no sample of a batch but its own."""

    def steps(
        self,
        x: Array,
        order: NDArray[np.int64],
        batch_size: int,
        rates: Rates,
        noise: Noise,
        tick: Tick,
        targets: Array | None = None,
    ) -> dict[str, Array]:
        """Take a step for each batch of the samples ``x[order]``, the last batch short if it must be.

        Args:
            x: Samples. The same array is given again and again, so what is made of it can be kept.
            order: Which samples, in the order in which they are taken.
            batch_size: Samples a step.
            rates: The learning rate of each step, in float32.
            noise: What random numbers depend on.
            tick: Called now and then.
            targets: What the outputs are compared with, one for each of ``x``, where not with ``x``. The same array is
                given again and again, too.

        Returns:
            Each term of the loss and ``total`` at each step, as the step saw it. Where a total is not finite, no step
            follows, and it is the last.
        """

    def evaluate(self, x: Array, batch_size: int, targets: Array | None = None) -> dict[str, float]:
        """Each term of the loss and ``total`` outside training, meaned over the samples; targets as in `steps`."""

    def state(self) -> dict[str, Array]:
        """A copy of what is kept from step to step, beside the weights, for a step that goes on from here.

        ``steps``, the number of steps taken; each of `Optimizer.numbers`; for each trained parameter each of
        `Optimizer.slots` as ``PARAMETER/SLOT`` in the canonical layout, and ``PARAMETER/average`` where the plan asks
        for an average.
        """

    def load_state(self, state: Mapping[str, Array]) -> None:
        """Go on from what `state` gave, on this backend or on another."""


def finite(losses: Array) -> Array:
    """The steps that count, of the losses at each, total last: those up to the first whose total is not finite."""
    import numpy as np

    wrong = np.flatnonzero(~np.isfinite(losses[:, -1]))
    return losses[: wrong[0] + 1] if len(wrong) else losses


class Team(NamedTuple):
    """Processes that train one model together, each its share of every batch."""

    rank: int = 0
    """Which of them this is: it computes on the samples ``rank::size`` of each batch. The first writes the run."""
    size: int = 1


ALONE = Team()
"""One process."""

LOOK = 50
"""Steps between two looks at the losses where several processes train: all of them look at once."""


class Backend(Protocol):
    """Builds models of one framework.

    One that can train in several processes has a method ``team() -> Team``, and trainers that share the work: they are
    given the same calls in all processes, and give the same losses. `aespec.launchers` knows how many
    processes there are. Its method ``lost(error) -> bool`` knows the errors that mean that another of them is gone, and
    ``exchange(numbers) -> Array`` gives the numbers of each process, a row for each, so that it can be told where they
    were given different things to train.

    One that can write its models as code has the method of `aespec.eject.Ejector`. One that trains faster where the
    whole process is set up for it has a method ``claim(graph, plan)``, which `train` and `oneclass` call before they
    build.
    """

    name: str
    lowerings: Lowerings
    known_gaps: Mapping[str, str]
    """Conformance cases that are known not to pass, and why; one that passes is a failure."""

    def build(self, graph: Graph, *, seed: int = 0, dtype: str = "float32") -> Model:
        """The model of a graph, with the initial weights that the core draws from the seed.

        Raises:
            AespecError: A kind has no lowering.
        """

    def save(self, model: Model, folder: Any, about: Mapping[str, Any]) -> list[str]:
        """Write the framework's own saved model into a folder; the names of the files.

        Args:
            model: A model of this backend.
            folder: Where the files go.
            about: What `aespec.brief.about` says of it; a file that has room for such keeps it.
        """

    def versions(self) -> dict[str, str]:
        """The versions of the packages that decide what the backend does."""


def uncompiled(plan: TrainingPlan) -> str:
    """What is said of steps that several processes share, where the plan wants them compiled: they never are."""
    return ", not compiled, though the plan says so" if plan.compile == "on" else ""


def team_of(backend: Backend) -> Team:
    """The processes that train with a backend, this one among them."""
    found: Team = getattr(backend, "team", Team)()
    return found
