"""Finding the subtitles of a video: a file that the user names, one beside the video, or a stream in it."""

import codecs
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import av
from av.container import InputContainer
from av.packet import Packet
from av.stream import Discard, Disposition
from av.subtitles.stream import SubtitleStream
from av.subtitles.subtitle import AssSubtitle

from vamba_cli.errors import UsageError
from vamba_cli.media.captions import Cue, lines_of, parse, rows_of
from vamba_cli.media.info import VideoInfo
from vamba_cli.media.source import open_container, reason
from vamba_cli.subtitles import NO_SUBTITLES, Line, Subtitles
from vamba_cli.timecode import clock

SUFFIXES = (".srt", ".vtt", ".ass", ".ssa")  # that are looked for beside a video, the preferred ones first
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(?:[-_][A-Za-z0-9]+)*|english", re.IGNORECASE)
_KINDS = ("sdh", "cc", "hi", "auto", "orig", "default", "forced")
_TEXT_CODECS = ("mov_text", "subrip", "srt", "ass", "ssa", "webvtt", "text")
_MOST_BYTES = 32 * 2**20
_SOUND_OUTLASTS_SECONDS = 5.0  # the last picture, in files that are in order
_STANDS_SECONDS = 5.0  # a line of a stream that does not say how long it stands


def load_subtitles(info: VideoInfo, wanted: Path | None = None) -> Subtitles:
    """Subtitles of a video: the wanted file, else one beside the video, else a text stream in it, else none.

    Raises:
        UsageError: the wanted file is missing or is no subtitle file.
    """
    if wanted is not None:
        return _fitted(_read(wanted), info)
    if info.is_image:
        return NO_SUBTITLES
    notes: list[str] = []
    beside = sidecars(info.path)
    for place, path in enumerate(beside):
        try:
            read = _read(path)
        except UsageError as error:
            notes.append(f"{error}; it is left out")
            continue
        if others := [other.name for other in beside[place + 1 :]]:
            notes.append(
                f"of several subtitle files {path.name} is used, not {', '.join(others)}: --subs takes another"
            )
        return _fitted(replace(read, notes=(*notes, *read.notes)), info)
    if info.subtitle_streams == 0:
        return replace(NO_SUBTITLES, notes=tuple(notes))
    inside = _embedded(info)
    return _fitted(replace(inside, notes=(*notes, *inside.notes)), info)


def sidecars(video: Path) -> list[Path]:
    """Subtitle files that belong to a video by their name, the best first: `a.srt`, `a.vtt`, `a.en.srt`, `a.de.srt`."""
    ranked = []
    try:
        for path in video.absolute().parent.iterdir():
            rank = _rank(video.stem, path)
            if rank is not None and path.is_file():
                ranked.append((rank, video.with_name(path.name)))
    except OSError:  # a folder that may not be listed
        return []
    return [path for _rank, path in sorted(ranked)]


def _rank(stem: str, path: Path) -> tuple[bool, bool, bool, int, str] | None:
    """How well a file fits; None if it does not."""
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES or not path.stem.startswith(stem):
        return None
    first, *tags = path.stem[len(stem) :].split(".")
    if first or not all(_LANGUAGE.fullmatch(tag) or tag.lower() in _KINDS for tag in tags):
        return None
    small = [tag.lower() for tag in tags]
    english = not small or any(re.match(r"en\b|eng\b|english", tag) for tag in small)
    return "forced" in small, not english, bool(small), SUFFIXES.index(suffix), path.name


def _read(path: Path) -> Subtitles:
    """One subtitle file.

    Raises:
        UsageError: it is missing, too large, binary, in no known format, or holds no line.
    """
    what_to_do = "give an .srt, .vtt, .ass or .ssa file"
    try:
        with path.open("rb") as file:
            data = file.read(_MOST_BYTES + 1)
    except OSError as error:
        raise UsageError(f"subtitles {path} cannot be read ({reason(error)}): {what_to_do}") from error
    if len(data) > _MOST_BYTES:
        raise UsageError(f"subtitles {path} take more than {_MOST_BYTES // 2**20} MiB, as no text does: {what_to_do}")
    try:
        text, notes = _decoded(data, path)
        lines = parse(text)
    except ValueError as error:
        raise UsageError(f"{path} cannot be read as subtitles, {error}: {what_to_do}") from error
    if not lines:
        raise UsageError(f"subtitles {path} hold not one line of text: {what_to_do}")
    return Subtitles(lines, path.name, notes)


def _decoded(data: bytes, path: Path) -> tuple[str, tuple[str, ...]]:
    """The text and a note where its encoding had to be guessed."""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return data.decode("utf-16", errors="replace"), ()
    if b"\0" in data[:4096]:
        raise ValueError("it is not text")
    try:
        return data.decode("utf-8-sig"), ()
    except UnicodeDecodeError:
        try:
            text = data.decode("cp1252")
        except UnicodeDecodeError:
            text = data.decode("latin-1")
    return text, (f"{path.name} is not in UTF-8: read as Western European; convert it if letters look wrong",)


def _fitted(subtitles: Subtitles, info: VideoInfo) -> Subtitles:
    """Lines cut to the length of the video; those behind its end belong to no picture."""
    if info.is_image:
        return subtitles
    end_seconds = info.duration_seconds
    kept = tuple(
        Line(line.start_seconds, min(line.end_seconds, end_seconds), line.text)
        for line in subtitles.lines
        if line.start_seconds < end_seconds
    )
    num_late = sum(line.start_seconds > end_seconds + _SOUND_OUTLASTS_SECONDS for line in subtitles.lines)
    notes = subtitles.notes
    if num_late:
        notes += (
            f"{num_late} of {len(subtitles.lines)} lines of {subtitles.source} lie behind the end of the video "
            f"({clock(end_seconds)}): are they of another version of it?",
        )
    return replace(subtitles, lines=kept, notes=notes)


def _embedded(info: VideoInfo) -> Subtitles:
    with open_container(info.path) as container:
        streams = list(container.streams.subtitles)
        texts = [stream for stream in streams if _codec(stream) in _TEXT_CODECS]
        if not texts:
            kinds = ", ".join(dict.fromkeys(_codec(stream) for stream in streams))
            return replace(NO_SUBTITLES, notes=(f"its subtitles are pictures, not text ({kinds}), and are not read",))
        chosen = min(texts, key=_stream_rank)
        name, others = _name(chosen), [_name(stream) for stream in texts if stream.index != chosen.index]
        cues = list(_cues(container, chosen, info.start_seconds))
    lines = lines_of(cues)
    if not lines:
        return replace(NO_SUBTITLES, notes=(f"its subtitle stream {name} holds no text",))
    notes = (f"of several subtitle streams {name} is used, not {', '.join(others)}",) if others else ()
    return Subtitles(lines, f"subtitle stream {name}", notes)


def _stream_rank(stream: SubtitleStream) -> tuple[bool, bool, bool, int]:
    forced = bool(stream.disposition & Disposition.forced)
    default = bool(stream.disposition & Disposition.default)
    return forced, _language(stream) not in ("en", "eng"), not default, stream.index


def _cues(container: InputContainer, stream: SubtitleStream, zero_seconds: float) -> Iterator[Cue]:
    """What the packets of a stream say; damaged ones are left out."""
    for other in container.streams:
        if other.index != stream.index:
            other.discard = Discard.all
    for packet in _packets(container, stream):
        if not packet.size or packet.pts is None or packet.time_base is None:
            continue
        try:
            parts = stream.decode(packet)
        except (av.error.FFmpegError, ValueError):
            continue
        start = float(packet.pts * packet.time_base) - zero_seconds
        length = float(packet.duration * packet.time_base) if packet.duration else _STANDS_SECONDS
        for part in parts:
            if isinstance(part, AssSubtitle):
                yield start, start + length, _ass_rows(part.ass.decode("utf-8", errors="replace"))


def _packets(container: InputContainer, stream: SubtitleStream) -> "Iterator[Packet[SubtitleStream]]":
    """Packets up to the end of the file, or to where it cannot be read any more."""
    try:
        yield from container.demux(stream)
    except (av.error.FFmpegError, OSError):
        return


def _ass_rows(event: str) -> Sequence[str]:
    """The rows of what FFmpeg makes of every text: `order,layer,style,speaker,left,right,top,effect,text`."""
    import pysubs2

    fields = event.split(",", 8)
    if len(fields) < 9:
        return ()
    parsed = pysubs2.SSAEvent(text=fields[8], name=fields[3])
    return () if parsed.is_drawing else rows_of(parsed.plaintext, parsed.name)


def _codec(stream: SubtitleStream) -> str:
    return stream.codec_context.name if stream.codec_context is not None else "an unknown kind"


def _language(stream: SubtitleStream) -> str:
    return (stream.language or "").lower()


def _name(stream: SubtitleStream) -> str:
    language = _language(stream)
    return f"{stream.index} ({_codec(stream)}{', ' + language if language not in ('', 'und') else ''})"
