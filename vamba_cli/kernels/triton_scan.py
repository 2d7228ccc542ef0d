"""The Mamba-2 recurrence on GPUs: one kernel walks the blocks of a head with the state in registers.

The equations are those of `ssd.ssd`. Products run on tensor cores in the dtype of x, sums, decays and the state
in float32. Tiles are transposed, (channels, tokens) and (channels, N): so the state and what flows into it are
accumulators or left factors, which stay in registers, and only scores pass through shared memory. With few heads for
many processors the sequence is cut into segments: a first pass computes what pieces of a segment leave behind when they
start empty, a second one starts every segment from the sum of the pieces before it.
"""

# mypy: disable-error-code="no-untyped-def, untyped-decorator"

import torch
import triton
import triton.language as tl
from torch import Tensor
from triton.tools.tensor_descriptor import TensorDescriptor

from vamba_cli.kernels import plain
from vamba_cli.kernels.processors import copies_tiles, num_processors
from vamba_cli.kernels.triton_math import LOG2_E, input_precision

BLOCK, WARPS, STAGES = 64, 4, 2  # tokens per block; as measured on an H200
_SIDES = {16, 32, 64, 128}  # of a head's state: what tiles can have


@triton.jit
def _factors(
    dt_ptr, dt_bias_ptr, a_log_ptr, tokens_ptr, whole_ptr, length, padded, dt_batch, dt_row, heads,
    Q: tl.constexpr, BH: tl.constexpr,
):  # fmt: skip
    """What of the recurrence depends on dt alone.

    tokens (4, batch, heads, padded): the step size after bias and softplus; log2 of the decay since the block began;
    that decay; the factor with which a token enters the state at the end of its block.
    whole (batch, heads, blocks): log2 of the decay over a block.
    """
    block, batch = tl.program_id(0), tl.program_id(1).to(tl.int64)
    token = (block * Q + tl.arange(0, Q)).to(tl.int64)[:, None]
    head = tl.program_id(2) * BH + tl.arange(0, BH)[None, :]
    known = head < heads
    valid = (token < length) & known
    dt = tl.load(dt_ptr + batch * dt_batch + token * dt_row + head, valid, 0.0).to(tl.float32)
    dt += tl.load(dt_bias_ptr + head, known, 0.0).to(tl.float32)
    dt = tl.where(dt > 20.0, dt, tl.log(1.0 + tl.exp(tl.minimum(dt, 20.0))))  # softplus
    dt = tl.where(valid, dt, 0.0)
    rate = -LOG2_E * tl.exp(tl.load(a_log_ptr + head, known, 0.0).to(tl.float32))
    log_decay = tl.cumsum(dt * rate, 0)
    whole = tl.sum(tl.where(tl.arange(0, Q)[:, None] == Q - 1, log_decay, 0.0), 0)[None, :]
    numbers = tl.num_programs(1).to(tl.int64) * heads * padded
    place = tokens_ptr + (batch * heads + head) * padded + token
    tl.store(place, dt, known)
    tl.store(place + numbers, log_decay, known)
    tl.store(place + 2 * numbers, tl.exp2(log_decay), known)
    tl.store(place + 3 * numbers, dt * tl.exp2(whole - log_decay), known)
    tl.store(whole_ptr + (batch * heads + head) * (padded // Q) + block, whole, known)


@triton.jit
def _tile(source, batch, first, column, length, batch_step, row_step, Q: tl.constexpr, W: tl.constexpr,
          COPIES: tl.constexpr):  # fmt: skip
    """(Q, W) numbers of a (batch, length, width) tensor; COPIES: `source` describes it for hardware, else points to it.

    What is behind the end is 0.
    """
    if COPIES:
        tile = source.load([batch, first, column]).reshape(Q, W)
    else:
        row = (first + tl.arange(0, Q)).to(tl.int64)
        place = batch.to(tl.int64) * batch_step + row[:, None] * row_step + column + tl.arange(0, W)[None, :]
        tile = tl.load(source + place, (row < length)[:, None], 0.0)
    return tile


@triton.jit
def _leave(
    x, b, tokens_ptr, whole_ptr, left_ptr, decay_ptr,
    length, padded, x_batch, x_row, b_batch, b_row, heads, per_group, piece_blocks,
    P: tl.constexpr, N: tl.constexpr, Q: tl.constexpr, COPIES: tl.constexpr, PRECISION: tl.constexpr,
):  # fmt: skip
    """What a piece of the sequence leaves behind of one head when it starts empty, and how much it lets through."""
    piece, head, batch = tl.program_id(0), tl.program_id(1), tl.program_id(2)
    row = batch.to(tl.int64) * heads + head
    state = tl.zeros((P, N), tl.float32)
    decay = 0.0
    enters_ptr = tokens_ptr + (3 * tl.num_programs(2).to(tl.int64) * heads + row) * padded + tl.arange(0, Q)
    whole_ptr += row * (padded // Q)
    begin, end = piece * piece_blocks, (piece + 1) * piece_blocks
    next_whole = tl.load(whole_ptr + begin)
    for block in range(begin, end):
        whole = next_whole
        next_whole = tl.load(whole_ptr + tl.minimum(block + 1, end - 1))  # a block early: hidden behind the product
        values = _tile(x, batch, block * Q, head * P, length, x_batch, x_row, Q, P, COPIES).T
        inflow = (values * tl.load(enters_ptr + block * Q)[None, :]).to(values.dtype)
        inputs = _tile(b, batch, block * Q, head // per_group * N, length, b_batch, b_row, Q, N, COPIES)
        state = tl.dot(inflow, inputs, state * tl.exp2(whole), input_precision=PRECISION)
        decay += whole
    place = row * tl.num_programs(0) + piece
    cell = tl.arange(0, P)[:, None] * N + tl.arange(0, N)[None, :]
    tl.store(left_ptr + place * P * N + cell, state)
    tl.store(decay_ptr + place, tl.exp2(decay))


@triton.jit
def _scan(
    x, b, c, y, tokens_ptr, whole_ptr, d_ptr, start_ptr, left_ptr, decay_ptr, end_ptr,
    length, padded, x_batch, x_row, b_batch, b_row, c_batch, c_row,
    heads, per_group, segment_blocks, pieces, segment_pieces,
    P: tl.constexpr, N: tl.constexpr, Q: tl.constexpr, COPIES: tl.constexpr, PRECISION: tl.constexpr,
):  # fmt: skip
    """Outputs of one head over one segment, and the state behind the last one."""
    segment, head, z = tl.program_id(0), tl.program_id(1), tl.program_id(2)
    batch = z.to(tl.int64)
    row = batch * heads + head
    group = head // per_group
    q = tl.arange(0, Q)
    cell = tl.arange(0, P)[:, None] * N + tl.arange(0, N)[None, :]
    state = tl.load(start_ptr + row * P * N + cell)
    for piece in range(segment * segment_pieces):
        place = row * pieces + piece
        state = state * tl.load(decay_ptr + place) + tl.load(left_ptr + place * P * N + cell)
    skip = tl.load(d_ptr + head).to(tl.float32)
    blocks = padded // Q
    numbers = tl.num_programs(2).to(tl.int64) * heads * padded
    step_ptr = tokens_ptr + row * padded + q
    log_ptr, reach_ptr, enters_ptr = step_ptr + numbers, step_ptr + 2 * numbers, step_ptr + 3 * numbers
    whole_ptr += row * blocks
    earlier = q[:, None] <= q[None, :]  # of a score's two tokens the row's, which is read, than the column's
    begin, end = segment * segment_blocks, tl.minimum((segment + 1) * segment_blocks, blocks)
    next_step, next_log = tl.load(step_ptr + begin * Q), tl.load(log_ptr + begin * Q)
    next_whole = tl.load(whole_ptr + begin)
    for block in range(begin, end):
        first = block * Q
        reach = tl.load(reach_ptr + first)
        step, log, whole = next_step, next_log, next_whole
        ahead = tl.minimum(block + 1, end - 1)  # fetched a block early: the loads hide behind the products
        next_step, next_log = tl.load(step_ptr + ahead * Q), tl.load(log_ptr + ahead * Q)
        next_whole = tl.load(whole_ptr + ahead)
        outputs = _tile(c, z, first, group * N, length, c_batch, c_row, Q, N, COPIES)
        inputs = _tile(b, z, first, group * N, length, b_batch, b_row, Q, N, COPIES)
        values = _tile(x, z, first, head * P, length, x_batch, x_row, Q, P, COPIES)
        scores = tl.dot(inputs, outputs.T, input_precision=PRECISION)
        decays = tl.exp2(tl.where(earlier, log[None, :] - log[:, None], float("-inf")))
        scores = (scores * (decays * step[:, None])).to(values.dtype)
        out = tl.dot(state.to(values.dtype), outputs.T, input_precision=PRECISION)
        out = out * reach[None, :] + skip * values.T.to(tl.float32)
        out = tl.dot(values.T, scores, out, input_precision=PRECISION)
        if COPIES:
            y.store([z, first, head * P], out.to(values.dtype).T.reshape(1, Q, P))
        else:
            token = (first + q).to(tl.int64)[:, None]
            place = y + ((batch * length + token) * heads + head) * P + tl.arange(0, P)[None, :]
            tl.store(place, out.T, token < length)
        inflow = (values.T * tl.load(enters_ptr + first)[None, :]).to(values.dtype)
        state *= tl.exp2(whole)
        state = tl.dot(inflow, inputs, state, input_precision=PRECISION)
    if segment == tl.num_programs(0) - 1:
        tl.store(end_ptr + row * P * N + cell, state)


def partition(programs: int, blocks: int, processors: int) -> tuple[int, int, int]:
    """Segments, the pieces of each in the first pass, and the blocks of a piece; the last one may be shorter.

    So many that every processor has about two programs, four in the first pass: its are smaller. Short segments are not
    worth a first pass.
    """
    segments = max(1, min(2 * processors // programs, blocks // 8))
    most = triton.cdiv(blocks, segments)  # blocks of a segment
    pieces = max(1, min(4 * processors // max(1, programs * (segments - 1)), most))
    piece_blocks = triton.cdiv(most, pieces)
    pieces = triton.cdiv(most, piece_blocks)
    return triton.cdiv(blocks, pieces * piece_blocks), pieces, piece_blocks


def _tiles(tensor: Tensor) -> TensorDescriptor:
    """BLOCK tokens of one head or group of (batch, length, heads, width), whose last two axes are one row."""
    batch, length, heads, width = tensor.shape
    strides = [tensor.stride(0) if batch > 1 else length * tensor.stride(1), tensor.stride(1), 1]
    return TensorDescriptor(tensor, [batch, length, heads * width], strides, [1, BLOCK, width])


def _can_be_copied(tensor: Tensor) -> bool:
    """Whether hardware can copy tiles of it: 16 bytes at a time."""
    if not copies_tiles(tensor.device):
        return False
    strides = (tensor.stride(1), *([tensor.stride(0)] if tensor.shape[0] > 1 else []))
    return all(number % 16 == 0 for number in (tensor.data_ptr(), *(s * tensor.element_size() for s in strides)))


def scan(
    x: Tensor, dt: Tensor, dt_bias: Tensor, a_log: Tensor, B: Tensor, C: Tensor, D: Tensor, state: Tensor
) -> tuple[Tensor, Tensor]:
    """`plain.scan` for 16-bit inputs with a float32 state; x, dt, B and C may be slices of wider rows."""
    batch, length, heads, P = x.shape
    groups, N = B.shape[2:]
    if not {P, N} <= _SIDES or any(part.stride()[2:] != (part.shape[3], 1) for part in (x, B, C)):
        y, end = plain.scan(x, dt, dt_bias, a_log, B, C, D, state)
        return y.to(x.dtype), end
    blocks = triton.cdiv(length, BLOCK)
    segments, segment_pieces, piece_blocks = partition(batch * heads, blocks, num_processors(x.device))
    pieces = (segments - 1) * segment_pieces  # nobody starts from what the last segment leaves

    def numbers(*shape: int) -> Tensor:
        return torch.empty(shape, device=x.device, dtype=torch.float32)

    tokens, whole = numbers(4, batch, heads, blocks * BLOCK), numbers(batch, heads, blocks)
    left, decay = numbers(batch, heads, pieces, P, N), numbers(batch, heads, pieces)
    y, end = torch.empty(x.shape, device=x.device, dtype=x.dtype), torch.empty_like(state)
    copies = all(map(_can_be_copied, (x, B, C, y)))
    values, inputs, outputs, written = map(_tiles, (x, B, C, y)) if copies else (x, B, C, y)
    steps = [part.stride()[:2] for part in (x, B, C)]
    precision = input_precision(x.dtype)
    _factors[(blocks, batch, triton.cdiv(heads, 16))](
        dt, dt_bias, a_log, tokens, whole, length, blocks * BLOCK, *dt.stride()[:2], heads, BLOCK, 16
    )
    if pieces:
        _leave[(pieces, heads, batch)](
            values, inputs, tokens, whole, left, decay,
            length, blocks * BLOCK, *steps[0], *steps[1], heads, heads // groups, piece_blocks,
            P, N, BLOCK, copies, precision, num_warps=WARPS, num_stages=STAGES,
        )  # fmt: skip
    _scan[(segments, heads, batch)](
        values, inputs, outputs, written, tokens, whole, D, state.contiguous(), left, decay, end,
        length, blocks * BLOCK, *steps[0], *steps[1], *steps[2],
        heads, heads // groups, segment_pieces * piece_blocks, pieces, segment_pieces,
        P, N, BLOCK, copies, precision, num_warps=WARPS, num_stages=STAGES,
    )  # fmt: skip
    return y, end
