"""How large the numbers of a spec may be."""

__all__ = ["LARGEST", "SMALLEST"]

LARGEST = 1e30
"""Of numbers without another bound: float32 holds it, and has room for what it is multiplied with."""

SMALLEST = 1e-30
"""Of numbers that something is divided by."""
