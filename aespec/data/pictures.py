"""Folders of pictures."""

from __future__ import annotations

from math import isqrt
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aespec.data.files import Raw, Split, reason, unreadable
from aespec.diagnostics import AespecError, Diagnostic
from aespec.rules import DataUnreadable

if TYPE_CHECKING:
    from aespec.shapes import Shape

__all__ = ["find_pictures", "read_pictures"]

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp")


def find_pictures(folder: Path) -> list[Path]:
    """All pictures in a folder and in those within it, in the order of their paths."""
    return sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES and path.is_file())


def read_pictures(folder: Path, split: Split, shape: Shape) -> Raw:
    """Read a folder of pictures, each resized to the shape's height and width, gray or in color as the shape says.

    A folder may have parts ``train`` and ``test``. What lies in a folder of its own within it is labelled by that
    folder's name, as torchvision's `ImageFolder` does.

    Raises:
        AespecError: Pillow is missing, or a picture cannot be read.
    """
    import numpy as np

    try:
        from PIL import Image, UnidentifiedImageError
    except ImportError:
        raise missing("Pillow", "data", f"to read the pictures in {folder}") from None

    own = folder / split if (folder / split).is_dir() else None
    if own is None and split == "test" and (folder / "train").is_dir():
        return read_pictures(folder / "train", split, shape)
    root = own or folder
    paths = find_pictures(root)
    size, mode = _wanted(shape)
    found = []
    for path in paths:
        try:
            with Image.open(path) as opened:
                if opened.mode in ("I", "F"):
                    unreadable(path, "pixels of 32 bits", "save it with 8 or 16 bits a channel, or as an array")
                deep = opened.mode.startswith("I;16")  # of which `convert` would keep what is below 256
                picture = (opened.point(lambda value: value / 256) if deep else opened).convert(mode)
        except (OSError, ValueError, SyntaxError, UnidentifiedImageError, Image.DecompressionBombError) as error:
            unreadable(path, reason(error), "take it away or save it again", "a picture")
        if size is None:
            size = (picture.height, picture.width)
        if (picture.height, picture.width) != size:
            picture = picture.resize((size[1], size[0]), Image.Resampling.BILINEAR)
        found.append(np.asarray(picture))
    labels = [path.relative_to(root).parts[0] for path in paths if len(path.relative_to(root).parts) > 1]
    return Raw(
        np.stack(found),
        np.asarray(labels) if len(labels) == len(paths) and len(set(labels)) > 1 else None,
        natural=(0.0, 255.0),
        image=True,
        whole=own is None,
        notes=(f"read {len(paths)} pictures, {'gray' if mode == 'L' else 'in color'}",),
    )


def _wanted(shape: Shape) -> tuple[tuple[int, int] | None, Any]:
    """Height and width, where the shape states them, and Pillow's name of what a pixel is."""
    if len(shape) == 1 and shape[0] is not None and isqrt(shape[0]) ** 2 == shape[0]:
        return (isqrt(shape[0]), isqrt(shape[0])), "L"
    color = len(shape) == 3 and shape[-1] == 3
    sizes = [n for n in shape[:2] if n is not None]
    return ((sizes[0], sizes[1]) if len(sizes) == 2 and len(shape) in (2, 3) else None), "RGB" if color else "L"
