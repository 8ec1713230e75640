"""A model driven with NumPy arrays."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Set
from contextlib import contextmanager
from functools import partial
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from aespec.graph import Graph, Term
from aespec.regularizers import Target
from aespec.weights import draw
from aespec_torch.contexts import buffers_kept, device, mode, seeded
from aespec_torch.native import assemble
from aespec_torch.table import Latent, Layout, from_logits, in_training, lowerings

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from aespec.backend import Array
    from aespec.plan import TrainingPlan
    from aespec_torch.training import TorchTrainer

__all__ = ["TorchModel", "to_array", "to_tensor"]


class TorchModel:
    """A `aespec.backend.Trainable`, on this process's GPU if there is one.

    The native module is in eval mode unless its user says otherwise.
    """

    def __init__(self, graph: Graph, seed: int, dtype: str) -> None:
        self.graph = graph
        self.dtype: torch.dtype = getattr(torch, dtype)
        self.device = device()
        self.native, self._steps = assemble(graph, self.device, self.dtype)
        self._seed, self._rehearsals = seed, 0
        self._logits = next((s.node.name for s in self._steps if s.node.name == graph.logits and s.activation), None)
        by_logits = {loss for loss in graph.losses if self._logits and loss.logits_of}
        self._losses = [
            (loss, partial((from_logits if loss in by_logits else lowerings)[loss], loss), loss in by_logits)
            for loss in graph.losses
        ]
        self._terms = [(term, partial(lowerings[term.regularizer], term.regularizer)) for term in graph.terms]
        self._output: tuple[Target, str] = ("activity", graph.output.name)
        self._watched = {(term.target, term.of) for term in graph.terms}
        if by_logits and len(by_logits) < len(graph.losses):
            self._watched.add(self._output)
        self._stored = {
            step.node.parameter(short): (step.layouts[short], step.main)
            for step in self._steps
            for short in step.node.params
        }
        self.trained = {name: self._tensors(name) for name, param in graph.params.items() if param.trainable}
        for name, param in graph.params.items():
            for tensor in self._tensors(name) if not param.trainable else ():
                tensor.requires_grad_(False)
        self.settled = [step.main for step in self._steps if step.node.settled]
        self.load_weights(draw(graph, seed, dtype))

    @torch.inference_mode()
    def trace(self, x: Array, *, training: bool = False, draws: Mapping[str, Array] | None = None) -> dict[str, Array]:
        """Every node's value by name, outside training or in it."""
        all_values = {("activity", node.name) for node in self.graph}
        with self._rehearsal(training=training):
            _, seen = self._run(self.tensor(x), self._noise(draws) or {}, self._watched | all_values)
        return {node.name: to_array(seen["activity", node.name][0]) for node in self.graph}

    def reconstruct(self, x: Array) -> Array:
        """The reconstruction of a batch."""
        return self._infer(self.native, x)

    def encode(self, x: Array) -> Array:
        """The code of a batch."""
        return self._infer(self.native.encoder, x)

    def decode(self, code: Array) -> Array:
        """The reconstruction from a code."""
        return self._infer(self.native.decoder, code)

    def weights(self) -> dict[str, Array]:
        """A copy of every stored parameter by its canonical name."""
        return {name: to_array(layout.value(module).detach()) for name, (layout, module) in self._stored.items()}

    @torch.no_grad()
    def load_weights(self, weights: Mapping[str, Array]) -> None:
        """Set every parameter."""
        for name, (layout, module) in self._stored.items():
            for tensor, value in zip(layout.tensors(module), layout.scatter(to_tensor(weights[name])), strict=True):
                tensor.copy_(value)

    @torch.no_grad()
    def losses(
        self,
        x: Array,
        targets: Array | None = None,
        *,
        training: bool = False,
        draws: Mapping[str, Array] | None = None,
    ) -> dict[str, float]:
        """Each term of the loss by name, the output's under their kinds, and their sum as ``total``.

        The output is compared with the targets, or else with the input. In training noise is drawn, anew at each call,
        or given, and batches are normalized by their own moments.
        """
        with self._rehearsal(training=training):
            terms = self.terms(self.tensor(x), self._noise(draws), self._target(targets))
        return dict(zip(terms, to_array(torch.stack([*terms.values()])).tolist(), strict=True))

    @torch.enable_grad()
    def gradients(
        self,
        x: Array,
        targets: Array | None = None,
        *,
        training: bool = False,
        draws: Mapping[str, Array] | None = None,
    ) -> dict[str, Array]:
        """The gradient of the total loss by each trainable parameter, in the canonical layout."""
        with self._rehearsal(training=training):
            total = self.terms(self.tensor(x), self._noise(draws), self._target(targets))["total"]
            values = list(chain(*self.trained.values()))
            slopes = iter(torch.autograd.grad(total, values, materialize_grads=True) if values else ())
        return {
            name: to_array(self.layout(name).gather(list(islice(slopes, len(tensors)))))
            for name, tensors in self.trained.items()
        }

    def tensor(self, x: Array) -> Tensor:
        """An array as a tensor of the model's type, where the model is."""
        return to_tensor(x).to(self.device, self.dtype)

    def layout(self, name: str) -> Layout:
        """How a stored parameter is laid out in its module."""
        return self._stored[name][0]

    def trainer(self, plan: TrainingPlan, samples: int) -> TorchTrainer:
        """The model with an optimizer, ready for its first step."""
        from aespec_torch.team import TeamTrainer, team
        from aespec_torch.training import TorchTrainer

        return TorchTrainer(self, plan, samples) if team().size == 1 else TeamTrainer(self, plan, samples)

    def terms(
        self, x: Tensor, draws: Mapping[str, Tensor] | None = None, targets: Tensor | None = None
    ) -> dict[str, Tensor]:
        """Each term of the loss of a batch by name, and ``total``, differentiable; in the native module's mode.

        Where noise is given, for each node that draws, it stands for what the module would draw. Without targets the
        output is compared with the batch.
        """
        last, seen = self._run(x, draws or {}, self._watched)
        (output,) = seen.get(self._output, (last,))
        target, found = x if targets is None else targets, {}
        for loss, lowering, takes_logits in self._losses:
            value = lowering(target, (last if takes_logits else output).to(self.dtype))
            found[loss.kind] = value if loss.weight == 1 else loss.weight * value
        for term, regularizer in self._terms:
            found[term.name] = regularizer(*(seen.get((term.target, term.of)) or self._parameter(term)))
        total, *others = found.values()
        for other in others:
            total = total + other
        return {**found, "total": total}

    def _run(
        self, x: Tensor, draws: Mapping[str, Tensor], watched: Set[tuple[str, str]]
    ) -> tuple[Tensor, dict[tuple[str, str], tuple[Tensor, ...]]]:
        """What the losses compare with the target, and what is watched in passing.

        Where one is a function of logits, the activation that it names is left out. Only layers that move
        values follow it, so what is watched there is got by activating the moved logits.
        """
        seen: dict[tuple[str, str], tuple[Tensor, ...]] = {}
        left_out: nn.Module | None = None
        for step in self._steps:
            name = step.node.name
            if ("latent", name) in watched:
                latent = cast(Latent, step.main)
                seen["latent", name] = latent.moments(x)
                x = latent.draw(*seen["latent", name], noise=draws.get(name))
            elif name in draws:
                layer = step.node.layer.innermost
                x = in_training[layer](layer, x, draws[name])
            else:
                x = step.main(x)
            if name == self._logits:
                left_out = step.activation
            elif step.activation is not None:
                x = step.activation(x)
            if ("activity", name) in watched:
                seen["activity", name] = (x if left_out is None else left_out(x),)
        return x, seen

    def _parameter(self, term: Term) -> tuple[Tensor]:
        layout, module = self._stored[term.of]
        return (layout.value(module).unsqueeze(0),)

    @torch.inference_mode()
    def _infer(self, module: nn.Module, x: Array) -> Array:
        with mode(module, training=False):
            return to_array(module(self.tensor(x)))

    def _tensors(self, name: str) -> list[Tensor]:
        layout, module = self._stored[name]
        return layout.tensors(module)

    def _noise(self, draws: Mapping[str, Array] | None) -> Mapping[str, Tensor] | None:
        return None if draws is None else {name: self.tensor(value) for name, value in draws.items()}

    def _target(self, targets: Array | None) -> Tensor | None:
        return None if targets is None else self.tensor(targets)

    @contextmanager
    def _rehearsal(self, *, training: bool) -> Iterator[None]:
        """As in training or outside it, with noise of its own, leaving nothing behind."""
        self._rehearsals += 1
        with (
            mode(self.native, training=training, settled=self.settled),
            buffers_kept(self.native),
            seeded(self._seed, self._rehearsals),
        ):
            yield


def to_tensor(x: NDArray[Any]) -> Tensor:
    """An array as a tensor, in the same memory where it can be. It is only read."""
    x = np.ascontiguousarray(x)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The given NumPy array is not writable")
        return torch.from_numpy(x)


def to_array(value: Tensor) -> Array:
    """A copy of a tensor that needs no gradient: an array of its own, whatever the tensor shares with others."""
    return np.array(value.cpu().numpy(), order="C")
