"""What operations come to, and pieces that are one layer together."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from aespec.importing import Tensor
from aespec.shapes import Shape, same_padding, scatter_start

__all__ = ["Piece", "joined"]


@dataclass(frozen=True)
class Piece:
    """A layer, or a part of one."""

    kind: str
    fields: dict[str, Any] = field(default_factory=dict)
    tensors: tuple[Tensor, ...] = ()
    closes: bool = False
    tied_to: str | None = None
    key: str | None = None
    """These four are as in `aespec.importing.Part`."""
    beside: str | None = None
    """The module that it has swallowed though the output does not depend on that."""
    name: str = ""
    given: Shape = ()
    """The shape of what it is given."""
    encoding: bool | None = None
    at_each_step: bool = False


def joined(pieces: Iterable[Piece]) -> list[Piece]:
    """The pieces, those that are one layer together made one."""
    found: list[Piece] = []
    for piece in pieces:
        while found and (one := _join(found[-1], piece)) is not None:
            found.pop()
            piece = one
        found.append(piece)
    return found


def _join(one: Piece, other: Piece) -> Piece | None:
    rule = JOINS.get((one.kind.rstrip("12d"), other.kind.rstrip("12d")))
    alike = one.at_each_step == other.at_each_step and one.encoding == other.encoding
    return rule(one, other) if rule is not None and alike else None


def _sum(one: Piece, other: Piece) -> Piece | None:
    """Margins on margins of one module."""
    if one.name != other.name:
        return None
    ((name, margins),), ((_, more),) = one.fields.items(), other.fields.items()
    pairs = [[a + c, b + d] for (a, b), (c, d) in zip(margins, more, strict=True)]
    return replace(one, fields={name: pairs})


def _product(one: Piece, other: Piece) -> Piece | None:
    """Repetitions of repetitions of one module."""
    if one.name != other.name:
        return None
    sizes = [n * m for n, m in zip(one.fields["size"], other.fields["size"], strict=True)]
    return replace(one, fields={"size": sizes})


def _same(padding: Piece, conv: Piece) -> Piece | None:
    """A convolution of what is padded just so that it is ``padding: same``."""
    fields = conv.fields
    windows = list(zip(fields["kernel_size"], fields["strides"], fields["dilation_rate"], strict=True))
    lengths = list(zip(padding.given[:-1], windows, strict=True))
    if any(n is None and stride > 1 for n, (_, stride, _) in lengths):
        return None  # it depends on the length
    margins = [list(same_padding(n or 1, size, stride, rate)) for n, (size, stride, rate) in lengths]
    is_same = padding.fields["padding"] == margins
    return replace(conv, fields={**fields, "padding": "same"}, given=padding.given) if is_same else None


def _same_transposed(conv: Piece, cropping: Piece) -> Piece | None:
    """A transposed convolution that is cropped just so that it is ``padding: same``."""
    fields = conv.fields
    if fields.get("padding") == "same" or any(fields.get("output_padding", ())):
        return None
    margins = []
    for size, stride, rate in zip(fields["kernel_size"], fields["strides"], fields["dilation_rate"], strict=True):
        start = scatter_start(size, stride, "same", rate)
        margins.append([start, max((size - 1) * rate + 1 - stride, 0) - start])
    return replace(conv, fields={**fields, "padding": "same"}) if cropping.fields["cropping"] == margins else None


JOINS: dict[tuple[str, str], Callable[[Piece, Piece], Piece | None]] = {
    ("zero_padding", "zero_padding"): _sum,
    ("cropping", "cropping"): _sum,
    ("upsampling", "upsampling"): _product,
    ("zero_padding", "conv"): _same,
}
JOINS |= {(f"conv{rank}d_transpose", "cropping"): _same_transposed for rank in (1, 2)}
"""The rules, by the kinds without their number of axes."""
