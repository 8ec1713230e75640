"""The layers of a proposed encoder: how many numbers its code has, and how it comes to them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count as count_from
from math import prod
from typing import TYPE_CHECKING, Any, Literal

from aespec.source.scalar import ambiguity, plain_value

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from aespec.proposal.evidence import Evidence

    Array = NDArray[np.floating[Any]]

__all__ = ["Said", "Scale", "Use", "code_size", "encoder", "quoted"]

Use = Literal["anomaly", "features", "generation"]

Scale = Literal["unit", "minmax", "standard"]
"""Whether values lie in [0, 1] as they are, are scaled to it, or are scaled to mean 0 and deviation 1."""

AIMS = {
    None: (0.95, 256, "the code"),
    "anomaly": (0.8, 128, "the code, so narrow that only what is usual fits"),
    "features": (0.99, 256, "the code, which is to keep nearly all"),
    "generation": (0.9, 32, "the code, drawn from normals"),
}
"""Of each use: the share of the variance that PCA is to keep with as many numbers as the code has, how many those may
be, and what the code is."""

AFFORDABLE = 20_000_000
"""Weights of a dense layer: 80 MB, four times that in training, and its mirror has as many."""

DEEPEST = 3
"""How many layers halve a width, at most."""


@dataclass(frozen=True)
class Said:
    """A line of a spec, and why it says that."""

    text: str
    why: str = ""


def quoted(name: str) -> str:
    """A name as YAML, without quotes where it needs none."""
    bare = re.fullmatch(r"\w[\w.-]*", name) and ambiguity(name) is None and plain_value(name) == name
    return name if bare else json.dumps(name.replace("${", "$${"), ensure_ascii=not name.isprintable())


def code_size(x: Array, use: Use | None) -> tuple[int, str]:
    """How many numbers a code should have, and why.

    Args:
        x: Samples as a model sees them, (n, numbers).
        use: What the model is for.
    """
    import numpy as np

    share, most, what = AIMS[use]
    centered = x - x.mean(axis=0)
    variances = np.linalg.eigvalsh(centered @ centered.T)[::-1].clip(0)  # of samples: there may be many more numbers
    kept = np.cumsum(variances) / variances.sum()
    wanted = min(int(np.searchsorted(kept, share)) + 1, len(kept))
    half = (x.shape[1] + 1) // 2
    if wanted <= min(most, half):
        return wanted, f"{what}: PCA keeps {share:.0%} of the variance with {wanted}"
    part = "half" if 2 * half == x.shape[1] else "about half"
    limit = f"{part} of the input" if half <= most else "wide enough"
    return min(most, half), f"{what}: {limit}; PCA needs {wanted} for {share:.0%} of the variance"


def encoder(seen: Evidence, shape: Sequence[int], scale: Scale, use: Use | None, code: int, why: str) -> Iterator[Said]:
    """The layers from an input of a shape to the code."""
    if use == "features":
        noise = "gaussian_noise: 0.2" if scale == "standard" else "masking_noise: 0.2"
        yield Said(noise, "in training alone: what undoes it has to know the data")
    rank, least = (2, 7) if seen.kind == "images" else (1, 8)
    halvings, margins = _halvings(seen.shape[:rank], least)
    lengths = [length + margin for length, margin in zip(seen.shape, margins, strict=False)]
    if seen.kind == "images" and halvings:
        if len(shape) == 2:
            yield Said(f"reshape: [{shape[0]}, {shape[1]}, 1]", "one channel")
        yield from _margins(margins, halvings)
        yield from _convolutions(lengths, halvings)
    elif seen.kind == "series" and halvings:
        yield from _margins(margins, halvings)
        yield from _strides(lengths[0], min(halvings, 3))
    elif seen.kind == "series" and seen.shape[0] <= 32:
        yield from _recurrent(code)
    else:
        yield from _dense(shape, code)
    yield Said(
        f"gaussian_latent: {{units: {code}, kl_scale: element}}" if use == "generation" else f"dense: {code}", why
    )


def _halvings(lengths: Sequence[int], least: int) -> tuple[int, list[int]]:
    """How often all lengths can be halved and be no less than that, and what to add to them so that no rest is left.

    Nothing is added where they can be halved once without.
    """
    most = next(count for count in count_from(0) if min(lengths) >> (count + 1) < least)
    exact = next(count for count in count_from(0) if count == most or any(n % 2 ** (count + 1) for n in lengths))
    halvings = exact or min(most, DEEPEST)
    return halvings, [-length % 2**halvings for length in lengths]


def _margins(margins: Sequence[int], halvings: int) -> Iterator[Said]:
    if any(margins):
        added = [[0, margin] for margin in margins]
        yield Said(f"zero_padding{len(margins)}d: {added}", f"to a multiple of {2**halvings}; the mirror takes it off")


def _convolutions(shape: Sequence[int], halvings: int) -> Iterator[Said]:
    for i in range(halvings):
        filters = min(16 * 2**i, 64)
        yield Said(
            f"conv2d: {{filters: {filters}, kernel_size: 3, padding: same, activation: relu}}",
            "smaller images, and more of them" if i == 0 else "",
        )
        yield Said("max_pool2d: 2", f"{shape[0] >> i}x{shape[1] >> i} -> {shape[0] >> i + 1}x{shape[1] >> i + 1}")
    yield Said("flatten")


def _strides(steps: int, halvings: int) -> Iterator[Said]:
    for i in range(halvings):
        yield Said(
            "conv1d: {filters: 32, kernel_size: 7, strides: 2, padding: same, activation: relu}",
            f"{steps >> i} steps -> {steps >> i + 1}",
        )
    yield Said("flatten")


def _recurrent(code: int) -> Iterator[Said]:
    units = max(32, min(2 * code, 256))
    yield Said(f"lstm: {{units: {units}, return_sequences: true}}", "few steps, which are read in their order")
    yield Said(f"lstm: {units}", "the last state stands for all")


def _dense(shape: Sequence[int], code: int) -> Iterator[Said]:
    if len(shape) > 1:
        yield Said("flatten")
    n = prod(shape)
    widths = [max(16, min(512, n, AFFORDABLE // n))]
    while len(widths) < DEEPEST and widths[-1] // 2 > 2 * code:
        widths.append(widths[-1] // 2)
    for i, width in enumerate(widths):
        why = ""
        if i == 0 and width == AFFORDABLE // n:
            why = f"{n:,} inputs, each with as many weights here"
        elif i == 0 and width > n:
            why = "wider than the input, of which the code can so be a curved function"
        elif i == 0 and len(widths) > 1:
            why = "widths halve from layer to layer, and then fall to the code"
        elif i == 0:
            why = "as wide as the input" if width == n else f"between the {n:,} inputs and the code"
        yield Said(f"dense: {{units: {width}, activation: relu}}", why)
