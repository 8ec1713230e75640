"""The specs that come with aespec."""

from __future__ import annotations

from pathlib import Path

__all__ = ["zoo"]


def zoo() -> dict[str, Path]:
    """The file of each spec in the zoo, by its name: in the wheel, or beside the package in a checkout."""
    package = Path(__file__).parent
    folder = next(f for f in (package / "_specs", package.parent / "specs") if f.is_dir())
    return {path.stem: path for path in sorted(folder.glob("*.yaml"))}
