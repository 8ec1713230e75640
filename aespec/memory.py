"""How the C library keeps memory that is freed."""

import ctypes
from platform import libc_ver


def keep_freed() -> None:
    """Have glibc keep what is freed: it would give large blocks back, and fault them in again at each step.

    That is half of the time of an LSTM in PyTorch with batches of 256. With another C library nothing is done. See
    ``man mallopt``.
    """
    if libc_ver()[0] == "glibc":
        trim_threshold, mmap_threshold = -1, -3
        libc = ctypes.CDLL(None)
        libc.mallopt(mmap_threshold, 2**30)
        libc.mallopt(trim_threshold, 2**31 - 1)
