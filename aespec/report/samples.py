"""Samples on a page: images, series as curves, rows of a table as marks on scales."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from aespec.report.page import embedded, render

if TYPE_CHECKING:
    import numpy as np
    from markupsafe import Markup
    from numpy.typing import NDArray

    Array = NDArray[np.floating[Any]]

__all__ = ["gallery", "is_row", "most", "thinned"]

SIDE = 96
"""Pixels of the longer side of an image, at most."""

FEATURES = 3
"""So many features of a series are drawn."""

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
    features: Mapping[int, int] | None = None,
    which: str = "vary most",
) -> Markup:
    """Samples, each with its reconstruction where there are any: images above each other, all else on one scale.

    Args:
        originals: The samples, (n, ...).
        restored: Their reconstructions, of the same shape.
        texts: What is said of each.
        images: Whether they are images.
        columns: What the features are called.
        features: Of a series, those that are drawn, and the number of each one's color; by default those that vary
            most.
        which: What these features do that others do less.

    Raises:
        AespecError: jinja2, or for images Pillow, is missing.
    """
    import numpy as np

    rows = [originals] if restored is None else [originals, restored]
    if images:
        return render("images.html.j2", items=list(zip(*map(_images, _even(rows)), texts, strict=True)))
    if is_row(originals.shape[1:]):
        return _table(rows, texts, columns)
    if features is None:
        features = {feature: i for i, feature in enumerate(most(np.concatenate(rows), about_mean=True))}
    return _series(rows, texts, columns, features, which)


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


def most(samples: Array, *, about_mean: bool = False) -> list[int]:
    """The features of series with the largest squares, or variances, as many as are drawn, in their order."""
    import numpy as np

    series = _as_series(samples)
    sizes = series.var(axis=(0, 1)) if about_mean else np.square(series).mean(axis=(0, 1))
    return sorted(np.argsort(-sizes, kind="stable")[:FEATURES].tolist())


def _as_series(samples: Array) -> Array:
    """Samples that are drawn as series, (n, steps, features); of another number of axes they have one feature."""
    import numpy as np

    return np.nan_to_num(samples if samples.ndim == 3 else samples.reshape(len(samples), -1, 1))


def thinned(samples: Array, steps: int, features: Sequence[int]) -> Array:
    """What is drawn of series: so many steps, evenly spread, of these features."""
    import numpy as np

    series = _as_series(samples)
    length = series.shape[1]
    times = np.unique(np.linspace(0, length - 1, min(length, steps)).round().astype("int64"))
    return series[:, times][:, :, list(features)]


def _named(columns: Sequence[str] | None, features: int) -> Sequence[str]:
    return columns if columns and len(columns) == features else [f"feature {i}" for i in range(features)]


def _series(
    rows: Sequence[Array],
    texts: Sequence[str],
    columns: Sequence[str] | None,
    features: Mapping[int, int],
    which: str,
) -> Markup:
    import numpy as np

    n, width = len(rows[0]), rows[0].shape[2] if rows[0].ndim == 3 else 1
    drawn = thinned(np.concatenate(rows), STEPS, [*features])
    low, high = float(drawn.min()), float(drawn.max())
    up = (4 + 92 * (high - drawn) / ((high - low) or 1.0)).round(1)
    across = np.linspace(0, 100, drawn.shape[1]).round(1).tolist()

    def path(values: Array) -> str:
        return "M" + "L".join(f"{x:g} {y:g}" for x, y in zip(across, values.tolist(), strict=True))

    items = [
        ([(color, [path(each) for each in up[i::n, :, f]]) for f, color in enumerate(features.values())], text)
        for i, text in enumerate(texts)
    ]
    called = _named(columns, width)
    names = [(color, called[feature]) for feature, color in features.items()] if width > 1 else []
    return render("series.html.j2", items=items, names=names, features=width, which=which, pairs=len(rows) > 1)


def _table(rows: Sequence[Array], texts: Sequence[str], columns: Sequence[str] | None) -> Markup:
    import numpy as np

    features = rows[0].shape[1]
    low = np.nanmin([row.min(axis=0) for row in rows], axis=0)
    span = np.nanmax([row.max(axis=0) for row in rows], axis=0) - low
    span[span == 0] = 1
    names = _named(columns, features)
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
