import errno

import pytest

from aespec import weights
from aespec.data.export import table_file
from aespec.files import whole, write_text
from aespec.picture import blank, save


def test_a_file_takes_its_place_when_it_is_whole(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("before")
    with whole(path) as temporary:
        temporary.write_text("after")
        assert path.read_text() == "before"
    assert path.read_text() == "after"
    assert [each.name for each in tmp_path.iterdir()] == ["a.txt"]


def test_the_folder_of_a_file_is_made(tmp_path):
    write_text(tmp_path / "new" / "folder" / "a.txt", "text")
    assert (tmp_path / "new" / "folder" / "a.txt").read_text() == "text"
    save(blank(1, 1), tmp_path / "pictures" / "a.png")
    assert (tmp_path / "pictures" / "a.png").is_file()


def full(*_, **__):
    raise OSError(errno.ENOSPC, "No space left on device")


def a_table(path):
    with table_file(path) as write:
        write({})
        full()


@pytest.mark.parametrize(
    "write",
    [
        lambda path: write_text(path, "x" * 100),
        lambda path: save(blank(1, 1), path),
        lambda path: weights.write(path, {}),
        a_table,
    ],
    ids=["text", "picture", "weights", "table"],
)
def test_what_fails_leaves_what_was_there(write, tmp_path, monkeypatch):
    path = tmp_path / "a.png"
    path.write_text("before")
    monkeypatch.setattr("pathlib.Path.replace", full)  # the last that can go wrong: all else is in the file beside
    with pytest.raises(OSError, match="No space left"):
        write(path)
    assert [each.name for each in tmp_path.iterdir()] == ["a.png"]
    assert path.read_text() == "before"
