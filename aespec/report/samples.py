"""Samples on a page: images, series as curves, rows of a table as marks on scales."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from aespec.report.page import embedded, render

if TYPE_CHECKING:
    import numpy as np
    from markupsafe import Markup
    from numpy.typing import NDArray

    Array = NDArray[np.floating[Any]]

__all__ = ["gallery", "is_row", "thinned"]

SIDE = 96
"""Pixels of the longer side of an image, at most."""

FEATURES = 3
"""So many features of a series are drawn, those that vary most."""

STEPS = 256
"""So many steps of a series are drawn, evenly spread."""

MARKS = 24
"""A sample of one axis with more numbers than that is drawn as a curve."""


def gallery(
    originals: Array,
    restored: Array | None,
    texts: Sequence[str],
    *,
    images: bool,
    columns: Sequence[str] | None = None,
) -> Markup:
    """Samples, each with its reconstruction where there are any: images above each other, all else on one scale.

    Args:
        originals: The samples, (n, ...).
        restored: Their reconstructions, of the same shape.
        texts: What is said of each.
        images: Whether they are images.
        columns: What the features are called.

    Raises:
        AespecError: jinja2, or for images Pillow, is missing.
    """
    rows = [originals] if restored is None else [originals, restored]
    if images:
        return render("images.html.j2", items=list(zip(*map(_images, _even(rows)), texts, strict=True)))
    if is_row(originals.shape[1:]):
        return _table(rows, texts, columns)
    return _series(rows, texts, columns)


def is_row(shape: tuple[int, ...]) -> bool:
    """Whether samples of a shape are drawn number by number: few of them, along one axis."""
    return len(shape) == 1 and shape[0] <= MARKS


def _even(rows: Sequence[Array]) -> list[NDArray[np.uint8]]:
    """Images as bytes, the range of the first of several becoming 0 to 255."""
    import numpy as np

    low, high = float(rows[0].min()), float(rows[0].max())
    scale = 255 / ((high - low) or 1.0)
    return [np.round(np.clip(np.nan_to_num((row - low) * scale), 0, 255)).astype("uint8") for row in rows]


def _images(row: NDArray[np.uint8]) -> list[str]:
    row = row[..., 0] if row.ndim == 4 and row.shape[3] == 1 else row
    return [embedded(image, side=SIDE) for image in row]


def thinned(samples: Array, steps: int) -> tuple[Array, NDArray[np.int64]]:
    """What is drawn of series, (n, steps, features): so many steps, evenly spread, and the features that vary most.

    Samples of another number of axes are series of one feature.

    Returns:
        The values, and which features they are of, in order.
    """
    import numpy as np

    series = np.nan_to_num(samples if samples.ndim == 3 else samples.reshape(len(samples), -1, 1))
    length = series.shape[1]
    times = np.unique(np.linspace(0, length - 1, min(length, steps)).round().astype("int64"))
    most = np.sort(np.argsort(-series.var(axis=(0, 1)), kind="stable")[:FEATURES])
    return series[:, times][:, :, most], most


def _series(rows: Sequence[Array], texts: Sequence[str], columns: Sequence[str] | None) -> Markup:
    import numpy as np

    first = rows[0]
    features = first.shape[2] if first.ndim == 3 else 1
    n, (drawn, shown) = len(first), thinned(np.concatenate(rows), STEPS)
    low, high = float(drawn.min()), float(drawn.max())
    up = (4 + 92 * (high - drawn) / ((high - low) or 1.0)).round(1)
    across = np.linspace(0, 100, drawn.shape[1]).round(1).tolist()

    def path(values: Array) -> str:
        return "M" + "L".join(f"{x:g} {y:g}" for x, y in zip(across, values.tolist(), strict=True))

    items = [
        ([[path(each) for each in up[i::n, :, f]] for f in range(len(shown))], text) for i, text in enumerate(texts)
    ]
    named = columns if columns and len(columns) == features else [f"feature {i + 1}" for i in range(features)]
    names = [named[i] for i in shown] if features > 1 else []
    return render("series.html.j2", items=items, names=names, features=features, pairs=len(rows) > 1)


def _table(rows: Sequence[Array], texts: Sequence[str], columns: Sequence[str] | None) -> Markup:
    import numpy as np

    features = rows[0].shape[1]
    low = np.nanmin([row.min(axis=0) for row in rows], axis=0)
    span = np.nanmax([row.max(axis=0) for row in rows], axis=0) - low
    span[span == 0] = 1
    names = columns if columns and len(columns) == features else [str(i + 1) for i in range(features)]
    at = [np.round(100 * np.nan_to_num((row - low) / span), 1).tolist() for row in rows]
    items = [
        (
            [
                (name, [place[i][f] for place in at], [f"{row[i, f]:.3g}" for row in rows])
                for f, name in enumerate(names)
            ],
            text,
        )
        for i, text in enumerate(texts)
    ]
    return render("marks.html.j2", items=items, pairs=len(rows) > 1)
