"""Options that commands share: one table for the settings, and the decorator that adds them to a command."""

import inspect
import os
import re
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Annotated, Any

import typer

from vamba_cli.cli.help import LAST
from vamba_cli.cli.terminal import Terminal
from vamba_cli.config_files import resolve
from vamba_cli.errors import UsageError
from vamba_cli.presets import split_names
from vamba_cli.timecode import parse_seconds

# Headings of the help.
MODEL, FRAMES, SUBTITLES, ANSWER, OUTPUT = "Model", "Frames", "Subtitles", "Answer", LAST


def _whole(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is not a whole number") from None


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is not a number: write it without a unit") from None


def _time(text: str) -> float:
    try:
        return parse_seconds(text)
    except UsageError as error:
        raise typer.BadParameter(str(error)) from None


def _named(text: str) -> Path:
    if not text:
        raise typer.BadParameter("the name is empty")
    return Path(text)


# heading -> field of Settings, type or parser, flags, metavar, help. No option has a default: what is not given here
# comes from the weaker places (environment, config files, presets).
_TABLE: dict[str, tuple[tuple[str, Any, str, str | None, str], ...]] = {
    MODEL: (
        ("model", str, "--model -m", "NAME", "tiny, vamba-qwen2-vl-7b, a folder, or owner/name."),
        ("revision", str, "--revision", "REV", "Branch, tag or commit on the Hub."),
        ("device", str, "--device", "NAME", "auto, cpu, cuda, cuda:N or mps."),
        ("dtype", str, "--dtype", "NAME", "auto, float32, bfloat16, float16 or float64."),
        ("memory_limit_gib", _number, "--memory-limit", "GIB", "Stay below this much memory."),
        ("weight_dtype", str, "--weight-dtype", "NAME", "full, int8, int4 or fp8 (auto: as the limit demands)."),
        ("kv_dtype", str, "--kv-dtype", "NAME", "Keys and values in full, int8 or fp8 (auto)."),
        ("token_keep", _number, "--token-keep", "SHARE", "Keep this share of the video tokens (0.5: half)."),
        ("kv_offload", bool, "--kv-offload/--no-kv-offload", None, "Keys and values in RAM, beside a GPU: slow."),
        ("split", bool, "--split/--no-split", None, "Load what answers after what encodes."),
        ("random_weights", bool, "--random-weights", None, "The model's sizes only, to measure speed."),
    ),
    FRAMES: (
        ("fps", _number, "--fps", "RATE", "Frames per second."),
        ("frames", _whole, "--frames", "N", "This many frames instead, spread evenly."),
        ("max_frames", _whole, "--max-frames", "N", "Lower the rate so that no more are taken."),
        ("start_seconds", _time, "--start", "TIME", "Begin here: 90, 1:30, 1:02:03 or 90s."),
        ("end_seconds", _time, "--end", "TIME", "End here."),
        ("longest_edge", _whole, "--longest-edge", "PIXELS", "Shrink larger frames to this."),
        ("shortest_edge", _whole, "--shortest-edge", "PIXELS", "Enlarge smaller frames to this."),
        ("keyframes_only", bool, "--keyframes/--all-frames", None, "Decode key frames only: fast, coarse."),
        ("cache", bool, "--cache/--no-cache", None, "Keep the encoded video for the next call."),
    ),
    SUBTITLES: (
        ("subtitles_file", str, "--subs", "FILE", "An .srt, .vtt, .ass or .ssa file of what is said."),
        ("subtitles", bool, "--find-subs/--no-subs", None, "Use those beside the video or in it."),
        ("transcribe", bool, "--transcribe/--no-transcribe", None, "Make them from the sound if there are none."),
        ("transcribe_model", str, "--transcribe-model", "NAME", "Of faster-whisper, or its folder (small)."),
    ),
    ANSWER: (
        ("evidence", bool, "--evidence/--no-evidence", None, "Search for the times that support it."),
        ("max_new_tokens", _whole, "--max-new-tokens", "N", "Longest answer."),
        ("temperature", _number, "--temperature", "T", "0 takes the likeliest token (the default)."),
        ("top_k", _whole, "--top-k", "K", "Draw from the K likeliest tokens only."),
        ("top_p", _number, "--top-p", "P", "Draw from the likeliest P of the probability."),
        ("seed", _whole, "--seed", "N", "Seed of the drawing."),
    ),
}


def argument(metavar: str, text: str, **more: Any) -> Any:
    """A positional argument."""
    return typer.Argument(metavar=metavar, help=text, show_default=False, **more)


def video_argument(text: str) -> Any:
    """A positional argument that names one video; an empty name would be the current folder."""
    return argument("VIDEO", text, parser=_named)


def option(flags: str, metavar: str | None, text: str, heading: str = OUTPUT, **more: Any) -> Any:
    """An option; its flags are separated by spaces."""
    return typer.Option(*flags.split(), metavar=metavar, help=text, rich_help_panel=heading, show_default=False, **more)


def time_option(flags: str, text: str, heading: str) -> Any:
    """An option that takes seconds or a clock time."""
    return option(flags, "TIME", text, heading, parser=_time)


JsonFlag = Annotated[bool, option("--json", None, "One JSON object instead of text.")]
OutputPath = Annotated[str | None, option("--output -o", "FILE", "Write here, not to stdout (.json implies --json).")]


def shared(*headings: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command the settings under these headings, and the options that every command has.

    The command receives them as `settings: Settings` (only if there are headings) and, if it has such a parameter,
    `terminal: Terminal`.
    """
    names = [row[0] for heading in headings for row in _TABLE[heading]]

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        own = inspect.signature(command).parameters
        has_terminal = "terminal" in own

        @wraps(command)
        def run(**values: Any) -> None:
            values.pop("debug")
            if has_terminal:
                values["terminal"] = Terminal(quiet=values.pop("quiet"), verbose=values.pop("verbose"))
            if headings:
                flags = {name: value for name in names if (value := values.pop(name)) is not None}
                presets = split_names(values.pop("preset", None) or ())
                try:
                    values["settings"] = resolve(flags, presets, os.environ, Path.cwd())
                except UsageError as error:
                    raise UsageError(_as_options(str(error))) from error
            command(**values)

        parameters = [p for p in own.values() if p.name not in ("settings", "terminal")]
        parameters += _setting_parameters(headings) + _common_parameters(has_terminal)
        parameters = [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in parameters]
        run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        run.__annotations__ = {p.name: p.annotation for p in parameters}
        return run

    return decorate


def _as_options(message: str) -> str:
    """An error about the command line in the user's words: `--end`, not `end_seconds`."""
    place, found, rest = message.partition("command line: ")
    if place or not found:
        return message
    for name, _kind, flags, _metavar, _text in (row for rows in _TABLE.values() for row in rows):
        rest = re.sub(rf"(?<![\w'-]){name}(?= [=(])", flags.split()[0].partition("/")[0], rest)
    return rest


def in_options(error: UsageError, *fields: str) -> UsageError:
    """An error about these fields in the user's words: `--min-length`, not `min_length_seconds`."""

    def flag(name: re.Match[str]) -> str:
        return f"--{name[1].removesuffix('_seconds').replace('_', '-')}"

    return UsageError(re.sub(rf"\b({'|'.join(fields)})(?= [=(])", flag, str(error)))


def _setting_parameters(headings: tuple[str, ...]) -> list[inspect.Parameter]:
    parameters = []
    for heading in headings:
        for name, kind, flags, metavar, text in _TABLE[heading]:
            parser = None if isinstance(kind, type) else kind
            declared = option(flags, metavar, text, heading, parser=parser)
            parameters.append(_parameter(name, (kind if parser is None else float) | None, declared, None))
    if FRAMES in headings:
        text = "Named settings, joined by commas: lecture,24gb."
        parameters.append(_parameter("preset", list[str] | None, option("--preset -p", "NAMES", text, FRAMES), None))
    return parameters


def _common_parameters(has_terminal: bool) -> list[inspect.Parameter]:
    talk = (
        ("quiet", option("--quiet", None, "Only errors on stderr.")),
        ("verbose", option("--verbose -v", None, "More on stderr: stages, sizes, timing.")),
    )
    debug = ("debug", option("--debug", None, "A traceback with every error."))
    return [_parameter(name, bool, declared, False) for name, declared in (*(talk if has_terminal else ()), debug)]


def _parameter(name: str, kind: Any, declared: Any, default: Any) -> inspect.Parameter:
    annotation = Annotated[kind, declared]
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
