"""How commands print: JSON, and tables for a terminal or for Markdown."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from math import isfinite
from typing import Any

import click

__all__ = ["echo_json", "plain"]


def echo_json(data: Any) -> None:
    """Print data as JSON; what JSON cannot say, NaN and infinity, becomes null."""
    click.echo(json.dumps(_strict(data), indent=2, ensure_ascii=False))


def _strict(data: Any) -> Any:
    if isinstance(data, dict):
        return {key: _strict(value) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return [_strict(value) for value in data]
    return None if isinstance(data, float) and not isfinite(data) else data
