"""What the scripts in `benchmarks` do with their arguments."""

import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parent.parent / "benchmarks"


@pytest.mark.parametrize(
    ("script", "args", "code", "said"),
    [
        ("startup.py", ["--help"], 0, "How long the commands take"),
        ("startup.py", ["fast"], 2, "unrecognized arguments: fast"),
        ("speed.py", ["--help"], 0, "How fast aespec trains the zoo"),
        ("speed.py", ["--batch-sizes", "32", "0"], 2, "argument --batch-sizes: 0 is not above 0"),
        ("speed.py", ["--rounds", "-1"], 2, "argument --rounds: -1 is not above 0"),
        ("speed.py", ["--threads", "two"], 2, "argument --threads: invalid number value: 'two'"),
        ("speed.py", ["--seconds", "0"], 2, "argument --seconds: 0.0 is not above 0"),
    ],
)
def test_arguments_are_looked_at_before_anything_is_measured(script, args, code, said):
    command = [sys.executable, str(BENCHMARKS / script), *args]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == code
    assert said in done.stdout + done.stderr
