"""What a training says of itself: a bar on a terminal, a line an epoch everywhere, or a line of JSON."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import click

from aespec.cli.output import json_line
from aespec.course import Listener
from aespec.training import Epoch

__all__ = ["Progress"]


class Progress(Listener):
    """Tells of a training on stdout, and draws a bar on stderr where that is a terminal."""

    def __init__(self, samples: int, *, form: str, quiet: bool) -> None:
        self.samples, self.form, self.quiet = samples, form, quiet
        self.phase, self.epochs = "", 0
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
            click.echo(text)

    def stage(self, name: str, epochs: int) -> None:
        """See `Listener.stage`."""
        if self.phase or name:
            self.note(f"{name} and what undoes it" if name else "all layers together")
        self.phase, self.epochs = name, epochs

    def note(self, text: str) -> None:
        """See `Listener.note`."""
        self.say(f"  {text}")

    def tick(self, epoch: int, done: int, losses: Mapping[str, float]) -> None:
        """See `Listener.tick`."""
        if not self.drawn:
            return
        if self.bar is None:
            from tqdm import tqdm

            self.bar = tqdm(
                total=self.samples,
                leave=False,
                dynamic_ncols=True,
                desc=f"{self.phase} epoch {epoch}/{self.epochs}".lstrip(),
                bar_format="{desc} {bar:12} {n:,}/{total:,} samples{postfix}",
            )
        self.bar.n = done
        if done:
            self.bar.set_postfix_str(f"{self._pace(epoch, done)}, {_terms(losses)}")

    def _pace(self, epoch: int, done: int) -> str:
        """Samples a second, and the time until the last epoch is over at that pace."""
        from tqdm import tqdm

        pace = done / max(self.bar.format_dict["elapsed"], 1e-3)
        left = (self.epochs - epoch + 1) * self.samples - done
        return f"{pace:,.0f}/s, {tqdm.format_interval(int(left / pace))} left"

    def epoch(self, epoch: Epoch) -> None:
        """See `Listener.epoch`."""
        self._wipe()
        if self.form == "json" and not self.quiet:
            click.echo(json_line(asdict(epoch)))
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


def _terms(losses: Mapping[str, float]) -> str:
    """The terms of a loss that has several, or the one."""
    shown = {name.rpartition("/")[2]: value for name, value in losses.items() if name != "total" or len(losses) > 2}
    return ", ".join(f"{name} {value:.4f}" for name, value in shown.items())
