"""From flags, environment, config files and presets to one `Settings`.

The strongest first: flags, `VAMBA_*` variables, `./vamba.yaml`, the user's `config.yaml`, presets, defaults.
Presets come from the strongest of these places that names any.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, get_args, get_type_hints

from vamba_cli.errors import UsageError
from vamba_cli.folders import config_folder
from vamba_cli.presets import apply_presets, read_yaml, split_names
from vamba_cli.settings import Settings, nearest
from vamba_cli.timecode import parse_seconds

ENVIRONMENT_PREFIX = "VAMBA_"
LOCAL_FILE = "vamba.yaml"
USER_FILE = "config.yaml"
_TRUE, _FALSE = ("1", "true", "yes", "on"), ("0", "false", "no", "off")


@dataclass(frozen=True, slots=True)
class _Layer:
    """Values from one place; `source` stands in every error about them."""

    source: str
    values: Mapping[str, Any]
    presets: tuple[str, ...]


def resolve(
    flags: Mapping[str, Any], presets: tuple[str, ...], environ: Mapping[str, str], working_folder: Path
) -> Settings:
    """The settings of one command; `flags` holds only what was given on the command line.

    Raises:
        UsageError: an unknown setting or preset, or a value that is not allowed; its place is named.
    """
    layers = [
        _file_layer(config_folder(environ) / USER_FILE),
        _file_layer(working_folder / LOCAL_FILE),
        _environment_layer(environ),
        _Layer("command line", flags, presets),
    ]
    named = [layer.presets for layer in layers if layer.presets]
    settings = apply_presets(Settings(), named[-1] if named else ())
    for layer in layers:
        settings = settings.updated(layer.values, layer.source)
    return settings


def _file_layer(path: Path) -> _Layer:
    if not path.is_file():
        return _Layer(str(path), {}, ())
    values = read_yaml(path)
    given = values.pop("preset", [])
    texts = [given] if isinstance(given, str) else given
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise UsageError(f"{path}: preset = {given!r} must be a name or a list of names")
    return _Layer(str(path), values, split_names(texts))


def _environment_layer(environ: Mapping[str, str]) -> _Layer:
    hints = get_type_hints(Settings)
    known = {f"{ENVIRONMENT_PREFIX}{f.name.upper()}": f.name for f in fields(Settings) if f.name != "presets"}
    values: dict[str, Any] = {}
    presets: tuple[str, ...] = ()
    for variable, text in environ.items():
        if not variable.startswith(ENVIRONMENT_PREFIX) or not text.strip():
            continue
        if variable == f"{ENVIRONMENT_PREFIX}PRESET":
            presets = split_names([text])
        elif variable in known:
            values[known[variable]] = _parse(variable, text.strip(), hints[known[variable]])
        else:
            near = nearest(variable, [*known, f"{ENVIRONMENT_PREFIX}PRESET"])
            hint = f"did you mean {near}?" if near else "unset it"
            raise UsageError(f"environment variable {variable} is not a setting of vamba: {hint}")
    return _Layer("environment", values, presets)


def _parse(variable: str, text: str, hint: Any) -> Any:
    kinds = get_args(hint) or (hint,)
    if type(None) in kinds and text.lower() in ("none", "null"):
        return None
    if bool in kinds:
        if text.lower() not in _TRUE + _FALSE:
            raise UsageError(f"{variable}={text} is not allowed: it must be true or false")
        return text.lower() in _TRUE
    if variable.endswith("_SECONDS"):
        return parse_seconds(text)
    for kind, name in ((int, "a whole number"), (float, "a number")):
        if kind in kinds:
            try:
                return kind(text)
            except ValueError:
                raise UsageError(f"{variable}={text} is not allowed: it must be {name}") from None
    return text
