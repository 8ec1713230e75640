"""What a backend says of a file that it reads."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from aespec.shapes import Shape

if TYPE_CHECKING:
    from aespec.backend import Array
    from aespec.importing.archive import Archive

__all__ = ["Damaged", "Flaw", "Found", "Part", "Reader", "Tensor", "Unsaid", "own_name", "spec_in"]


@runtime_checkable
class Reader(Protocol):
    """A `Backend` that can read a file of its framework."""

    def read(self, archive: Archive) -> Found:
        """What the file holds.

        Raises:
            AespecError: It is damaged, or no model's.
        """


@dataclass(frozen=True)
class Tensor:
    """An array in a file, not yet read."""

    shape: tuple[int, ...]
    read: Callable[[], Array]
    trained: bool | None = None
    """Whether training changes it, where the file says so."""


@dataclass(frozen=True)
class Part:
    """A layer as the file has it."""

    name: str
    """Its name there."""
    layer: Any
    """What a spec would state for it."""
    tensors: tuple[Tensor, ...] = ()
    """Its parameters in the order and the layout of the kind's."""
    encoding: bool | None = None
    """Whether it is of the encoder, where the file says so."""
    closes: bool = False
    """Whether it is the activation of the layer before it, apart."""
    tied_to: str | None = None
    """The key of the part whose kernel it uses."""
    key: str | None = None
    """What `tied_to` of another names it by."""
    closed: str = ""
    """Its name before an activation closed it, whose name it has then."""

    def called(self, name: str) -> bool:
        """Whether it, or what it is a part of, has that name there; what closes a layer has the layer's."""
        return name in self.own.removesuffix("_activation").split(".")

    @property
    def own(self) -> str:
        """The name of the layer itself."""
        return self.closed or self.name


@dataclass(frozen=True)
class Flaw:
    """Something of the file that a spec cannot say."""

    layer: str
    what: str
    why: str
    help: str
    changes: bool = True
    """Whether the model has other values without it."""
    needed: bool = False
    """Whether what follows it is made for the shape that it gives, so that it cannot be left out."""


@dataclass(frozen=True)
class Found:
    """What a file holds, one layer after the other."""

    name: str
    input: Shape
    parts: tuple[Part, ...]
    flaws: tuple[Flaw, ...] = ()
    loss: Any = None
    """What a spec would state for its loss."""
    training: Mapping[str, Any] = field(default_factory=dict)
    """What a spec would state for its training."""
    notes: tuple[str, ...] = ()
    about: Any = None
    """What aespec has put into the file, see `aespec.brief.about`, as data that may be anything."""


def own_name(name: str, *usual: str) -> dict[str, str]:
    """A layer's field `name`, where its author gave it one that a spec may have, and not the framework by its kind."""
    given = re.fullmatch(rf"({'|'.join(usual)})(_\d+)?_*", name)
    return {} if given or not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", name) else {"name": name}


def spec_in(about: Any) -> dict[str, Any] | None:
    """The spec in what a file says of itself, see `aespec.brief.about`; None where there is none."""
    spec = about.get("spec") if isinstance(about, dict) else None
    return spec if isinstance(spec, dict) else None


class Unsaid(Exception):
    """What a spec cannot say: what it is, and what would be right."""

    def __init__(self, what: str, why: str) -> None:
        super().__init__(what)
        self.what, self.why = what, why


class Damaged(Exception):
    """What is wrong with a file, in words, and what to do."""

    def __init__(self, what: str, help: str = "save the model again") -> None:
        super().__init__(what)
        self.help = help
