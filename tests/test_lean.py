"""What the process of a command does without when it imports Keras, and what any other process has."""

import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from aespec import lean


def modules(*command):
    """The names of those that a process of Python has imported in the end."""
    code = "import atexit, sys; atexit.register(lambda: print(*sys.modules)); "
    done = subprocess.run([sys.executable, "-c", code + command[0], *command[1:]], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


@pytest.fixture
def package(tmp_path, monkeypatch):
    """One that was never imported."""
    (tmp_path / "optional_one.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    yield "optional_one"
    sys.modules.pop("optional_one", None)


def test_a_command_imports_without_and_finds_it_later(package, monkeypatch):
    monkeypatch.setattr(lean, "_spare", [True])
    with lean.without(package), pytest.raises(ModuleNotFoundError):
        import_module(package)
    with pytest.raises(ValueError, match="whatever"), lean.without(package):
        raise ValueError("whatever")
    found = import_module(package)
    with lean.without(package):
        assert import_module(package) is found
    assert import_module(package) is found


def test_a_library_keeps_nothing_away(package, monkeypatch):
    monkeypatch.setattr(lean, "_spare", [])
    with lean.without(package):
        import_module(package)


def test_a_command_imports_keras_without_what_it_never_uses():
    spec = Path(__file__).parent.parent / "specs" / "pca.yaml"
    found = modules("from aespec.cli import main; main()", "build", spec, "--backend", "keras")
    assert "keras.src" in found
    assert not {"sklearn", "matplotlib", "pandas"} & set(found)


def test_keras_is_whole_in_a_program_that_uses_aespec():
    built = "from aespec.registry import find_backend; find_backend('keras'); "
    assert "sklearn" in modules(built + "import keras; keras.wrappers.SKLearnRegressor")
