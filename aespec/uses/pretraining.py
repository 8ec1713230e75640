"""Unsupervised pretraining: whether an encoder that was trained without labels helps where there are few of them.

A classifier, the encoder with a head on its code, is trained three ways on the same labelled samples, for as long, with
the same optimizer, from the same first weights of the head and in the same order of samples: from scratch; with the
autoencoder's encoder, frozen; and with it, trained on. (Hinton and Salakhutdinov, 2006; Erhan et al., 2010)
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev
from typing import TYPE_CHECKING, Any, Literal

from aespec.apply import reconstructions
from aespec.data.labels import need_each
from aespec.data.pairs import Pairs
from aespec.data.streams import take
from aespec.diagnostics import AespecError, Diagnostic, missing
from aespec.initializers import parameter_stream
from aespec.passes import Limits, classify
from aespec.plan import TrainingPlan
from aespec.registry import find_backend
from aespec.rules import BuiltDiffers, DataShape, DataUnreadable, ShapeMismatch
from aespec.shapes import counted
from aespec.spec import Classifier, Spec
from aespec.training import fit, trainable
from aespec.weights import draw

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from aespec.backend import Backend, Model
    from aespec.data.streams import Samples

    Array = NDArray[np.floating[Any]]
    Precision = Literal["float32", "float64"]

__all__ = ["WAYS", "Comparison", "Labelled", "Outcome", "Summary", "choose", "summaries"]

WAYS = ("scratch", "frozen", "fine-tuned")
"""Where a classifier's encoder starts: at first weights; as the autoencoder's, and stays; as that, and is trained."""

STILL = 0.02
"""Nats a tenth of the epochs by which a loss falls that has not come to an end."""


@dataclass(frozen=True)
class Labelled:
    """Samples, and what each shows."""

    inputs: Samples
    labels: NDArray[Any]
    name: str
    """What messages call them."""


@dataclass(frozen=True)
class Outcome:
    """What one classifier came to."""

    labels: int
    """The number of labelled samples that it was trained on."""
    seed: int
    way: str
    accuracy: float
    """The share of the test samples whose class it finds."""
    loss: float
    """Its cross-entropy, with any penalties, on the labelled samples, meaned over the last epoch."""
    falling: float | None
    """By how much that still fell in the last tenth of the epochs, as a mean beside the tenth before, in nats; None of
    one epoch, which has none before."""
    seconds: float


@dataclass(frozen=True)
class Summary:
    """One way at one number of labels, over all seeds; a deviation is that of a sample (n - 1)."""

    labels: int
    way: str
    seeds: int
    accuracy: float
    """The mean."""
    deviation: float | None
    """None of one seed."""
    gain: float | None
    """By how much the accuracy is above that from scratch: the mean of the differences at each seed; None of scratch
    itself."""
    gain_deviation: float | None
    interval: tuple[float, float] | None
    """Where the mean difference lies at 95 % confidence, by Student's t: other seeds, the same autoencoder."""
    better: int | None
    """At how many seeds it is above scratch."""
    falling: float | None
    """The mean of `Outcome.falling`."""

    @property
    def unfinished(self) -> bool | None:
        """Whether its classifiers would learn more in more time, so that the budget decides; None of one epoch."""
        return None if self.falling is None else self.falling > STILL


class Comparison:
    """The three ways for one autoencoder, on one set of labelled samples."""

    def __init__(
        self,
        spec: Spec,
        weights: Mapping[str, Array],
        *,
        backend: str,
        dtype: Precision,
        training: Labelled,
        test: Labelled,
    ) -> None:
        """Build the classifiers.

        Args:
            spec: The autoencoder's spec; its ``classifier`` says what is built, and how it is trained.
            weights: The trained autoencoder's.
            backend: What builds and trains.
            dtype: Of the weights.
            training: What labelled samples are chosen from.
            test: What the accuracy is measured on.

        Raises:
            AespecError: The head does not fit, the encoder has no weights, the labels are no classes, or the backend
                cannot train.
        """
        import numpy as np

        self.dtype, self.training, self.test = dtype, training, test
        self.classes = _classes(training)
        _check_test(test, self.classes)
        self.how = spec.classifier or Classifier()
        self._targets = np.eye(len(self.classes), dtype=dtype)[np.searchsorted(self.classes, training.labels)]
        engine = find_backend(backend)
        self._free = self._built(engine, spec, ())
        self.encoder = {name: weights[name] for name in self._free.graph.params if name.startswith("encoder/")}
        """The weights that are transferred, by their canonical names."""
        if not self.encoder:
            raise AespecError(
                Diagnostic(
                    ShapeMismatch,
                    "the encoder has nothing that could be pretrained",
                    wanted="an encoder with weights",
                    got=", ".join(f"`{node.name}`" for node in self._free.graph.block("encoder")),
                    help="pretrain from a run whose encoder has a `dense` layer or another with weights",
                )
            )
        self._frozen = self._built(engine, spec, ("encoder",))

    def outcomes(self, counts: Sequence[int], seeds: Sequence[int]) -> Iterator[Outcome]:
        """Train and test every classifier: for each number of labels, for each seed, each way.

        Raises:
            AespecError: There are fewer labelled samples, or fewer labels than classes; or training went wrong.
        """
        for count in counts:
            self._enough(count)
        for count in counts:
            for seed in seeds:
                rows = choose(self.training.labels, count, seed)
                pairs = Pairs(take(self.training.inputs, rows), self._targets[rows])
                for way in WAYS:
                    yield self._outcome(way, pairs, seed)

    def _built(self, engine: Backend, spec: Spec, freeze: tuple[str, ...]) -> Model:
        graph = classify(spec, len(self.classes), self._plan(0, freeze), Limits(10**15, 10**15))
        return trainable(engine.build(graph, dtype=self.dtype))

    def _plan(self, seed: int, freeze: tuple[str, ...] = ()) -> TrainingPlan:
        how = self.how
        return TrainingPlan(
            optimizer=how.optimizer,
            schedule=how.schedule,
            epochs=how.epochs,
            batch_size=how.batch_size,
            validation_split=0.0,
            freeze=freeze,
            seed=seed,
            dtype=self.dtype,
        )

    def _outcome(self, way: str, pairs: Pairs, seed: int) -> Outcome:
        start = time.perf_counter()
        model = self._frozen if way == "frozen" else self._free
        first = draw(model.graph, seed, self.dtype)
        model.load_weights(first if way == "scratch" else {**first, **self.encoder})
        if way != "scratch":
            self._check_transfer(model, "was given")
        epochs = fit(model, pairs, self._plan(seed))
        if way == "frozen":
            self._check_transfer(model, "has after training, frozen,")
        accuracy = self._accuracy(model)
        losses = [epoch.losses["total"] for epoch in epochs]
        return Outcome(len(pairs), seed, way, accuracy, losses[-1], _falling(losses), time.perf_counter() - start)

    def _accuracy(self, model: Model) -> float:
        found = self.classes[reconstructions(model, self.test.inputs).argmax(axis=1)]
        return float((found == self.test.labels).mean())

    def _check_transfer(self, model: Model, when: str) -> None:
        """Refuse a classifier whose encoder is not the autoencoder's, bit for bit."""
        own = model.weights()
        for name, value in self.encoder.items():
            if own[name].dtype != value.dtype or own[name].tobytes() != value.tobytes():
                raise AespecError(
                    Diagnostic(
                        BuiltDiffers,
                        f"the classifier {when} other weights than the autoencoder's at `{name}`",
                        wanted="the same bits",
                        got="others",
                        help="the fault is the backend's: report it, with the spec",
                    )
                )

    def _enough(self, count: int) -> None:
        samples = len(self.training.labels)
        if count > samples:
            raise AespecError(
                Diagnostic(
                    DataShape,
                    f"{self.training.name} has fewer labelled samples than that",
                    wanted=f"{counted(count, 'labelled sample')}",
                    got=f"{samples:,}",
                    help=f"ask for {samples:,} or less with `--labels`, or give other data",
                )
            )
        if count < len(self.classes):
            raise AespecError(
                Diagnostic(
                    DataShape,
                    f"{counted(count, 'label')} cannot show {len(self.classes):,} classes",
                    wanted="a label of each class, or more",
                    got=f"{count:,}",
                    help=f"ask for {len(self.classes):,} or more with `--labels`",
                )
            )


def choose(labels: NDArray[Any], count: int, seed: int) -> NDArray[np.int64]:
    """Which samples are labelled: so many, drawn from all classes equally, as far as a class has them.

    Of the same seed fewer are the first of more.
    """
    import numpy as np

    shuffled = parameter_stream(seed, "labels").permutation(len(labels))
    turn = np.empty(len(labels), np.int64)
    for each in np.unique(labels):
        of_class = np.flatnonzero(labels[shuffled] == each)
        turn[of_class] = np.arange(len(of_class))
    chosen: NDArray[np.int64] = shuffled[np.argsort(turn, kind="stable")[:count]]
    return chosen


def summaries(outcomes: Sequence[Outcome]) -> list[Summary]:
    """What the outcomes of all seeds come to, for each number of labels and each way, in the order in which they came.

    Raises:
        AespecError: SciPy, which has Student's t, is not installed.
    """
    by_seed = {(each.labels, each.way, each.seed): each.accuracy for each in outcomes}
    found = []
    for labels, way in dict.fromkeys((each.labels, each.way) for each in outcomes):
        own = {seed: accuracy for (n, of, seed), accuracy in by_seed.items() if (n, of) == (labels, way)}
        accuracy, deviation = _spread([*own.values()])
        gain = gain_deviation = interval = better = None
        if way != WAYS[0]:
            gains = [accuracy - by_seed[labels, WAYS[0], seed] for seed, accuracy in own.items()]
            gain, gain_deviation = _spread(gains)
            better = sum(each > 0 for each in gains)
            if gain_deviation is not None:
                half = _t(len(gains) - 1) * gain_deviation / len(gains) ** 0.5
                interval = gain - half, gain + half
        of_way = (each.falling for each in outcomes if (each.labels, each.way) == (labels, way))
        fell = [each for each in of_way if each is not None]
        falling = fmean(fell) if fell else None
        found.append(
            Summary(labels, way, len(own), accuracy, deviation, gain, gain_deviation, interval, better, falling)
        )
    return found


def _falling(losses: Sequence[float]) -> float | None:
    """See `Outcome.falling`."""
    tenth = max(len(losses) // 10, 1)
    before = losses[-2 * tenth : -tenth]
    return fmean(before) - fmean(losses[-tenth:]) if before else None


def _spread(values: Sequence[float]) -> tuple[float, float | None]:
    return fmean(values), stdev(values) if len(values) > 1 else None


def _t(freedom: int) -> float:
    """What Student's t stays below in 97.5 % of cases."""
    try:
        from scipy.special import stdtrit
    except ImportError:
        raise missing("scipy", "data", "for confidence intervals") from None
    return float(stdtrit(freedom, 0.975))


def _classes(data: Labelled) -> NDArray[Any]:
    """The classes that labels name, in order.

    Raises:
        AespecError: There are fewer than two, or labels that are missing.
    """
    import numpy as np

    labels = data.labels
    need_each(labels, data.name)
    found = np.unique(labels)
    if len(found) < 2:
        raise AespecError(
            Diagnostic(
                DataUnreadable,
                f"the labels of {data.name} are all the same",
                wanted="two classes or more",
                got=f"{counted(len(labels))} of {', '.join(map(str, found)) or 'none'}",
                help="give data of several classes with `--data`",
            )
        )
    return found


def _check_test(test: Labelled, classes: NDArray[Any]) -> None:
    """Refuse test samples that no classifier of these classes could be right about.

    Raises:
        AespecError: There are none, a label is missing, or none of them is of these classes.
    """
    import numpy as np

    need_each(test.labels, test.name)
    if not np.isin(test.labels, classes).any():
        found = ", ".join(map(str, np.unique(test.labels)[:5]))
        raise AespecError(
            Diagnostic(
                DataUnreadable,
                f"{test.name} has nothing to test on",
                wanted=f"test samples of the classes {', '.join(map(str, classes[:5]))}{', ...' * (len(classes) > 5)}",
                got=f"{counted(len(test.labels))}{f' of other classes: {found}' if found else ''}",
                help="give more data, or data whose test labels are those of training",
            )
        )
