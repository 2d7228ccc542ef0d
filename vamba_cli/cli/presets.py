"""`vamba presets`: named settings, shipped and of the user's own."""

from dataclasses import fields
from typing import Annotated

from vamba_cli.cli.help import OptionGroups, group
from vamba_cli.cli.options import JsonFlag, argument, shared
from vamba_cli.cli.terminal import result_columns, show, show_json
from vamba_cli.presets import Preset, load_preset, shipped_presets, split_names
from vamba_cli.results import SCHEMA_VERSION
from vamba_cli.settings import Settings

presets_app = group(
    "presets",
    """
    List and show presets, the named settings of --preset.

    \b
    Example:
      vamba presets list
    """,
)


@presets_app.command("list", cls=OptionGroups)
@shared()
def list_presets(json: JsonFlag = False) -> None:
    """
    List the presets; those for frames and memory combine.

    \b
    Examples:
      vamba presets list
      vamba ask lecture.mp4 "what is shown?" --preset lecture,24gb
    """
    found = shipped_presets()
    if json:
        show_json({"schema_version": SCHEMA_VERSION, "task": "presets", "presets": [_document(item) for item in found]})
        return
    from vamba_cli.cli import render

    rows = [(item.name, item.kind or "", item.description) for item in found]
    show(render.table(("NAME", "KIND", "DESCRIPTION"), rows, result_columns()))


@presets_app.command("show", cls=OptionGroups)
@shared()
def show_preset(
    names: Annotated[list[str], argument("NAME...", "Names or YAML files.")],
    json: JsonFlag = False,
) -> None:
    """
    Show what presets set; the last one wins.

    \b
    Examples:
      vamba presets show lecture
      vamba presets show lecture 24gb
      vamba presets show mine.yaml
    """
    chosen = [load_preset(name) for name in split_names(names)]
    if json:
        show_json(
            {"schema_version": SCHEMA_VERSION, "task": "presets", "presets": [_document(item) for item in chosen]}
        )
        return
    from vamba_cli.cli import render

    order = [field.name for field in fields(Settings)]
    merged = {key: (value, item.name) for item in chosen for key, value in item.values.items()}
    rows = [(key, _value(merged[key][0]), merged[key][1]) for key in sorted(merged, key=order.index)]
    about = render.fields(((item.name, item.description) for item in chosen), result_columns(), indent="")
    show(about.append("\n\n").append_text(render.table(("SETTING", "VALUE", "FROM"), rows, result_columns())))


def _value(value: object) -> str:
    return "none" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def _document(preset: Preset) -> dict[str, object]:
    return {
        "name": preset.name,
        "kind": preset.kind,
        "description": preset.description,
        "settings": dict(preset.values),
        "path": str(preset.path),
    }
