"""How the C library keeps memory that is freed."""

import ctypes
from platform import libc_ver


def keep_freed(smallest_mapped: int = 2**30, largest_kept: int = 2**31 - 1) -> None:
    """Have glibc keep what is freed: it would give large blocks back, and fault them in again at each step.

    That is up to a seventh of the time of a convolutional model with batches of 256. With another C library nothing
    is done. See ``man mallopt``.

    Args:
        smallest_mapped: Blocks of so many bytes are mapped by themselves, and given back when they are freed.
        largest_kept: So many bytes may lie free at the end of the heap.
    """
    if libc_ver()[0] == "glibc":
        trim_threshold, mmap_threshold = -1, -3
        libc = ctypes.CDLL(None)
        libc.mallopt(mmap_threshold, smallest_mapped)
        libc.mallopt(trim_threshold, largest_kept)
