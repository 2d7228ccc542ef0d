"""Speech to lines: true times, clear errors; the speech model is a stand-in with faster-whisper's interface."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any, ClassVar

import av
import numpy as np
import pytest
from av.audio.stream import AudioStream
from av.video.stream import VideoStream

from tests.media.synthetic import picture
from tests.paths import MEDIA
from vamba_cli.errors import ModelError
from vamba_cli.media.probe import probe
from vamba_cli.media.transcribe import SAMPLE_RATE, read_sound, transcribe, whisper
from vamba_cli.subtitles import Line

RATE = 48_000


@dataclass
class Segment:
    """As faster-whisper has it, as far as it is read."""

    start: float
    end: float
    text: str


class Whisper:
    """Stands in for `faster_whisper.WhisperModel`."""

    made: ClassVar["list[Whisper]"] = []
    failure: Exception | None = None
    segments: tuple[Segment, ...] = (Segment(0.5, 1.25, " Hello\nthere "), Segment(1.25, 9.0, " you."))

    def __init__(
        self, model_size_or_path: str, device: str = "auto", device_index: int = 0, compute_type: str = "default"
    ) -> None:  # fmt: skip
        if self.failure is not None:
            raise self.failure
        self.options = (model_size_or_path, device, device_index, compute_type)
        Whisper.made.append(self)

    def transcribe(
        self,
        audio: Any,
        vad_filter: bool = False,
        word_timestamps: bool = False,
        condition_on_previous_text: bool = True,
    ) -> tuple[Iterator[Segment], Any]:
        self.heard, self.vad, self.words = audio, vad_filter, word_timestamps
        return iter(self.segments), SimpleNamespace(language="en")


@pytest.fixture(autouse=True)
def faster_whisper(monkeypatch: pytest.MonkeyPatch) -> None:
    module: Any = ModuleType("faster_whisper")
    module.WhisperModel = Whisper
    monkeypatch.setitem(sys.modules, "faster_whisper", module)
    monkeypatch.setattr(Whisper, "made", [])
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)


def write_film(path: Path, stretches: list[tuple[float, float]], video_start_seconds: float = 0.0) -> Path:
    """Two seconds of pictures, and a loud tone in some stretches of the time line."""
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264" if "libx264" in av.codecs_available else "mpeg4", rate=10)
        sound = container.add_stream("pcm_s16le", rate=RATE, layout="stereo")
        assert isinstance(video, VideoStream) and isinstance(sound, AudioStream)
        video.width, video.height, video.pix_fmt = 160, 96, "yuv420p"
        video.codec_context.max_b_frames = 0
        for number in range(20):
            frame = av.VideoFrame.from_ndarray(picture(number, 160, 96), format="rgb24")
            frame.pts, frame.time_base = number + round(10 * video_start_seconds), Fraction(1, 10)
            container.mux(video.encode(frame))
        container.mux(video.encode())
        for start, end in stretches:
            num_samples = round((end - start) * RATE)
            wave = np.sin(np.arange(num_samples) / 20) * 20_000
            samples = av.AudioFrame.from_ndarray(
                np.repeat(wave, 2)[None].astype(np.int16), format="s16", layout="stereo"
            )
            samples.sample_rate, samples.pts, samples.time_base = RATE, round(start * RATE), Fraction(1, RATE)
            container.mux(sound.encode(samples))
        container.mux(sound.encode())
    return path


def loud(samples: Any) -> list[bool]:
    """Whether each tenth of a second is loud."""
    tenths = samples[: samples.size // 1600 * 1600].reshape(-1, 1600)
    return [bool(part.std() > 0.1) for part in tenths]


def test_sound_lies_where_its_time_stamps_say(tmp_path: Path) -> None:
    info = probe(write_film(tmp_path / "film.mkv", [(0.5, 0.8), (1.2, 1.5)]))
    sound = read_sound(info)
    assert sound.dtype == np.float32 and sound.size == pytest.approx(2 * SAMPLE_RATE, abs=2)
    expected = [0.5 <= tenth / 10 < 0.8 or 1.2 <= tenth / 10 < 1.5 for tenth in range(20)]
    heard = loud(sound)
    assert heard[5:8] == heard[12:15] == [True] * 3
    assert sum(a != b for a, b in zip(heard, expected, strict=True)) <= 2  # at the edges


def test_sound_before_the_first_picture_is_left_out(tmp_path: Path) -> None:
    info = probe(write_film(tmp_path / "film.mkv", [(0.0, 1.5)], video_start_seconds=1.0))
    assert info.start_seconds == pytest.approx(1.0, abs=0.01)
    heard = loud(read_sound(info))
    assert heard[:4] == [True] * 4 and not any(heard[6:])


def test_lines_are_what_the_model_hears(tmp_path: Path) -> None:
    info = probe(write_film(tmp_path / "film.mkv", [(0.0, 2.0)]))
    seconds: list[float] = []
    heard = transcribe(info, "base.en", "cuda:1", seconds.append)
    assert heard.lines == (Line(0.5, 1.25, "Hello there"), Line(1.25, 2.0, "you."))
    assert heard.source == "transcribed by faster-whisper base.en" and heard.notes == ()
    (model,) = Whisper.made
    assert model.options == ("base.en", "cuda", 1, "int8")
    assert model.vad and not model.words and model.heard.size == pytest.approx(2 * SAMPLE_RATE, abs=2)
    assert seconds == [1.25, 2.0]


@pytest.mark.parametrize(("device", "asked"), [("auto", "auto"), ("cpu", "cpu"), ("mps", "cpu"), ("cuda", "cuda")])
def test_devices(device: str, asked: str) -> None:
    assert whisper("small", device).options == ("small", asked, 0, "int8")


def test_silence_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Whisper, "segments", ())
    info = probe(write_film(tmp_path / "film.mkv", [(0.0, 2.0)]))
    heard = transcribe(info, "small")
    assert heard.lines == () and heard.source == "" and heard.notes == ("no speech was heard in it",)


def test_without_sound_no_model_is_loaded() -> None:
    path = MEDIA / "counter.mp4"
    if not path.exists():
        pytest.skip(f"{path} is not there")
    heard = transcribe(probe(path), "small")
    assert heard.lines == () and "no sound" in heard.notes[0] and Whisper.made == []


def test_without_the_extra_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "faster_whisper", None)
    with pytest.raises(ModelError, match=r"is not installed: pip install 'vamba\[transcribe\]'.*--subs"):
        whisper("small")


@pytest.mark.parametrize("failure", [PermissionError("no"), ValueError("Invalid model size 'big'"), RuntimeError()])
def test_a_model_that_cannot_be_loaded(monkeypatch: pytest.MonkeyPatch, failure: Exception) -> None:
    monkeypatch.setattr(Whisper, "failure", failure)
    with pytest.raises(ModelError, match=r"'big'.*--transcribe-model"):
        whisper("big")


def test_a_model_that_is_not_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Whisper, "failure", FileNotFoundError("a long text of the Hub's library"))
    with pytest.raises(ModelError, match=r"^the speech model 'small' is not on this machine, and the Hub cannot be"):
        whisper("small")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(ModelError, match=r"and HF_HUB_OFFLINE is set: connect once.*--transcribe-model"):
        whisper("small")


def test_the_real_interface_has_what_is_asked_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "faster_whisper")
    inspect = pytest.importorskip("inspect")
    real = pytest.importorskip("faster_whisper").WhisperModel
    for name in ("__init__", "transcribe"):
        asked = set(inspect.signature(getattr(Whisper, name)).parameters)
        assert asked <= set(inspect.signature(getattr(real, name)).parameters)
