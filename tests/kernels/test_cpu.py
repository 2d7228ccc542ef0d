"""The operations for CPUs against the definitions in `plain.py`."""

import inspect
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from vamba_cli.engine.verify import relative_error
from vamba_cli.kernels import cpu, dispatch, plain
from vamba_cli.kernels.ssd import ssd_sequential
from vamba_cli.model.rope import patch_rotary

pytestmark = pytest.mark.parametrize(("dtype", "close"), [(torch.float64, 1e-12), (torch.float32, 2e-6)])


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed + sum(shape)), dtype=torch.float64)


@torch.no_grad()
def assert_equal(name: str, dtype: torch.dtype, close: float, *arguments: Any) -> None:
    given = [a.to(dtype) if isinstance(a, Tensor) else a for a in arguments]
    expected = getattr(plain, name)(*[a.clone() if isinstance(a, Tensor) else a for a in given])
    found = dispatch.pick(name, given[0])(*given)
    assert dispatch.pick(name, given[0]) is getattr(cpu, name)
    pairs = zip(found, expected, strict=True) if isinstance(found, tuple | list) else [(found, expected)]
    for ours, reference in pairs:
        assert ours.dtype == reference.dtype and ours.shape == reference.shape
        assert relative_error(ours, reference) <= close


def of_scan(length: int, strength: float) -> list[Tensor]:
    """Arguments of a scan, on slices of wider rows; a token decays by up to about `strength`."""
    heads, P, groups, N = 4, 16, 2, 12
    wide = random(2, length, heads * P + 2 * groups * N)
    x, B, C = wide.split([heads * P, groups * N, groups * N], -1)
    x, B, C = x.unflatten(-1, (heads, P)), B.unflatten(-1, (groups, N)), C.unflatten(-1, (groups, N))
    a_log = torch.linspace(-6, 0, heads, dtype=torch.float64) + torch.tensor(strength).log()
    return [x, random(2, length, heads), random(heads), a_log, B, C, random(heads, seed=1), random(2, heads, P, N)]


@pytest.mark.parametrize("length", [1, 5, 64, 130, 1100])
@pytest.mark.parametrize("strength", [0.1, 0.5, 2.0, 5.0, 30.0])
def test_scan(dtype: torch.dtype, close: float, length: int, strength: float) -> None:
    """Whether what fades in 64 tokens fits into one exponent, or only what fades in fewer, or not even that (30)."""
    assert_equal("scan", dtype, close, *of_scan(length, strength))


@torch.no_grad()
def test_a_scan_takes_shorter_blocks_before_it_gives_up(
    dtype: torch.dtype, close: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    given_up: list[None] = []
    monkeypatch.setattr(plain, "scan", lambda *_: given_up.append(None))
    for strength, times in ((0.5, 0), (2.0, 0), (30.0, 1)):
        cpu.scan(*(a.to(dtype) for a in of_scan(130, strength)))
        assert len(given_up) == times
    monkeypatch.setattr(cpu, "_BLOCKS", (64,))
    cpu.scan(*(a.to(dtype) for a in of_scan(130, 2.0)))
    assert len(given_up) == 2


@torch.no_grad()
def test_a_scan_goes_on_after_it_gave_up(dtype: torch.dtype, close: float) -> None:
    """The state that the plain kernel leaves lies in another order in memory."""
    strong, weak = ([a.to(dtype) for a in of_scan(130, strength)] for strength in (30.0, 0.5))
    _, state = cpu.scan(*strong)
    assert not state.is_contiguous()
    weak[-1] = state
    for ours, reference in zip(cpu.scan(*weak), plain.scan(*weak), strict=True):
        assert relative_error(ours, reference) <= close


@torch.no_grad()
def test_scan_is_the_definition(dtype: torch.dtype, close: float) -> None:
    x, dt, bias, a_log, B, C, D, state = (a.to(dtype) for a in of_scan(200, 0.5))
    step = F.softplus(dt + bias)
    y, after = ssd_sequential(x, step, -a_log.exp(), B, C, state)
    for ours, reference in zip(cpu.scan(x, dt, bias, a_log, B, C, D, state), (y + D[:, None] * x, after), strict=True):
        assert relative_error(ours, reference) <= 5 * close


def test_all_others(dtype: torch.dtype, close: float) -> None:
    x, weight = random(2, 30, 24), random(40, 24)
    assert_equal(
        "conv_silu", dtype, close, random(2, 50, 60)[..., 8:32], random(2, 24, 3), random(24, 1, 4), random(24)
    )
    assert_equal("gated_rms_norm", dtype, close, x, random(2, 30, 24, seed=1), random(24), 3, 1e-5)
    assert_equal("linear_parts", dtype, close, x, weight, (24, 13, 3))
    assert_equal("linear_quick_gelu", dtype, close, x, weight, random(40))
    assert_equal("rms_norm", dtype, close, x, random(24), 1e-5)
    table = patch_rotary(4, 6, 32, 2, torch.device("cpu"), torch.float64)
    assert_equal("rotate_patches", dtype, close, random(3, 24, 3, 2, 32), table.cos, table.sin)
    assert_equal("qkv_patches", dtype, close, x[:, :24], random(192, 24), random(192), 2, table)


def test_only_inference_takes_them(dtype: torch.dtype, close: float) -> None:
    x = random(3, 24).to(dtype)
    assert {name for name, _ in inspect.getmembers(cpu, inspect.isfunction) if name[0] != "_"} == dispatch.ON_CPU
    for name in dispatch.ON_CPU:
        assert dispatch.pick(name, x) is getattr(plain, name)  # a gradient may be wanted
        with torch.inference_mode():
            assert dispatch.pick(name, x.bfloat16()) is getattr(plain, name)
            with dispatch.only_plain():
                assert dispatch.pick(name, x) is getattr(plain, name)
