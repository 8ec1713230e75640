"""What is chosen for data that was looked at: the input, the layers, the loss and the plan, each with its reason."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aespec.proposal.layers import Said, Scale, Use, code_size, encoder, quoted
from aespec.shapes import counted
from aespec.tables import number

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from aespec.proposal.evidence import Evidence

    Array = NDArray[np.floating[Any]]

__all__ = ["Choices", "choose"]

SHARP = 0.25
"""The share of values near 0 or 1 from which cross-entropy is chosen."""

STEPS, EPOCHS = 5_000, (5, 10, 20, 50, 100, 200)
"""How many steps of training are aimed at, and what is taken for epochs."""

NAMED = 6
"""How many columns that are left out are named."""

KINDS = {"images": "images", "series": "windows of a series", "table": "a table", "arrays": "arrays"}


@dataclass(frozen=True)
class Choices:
    """The lines of each part of a spec."""

    input: list[Said]
    encoder: list[Said]
    decoder: list[Said]
    """With the loss."""
    training: list[Said]
    code: int
    """How many numbers the code has."""


def choose(seen: Evidence, use: Use | None) -> Choices:
    """Choose a model for data, and for what it is to be used, if for anything particular."""
    scale, why = _scale(seen)
    channel = seen.kind == "images" and len(seen.shape) == 2 and scale == "minmax"
    shape = (*seen.shape, 1) if channel else seen.shape
    code, because = code_size(_scaled(seen.sample.reshape(-1, *shape), scale), use)
    values = {
        "unit": [Said("range: [0, 1]", why)],
        "minmax": [Said("scaling: minmax", why), Said("range: [0, 1]")],
        "standard": [Said("scaling: standard", why)],
    }
    axes = Said(f"shape: [{', '.join(map(str, shape))}]", f"{KINDS[seen.kind]}: {seen.why}")
    return Choices(
        [axes, *values[scale], *_columns(seen)],
        list(encoder(seen, shape, scale, use, code, because)),
        [Said("decoder: mirror", "the encoder undone"), _loss(seen, scale)],
        list(_plan(seen.samples)),
        code,
    )


def _scale(seen: Evidence) -> tuple[Scale, str]:
    if seen.known_range and seen.kind != "images" and seen.high <= 1:
        why = "bytes, 0 to 255, which are scaled to it; if 0 and 1 are meant, as none is above 1, save them as bool"
        return "unit", why
    if seen.known_range:
        return "unit", f"{'pixels' if seen.kind == 'images' else 'bytes, 0 to 255'}, which are scaled to it"
    if seen.low >= 0 and seen.high <= 1 and (seen.kind == "images" or set(seen.sample.flat) <= {0.0, 1.0}):
        return "unit", f"values from {seen.low:.4g} to {seen.high:.4g}"
    if seen.kind == "images":
        return "minmax", f"values from {seen.low:.4g} to {seen.high:.4g}, brought to [0, 1]"
    return "standard", "each feature to mean 0 and deviation 1, to count alike"


def _scaled(x: Array, scale: Scale) -> Array:
    """Samples as the model will see them, (n, numbers), up to what is the same for all numbers."""
    flat = x.reshape(-1, x.shape[-1])
    if scale != "unit":
        deviations = flat.std(axis=0)
        flat = flat / (deviations + (deviations == 0))
    return flat.reshape(len(x), -1)


def without(seen: Evidence) -> str:
    """The columns that are no features, each with what keeps it from being one."""
    left = [f"{name or 'a column'} ({why})" for name, why in seen.left_out.items()]
    others = [f"{number(len(left) - NAMED)} more"] if len(left) > NAMED else []
    return f"without {'; '.join([*left[:NAMED], *others])}"


def _columns(seen: Evidence) -> Iterator[Said]:
    if seen.features is not None:
        yield Said(f"columns: [{', '.join(map(quoted, seen.features))}]", without(seen))
    if seen.label is not None:
        yield Said(f"label: {quoted(seen.label)}", "what each sample is: no model sees it")
    if seen.stride is not None:
        yield Said(f"stride: {seen.stride}", f"a window every {seen.stride} steps")


def _loss(seen: Evidence, scale: Scale) -> Said:
    if scale == "unit" and seen.extremes >= SHARP:
        return Said("loss: binary_crossentropy", f"{seen.extremes:.0%} of the values are near 0 or 1")
    few = f"few values, {seen.extremes:.0%}, are near 0 or 1"
    return Said("loss: mse", few if scale == "unit" else "values that are measured, not yes or no")


def _plan(samples: int) -> Iterator[Said]:
    rate = 0.003 if samples < 2_000 else 0.001
    batch = 32 if samples < 5_000 else 64 if samples < 50_000 else 128
    steps = -(-samples // batch)
    epochs = min(EPOCHS, key=lambda epochs: abs(epochs * steps - STEPS))
    yield Said(
        f"optimizer: {{adam: {rate}}}", "its usual rate" if rate == 0.001 else "above its usual rate, for few samples"
    )
    yield Said(f"epochs: {epochs}", f"{counted(epochs * steps, 'step')}")
    yield Said(f"batch_size: {batch}", f"of {counted(samples)}")
    if samples >= 20:
        yield Said("validation_split: 0.1", "the last tenth, to see what is learnt by heart")
        yield Said("early_stopping: 10", "epochs without a better loss there")
    else:
        yield Said("validation_split: 0", "too few samples to spare any")
