"""The training loop: what is the same on every backend. A `Trainer` does the steps."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from math import ceil, isfinite
from typing import TYPE_CHECKING, Any, TypeVar

from aespec.backend import ALONE, Model, Team, Trainable, Trainer
from aespec.data.pairs import Pairs
from aespec.data.streams import Stream, batches, sharded, windows
from aespec.diagnosis import fault
from aespec.diagnostics import AespecError, Diagnostic
from aespec.graph import Graph
from aespec.initializers import parameter_stream
from aespec.noise import Noise
from aespec.plan import EarlyStopping, TrainingPlan
from aespec.rules import DataRange, DataShape, LossNotFinite, ShapeMismatch, UnsupportedKind
from aespec.shapes import counted, show_shape

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from aespec.backend import Tick
    from aespec.data.streams import Samples

    Array = NDArray[np.floating[Any]]
    Given = Samples | Pairs
    T = TypeVar("T", Samples, Pairs, Given, range)

__all__ = [
    "Epoch",
    "State",
    "batch_order",
    "best_epoch",
    "check",
    "fit",
    "fits",
    "kept_epoch",
    "rates",
    "split",
    "stops",
    "trainable",
]


@dataclass(frozen=True)
class Epoch:
    """What one epoch came to."""

    number: int
    """Counted from 1, in its phase."""
    losses: dict[str, float]
    """Each term and ``total``, meaned over the training samples as they were trained on."""
    validation: dict[str, float]
    """The same after the epoch, on the validation samples; empty where there are none."""
    seconds: float
    """Time of the epoch, its validation included."""
    learning_rate: float = 0.0
    """That of its last step."""
    phase: str = ""
    """The layer that a phase of greedy training is for; empty where the whole model is trained."""

    @property
    def monitored(self) -> float:
        """The loss that decides whether training gets better: of the validation samples, where there are any."""
        return (self.validation or self.losses)["total"]

    @property
    def row(self) -> dict[str, Any]:
        """Its row in a history: what it is, and each term, those of the validation samples behind ``val_``."""
        return {
            "phase": self.phase,
            "epoch": self.number,
            "seconds": self.seconds,
            "learning_rate": self.learning_rate,
            **self.losses,
            **{f"val_{name}": value for name, value in self.validation.items()},
        }


@dataclass(frozen=True)
class State:
    """What training goes on from after an epoch, on any backend."""

    epochs: tuple[Epoch, ...] = ()
    """The epochs that are over."""
    weights: Mapping[str, Array] = field(default_factory=dict)
    """The weights as the last step left them."""
    optimizer: Mapping[str, Array] = field(default_factory=dict)
    """What `Trainer.state` gives."""
    best: Mapping[str, Array] = field(default_factory=dict)
    """The weights of the best epoch, where the plan wants them back."""

    @property
    def averaged(self) -> dict[str, Array]:
        """The weights, each with its moving average in its place, where the plan asks for one."""
        return {name: self.optimizer.get(f"{name}/average", value) for name, value in self.weights.items()}

    @property
    def kept(self) -> Mapping[str, Array]:
        """The weights that the model has where training ends here."""
        return self.best or self.averaged

    def is_last(self, plan: TrainingPlan) -> bool:
        """Whether training by a plan ends here."""
        return len(self.epochs) >= plan.epochs or stops(self.epochs, plan.early_stopping)


def batch_order(seed: int, epoch: int, samples: int) -> NDArray[np.int64]:
    """The order in which an epoch (counted from 1) takes the training samples, on every backend."""
    return parameter_stream(seed, f"order/{epoch}").permutation(samples)


def rates(plan: TrainingPlan, epoch: int, samples: int, losses: Sequence[float] = ()) -> NDArray[np.float32]:
    """The learning rate at each step of an epoch (counted from 1), after epochs with these losses."""
    import numpy as np

    steps = ceil(samples / plan.batch_size)
    times = (epoch - 1) + np.arange(steps) / steps
    return (plan.optimizer.learning_rate * plan.schedule.factors(times, plan.epochs, losses)).astype(np.float32)


def split(x: T, fraction: float, name: str = "the data") -> tuple[T, T]:
    """Training and validation samples: the last ones, that fraction of them, are for validation.

    Messages call the samples by the name.

    Raises:
        AespecError: Nothing would be left to train on.
    """
    held = round(len(x) * fraction)
    if held >= len(x):
        raise AespecError(
            Diagnostic(
                DataShape,
                "validation takes every sample",
                wanted="at least one sample to train on",
                got=f"{counted(len(x))} in {name}, of which `validation_split: {fraction}` keeps {held}",
                help="give more data or a smaller `validation_split`",
            )
        )
    return x[: len(x) - held], x[len(x) - held :]


def trainable(model: Model) -> Trainable:
    """Refuse a model that cannot be trained, on whatever data.

    Raises:
        AespecError: The backend cannot train, or there is nothing to train.
    """
    if not isinstance(model, Trainable):
        raise AespecError(
            Diagnostic(
                UnsupportedKind,
                "this backend's models cannot be trained",
                wanted="a backend that trains",
                got="one that computes forward only",
                help="use `--backend torch` or `--backend keras`",
            )
        )
    if why := model.graph.untrained:
        raise AespecError(
            Diagnostic(
                ShapeMismatch,
                "the model has nothing to train",
                wanted="at least one trained parameter",
                got=why[0],
                help=why[1],
            )
        )
    return model


def check(model: Model, x: Given, plan: TrainingPlan, name: str = "the data") -> Trainable:
    """Refuse what cannot be trained, before anything is changed. Messages call the samples by the name.

    Raises:
        AespecError: The backend cannot train, there is nothing to train, or the samples do not fit.
    """
    found = trainable(model)
    fits(model.graph, x, name)
    split(x, plan.validation_split, name)
    return found


def fits(graph: Graph, x: Given, name: str = "the data") -> None:
    """Refuse samples that a model cannot restore, or targets that it cannot be compared with; a stream by its first.

    Messages call the samples by the name.

    Raises:
        AespecError: They have another shape, a length that does not come back, or a range that the loss cannot take.
    """
    compared = x.targets if isinstance(x, Pairs) else x
    x, compared = (each.read(0, 1) if isinstance(each, Stream) else each for each in (_inputs(x), compared))
    shape, wanted = x.shape[1:], graph.sample_shape
    matches = len(wanted) == len(shape) and all(n in (None, m) for n, m in zip(wanted, shape, strict=True))
    if not matches or not graph.restores(shape):
        raise AespecError(
            Diagnostic(
                DataShape,
                "samples of this length do not come back with the same length"
                if matches
                else "the samples have not the shape of the model's input",
                wanted=f"(samples, {', '.join('any' if n is None else str(n) for n in wanted)})"
                + (f", such as samples of {show_shape(graph.example_shape or wanted)}" if matches else ""),
                got=f"{show_shape(x.shape)}, in {name}",
                help="load the data for this spec, or change `input` or the layers in the spec",
            )
        )
    if graph.target is not None and compared.shape != (len(x), *graph.target):
        raise AespecError(
            Diagnostic(
                DataShape,
                "the targets have not the shape of the model's output",
                wanted=f"{show_shape((len(x), *graph.target))}, a target for each sample",
                got=f"{show_shape(compared.shape)}, in {name}",
                help="give each sample a target of that shape",
            )
        )
    low, high = (float(compared.min()), float(compared.max())) if compared.size else (0.0, 1.0)
    if (loss := graph.unit_loss) and (low < 0 or high > 1):
        raise AespecError(
            Diagnostic(
                DataRange,
                f"`{loss.kind}` is for values from 0 to 1",
                wanted="values in [0, 1]",
                got=f"values from {low:.4g} to {high:.4g}, in {name}",
                help="state `range: [0, 1]` in `input` and scale the data to it, or use `loss: mse`",
            )
        )


def fit(
    model: Model,
    x: Given,
    plan: TrainingPlan,
    *,
    validation: Given | None = None,
    begin: State | None = None,
    phase: str = "",
    on_epoch: Callable[[Epoch], None] = lambda epoch: None,
    tick: Callable[[int, int, Mapping[str, float]], None] = lambda epoch, done, losses: None,
    keep: Callable[[State], None] = lambda state: None,
    tell: Callable[[str], None] = lambda note: None,
) -> list[Epoch]:
    """Train a model to reconstruct samples, or to give their targets.

    Args:
        model: A built model. Its weights are where training starts; afterwards they are those of the last epoch, of
            the best one where the plan stops early, or their moving average.
        x: The samples, of the shape of the model's input behind the batch axis; a stream is gone over in windows. With
            targets of their own for a model that has a `Graph.target`.
        plan: How to train; its `greedy` is not looked at, and its `window` only where the samples stream.
        validation: Samples to measure on; by default the plan's split is taken off ``x``.
        begin: Where to go on, instead of at the beginning.
        phase: What the epochs are called.
        on_epoch: Called after each epoch.
        tick: Called when an epoch begins, and now and then, with its number, the samples it has done and the losses of
            the last step.
        keep: Called after each epoch, before `on_epoch`, with what training can go on from.
        tell: Called with how the backend goes about it, and with why it ended early, in words.

    Raises:
        AespecError: The backend cannot train, no sample is left to train on, or the loss stopped being finite.
    """
    found = check(model, x, plan)
    training, held = split(x, plan.validation_split) if validation is None else (x, validation)
    trainer = found.trainer(plan, len(training))
    tell(trainer.note)
    if isinstance(training, Stream) and trainer.team.size > 1:
        own = sharded(training, plan.window or len(training), plan.batch_size, trainer.team)
        tell("each process reads a shard of its own" if own else "each process reads all of the data")
    if begin is not None and begin.epochs:
        model.load_weights(begin.weights)
        trainer.load_state(begin.optimizer)
        state = begin
    else:
        state = State(weights=model.weights(), optimizer=trainer.state())
    while not state.is_last(plan):
        state = _epoch(model, trainer, training, held, plan, state, phase, tick, tell)
        keep(state)
        on_epoch(state.epochs[-1])
    model.load_weights(state.kept)
    if plan.early_stopping is not None and stops(state.epochs, plan.early_stopping):
        tell(_stopped(state.epochs, plan.early_stopping))
    return list(state.epochs)


def _epoch(
    model: Model,
    trainer: Trainer,
    training: Given,
    held: Given,
    plan: TrainingPlan,
    before: State,
    phase: str,
    tick: Callable[[int, int, Mapping[str, float]], None],
    tell: Callable[[str], None],
) -> State:
    """Where one more epoch leads.

    Raises:
        AespecError: The loss is not finite. The model then has the weights at which it is not.
    """
    start = time.perf_counter()
    number = len(before.epochs) + 1
    at_each = rates(plan, number, len(training), [epoch.monitored for epoch in before.epochs])
    tick(number, 0, {})
    here = f"epoch {number}{f' of the phase {phase}' if phase else ''}"
    steps = _Steps(trainer, training, plan, number, at_each)
    found = steps.take(len(at_each), partial(tick, number))
    if not isfinite(found["total"][-1]):
        tell(
            f"no finite loss at step {len(found['total']):,}: to see in which layer, the steps up to it are taken again"
        )
        raise AespecError(_gone_wrong(model, trainer, steps, found, before, here))
    after = replace(before, weights=model.weights(), optimizer=trainer.state())
    seen = held if len(held) else training[: plan.batch_size]
    with _weights(model, after.averaged if plan.ema is not None else {}):
        measured = _evaluated(trainer, seen, plan)
        if not isfinite(measured["total"]):  # the last step went too far, which shows in what comes after it
            where = fault(model, batches(_inputs(seen)), measured, training=False)
            when = f"after {here}{', on the validation samples' if len(held) else ''}"
            raise AespecError(_not_finite(when, measured, float(at_each[-1]), where))
    validation = measured if len(held) else {}
    seconds = time.perf_counter() - start
    rate = float(str(at_each[-1]))  # as short as float32 has it: 0.01, not 0.009999999776
    epoch = Epoch(number, steps.meaned(found), validation, seconds, rate, phase)
    epochs = (*before.epochs, epoch)
    return replace(after, epochs=epochs, best=after.averaged if _improves(epochs, plan.early_stopping) else before.best)


def _gone_wrong(
    model: Model, trainer: Trainer, steps: _Steps, found: Mapping[str, Array], before: State, epoch: str
) -> Diagnostic:
    """What is wrong with the last of the steps that were taken; the model gets the weights that it was taken at."""
    last = len(found["total"]) - 1
    model.load_weights(before.weights)
    trainer.load_state(before.optimizer)
    steps.take(last)
    losses = {name: float(values[last]) for name, values in found.items()}
    where = fault(model, [steps.batch(last)], losses, training=True)
    return _not_finite(f"at step {last + 1} of {epoch}", losses, float(steps.rates[last]), where)


@dataclass(frozen=True)
class _Steps:
    """The steps of one epoch, which can be taken again."""

    trainer: Trainer
    x: Given
    plan: TrainingPlan
    epoch: int
    """Counted from 1."""
    rates: NDArray[np.float32]
    """The learning rate at each."""

    def take(self, count: int, tick: Tick = lambda done, losses: None) -> dict[str, Array]:
        """Take so many, up to one whose total is not finite; each term of the loss at each."""
        import numpy as np

        found: list[dict[str, Array]] = []
        size, done = self.plan.batch_size, 0
        for span, (x, targets, order) in enumerate(self._spans(self.trainer.team)):
            steps = min(ceil(len(order) / size), count - done)
            if not steps:
                break
            noise = Noise(self.plan.seed, self.epoch, span, shared=self.plan.randomness == "shared")
            own, told = self.rates[done : done + steps], _after(done * size, tick)
            found.append(self.trainer.steps(x, order[: steps * size], size, own, noise, told, targets))
            done += steps
            if not isfinite(found[-1]["total"][-1]):
                break
        return {name: np.concatenate([each[name] for each in found]) for name in (found[0] if found else ())}

    def meaned(self, found: Mapping[str, Array]) -> dict[str, float]:
        """Each term of the loss at all steps, meaned over the samples."""
        import numpy as np

        sizes = np.full(len(self.rates), self.plan.batch_size)
        sizes[-1] = len(self.x) - self.plan.batch_size * (len(sizes) - 1)
        return {name: float(np.average(values.astype("float64"), weights=sizes)) for name, values in found.items()}

    def batch(self, step: int) -> Array:
        """The samples of a step, counted from 0."""
        at = step * self.plan.batch_size
        for x, _, order in self._spans(ALONE):
            if at < len(order):
                return x[order[at : at + self.plan.batch_size]]
            at -= len(order)
        raise IndexError(step)

    def _spans(self, team: Team) -> Iterator[tuple[Array, Array | None, NDArray[np.int64]]]:
        """Samples that are in memory together, their targets, and the order in which they are taken."""
        import numpy as np

        if isinstance(self.x, Stream):
            window = self.plan.window or len(self.x)
            for x in windows(self.x, window, self.plan.seed, self.epoch, self.plan.batch_size, team):
                yield x, None, np.arange(len(x))
        else:
            order = batch_order(self.plan.seed, self.epoch, len(self.x))
            x, targets = (self.x.inputs, self.x.targets) if isinstance(self.x, Pairs) else (self.x, None)
            yield x, targets, order


def _after(done: int, tick: Tick) -> Tick:
    """What tells of samples beyond so many that are done."""
    return lambda at, losses: tick(done + at, losses)


def _inputs(x: Given) -> Samples:
    return x.inputs if isinstance(x, Pairs) else x


def _evaluated(trainer: Trainer, x: Given, plan: TrainingPlan) -> dict[str, float]:
    """Each term of the loss outside training, meaned over samples."""
    import numpy as np

    batch_size = max(plan.batch_size, 256)
    if isinstance(x, Pairs):
        return trainer.evaluate(x.inputs, batch_size, x.targets)
    if not isinstance(x, Stream):
        return trainer.evaluate(x, batch_size)
    rows = max((plan.window or len(x)) // batch_size, 1) * batch_size
    found = [(trainer.evaluate(chunk, batch_size), len(chunk)) for chunk in x.chunks(rows)]
    weights = [size for _, size in found]
    return {name: float(np.average([each[name] for each, _ in found], weights=weights)) for name in found[0][0]}


@contextmanager
def _weights(model: Model, weights: Mapping[str, Array]) -> Iterator[None]:
    """The model with other weights; afterwards with its own again."""
    own = model.weights() if weights else {}
    if weights:
        model.load_weights(weights)
    try:
        yield
    finally:
        if weights:
            model.load_weights(own)


def best_epoch(losses: Sequence[float], stopping: EarlyStopping) -> int:
    """The number of the best epoch, counted from 1, by the losses that decide it; 0 before the first."""
    number, least = 0, float("inf")
    for i, loss in enumerate(losses, start=1):
        if loss < least - stopping.min_delta:
            number, least = i, loss
    return number


def kept_epoch(losses: Sequence[float], stopping: EarlyStopping | None) -> int:
    """The number of the epoch whose weights training ends with."""
    return best_epoch(losses, stopping) if stopping is not None and stopping.restore_best else len(losses)


def stops(epochs: Sequence[Epoch], stopping: EarlyStopping | None) -> bool:
    """Whether training ends early after these epochs."""
    losses = [epoch.monitored for epoch in epochs]
    return stopping is not None and len(epochs) - best_epoch(losses, stopping) >= stopping.patience


def _stopped(epochs: Sequence[Epoch], stopping: EarlyStopping) -> str:
    """Why training ended early, and what it ends with."""
    kept = epochs[kept_epoch([epoch.monitored for epoch in epochs], stopping) - 1]
    loss = f"{'validation' if kept.validation else 'loss'} {kept.monitored:.4g}"
    return f"stopped: no better loss for {counted(stopping.patience, 'epoch')}; kept epoch {kept.number}, {loss}"


def _improves(epochs: Sequence[Epoch], stopping: EarlyStopping | None) -> bool:
    """Whether the last of these epochs is the best so far, and the plan wants the best one's weights back."""
    losses = [epoch.monitored for epoch in epochs]
    return stopping is not None and stopping.restore_best and best_epoch(losses, stopping) == len(epochs)


def _not_finite(when: str, losses: Mapping[str, float], rate: float, where: str) -> Diagnostic:
    terms = ", ".join(f"{name} {value}" for name, value in losses.items() if not isfinite(value))
    return Diagnostic(
        LossNotFinite,
        f"the loss is no longer a number {when}",
        wanted="a finite loss",
        got=f"{terms}, at a learning rate of {rate:g}; {where}",
        help=f"use a smaller learning rate than {rate:g}, clip the gradients (`clip_norm: 1`), "
        "and look at the data for values that are too large",
    )
