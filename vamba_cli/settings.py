"""Every choice a user can make, as one strict frozen value. Pure."""

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from difflib import get_close_matches
from typing import Any, get_args, get_type_hints

from vamba_cli.errors import UsageError

DTYPES = ("auto", "float32", "bfloat16", "float16", "float64")
WEIGHT_DTYPES = ("auto", "full", "int8", "int4", "fp8")
KV_DTYPES = ("auto", "full", "int8", "fp8")
_DEVICE = re.compile(r"auto|cpu|mps|cuda(:\d+)?")


def unless_auto(value: str) -> str | None:
    """What the user chose; None where the choice was left open."""
    return None if value == "auto" else value


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that an unknown one is the beginning of ("start" of "start_seconds"), or else resembles."""
    known = list(known)
    near = [one for one in known if one.startswith(f"{name}_")] or get_close_matches(name, known, n=1)
    return near[0] if near else None


@dataclass(frozen=True, slots=True)
class Settings:
    """Defaults are None or 'auto' where the model or the machine decides."""

    # which model, where
    model: str = "tiny"
    revision: str = "main"
    random_weights: bool = False
    device: str = "auto"
    dtype: str = "auto"
    # what saves memory; where it is auto or None, what is needed to stay within the limit, and no more
    memory_limit_gib: float | None = None
    weight_dtype: str = "auto"
    kv_dtype: str = "auto"
    token_keep: float | None = None  # share of the video tokens that is kept
    kv_offload: bool | None = None  # keys and values in the CPU's memory, beside a GPU
    split: bool | None = None  # load what answers after what encodes
    # which frames
    fps: float | None = None
    frames: int | None = None
    max_frames: int | None = None
    start_seconds: float = 0.0
    end_seconds: float | None = None
    longest_edge: int | None = None
    shortest_edge: int | None = None
    keyframes_only: bool = False
    # how they are encoded
    chunk_frames: int | None = None  # what suits the device
    static_tolerance: float | None = None  # grey levels below which a frame pair counts as unchanged
    cache: bool = True
    cache_limit_gib: float = 20.0
    # what is said
    subtitles: bool = True  # use those that are found beside the video or in it
    subtitles_file: str | None = None
    transcribe: bool = False  # where there are no subtitles
    transcribe_model: str = "small"
    # how answers are made
    evidence: bool = True
    max_new_tokens: int = 256
    temperature: float = 0.0
    top_k: int | None = None
    top_p: float | None = None
    seed: int = 0
    # names of the presets that went into this value
    presets: tuple[str, ...] = field(default=())

    def __post_init__(self) -> None:
        for setting in fields(self):
            value = getattr(self, setting.name)
            self._require(setting.name, not isinstance(value, float) or math.isfinite(value), "a finite number")
        self._require("fps", self.fps is None or self.fps > 0, "above 0")
        self._require("frames", self.frames is None or self.frames >= 1, "1 or more")
        self._require("max_frames", self.max_frames is None or self.max_frames >= 2, "2 or more")
        self._require("start_seconds", self.start_seconds >= 0, "0 or more")
        end_ok = self.end_seconds is None or self.end_seconds > self.start_seconds
        self._require("end_seconds", end_ok, f"after start_seconds ({self.start_seconds})")
        for edge in ("longest_edge", "shortest_edge"):
            value = getattr(self, edge)
            self._require(edge, value is None or value >= 28, "28 pixels or more")
        chunk_ok = self.chunk_frames is None or (self.chunk_frames >= 2 and self.chunk_frames % 2 == 0)
        self._require("chunk_frames", chunk_ok, "an even number, 2 or more")
        self._require("static_tolerance", self.static_tolerance is None or self.static_tolerance >= 0, "0 or more")
        self._require("memory_limit_gib", self.memory_limit_gib is None or self.memory_limit_gib > 0, "above 0")
        self._require("cache_limit_gib", self.cache_limit_gib >= 0, "0 or more")
        self._require("max_new_tokens", self.max_new_tokens >= 1, "1 or more")
        self._require("temperature", self.temperature >= 0, "0 (greedy) or more")
        self._require("top_k", self.top_k is None or self.top_k >= 1, "1 or more")
        self._require("top_p", self.top_p is None or 0 < self.top_p <= 1, "above 0 and at most 1")
        for name, allowed in (("dtype", DTYPES), ("weight_dtype", WEIGHT_DTYPES), ("kv_dtype", KV_DTYPES)):
            self._require(name, getattr(self, name) in allowed, "one of " + ", ".join(allowed))
        self._require("token_keep", self.token_keep is None or 0 < self.token_keep <= 1, "above 0 and at most 1")
        self._require("device", _DEVICE.fullmatch(self.device) is not None, "auto, cpu, cuda, cuda:N or mps")
        if self.fps is not None and self.frames is not None:
            raise UsageError(f"fps ({self.fps}) and frames ({self.frames}) exclude each other: give one of them")
        if self.subtitles_file is not None and not self.subtitles:
            raise UsageError(
                f"subtitles_file ({self.subtitles_file}) is given while subtitles are switched off: give one of them"
            )
        self._require("subtitles_file", self.subtitles_file != "", "a file name")
        self._require("transcribe_model", self.transcribe_model.strip() != "", "a name, such as small")

    def _require(self, name: str, holds: bool, allowed: str) -> None:
        if not holds:
            raise UsageError(f"{name} = {getattr(self, name)!r} is not allowed: it must be {allowed}")

    def updated(self, values: Mapping[str, Any], source: str) -> "Settings":
        """A copy with `values` over it; `source` (a file, a preset, the environment) stands in every error.

        Raises:
            UsageError: an unknown key (the nearest known one is named) or a value of the wrong type.
        """
        hints = get_type_hints(Settings)
        known = [f.name for f in fields(Settings) if f.name != "presets"]
        for key, value in values.items():
            if key not in known:
                near = nearest(key, known)
                hint = f"; did you mean {near!r}?" if near else f"; known are {', '.join(known)}"
                raise UsageError(f"{source}: unknown setting {key!r}{hint}")
            if not _fits(value, hints[key]):
                raise UsageError(f"{source}: {key} = {value!r} must be {_type_name(hints[key])}")
        # one choice of a pair replaces the other where it comes from a weaker source
        rival = {"fps": "frames", "frames": "fps"}
        cleared: dict[str, Any] = {
            rival[k]: None for k in values if k in rival and values[k] is not None and rival[k] not in values
        }
        if values.get("subtitles_file") is not None:
            cleared["subtitles"] = True
        elif values.get("subtitles") is False:
            cleared["subtitles_file"] = None
        try:
            return replace(self, **{**cleared, **values})
        except UsageError as error:
            raise UsageError(f"{source}: {error}") from None


def _fits(value: Any, hint: Any) -> bool:
    allowed = get_args(hint) or (hint,)
    if isinstance(value, bool):
        return bool in allowed
    if isinstance(value, int) and float in allowed:
        return True
    return isinstance(value, tuple(allowed))


def _type_name(hint: Any) -> str:
    names = {
        float: "a number",
        int: "a whole number",
        bool: "true or false",
        str: "a text",
        type(None): "null",
    }
    return " or ".join(names[part] for part in (get_args(hint) or (hint,)))
