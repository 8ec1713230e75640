"""``python -m aespec`` is the command ``aespec``."""

from aespec.cli import main

main()
