"""A model in training."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from itertools import chain, islice
from math import ceil
from shutil import which
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from aespec.backend import ALONE, finite
from aespec.diagnostics import AespecError, Diagnostic
from aespec.graph import Graph
from aespec.layers.recurrent import GRU, LSTM, Bidirectional
from aespec.rules import UnsupportedKind
from aespec_torch.contexts import buffers_kept, device, mode, seeded
from aespec_torch.model import TorchModel, to_array, to_tensor
from aespec_torch.optimizers import Step, single
from aespec_torch.recording import recorded
from aespec_torch.table import lowerings

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from aespec.backend import Array, Rates, Tick
    from aespec.noise import Noise
    from aespec.plan import TrainingPlan

__all__ = ["TorchTrainer"]

Found = tuple[list[Tensor], list[Tensor]]
"""Each term of the loss, and the gradients of all together."""

Slopes = Callable[[list[Tensor], Mapping[str, Tensor] | None], Found]
"""Finds it for samples and any targets of theirs, with the noise that is given, if it is."""

LARGE_BATCH = 128
"""Samples a step from which kernels are nearly all of its time. Below, steps that are recorded are faster."""

WORTH_RECORDING = 8_000
"""Steps of a whole training from which the second and a half is won back that torch's tracer takes to import."""

PAUSE = 0.1
"""Seconds between two looks at the losses: progress is told, and a loss that is not finite is found."""


class TorchTrainer:
    """A `aespec.backend.Trainer`."""

    team = ALONE

    def __init__(self, model: TorchModel, plan: TrainingPlan, samples: int) -> None:
        self.model, self.plan = model, plan
        way, self.note = _way(model.graph, plan, samples)
        self._whole: Slopes = self._replayed if way == "recorded" else self._slopes
        """What takes whole batches. A shorter one would be recorded, or compiled for, by itself."""
        if way == "compiled":
            self._whole = torch.compile(self._slopes, dynamic=False)
        self._recording: Callable[..., Found] | None = None
        self.values = list(chain(*model.trained.values()))
        self.step: Step[Any] = lowerings[plan.optimizer](plan.optimizer)
        self.taken = 0
        """Steps so far."""
        self.kept = {
            slot: [torch.full_like(value, single(first), requires_grad=False) for value in self.values]
            for slot, first in plan.optimizer.slots.items()
        }
        self.averages = [] if plan.ema is None else [torch.zeros_like(v, requires_grad=False) for v in self.values]
        self._resident: tuple[Any, Any, list[Tensor]] | None = None
        self._looked = perf_counter()

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
        """See `aespec.backend.Trainer.steps`. Losses stay tensors until they are looked at: nothing waits for them."""
        given = self._tensors(x, targets)
        batches = torch.split(to_tensor(order).to(self.model.device), batch_size)
        names = self.model.graph.loss_names
        draws = self._draws(x, [len(rows) for rows in batches], noise)
        found: list[Array] = []
        waiting: list[Tensor] = []
        with mode(self.model.native, training=True, settled=self.model.settled), seeded(*self._seeds(noise)):
            for step, rows in enumerate(batches, start=1):
                waiting += self._step(given, rows, float(rates[step - 1]), next(draws))
                if step == len(batches) or self._looks(step):
                    found.append(self._told(torch.stack(waiting).reshape(-1, len(names))))
                    if not np.isfinite(found[-1][:, -1]).all():
                        break
                    tick(min(step * batch_size, len(order)), dict(zip(names, found[-1][-1].tolist(), strict=True)))
                    waiting = []
        return dict(zip(names, finite(np.concatenate(found)).T, strict=True))

    def _looks(self, step: int) -> bool:
        """Whether it is time to look at the losses."""
        now = perf_counter()
        if now - self._looked > PAUSE:
            self._looked = now
            return True
        return False

    def _told(self, losses: Tensor) -> Array:
        """The losses of some steps, one row each."""
        return to_array(losses)

    def _seeds(self, noise: Noise) -> tuple[int, ...]:
        return noise.seed, noise.epoch, noise.span

    def _step(self, given: list[Tensor], rows: Tensor, rate: float, draws: Mapping[str, Tensor] | None) -> list[Tensor]:
        """One step on a batch, those rows of what is given; each term of the loss as the step saw it."""
        differentiate = self._whole if len(rows) == self.plan.batch_size else self._slopes
        terms, grads = differentiate([values.index_select(0, rows) for values in given], draws)
        with torch.no_grad():
            self._clip(grads)
            if self.plan.optimizer.weight_decay:
                torch._foreach_mul_(self.values, 1 - rate * single(self.plan.optimizer.weight_decay))
            self.taken += 1
            self.step(self.values, grads, rate, self.taken, **self.kept)
            if self.plan.ema is not None:
                torch._foreach_lerp_(self.averages, self.values, 1 - self.plan.ema if self.taken > 1 else 1.0)
        return terms

    def _slopes(self, batch: list[Tensor], draws: Mapping[str, Tensor] | None) -> Found:
        """See `Slopes`."""
        with torch.enable_grad():
            with self._precision():
                terms = self.model.terms(batch[0], draws, *batch[1:])
            slopes = torch.autograd.grad(terms["total"], self.values, materialize_grads=True)
        # Fused kernels go through memory in its order, which is not always the values' own.
        pairs = zip(slopes, self.values, strict=True)
        grads = [g if g.stride() == value.stride() else torch.empty_like(value).copy_(g) for g, value in pairs]
        return [term.detach() for term in terms.values()], grads

    @torch.no_grad()
    def _replayed(self, batch: list[Tensor], draws: Mapping[str, Tensor] | None) -> Found:
        """What `_slopes` gives, to the bit, from a recording of it made at the first batch."""
        if draws is not None:
            return self._slopes(batch, draws)
        if self._recording is None:
            with buffers_kept(self.model.native), torch.random.fork_rng(devices=[]):
                self._recording = recorded(lambda *given: self._slopes([*given], None), *batch)
        return self._recording(*batch)

    @torch.inference_mode()
    def evaluate(self, x: Array, batch_size: int, targets: Array | None = None) -> dict[str, float]:
        """See `aespec.backend.Trainer.evaluate`."""
        given = [torch.split(to_tensor(values), batch_size) for values in (x, targets) if values is not None]
        with mode(self.model.native, training=False):
            found = self._summed([*zip(*given, strict=True)]) / len(x)
        return dict(zip(self.model.graph.loss_names, to_array(found).tolist(), strict=True))

    def _summed(self, batches: Sequence[tuple[Tensor, ...]]) -> Tensor:
        """Each term of the loss, summed over the samples of all batches, in float64."""
        total = torch.zeros(len(self.model.graph.loss_names), dtype=torch.float64, device=self.model.device)
        for batch in batches:
            x, *targets = (values.to(self.model.device, self.model.dtype) for values in batch)
            terms = self.model.terms(x, None, *targets)
            total += len(x) * torch.stack([*terms.values()]).double()
        return total

    def state(self) -> dict[str, Array]:
        """See `aespec.backend.Trainer.state`."""
        numbers = {name: np.asarray(value) for name, value in self.step.numbers.items()}
        found = {"steps": np.asarray(self.taken, "int64"), **numbers}
        for slot, tensors in self._slots.items():
            parts = iter(tensors)
            for name, own in self.model.trained.items():
                found[f"{name}/{slot}"] = to_array(self.model.layout(name).gather(list(islice(parts, len(own)))))
        return found

    @torch.no_grad()
    def load_state(self, state: Mapping[str, Array]) -> None:
        """See `aespec.backend.Trainer.load_state`."""
        self.taken = int(state["steps"])
        self.step.numbers = {name: float(state[name]) for name in self.step.numbers}
        for slot, tensors in self._slots.items():
            parts = iter(tensors)
            for name, own in self.model.trained.items():
                values = self.model.layout(name).scatter(to_tensor(state[f"{name}/{slot}"]))
                for tensor, value in zip(islice(parts, len(own)), values, strict=True):
                    tensor.copy_(value)

    @property
    def _slots(self) -> dict[str, list[Tensor]]:
        """What is kept for each parameter, by its canonical name; the average where one is wanted."""
        return {**self.kept, **({"average": self.averages} if self.averages else {})}

    def _clip(self, grads: list[Tensor]) -> None:
        if self.plan.clip_value is not None:
            torch._foreach_clamp_min_(grads, -self.plan.clip_value)
            torch._foreach_clamp_max_(grads, self.plan.clip_value)
        if self.plan.clip_norm is not None:
            norm = torch.linalg.vector_norm(torch.stack(torch._foreach_norm(grads)))
            torch._foreach_mul_(grads, self.plan.clip_norm * torch.clamp_max(1 / norm, 1 / self.plan.clip_norm))

    def _tensors(self, x: Array, targets: Array | None) -> list[Tensor]:
        """The samples, and the targets if there are any, as tensors, made once."""
        if self._resident is None or self._resident[0] is not x or self._resident[1] is not targets:
            given = [self.model.tensor(values) for values in (x, targets) if values is not None]
            self._resident = x, targets, given
        return self._resident[2]

    def _draws(self, x: Array, batches: Sequence[int], noise: Noise) -> Iterator[Mapping[str, Tensor] | None]:
        """What each step's noise is made of, None where torch draws it itself."""
        if not noise.shared:
            yield from [None] * len(batches)
            return
        for draws in noise.draws(self.model.graph, x.shape[1:], batches, str(self.model.dtype).removeprefix("torch.")):
            yield {name: self.model.tensor(value) for name, value in draws.items()}

    def _precision(self) -> Any:
        if self.plan.mixed_precision is None:
            return nullcontext()
        # With its cache, the gradients of a weight that is used twice would be added up in the lower precision.
        return torch.autocast(self.model.device.type, getattr(torch, self.plan.mixed_precision), cache_enabled=False)


def _way(graph: Graph, plan: TrainingPlan, samples: int) -> tuple[str, str]:
    """How gradients are computed, as measured to be faster on a CPU, and the reason in words.

    They are ``compiled`` by torch, ``recorded`` once and then replayed, or ``plain``.

    Raises:
        AespecError: The plan wants it, and there is no C++ compiler.
    """
    if plan.compile == "off":
        return "plain", "steps not compiled, as the plan says"
    if plan.compile == "on":
        if not any(map(which, (os.environ.get("CXX", "g++"), "clang++", "cl"))):
            raise AespecError(
                Diagnostic(
                    UnsupportedKind,
                    "`compile: on` has torch compile the steps, for which it needs a C++ compiler",
                    wanted="`g++` or another, in a folder of PATH or named by CXX",
                    got="none",
                    help="install one, or leave `compile` out",
                )
            )
        return "compiled", "steps compiled by torch.compile, as the plan says"
    slower = next((kind.kind for kind in graph.kinds() if isinstance(kind, LSTM | GRU | Bidirectional)), None)
    if device().type != "cpu":
        return "plain", "steps not compiled: when that is faster is known of CPUs only"
    if slower:
        return "plain", f"steps not compiled: `{slower}` would not be faster"
    if plan.batch_size >= LARGE_BATCH:
        return "plain", f"steps not compiled: batches of {plan.batch_size} would not be faster"
    # What another package's module decides in Python would be decided once.
    foreign = next((kind.kind for kind in graph.kinds() if not kind.__module__.startswith("aespec.")), None)
    if foreign:
        return "plain", f"steps not recorded: `{foreign}` is not known"
    steps = ceil(samples / plan.batch_size) * plan.epochs
    if steps < WORTH_RECORDING:
        return "plain", f"steps not recorded: {steps:,} are too few to win back the time that takes"
    return "recorded", f"steps recorded and replayed: small batches, {steps:,} steps"
