"""Every operation that the network asks for has an implementation on every kind of device."""

import re
from pathlib import Path

import pytest
import torch

import vamba_cli
from vamba_cli.kernels import cpu, dispatch, plain

SOURCES = Path(vamba_cli.__file__).parent.rglob("*.py")
ASKED_FOR = sorted({name for file in SOURCES for name in re.findall(r"""\bpick\(\s*"(\w+)\"""", file.read_text())})


def test_operations_are_found_in_the_sources() -> None:
    assert {"scan", "rms_norm", "linear_parts"} <= set(ASKED_FOR)
    assert dispatch.ON_CPU | set(dispatch.FAST) <= {name for name in dir(plain) if not name.startswith("_")}


@pytest.mark.parametrize("name", ASKED_FOR)
def test_every_operation_has_an_implementation(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where kernels run, an operation without one takes the plain path."""
    if name in dispatch.ON_CPU:
        with torch.inference_mode():
            assert dispatch.pick(name, torch.zeros(1)) is getattr(cpu, name)
    monkeypatch.setattr(dispatch, "is_fast", lambda x: True)
    monkeypatch.setattr(dispatch, "_fast", lambda name: dispatch.FAST[name])
    expected = dispatch.FAST.get(name, getattr(plain, name))
    assert dispatch.pick(name, torch.zeros(1, dtype=torch.bfloat16)) == expected
