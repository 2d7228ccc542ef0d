"""Named settings in YAML: the ones that are shipped, and files of a user's own."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from vamba_cli.errors import UsageError
from vamba_cli.settings import Settings

KINDS = ("frames", "memory")  # the two folders of shipped presets
_SUFFIXES = (".yaml", ".yml")


@dataclass(frozen=True, slots=True)
class Preset:
    """One YAML file: a description and some settings. `kind` is None for a file of the user's own."""

    name: str
    kind: str | None
    description: str
    values: Mapping[str, Any]
    path: Path


def preset_folder() -> Path:
    """Where the shipped presets lie: inside the installed package, or at the root of a checkout."""
    package = Path(__file__).parent
    installed = package / "presets_data"
    return installed if installed.is_dir() else package.parent / "presets"


def shipped_presets() -> tuple[Preset, ...]:
    """All shipped presets, frame presets first, each kind from small to large or by name."""
    return tuple(_read(path, path.stem, kind) for kind in KINDS for path in _files(kind))


def load_preset(name: str) -> Preset:
    """A shipped preset by its name, or a YAML file by its path.

    Raises:
        UsageError: there is none (the nearest name is given), or the file is not a valid preset.
    """
    for kind in KINDS:
        path = preset_folder() / kind / f"{name}.yaml"
        if Path(name).name == name and path.is_file():
            return _read(path, name, kind)
    if Path(name).suffix in _SUFFIXES:
        return _read(Path(name).expanduser(), name, None)
    known = [path.stem for kind in KINDS for path in _files(kind)]
    near = get_close_matches(name, known, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(known)}, and paths to .yaml files"
    raise UsageError(f"there is no preset {name!r}: {hint}")


def apply_presets(settings: Settings, names: Sequence[str]) -> Settings:
    """The settings with the presets over them, in order: a later one wins where two set the same thing."""
    for name in names:
        preset = load_preset(name)
        settings = settings.updated(preset.values, f"preset {name}")
    return replace(settings, presets=tuple(names))


def split_names(texts: Iterable[str]) -> tuple[str, ...]:
    """Preset names from options that may be repeated or hold several names with commas between them."""
    return tuple(name.strip() for text in texts for name in text.split(",") if name.strip())


def read_yaml(path: Path) -> dict[str, Any]:
    """A YAML file that holds a mapping (an empty file is an empty one).

    Raises:
        UsageError: it is missing, unreadable, not YAML, or holds something else.
    """
    import yaml

    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UsageError(f"{path} does not exist: check the name") from None
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} cannot be read: {error}") from error
    except yaml.YAMLError as error:
        raise UsageError(f"{path} is not valid YAML: {' '.join(str(error).split())}") from error
    if values is None:
        return {}
    if not isinstance(values, dict) or not all(isinstance(key, str) for key in values):
        raise UsageError(f"{path} must hold lines of the form `setting: value`, not {type(values).__name__}")
    return values


def _read(path: Path, name: str, kind: str | None) -> Preset:
    values = read_yaml(path)
    description = values.pop("description", "")
    if not isinstance(description, str):
        raise UsageError(f"{path}: description = {description!r} must be a text")
    Settings().updated(values, str(path))
    return Preset(name, kind, description, values, path)


def _files(kind: str) -> list[Path]:
    def size_then_name(path: Path) -> tuple[int, str]:
        digits = "".join(filter(str.isdigit, path.stem))
        return int(digits or 0), path.stem

    return sorted((preset_folder() / kind).glob("*.yaml"), key=size_then_name)
