"""What scripts rely on: stdout is the result alone, exit codes, help, start-up time."""

import errno
import importlib.resources
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tests.cli.conftest import FakeApi, Vamba
from vamba_cli.cli.demo import SLIDES
from vamba_cli.errors import MediaError, MemoryBudgetError, ModelError, UsageError, VerificationError
from vamba_cli.results import VerifyRow

COMMANDS = (
    (), ("ask",), ("chat",), ("batch",), ("chapters",), ("summarise",), ("summarize",), ("info",),
    ("models",), ("models", "list"), ("models", "pull"), ("models", "verify"), ("presets",),
    ("presets", "list"), ("presets", "show"), ("cache",), ("cache", "list"), ("cache", "clear"), ("doctor",), ("demo",),
)  # fmt: skip


def check_schema(name: str, text: str) -> Any:
    schema = json.loads((importlib.resources.files("vamba_cli") / "schemas" / f"{name}.json").read_text("utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    document = json.loads(text)
    jsonschema.validate(document, schema, cls=jsonschema.Draft202012Validator)
    return document


# help and start


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_help_has_an_example_and_fits_80_columns(vamba: Vamba, command: tuple[str, ...]) -> None:
    ran = vamba(*command, "--help")
    assert ran.code == 0 and ran.err == ""
    lines = ran.out.splitlines()
    example = next(number for number, line in enumerate(lines) if re.match(r"\s+Examples?:$", line))
    assert example < 6 and lines[example + 1].strip().startswith("vamba ")
    assert max(map(len, lines)) <= 80
    assert not [line for line in lines if line.rstrip().endswith("...") and "Usage:" not in line]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_option_of_an_example_exists(vamba: Vamba, command: tuple[str, ...]) -> None:
    text = vamba(*command, "--help").out
    for line in re.findall(r"^ +(vamba .+)$", text, re.MULTILINE):
        words = [word for word in line.split()[1:] if not word.startswith('"')]
        shown = vamba(*(words[:2] if tuple(words[:2]) in COMMANDS else words[:1]), "--help").out
        for word in words:
            if word.startswith("-"):
                assert re.search(rf"(^|[ ,]){re.escape(word)}\b", shown), (line, word)


def test_help_is_light() -> None:
    """Start-up time is what is imported; counted, because a clock would measure what else the machine is doing."""
    probe = "import sys; from vamba_cli.cli.app import main; main(['--help']); print(*sys.modules, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    loaded = done.stderr.split()
    heavy = {"torch", "numpy", "av", "rich", "yaml", "huggingface_hub", "tokenizers", "safetensors", "platformdirs"}
    assert heavy.isdisjoint(loaded)
    assert len(loaded) < 260, sorted(loaded)  # 213 with typer 0.29 on Python 3.11, the standard library's own with them


def test_version(vamba: Vamba) -> None:
    assert re.fullmatch(r"vamba \d+\.\d+\.\d+\S*\n", vamba("--version").out)


# stdout and stderr


def test_ask_prints_the_answer_alone(vamba: Vamba, api: FakeApi) -> None:
    ran = vamba("ask", "lecture.mp4", "when is backpropagation introduced?")
    assert ran.code == 0
    assert ran.out == (
        "Backpropagation is introduced at 1:27.\n\n"
        "        1:27 - 1:43  ━━━━━━━━━━━━  97%\n"
        "  1:00:00 - 1:02:05  ━━━━────────  31%\n"
    )
    assert "\x1b" not in ran.out + ran.err
    assert ran.err.splitlines() == ["encoding 1024 frames", "note: 2 frames are damaged", "note: variable frame rate"]


def test_quiet_says_nothing_and_verbose_more(vamba: Vamba, api: FakeApi) -> None:
    assert vamba("ask", "v.mp4", "what?", "--quiet").err == ""
    assert "encode 3.50 s" in vamba("ask", "v.mp4", "what?", "--verbose").err


def test_ask_json_follows_its_schema(vamba: Vamba, api: FakeApi) -> None:
    document = check_schema("ask", vamba("ask", "v.mp4", "one?", "-q", "two – ü?", "--json", "-p", "lecture").out)
    assert [answer["question"] for answer in document["answers"]] == ["one?", "two – ü?"]
    assert document["preset"] == ["lecture"]


def test_several_questions_stand_above_their_answers(vamba: Vamba, api: FakeApi) -> None:
    lines = vamba("ask", "v.mp4", "-q", "one?", "-q", "two?").out.splitlines()
    assert lines[0] == "one?" and "two?" in lines
    assert api.asked == ["one?", "two?"]


@pytest.mark.parametrize("num_told", [1, 2])
def test_answers_come_as_soon_as_they_are_known(vamba: Vamba, api: FakeApi, num_told: int) -> None:
    questions = ("-q", "one?", "-q", "two?")
    whole = vamba("ask", "v.mp4", *questions).out
    api.num_told = num_told
    assert vamba("ask", "v.mp4", *questions).out == whole
    api.ask_error = MediaError("the rest of the file is gone")
    assert whole.startswith(vamba("ask", "v.mp4", *questions).out.rstrip("\n"))
    assert "one?" in vamba("ask", "v.mp4", *questions).out
    assert vamba("ask", "v.mp4", *questions, "--json").out == ""


def test_questions_from_a_file_and_from_stdin(
    vamba: Vamba, api: FakeApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "questions.txt"
    file.write_text("\ufeffone?\n\n # not a question\n#\n  two?  \n", encoding="utf-8")
    vamba("ask", "v.mp4", "zero?", "--questions", str(file))
    assert api.asked == ["zero?", "one?", "two?"]
    with file.open(encoding="utf-8-sig") as stream:
        monkeypatch.setattr("sys.stdin", stream)
        vamba("ask", "v.mp4", "--questions", "-")
        empty = vamba("ask", "v.mp4", "--questions", "-")  # which is at its end
    assert api.asked == ["one?", "two?"]
    assert empty.code == 2 and "error: standard input has no question in it" in empty.err
    file.write_text("# nothing yet\n")
    empty = vamba("ask", "v.mp4", "what?", "--questions", str(file))
    assert empty.code == 2 and "questions.txt has no question in it" in empty.err


def test_output_is_written_whole_or_not_at_all(vamba: Vamba, api: FakeApi, tmp_path: Path) -> None:
    target = tmp_path / "answer.json"
    ran = vamba("ask", "v.mp4", "what?", "-o", str(target))
    assert ran.code == 0 and ran.out == ""
    check_schema("ask", target.read_text("utf-8"))
    before = target.read_text("utf-8")
    api.ask_error = MediaError("broken")
    assert vamba("ask", "v.mp4", "what?", "-o", str(target)).code == 4
    assert target.read_text("utf-8") == before
    assert [path.name for path in tmp_path.glob("*answer*")] == ["answer.json"]


def test_output_dash_is_stdout(vamba: Vamba, api: FakeApi) -> None:
    check_schema("ask", vamba("ask", "v.mp4", "what?", "--json", "-o", "-").out)


def test_output_that_cannot_be_written_is_refused_before_the_work(vamba: Vamba, api: FakeApi) -> None:
    ran = vamba("ask", "v.mp4", "what?", "-o", "no/such/folder.json")
    assert ran.code == 2 and "no/such does not exist" in ran.err
    assert api.asked == []


def test_answers_cannot_steer_the_terminal(vamba: Vamba, api: FakeApi) -> None:
    api.answer = "a\x1b[2Jb\x07\u202ec [bold]d[/bold]"
    assert "a[2Jbc [bold]d[/bold]" in vamba("ask", "v.mp4", "what?").out


def test_empty_answer_and_missing_evidence_are_said(vamba: Vamba, api: FakeApi) -> None:
    api.answer, api.evidence = "", ()
    out = vamba("ask", "v.mp4", "what?").out
    assert "no answer" in out and "no part of the video" in out
    assert "no part of the video" not in vamba("ask", "v.mp4", "what?", "--no-evidence").out


def test_an_answer_that_nothing_was_found_is_not_said_twice(vamba: Vamba, api: FakeApi) -> None:
    api.answer, api.evidence, api.generated = "“PCA” was not found in this video. (It reads titles.)", (), False
    assert "no part of the video" not in vamba("ask", "v.mp4", "what?").out


def test_lines_of_an_answer_stay_aligned(vamba: Vamba, api: FakeApi) -> None:
    api.answer = " 0:28  What for?\n10:56  Perplexity"
    assert vamba("ask", "v.mp4", "list the topics").out.startswith(" 0:28  What for?\n10:56")


def test_animated_stderr_leaves_stdout_clean(tmp_path: Path) -> None:
    """stderr is a terminal, stdout a pipe: the bar must not leak."""
    master, slave = os.openpty()
    environ = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "80"}
    command = [sys.executable, "-c", FAKE_PROGRAM.format(body="pass"), "ask", "v.mp4", "what?"]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=slave, env=environ, check=True)
    os.close(slave)
    shown = os.read(master, 65536)
    os.close(master)
    assert b"\x1b" not in done.stdout and done.stdout.startswith(b"Backpropagation")
    assert b"\x1b" in shown and b"note: 2 frames are damaged" in shown


# other commands


def test_info_as_text_and_json(vamba: Vamba, api: FakeApi) -> None:
    check_schema("info", vamba("info", "lecture.mp4", "--json").out)
    text = vamba("info", "lecture.mp4").out
    for part in ("1:02:05", "rotated 90°", "2.0 GiB", "1.6 TFLOP", "already in the cache", "note: odd size"):
        assert part in text


def test_info_needs_neither_the_weights_nor_their_memory(vamba: Vamba) -> None:
    """The README's example: planning for the released model on a machine that has none of it."""
    slide = str(next(SLIDES.glob("*.png")))
    ran = vamba("info", slide, "--preset", "lecture,24gb", "--model", "vamba-qwen2-vl-7b")
    assert (
        ran.code == 0
        and "15.5 GiB weights" in ran.out
        and "keys and values int8" in ran.out
        and "one image, twice" in ran.out
    )
    ran = vamba("info", slide, "--model", "vamba-qwen2-vl-7b", "--memory-limit", "1")
    assert ran.code == 0 and "not possible with the memory" in ran.out and "may use 1.0 GiB" in ran.out


def test_verify_as_text_and_json(vamba: Vamba, api: FakeApi, tmp_path: Path) -> None:
    document = check_schema("verify", vamba("models", "verify", str(tmp_path), "--json").out)
    assert document["ok"] and document["num_skipped"] == 1
    ran = vamba("models", "verify", str(tmp_path))
    assert ran.code == 0 and "2 within tolerance, 1 skipped" in ran.out


def test_verify_beyond_tolerance_is_exit_1(vamba: Vamba, api: FakeApi, tmp_path: Path) -> None:
    api.rows += (VerifyRow("logits", float("nan"), 1e-5, False),)
    ran = vamba("models", "verify", str(tmp_path), "--json")
    assert ran.code == 1 and "logits first" in ran.err and "bug" not in ran.err
    assert check_schema("verify", ran.out)["rows"][-1]["error"] is None


def test_verify_of_nothing_is_no_success(vamba: Vamba, api: FakeApi, tmp_path: Path) -> None:
    api.rows = (VerifyRow("patches", None, None, None),)
    assert vamba("models", "verify", str(tmp_path)).code == 1
    assert vamba("models", "verify", str(tmp_path / "absent")).code == 6


@pytest.mark.parametrize("family", [(), ("models",), ("cache",), ("presets",)])
def test_a_family_of_commands_alone_shows_its_help(vamba: Vamba, family: tuple[str, ...]) -> None:
    ran = vamba(*family)
    assert ran.code == 2 and ran.out == "" and ran.err.startswith("Usage: vamba") and "error:" not in ran.err
    assert "\nCommands:\n" in ran.err


def test_models_list(vamba: Vamba) -> None:
    listed = json.loads(vamba("models", "list", "--json").out)["models"]
    assert [(model["name"], model["repository"]) for model in listed] == [
        ("tiny", None),
        ("vamba-qwen2-vl-7b", "TIGER-Lab/Vamba-Qwen2-VL-7B"),
    ]
    assert "not fetched" in vamba("models", "list").out


def test_presets_list_and_show(vamba: Vamba) -> None:
    shown = json.loads(vamba("presets", "list", "--json").out)["presets"]
    assert {"lecture", "lvbench", "24gb", "auto"} <= {preset["name"] for preset in shown}
    text = vamba("presets", "show", "lecture", "24gb").out
    assert re.search(r"^max_frames +1024 +24gb$", text, re.MULTILINE)
    assert re.search(r"^fps +0.5 +lecture$", text, re.MULTILINE)


def test_doctor(vamba: Vamba) -> None:
    ran = vamba("doctor", "--json")
    document = check_schema("doctor", ran.out)
    assert ran.code == (0 if document["ok"] else 6)
    assert {"python", "torch", "decoder", "cache", "settings"} <= {check["name"] for check in document["checks"]}
    assert vamba("doctor").code == ran.code


def test_doctor_names_a_broken_setting(vamba: Vamba, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VAMBA_FPS", "many")
    ran = vamba("doctor")
    assert ran.code == 6 and "VAMBA_FPS=many" in ran.out


# exit codes


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (UsageError("wrong"), 2),
        (MediaError("not a video"), 4),
        (MemoryBudgetError("too much"), 5),
        (MemoryError(), 5),
        (type("OutOfMemoryError", (RuntimeError,), {})("CUDA out of memory. Tried to allocate"), 5),
        (ModelError("no weights"), 6),
        (ModuleNotFoundError("No module named 'av'", name="av"), 6),
        (ModuleNotFoundError("No module named 'vamba_cli.gone'", name="vamba_cli.gone"), 1),
        (VerificationError("differs"), 1),
        (RuntimeError("boom"), 1),
        (OSError(errno.ENOSPC, "No space left on device"), 2),
        (KeyboardInterrupt(), 130),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else str(value),
)
def test_exit_codes(vamba: Vamba, api: FakeApi, error: BaseException, code: int) -> None:
    api.ask_error = error
    ran = vamba("ask", "v.mp4", "what?")
    assert ran.code == code and ran.out == ""
    assert "Traceback" not in ran.err
    if not isinstance(error, KeyboardInterrupt):
        assert ran.err.count("error: ") == 1


def test_a_bug_points_to_debug_and_debug_shows_the_traceback(vamba: Vamba, api: FakeApi) -> None:
    api.ask_error = RuntimeError("boom")
    assert "run with --debug" in vamba("ask", "v.mp4", "what?").err
    shown = vamba("ask", "v.mp4", "what?", "--debug").err
    assert "Traceback" in shown and "error: unexpected RuntimeError: boom" in shown


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("ask",), "missing argument 'VIDEO'"),
        (("ask", "v.mp4"), "no question"),
        (("ask", "v.mp4", " "), "question is empty"),
        (("ask", "v.mp4", "what", "is", "shown?"), "(is shown?): put what has spaces in quotes, and -q before"),
        (("chat", "my", "lecture.mp4"), "(lecture.mp4): put what has spaces in quotes; see"),
        (("ask", "v.mp4", "what?", "--fsp", "1"), "--fps"),
        (("ask", "v.mp4", "what?", "--fps", "0"), "fps = 0.0 is not allowed"),
        (("ask", "v.mp4", "what?", "--fps", "1", "--frames", "8"), "--fps (1.0) and --frames (8) exclude each other"),
        (
            ("ask", "v.mp4", "what?", "--start", "5", "--end", "3"),
            "--end = 3.0 is not allowed: it must be after",
        ),
        (("ask", "v.mp4", "what?", "--frames", "many"), "'--frames': 'many' is not a whole number"),
        (("ask", "v.mp4", "what?", "--start", "1:xx"), "'--start': time '1:xx'"),
        (("ask", "v.mp4", "what?", "--preset", "lectre"), "did you mean 'lecture'"),
        (("ask", "v.mp4", "what?", "--device", "gpu"), "auto, cpu, cuda"),
        (("ask", "v.mp4", "--questions", "absent.txt"), "absent.txt cannot be read (No such file or directory)"),
        (("ask", "v.mp4", "--questions", sys.executable), "is not a text in UTF-8"),
        (("aks",), "ask"),
        (("ask", "-video.mp4", "what?"), "./-NAME"),
        (("presets", "show", "lecture,nope.yaml"), "nope.yaml"),
        (("cache", "clear"), "--all"),
        (("ask", "", "what?"), "'VIDEO': the name is empty"),
        (("chat", ""), "'VIDEO': the name is empty"),
        (("info", ""), "'VIDEO': the name is empty"),
        (("bench", ""), "'VIDEO': the name is empty"),
        (("chapters", ""), "the name is empty: name videos"),
        (("summarise", ""), "the name is empty: name videos"),
        (("models", "verify"), "DIR"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_usage_errors(vamba: Vamba, api: FakeApi, arguments: tuple[str, ...], said: str) -> None:
    ran = vamba(*arguments)
    assert ran.code == 2 and ran.out == ""
    assert ran.err.startswith("error: ") and said in ran.err and len(ran.err.splitlines()) == 1
    assert api.asked == []


# signals, in a process of their own

FAKE_PROGRAM = """
import sys, time, vamba_cli
from pathlib import Path
from tests.cli.conftest import FakeApi
fake = FakeApi()
module = fake.as_module()
def ask(*arguments):
    result = fake.ask(*arguments)
    {body}
    return result
module.ask = ask
sys.modules["vamba_cli.api"] = vamba_cli.api = module
from vamba_cli.cli.app import main
sys.exit(main())
"""
SLEEP = 'Path("ready").touch(); time.sleep(30)'


@pytest.mark.parametrize(("number", "code", "said"), [(2, 130, "interrupted"), (15, 143, "terminated")])
def test_signals_end_at_once(tmp_path: Path, number: int, code: int, said: str) -> None:
    command = [sys.executable, "-c", FAKE_PROGRAM.format(body=SLEEP), "ask", "v.mp4", "what?"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=tmp_path, text=True) as process:
        deadline = time.monotonic() + 20
        while not (tmp_path / "ready").exists() and time.monotonic() < deadline:
            time.sleep(0.02)
        process.send_signal(number)
        out, err = process.communicate(timeout=5)
    assert process.returncode == code
    assert out == "" and said in err and "Traceback" not in err


@pytest.mark.parametrize(
    ("closed", "arguments", "code"),
    [
        (">&-", 'ask v.mp4 "what?"', 0),
        (">&-", 'ask v.mp4 "what?" --json', 0),
        (">&-", "chapters v.mp4 -f csv", 0),
        (">&-", "cache list", 0),
        ("2>&-", 'ask v.mp4 "what?"', 0),
        ("2>&-", "chapters gone.mp4", 4),
        (">&- 2>&-", "chapters gone.mp4", 4),
        ("<&-", "ask v.mp4 --questions -", 2),
    ],
)
def test_closed_streams_change_no_exit_code(closed: str, arguments: str, code: int) -> None:
    Path("v.mp4").touch()
    shell = f'exec "$0" -c "$1" {arguments} {closed}'
    command = ["sh", "-c", shell, sys.executable, FAKE_PROGRAM.format(body="pass")]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert (done.returncode, "bug" in done.stderr) == (code, False), done.stderr
    assert bool(done.stdout) == (closed == "2>&-" and code == 0)


@pytest.mark.parametrize("encoding", ["latin-1", "ascii"])
def test_a_terminal_that_lacks_a_letter_gets_the_rest(encoding: str) -> None:
    program = FAKE_PROGRAM.format(body="pass")
    environ = {**os.environ, "PYTHONIOENCODING": encoding}
    for arguments in (["what?"], ["what?", "--json"]):
        command = [sys.executable, "-c", program, "ask", "\u201cv\u201d.mp4", *arguments, "-q", "\u201cX\u201d?"]
        done = subprocess.run(command, check=False, capture_output=True, env=environ)
        assert done.returncode == 0, done.stderr
        assert b"Backpropagation is introduced at 1:27." in done.stdout
        assert (b"?X??" if arguments == ["what?"] else b"\\u201cX\\u201d?") in done.stdout


def test_a_reader_that_leaves_is_no_error(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-c", FAKE_PROGRAM.format(body="pass"), "ask", "v.mp4", "what?", "--quiet"]
    done = subprocess.run(command, check=False, stdout=writer, stderr=subprocess.PIPE, text=True)
    os.close(writer)
    assert done.returncode == 141 and done.stderr == ""
