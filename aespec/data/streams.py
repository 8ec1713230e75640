"""Streams: samples that are read when they are wanted, some at a time, because they do not fit in memory.

A stream is made of parts: a memory-mapped ``.npy``, an ``.npz``, a row group of a parquet file. Training goes over it
in `windows`. The stream is cut into lanes of the same length, which take turns in giving a sample; each goes over its
blocks of neighbouring samples in an order that is another in each epoch, and shuffles them as they come. Of processes
that train together each reads lanes of its own, and all have the order that one process has. While a window is trained
on, a thread reads the next.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from hashlib import sha256
from itertools import accumulate, pairwise
from math import prod
from typing import TYPE_CHECKING, Any, TypeAlias

from aespec.backend import ALONE, Team
from aespec.diagnostics import AespecError
from aespec.initializers import parameter_stream

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Samples: TypeAlias = "NDArray[Any] | Stream"

__all__ = ["NUMBERS", "ROWS", "Part", "Samples", "Stream", "batches", "chosen", "sharded", "take", "windows"]

ROWS = 1024
"""Samples at a time, where nothing else is said."""

NUMBERS = 10_000_000
"""Of large samples fewer are chosen, so that they are not more numbers than that."""

LANES = (16, 8, 4, 2, 1)
"""Into how many lanes a stream is cut: the first of these that costs little."""

BLOCKS = 16
"""Into how many blocks a window is cut, of a part that can be read from anywhere."""

AGAIN = 0.25
"""How much more may be read, as a share, because lanes begin within parts that can only be read whole."""


class Part(ABC):
    """Samples that are kept together."""

    name: str
    file: str
    """The name of the file that they are in."""
    rows: int
    sample: tuple[int, ...]
    """The shape of a sample."""
    kind: str
    """The type of its values."""
    flat: bool = False
    """Whether it cannot hold samples of more than one axis, and has them flattened."""
    whole: bool
    """Whether all of it is read, however little of it is wanted."""
    own_split: bool = False
    """Whether the file has other samples for training and for testing, and these are those that were asked for."""
    columns: tuple[str, ...] | None = None
    """What each feature is called, where that is known."""
    label: str | None = None
    """The column that labels samples, where there is one."""
    mark: str
    """Another one where the samples are others, as far as that can be told without reading them."""

    @abstractmethod
    def read(self, start: int, stop: int) -> NDArray[Any]:
        """The samples from one to before another, as they are kept."""

    def labels(self) -> NDArray[Any] | None:
        """What each sample shows, where the part says so."""
        return None


def _same(x: NDArray[Any]) -> NDArray[Any]:
    return x


@dataclass(frozen=True, eq=False)
class Stream:
    """Samples in parts. Like an array it has a length and a shape, and can be cut: ``stream[10:]`` is a stream."""

    parts: Sequence[Part]
    shape: tuple[int, ...]
    """With the number of samples in front."""
    dtype: str
    fitted: Callable[[NDArray[Any]], NDArray[Any]] = _same
    """What is made of samples when they have been read."""
    start: int = 0
    """The first of the parts' samples that is in the stream."""
    ends: Sequence[int] = field(init=False)
    """Where each part ends."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "ends", list(accumulate(part.rows for part in self.parts)))

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: slice) -> Stream:
        start, stop, _ = rows.indices(len(self))
        return replace(self, shape=(max(stop - start, 0), *self.shape[1:]), start=self.start + start)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return self.read(0, len(self)).astype(dtype or self.dtype, copy=False)

    def read(self, start: int, stop: int) -> NDArray[Any]:
        """The samples from one to before another."""
        import numpy as np

        start, stop, found = start + self.start, min(stop, len(self)) + self.start, []
        for part, end in zip(self.parts, self.ends, strict=True):
            begin = end - part.rows
            if begin < stop and start < end:
                found.append(self._block(part, max(start, begin) - begin, min(stop, end) - begin))
        return (
            np.concatenate(found)
            if len(found) > 1
            else found[0]
            if found
            else np.empty((0, *self.shape[1:]), self.dtype)
        )

    def _block(self, part: Part, start: int, stop: int) -> NDArray[Any]:
        try:
            return self.fitted(part.read(start, stop))
        except AespecError as error:
            where = f"; counted from sample {start} of {part.name}"
            raise AespecError(
                *(replace(each, got=f"{each.got or each.message}{where}") for each in error.diagnostics)
            ) from None

    def chunks(self, rows: int) -> Iterator[NDArray[Any]]:
        """All samples in order, so many at a time or fewer; what can only be read whole is read once."""
        for start, stop in self.blocks(rows):
            block = self.read(start, stop)
            yield from (block[at : at + rows] for at in range(0, len(block), rows))

    def blocks(self, rows: int) -> list[tuple[int, int]]:
        """Where to cut the stream into blocks of about so many samples, each cheap to read: of one part, or a part."""
        found = []
        for part, end in zip(self.parts, self.ends, strict=True):
            first, last = max(end - part.rows - self.start, 0), min(end - self.start, len(self))
            step = part.rows if part.whole else rows
            found += [(start, min(start + step, last)) for start in range(first, last, step)]
        return found

    def map(self, function: Callable[[NDArray[Any]], NDArray[Any]], shape: tuple[int, ...]) -> Stream:
        """What a function makes of the samples, each of this shape; it is called when they are read."""
        before = self.fitted
        return replace(self, shape=(len(self), *shape), fitted=lambda x: function(before(x)))

    @property
    def cost(self) -> int:
        """How many samples are read to go over it once: all of a part that can only be read whole."""
        stop, found = self.start + len(self), 0
        for part, end in zip(self.parts, self.ends, strict=True):
            rows = min(stop, end) - max(self.start, end - part.rows)
            found += 0 if rows <= 0 else part.rows if part.whole else rows
        return found

    @property
    def fingerprint(self) -> str:
        """The SHA-256 of the shape and the marks of the parts, in hexadecimal."""
        marks = " ".join(f"{part.rows} {part.mark}" for part in self.parts)
        return sha256(f"{self.dtype} {self.shape} {self.start} {marks}".encode()).hexdigest()


def batches(x: Samples, rows: int = ROWS) -> Iterator[NDArray[Any]]:
    """All samples in order, so many at a time."""
    if isinstance(x, Stream):
        yield from x.chunks(rows)
    else:
        yield from (x[start : start + rows] for start in range(0, len(x), rows))


def chosen(x: Samples, count: int, random: np.random.Generator) -> NDArray[np.int64]:
    """The places of so many samples, or fewer of large ones, drawn at random, in order; all where there are no more."""
    import numpy as np

    count = min(count, len(x), max(NUMBERS // prod(x.shape[1:]), 1))
    return np.sort(random.choice(len(x), count, replace=False, shuffle=False)) if count else np.arange(0)


def take(x: Samples, places: NDArray[np.int64]) -> NDArray[Any]:
    """The samples that stand there, in the order of the places. Of a stream neighbours are read together."""
    import numpy as np

    if not isinstance(x, Stream):
        return x[places]
    order = np.argsort(places, kind="stable")
    starts = [start for start, _ in x.blocks(max(min(ROWS, NUMBERS // prod(x.shape[1:])), 1))]
    runs = np.split(places[order], np.searchsorted(places[order], starts[1:]))
    found = [x.read(int(run[0]), int(run[-1]) + 1)[run - run[0]] for run in runs if len(run)]
    return np.concatenate([np.empty((0, *x.shape[1:]), x.dtype), *found])[np.argsort(order)]


def windows(
    stream: Stream, rows: int, seed: int, epoch: int, batch_size: int, team: Team = ALONE
) -> Iterator[NDArray[Any]]:
    """An epoch's samples (counted from 1), shuffled, some of them at a time.

    Each window but the last is as many whole batches as fit in so many rows. In memory are two windows and what is left
    of a block of each lane, no more than a third window. In a team, where its data is `sharded`, only the samples are
    read, and stand in the windows, that this process computes on, every n-th; else all are.
    """
    if not sharded(stream, rows, batch_size, team):
        team = ALONE
    with ThreadPoolExecutor(1, "aespec-reads") as thread:
        following = _filled(stream, _size(rows, batch_size), seed, epoch, team)
        ahead = thread.submit(next, following, None)
        while (window := ahead.result()) is not None:
            ahead = thread.submit(next, following, None)
            yield window


def sharded(stream: Stream, rows: int, batch_size: int, team: Team) -> bool:
    """Whether each process of a team reads a shard of its own in `windows` of so many rows.

    It does where the lanes, and the samples of a batch, are a multiple of the processes.
    """
    return not (batch_size % team.size or len(_lanes(stream, _size(rows, batch_size))) % team.size)


def _size(rows: int, batch_size: int) -> int:
    return max(rows // batch_size, 1) * batch_size


def _filled(stream: Stream, size: int, seed: int, epoch: int, team: Team) -> Iterator[NDArray[Any]]:
    import numpy as np

    cut = _lanes(stream, size)
    count = len(cut)
    own = range(team.rank, count, team.size)
    lanes = {i: _Lane(cut[i], size, parameter_stream(seed, f"order/{epoch}/{i}")) for i in own}
    for start in range(0, len(stream), size):
        rows = min(size, len(stream) - start)
        if count == 1:
            yield lanes[0].take(rows)
            continue
        window = np.zeros((rows, *stream.shape[1:]), stream.dtype)
        for i, lane in lanes.items():
            places = slice((i - start) % count, rows, count)
            window[places] = lane.take(len(range(rows)[places]))
        yield window


def _lanes(stream: Stream, size: int) -> list[Stream]:
    """Lanes that take turns, and so are of one length or one longer, for windows of a size.

    As many as can be had without much more to read, or more left of blocks in memory than a window.
    """
    for count in LANES:
        ends = [0, *accumulate(len(range(i, len(stream), count)) for i in range(count))]
        cut = [stream[start:end] for start, end in pairwise(ends)]
        held = sum(max((stop - start for start, stop in lane.blocks(_step(size))), default=0) for lane in cut)
        if held <= size and sum(lane.cost for lane in cut) <= (1 + AGAIN) * stream.cost:
            break
    return cut


def _step(size: int) -> int:
    return max(size // BLOCKS, 1)


class _Lane:
    """A part of a stream in an epoch."""

    def __init__(self, stream: Stream, size: int, random: np.random.Generator) -> None:
        import numpy as np

        blocks = stream.blocks(_step(size))
        self._stream, self._random = stream, random
        self._blocks = iter([blocks[i] for i in random.permutation(len(blocks))])
        self._left: NDArray[Any] = np.empty((0, *stream.shape[1:]), stream.dtype)

    def take(self, count: int) -> NDArray[Any]:
        """So many samples, drawn from those of the blocks that it takes to have as many."""
        import numpy as np

        found = [self._left]
        while sum(map(len, found)) < count:
            found.append(self._stream.read(*next(self._blocks)))
        pool = np.concatenate(found)[self._random.permutation(sum(map(len, found)))]
        self._left = pool[count:]
        return pool[:count]
