"""Where files of vamba lie on this machine: XDG's places everywhere, the system's own where XDG says nothing."""

from collections.abc import Mapping
from pathlib import Path

_NAME = "vamba"


def memory_folder(environ: Mapping[str, str]) -> Path:
    """Encoded videos are kept here (`vamba cache`); everything in it can be made again."""
    return _cache(environ) / "memories"


def transcript_folder(environ: Mapping[str, str]) -> Path:
    """What was transcribed is kept here."""
    return _cache(environ) / "transcripts"


def config_folder(environ: Mapping[str, str]) -> Path:
    """The user's `config.yaml` lies here."""
    from platformdirs import user_config_path

    return _xdg(environ, "XDG_CONFIG_HOME") or user_config_path(_NAME)


def _cache(environ: Mapping[str, str]) -> Path:
    from platformdirs import user_cache_path

    return _xdg(environ, "XDG_CACHE_HOME") or user_cache_path(_NAME)


def _xdg(environ: Mapping[str, str], variable: str) -> Path | None:
    base = Path(environ.get(variable) or ".")
    return base / _NAME if base.is_absolute() else None  # XDG: a relative path is invalid and ignored
