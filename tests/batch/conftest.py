"""Batches run as users run them, in a process of their own, over videos that say what happens to them."""

import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import redirect_stderr, redirect_stdout, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.paths import ROOT
from vamba_cli.cli.app import main

PLAY = "tests.batch.doubles:play"
PATIENCE_SECONDS = 120


@dataclass(frozen=True)
class Ran:
    """What a run left behind."""

    code: int
    lines: list[dict[str, Any]]
    err: str

    def statuses(self) -> dict[str, str]:
        return {Path(line["name"]).name: line["status"] for line in self.lines}

    def line(self, name: str) -> dict[str, Any]:
        (found,) = (line for line in self.lines if Path(line["name"]).name == name)
        return found


@dataclass
class Archive:
    """A folder of stand-in videos, and the folder of their results."""

    folder: Path
    out: Path
    environment: dict[str, str] = field(default_factory=dict)

    def put(self, **videos: str) -> None:
        for name, text in videos.items():
            self.write(f"{name}.mp4", text)

    def write(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n")
        return path

    def command(self, *options: str, task: str = PLAY, paths: tuple[str, ...] | None = None) -> list[str]:
        named = [str(self.folder)] if paths is None else list(paths)
        return [sys.executable, "-m", "vamba_cli", "batch", *named, "-t", task, "-d", str(self.out), *options]

    def start(self, *options: str, **more: Any) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            self.command(*options, **more), cwd=ROOT, env=self._environ(), text=True, errors="surrogateescape",
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL,
        )  # fmt: skip

    def run(self, *options: str, stdin: bytes = b"", **more: Any) -> Ran:
        """In this process, to save time; only the workers are others."""
        out, err = io.StringIO(), io.StringIO()
        before, sys.stdin = sys.stdin, io.TextIOWrapper(io.BytesIO(stdin))
        try:
            with redirect_stdout(out), redirect_stderr(err):
                code = main(self.command(*options, **more)[3:])
        finally:
            sys.stdin = before
        return Ran(code, parsed(out.getvalue()), err.getvalue())

    def results(self) -> dict[str, bytes]:
        root = self.out / "results"
        return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}

    def records(self) -> dict[str, dict[str, Any]]:
        found = [json.loads(path.read_bytes()) for path in (self.out / ".vamba" / "records").rglob("*.json")]
        return {record["name"]: record for record in found}

    def leftovers(self) -> list[str]:
        """What a finished run must not leave: claims, half-written files."""
        hidden = self.out / ".vamba"
        return [str(path) for part in ("claims", "scratch") for path in (hidden / part).iterdir()]

    def _environ(self) -> Mapping[str, str]:
        return {**os.environ, "PYTHONPATH": str(ROOT), **self.environment}


def parsed(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def ended(process: "subprocess.Popen[str]") -> Ran:
    out, err = process.communicate(timeout=PATIENCE_SECONDS)
    return Ran(process.returncode, parsed(out), err)


def children_of(pid: int) -> list[int]:
    try:
        return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def kill(pid: int, number: int = signal.SIGKILL) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, number)


def wait_until(condition: Callable[[], object]) -> None:
    """Until it holds; a busy machine may take its time."""
    limit = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < limit, "it never came to pass"
        time.sleep(0.02)


def claimed(archive: Archive) -> int:
    """How many videos are under way."""
    folder = archive.out / ".vamba" / "claims"
    return sum(not path.name.startswith(".") for path in folder.iterdir()) if folder.exists() else 0


@pytest.fixture
def archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Archive:
    for name in [name for name in os.environ if name.startswith(("VAMBA_", "XDG_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("TERM", "dumb")
    (tmp_path / "in").mkdir()
    return Archive(tmp_path / "in", tmp_path / "out")
