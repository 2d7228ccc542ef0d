"""`vamba doctor`: what is usable on this machine, and what to do about the rest."""

import typer

from vamba_cli.cli import exits
from vamba_cli.cli.options import JsonFlag, shared
from vamba_cli.cli.terminal import result_columns, show, show_json


@shared()
def doctor(json: JsonFlag = False) -> None:
    """
    Check Python, torch, GPU, decoder, weights, cache and settings.

    \b
    Examples:
      vamba doctor
      vamba doctor --json

    No network is used. Exit code 6 if something that vamba needs is missing.
    """
    from vamba_cli.cli.doctor_checks import examine

    result = examine()
    if json:
        show_json(result.to_json())
    else:
        from vamba_cli.cli import render

        show(render.doctor(result, result_columns()))
    if not result.ok:
        raise typer.Exit(exits.MODEL_MISSING)
