"""State space duality: the Mamba-2 recurrence as matrix products over blocks (Dao & Gu, arXiv 2405.21060, section 6).

Per head, with decay a_t = exp(dt_t A) (a number), input dt_t B_t x_t^T and read-out C_t:

    h_t = a_t h_{t-1} + dt_t x_t B_t^T        h: (head_dim P, d_state N)
    y_t = h_t C_t

Inside a block of Q tokens this is a masked Q x Q matrix product; between blocks only h travels. The split into
blocks (and into calls) does not change the result.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

_MOST_BLOCKS = 64  # at once: the work over blocks grows with their square


def ssd(
    x: Tensor, dt: Tensor, A: Tensor, B: Tensor, C: Tensor, state: Tensor, block: int = 64
) -> tuple[Tensor, Tensor]:
    """Run the recurrence over any number of tokens.

    Args:
        x: (batch, length, heads, P) inputs.
        dt: (batch, length, heads) step sizes, after softplus.
        A: (heads,) negative decay rates.
        B, C: (batch, length, groups, N); head i uses group i // (heads / groups).
        state: (batch, heads, P, N) the state before the first token.
        block: tokens per block (Q): a matter of speed alone.

    Returns:
        y (batch, length, heads, P) and the state after the last token, both in the state's dtype.
    """
    batch, length, heads, P = x.shape
    if length > _MOST_BLOCKS * block:
        outputs = []
        for first in range(0, length, _MOST_BLOCKS * block):
            part = slice(first, first + _MOST_BLOCKS * block)
            y, state = ssd(x[:, part], dt[:, part], A, B[:, part], C[:, part], state, block)
            outputs.append(y)
        return torch.cat(outputs, 1), state
    groups, N = B.shape[2:]
    per_group = heads // groups
    pad = -length % block
    if pad:  # dt = 0 neither decays the state nor adds to it, so padding is exact
        x, dt, B, C = (F.pad(v, (0, 0) * (v.ndim - 2) + (0, pad)) for v in (x, dt, B, C))
    blocks = (length + pad) // block
    x, dt, B, C = (v.to(state.dtype) for v in (x, dt, B, C))
    # g: group, r: head within the group, q: token that reads, k: token that is read
    xdt = (x * dt[..., None]).reshape(batch, blocks, block, groups, per_group, P)
    log_a = (dt * A).reshape(batch, blocks, block, groups, per_group).permute(0, 1, 3, 4, 2)  # b n g r q
    B = B.reshape(batch, blocks, block, groups, N)
    C = C.reshape(batch, blocks, block, groups, N)
    log_decay = log_a.cumsum(-1)  # from the block's start up to and including each token

    # Within blocks: y_q += sum_{k<=q} (C_q . B_k) exp(decay from k to q) dt_k x_k
    causal = torch.ones(block, block, dtype=torch.bool, device=x.device).tril()
    between = (log_decay[..., :, None] - log_decay[..., None, :]).masked_fill(~causal, -torch.inf)
    scores = torch.einsum("bnqgs,bnkgs->bngqk", C, B)[:, :, :, None] * between.exp()  # b n g r q k
    y = torch.einsum("bngrqk,bnkgrp->bnqgrp", scores, xdt)

    # What each block leaves behind, then the same recurrence over blocks, as one product
    to_end = (log_decay[..., -1:] - log_decay).exp()  # b n g r q
    left = torch.einsum("bngrq,bnqgs,bnqgrp->bngrps", to_end, B, xdt)
    left = torch.cat((state.reshape(batch, 1, groups, per_group, P, N), left), 1)
    h = torch.einsum("bgrij,bjgrps->bigrps", _decay_between(log_decay[..., -1]), left)  # before each block, and last
    y = y + torch.einsum("bnqgs,bngrps,bngrq->bnqgrp", C, h[:, :-1], log_decay.exp())
    return y.reshape(batch, blocks * block, heads, P)[:, :length], h[:, -1].reshape(batch, heads, P, N)


def _decay_between(log_decay: Tensor) -> Tensor:
    """How much of what was left before block j is still there before block i: (b, g, r, i, j), zero where j > i.

    Args:
        log_decay: (b, n, g, r) of each of n blocks; i and j count from 0 to n.

    Each sum is taken by itself: differences of a running sum lose the small ones behind large ones.
    """
    log_decay = F.pad(log_decay.permute(0, 2, 3, 1), (1, 0))  # b g r n+1
    size = log_decay.shape[-1]
    later = torch.ones(size, size, dtype=torch.bool, device=log_decay.device).tril()
    rows = log_decay[..., None].expand(*log_decay.shape, size).masked_fill(~later.tril(-1), 0)
    return rows.cumsum(-2).masked_fill(~later, -torch.inf).exp()


def ssd_sequential(x: Tensor, dt: Tensor, A: Tensor, B: Tensor, C: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
    """The definition, token by token: what `ssd` must equal. Same arguments and results; slow."""
    per_group = x.shape[2] // B.shape[2]
    B = B.repeat_interleave(per_group, dim=2).to(state.dtype)  # (batch, length, heads, N)
    C = C.repeat_interleave(per_group, dim=2).to(state.dtype)
    outputs = []
    for t in range(x.shape[1]):
        decay = torch.exp(dt[:, t].to(state.dtype) * A)[..., None, None]
        inflow = (dt[:, t, :, None] * x[:, t]).to(state.dtype)[..., None] * B[:, t, :, None, :]
        state = decay * state + inflow
        outputs.append((state * C[:, t, :, None, :]).sum(-1))
    return torch.stack(outputs, 1), state
