"""An archive that is read as data, and the errors for what is in it."""

from __future__ import annotations

import json
import re
import zipfile
import zlib
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from aespec.diagnostics import AespecError, Diagnostic, show
from aespec.importing.found import Damaged, Unsaid
from aespec.rules import ModelUnreadable, NotExpressible

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Archive", "branching", "unreadable"]

TEXT = 64 * 2**20
"""The most bytes of JSON that are read: far more than a model of any size has."""

FOLD = 16
"""How many times as large as the archive its arrays may be, together: packing saves that much where most are zero."""

SMALL = 2**20
"""Bytes of arrays that are read in any case."""


class Archive:
    """A zip file of which members are read into memory, by name and up to a size; none is ever unpacked."""

    def __init__(self, path: Path, file: zipfile.ZipFile) -> None:
        self.path, self._file = path, file
        self.at = "its start"
        """What of it is being read, for messages."""
        self.names = file.namelist()
        self._room = max(SMALL, FOLD * path.stat().st_size)
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
        except OSError as error:
            got = error.strerror.lower() if error.strerror else "a damaged file"
            raise unreadable(path, "a whole zip archive", got) from None
        except (zipfile.BadZipFile, EOFError, NotImplementedError, zlib.error):
            raise unreadable(path, "a whole zip archive", "a damaged file, or one of another kind") from None

    @contextmanager
    def reading(self, wanted: str) -> Iterator[None]:
        """While its data is made sense of: what does not fit is said in words.

        Raises:
            AespecError: The model is no chain of layers, or something is not as it has to be.
        """
        try:
            yield
        except Unsaid as unsaid:
            raise branching(self.path, unsaid.what) from None
        except MALFORMED as error:
            help = error.help if isinstance(error, Damaged) else AGAIN
            raise unreadable(self.path, wanted, f"{_in_words(error)} at {self.at}", help) from None

    def arrays(self, name: str) -> bytes:
        """A member that has arrays, packed or not, as long as all of them are not far larger than the archive."""
        self.at = f"`{name}`"
        data = self._read(name, self._room)
        self._room -= len(data)
        return data

    def json(self, name: str) -> Any:
        """A member that is JSON, its texts in one line, numbers that were float32 with as many digits as these have."""
        self.at = f"`{name}`"
        try:
            found = json.loads(self._read(name, TEXT), parse_float=_number)
            json.dumps(found, ensure_ascii=False).encode()  # which halves of characters prevent
            return _in_one_line(found)
        except json.JSONDecodeError as error:
            got = f"another text, from line {error.lineno}, column {error.colno}"
        except RecursionError:
            got = "text nested too deep"
        except ValueError:  # no UTF-8, half a character, or a whole number of thousands of digits
            got = "characters or numbers that cannot be written"
        raise unreadable(self.path, f"JSON in {self.at}", got)

    def _read(self, name: str, most: int) -> bytes:
        """A member, if it is there and not larger than it may be."""
        with self._member(name) as member:
            data = member.read(most + 1)
        if len(data) > most:
            raise unreadable(self.path, f"at most {most:,} bytes in `{name}`", "more")
        return data

    def _member(self, name: str) -> IO[bytes]:
        if name not in self.names:
            got = ", ".join(map(show, self.names[:4])) or "an empty archive"
            raise unreadable(self.path, f"a member `{name}`", got)
        try:
            if self._file.getinfo(name).compress_type in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                return self._file.open(name)
        except RuntimeError:  # encrypted
            pass
        raise unreadable(self.path, f"`{name}` as it is, or deflated", "encrypted, or packed in another way")


AGAIN = "save the model again"

MALFORMED = (
    *(Damaged, KeyError, TypeError, ValueError, AttributeError, IndexError, StopIteration),
    *(OSError, RuntimeError, OverflowError),
)
"""What is raised where data has another form than is looked for; the last three by what reads arrays."""


def _in_words(error: Exception) -> str:
    """What is wrong with a file's data, for those who do not know Python."""
    match error:
        case Damaged():
            return str(error)
        case KeyError(args=(str(key),)) if re.fullmatch(r"\w+", key):
            return f"no entry `{key}`"
        case RecursionError():
            return "entries nested too deep"
        case OSError() | RuntimeError():
            return "arrays that cannot be read"
    return "an entry of a wrong type"


def _in_one_line(value: Any) -> Any:
    """Data whose texts may stand in a message: what is not printable in them is written as an escape."""
    match value:
        case str() if not value.isprintable():
            return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in value)
        case list():
            return [_in_one_line(item) for item in value]
        case dict():
            return {_in_one_line(key): _in_one_line(item) for key, item in value.items()}
    return value


def _number(text: str) -> float:
    """A number; one that is a float32 written out as a float64 with the fewest digits that give the same float32."""
    import numpy as np

    value = float(text)
    with np.errstate(over="ignore"):
        single = np.float32(value)
    return float(str(single)) if float(single) == value else value


def unreadable(path: Path, wanted: str, got: str, help: str = AGAIN) -> AespecError:
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
            help="save one without branches, the encoder and the decoder together, with nothing beside them",
        )
    )
