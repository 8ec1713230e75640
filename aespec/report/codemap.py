"""A map of codes for a page: a dot for each sample, which shows the sample when it is pointed at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import ceil, isqrt
from typing import TYPE_CHECKING, Any

from aespec.data.labels import NO_LABEL, classes
from aespec.picture import CLASSES
from aespec.report.page import embedded, render
from aespec.report.samples import most, thinned
from aespec.shapes import counted
from aespec.tables import number

if TYPE_CHECKING:
    import numpy as np
    from markupsafe import Markup
    from numpy.typing import NDArray

    Array = NDArray[np.floating[Any]]

__all__ = ["code_map", "sprite"]

WIDTH, HEIGHT, MARGIN = 1000, 700, 30
"""The map's own units, whatever its size on a screen."""

SIDE = 32
"""Pixels of the longer side of a small image, and steps of a small curve, at most."""

SHEET = 400_000
"""Characters that all small images together take, about, at most."""

LAYER = 100
"""So many dots are drawn, of all classes, before the next: no class lies above the others."""


def code_map(
    points: Array,
    labels: NDArray[Any] | Sequence[Any] | None = None,
    samples: NDArray[Any] | None = None,
    *,
    images: bool = False,
    notes: Sequence[str] | None = None,
    named: bool = True,
    features: Mapping[int, int] | None = None,
    caption: str = "",
) -> Markup:
    """A map as a fragment of HTML for `aespec.report.page.page`, with its own style and script.

    A dot answers to the mouse, to touch and to the arrow keys: its sample's picture, label and note are shown. The
    legend takes classes away and brings them back; the map can be made larger and moved. Without scripts it is there
    as a picture. Both axes have one scale.

    Args:
        points: Where each sample lies, (n, 2), finite.
        labels: What each shows: numbers or names, which are the classes. Of more than can be told apart the map is
            drawn in one color. Samples whose label is NaN or an empty name have none and are gray, below the others.
        samples: What is shown of each: images (n, height, width) or (n, height, width, 1 or 3), of bytes or of numbers
            of any range; or what is drawn as curves, (n, steps, features) or (n, steps).
        images: Whether they are images.
        notes: What is said of each sample.
        named: Write each class's name on the map too, amid its dots.
        features: Of a series, those that are drawn, and the number of each one's color; by default those that vary
            most.
        caption: A sentence below the map.

    Raises:
        AespecError: jinja2, or for images Pillow, is missing.
    """
    import numpy as np

    points = np.asarray(points, dtype="float64")
    if points.ndim != 2 or points.shape[1] != 2 or not np.isfinite(points).all():
        raise ValueError(f"points are finite and (n, 2), not {points.shape}")
    names, index = ([], np.zeros(len(points), np.int64)) if labels is None else classes(labels)
    places = _placed(points)
    shown = len(names) <= CLASSES
    legend = [
        {
            "kind": i,
            "name": name,
            "count": number(int((index == i).sum())),
            "x": int(np.median(places[index == i, 0])),
            "y": int(np.median(places[index == i, 1])),
        }
        for i, name in [*enumerate(names if shown else ()), *([(-1, NO_LABEL)] if (index < 0).any() else [])]
    ]
    data: dict[str, Any] = {
        "x": places[:, 0].tolist(),
        "y": places[:, 1].tolist(),
        "classes": index.tolist(),
        "names": names,
        "unlabelled": NO_LABEL,
        "notes": list(notes or ()),
    }
    picture = None
    if samples is not None and len(samples):
        if images:
            picture, data["sprite"] = sprite(samples)
        else:
            drawn = features or {feature: i for i, feature in enumerate(most(samples, about_mean=True))}
            data["curves"], data["colors"] = _curves(samples, [*drawn]).tolist(), [*drawn.values()]
    return render(
        "codemap.html.j2",
        name=f"Map of the codes: {counted(len(points))}" + (f" of {len(names):,} classes" if len(names) > 1 else ""),
        caption=caption,
        width=WIDTH,
        height=HEIGHT,
        layers=_layers(places, index if shown else index.clip(max=0)),
        legend=legend,
        named=named and len(legend) > 1,
        data=data,
        sprite=picture,
    )


def sprite(images: NDArray[Any]) -> tuple[str, dict[str, int]]:
    """Many images as one, in rows as long as the columns: its address, and how many ``columns`` of what size.

    They are made small enough for the page: at most 32 pixels a side, and smaller where that is still too much. Grey
    ones keep 32 shades.

    Args:
        images: As for `code_map`.

    Raises:
        AespecError: Pillow is missing.
    """
    import numpy as np

    pixels = _as_bytes(np.asarray(images))
    if pixels.ndim == 4 and pixels.shape[3] == 1:
        pixels = pixels[..., 0]
    if pixels.ndim == 3:
        pixels = pixels // 8 * 8 + pixels // 32
    longer = max(pixels.shape[1:3])
    for step in range(ceil(longer / SIDE), longer + 1):
        small = pixels[:, step // 2 :: step, step // 2 :: step]
        n, height, width = small.shape[:3]
        columns = isqrt(n - 1) + 1
        rows = ceil(n / columns)
        sheet = np.zeros((rows * columns, *small.shape[1:]), "uint8")
        sheet[:n] = small
        sheet = sheet.reshape(rows, columns, *small.shape[1:]).swapaxes(1, 2)
        sheet = sheet.reshape(rows * height, columns * width, *small.shape[3:])
        address = embedded(sheet, quality=70)
        if len(address) <= SHEET:
            break
    return address, {"columns": columns, "width": width, "height": height}


def _curves(samples: Array, features: Sequence[int]) -> NDArray[np.int64]:
    """Series as they are drawn, (n, steps, features): thinned, and upward from 0 to 99."""
    import numpy as np

    drawn = thinned(samples, SIDE, features)
    low, high = float(drawn.min()), float(drawn.max())
    return np.round(99 * (drawn - low) / ((high - low) or 1.0)).astype("int64")


def _as_bytes(images: NDArray[Any]) -> NDArray[np.uint8]:
    """Images as bytes; numbers of another type are spread from their least to their largest."""
    import numpy as np

    if images.dtype == np.uint8:
        return images
    low, high = float(images.min()), float(images.max())
    return np.round((images - low) * (255 / ((high - low) or 1.0))).astype("uint8")


def _placed(points: Array) -> NDArray[np.int64]:
    """Points in the units of the map, upward being less, with one scale for both axes."""
    import numpy as np

    low, high = (points.min(0), points.max(0)) if len(points) else (np.zeros(2), np.ones(2))
    center = np.array([WIDTH, HEIGHT]) / 2
    room = 2 * (center - MARGIN)
    spans = high - low
    scale = min((r / s for r, s in zip(room, spans, strict=True) if s > 0), default=1.0)
    centered = (points - (low + high) / 2) * scale * (1, -1)
    return np.round(center + centered).astype("int64")


def _layers(places: NDArray[np.int64], classes: NDArray[np.int64]) -> list[tuple[int, str]]:
    """What is drawn, from below: a class, and the path of some of its dots. Those of none, -1, are lowest."""
    import numpy as np

    found = []
    order = np.argsort(classes >= 0, kind="stable")
    places, classes = places[order], classes[order]
    for start in range(0, len(places), LAYER):
        some = slice(start, start + LAYER)
        for each in np.unique(classes[some]):
            dots = places[some][classes[some] == each]
            found.append((int(each), "".join(f"M{x} {y}h0" for x, y in dots.tolist())))
    return found
