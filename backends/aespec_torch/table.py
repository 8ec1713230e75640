"""The tables of the torch backend, and what a layer's lowering gives: a module, and where it keeps each parameter."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from torch import Tensor, nn

from aespec.activations import Linear
from aespec.backend import Lowerings
from aespec.layers import Layer
from aespec.shapes import Shape

__all__ = [
    "Latent",
    "Layout",
    "Lowered",
    "as_it_is",
    "from_logits",
    "in_training",
    "lower",
    "lowerings",
    "parts",
    "permuted",
]

lowerings = Lowerings("torch")
"""What torch makes of each kind."""

in_training = Lowerings("torch")
"""The layers that draw noise, as functions ``(layer, x, noise) -> y`` of a training step's input and the numbers that
`aespec.layers.Layer.draws` names, which stand for those that the module would draw."""

from_logits = Lowerings("torch")
"""The losses of the activation that `aespec.losses.Loss.logits_of` names, as functions of what it was given."""


@dataclass(frozen=True)
class Layout:
    """How a module stores one parameter of a layer."""

    names: tuple[str, ...]
    """The tensors of the module that hold it, as in its ``state_dict``."""
    gather: Callable[[Sequence[Tensor]], Tensor]
    """From those tensors to the canonical layout. Linear, and each element moved once: good for gradients too."""
    scatter: Callable[[Tensor], Sequence[Tensor]]
    """The way back."""

    def tensors(self, module: nn.Module) -> list[Tensor]:
        """The tensors that hold the parameter now."""
        return [getattr(owner, name) for owner, name in self.owners(module)]

    def owners(self, module: nn.Module) -> Iterator[tuple[nn.Module, str]]:
        """The modules that have those tensors as attributes, and under which names."""
        for path in self.names:
            owner, _, name = path.rpartition(".")
            yield module.get_submodule(owner), name

    def value(self, module: nn.Module) -> Tensor:
        """The parameter in the canonical layout, a differentiable function of the module's tensors."""
        return self.gather(self.tensors(module))


def as_it_is(name: str) -> Layout:
    """One tensor in the canonical layout."""
    return Layout((name,), lambda tensors: tensors[0], lambda value: [value])


def permuted(name: str, *axes: int) -> Layout:
    """One tensor whose axes, taken in this order, are the canonical ones."""
    back = tuple(axes.index(i) for i in range(len(axes)))
    return Layout((name,), lambda tensors: tensors[0].permute(axes), lambda value: [value.permute(back)])


@dataclass(frozen=True)
class Lowered:
    """A module that takes and gives tensors of the layer's shapes, and the layout of each of its parameters."""

    module: nn.Module
    layouts: Mapping[str, Layout]

    def inside(self, child: str, prefix: str = "") -> dict[str, Layout]:
        """The layouts for a module that has this one as a child, and prefixes the names of its parameters."""
        return {
            prefix + short: replace(layout, names=tuple(f"{child}.{name}" for name in layout.names))
            for short, layout in self.layouts.items()
        }


class Latent(Protocol):
    """What the module of a layer has to offer where the loss has a ``latent`` term of it."""

    def moments(self, x: Tensor) -> tuple[Tensor, ...]:
        """What the term looks at, such as the mean and the logarithm of the variance."""

    def draw(self, *moments: Tensor, noise: Tensor | None = None) -> Tensor:
        """The layer's value from these moments; in training with this noise, where it is given."""


def lower(layer: Layer, x: Shape) -> Lowered:
    """The module of a layer, its activation included: what the lowering of a wrapper calls for the layer in it.

    Raises:
        AespecError: Some kind has no lowering.
    """
    main, activation = parts(layer, x)
    if activation is None:
        return main
    if isinstance(main.module, nn.Identity):
        return Lowered(activation, {})
    return Lowered(nn.Sequential(main.module, activation), main.inside("0"))


def parts(layer: Layer, x: Shape) -> tuple[Lowered, nn.Module | None]:
    """The module of a layer up to its activation, and that of the activation where there is one to choose.

    A lowering never sees an activation that it would have to apply: it is given the linear layer.

    Raises:
        AespecError: Some kind has no lowering.
    """
    function, linear = layer.output_activation, layer.activated(Linear())
    if function is None or linear == layer:
        return _call(layer, x), None
    return _call(linear, x), lowerings[function](function)


def _call(layer: Layer, x: Shape) -> Lowered:
    made = lowerings[layer](layer, x)
    return made if isinstance(made, Lowered) else Lowered(made, {short: as_it_is(short) for short in layer.params(x)})
