"""Which decoder is at work, for `vamba doctor`."""

import av

_WANTED = ("h264", "hevc", "vp9", "av1", "mpeg4")


def decoder_versions() -> dict[str, str]:
    """Versions of PyAV and of the FFmpeg libraries inside it."""
    libraries = {name: ".".join(map(str, version)) for name, version in av.library_versions.items()}
    return {"av": av.__version__, **libraries}


def missing_decoders() -> tuple[str, ...]:
    """Common video codecs that this FFmpeg cannot decode."""
    return tuple(name for name in _WANTED if not _can_decode(name))


def _can_decode(name: str) -> bool:
    try:
        av.codec.Codec(name, "r")
    except (ValueError, av.error.FFmpegError):
        return False
    return True
