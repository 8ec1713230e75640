"""Convolutions and poolings of a program."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from aespec.importing import Tensor, Unsaid
from aespec.shapes import same_padding
from aespec_torch.reading.arranging import of_zeros
from aespec_torch.reading.pieces import Piece
from aespec_torch.reading.program import Step, made_of

if TYPE_CHECKING:
    from aespec_torch.reading import Reading

__all__ = ["conv", "conv_transpose", "global_average", "pool"]


def conv(rank: int, reading: Reading, step: Step) -> Iterator[Piece]:
    """A convolution; padding stands apart, and is joined to it where it is ``same``."""
    window = yield from _window(rank, reading, step)
    sizes, strides, rates = window.sizes, window.each("stride", 1), window.each("dilation", 1)
    if step.args.get("padding") == "same":
        margins = [list(same_padding(1, size, 1, rate)) for size, rate in zip(sizes, rates, strict=True)]
    else:
        around = [0] * rank if step.args.get("padding") == "valid" else window.each("padding", 0)
        margins = [
            [n - before * rate, n - after * rate]
            for n, (before, after), rate in zip(around, window.zeros, rates, strict=True)
        ]
    if any(n < 0 for pair in margins for n in pair):
        raise Unsaid("a kernel with zeros around it", "one without")
    if any(n for pair in margins for n in pair):
        yield Piece(f"zero_padding{window.rank}d", {"padding": margins})
    yield window.piece(f"conv{window.rank}d", window.shape[0], strides, rates)


def conv_transpose(rank: int, reading: Reading, step: Step) -> Iterator[Piece]:
    """A transposed convolution; cropping stands apart, and is joined to it where it makes it ``same``."""
    window = yield from _window(rank, reading, step)
    sizes, strides, rates = window.sizes, window.each("stride", 1), window.each("dilation", 1)
    if any(n for pair in window.zeros for n in pair):
        raise Unsaid("a kernel with zeros around it", "one without")
    starts, extras = window.each("padding", 0), window.each("output_padding", 0)
    gaps = [max(s - (k - 1) * d - 1, 0) for k, s, d in zip(sizes, strides, rates, strict=True)]
    ends = [start - extra + gap for start, extra, gap in zip(starts, extras, gaps, strict=True)]
    more = [max(-end, 0) for end in ends]
    yield window.piece(f"conv{window.rank}d_transpose", window.shape[1], strides, rates, more)
    if any(starts) or any(end > 0 for end in ends):
        margins = [[start, max(end, 0)] for start, end in zip(starts, ends, strict=True)]
        yield Piece(f"cropping{window.rank}d", {"cropping": margins})


class _Window:
    """The kernel of a convolution, and over which axes it goes.

    A convolution over a line may be written as one over a picture of height 1.
    """

    def __init__(self, rank: int, step: Step, weight: Tensor, added: int | None, zeros: list[int]) -> None:
        self.step, self.written = step, rank
        self.axes = [axis for axis in range(rank) if axis + 2 != added]
        """The axes that it goes over, of those that are written."""
        self.rank = len(self.axes)
        self.shape = weight.shape
        pairs = [[zeros[i], zeros[i + 1]] for i in range(0, len(zeros), 2)]
        self.zeros = [*([[0, 0]] * (self.rank - len(pairs))), *pairs[::-1]]
        """The zeros before and after the kernel on each axis."""
        order = (*range(2, self.rank + 2), 1, 0)
        self.kernel = made_of(tuple(weight.shape[axis] for axis in order), lambda value: value.transpose(order), weight)
        self.tied_to: str | None = None
        self.key: str | None = None
        self.bias: tuple[Tensor, ...] = ()

    @property
    def sizes(self) -> tuple[int, ...]:
        """The kernel's lengths."""
        return self.shape[2:]

    def each(self, name: str, usual: int) -> list[int]:
        """An argument, for each of the axes."""
        values = _each(self.step.args, name, usual, self.written)
        return [values[axis] for axis in self.axes]

    def piece(self, kind: str, filters: int, strides: list[int], rates: list[int], more: Any = ()) -> Piece:
        """The layer."""
        fields = {"filters": filters, "kernel_size": list(self.sizes), "strides": strides, "dilation_rate": rates}
        fields |= {"output_padding": more} if any(more) else {}
        tensors = (*(() if self.tied_to else (self.kernel,)), *self.bias)
        return Piece(kind, {**fields, "use_bias": bool(self.bias)}, tensors, tied_to=self.tied_to, key=self.key)


def _window(rank: int, reading: Reading, step: Step) -> Generator[Piece, None, _Window]:
    """The window of a convolution, the value's channels put last."""
    if step.args.get("groups", 1) != 1:
        raise Unsaid(f"`groups={step.args['groups']}`", "`groups=1`")
    name, added, zeros = _weight(reading, step.args["weight"])
    lacking = [axis for axis, of in enumerate(reading.order, 1) if of is None]
    if added is None and lacking:
        yield from reading.as_written()
    elif added is not None and lacking != [added]:
        raise Unsaid("a convolution with a weight of another rank", "one over all axes")
    yield from reading.channels_last()
    window = _Window(rank, step, reading.program.tensor(name), added, zeros)
    key = reading.program.stored[name]
    if reading.owners.get(key, "")[:4] == "conv" and reading.owners[key][:6] != step.operation.name[:6]:
        window.tied_to = key
    else:
        window.key = reading.own(name)
    if (bias := step.args.get("bias")) is not None:
        window.bias = (reading.program.tensor(bias),)
    return window


def _weight(reading: Reading, name: str) -> tuple[str, int | None, list[int]]:
    """A stored weight, the axis of length one that the program adds to it, and the zeros, from the last axis on."""
    made, added, zeros = reading.program.made, None, list[int]()
    if name in made and made[name][0].name == "unsqueeze":
        added, name = made[name][0].args["dim"], made[name][0].args["self"]
    if name in made and made[name][0].name == "pad" and of_zeros(made[name][0].args):
        zeros, name = made[name][0].args["pad"], made[name][0].args["self"]
    return name, added, zeros


def pool(kind: str, rank: int, reading: Reading, step: Step) -> Iterator[Piece]:
    """A pooling, where what is added at the ends is none or that of ``same``."""
    yield from reading.channels_last()
    args = step.args
    size = _each(args, "kernel_size", 1, rank)
    strides = _each(args, "stride", 0, rank) if args.get("stride") else size
    around = _each(args, "padding", 0, rank)
    windows = list(zip(step.given[1:], step.shape[1:], size, strides, around, strict=True))
    same = all(n and m == -(-n // s) and before == same_padding(n, k, s)[0] for n, m, k, s, before in windows)
    inside = not any(around) and all(n is None or m == (n - k) // s + 1 for n, m, k, s, _ in windows)
    fields: dict[str, Any] = {"pool_size": size, **({"strides": strides} if strides != size else {})}
    if set(_each(args, "dilation", 1, rank)) != {1} or args.get("divisor_override"):
        raise Unsaid("a pooling with dilation or a divisor of its own", "neither")
    if not inside or (args.get("ceil_mode") and None in step.given[1:]):
        if not same or (kind == "average" and args.get("count_include_pad", True)):
            raise Unsaid("a pooling that pads otherwise than `same`", "`valid` or `same`")
        fields["padding"] = "same"
    yield Piece(f"{kind}_pool{rank}d", fields)


def global_average(reading: Reading, step: Step) -> Iterator[Piece]:
    """The mean over all axes but that of the channels."""
    rank = len(step.given)
    over = [axis % (rank + 1) - 1 for axis in step.args.get("dim", range(1 - rank, 0))]
    rest = [axis for axis in range(rank) if axis not in over]
    if -1 in over or len(rest) != 1 or rank not in (2, 3) or any(n != 1 for n in step.args.get("output_size", ())):
        raise Unsaid(f"`{step.operation.name}`", "the mean over all axes but that of the channels")
    if reading.order[rest[0]] != rank - 1:
        if rest[0] != 0:
            raise Unsaid("a mean over channels", "one over all other axes")
        yield from reading.channels_last()
    yield Piece(f"global_average_pool{rank - 1}d")
    kept = step.args.get("keepdim") or "output_size" in step.args
    reading.order = tuple(0 if axis in rest else None for axis in range(rank)) if kept else (0,)


def _each(args: Mapping[str, Any], name: str, usual: int, rank: int) -> list[int]:
    """An argument that is a number for each spatial axis."""
    value = args.get(name, usual)
    values = value if isinstance(value, list) else [value]
    return values * rank if len(values) == 1 else values
