"""The options about what is said: in the help, in the settings, in errors and in the output."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import FakeApi, Vamba
from tests.cli.test_contract import check_schema
from vamba_cli.engine.events import Notice, OnEvent, Stage, TranscribeProgress
from vamba_cli.engine.transcripts import TranscriptStore
from vamba_cli.errors import ModelError
from vamba_cli.results import AskResult, Evidence
from vamba_cli.subtitles import NO_SUBTITLES

SAID = Evidence(605.0, 612.0, 1.0, "subtitles")


def test_the_help_says_that_the_model_is_deaf(vamba: Vamba) -> None:
    text = vamba("ask", "--help").out
    assert "model is deaf" in text
    section = text[text.index("\nSubtitles:") : text.index("\nAnswer:")]
    for flag in ("--subs FILE", "--no-subs", "--transcribe ", "--transcribe-model NAME"):
        assert flag in section


def chosen(api: FakeApi) -> tuple[bool, str | None, bool, str]:
    """The settings that the library was called with."""
    settings = api.settings
    return settings.subtitles, settings.subtitles_file, settings.transcribe, settings.transcribe_model


def test_options_become_settings(vamba: Vamba, api: FakeApi) -> None:
    assert vamba("ask", "v.mp4", "what?").code == 0
    assert chosen(api) == (True, None, False, "small")
    assert vamba("ask", "v.mp4", "what?", "--subs", "talk.srt").code == 0
    assert chosen(api) == (True, "talk.srt", False, "small")
    assert vamba("ask", "v.mp4", "what?", "--no-subs", "--transcribe", "--transcribe-model", "base").code == 0
    assert chosen(api) == (False, None, True, "base")


def test_the_stronger_place_decides(vamba: Vamba, api: FakeApi, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("vamba.yaml").write_text("subtitles: false\n")
    vamba("ask", "v.mp4", "what?", "--subs", "talk.srt")
    assert chosen(api) == (True, "talk.srt", False, "small")
    Path("vamba.yaml").write_text("subtitles_file: talk.srt\n")
    vamba("ask", "v.mp4", "what?", "--no-subs")
    assert chosen(api) == (False, None, False, "small")
    monkeypatch.setenv("VAMBA_TRANSCRIBE", "true")
    vamba("ask", "v.mp4", "what?")
    assert chosen(api) == (True, "talk.srt", True, "small")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--subs", "a.srt", "--no-subs"), "--subs (a.srt) is given while subtitles are switched off"),
        (("--subs", ""), "--subs = '' is not allowed"),
        (("--transcribe-model", " "), "--transcribe-model = ' ' is not allowed"),
    ],
)
def test_what_excludes_each_other(vamba: Vamba, api: FakeApi, options: tuple[str, ...], said: str) -> None:
    ran = vamba("ask", "v.mp4", "what?", *options)
    assert ran.code == 2 and ran.out == "" and said in ran.err


def test_a_missing_extra_ends_with_6(vamba: Vamba, api: FakeApi) -> None:
    api.ask_error = ModelError("--transcribe needs faster-whisper: pip install 'vamba[transcribe]'")
    ran = vamba("ask", "v.mp4", "what?", "--transcribe")
    assert ran.code == 6 and "pip install 'vamba[transcribe]'" in ran.err


def test_what_is_said_is_marked(vamba: Vamba, api: FakeApi) -> None:
    api.evidence = (Evidence(692.0, 732.0, 0.92), SAID)
    ran = vamba("ask", "v.mp4", "what?")
    assert ran.out.splitlines()[2:] == ["  11:32 - 12:12  ━━━━━━━━━━━─  92%", "  10:05 - 10:12  said"]
    document = check_schema("ask", vamba("ask", "v.mp4", "what?", "--json").out)
    assert [span["source"] for span in document["answers"][0]["evidence"]] == ["picture", "subtitles"]
    assert document["subtitles"] is None


def test_many_mentions_do_not_hide_the_list(vamba: Vamba, api: FakeApi) -> None:
    said = tuple(Evidence(60.0 * n, 60.0 * n + 5, 1.0, "subtitles") for n in range(12))
    api.evidence = (Evidence(692.0, 732.0, 0.92), *said[:6])
    assert vamba("ask", "v.mp4", "what?").out.splitlines()[-2:] == ["    4:00 - 4:05  said", "  and said once more"]
    api.evidence = said
    lines = vamba("ask", "v.mp4", "what?").out.splitlines()
    assert lines[2] == "  0:00 - 0:05  said" and lines[-1] == "  and said 7 more times" and len(lines) == 8
    api.evidence = tuple(Evidence(60.0 * place, 60.0 * place + 5, 0.9) for place in range(9))
    lines = vamba("ask", "v.mp4", "what?").out.splitlines()
    assert lines[-1] == "  and shown 4 more times" and len(lines) == 8
    check_schema("ask", vamba("ask", "v.mp4", "what?", "--json").out)


def test_progress_of_listening(vamba: Vamba, api: FakeApi, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = api.ask

    def listening(video: Path, questions: list[str], settings: object, on_event: OnEvent) -> AskResult:
        on_event(Stage("transcribe", "with small"))
        on_event(TranscribeProgress(30.0, 3600.0))
        on_event(Notice("subtitles: transcribed by faster-whisper small, 7 lines"))
        return asked(video, questions, api.settings, on_event)

    monkeypatch.setattr("vamba_cli.api.ask", listening)
    monkeypatch.setattr("vamba_cli.cli.progress.PLAIN_SECONDS", 0.0)
    lines = vamba("ask", "v.mp4", "what?").err.splitlines()
    assert lines[:3] == [
        "transcribing with small", "  30 of 3600 seconds of sound",
        "note: subtitles: transcribed by faster-whisper small, 7 lines",
    ]  # fmt: skip


def test_nothing_of_the_subtitle_libraries_is_loaded_for_help() -> None:
    probe = (
        "import sys; from vamba_cli.cli.app import main; main(['ask', '--help']); print(*sys.modules, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    assert {"torch", "av", "pysubs2", "faster_whisper"}.isdisjoint(done.stderr.split())
    assert "--subs" in done.stdout


def test_clearing_the_cache_removes_transcripts(vamba: Vamba, tmp_path: Path) -> None:
    store = TranscriptStore(tmp_path / "cache" / "vamba" / "transcripts")
    for key in "ab":
        store.save(key, NO_SUBTITLES, f"/videos/{key}.mp4")
    ran = vamba("cache", "clear", "a.mp4")
    assert ran.code == 0 and ran.out.rstrip().endswith("freed, and 1 transcript")
    assert vamba("cache", "clear", "--all").out.rstrip().endswith("freed, and 1 transcript")
    assert vamba("cache", "clear", "--all").out.rstrip().endswith("freed")
