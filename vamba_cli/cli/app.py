"""The `vamba` program: its commands, and the way from an exception to an exit code."""

import os
import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from vamba_cli import __version__
from vamba_cli.cli import exits
from vamba_cli.cli.ask import ask
from vamba_cli.cli.batch import batch
from vamba_cli.cli.bench import bench
from vamba_cli.cli.cache import cache_app
from vamba_cli.cli.chapters import chapters
from vamba_cli.cli.chat import chat
from vamba_cli.cli.demo import demo
from vamba_cli.cli.doctor import doctor
from vamba_cli.cli.help import OptionGroups, group
from vamba_cli.cli.info import info
from vamba_cli.cli.models import models_app
from vamba_cli.cli.presets import presets_app
from vamba_cli.cli.summarise import summarise
from vamba_cli.cli.terminal import prepare_streams

app = group(
    "vamba",
    """
    Ask questions of hour-long videos, on your own machine, with true times.

    \b
    Example:
      vamba ask lecture.mp4 "when is backpropagation introduced?"

    stdout carries only the result; progress and errors go to stderr.

    \b
    Settings, the strongest first: options, VAMBA_* variables (VAMBA_FPS=0.5),
    ./vamba.yaml, config.yaml in $XDG_CONFIG_HOME/vamba, presets.

    \b
    Exit codes: 0 done, 1 bug, 2 usage, 3 some items failed, 4 input cannot be
    decoded, 5 not enough memory, 6 model or dependency missing, 75 another run
    holds the lock, 130 interrupted, 141 stdout closed, 143 terminated.
    """,
)
for command in (ask, chat, chapters, summarise, batch, info):
    app.command(cls=OptionGroups)(command)
app.command("summarize", cls=OptionGroups, hidden=True)(summarise)
app.add_typer(models_app)
app.add_typer(presets_app)
app.add_typer(cache_app)
for command in (doctor, bench, demo):
    app.command(cls=OptionGroups)(command)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"vamba {__version__}")
        raise typer.Exit


Version = Annotated[
    bool, typer.Option("--version", help="Show the version and exit.", is_eager=True, callback=_show_version)
]


@app.callback()
def _root(_version: Version = False) -> None:
    """Nothing is done before a command but to show the version."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit code is returned, never raised."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    # torch's threads would spin while they wait and starve the decoder's: 2 to 2.6 times slower on two cores. Read when
    # torch is loaded, which is later.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    prepare_streams()
    with exits.signals():
        try:
            code = typer.main.get_command(app).main(args=given, prog_name="vamba", standalone_mode=False)
            sys.stdout.flush()
        except BaseException as error:
            return exits.report(error, debug="--debug" in given)
    return int(code or exits.OK)
