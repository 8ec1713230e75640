"""What the modules have in common: how they print."""

from __future__ import annotations

from torch import nn

__all__ = ["Described"]


class Described(nn.Module):
    """A module whose printed form states its settings."""

    def extra_repr(self) -> str:
        """The plain attributes, as torch's own modules print theirs."""
        settings = {name: value for name, value in vars(self).items() if name[0] != "_" and name != "training"}
        return ", ".join(f"{name}={value}" for name, value in settings.items())
