"""What a training says of itself: a bar on a terminal, a line an epoch everywhere, or a line of JSON."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from math import ceil
from typing import Any

from aespec.cli.output import announce, json_line
from aespec.cli.stopping import stop_if_asked
from aespec.course import Listener
from aespec.training import Epoch

__all__ = ["Progress"]


class Progress(Listener):
    """Tells of a training on stdout, and draws a bar on stderr where that is a terminal."""

    def __init__(self, samples: int, batch_size: int, *, form: str, quiet: bool) -> None:
        self.samples, self.batch_size, self.form, self.quiet = samples, batch_size, form, quiet
        self.steps = ceil(samples / batch_size)
        self.phase, self.epochs = "", 0
        self.notes: list[str] = []
        """All that was remarked."""
        self.drawn = not quiet and form == "text" and self.on_terminal()
        self.bar: Any = None

    @staticmethod
    def on_terminal() -> bool:
        """Whether there is a terminal to draw a bar on."""
        return sys.stderr.isatty()

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *_: object) -> None:
        self._wipe()

    def say(self, text: str) -> None:
        """Print a line, where text is wanted."""
        if self.form == "text" and not self.quiet:
            self._wipe()
            announce(text)

    def stage(self, name: str, epochs: int) -> None:
        """See `Listener.stage`."""
        if self.phase or name:
            self.say("  " + (f"{name} and what undoes it" if name else "all layers together"))
        self.phase, self.epochs = name, epochs

    def note(self, text: str) -> None:
        """See `Listener.note`."""
        self.notes.append(text)
        self.say(f"  {text}")

    def tick(self, epoch: int, done: int, losses: Mapping[str, float]) -> None:
        """See `Listener.tick`."""
        stop_if_asked()
        if not self.drawn:
            return
        if self.bar is None:
            from tqdm import tqdm

            self.bar = tqdm(total=self.samples, leave=False, nrows=24, bar_format="{bar}")
        elapsed = self.bar.format_dict["elapsed"]
        self.bar.n, self.bar.ncols = done, _columns()
        self.bar.bar_format = _fitting(self._forms(epoch, done, losses, elapsed), self.bar.ncols)
        self.bar.refresh()

    def _forms(self, epoch: int, done: int, losses: Mapping[str, float], elapsed: float) -> Iterator[str]:
        """What may stand about the bar, the longest first: names of terms are given up, then words, then terms.

        On the narrowest terminals the pace goes, then the step and the loss, and at last the time left.
        """
        bar = f"epoch {epoch}/{self.epochs} {{bar}}"
        step = f"{ceil(done / self.batch_size):,}/{self.steps:,}"
        if not done:
            yield f"{bar} step {step}"
            return
        from tqdm import tqdm

        pace = done / max(elapsed, 1e-3)
        left = tqdm.format_interval(int(((self.epochs - epoch + 1) * self.samples - done) / pace))
        total, terms = ("loss", losses["total"]), _terms(losses)
        words = [(name.partition("_")[0], value) for name, value in terms]
        letters = [(name[:3], value) for name, value in words]
        for shown in (terms, words):
            told = [f"step {step}", *_values([total, *shown]), f"{pace:,.0f} samples/s", f"{left} left"]
            yield f"{self.phase} {bar} {', '.join(told)}".lstrip()
        for shown in (words, *(letters[:count] for count in range(len(letters), -1, -1))):
            told = [step, *_values([total, *shown]), f"{pace:,.0f}/s", left]
            yield f"{bar} {', '.join(told)}"
        for told in ([step, *_values([total]), left], [*_values([total]), left], [left], []):
            yield f"{bar} {', '.join(told)}".rstrip()

    def epoch(self, epoch: Epoch) -> None:
        """See `Listener.epoch`."""
        self._wipe()
        if self.form == "json" and not self.quiet:
            announce(json_line(asdict(epoch)))
        held = f"  validation {_number(epoch.validation['total'])}" if epoch.validation else ""
        number = f"{epoch.number:>{len(str(self.epochs))}}/{self.epochs}"
        pace = f"{epoch.seconds:.1f} s  {self.samples / epoch.seconds:,.0f} samples/s"
        self.say(f"{self.phase} epoch {number}  loss {_number(epoch.losses['total'])}{held}  {pace}".lstrip())

    def _wipe(self) -> None:
        if self.bar is not None:
            self.bar.close()
            self.bar = None


def _number(loss: float) -> str:
    return f"{loss:.6f}" if abs(loss) < 1e6 else f"{loss:.6e}"


def _terms(losses: Mapping[str, float]) -> list[tuple[str, float]]:
    """The terms of a loss that has several."""
    terms = [(name.rpartition("/")[2], value) for name, value in losses.items() if name != "total"]
    return terms if len(terms) > 1 else []


def _values(terms: Sequence[tuple[str, float]]) -> list[str]:
    return [f"{name} {value:.4f}" for name, value in terms]


def _columns() -> int:
    """How wide a line may be: the terminal but one column, or it would be wrapped; of 80 where that is not told."""
    try:
        return (os.get_terminal_size(sys.stderr.fileno()).columns or 80) - 1
    except (OSError, ValueError):
        return 79


def _fitting(forms: Iterator[str], columns: int) -> str:
    """The first form that fits beside a bar of one column, or the last."""
    form = ""
    for form in forms:
        if len(form.format(bar=" ")) <= columns:
            break
    return form
