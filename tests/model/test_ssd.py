"""The blocked scan against its sequential definition."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from vamba_cli.kernels.ssd import ssd, ssd_sequential


def inputs(length: int, seed: int, dtype: torch.dtype) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]:
    g = torch.Generator().manual_seed(seed)

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=g, dtype=dtype)

    x, dt = normal(2, length, 6, 5), torch.rand(2, length, 6, generator=g, dtype=dtype)
    A = -torch.rand(6, generator=g, dtype=dtype)
    return x, dt, A, normal(2, length, 3, 7), normal(2, length, 3, 7), normal(2, 6, 5, 7)


@settings(deadline=None, max_examples=40)
@given(length=st.integers(1, 90), block=st.sampled_from([1, 3, 16, 64]), seed=st.integers(0, 99))
def test_blocks_equal_the_definition(length: int, block: int, seed: int) -> None:
    arguments = inputs(length, seed, torch.float64)
    torch.testing.assert_close(ssd(*arguments, block=block), ssd_sequential(*arguments), rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_low_precision_inputs_keep_a_float32_state(dtype: torch.dtype) -> None:
    x, dt, A, B, C, state = inputs(70, 1, torch.float32)
    y, after = ssd(x.to(dtype), dt, A, B.to(dtype), C.to(dtype), state)
    assert y.dtype == after.dtype == torch.float32
    exact, _ = ssd_sequential(x.to(dtype).double(), dt, A, B.to(dtype), C.to(dtype), state.double())
    assert float((y - exact).norm() / exact.norm()) < 1e-5


def test_forgetting_the_state_is_seen() -> None:
    x, dt, A, B, C, state = inputs(40, 2, torch.float64)
    with_state, without = ssd(x, dt, A, B, C, state)[0], ssd(x, dt, A, B, C, torch.zeros_like(state))[0]
    assert float((with_state - without).norm() / with_state.norm()) > 1e-3
