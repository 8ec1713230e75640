"""The options that several commands have."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from math import isfinite
from pathlib import Path
from typing import Any, TypeVar

import click

from aespec.bounds import LARGEST
from aespec.cli.output import as_json, json_line, pretty
from aespec.diagnostics import AespecError

__all__ = [
    "DRAWINGS",
    "TABLES",
    "Number",
    "Seed",
    "backend_option",
    "dtype_option",
    "file_option",
    "force_option",
    "format_option",
    "picture_option",
    "rate_option",
    "seed_option",
    "split_option",
]

TABLES, DRAWINGS = (".csv", ".parquet", ".npy"), (".png", ".svg")
"""How files of numbers and of pictures may end."""

F = TypeVar("F", bound=Callable[..., Any])


class Number(click.FloatRange):
    """A finite number, within bounds where there are any."""

    name = "number"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Read a number."""
        found = super().convert(value, param, ctx)
        if not isfinite(found):
            self.fail(f"{value} is not a finite number.", param, ctx)
        return found

    def _describe_range(self) -> str:  # which click has print `x<=None` where there are no bounds
        return "" if self.min is None and self.max is None else super()._describe_range()


class Rate(Number):
    """A learning rate, of which the help says no more than that it is above zero."""

    def __init__(self) -> None:
        super().__init__(0, min_open=True)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Read a learning rate."""
        found = super().convert(value, param, ctx)
        if found > LARGEST:
            self.fail(f"{value} is above {LARGEST:g}.", param, ctx)
        return found


class Seed(click.IntRange):
    """A seed of 32 bits, of which the help says no more than that it is not negative."""

    def __init__(self) -> None:
        super().__init__(0)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Read a seed."""
        found = super().convert(value, param, ctx)
        if found >= 2**32:
            self.fail(f"{value} is not below {2**32}.", param, ctx)
        return found


class Backend(click.types.StringParamType):
    """The name of a backend; where one is wanted and none is given, those that can be used here are named."""

    def get_missing_message(self, param: click.Parameter, ctx: click.Context | None) -> str:
        """What there is to choose from."""
        from aespec.cli.backends import installed

        return f"Installed: {', '.join(backend.name for backend in installed() if backend.available)}."


def format_option(
    *formats: str, lines: bool = False, **settings: Any
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """``--format``; the first is the default. As JSON a command that fails prints its diagnostics.

    Args:
        formats: What there is to choose from.
        lines: Whether JSON is a line for each thing that is told, and so for these.
        settings: Of the option.
    """
    option = click.option(
        "--format",
        "form",
        type=click.Choice(formats),
        **{"default": formats[0], "show_default": True, "help": "How to print the result.", **settings},
    )

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(command)
        def run(form: str, **others: Any) -> Any:
            try:
                return command(form=form, **others)
            except AespecError as error:
                if form != "json":
                    raise
                found = {"diagnostics": as_json(error.diagnostics)}
                click.echo(json_line(found) if lines else pretty(found))
                raise click.exceptions.Exit(error.exit_code) from None

        return option(run)

    return decorate


def backend_option(**settings: Any) -> Callable[[F], F]:
    """``--backend``, any installed one."""
    help = "What to build with: see `aespec backends`."
    return click.option("--backend", type=Backend(), metavar="NAME", **{"help": help, **settings})


rate_option = click.option("--learning-rate", type=Rate(), metavar="X", help="The optimizer's.")


def file_option(*names: str, suffixes: Sequence[str], **settings: Any) -> Callable[[F], F]:
    """An option that names a file to be written, with one of these endings, in small letters or in capitals."""

    def check(_: click.Context, __: click.Parameter, path: Path | None) -> Path | None:
        if path is not None and path.suffix.lower() not in suffixes:
            endings = ", ".join(suffixes[:-1]) + " or " * (len(suffixes) > 1) + suffixes[-1]
            raise click.BadParameter(f"'{path}' does not end in {endings}.")
        return path

    return click.option(*names, type=click.Path(path_type=Path), metavar="FILE", callback=check, **settings)


def picture_option(name: str) -> Callable[[F], F]:
    """``--out`` of a command that draws a picture, by default under that name in the run's folder."""
    return file_option("-o", "--out", suffixes=(".png",), help=f"The picture, a .png.  [default: RUN/{name}]")


seed_option = click.option(
    "--seed",
    type=click.IntRange(0),
    metavar="N",
    help="Decides the initial weights and the order of the batches, instead of the spec's seed.",
)

dtype_option = click.option(
    "--dtype",
    type=click.Choice(["float32", "float64"]),
    default="float32",
    show_default=True,
    help="Precision to compute in.",
)

split_option = click.option(
    "--split",
    type=click.Choice(["train", "test"]),
    help="Which part of the data, where it has parts.  [default: train]",
)

force_option = click.option("--force", is_flag=True, help="Write into a folder that is not empty.")
