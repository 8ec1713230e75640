"""The parts of a stream: what a ``.npy``, an ``.npz`` or a parquet file holds, found without reading it all."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Sequence
from hashlib import sha256
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from aespec.data.files import BROKEN, Split, choose, read_array, reason, unreadable
from aespec.data.pictures import SUFFIXES as PICTURES
from aespec.data.streams import Part
from aespec.data.tables import SUFFIXES as TABLES
from aespec.data.tables import listed, pick
from aespec.diagnostics import AespecError, Diagnostic, missing
from aespec.rules import DataShape, DataUnreadable

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["SUFFIXES", "find_parts", "holds_arrays", "is_list", "open_parquet"]

SUFFIXES = (".npy", ".npz", ".parquet")

MARKED = 2 * 2**20
"""How many bytes of a mapped file are looked at, in rows spread evenly over it, to tell it from another."""


class Mapped(Part):
    """A ``.npy`` file, mapped into memory: only what is asked for is read."""

    whole = False

    def __init__(self, path: Path) -> None:
        import numpy as np

        self.name = self.file = path.name
        try:
            self._array = np.load(path, mmap_mode="r", allow_pickle=False)
        except BROKEN as error:
            unreadable(path, reason(error), "write it again with `numpy.save`", "an array of numbers")
        self.rows, *sample = self._array.shape or (0,)
        self.sample, self.kind = tuple(sample), str(self._array.dtype)
        count = min(self.rows, max(MARKED // max(prod(sample) * self._array.itemsize, 1), 2))
        places = np.linspace(0, self.rows - 1, count).astype(int)
        self.mark = sha256(self._array[places].tobytes() if count else b"").hexdigest()

    def read(self, start: int, stop: int) -> NDArray[Any]:
        """See `Part.read`."""
        import numpy as np

        return np.array(self._array[start:stop])


class Packed(Part):
    """An ``.npz`` file, a shard, of which the header is looked at first and the array read when it is wanted."""

    whole = True

    def __init__(self, path: Path, split: Split) -> None:
        import numpy as np

        self.name = self.file = path.name
        self._path, self._split = path, split
        try:
            with zipfile.ZipFile(path) as archive:
                names = [name.removesuffix(".npy") for name in archive.namelist()]
                name, _ = choose(path, names, split)
                self.own_split, chosen = name == f"x_{split}", f"{name}.npy"
                self.mark = str(archive.getinfo(chosen).CRC)
                with archive.open(chosen) as member:
                    version = np.lib.format.read_magic(member)
                    read = (
                        np.lib.format.read_array_header_1_0
                        if version == (1, 0)
                        else np.lib.format.read_array_header_2_0
                    )
                    shape, _, dtype = read(member)
        except BROKEN as error:
            unreadable(path, reason(error), "write it again with `numpy.savez`", "arrays of numbers")
        self.rows, self.sample = (shape[0], shape[1:]) if shape else (0, ())
        self.kind = str(dtype)

    def read(self, start: int, stop: int) -> NDArray[Any]:
        """See `Part.read`."""
        return read_array(self._path, self._split).inputs[start:stop]

    def labels(self) -> NDArray[Any] | None:
        """See `Part.labels`."""
        import numpy as np

        with np.load(self._path, allow_pickle=False) as archive:
            name = choose(self._path, archive.files, self._split)[1]
            return archive[name] if name else None


class RowGroup(Part):
    """A row group of a parquet file: its numeric columns side by side, or its one column of lists."""

    whole = True
    flat = True

    def __init__(
        self, path: Path, group: int, about: Any, columns: Sequence[str], label: str | None, first: NDArray[Any]
    ) -> None:
        self.name, self.file = f"{path.name} {group}", path.name
        self.rows, self.mark = about.num_rows, str(about.to_dict())
        self.sample, self.kind = first.shape[1:], str(first.dtype)
        self.columns = tuple(columns) if len(columns) == self.sample[0] else None
        self._path, self._group, self._columns, self.label = path, group, list(columns), label

    def read(self, start: int, stop: int) -> NDArray[Any]:
        """See `Part.read`."""
        found = _group(self._path, open_parquet(self._path), self._group, self._columns, start, stop)
        if found.shape[1:] != self.sample:
            _refuse_lists(self._path, [prod(found.shape[1:]), prod(self.sample)])
        return found

    def labels(self) -> NDArray[Any] | None:
        """See `Part.labels`."""
        import numpy as np

        if self.label is None:
            return None
        table = open_parquet(self._path).read_row_group(self._group, columns=[self.label])
        values: NDArray[Any] = table.column(0).to_numpy()
        if values.dtype != object:
            return values
        return np.array(["" if value is None else str(value) for value in values])


def _group(path: Path, file: Any, group: int, columns: Sequence[str], start: int, stop: int) -> NDArray[Any]:
    """Rows of a row group, as they are kept."""
    import numpy as np

    table = file.read_row_group(group, columns=columns).slice(start, stop - start)
    if is_list(table.schema.field(0).type):
        return _rows(path, table.column(0))
    return np.stack([column.to_numpy() for column in table.columns], axis=1)


def _rows(path: Path, column: Any) -> NDArray[Any]:
    """A column of lists, or of lists of lists, as an array."""
    from pyarrow import ChunkedArray, compute, concat_arrays

    found, shape = column.combine_chunks(), []
    if isinstance(found, ChunkedArray):
        found = concat_arrays(found.chunks)
    while is_list(found.type):
        lengths = compute.unique(compute.list_value_length(found)).to_pylist()
        if len(lengths) != 1 or None in lengths:
            _refuse_lists(path, lengths)
        shape += lengths
        found = found.flatten()
    values: NDArray[Any] = found.to_numpy(zero_copy_only=False).reshape(-1, *shape)
    return values


def _refuse_lists(path: Path, lengths: Sequence[int | None]) -> NoReturn:
    unreadable(
        path,
        f"lists of {', '.join('none' if n is None else str(n) for n in lengths)}",
        "fill them up, or leave these rows out",
        "lists of numbers, all of one length",
    )


def is_list(kind: Any) -> bool:
    """Whether a column of a parquet file is of lists."""
    from pyarrow import types

    return bool(types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind))


def holds_arrays(folder: Path) -> bool:
    """Whether a folder has files that are parts."""
    return bool(_arrays(folder))


def _arrays(folder: Path) -> list[Path]:
    return sorted((path for path in folder.iterdir() if path.suffix in SUFFIXES), key=_counting)


def _counting(path: Path) -> tuple[list[tuple[int, str]], str]:
    """What sorts files by their names as one counts: ``part2`` before ``part10``."""
    pieces = re.split(r"(\d+)", path.name)
    return [(int(text), "") if text.isdecimal() else (-1, text) for text in pieces], path.name


def find_parts(path: Path, split: Split, columns: Sequence[str] | None = None, label: str | None = None) -> list[Part]:
    """The parts of a file, or of all files in a folder, in the order of their names: ``part2`` before ``part10``.

    Of parquet the columns and the label are those that `aespec.data.tables.pick` finds.

    Raises:
        AespecError: There are none, they cannot be read, or their samples differ in shape.
    """
    paths = _arrays(path) if path.is_dir() else [path]
    if not paths:
        tables = [each.name for each in path.iterdir() if each.name.lower().endswith(TABLES)]
        unreadable(
            path,
            f"tables of text, {listed(tables)}" if tables else "a folder without any",
            "name one of them, or put their rows into one"
            if tables
            else "put such files there, or name a file or another folder",
            f"files that end in {', '.join(SUFFIXES)}, or pictures ({', '.join(PICTURES)})",
        )
    found: list[Any] = []
    for each in paths:
        match each.suffix:
            case ".parquet":
                found += _row_groups(each, columns, label)
            case ".npz":
                found.append(Packed(each, split))
            case _:
                found.append(Mapped(each))
    found = [part for part in found if part.rows]
    if not found:
        raise AespecError(
            Diagnostic(
                DataShape,
                f"there are no samples in {path}",
                wanted="one sample or more, along the first axis",
                got="none",
                help="check the code that selected and saved them",
            )
        )
    first, *others = found
    other = next((part for part in others if (part.sample, part.kind) != (first.sample, first.kind)), None)
    if other is not None:
        raise AespecError(
            Diagnostic(
                DataShape,
                f"the parts of {path} differ in {'shape' if other.sample != first.sample else 'type'}",
                wanted=f"samples of shape {first.sample} and type {first.kind}, as in {first.name}",
                got=f"samples of shape {other.sample} and type {other.kind}, in {other.name}",
                help="put files that belong to other data elsewhere",
            )
        )
    return found


def open_parquet(path: Path) -> Any:
    """Open a parquet file.

    Raises:
        AespecError: pyarrow is missing, or the file is damaged.
    """
    try:
        from pyarrow import ArrowException, parquet
    except ImportError:
        raise missing("pyarrow", "parquet", f"to read {path}") from None
    try:
        return parquet.ParquetFile(path)
    except (OSError, ArrowException) as error:
        unreadable(path, reason(error), "write it again", "a parquet file")


def _row_groups(path: Path, wanted: Sequence[str] | None, label: str | None) -> list[RowGroup]:
    from pyarrow import types

    file = open_parquet(path)
    fields = list(file.schema_arrow)
    lists = [is_list(field.type) for field in fields]
    numeric = [types.is_integer(f.type) or types.is_floating(f.type) or types.is_boolean(f.type) for f in fields]
    names = [field.name for field in fields]
    chosen = pick(path, names, [a or b for a, b in zip(lists, numeric, strict=True)], wanted, label)
    if any(lists[i] for i in chosen.features) and len(chosen.features) > 1:
        raise AespecError(
            Diagnostic(
                DataUnreadable,
                f"{path} has columns that are no samples",
                wanted="columns of numbers only, or one column of lists of numbers",
                got=f"{', '.join(f'`{fields[i].name}` ({fields[i].type})' for i in chosen.features)}",
                help="name the one that is to be learnt (`columns: [NAME]` under `input` in the spec)",
            )
        )
    columns, labelled = [names[i] for i in chosen.features], None if chosen.label is None else names[chosen.label]
    groups = map(file.metadata.row_group, range(file.metadata.num_row_groups))
    filled = [(group, about) for group, about in enumerate(groups) if about.num_rows]
    if not filled:
        return []
    first = _group(path, file, filled[0][0], columns, 0, 1)  # the one group that is read now
    return [RowGroup(path, group, about, columns, labelled, first) for group, about in filled]
