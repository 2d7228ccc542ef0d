"""Training runs on a machine with torch, numpy, Pillow and safetensors: nothing else of the product's is loaded."""

from __future__ import annotations

import subprocess
import sys

_SCRIPT = """
import sys

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {ABSENT}:
            raise ImportError(f"{name} is not on the machine")
        return None

sys.meta_path.insert(0, Refuse())
sys.argv = ["train", "--help"]
from vamba_cli.train.__main__ import main
main()
"""
_ABSENT = {
    "av", "cv2", "fontTools", "huggingface_hub", "platformdirs", "pysubs2", "ray", "rich", "scenedetect", "typer",
    "yaml",
}  # fmt: skip


def test_training_needs_little() -> None:
    script = _SCRIPT.replace("{ABSENT}", repr(_ABSENT))
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "--profile" in done.stdout and "--limit" in done.stdout
