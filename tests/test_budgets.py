"""Sizes that keep the code readable: no function over 80 lines, no file over 400."""

import ast
from pathlib import Path

import pytest

from tests.paths import ROOT

LONGEST_FUNCTION, LONGEST_FILE = 80, 400
FILES = sorted((ROOT / "vamba_cli").rglob("*.py"))


def function_lines(source: str) -> dict[str, int]:
    """Lines of every function, from its `def` to its end; decorators do not count."""
    functions = (n for n in ast.walk(ast.parse(source)) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef))
    return {f"{node.name}:{node.lineno}": (node.end_lineno or node.lineno) - node.lineno + 1 for node in functions}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_sizes(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    too_long = {name: lines for name, lines in function_lines(source).items() if lines > LONGEST_FUNCTION}
    assert not too_long
    assert len(source.splitlines()) <= LONGEST_FILE


def test_the_test_can_fail() -> None:
    source = "def f():\n" + "    pass\n" * LONGEST_FUNCTION
    assert function_lines(source) == {"f:1": LONGEST_FUNCTION + 1}
