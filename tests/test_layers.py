"""The import direction of the house (DESIGN section 3), read from the source without running it."""

import ast
from pathlib import Path

import pytest

from tests.paths import ROOT

PACKAGE = ROOT / "vamba_cli"
FILES = sorted(PACKAGE.rglob("*.py"))

# A part may import itself and every part of an earlier row; the values of the first row may import each other.
ROWS = (
    (
        "errors",
        "results",
        "measurements",
        "settings",
        "timecode",
        "subtitles",
        "folders",
        "videos",
        "presets",
        "config_files",
        "__init__",
    ),
    ("kernels",),
    ("model",),
    ("media", "weights"),
    ("engine", "output"),
    ("tasks",),
    ("api",),
    ("batch",),
    ("cli", "train"),
)
LEVEL = {part: level for level, row in enumerate(ROWS) for part in row} | {"__main__": len(ROWS)}
ONLY_IN = {
    "av": ("media",),
    "scenedetect": ("media",),
    "pysubs2": ("media",),
    "faster_whisper": ("media",),
    "typer": ("cli",),
    "rich": ("cli",),
    "huggingface_hub": ("weights",),
    "tokenizers": ("weights",),
    "ray": ("batch",),
    "PIL": ("train",),
    "click": (),
}
TORCHLESS = ("media", "output", "batch", "cli", *ROWS[0])  # torch may be imported here inside a function at most
VAGUE = {"utils", "util", "common", "helpers", "helper", "misc", "shared"}


def part_of(path: Path) -> str:
    """The part of the house that a file belongs to: its folder in the package, or its own name."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported(tree: ast.AST, folder: tuple[str, ...]) -> list[str]:
    """Full names of everything that is imported, inside functions, too."""
    names: list[str] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = folder[: len(folder) - node.level + 1] if node.level else ()
            prefix = ".".join([*base, *([node.module] if node.module else [])])
            names += [f"{prefix}.{alias.name}" for alias in node.names]
    return names


def violations(part: str, source: str, folder: tuple[str, ...] = ("vamba_cli",)) -> list[str]:
    """What a file of this part imports although it may not."""
    tree = ast.parse(source)
    found = []
    for name in imported(tree, folder):
        root, *rest = name.split(".")
        other = rest[0] if rest else "__init__"
        other = other if other in LEVEL else "__init__"  # `from vamba_cli import __version__`
        allowed = other == part or LEVEL[other] < LEVEL[part] or (other in ROWS[0] and part in ROWS[0])
        if root == "vamba_cli" and not allowed:
            found.append(f"{part} imports {name}")
        if root in ONLY_IN and part not in ONLY_IN[root]:
            found.append(f"{part} imports {name}, which only {ONLY_IN[root] or 'nobody'} may")
    if part in TORCHLESS:
        # `if TYPE_CHECKING:` is not run, functions are run late: only plain statements of the module count
        top = ast.Module([node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)], [])
        found += [
            f"{part} imports {name} when it is loaded"
            for name in imported(top, folder)
            if name.split(".")[0] == "torch"
        ]
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_go_one_way(path: Path) -> None:
    folder = ("vamba_cli", *path.relative_to(PACKAGE).parent.parts)
    assert part_of(path) in LEVEL, f"{path} is in no part of the house: name its layer in ROWS"
    assert violations(part_of(path), path.read_text(encoding="utf-8"), folder) == []


def test_no_drawer_for_everything() -> None:
    names = [part for path in FILES for part in path.relative_to(PACKAGE).with_suffix("").parts]
    assert VAGUE.isdisjoint(names)


@pytest.mark.parametrize(
    ("part", "source"),
    [
        ("model", "from vamba_cli.weights.load import load_model"),
        ("model", "def f():\n    import vamba_cli.engine.store"),
        ("media", "from ..weights import registry"),
        ("engine", "from vamba_cli import api"),
        ("cli", "from vamba_cli.train import loop"),
        ("api", "import rich.console"),
        ("engine", "def f():\n    import av"),
        ("settings", "from vamba_cli.model.config import VambaConfig"),
        ("cli", "import torch"),
        ("cli", "import click"),
        ("tasks", "from tokenizers import Tokenizer"),
    ],
)
def test_the_test_can_fail(part: str, source: str) -> None:
    assert violations(part, source, ("vamba_cli", part))


@pytest.mark.parametrize(
    ("part", "source"),
    [
        ("cli", "from vamba_cli import api, __version__\nimport typer"),
        ("cli", "def f():\n    import torch"),
        ("engine", "import torch\nfrom vamba_cli.media.plan import plan_frames\nfrom . import events"),
        ("media", "import av\nfrom .info import VideoInfo"),
    ],
)
def test_the_test_can_pass(part: str, source: str) -> None:
    assert violations(part, source, ("vamba_cli", part)) == []
