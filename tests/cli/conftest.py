"""Commands run in this process against a stand-in for the engine, in an environment of their own."""

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import vamba_cli
from tests.paths import ROOT
from vamba_cli.cli.app import main
from vamba_cli.engine.events import Answered, EncodeProgress, Notice, OnEvent, Stage, VideoBegins, ignore
from vamba_cli.errors import MediaError, ModelError
from vamba_cli.measurements import BenchFigure, BenchMachine, BenchResult
from vamba_cli.results import (
    Answer,
    AskResult,
    Chapter,
    ChaptersResult,
    Curve,
    Evidence,
    Failure,
    InfoResult,
    InfoTiming,
    ModelSummary,
    OutlineEntry,
    PlanFacts,
    Savings,
    SummariseResult,
    Timing,
    VerifyResult,
    VerifyRow,
    VideoChapters,
    VideoFacts,
    VideoSummary,
    VideoSummaryText,
)
from vamba_cli.settings import Settings

MODEL = ModelSummary("tiny", None, "float32", "cpu")
EVIDENCE = (Evidence(87.0, 103.0, 0.97), Evidence(3600.0, 3725.5, 0.31))
INFO = InfoResult(
    video=VideoFacts(
        "lecture.mp4", 12_345_678, "mp4", "h264", "yuv420p", 640, 360, 90, 3725.5, 0.0, 29.97, 111_653, 10.0,
        hdr=False, variable_frame_rate=True, audio_streams=1, subtitle_streams=0, is_image=False,
    ),
    plan=PlanFacts(3724, 1.0, 640, 360, "sequential", ("a note of the planner",)),
    model=MODEL, preset=("lecture",), num_frames=3724, num_video_tokens=556_738, memory_bytes=2**30,
    weight_bytes=28 * 2**20, peak_bytes=2**31, encode_flops=1.62e12, cached=True, warnings=("odd size",),
    timing=InfoTiming(0.1),
)  # fmt: skip
BENCH = BenchResult(
    video=VideoSummary("lecture.mp4", 3725.5, 640, 360), model=MODEL, preset=("lecture",),
    machine=BenchMachine("cpu", "2 processors", 2, "2.13.0", 3.3e10, 8.6 * 2**30),
    num_frames=3724, num_video_tokens=556_738,
    savings=Savings("int8", "fp8", 0.5, split=True, chunk_frames=32),
    figures=(
        BenchFigure("encode", "encode a frame", "milliseconds", 614.2, 420.0, (600.0, 614.2, 650.0)),
        BenchFigure("tokens", "further tokens", "tokens/second", 52.25, 1234.5),
        BenchFigure("peak", "peak memory", "bytes", None, 2.0**30),
    ),
    warnings=("odd size",),
)  # fmt: skip
ROWS = (
    VerifyRow("patches", 0.0, 8e-3, True, "bit equal"),
    VerifyRow("mixer.0", 2.5e-6, 1e-5, True),
    VerifyRow("mixer.1", None, None, None, "not in expected.safetensors"),
)
CHAPTERS = (
    Chapter(0.0, 65.0, "Opening"),
    Chapter(65.0, 3600.0, "The chain rule", summary="Shows: how errors go backwards through a network."),
    Chapter(3600.0, 3725.5, "1:00:00–1:02:05", "time"),
)


class FakeModel:
    """Stands in for `api.OpenModel`."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        if settings.model == "absent":
            raise ModelError("no weights: fetch them")

    def summary(self) -> ModelSummary:
        return MODEL


@dataclass
class FakeApi:
    """Stands in for `vamba_cli.api`.

    `ask_error` and `rows` are what the test wants to happen, after `num_told` answers; `trouble` says what happens to
    the file of a name.
    """

    answer: str = "Backpropagation is introduced at 1:27."
    evidence: tuple[Evidence, ...] = EVIDENCE
    generated: bool = True
    ask_error: BaseException | None = None
    num_told: int = 0
    rows: tuple[VerifyRow, ...] = ROWS
    asked: list[str] = field(default_factory=list)
    settings: Settings = field(default_factory=Settings)
    video: Path = Path()
    trouble: dict[str, BaseException] = field(default_factory=dict)
    found: tuple[Chapter, ...] = CHAPTERS
    summary: str = "A lecture about the chain rule."
    warnings: tuple[str, ...] = ()
    wishes: Any = None
    worked: list[str] = field(default_factory=list)
    repeats: int = 0

    def ask(self, video: Path, questions: Sequence[str], settings: Settings, on_event: OnEvent) -> AskResult:
        self.video, self.asked, self.settings = video, list(questions), settings
        on_event(Stage("encode", "1024 frames"))
        on_event(EncodeProgress(512, 1024, 40.0, 2**20))
        on_event(Notice("2 frames are damaged"))
        answers = tuple(Answer(question, self.answer, self.evidence, self.generated) for question in questions)
        for index, answer in enumerate(answers[: self.num_told]):
            on_event(Answered(index, answer))
        if self.ask_error is not None:
            raise self.ask_error
        return AskResult(
            video=VideoSummary(str(video), 3725.5, 640, 360),
            answers=answers,
            model=MODEL,
            preset=settings.presets,
            num_frames=1024,
            num_video_tokens=153_088,
            from_cache=False,
            warnings=("2 frames are damaged", "variable frame rate"),
            timing=Timing(0.25, 3.5, 0.5),
        )

    def open_video(self, video: Path, settings: Settings, on_event: OnEvent) -> "FakeVideo":
        if not video.exists():
            raise MediaError(f"{video} does not exist: check the name")
        on_event(Stage("encode", "1024 frames"))
        return FakeVideo(self, FakeModel(settings))

    def inspect(self, video: Path, settings: Settings) -> InfoResult:
        self.video, self.settings = video, settings
        return replace(INFO, preset=settings.presets)

    def bench(self, video: Path, settings: Settings, on_event: OnEvent, *, repeats: int) -> BenchResult:
        self.video, self.settings, self.repeats = video, settings, repeats
        if not video.exists():
            raise MediaError(f"{video} does not exist: check the name")
        on_event(Stage("measure", "reading the video"))
        return replace(BENCH, preset=settings.presets)

    def verify(self, folder: Path, on_event: OnEvent, *, weight_dtype: str, kv_dtype: str) -> VerifyResult:
        on_event(Stage("load", str(folder)))
        return VerifyResult(str(folder), self.rows, 1.5)

    def chapters(
        self, video: Path, settings: Settings, wishes: Any, on_event: OnEvent = ignore, model: Any = None
    ) -> ChaptersResult:
        self.settings, self.wishes = settings, wishes
        return ChaptersResult((self._chapters(video, on_event),), (), MODEL, settings.presets)

    def summarise(
        self, video: Path, settings: Settings, wishes: Any, on_event: OnEvent = ignore, model: Any = None
    ) -> SummariseResult:
        self.settings, self.wishes = settings, wishes
        return SummariseResult((self._summary(video, on_event),), (), MODEL, settings.presets)

    def chapters_of_each(
        self, videos: Sequence[Path], model: FakeModel, wishes: Any, on_event: OnEvent = ignore
    ) -> Iterator[VideoChapters | Failure]:
        self.settings, self.wishes = model.settings, wishes
        return self._each(videos, self._chapters, on_event)

    def summaries_of_each(
        self, videos: Sequence[Path], model: FakeModel, wishes: Any, on_event: OnEvent = ignore
    ) -> Iterator[VideoSummaryText | Failure]:
        self.settings, self.wishes = model.settings, wishes
        return self._each(videos, self._summary, on_event)

    def poster_pictures(self, video: Path, chapters: Sequence[Chapter]) -> tuple[bytes, ...]:
        return tuple(b"JPEG" for _ in chapters)

    def _each(self, videos: Sequence[Path], work: Callable[[Path, OnEvent], Any], on_event: OnEvent) -> Iterator[Any]:
        for number, video in enumerate(videos, 1):
            on_event(VideoBegins(number, len(videos), str(video)))
            try:
                yield work(video, on_event)
            except ModelError:
                raise
            except Exception as error:
                yield Failure(str(video), type(error).__name__, str(error))

    def _facts(self, video: Path, on_event: OnEvent) -> dict[str, Any]:
        if not video.exists():
            raise MediaError(f"{video} does not exist: check the name")
        on_event(Stage("encode", "1024 frames"))
        on_event(EncodeProgress(512, 1024, 40.0, 2**20))
        if error := self.trouble.get(video.name):
            raise error
        self.worked.append(video.name)
        return {
            "video": VideoSummary(str(video), 3725.5, 640, 360),
            "num_frames": 1024,
            "num_video_tokens": 153_088,
            "from_cache": False,
            "warnings": self.warnings,
            "timing": Timing(0.25, 3.5, 0.5),
        }

    def _chapters(self, video: Path, on_event: OnEvent) -> VideoChapters:
        facts = self._facts(video, on_event)
        curves = [Curve(question, (replace(EVIDENCE[0], start_seconds=0.0),)) for question in self.wishes.questions]
        return VideoChapters(chapters=self.found, curves=tuple(curves), **facts)

    def _summary(self, video: Path, on_event: OnEvent) -> VideoSummaryText:
        facts = self._facts(video, on_event)
        outline = tuple(OutlineEntry(c.start_seconds, c.end_seconds, c.title) for c in self.found)
        return VideoSummaryText(summary=self.summary, outline=outline, **facts)

    def as_module(self) -> ModuleType:
        """What `from vamba_cli import api` gives; the real values that torch comes with are loaded when needed."""
        module: Any = ModuleType("vamba_cli.api")
        for name in (
            "ask",
            "bench",
            "inspect",
            "verify",
            "chapters",
            "summarise",
            "chapters_of_each",
            "summaries_of_each",
        ):
            setattr(module, name, getattr(self, name))
        module.poster_pictures, module.OpenModel, module.OpenVideo = self.poster_pictures, FakeModel, self.open_video
        module.__getattr__ = _real_wishes
        return module


@dataclass
class FakeVideo:
    """Stands in for `api.OpenVideo`."""

    api: FakeApi
    model: FakeModel

    def ask(self, questions: Sequence[str], on_event: OnEvent) -> tuple[Answer, ...]:
        self.api.asked += questions
        on_event(Stage("search", questions[0]))
        if self.api.ask_error is not None:
            raise self.api.ask_error
        return tuple(
            Answer(question, f"{self.api.answer} [{question}]", self.api.evidence, self.api.generated)
            for question in questions
        )


def _real_wishes(name: str) -> type:
    if name == "Wishes":
        from vamba_cli.tasks.chapters import Wishes

        return Wishes
    if name == "SummaryWishes":
        from vamba_cli.tasks.summarise import SummaryWishes

        return SummaryWishes
    raise AttributeError(name)


@dataclass(frozen=True)
class Ran:
    """What a command left behind."""

    code: int
    out: str
    err: str


Vamba = Callable[..., Ran]


@pytest.fixture(autouse=True)
def own_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No file, cache or variable of the person who runs the tests."""
    for name in [name for name in os.environ if name.startswith(("VAMBA_", "HF_", "XDG_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hub"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))  # for commands in a process of their own
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> FakeApi:
    fake = FakeApi()
    module = fake.as_module()
    monkeypatch.setitem(sys.modules, "vamba_cli.api", module)
    monkeypatch.setattr(vamba_cli, "api", module, raising=False)
    return fake


@pytest.fixture
def vamba(capfd: pytest.CaptureFixture[str]) -> Vamba:
    def run(*arguments: str) -> Ran:
        capfd.readouterr()
        code = main(arguments)
        captured = capfd.readouterr()
        return Ran(code, captured.out, captured.err)

    return run
