"""An archive that is read as data, and the errors for what is in it."""

from __future__ import annotations

import json
import zipfile
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from aespec.diagnostics import AespecError, Diagnostic
from aespec.rules import ModelUnreadable, NotExpressible

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Archive", "branching", "unreadable"]

TEXT = 64 * 2**20
"""The most bytes of JSON that are read: far more than a model of any size has."""


class Archive:
    """A zip file of which members are read into memory, by name and up to a size; none is ever unpacked."""

    def __init__(self, path: Path, file: zipfile.ZipFile) -> None:
        self.path, self._file = path, file
        self.names = file.namelist()
        if len(set(self.names)) < len(self.names):
            raise unreadable(path, "members of different names", "two of one name")

    @classmethod
    @contextmanager
    def open(cls, path: Path) -> Iterator[Archive]:
        """The archive while it is open.

        Raises:
            AespecError: It is none, or damaged where it is read.
        """
        try:
            with zipfile.ZipFile(path) as file:
                yield cls(path, file)
        except (zipfile.BadZipFile, OSError, EOFError, NotImplementedError) as error:  # the last: a way of packing
            raise unreadable(path, "a whole zip archive", str(error) or type(error).__name__) from None

    def read(self, name: str, most: int) -> bytes:
        """A member, if it is there and not larger than it may be."""
        with self._member(name) as member:
            data = member.read(most + 1)
        if len(data) > most:
            raise unreadable(self.path, f"at most {most:,} bytes in `{name}`", "more")
        return data

    def arrays(self, name: str) -> bytes:
        """A member that has arrays: stored as it is, it is not larger than the archive."""
        return self.read(name, self.path.stat().st_size)

    def json(self, name: str) -> Any:
        """A member that is JSON."""
        try:
            return json.loads(self.read(name, TEXT))
        except (ValueError, RecursionError) as error:
            got = "text nested too deep" if isinstance(error, RecursionError) else str(error)
            raise unreadable(self.path, f"JSON in `{name}`", got) from None

    def _member(self, name: str) -> IO[bytes]:
        try:
            return self._file.open(name)
        except KeyError:
            raise unreadable(self.path, f"a member `{name}`", ", ".join(self.names[:4]) or "an empty archive") from None
        except RuntimeError as error:  # encrypted
            raise unreadable(self.path, f"a member `{name}` to read", str(error)) from None


def unreadable(path: Path, wanted: str, got: str, help: str = "save the model again") -> AespecError:
    """The error for a file that is not what it should be."""
    return AespecError(Diagnostic(ModelUnreadable, f"{path} cannot be imported", wanted=wanted, got=got, help=help))


def branching(path: Path, got: str) -> AespecError:
    """The error for a model that is no chain of layers."""
    return AespecError(
        Diagnostic(
            NotExpressible,
            f"a spec cannot say the model of {path}",
            wanted="layers one after the other, each given the value of the one before",
            got=got,
            help="save a model without branches, such as the encoder and the decoder alone",
        )
    )
