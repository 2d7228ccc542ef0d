"""Commands run in this process against a stand-in for the engine, in an environment of their own."""

import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import vamba_cli
from tests.paths import ROOT
from vamba_cli.cli.app import main
from vamba_cli.engine.events import EncodeProgress, Notice, OnEvent, Stage
from vamba_cli.results import (
    Answer,
    AskResult,
    Evidence,
    InfoResult,
    InfoTiming,
    ModelSummary,
    PlanFacts,
    Timing,
    VerifyResult,
    VerifyRow,
    VideoFacts,
    VideoSummary,
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
ROWS = (
    VerifyRow("patches", 0.0, 8e-3, True, "bit equal"),
    VerifyRow("mixer.0", 2.5e-6, 1e-5, True),
    VerifyRow("mixer.1", None, None, None, "not in expected.safetensors"),
)


@dataclass
class FakeApi:
    """Stands in for `vamba_cli.api`; `ask_error` and `rows` are what the test wants to happen."""

    answer: str = "Backpropagation is introduced at 1:27."
    evidence: tuple[Evidence, ...] = EVIDENCE
    ask_error: BaseException | None = None
    rows: tuple[VerifyRow, ...] = ROWS
    asked: list[str] = field(default_factory=list)
    settings: Settings = field(default_factory=Settings)
    video: Path = Path()

    def ask(self, video: Path, questions: Sequence[str], settings: Settings, on_event: OnEvent) -> AskResult:
        self.video, self.asked, self.settings = video, list(questions), settings
        on_event(Stage("encode", "1024 frames"))
        on_event(EncodeProgress(512, 1024, 40.0, 2**20))
        on_event(Notice("2 frames are damaged"))
        if self.ask_error is not None:
            raise self.ask_error
        return AskResult(
            video=VideoSummary(str(video), 3725.5, 640, 360),
            answers=tuple(Answer(question, self.answer, self.evidence) for question in questions),
            model=MODEL,
            preset=settings.presets,
            num_frames=1024,
            num_video_tokens=153_088,
            from_cache=False,
            warnings=("2 frames are damaged", "variable frame rate"),
            timing=Timing(0.25, 3.5, 0.5),
        )

    def inspect(self, video: Path, settings: Settings) -> InfoResult:
        self.video, self.settings = video, settings
        return replace(INFO, preset=settings.presets)

    def verify(self, folder: Path, on_event: OnEvent) -> VerifyResult:
        on_event(Stage("load", str(folder)))
        return VerifyResult(str(folder), self.rows, 1.5)


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
    module: Any = ModuleType("vamba_cli.api")
    module.ask, module.inspect, module.verify = fake.ask, fake.inspect, fake.verify
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
