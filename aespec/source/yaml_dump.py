"""Writes Python data as YAML that reads back as the same data, in YAML 1.1 and in 1.2."""

import re
from collections.abc import Mapping
from typing import Any

from aespec.diagnostics import AespecError, Diagnostic, show
from aespec.rules import TooLarge, UnsupportedYaml
from aespec.source.scalar import ambiguity, plain_value
from aespec.source.text import MAX_DEPTH, halves


def dump_yaml(data: Any) -> str:
    """Write data as a spec is written by hand: keys in their order, innermost collections on one line.

    Tuples are written as lists, and NumPy's numbers and arrays as Python's.

    Raises:
        AespecError: for what is no data, such as a function.
    """
    import yaml

    def indent(self: Any, flow: bool = False, indentless: bool = False) -> None:
        yaml.SafeDumper.increase_indent(self, flow, False)  # also of lists

    members = {"ignore_aliases": lambda self, data: True, "increase_indent": indent}
    dumper: Any = type("Dumper", (yaml.SafeDumper,), members)

    def text(self: Any, value: str) -> Any:
        plain = ambiguity(value) is None and isinstance(plain_value(value), str) and value.isprintable()
        plain = plain and not re.match(r"\w+ *\{", value)  # braces without their colon
        return self.represent_scalar("tag:yaml.org,2002:str", value, style=None if plain else '"')

    def item(self: Any, value: _Item) -> Any:
        return self.represent_mapping("tag:yaml.org,2002:map", value, flow_style=False)

    dumper.add_representer(str, text)
    dumper.add_representer(_Item, item)
    style: Any = {"default_flow_style": None, "sort_keys": False, "allow_unicode": True, "width": 100}
    return str(yaml.dump(_plain(data, 0), Dumper=dumper, **style))


class _Item(dict[str, Any]):
    """The mapping of one key in a list, such as a layer: ``- dense: 16``."""


def _plain(value: Any, depth: int) -> Any:
    """Give the same data in Python's own types."""
    if hasattr(value, "tolist"):
        value = value.tolist()
    if value is None or isinstance(value, bool):
        return value
    for kind in (int, float):
        if isinstance(value, kind):
            return kind(value)
    if isinstance(value, str):
        if problems := halves(value):
            raise AespecError(*problems)
        return str.__str__(value)
    if depth > MAX_DEPTH:
        raise AespecError(Diagnostic(TooLarge, f"values are nested more than {MAX_DEPTH} levels deep"))
    if isinstance(value, Mapping):
        return {_name(key): _plain(item, depth + 1) for key, item in value.items()}
    if isinstance(value, list | tuple):
        items = [_plain(item, depth + 1) for item in value]
        return [_Item(item) if isinstance(item, dict) and len(item) == 1 else item for item in items]
    what = f"a Python `{type(value).__name__}`, which a spec cannot hold"
    help = "use numbers, text, lists and mappings"
    raise AespecError(Diagnostic(UnsupportedYaml, what, got=show(value), help=help))


def _name(key: Any) -> Any:
    if not isinstance(key, str):
        what, help = f"the key {show(key)} is no text, which a spec cannot have", "use names as keys"
        raise AespecError(Diagnostic(UnsupportedYaml, what, wanted="a name", help=help))
    return _plain(key, 0)
