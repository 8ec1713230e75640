"""Training: many steps in one TensorFlow call, a loop that carries the weights as values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import islice, pairwise, starmap
from math import ceil, prod
from typing import TYPE_CHECKING, Any

import numpy as np

from aespec.backend import ALONE
from aespec.graph import Graph
from aespec.initializers import parameter_stream
from aespec_keras.assemble import seed_noise
from aespec_keras.cores import foreign, parts, per_sample, slower
from aespec_keras.framework import keras, tf
from aespec_keras.mixed import computing_in
from aespec_keras.table import in_training, lowerings

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from aespec.backend import Array, Rates, Tick
    from aespec.noise import Noise
    from aespec.plan import TrainingPlan
    from aespec_keras.model import KerasModel

__all__ = ["KerasTrainer"]

Tensor = Any
Draws = Mapping[str, Any]

OPERATIONS = 2e10
"""Multiply-adds in one TensorFlow call, about half a second's: as long as nobody hears of progress."""

MUCH_NOISE = 100
"""Random numbers a sample from which XLA, which draws them slower than TensorFlow's own kernels, loses by it."""

FOR_EACH = 1000
"""Multiply-adds for each random number from which it gains more by the layers than it loses by the noise."""

WORTH_COMPILING = 2000
"""Steps of a whole training from which the seconds that XLA takes to compile one are won back."""


class KerasTrainer:
    """See `aespec.backend.Trainer`."""

    team = ALONE

    def __init__(self, model: KerasModel, plan: TrainingPlan, samples: int) -> None:
        self._model, self._plan = model, plan
        together = min(min(samples, plan.window or samples) // plan.batch_size, self._stride(plan.batch_size))
        self._compiled, self.note = _compiled(model.graph, plan, samples, together)
        self._cores = min(parts(model.graph, plan, self._compiled), plan.batch_size)
        if self._cores > 1:
            self.note += f"; {self._cores} parts of each batch at once, a core each"
        self._rate: Tensor = None  # a step's, which the optimizer asks for while the step is traced: see `_train`
        clipped = {"global_clipnorm": plan.clip_norm, "clipvalue": plan.clip_value}
        ema = {"use_ema": plan.ema is not None, "ema_momentum": plan.ema if plan.ema is not None else 0.99}
        decay = {"weight_decay": plan.optimizer.weight_decay or None}
        self._optimizer = lowerings[plan.optimizer](
            plan.optimizer, learning_rate=lambda: self._rate, **decay, **clipped, **ema
        )
        self._optimizer.build(list(model.trainable.values()))
        self._loops: dict[Any, Any] = {}
        self._resident: tuple[Any, Any, list[Tensor]] | None = None

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
        """See `aespec.backend.Trainer.steps`."""
        samples, names = self._kept(x, targets), self._model.graph.loss_names
        sizes = [len(rows) for rows in np.split(order, range(batch_size, len(order), batch_size))]
        full, whole = len(order) // batch_size, len(sizes)
        stride = min(full, self._stride(batch_size))
        seeds = self._seeds(noise)
        draws = noise.draws(self._model.graph, x.shape[1:], sizes, self._model.dtype) if noise.shared else None
        found: list[Array] = []
        done = 0
        while done < whole:
            size, length, count = (
                (batch_size, stride, min(stride, full - done))
                if done < full
                else (len(order) - full * batch_size, 1, 1)
            )
            rows = np.zeros(length * size, np.int64)
            chosen = order[done * batch_size : done * batch_size + count * size]
            rows[: len(chosen)] = chosen
            speeds = np.zeros(length, np.float32)
            speeds[:count] = rates[done : done + count]
            given = seeds if draws is None else _stacked(list(islice(draws, count)), length)
            loop = self._loop(size, length)
            losses, taken = loop(samples, *map(tf.constant, (rows, speeds, count, done)), given)
            found.append(losses.numpy()[: int(taken)])
            done += count
            if not np.isfinite(found[-1][-1, -1]):
                break
            tick(min(done * batch_size, len(order)), dict(zip(names, found[-1][-1].tolist(), strict=True)))
        return dict(zip(names, np.concatenate(found).T, strict=True))

    def evaluate(self, x: Array, batch_size: int, targets: Array | None = None) -> dict[str, float]:
        """See `aespec.backend.Trainer.evaluate`."""
        totals = dict.fromkeys(self._model.graph.loss_names, 0.0)
        batches = [slice(start, start + batch_size) for start in range(0, len(x), batch_size)]
        cuts = [0, *range(1, len(batches), self._cores), len(batches)]  # the first traces what the others take
        with ThreadPoolExecutor(self._cores) as pool:
            for few in starmap(slice, pairwise(cuts)):  # no more at once: what waits is done before an error is told
                for count, losses in pool.map(partial(self._measured, x, targets), batches[few]):
                    for name, value in losses.items():
                        totals[name] += value * count
        return {name: total / len(x) for name, total in totals.items()}

    def _measured(self, x: Array, targets: Array | None, rows: slice) -> tuple[int, dict[str, float]]:
        """How many samples a batch has, and each term of its loss outside training."""
        batch, *answers = (values[rows] for values in (x, targets) if values is not None)
        return len(batch), self._model.losses(batch, *answers)

    def state(self) -> dict[str, Array]:
        """See `aespec.backend.Trainer.state`."""
        return {name: variable.numpy().copy() for name, variable in self._state.items()}

    def load_state(self, state: Mapping[str, Array]) -> None:
        """See `aespec.backend.Trainer.load_state`."""
        for name, variable in self._state.items():
            variable.assign(state[name])

    @property
    def _state(self) -> dict[str, Any]:
        """The optimizer's variables by their canonical names."""
        found = {"steps": self._optimizer.iterations}
        if self._plan.optimizer.numbers:
            (product,) = self._plan.optimizer.numbers
            found[product] = self._optimizer._u_product
        slots = [*self._plan.optimizer.slots, *(["average"] if self._plan.ema is not None else [])]
        for slot in slots:
            own = [v for v in self._optimizer.variables if v.path.endswith(f"_{slot}")]
            found |= {f"{name}/{slot}": variable for name, variable in zip(self._model.trainable, own, strict=True)}
        return found

    def _seeds(self, noise: Noise, which: int = 0) -> dict[str, Tensor]:
        """What each node's noise is drawn from, in a process of which there may be others."""
        seed_noise(self._model.cells, noise.seed, noise.epoch, noise.span, which)
        streams = {
            node.name: parameter_stream(noise.seed, f"{node.name}/noise/{noise.epoch}/{noise.span}/{which}")
            for node in self._model.graph
            if node.draws and type(node.layer.innermost) in in_training
        }
        return {name: tf.constant(stream.integers(2**31, size=2), "int32") for name, stream in streams.items()}

    def _drawn(self, batch: Tensor, seeds: Mapping[str, Tensor], step: Tensor) -> dict[str, Tensor]:
        """A step's noise, drawn by TensorFlow: with the one algorithm that is fast on a CPU when XLA compiles it."""
        shapes, found = self._model.graph.shapes(batch.shape[1:]), {}
        for name, seed in seeds.items():
            uniform = self._model.graph[name].draws == "uniform"
            draw = tf.random.stateless_uniform if uniform else tf.random.stateless_normal
            shape = (tf.shape(batch)[0], *shapes[name])
            found[name] = draw(shape, seed + tf.stack([0, step]), dtype=self._model.dtype, alg="philox")
        return found

    def _kept(self, x: Array, targets: Array | None) -> list[Tensor]:
        """The samples, and the targets if there are any, as tensors, made once."""
        if self._resident is None or self._resident[0] is not x or self._resident[1] is not targets:
            given = [tf.constant(values, self._model.dtype) for values in (x, targets) if values is not None]
            self._resident = x, targets, given
        return self._resident[2]

    def _stride(self, batch_size: int) -> int:
        """How many steps one TensorFlow call takes."""
        return max(1, min(512, int(OPERATIONS / (3 * (per_sample(self._model.graph) or 1) * batch_size))))

    def _loop(self, batch_size: int, length: int) -> Any:
        """The loop over at most so many batches of that size; a single short batch is not worth compiling for."""
        if (batch_size, length) not in self._loops:
            whole = batch_size == self._plan.batch_size
            jit = self._compiled and whole and (length > 1 or self._plan.compile == "on")
            self._loops[batch_size, length] = tf.function(self._looped(batch_size), autograph=False, jit_compile=jit)
        return self._loops[batch_size, length]

    def _looped(self, batch_size: int) -> Callable[..., Any]:
        """A function that takes so many steps, and gives each term of the loss at each, and how many were taken."""

        def loop(samples: list[Tensor], rows: Tensor, rates: Tensor, count: Tensor, first: Tensor, noise: Draws) -> Any:
            batches = tf.reshape(rows, (-1, batch_size))
            losses = tf.TensorArray(
                self._model.dtype, batches.shape[0], element_shape=(len(self._model.graph.loss_names),)
            )

            def going(step: Tensor, finite: Tensor, _: Any) -> Tensor:
                return tf.logical_and(step < count, finite)

            def body(step: Tensor, _: Tensor, losses: Any) -> Any:
                batch = [tf.gather(values, batches[step]) for values in samples]
                shared = self._plan.randomness == "shared"
                draws = (
                    {name: draw[step] for name, draw in noise.items()}
                    if shared
                    else self._drawn(batch[0], noise, first + step)
                )
                terms = self._train(batch, rates[step], draws)
                return step + 1, tf.math.is_finite(terms[-1]), losses.write(step, terms)

            taken, _, losses = tf.while_loop(going, body, (tf.constant(0), tf.constant(True), losses))
            return losses.stack(), taken

        return loop

    def _train(self, batch: list[Tensor], rate: Tensor, draws: Draws) -> Tensor:
        """One step on a batch, samples and any targets of theirs; each term of the loss as the step saw it."""
        self._rate = rate
        with keras.StatelessScope() as scope, computing_in(self._plan.mixed_precision, self._model.native):
            found, gradients = self._differentiate(batch, draws)
        for variable in self._model.native.non_trainable_variables:  # running averages, random streams
            if (value := scope.get_current_value(variable)) is not None:
                variable.assign(value)
        self._optimizer.apply(gradients, list(self._model.trainable.values()))
        return tf.stack([found[name] for name in self._model.graph.loss_names])

    def _differentiate(self, batch: list[Tensor], draws: Draws) -> tuple[dict[str, Tensor], list[Tensor]]:
        """Each term of the loss on a batch, and the gradients of all together."""
        count = batch[0].shape[0]
        if (size := ceil(count / self._cores)) == count:
            return self._model.differentiate(batch[0], True, draws, *batch[1:])
        losses, sums = [], []
        for rows in (slice(start, min(start + size, count)) for start in range(0, count, size)):
            share = (rows.stop - rows.start) / count
            own = {name: draw[rows] for name, draw in draws.items()}
            x, targets = batch[0][rows], batch[1][rows] if len(batch) > 1 else None
            found, gradients = self._model.differentiate(
                x, True, own, targets, share=tf.constant(share, self._model.dtype)
            )
            losses.append({name: share * value for name, value in found.items()})
            sums.append(gradients)
        summed = {name: tf.add_n([each[name] for each in losses]) for name in losses[0]}
        return summed, [tf.add_n(each) for each in zip(*sums, strict=True)]


def _stacked(draws: list[dict[str, Array]], length: int) -> dict[str, Tensor]:
    """What each step is given as one tensor a node, with zeros for the steps that there are not."""
    found = {}
    for name, first in draws[0].items() if draws else ():
        found[name] = np.zeros((length, *first.shape), first.dtype)
        for step, draw in enumerate(draws):
            found[name][step] = draw[name]
    return {name: tf.constant(values) for name, values in found.items()}


def _compiled(graph: Graph, plan: TrainingPlan, samples: int, together: int) -> tuple[bool, str]:
    """Whether XLA compiles the loop over so many steps, as measured to be faster on a CPU, and the reason in words."""
    steps = -(-samples // plan.batch_size) * plan.epochs
    slow, other = slower(graph), foreign(graph)
    much = max(MUCH_NOISE, per_sample(graph) / FOR_EACH)
    drawing = [node for node in graph if node.draws and plan.randomness == "framework"]
    drawn = sum(prod(n or 1 for n in node.shape) for node in drawing)
    noisy = drawing[0].layer.kind if drawn > much else None
    match plan.compile:
        case "on":
            return True, "steps compiled by XLA, as the plan says"
        case "off":
            return False, "steps not compiled, as the plan says"
    if slow or noisy or other:
        why = "is not known" if other and not slow and not noisy else "would be slower"
        return False, f"steps not compiled: `{slow or noisy or other}` {why}"
    if together < 2:
        return False, "steps not compiled: they are taken one by one"
    if steps < WORTH_COMPILING:
        return False, f"steps not compiled: {steps:,} are too few to win back the time that takes"
    return True, f"steps compiled by XLA: layers that gain by it, {steps:,} steps"
