"""Proposals: the text of a spec for data that was looked at, each choice explained beside it, or of one of the zoo."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import get_args

from aespec.proposal.layers import Said, Use, quoted
from aespec.shapes import counted
from aespec.zoo import zoo

__all__ = ["SCHEMA", "USES", "Use", "named", "propose", "template"]

USES: tuple[Use, ...] = get_args(Use)

PURPOSES = {"anomaly": "finding anomalies", "features": "features", "generation": "generation"}

SCHEMA = "spec.schema.json"
"""The file beside a spec by which editors complete and check it."""

WIDTH = 120
"""Characters of a line that has its reason behind it."""


def template(name: str, called: str | None = None) -> str:
    """The text of a spec of the zoo, its comments included, under another name if one is given."""
    text = zoo()[name].read_text(encoding="utf-8")
    if called is None:
        return text
    return re.sub(r"^name: .*$", lambda _: f"name: {quoted(called)}", text, count=1, flags=re.MULTILINE)


def propose(
    data: str,
    use: Use | None = None,
    name: str | None = None,
    window: int | None = None,
    tell: Callable[[str], None] = lambda note: None,
) -> str:
    """The text of a spec for data, each choice with its reason.

    Args:
        data: A named set, a file or a folder.
        use: What the model is for, where that is more than to press data together.
        name: What the spec is called; by default as the data is.
        window: The data is a series, to be cut into windows of so many steps.
        tell: Called with what of the data is left out.

    Raises:
        AespecError: The data is not found, cannot be read, or holds nothing to learn.
    """
    from aespec.proposal.choices import KINDS, choose, without
    from aespec.proposal.evidence import look

    seen = look(data, window)
    chosen = choose(seen, use)
    if seen.left_out:
        gaps = any("gap" in why for why in seen.left_out.values())
        tell(f"{Path(data).name} is taken {without(seen)}{'; fill the gaps to keep such a column' * gaps}")
    for note in seen.notes:
        tell(note)
    what, shape = KINDS[seen.kind], " x ".join(map(str, seen.shape))
    asked = f" for {PURPOSES[use]}" if use else ""
    parts = [
        f"# yaml-language-server: $schema={SCHEMA}",
        _remark(f"A proposal{asked} from {data}: {counted(seen.samples)} of {shape} numbers, taken for {what}."),
        "# What stands behind a line says why it was chosen.",
        f"name: {quoted(name or named(data))}",
        f"description: {what.capitalize()} through a code of {counted(chosen.code, 'number')}.",
        "input:",
        *_lines(chosen.input, "  "),
        "encoder:",
        *_lines(chosen.encoder, "  - "),
        *_lines(chosen.decoder, ""),
        "training:",
        *_lines(chosen.training, "  "),
    ]
    return "\n".join(parts) + "\n"


def named(data: str) -> str:
    """A name for what is made of data."""
    stem = re.sub(r"[^A-Za-z0-9_.-]+", "-", Path(data).name.partition(".")[0]).strip("-._")
    return stem[:100] or "autoencoder"


def _lines(said: Sequence[Said], indent: str) -> Iterator[str]:
    """Lines with their reasons: behind them, those of neighbours below each other, or above where there is no room."""
    for beside, group in groupby(said, key=lambda each: bool(each.why) and _fits(each, len(each.text), indent)):
        lines = list(group)
        longest = max(len(each.text) for each in lines)
        aligned = all(_fits(each, longest, indent) for each in lines)
        for each in lines:
            if beside:
                yield f"{indent}{each.text.ljust(longest) if aligned else each.text}  {_remark(each.why)}"
            else:
                margin = " " * (len(indent) - len(indent.lstrip()))
                yield from [margin + _remark(each.why)] if each.why else []
                yield indent + each.text


def _fits(said: Said, column: int, indent: str) -> bool:
    """Whether a line has room for its reason behind that column."""
    return len(indent) + column + 4 + len(said.why) <= WIDTH


def _remark(text: str) -> str:
    return "# " + "".join(c if c.isprintable() else "?" for c in text)
