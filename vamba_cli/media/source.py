"""Opening a local file as a video, and nothing else: no network, no playlist, no second file."""

import re
import stat
from pathlib import Path
from typing import cast

import av
from av.container import Flags, InputContainer
from av.stream import Disposition
from av.video.stream import VideoStream

from vamba_cli.errors import MediaError

# FFmpeg's demuxers that read exactly one file. Playlists (hls, dash, concat, sdp, ...), file name patterns
# (image2), devices (lavfi, x11grab, ...) and scripts are left out on purpose: they open what they name.
_FORMATS = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,asf,flv,f4v,kux,live_flv,ogg,nut,mxf,gxf,wtv,rm,dv,ivf,obu,av1,"
    "h261,h263,h264,hevc,vvc,evc,m4v,mpegvideo,vc1,vc1test,dirac,cavsvideo,yuv4mpegpipe,mjpeg,swf,nsv,nuv,"
    "pva,ty,dhav,roq,smk,bink,flic,gif,apng,png_pipe,jpeg_pipe,webp_pipe,bmp_pipe,tiff_pipe,jpegxl_pipe,jpegxl_anim,"
    # Sound alone: opened to be able to say that it has no video stream.
    "mp3,wav,w64,flac,aac,ac3,eac3,aiff,amr,ape,au,caf,dts,mpc,tta,wv"
)
# Pictures go by their first bytes: by name, FFmpeg would take `a.jpg` or `page%d.png` for a pattern of many files.
_IMAGE_FORMATS = (
    (b"\x89PNG\r\n\x1a\n", "png_pipe"),
    (b"\xff\xd8\xff", "jpeg_pipe"),
    (b"GIF8", "gif"),
    (b"BM", "bmp_pipe"),
    (b"II*\0", "tiff_pipe"),
    (b"MM\0*", "tiff_pipe"),
)
_PLAYLISTS = (
    (b"#EXTM3U", "an HLS or M3U playlist"),
    (b"ffconcat", "an FFmpeg concat list"),
    (b"v=0", "an SDP session description"),
    (b"[playlist]", "a PLS playlist"),
)
_MANIFESTS = (
    (b"<MPD", "a DASH manifest"),
    (b"<SmoothStreamingMedia", "a Smooth Streaming manifest"),
    (b"<asx", "an ASX playlist"),
)
_ADDRESS = re.compile(r"(https?|ftps?|rtsp|rtmp|s3|file):/", re.IGNORECASE)
_HEAD_BYTES = 4096
# A damaged file can make a demuxer search for a very long time; a slow network disk still answers within these.
_OPEN_TIMEOUT_SECONDS = 60
_READ_TIMEOUT_SECONDS = 60


def open_container(path: Path) -> InputContainer:
    """Open a regular local file for reading; the caller closes it.

    Raises:
        MediaError: it is missing, not a file, not readable, empty, a playlist, or in no format that is read here.
    """
    head = _read_head(path)
    _refuse_playlist(path, head)
    av.logging.set_level(None)  # FFmpeg's own remarks would go to the user's terminal
    try:
        container = av.open(
            f"file:{path.absolute()}",  # with the protocol written out, `concat:a|b` or `-` is a plain name
            mode="r",
            format=_image_format(head),
            container_options={"protocol_whitelist": "file", "format_whitelist": _FORMATS},
            metadata_errors="replace",
            timeout=(_OPEN_TIMEOUT_SECONDS, _READ_TIMEOUT_SECONDS),
        )
        if container.format.name == "avi":  # has decoding times only: av has FFmpeg invent others, in the wrong order
            container.flags &= ~cast(int, Flags.gen_pts.value)
        return container
    except av.error.ArgumentError as error:  # what the white list answers with
        raise MediaError(
            f"{path} is in no format that vamba reads: give a single video file (MP4, MOV, MKV, WebM, AVI, TS, ...)"
        ) from error
    except (av.error.FFmpegError, OSError, ValueError) as error:
        raise MediaError(f"{path} cannot be opened as a video: {_open_failure(path, head, error)}") from error


def video_stream(container: InputContainer, path: Path) -> VideoStream:
    """The stream that a player would show; a cover picture is none.

    Raises:
        MediaError: there is none, or FFmpeg has no decoder for it.
    """
    streams = [stream for stream in container.streams.video if not stream.disposition & Disposition.attached_pic]
    if not streams:
        cover = " (its cover picture is not one)" if container.streams.video else ""
        raise MediaError(
            f"{path} has no video stream{cover}: it holds {_contents(container)}; give a file with pictures"
        )
    known = [stream for stream in streams if stream.codec_context is not None]
    if not known:
        raise MediaError(f"{path} has a video stream in a codec that this FFmpeg cannot decode: convert it to H.264")
    best = container.streams.best("video")
    chosen = next((stream for stream in known if stream is best), None)
    return chosen or max(
        known, key=lambda stream: (stream.disposition & Disposition.default, stream.width * stream.height)
    )


def reason(error: BaseException) -> str:
    """FFmpeg's words for an error without its numbers and internal names."""
    return str(getattr(error, "strerror", None) or error).removesuffix(".").lower()


def _read_head(path: Path) -> bytes:
    try:
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            raise MediaError(f"{path} is a folder, not a video file: name one file in it")
        if not stat.S_ISREG(status.st_mode):
            raise MediaError(f"{path} is not a regular file (a device, pipe or socket): save the video to a file first")
        if status.st_size == 0:
            raise MediaError(f"{path} is empty (0 bytes): copy or download it again")
        with path.open("rb") as file:
            return file.read(_HEAD_BYTES)
    except FileNotFoundError as error:
        if _ADDRESS.match(str(path)):
            address = str(path).replace(":/", "://", 1)  # a path knows no empty name between two slashes
            raise MediaError(f"{address} looks like an address, and nothing is fetched: download it first") from error
        link = " (a link whose target is gone)" if path.is_symlink() else ""
        raise MediaError(f"{path} does not exist{link}: check the name") from error
    except PermissionError as error:
        raise MediaError(f"{path} may not be read by this user: change its permissions or copy it") from error
    except (OSError, ValueError) as error:  # ValueError: a NUL byte in the name
        raise MediaError(f"{path} cannot be read: {reason(error)}") from error


def _image_format(head: bytes) -> str | None:
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "webp_pipe"
    for magic, name in _IMAGE_FORMATS:
        if head.startswith(magic):
            return "apng" if name == "png_pipe" and b"acTL" in head else name
    return None


def _refuse_playlist(path: Path, head: bytes) -> None:
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    kind = next((kind for mark, kind in _PLAYLISTS if text.startswith(mark)), None)
    if kind is None and text.startswith(b"<"):
        kind = next((kind for mark, kind in _MANIFESTS if mark in text), None)
    if kind is not None:
        raise MediaError(
            f"{path} is {kind}: it points to other files or servers, and vamba opens only the file it is given; "
            "save the video as one file first"
        )


def _open_failure(path: Path, head: bytes, error: BaseException) -> str:
    if head[4:8] == b"ftyp" and not _has_index(path):
        return "its index (the 'moov' part of an MP4) is missing: it was cut off or damaged; get the whole file"
    if isinstance(error, av.error.ExitError):
        return f"reading stalled for {_OPEN_TIMEOUT_SECONDS} seconds"
    return f"{reason(error)}; it is damaged or not a video"


def _has_index(path: Path) -> bool:
    """Walk the top-level boxes of an MP4 (ISO/IEC 14496-12, 4.2) in search of `moov`."""
    with path.open("rb") as file:
        while len(header := file.read(8)) == 8:
            size_bytes = int.from_bytes(header[:4], "big")
            if header[4:] == b"moov":
                return True
            if size_bytes == 1:
                size_bytes = int.from_bytes(file.read(8), "big") - 8
            if size_bytes < 8:
                return False
            file.seek(size_bytes - 8, 1)
    return False


def _contents(container: InputContainer) -> str:
    kinds = [stream.type for stream in container.streams if stream.type != "video"]
    counted = [f"{kinds.count(kind)} {kind} stream{'s' * (kinds.count(kind) > 1)}" for kind in dict.fromkeys(kinds)]
    return " and ".join(counted) or "nothing"
