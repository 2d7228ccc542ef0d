"""Chapters put into a copy of a video: every stream goes over packet for packet, nothing is encoded again."""

import errno
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import av
from av.container import InputContainer, OutputContainer
from av.stream import Discard, Disposition, Stream
from av.video.stream import VideoStream

from vamba_cli.errors import MediaError, UsageError
from vamba_cli.media.info import VideoInfo
from vamba_cli.media.probe import probe
from vamba_cli.media.source import open_container, reason
from vamba_cli.results import Chapter

if TYPE_CHECKING:
    from av.container.core import Chapter as StoredChapter  # known to type checkers alone

# FFmpeg's muxers that write chapters which common players show, by the ending of the file.
_MUXERS = {".mp4": "mp4", ".m4v": "mp4", ".mov": "mov", ".mkv": "matroska", ".webm": "webm"}
_ANY = ".mkv"  # takes nearly every codec
_BRANDS = ("major_brand", "minor_version", "compatible_brands")  # of the container, not of the film
_NANO = 10**9
_LONGEST_TITLE_BYTES = 255  # what the list of an MP4 holds
_OWN_FILE = "(--format matroska or ffmetadata)"
_DISK_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EFBIG, errno.EIO)


def copy_suffix(source: Path) -> str:
    """The ending for a copy with chapters: the video's own, or `.mkv` where its container cannot hold them."""
    suffix = source.suffix.lower()
    return suffix if suffix in _MUXERS else _ANY


def embed_chapters(source: Path, chapters: Sequence[Chapter], target: Path) -> tuple[str, ...]:
    """Write a copy of `source` with these chapters instead of its own; the target appears whole or not at all.

    Chapter times count from the first frame, as everywhere; a file that begins later has its chapters later.
    Titles must be plain lines (`output.titles.clean_chapter`).

    Returns:
        What could not go over, for people.

    Raises:
        UsageError: the target is the source, or its ending is of a container without chapters.
        MediaError: the source cannot be read, or the target's container does not take one of its streams.
        OSError: the target cannot be written.
    """
    _check_target(source, target)
    before = probe(source)
    with _beside(target) as unfinished, open_container(source) as video:
        warnings, copied = _sort_streams(video, _MUXERS[target.suffix.lower()])
        with _as_own_errors(source, target), _writer(unfinished, target, video) as copy:
            streams = _add_streams(copy, video, copied, source, target)
            copy.set_chapters(_stored(chapters, before.start_seconds))
            _copy_packets(video, copy, streams, source)
        _check_copy(before, probe(unfinished), len(chapters), target)
        shutil.copymode(source, unfinished)
    return warnings


def _check_target(source: Path, target: Path) -> None:
    if target.suffix.lower() not in _MUXERS:
        raise UsageError(
            f"{target} cannot hold chapters: {target.suffix or 'a file without ending'} is not one of "
            f"{', '.join(_MUXERS)}; name it {target.with_suffix(_ANY).name}"
        )
    if target.exists() and source.exists() and target.samefile(source):
        raise UsageError(f"{target} is the video itself, which is never changed: give the copy another name")


@contextmanager
def _beside(target: Path) -> Iterator[Path]:
    """An empty file in the target's folder that takes the target's name at the end, or is gone."""
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=".vamba-embed-", suffix=target.suffix)
    unfinished = Path(name)
    try:
        os.close(handle)
        yield unfinished
        unfinished.replace(target)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise


@contextmanager
def _as_own_errors(source: Path, target: Path) -> Iterator[None]:
    """What FFmpeg reports while it reads the one and writes the other."""
    try:
        yield
    except av.error.FFmpegError as error:
        if error.errno in _DISK_ERRORS:
            raise OSError(error.errno, error.strerror, str(target)) from error
        refused = isinstance(error, av.error.ArgumentError)
        advice = _way_out(source, target) if refused else "it may be damaged; get the whole file"
        raise MediaError(f"{source} cannot be copied into {target.name} ({reason(error)}): {advice}") from error


def _writer(unfinished: Path, target: Path, video: InputContainer) -> OutputContainer:
    muxer = _MUXERS[target.suffix.lower()]
    options = {}
    if muxer in ("mp4", "mov"):
        # The index at the front, for the web; Apple's own notes (`com.apple...`: place, device) need the second flag.
        apple = any(key.startswith("com.") for key in video.metadata)
        options["movflags"] = "+faststart" + "+use_metadata_tags" * apple
    copy = av.open(f"file:{unfinished.absolute()}", "w", format=muxer, container_options=options)
    copy.metadata.update({key: value for key, value in video.metadata.items() if key.lower() not in _BRANDS})
    return copy


def _sort_streams(video: InputContainer, muxer: str) -> tuple[tuple[str, ...], list[Stream]]:
    """What stays behind, in words, and the streams that go over."""
    warnings, copied = [], []
    for stream in video.streams:
        if stream.discard == Discard.all or (stream.type == "data" and "timecode" in stream.metadata):
            continue  # the old chapters' own track; the muxer writes both kinds anew
        if muxer == "mov" and stream.disposition & Disposition.attached_pic:
            warnings.append("its cover picture is not in the copy: QuickTime files hold none")
        elif stream.type in ("video", "audio", "subtitle", "attachment") and not _is_chapter_picture(stream):
            copied.append(stream)
        else:
            name = stream.metadata.get("handler_name") or getattr(stream, "name", None) or "of unknown kind"
            warnings.append(f"its {stream.type} stream {stream.index} ({name}) is not in the copy")
    return tuple(warnings), copied


def _is_chapter_picture(stream: Stream) -> bool:
    return bool(stream.disposition & Disposition.timed_thumbnails)


def _add_streams(
    copy: OutputContainer, video: InputContainer, copied: Sequence[Stream], source: Path, target: Path
) -> dict[int, Stream]:
    """A stream of the copy for each of these, by the index of the original."""
    same_family = source.suffix.lower() == target.suffix.lower() and "mp4" in video.format.name
    streams = {}
    for stream in copied:
        if stream.disposition & Disposition.attached_pic and copy.format.name == "matroska":
            _attach_cover(copy, stream, source)
            continue
        try:
            added = copy.add_stream_from_template(stream, opaque=True)
        except ValueError as error:  # the container has no place for the codec, or FFmpeg does not know it
            codec = stream.codec_context.name if stream.codec_context else "unknown codec"
            raise MediaError(
                f"{target.name} cannot hold the {stream.type} stream {stream.index} ({codec}) of {source}: "
                f"{_way_out(source, target)}"
            ) from error
        added.metadata.update(stream.metadata)
        added.disposition = stream.disposition
        if stream.codec_context and same_family:
            added.codec_context.codec_tag = stream.codec_context.codec_tag  # Apple plays `hvc1` and not `hev1`
        if isinstance(added, VideoStream) and isinstance(stream, VideoStream) and stream.average_rate:
            added.codec_context.framerate = stream.average_rate
        streams[stream.index] = added
    return streams


def _attach_cover(copy: OutputContainer, stream: Stream, source: Path) -> None:
    """Matroska keeps a cover as an attached file; FFmpeg would make a second video stream of it."""
    with open_container(source) as again:
        packet = next(again.demux(again.streams[stream.index]))
    kind = stream.codec_context.name.removeprefix("m").replace("jpeg", "jpg")
    name = stream.metadata.get("filename", f"cover.{kind}")
    copy.add_attachment(name, stream.metadata.get("mimetype", f"image/{kind.replace('jpg', 'jpeg')}"), bytes(packet))


def _stored(chapters: Sequence[Chapter], start_seconds: float) -> "list[StoredChapter]":
    def nanoseconds(seconds: float) -> int:
        return round((seconds + max(0.0, start_seconds)) * _NANO)

    return [
        {
            "id": number,
            "start": nanoseconds(chapter.start_seconds),
            "end": nanoseconds(chapter.end_seconds),
            "time_base": Fraction(1, _NANO),
            "metadata": {"title": _short(chapter.title)},
        }
        for number, chapter in enumerate(chapters, start=1)
    ]


def _short(title: str) -> str:
    """The title, cut between characters where an MP4 would cut inside of one."""
    encoded = title.encode()
    if len(encoded) <= _LONGEST_TITLE_BYTES:
        return title
    return encoded[: _LONGEST_TITLE_BYTES - 3].decode(errors="ignore").rstrip() + "…"


def _copy_packets(video: InputContainer, copy: OutputContainer, streams: dict[int, Stream], source: Path) -> None:
    with_packets = [video.streams[index] for index in streams if video.streams[index].type != "attachment"]
    copy.start_encoding()
    for packet in video.demux(with_packets):
        if packet.size == 0 and packet.dts is None:
            continue  # av's sign that a stream has ended
        if packet.pts is None and _is_reordered(packet.stream):
            raise MediaError(
                f"{source} does not say when its pictures are shown, which a copy has to: "
                f"write the chapters to a file of their own instead {_OWN_FILE}"
            )
        packet.stream = streams[packet.stream_index]
        copy.mux(packet)


def _is_reordered(stream: Stream) -> bool:
    """Whether pictures are stored in another order than they are shown in."""
    return isinstance(stream, VideoStream) and bool(stream.codec_context.has_b_frames)


def _check_copy(before: VideoInfo, after: VideoInfo, num_chapters: int, target: Path) -> None:
    """FFmpeg writes some things into some containers without a word about what it leaves out."""
    shape, stays = (
        f"{info.width}x{info.height}, turned by {info.rotation_degrees} degrees{', mirrored' * info.mirrored}"
        for info in (before, after)
    )
    if shape != stays:
        raise MediaError(
            f"{before.path} shows {shape}, and a copy in {target.name} would show {stays}: "
            f"write the chapters to a file of their own instead {_OWN_FILE}"
        )
    with open_container(after.path) as copy:
        num_stored = len(copy.chapters())
    if num_stored != num_chapters:
        raise MediaError(f"{target.name} would hold {num_stored} of {num_chapters} chapters: name it .mkv")


def _way_out(source: Path, target: Path) -> str:
    own, asked = source.suffix.lower(), target.suffix.lower()
    if own in _MUXERS and own != asked:
        return f"keep the ending {own}"
    if asked != _ANY:
        return f"name the copy {target.with_suffix(_ANY).name}"
    return f"write the chapters to a file of their own instead {_OWN_FILE}"
