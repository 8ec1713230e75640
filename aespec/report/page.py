"""A page of HTML in one file: its frame, its style, and what becomes of text and pictures in it."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from io import BytesIO
from typing import TYPE_CHECKING, Any

from aespec.diagnostics import missing

if TYPE_CHECKING:
    import numpy as np
    from jinja2 import Environment
    from markupsafe import Markup
    from numpy.typing import NDArray

__all__ = ["Section", "embedded", "page", "render"]


@dataclass(frozen=True)
class Section:
    """A part of a page, under a heading of its own."""

    title: str
    """In plain text."""
    body: Markup
    """HTML, as `render` gives it."""
    lead: str = ""
    """A sentence below the heading, in plain text."""

    @property
    def anchor(self) -> str:
        """What a link to it ends in: ``#loss-curves``."""
        return "".join(c if c.isalnum() else "-" for c in self.title.lower())


def page(title: str, *sections: Section, lead: str = "", kicker: str = "", foot: str = "") -> str:
    """A whole page, with links to its sections where it has several.

    It has its style in it, follows the light or dark of the system, fits a phone, and forbids itself every request.

    Args:
        title: The heading, in plain text as are all of the others.
        sections: What is on it.
        lead: A sentence below the heading.
        kicker: A few words above the heading.
        foot: The last line.

    Raises:
        AespecError: jinja2 is missing.
    """
    return str(render("page.html.j2", title=title, sections=sections, lead=lead, kicker=kicker, foot=foot))


def render(template: str, **values: Any) -> Markup:
    """What a template beside this module makes of values. Text is escaped; HTML is what is marked as such.

    Raises:
        AespecError: jinja2 is missing.
    """
    environment = _environment()
    from markupsafe import Markup

    return Markup(environment.get_template(template).render(**values))


def embedded(pixels: NDArray[np.uint8], *, side: int | None = None, quality: int = 90) -> str:
    """An image as the address of itself, ``data:image/png;base64,...``: a PNG of grey, a JPEG of colors.

    Args:
        pixels: Bytes, (height, width) of grey or (height, width, 3) of red, green and blue.
        side: Pixels of the longer side, at most; a larger image is made smaller.
        quality: Of a JPEG, up to 95.

    Raises:
        AespecError: Pillow is missing.
    """
    try:
        from PIL import Image
    except ImportError:
        raise missing("Pillow", "plots", "to put pictures on pages") from None
    image, file = Image.fromarray(pixels), BytesIO()
    if side is not None:
        image.thumbnail((side, side))
    kind, options = ("png", {}) if pixels.ndim == 2 else ("jpeg", {"quality": quality, "subsampling": 0})
    image.save(file, kind, **options)
    return f"data:image/{kind};base64,{b64encode(file.getvalue()).decode()}"


@cache
def _environment() -> Environment:
    try:
        from jinja2 import Environment, PackageLoader, StrictUndefined
        from markupsafe import Markup
    except ImportError:
        raise missing("jinja2", "plots", "to write pages") from None

    def source(name: str) -> Markup:
        """A file beside this module as it is: style or script."""
        return Markup(files("aespec.report").joinpath(name).read_text(encoding="utf-8"))

    environment = Environment(
        loader=PackageLoader("aespec", "report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    named: Mapping[str, Any] = {"source": source, "zip": zip}
    environment.globals.update(named)
    return environment
