"""Folders of pictures."""

from __future__ import annotations

from math import isqrt
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aespec.data.files import Raw, Split, reason, unreadable
from aespec.diagnostics import missing

if TYPE_CHECKING:
    from aespec.shapes import Shape

__all__ = ["SUFFIXES", "find_pictures", "read_pictures"]

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp")


def find_pictures(folder: Path) -> list[Path]:
    """All pictures in a folder and in those within it, in the order of their paths."""
    return sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES and path.is_file())


def read_pictures(folder: Path, split: Split, shape: Shape) -> Raw:
    """Read a folder of pictures, each resized to the shape's height and width, gray or in color as the shape says.

    A folder may have parts ``train`` and ``test``. What lies in a folder of its own within it is labelled by that
    folder's name, as torchvision's `ImageFolder` does. Classes come by turns, so that the last pictures, which may be
    held out, are of all of them.

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
    paths = _by_turns(find_pictures(root), root)
    size, mode = _wanted(shape)
    found, resized = [], 0
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
            picture, resized = picture.resize((size[1], size[0]), Image.Resampling.BILINEAR), resized + 1
        found.append(np.asarray(picture))
    labels = [_class(path, root) for path in paths]
    labelled = all(labels) and len(set(labels)) > 1
    fit = f", {resized} of them resized to {size[1]}x{size[0]}" if resized and size else ""
    return Raw(
        np.stack(found),
        np.asarray(labels) if labelled else None,
        natural=(0.0, 255.0),
        image=True,
        whole=own is None,
        names=tuple(path.relative_to(root).as_posix() for path in paths),
        notes=(f"read {len(paths)} pictures, {'gray' if mode == 'L' else 'in color'}{fit}",),
    )


def _class(path: Path, root: Path) -> str:
    """The folder within the root that a picture lies in; empty where it lies in none."""
    return path.relative_to(root).parts[0] if path.parent != root else ""


def _by_turns(paths: list[Path], root: Path) -> list[Path]:
    """Pictures in an order in which every stretch has as much of each class as the whole."""
    members: dict[str, list[Path]] = {}
    for path in paths:
        members.setdefault(_class(path, root), []).append(path)
    places = {path: (i + 0.5) / len(own) for own in members.values() for i, path in enumerate(own)}
    return sorted(paths, key=places.__getitem__)


def _wanted(shape: Shape) -> tuple[tuple[int, int] | None, Any]:
    """Height and width, where the shape states them, and Pillow's name of what a pixel is."""
    if len(shape) == 1 and shape[0] is not None and isqrt(shape[0]) ** 2 == shape[0]:
        return (isqrt(shape[0]), isqrt(shape[0])), "L"
    color = len(shape) == 3 and shape[-1] == 3
    sizes = [n for n in shape[:2] if n is not None]
    return ((sizes[0], sizes[1]) if len(sizes) == 2 and len(shape) in (2, 3) else None), "RGB" if color else "L"
