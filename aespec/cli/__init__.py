"""The command line: ``aespec COMMAND``. A command's module is imported when that command is called."""

from __future__ import annotations

import gc
import os
import sys
from importlib import import_module
from keyword import iskeyword
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from aespec.cli.stdout import Unprinted, distinct_stdout
from aespec.cli.stopping import heard
from aespec.lean import spare

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aespec.diagnostics import Diagnostic

__all__ = ["main", "tell"]

COMMANDS = {
    "Specs": {
        "new": ("new", "Write a spec to begin with: one for data of yours, or a copy of one of the zoo."),
        "validate": ("specs", "Say whether specs are right, and everything that is not."),
        "summary": ("specs", "Show the layers, shapes and parameters of specs."),
        "graph": (
            "graph",
            "Show the graph that a spec compiles to: as text, as JSON, as a flowchart, or as a drawing.",
        ),
        "diff": ("diff", "Say what differs between two specs or runs, by its effect."),
        "fmt": ("fmt", "Put specs into their usual form."),
    },
    "Models": {
        "build": ("models", "Build the models of specs, and check them against the specs."),
        "verify": ("models", "Compare what several backends compute for specs."),
        "eject": ("eject", "Write the model of a spec as one file of Keras or PyTorch code."),
        "convert": ("convert", "Write a trained model as a file for those who do not have aespec."),
        "import": ("imports", "Make a spec and weights of a model in a file of Keras or PyTorch."),
        "train": ("train", "Train the model of a spec on data."),
        "sweep": ("sweep", "Train a spec under many values of its fields, and rank them."),
        "reconstruct": ("runs", "Draw what a trained model makes of some samples, or write what it makes of all."),
        "history": ("history", "Draw the loss curves of runs."),
        "report": ("report", "Write a page that shows what a run was and what it learnt."),
    },
    "Uses": {
        "encode": ("encode", "Write the codes of data, to be used as features."),
        "project": ("projection", "Draw a map of codes: similar samples near each other."),
        "pca-check": ("pca", "Compare a linear autoencoder with exact PCA."),
        "features": ("features", "Show what a trained model's units look for and respond to."),
        "generate": ("generation", "Generate samples from codes that are drawn at random."),
        "interpolate": ("generation", "Turn one sample into another, by way of their codes."),
        "traverse": ("generation", "Sweep each unit of a code, the others kept as they are."),
        "pretrain": ("pretrain", "Train classifiers of few labels on a trained encoder, and without it."),
        "score": ("score", "Say how anomalous samples are, by how badly a trained model restores them."),
        "oneclass": ("oneclass", "Measure how well a spec's models detect anomalies, each class being normal in turn."),
    },
    "Reference": {
        "layers": ("reference", "List the kinds of layers, or show one: its fields, shapes and examples."),
        "backends": ("backends", "List the backends, and what is missing for those that cannot be used."),
        "conformance": ("conformance", "Run the conformance suite on a backend."),
        "schema": ("reference", "Print the JSON Schema of a spec, for editors and other tools."),
        "explain": ("reference", "Explain the code of an error or a warning."),
    },
}
"""Every command by section: the module that has it, and its line in the help."""

BUG, INTERRUPTED = 70, 130  # EX_SOFTWARE of sysexits.h; 128 + SIGINT, as shells say it


def _set_color(context: click.Context, _: click.Parameter, value: bool | None) -> None:
    if value is not None:
        context.color = context.find_root().color = value


COLOR = click.Option(
    ["--color/--no-color"],
    default=None,
    expose_value=False,
    callback=_set_color,
    help="Color messages. By default on a terminal, unless NO_COLOR is set.",
)


class CommandLine(click.Group):
    """The commands, each imported when it is called for, and what becomes of their errors."""

    def list_commands(self, context: click.Context) -> list[str]:
        """Every command's name."""
        return [name for section in COMMANDS.values() for name in section]

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        """A command by its name; its module is imported now."""
        home = next((section[name][0] for section in COMMANDS.values() if name in section), None)
        if home is None:
            return None
        attribute = name.replace("-", "_") + "_" * iskeyword(name)
        command: click.Command = getattr(import_module(f"aespec.cli.{home}"), attribute)
        if COLOR not in command.params:
            command.params.append(COLOR)
        return command

    def resolve_command(self, context: click.Context, args: list[str]) -> Any:
        """The command that the arguments begin with."""
        from aespec.diagnostics import nearest

        if args and not args[0].startswith("-") and args[0] not in self.list_commands(context):
            near = nearest(args[0], self.list_commands(context))
            context.fail(f"No such command '{args[0]}'." + (f" Did you mean '{near}'?" if near else ""))
        return super().resolve_command(context, args)

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        """The commands by section, without importing any."""
        for title, section in COMMANDS.items():
            with formatter.section(title):
                formatter.write_dl([(name, text) for name, (_, text) in section.items()])

    def main(self, *args: Any, **kwargs: Any) -> Any:
        """Run what the command line says, by default that of this process."""
        if not args and "args" not in kwargs:
            spare()
        if sys.stderr is None:  # it was closed: what is told there goes nowhere, which ends nothing
            sys.stderr = Path(os.devnull).open("w")  # noqa: SIM115 (it stays open as long as there is something to tell)
        try:
            with distinct_stdout():
                return super().main(*args, **kwargs)
        except Unprinted as error:
            from aespec.diagnostics import AespecError

            unprinted = AespecError(_unprinted(error))
            click.echo(unprinted, err=True)
            sys.exit(unprinted.exit_code)

    def invoke(self, context: click.Context) -> Any:
        """Run a command; whatever goes wrong in it is said in words."""
        from aespec.diagnostics import AespecError

        try:
            with heard():
                return super().invoke(context)
        except (click.ClickException, click.exceptions.Exit, click.Abort, BrokenPipeError, Unprinted):
            raise  # click's own; a pipe that was closed is silent
        except AespecError as error:
            tell(error.diagnostics)
            context.exit(error.exit_code)
        except KeyboardInterrupt as interruption:
            click.echo("\n" + ": ".join(["interrupted", *map(str, interruption.args)]), err=True)
            context.exit(INTERRUPTED)
        except Exception as error:
            _report_bug(error)
            context.exit(BUG)


def tell(problems: Sequence[Diagnostic]) -> None:
    """Write problems to the standard error."""
    from aespec.cli.output import colored
    from aespec.diagnostics import render

    color = colored(sys.stderr)
    click.echo(render(problems, color=color), err=True, color=color)


def _unprinted(error: Unprinted) -> Diagnostic:
    from aespec.diagnostics import Diagnostic
    from aespec.rules import FolderUnwritable

    return Diagnostic(
        FolderUnwritable,
        "stdout cannot be written",
        wanted="room for what is printed",
        got=error.strerror,
        help="look at where it goes: a disk may be full, or a terminal gone",
    )


def _report_bug(error: Exception) -> None:
    if os.environ.get("AESPEC_DEBUG"):
        import traceback

        traceback.print_exception(error)
    what = " ".join(f"{type(error).__name__}: {error}".split())[:200]
    click.echo(
        f"aespec: this should not have happened ({what}). "
        "Please report it, with what the same command prints under AESPEC_DEBUG=1.",
        err=True,
    )


@click.group(cls=CommandLine, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="aespec", prog_name="aespec")
def main() -> None:
    """Compile a declarative description of an autoencoder into a Keras, PyTorch or NumPy model.

    Begin with `aespec summary SPEC`, `aespec build SPEC --backend torch` and `aespec train SPEC --backend torch`.
    """
    gc.set_threshold(50_000)  # a short program makes many objects that stay; looking for garbage takes a tenth of it


main.params.append(COLOR)
