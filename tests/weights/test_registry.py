"""Names to folders: bundled, local, from a filled Hub cache, and from a Hub that answers on this machine."""

import hashlib
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import huggingface_hub.constants
import pytest

from tests.paths import ROOT
from vamba_cli.errors import ModelError
from vamba_cli.weights import registry
from vamba_cli.weights.registry import is_present, missing_file, resolve_model

COMMIT = "0123456789abcdef0123456789abcdef01234567"
RELEASED = "TIGER-Lab/Vamba-Qwen2-VL-7B"
CONTENTS = {
    "config.json": b"{}",
    "preprocessor_config.json": b"{ }",
    "tokenizer.json": b"{  }",
    "model.safetensors.index.json": json.dumps(
        {"weight_map": {"a": "model-1.safetensors", "b": "model-2.safetensors"}}
    ).encode(),
    "model-1.safetensors": b"1" * 3000,
    "model-2.safetensors": b"2" * 5000,
}
UNWANTED = {"pytorch_model.bin": b"pickle", "modeling_vamba.py": b"import os", "README.md": b"# card"}


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty Hub cache."""
    folder = tmp_path / "hub"
    folder.mkdir()
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(folder))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    return folder


def fill(hub: Path, repository: str, names: tuple[str, ...] = tuple(CONTENTS), revision: str = "main") -> Path:
    """Lay files into a Hub cache as the library does."""
    folder = hub / f"models--{repository.replace('/', '--')}"
    snapshot = folder / "snapshots" / COMMIT
    snapshot.mkdir(parents=True)
    (folder / "refs").mkdir()
    (folder / "refs" / revision).write_text(COMMIT)
    for name in names:
        (snapshot / name).write_bytes(CONTENTS[name])
    return snapshot


def test_cached_model_of_the_registry(hub: Path) -> None:
    snapshot = fill(hub, RELEASED)
    model = resolve_model("vamba-qwen2-vl-7b")
    assert (model.name, model.folder, model.commit) == ("vamba-qwen2-vl-7b", snapshot, COMMIT)
    assert is_present("vamba-qwen2-vl-7b") and not is_present("vamba-qwen2-vl-7b", "v2")


def test_cached_model_by_hub_name_branch_and_commit(hub: Path) -> None:
    snapshot = fill(hub, "owner/name", revision="v2")
    for revision in ("v2", COMMIT):
        model = resolve_model("owner/name", revision)
        assert (model.folder, model.commit) == (snapshot, COMMIT)


@pytest.mark.parametrize("download", [False, True])
def test_absent_model_says_what_to_run(hub: Path, download: bool) -> None:
    with pytest.raises(ModelError, match="vamba models pull vamba-qwen2-vl-7b` with HF_HUB_OFFLINE unset"):
        resolve_model("vamba-qwen2-vl-7b", download=download)
    with pytest.raises(ModelError, match="pull owner/name --revision v2"):
        resolve_model("owner/name", "v2", download=download)


def test_broken_download_is_named(hub: Path) -> None:
    fill(hub, RELEASED, tuple(name for name in CONTENTS if name != "model-2.safetensors"))
    with pytest.raises(ModelError, match=r"incomplete \(model-2.safetensors is missing\): run `vamba models pull"):
        resolve_model("vamba-qwen2-vl-7b")


def test_local_folder(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"has no config\.json"):
        resolve_model(str(tmp_path))
    (tmp_path / "config.json").write_text("{}")
    model = resolve_model(str(tmp_path))
    assert model.folder == tmp_path and model.commit is None


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("vamba-qwen2-vl-7B", "did you mean 'vamba-qwen2-vl-7b'"),
        ("tinny", "did you mean 'tiny'"),
        ("zzz", "known are tiny, vamba-qwen2-vl-7b"),
        ("/no/such/folder", "there is no model"),
        ("a/b/c", "there is no model"),
        ("../x", "there is no model"),
        ("", "there is no model"),
    ],
)
def test_unknown_names(hub: Path, name: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ModelError) as error:
        resolve_model(name)
    assert said in str(error.value)


def test_missing_bundled_weights_are_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_BUNDLED_FOLDER", tmp_path)
    with pytest.raises(ModelError, match=r"no bundled weights .* lacks config.json"):
        resolve_model("tiny")
    for name in ("config.json", "preprocessor_config.json", "model.safetensors"):
        (tmp_path / name).write_bytes(b"{}")
    assert resolve_model("tiny").folder == tmp_path


def test_missing_file(tmp_path: Path) -> None:
    for name, content in CONTENTS.items():
        assert missing_file(tmp_path) is not None
        (tmp_path / name).write_bytes(content)
    assert missing_file(tmp_path) is None
    (tmp_path / "model.safetensors.index.json").write_text("[]")
    assert missing_file(tmp_path) == "model.safetensors.index.json"


# a Hub on this machine


class FakeHub(BaseHTTPRequestHandler):
    """As much of the Hub's interface as a download needs; keeps a list of what was asked for."""

    asked: list[str]

    def do_GET(self) -> None:
        files = {**CONTENTS, **UNWANTED}
        path = self.path.partition("?")[0]
        self.asked.append(f"{self.command} {path}")
        if path.startswith("/api/models/owner/name/revision/main"):
            self._json({"id": "owner/name", "sha": COMMIT, "siblings": [{"rfilename": name} for name in files]})
        elif path.startswith(f"/api/models/owner/name/tree/{COMMIT}"):
            entries = [{"type": "file", "path": n, "size": len(c), "oid": _oid(c)} for n, c in files.items()]
            self._json(entries)
        elif path.startswith(f"/owner/name/resolve/{COMMIT}/") and path.rpartition("/")[2] in files:
            self._file(files[path.rpartition("/")[2]])
        else:
            code = "RevisionNotFound" if path.startswith("/api/models/owner/name/revision") else "RepoNotFound"
            self._reply(404, b"{}", {"X-Error-Code": code})

    do_HEAD = do_GET  # noqa: N815

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""

    def _json(self, value: object) -> None:
        self._reply(200, json.dumps(value).encode(), {"Content-Type": "application/json"})

    def _file(self, content: bytes) -> None:
        self._reply(200, content, {"ETag": f'"{_oid(content)}"', "X-Repo-Commit": COMMIT})

    def _reply(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)


def _oid(content: bytes) -> str:
    return hashlib.sha1(content).hexdigest()


@pytest.fixture
def endpoint() -> Iterator[str]:
    FakeHub.asked = []
    with ThreadingHTTPServer(("127.0.0.1", 0), FakeHub) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def pull(home: Path, endpoint: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """`vamba models pull` in a process of its own: the library reads its variables when it is imported."""
    environ = {"HF_HOME": str(home), "HF_ENDPOINT": endpoint, "PYTHONPATH": str(ROOT), "HF_HUB_DISABLE_TELEMETRY": "1"}
    command = [sys.executable, "-m", "vamba_cli", "models", "pull", *arguments]
    return subprocess.run(command, check=False, env=environ, capture_output=True, text=True, timeout=60)


def test_pull_fetches_the_needed_files_only(tmp_path: Path, endpoint: str) -> None:
    done = pull(tmp_path, endpoint, "owner/name", "--json")
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["commit"] == COMMIT
    folder = Path(result["folder"])
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == CONTENTS
    assert not [request for request in FakeHub.asked if any(name in request for name in UNWANTED)]


def test_pull_of_something_that_is_not_there(tmp_path: Path, endpoint: str) -> None:
    for arguments, said in (
        (("owner/other",), "has no repository owner/other"),
        (("owner/name", "--revision", "v9"), "has no revision 'v9'"),
    ):
        done = pull(tmp_path, endpoint, *arguments)
        assert done.returncode == 6 and done.stdout == ""
        assert said in done.stderr and len(done.stderr.splitlines()) == 1


def test_pull_without_a_network(tmp_path: Path) -> None:
    done = pull(tmp_path, "http://127.0.0.1:9", "owner/name")
    assert done.returncode == 6 and "cannot be reached" in done.stderr


def test_download_reports_bytes(tmp_path: Path, endpoint: str) -> None:
    code = (
        "from vamba_cli.weights.registry import resolve_model\n"
        "heard = []\n"
        "resolve_model('owner/name', download=True, on_download=lambda *n: heard.append(n))\n"
        "print(max(heard))"
    )
    environ = {"HF_HOME": str(tmp_path), "HF_ENDPOINT": endpoint, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", code], env=environ, capture_output=True, text=True, check=True)
    total = sum(map(len, CONTENTS.values()))
    assert done.stdout.strip() == str((total, total))
    assert done.stderr == ""
