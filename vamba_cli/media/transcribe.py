"""Speech to lines with faster-whisper, where that extra is installed."""

import os
from collections.abc import Callable, Iterator
from typing import Any

import av
import numpy as np
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.stream import Discard
from numpy.typing import NDArray

from vamba_cli.errors import ModelError
from vamba_cli.media.info import VideoInfo
from vamba_cli.media.source import open_container
from vamba_cli.subtitles import Line, Subtitles

SAMPLE_RATE = 16_000  # what Whisper hears
_JITTER_SAMPLES = SAMPLE_RATE // 10  # time stamps are rounded; a larger step is a gap

_OTHERWISE = "name a folder with a converted one (--transcribe-model) or give a subtitle file (--subs)"

Samples = NDArray[np.float32]
OnSeconds = Callable[[float], None]


def whisper(model: str, device: str = "auto") -> Any:
    """A loaded `faster_whisper.WhisperModel`.

    Raises:
        ModelError: the extra is not installed, or the model is neither on this machine nor to be fetched.
    """
    try:
        from faster_whisper import WhisperModel
    except ImportError as error:
        absent = isinstance(error, ModuleNotFoundError) and error.name == "faster_whisper"
        why = "is not installed" if absent else f"cannot be loaded ({error})"
        raise ModelError(
            f"--transcribe needs faster-whisper, which {why}: pip install 'vamba[transcribe]', "
            "or give a subtitle file with --subs"
        ) from error
    kind, _, index = device.partition(":")
    try:
        return WhisperModel(
            model,
            device=kind if kind in ("auto", "cpu", "cuda") else "cpu",
            device_index=int(index or 0),
            compute_type="int8",
        )
    except FileNotFoundError as error:  # the Hub's own error is one
        offline = "HF_HUB_OFFLINE is set" if os.environ.get("HF_HUB_OFFLINE") else "the Hub cannot be reached"
        raise ModelError(
            f"the speech model {model!r} is not on this machine, and {offline}: connect once to fetch it, {_OTHERWISE}"
        ) from error
    except Exception as error:  # of a name, a folder without a model, CUDA, the Hub: each library has its own
        why = " ".join(str(error).split()).removesuffix(".") or type(error).__name__
        raise ModelError(f"the speech model {model!r} cannot be loaded ({why}): {_OTHERWISE}") from error


def transcribe(
    info: VideoInfo, model: str, device: str = "auto", on_seconds: OnSeconds = lambda _done: None
) -> Subtitles:
    """What is said in a video, as a speech model hears it; `on_seconds` is told how far it has come.

    Raises:
        ModelError: see `whisper`.
    """
    if info.audio_streams == 0:
        return Subtitles((), "", ("it has no sound: there is nothing to transcribe",))
    speech = whisper(model, device)
    samples = read_sound(info)
    if not samples.size:
        return Subtitles((), "", ("its sound cannot be decoded: there is nothing to transcribe",))
    # Each stretch is heard by itself: one that is misheard does not spoil, or repeat itself in, the rest.
    segments, _about = speech.transcribe(samples, vad_filter=True, condition_on_previous_text=False)
    lines = []
    for segment in segments:
        text = " ".join(segment.text.split())
        end = min(segment.end, info.duration_seconds)
        if text and end > segment.start:
            lines.append(Line(round(segment.start, 3), round(end, 3), text))
        on_seconds(min(segment.end, info.duration_seconds))
    if not lines:
        return Subtitles((), "", ("no speech was heard in it",))
    return Subtitles(tuple(lines), f"transcribed by faster-whisper {model}")


def read_sound(info: VideoInfo) -> Samples:
    """The sound that a player would take, mono at 16 kHz; sample 0 belongs to the first frame, silence fills gaps.

    Empty where nothing can be decoded.
    """
    sound = np.zeros(round(info.duration_seconds * SAMPLE_RATE), dtype=np.float32)
    place: int | None = None
    num_heard = 0
    with open_container(info.path) as container:
        for start_seconds, samples in _decoded(container):
            due = round((start_seconds - info.start_seconds) * SAMPLE_RATE)
            if place is None or abs(due - place) > _JITTER_SAMPLES:
                place = due
            first, stop = max(0, place), min(place + samples.size, sound.size)
            if first < stop:
                sound[first:stop] = samples[first - place : stop - place]
                num_heard += stop - first
            place += samples.size
    return sound if num_heard else sound[:0]


def _decoded(container: InputContainer) -> Iterator[tuple[float, Samples]]:
    """Stretches of sound with their times; what is damaged is left out."""
    stream = container.streams.best("audio")
    if not isinstance(stream, AudioStream):
        return
    for other in container.streams:
        if other.index != stream.index:
            other.discard = Discard.all
    resampler = AudioResampler(format="flt", layout="mono", rate=SAMPLE_RATE)
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets, None)
            if packet is None:
                return
            frames = [part for frame in stream.decode(packet) for part in resampler.resample(frame)]
        except (av.error.FFmpegError, ValueError):  # ValueError: the sound changes its kind half-way
            continue
        yield from ((frame.time, frame.to_ndarray()[0]) for frame in frames if frame.time is not None)
