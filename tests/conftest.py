"""Tests run several processes beside each other: one thread for each is faster than all threads for all."""

import os

import pytest

for variable in ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"):
    os.environ.setdefault(variable, "1")


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder with data.npy and no run."""
    import numpy as np
    from runs import samples

    monkeypatch.chdir(tmp_path)
    np.save("data.npy", samples())
