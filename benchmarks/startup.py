"""How long the commands take before and beside their work: medians of ten runs of each, as whole processes.

python benchmarks/startup.py
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent
COMMANDS = (
    ["--help"],
    ["validate", str(ROOT / "specs" / "stacked.yaml")],
    ["summary", str(ROOT / "specs" / "conv.yaml")],
    ["build", str(ROOT / "specs" / "pca.yaml"), "--backend", "torch"],
    ["build", str(ROOT / "specs" / "pca.yaml"), "--backend", "keras"],
)


def main() -> None:
    """Print a line for each command."""
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    program = str(Path(sys.executable).with_name("aespec"))
    for command in COMMANDS:
        seconds = []
        for _ in range(11):
            start = time.perf_counter()
            subprocess.run([program, *command], check=True, stdout=subprocess.DEVNULL)
            seconds.append(time.perf_counter() - start)
        what = " ".join(command[:1] + command[2:])
        print(f"aespec {what:26} {statistics.median(seconds[1:]):.3f} s (the first {seconds[0]:.3f} s)")


if __name__ == "__main__":
    main()
