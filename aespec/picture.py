"""Pictures of reconstructions: originals above, what came back below."""

from __future__ import annotations

import warnings
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

__all__ = ["blank", "reconstructions", "save"]


def reconstructions(originals: Array, restored: Array, path: Path, *, title: str = "") -> None:
    """Draw samples and their reconstructions in two rows, as a PNG.

    Samples of two axes, or of three with one or three channels last, are drawn as images where both image
    axes are at least 8 long; everything else as curves, one for each feature.

    Args:
        originals: The samples, (n, ...).
        restored: Their reconstructions, of the same shape.
        path: Where the picture goes.
        title: Written above.

    Raises:
        AespecError: matplotlib is missing.
    """
    n = len(originals)
    images = _are_images(originals.shape[1:])
    width = 1.1 if images else 2.4
    figure = blank(max(width * n + 0.9, 4.0), 2 * width + 0.5)
    if title:
        figure.suptitle(title, fontsize=10)
    axes = figure.subplots(2, n, squeeze=False, sharey=not images)
    low, high = float(originals.min()), float(originals.max())
    for row, (name, samples) in enumerate((("original", originals), ("restored", restored))):
        axes[row, 0].set_ylabel(name, fontsize=9)
        for column, sample in enumerate(samples):
            (_draw_image if images else _draw_curves)(axes[row, column], sample, low, high)
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


def _are_images(shape: tuple[int, ...]) -> bool:
    return (len(shape) == 2 or (len(shape) == 3 and shape[2] in (1, 3))) and min(shape[:2]) >= 8


def _draw_image(axes: Axes, sample: Array, low: float, high: float) -> None:
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
