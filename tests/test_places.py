"""Where the data of a run lies, and its folder: moved, below links, with names that are not plain."""

from pathlib import Path

import numpy as np
import pytest
from command import aespec_, done
from runs import PLAIN, RUN, begin, interrupt, samples

from aespec.cli.progress import Progress

pytestmark = pytest.mark.usefixtures("here")


def test_a_command_that_is_advised_is_one_where_the_folder_has_a_space(monkeypatch):
    folder = Path("a run")
    with monkeypatch.context() as patched:
        patched.setattr(Progress, "epoch", lambda *_: interrupt())
        stopped = done(aespec_(*begin(PLAIN, folder=folder)), 130)
    assert "`aespec train --resume 'a run'` goes on from it" in stopped.stderr
    assert "`aespec train --resume 'a run'` goes on with it" in done(aespec_("reconstruct", folder), 1).stderr
    assert "`aespec train --resume 'a run'`, or begin again" in done(aespec_(*begin(PLAIN, folder=folder)), 1).stderr
    ended = done(aespec_("train", "--resume", folder, "--no-report"))
    assert "`aespec reconstruct 'a run'` draws what it learnt" in ended.stdout
    wild = aespec_("train", "--resume", folder, "--epochs", 6, "--learning-rate", 1e30)
    assert "`aespec train --resume 'a run' --learning-rate X`" in done(wild, 1).stderr


def test_data_that_was_found_by_way_of_a_folder_that_moves_is_found_again(monkeypatch):
    Path("here").mkdir()
    Path("parts").mkdir()
    Path("data.npy").rename("parts/data.npy")
    for data in ("../parts/data.npy", "../parts/../parts"):
        with monkeypatch.context() as patched:
            patched.chdir("here")
            done(aespec_(*begin(PLAIN, "--data", data, "--force")))
        Path("here").rename("there")
        done(aespec_("train", "--resume", "there/run", "--epochs", 4))
        Path("there").rename("here")


def test_data_below_a_link_is_found_where_the_link_leads_now():
    Path("v1").mkdir()
    Path("data.npy").rename("v1/data.npy")
    Path("now").symlink_to("v1")
    done(aespec_(*begin(PLAIN, "--data", "now/data.npy")))
    Path("v1").rename("v2")
    Path("now").unlink()
    Path("now").symlink_to("v2")
    done(aespec_("train", "--resume", RUN, "--epochs", 4))


@pytest.mark.parametrize("name", ["bad\udcff.npy", "bad\udcff/data.npy", "here"])
def test_data_whose_path_cannot_be_written_down_is_refused(name, monkeypatch):
    if name == "here":
        Path("bad\udcff").mkdir()
        monkeypatch.chdir("bad\udcff")
        name = "data.npy"
    Path(name).parent.mkdir(exist_ok=True)
    np.save(name, samples())
    refused = done(aespec_(*begin(PLAIN, "--data", name)), 1)
    assert "error[E404]" in refused.stderr
    assert "got: a path that is not UTF-8" in refused.stderr
    assert not RUN.exists()


@pytest.mark.parametrize("name", ["loop/data.npy", "loop/../data.npy", "~nobody-of-that-name/data.npy", ""])
def test_data_that_is_nowhere_is_told(name):
    Path("loop").symlink_to("loop")
    refused = done(aespec_(*begin(PLAIN, "--data", name)), 1)
    assert "error[E40" in refused.stderr
    assert not RUN.exists()


@pytest.mark.parametrize("target", ["link", "gone"])
def test_a_link_that_leads_nowhere_among_the_files_of_a_folder_is_passed_over(target):
    Path("parts").mkdir()
    Path("data.npy").rename("parts/data.npy")
    Path("parts/link").symlink_to(target)
    done(aespec_(*begin(PLAIN, "--data", "parts")))
