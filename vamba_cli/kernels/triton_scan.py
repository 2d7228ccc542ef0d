"""The Mamba-2 recurrence on GPUs: one kernel walks the blocks of a head with the state in registers.

The equations are those of `ssd.ssd`. Products run on tensor cores in the dtype of x, sums, decays and the state
in float32. With few heads for many processors the sequence is cut into segments: a first launch computes what each
segment leaves behind when it starts empty, a second one starts every segment from the sum of those before it.
"""

# mypy: disable-error-code="no-untyped-def, untyped-decorator"

import torch
import triton
import triton.language as tl
from torch import Tensor

from vamba_cli.kernels.processors import num_processors

BLOCK, WARPS, STAGES = 64, 4, 2  # tokens per block; as measured on an H100


@triton.jit
def _steps(
    dt_ptr, dt_bias_ptr, a_log_ptr, step_ptr, log_decay_ptr, length, padded, dt_batch, dt_row, heads,
    Q: tl.constexpr, BH: tl.constexpr,
):  # fmt: skip
    """Step sizes after bias and softplus, and log2 of the decay since the block began: (batch, heads, padded)."""
    batch = tl.program_id(1).to(tl.int64)
    token = (tl.program_id(0) * Q + tl.arange(0, Q)).to(tl.int64)[:, None]
    head = tl.program_id(2) * BH + tl.arange(0, BH)[None, :]
    valid = (token < length) & (head < heads)
    dt = tl.load(dt_ptr + batch * dt_batch + token * dt_row + head, valid, 0.0).to(tl.float32)
    dt += tl.load(dt_bias_ptr + head, head < heads, 0.0).to(tl.float32)
    dt = tl.where(dt > 20.0, dt, tl.log(1.0 + tl.exp(tl.minimum(dt, 20.0))))  # softplus
    dt = tl.where(valid, dt, 0.0)
    rate = -1.4426950408889634 * tl.exp(tl.load(a_log_ptr + head, head < heads, 0.0).to(tl.float32))
    place = (batch * heads + head) * padded + token
    tl.store(step_ptr + place, dt, head < heads)
    tl.store(log_decay_ptr + place, tl.cumsum(dt * rate, 0), head < heads)


@triton.jit
def _scan(  # noqa: PLR0915 - one kernel, so that the state stays in registers
    x_ptr, step_ptr, log_decay_ptr, b_ptr, c_ptr, d_ptr, start_ptr, left_ptr, decay_ptr, y_ptr, end_ptr,
    length, padded, x_batch, x_row, b_batch, b_row, c_batch, c_row,
    heads, per_group, num_segments, segment_blocks,
    P: tl.constexpr, BP: tl.constexpr, N: tl.constexpr, BN: tl.constexpr, Q: tl.constexpr,
    WRITES: tl.constexpr, PRECISION: tl.constexpr,
):  # fmt: skip
    """One head (and BP of its P channels) over one segment; WRITES: outputs, else only what the segment leaves."""
    parts: tl.constexpr = (P + BP - 1) // BP
    head, segment, batch = tl.program_id(0) // parts, tl.program_id(1), tl.program_id(2).to(tl.int64)
    q = tl.arange(0, Q)
    p = tl.program_id(0) % parts * BP + tl.arange(0, BP)
    n = tl.arange(0, BN)
    in_p, in_n = p < P, n < N
    cell = p[None, :] * N + n[:, None]  # a state is (P, N) in memory and (N, P) in registers
    in_cell = in_n[:, None] & in_p[None, :]
    row = batch * heads + head
    state = tl.zeros((BN, BP), tl.float32)
    if WRITES:
        state = tl.load(start_ptr + row * P * N + cell, in_cell, 0.0)
        for before in range(segment):
            place = (row * num_segments + before).to(tl.int64)
            left = tl.load(left_ptr + place * P * N + cell, in_cell, 0.0)
            state = state * tl.load(decay_ptr + place) + left
    skip = tl.load(d_ptr + head).to(tl.float32)
    group = head // per_group
    x_ptr += batch * x_batch + head * P + p[None, :]
    b_ptr += batch * b_batch + group * N
    c_ptr += batch * c_batch + group * N
    y_ptr += batch * length * heads * P + head * P + p[None, :]
    step_ptr += row * padded
    log_decay_ptr += row * padded
    segment_decay = 0.0
    first = segment * segment_blocks
    last = tl.minimum(first + segment_blocks, padded // Q)
    next_dt, next_log_decay = tl.load(step_ptr + first * Q + q), tl.load(log_decay_ptr + first * Q + q)
    next_whole = tl.load(log_decay_ptr + first * Q + Q - 1)
    for block in range(first, last):
        dt, log_decay, whole = next_dt, next_log_decay, next_whole
        ahead = tl.minimum(block + 1, last - 1) * Q  # fetched a block early: the loads hide behind the products
        next_dt, next_log_decay = tl.load(step_ptr + ahead + q), tl.load(log_decay_ptr + ahead + q)
        next_whole = tl.load(log_decay_ptr + ahead + Q - 1)
        token = (block * Q + q).to(tl.int64)
        valid = token < length
        x = tl.load(x_ptr + token[:, None] * x_row, valid[:, None] & in_p[None, :], 0.0)
        b = tl.load(b_ptr + token[None, :] * b_row + n[:, None], in_n[:, None] & valid[None, :], 0.0)  # (N, Q)
        if WRITES:
            c = tl.load(c_ptr + token[:, None] * c_row + n[None, :], valid[:, None] & in_n[None, :], 0.0)
            y = tl.dot(c, state.to(c.dtype), input_precision=PRECISION) * tl.exp2(log_decay)[:, None]
            y += skip * x.to(tl.float32)
        inflow = (x * (dt * tl.exp2(whole - log_decay))[:, None]).to(x.dtype)
        state = tl.dot(b, inflow, state * tl.exp2(whole), input_precision=PRECISION)
        if WRITES:
            between = tl.where(q[:, None] >= q[None, :], log_decay[:, None] - log_decay[None, :], float("-inf"))
            scores = tl.dot(c, b, input_precision=PRECISION) * (tl.exp2(between) * dt[None, :])
            y = tl.dot(scores.to(x.dtype), x, y, input_precision=PRECISION)
            tl.store(y_ptr + token[:, None] * heads * P, y, valid[:, None] & in_p[None, :])
        segment_decay += whole
    if WRITES:
        if segment == num_segments - 1:
            tl.store(end_ptr + row * P * N + cell, state, in_cell)
    else:
        place = (row * num_segments + segment).to(tl.int64)
        tl.store(left_ptr + place * P * N + cell, state, in_cell)
        tl.store(decay_ptr + place, tl.exp2(segment_decay))


def num_segments(programs: int, blocks: int, processors: int) -> int:
    """Segments for which every processor has about two programs; short ones are not worth their second pass."""
    return max(1, min(2 * processors // programs, blocks // 8))


def scan(
    x: Tensor, dt: Tensor, dt_bias: Tensor, a_log: Tensor, B: Tensor, C: Tensor, D: Tensor, state: Tensor
) -> tuple[Tensor, Tensor]:
    """`plain.scan` for 16-bit inputs with a float32 state; x, dt, B and C may be slices of wider rows."""
    batch, length, heads, P = x.shape
    groups, N = B.shape[2:]
    y = torch.empty(batch, length, heads, P, device=x.device, dtype=x.dtype)
    end = torch.empty_like(state)
    blocks = triton.cdiv(length, BLOCK)
    segments = num_segments(batch * heads, blocks, num_processors(x.device))
    segments = triton.cdiv(blocks, triton.cdiv(blocks, segments))  # none is empty
    left = torch.empty(batch, heads, segments, P, N, device=x.device, dtype=torch.float32)
    decay = torch.empty(batch, heads, segments, device=x.device, dtype=torch.float32)
    step = torch.empty(batch, heads, blocks * BLOCK, device=x.device, dtype=torch.float32)
    log_decay = torch.empty_like(step)
    _steps[(blocks, batch, triton.cdiv(heads, 16))](
        dt, dt_bias, a_log, step, log_decay, length, blocks * BLOCK, *dt.stride()[:2], heads, BLOCK, 16
    )
    BP, BN = max(16, triton.next_power_of_2(P)), max(16, triton.next_power_of_2(N))
    for writes in (False, True):
        programs = segments if writes else segments - 1  # nobody starts from what the last segment leaves
        if programs:
            _scan[(heads * triton.cdiv(P, BP), programs, batch)](
                x, step, log_decay, B, C, D, state.contiguous(), left, decay, y, end,
                length, blocks * BLOCK, *x.stride()[:2], *B.stride()[:2], *C.stride()[:2],
                heads, heads // groups, segments, triton.cdiv(blocks, segments),
                P, BP, N, BN, BLOCK, writes, "ieee" if x.dtype == torch.float32 else "tf32",
                num_warps=WARPS, num_stages=STAGES,
            )  # fmt: skip
    return y, end
