"""The wheel holds everything that the program needs, and runs away from the checkout."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.paths import ROOT

LARGEST_BYTES = 40 * 2**20


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    return next(folder.glob("vamba-*.whl"))


def test_contents(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    package = {p.relative_to(ROOT).as_posix() for p in (ROOT / "vamba_cli").rglob("*") if _is_shipped(p)}
    presets = {f"vamba_cli/presets_data/{p.relative_to(ROOT / 'presets')}" for p in (ROOT / "presets").rglob("*.yaml")}
    assert package | presets <= names
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert not [name for name in names if name.startswith(("tests/", "benchmarks/", "docs/"))]
    assert wheel.stat().st_size < LARGEST_BYTES


def test_runs_elsewhere(wheel: Path, tmp_path: Path) -> None:
    site = tmp_path / "site"
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target", str(site)]
    subprocess.run([*install, str(wheel)], check=True, capture_output=True)
    environ = {**os.environ, "PYTHONPATH": str(site), "XDG_CONFIG_HOME": str(tmp_path)}

    def python(*arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, *arguments], check=False, cwd=tmp_path, env=environ, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert python("-c", "import vamba_cli; print(vamba_cli.__file__)").startswith(str(site))
    assert "vamba ask lecture.mp4" in python("-m", "vamba_cli", "--help")
    listed = python("-m", "vamba_cli", "presets", "list")
    assert "lecture" in listed and "24gb" in listed
    assert (site / "bin" / "vamba").is_file()


def _is_shipped(path: Path) -> bool:
    return path.is_file() and "__pycache__" not in path.parts
