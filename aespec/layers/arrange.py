"""Layers that rearrange values: flatten, reshape, permute, repeat."""

from math import prod
from typing import Annotated

from pydantic import Field

from aespec.kind import Objections, combination, together
from aespec.layers.axes import IntList
from aespec.layers.base import Example, Layer, Length, known
from aespec.shapes import Shape, ShapeError, elements, need_rank, show_shape


class Flatten(Layer):
    """All axes into one, the last axis running fastest."""

    kind = "flatten"
    moves_only = True
    examples = (Example(input=(3, 4)), Example(input=(2, 3, 2)), Example(input=(5,)))

    def infer(self, x: Shape) -> Shape:
        """(a, b, ...) -> (a * b * ...,)."""
        return (elements(x),)

    def mirror(self, x: Shape, *, pool: Layer | None = None, output: bool = False) -> tuple[Layer, ...]:
        """A reshape to the shape before."""
        return (_reshape_to(x),)


class Reshape(Layer):
    """Other axes for the same values, the last axis running fastest."""

    kind = "reshape"
    elsewhere = ("Unflatten", "View")
    main = "target_shape"
    moves_only = True
    examples = (Example({"target_shape": [2, 6]}, input=(3, 4)), Example({"target_shape": [-1, 2]}, input=(3, 4)))

    target_shape: Annotated[IntList, Field(min_length=1, max_length=8)]
    """The shape wanted, without the batch axis; one axis may be -1, which is then computed."""

    @together("target_shape")
    def _at_most_one_open(self) -> Objections:
        if sum(n == -1 for n in self.target_shape) > 1 or any(n == 0 or n < -1 for n in self.target_shape):
            yield combination(
                "`target_shape` has axes that are not lengths",
                field="target_shape",
                wanted="positive lengths, and -1 at most once",
            )

    def infer(self, x: Shape) -> Shape:
        """Any shape -> target_shape."""
        size, stated = elements(x), prod(n for n in self.target_shape if n != -1)
        rest = -1 in self.target_shape
        if size is None and rest:
            return tuple(None if n == -1 else n for n in self.target_shape)
        fits = size is not None and (size % stated == 0 if rest else size == stated)
        if size is None or not fits:
            raise ShapeError(
                "the values do not fill the shape wanted",
                wanted=f"{'a multiple of ' if rest else ''}{stated} values for {show_shape(self.target_shape)}",
                got=f"{'an unknown number of' if size is None else size} values in {show_shape(x)}",
                help=_filling(x, stated, rest=rest),
            )
        return tuple(size // stated if n == -1 else n for n in self.target_shape)

    @property
    def stated_shape(self) -> Shape | None:
        """The target shape, where no axis is -1."""
        return None if -1 in self.target_shape else self.target_shape

    def mirror(self, x: Shape, *, pool: Layer | None = None, output: bool = False) -> tuple[Layer, ...]:
        """A reshape to the shape before."""
        return (_reshape_to(x),)


def _filling(x: Shape, stated: int, *, rest: bool) -> str | None:
    """How as many values come in as are wanted, or as many are wanted as come in."""
    size = elements(x)
    if not size:
        return None
    other = f"choose numbers whose product is {size}; -1 stands for one that follows from the others"
    layers = f"`- dense: {stated}`" if len(x) == 1 else f"`- flatten` and `- dense: {stated}`"
    return other if rest else f"let {stated:,} values come in, as from {layers} before it, or {other}"


class Permute(Layer):
    """The axes in another order."""

    kind = "permute"
    elsewhere = ("Transpose",)
    main = "dims"
    moves_only = True
    examples = (Example({"dims": [2, 1]}, input=(3, 4)), Example({"dims": [3, 1, 2]}, input=(2, 3, 4)))

    dims: Annotated[IntList, Field(min_length=1)]
    """For each axis of the output the axis of the input, counted from 1."""

    @together("dims")
    def _each_axis_once(self) -> Objections:
        if sorted(self.dims) != list(range(1, len(self.dims) + 1)):
            yield combination(
                "`dims` does not name each axis once",
                field="dims",
                wanted=f"the numbers 1 to {len(self.dims)} in some order",
                help=self._counted_from_one(),
            )

    def _counted_from_one(self) -> str | None:
        """What to write where axes are counted from 0, or the batch, which is 0 elsewhere, among them."""
        if sorted(self.dims) != list(range(len(self.dims))):
            return None
        meant = f"axes count from 1: write `{[axis + 1 for axis in self.dims]}`"
        batch = f", or, if the first is the batch, `{list(self.dims[1:])}`"
        return meant + batch * (self.dims[0] == 0 and len(self.dims) > 1)

    def infer(self, x: Shape) -> Shape:
        """Axis i of the output is axis dims[i] of the input."""
        if len(x) != len(self.dims):
            raise ShapeError(
                "`dims` names another number of axes than there are",
                wanted=f"{len(self.dims)} axes",
                got=show_shape(x),
                help=f"name each axis once, as in `permute: {[*range(len(x), 0, -1)]}`",
            )
        return tuple(x[d - 1] for d in self.dims)

    def mirror(self, x: Shape, *, pool: Layer | None = None, output: bool = False) -> tuple[Layer, ...]:
        """The inverse order."""
        return (Permute(dims=tuple(self.dims.index(i + 1) + 1 for i in range(len(self.dims)))),)


class RepeatVector(Layer):
    """A vector, the same at each of n steps."""

    kind = "repeat_vector"
    main = "n"
    moves_only = True
    examples = (Example({"n": 3}, input=(4,)),)

    n: Length
    """Number of steps."""

    def infer(self, x: Shape) -> Shape:
        """(features,) -> (n, features)."""
        need_rank(x, "features", help="`repeat_vector` follows a layer that gives one vector a sample")
        return (self.n, *x)

    def mirror(self, x: Shape, *, pool: Layer | None = None, output: bool = False) -> tuple[Layer, ...]:
        """The mean over the steps."""
        from aespec.layers.pool import GlobalAveragePool1D

        return (GlobalAveragePool1D(),)


def _reshape_to(x: Shape) -> Reshape:
    if sum(n is None for n in x) > 1:
        known(x, [i for i, n in enumerate(x) if n is None][-1], "steps")
    return Reshape(target_shape=tuple(-1 if n is None else n for n in x))
