"""Pictures of samples: originals above, what became of them below."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aespec.diagnostics import AespecError, Diagnostic
from aespec.rules import BackendUnavailable

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    Array = NDArray[np.floating[Any]]

__all__ = ["are_images", "blank", "draw_sample", "reconstructions", "save"]


def reconstructions(rows: Mapping[str, Array], path: Path, *, title: str = "") -> None:
    """Draw samples and what became of them, a row each and one below the other, as a PNG.

    Samples that `are_images` are drawn as such, everything else as curves, one for each feature. The gray of an image
    has the range of the first row.

    Args:
        rows: What each row is called, and its samples, (n, ...); the originals first.
        path: Where the picture goes.
        title: Written above.

    Raises:
        AespecError: matplotlib is missing.
    """
    everything = list(rows.values())
    n, images = len(everything[0]), are_images(everything[0].shape[1:])
    width = 1.1 if images else 2.4
    figure = blank(max(width * n + 0.9, 4.0), len(rows) * width + 0.5)
    if title:
        figure.suptitle(title, fontsize=10)
    axes = figure.subplots(len(rows), n, squeeze=False, sharey=not images)
    seen = everything[:1] if images else everything
    low, high = min(float(each.min()) for each in seen), max(float(each.max()) for each in seen)
    for row, (name, samples) in enumerate(rows.items()):
        axes[row, 0].set_ylabel(name, fontsize=9)
        for column, sample in enumerate(samples):
            draw_sample(axes[row, column], sample, low, high)
    save(figure, path)


def blank(width: float, height: float) -> Figure:
    """A figure of that size, in inches, to draw in.

    Raises:
        AespecError: matplotlib is missing.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise AespecError(
            Diagnostic(
                BackendUnavailable,
                "matplotlib is not installed",
                wanted="matplotlib, to draw pictures",
                got="no such package",
                help="`pip install 'aespec[plots]'`",
            )
        ) from None
    return Figure(figsize=(width, height), layout="constrained", dpi=110)


def save(figure: Figure, path: Path) -> None:
    """Write a figure in the format of the path's ending, whole or not at all."""
    temporary = path.with_name(path.name + ".part")
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph")  # of a name in a script that matplotlib's font has not
        figure.savefig(temporary, format=path.suffix[1:].lower() or "png")
    temporary.replace(path)


def are_images(shape: tuple[int, ...], side: int = 8) -> bool:
    """Whether samples of a shape are images: of two axes, or of three with one or three channels last, and not small.

    Args:
        shape: Of a sample.
        side: How long both image axes are at least.
    """
    return (len(shape) == 2 or (len(shape) == 3 and shape[2] in (1, 3))) and min(shape[:2]) >= side


def draw_sample(axes: Axes, sample: Array, low: float, high: float) -> None:
    """Draw a sample as an image where it is one, else as curves, between these values."""
    (_draw_image if are_images(sample.shape) else _draw_curves)(axes, sample, low, high)


def _draw_image(axes: Axes, sample: Array, low: float, high: float) -> None:
    if sample.ndim == 3 and sample.shape[2] == 3:
        sample = ((sample - low) / (high - low or 1)).clip(0, 1)  # matplotlib takes colors from 0 to 1
    axes.imshow(sample.squeeze(), cmap="gray", vmin=low, vmax=high, interpolation="nearest")
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_visible(False)


def _draw_curves(axes: Axes, sample: Array, low: float, high: float) -> None:
    curves = sample if sample.ndim == 2 else sample.reshape(-1, 1)
    axes.plot(curves, linewidth=0.9, marker="." if len(curves) < 12 else None)
    margin = 0.05 * (high - low) or 0.5
    axes.set_ylim(low - margin, high + margin)
    axes.tick_params(labelsize=6)
